//! Why the host did not perform a call, as the guest sees it. Mirrors
//! `wit/types.wit`.

use serde::{Deserialize, Serialize};
use wasmtime::component::{ComponentType, Lift, Lower};

/// Outside the grant, or denied by a rule.
#[derive(Clone, Debug, PartialEq, ComponentType, Lift, Lower, Serialize, Deserialize)]
#[component(record)]
pub(crate) struct Denial {
    pub(crate) reason: String,
    pub(crate) rule: Option<String>,
    pub(crate) hint: Option<String>,
}

/// A budget of the run is used up.
#[derive(Clone, Debug, PartialEq, ComponentType, Lift, Lower, Serialize, Deserialize)]
#[component(record)]
pub(crate) struct Limit {
    pub(crate) name: String,
    pub(crate) allowed: u64,
}

/// A person said no, or nobody said anything in time.
#[derive(Clone, Debug, PartialEq, ComponentType, Lift, Lower, Serialize, Deserialize)]
#[component(record)]
pub(crate) struct Rejection {
    pub(crate) reason: String,
}

/// Why the host did not perform a call.
#[derive(Clone, Debug, PartialEq, ComponentType, Lift, Lower, Serialize, Deserialize)]
#[component(variant)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Refusal {
    #[component(name = "denied")]
    Denied(Denial),
    #[component(name = "limited")]
    Limited(Limit),
    #[component(name = "rejected")]
    Rejected(Rejection),
}

impl Refusal {
    /// Not granted; `hint` says what an operator could add to the manifest.
    pub(crate) fn not_granted(reason: impl Into<String>, hint: impl Into<String>) -> Self {
        Self::Denied(Denial {
            reason: reason.into(),
            rule: None,
            hint: Some(hint.into()),
        })
    }

    /// Refused by the grant itself, with nothing an operator would want to add.
    pub(crate) fn outside(reason: impl Into<String>) -> Self {
        Self::Denied(Denial {
            reason: reason.into(),
            rule: None,
            hint: None,
        })
    }

    pub(crate) fn limited(name: &str, allowed: u64) -> Self {
        Self::Limited(Limit {
            name: name.to_owned(),
            allowed,
        })
    }

    pub(crate) fn rejected(reason: impl Into<String>) -> Self {
        Self::Rejected(Rejection {
            reason: reason.into(),
        })
    }
}

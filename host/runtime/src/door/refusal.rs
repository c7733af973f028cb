//! Why the host did not perform a call, as the guest sees it. Mirrors
//! `wit/types.wit`.

use serde::{Deserialize, Serialize};
use wasmtime::component::{ComponentType, Lift, Lower};

/// Outside the grant, or denied by a rule.
#[derive(Clone, Debug, PartialEq, ComponentType, Lift, Lower, Serialize, Deserialize)]
#[component(record)]
pub struct Denial {
    /// Why, for a person to read.
    pub reason: String,
    /// The rule that decided, where one did.
    pub rule: Option<String>,
    /// What to do next.
    pub hint: Option<String>,
}

/// A budget of the run is used up.
#[derive(Clone, Debug, PartialEq, ComponentType, Lift, Lower, Serialize, Deserialize)]
#[component(record)]
pub struct Limit {
    /// The limit's name in the manifest.
    pub name: String,
    /// What the manifest allows, in the limit's own unit.
    pub allowed: u64,
}

/// A person said no, or nobody said anything in time.
#[derive(Clone, Debug, PartialEq, ComponentType, Lift, Lower, Serialize, Deserialize)]
#[component(record)]
pub struct Rejection {
    /// Why, for a person to read.
    pub reason: String,
}

/// Why the host did not perform a call.
#[derive(Clone, Debug, PartialEq, ComponentType, Lift, Lower, Serialize, Deserialize)]
#[component(variant)]
#[serde(rename_all = "snake_case")]
pub enum Refusal {
    /// Outside the grant, or denied by a rule.
    #[component(name = "denied")]
    Denied(Denial),
    /// A budget of the run is used up.
    #[component(name = "limited")]
    Limited(Limit),
    /// A person said no, or nobody said anything in time.
    #[component(name = "rejected")]
    Rejected(Rejection),
}

impl Refusal {
    /// Not granted; `hint` says what an operator could add to the manifest.
    #[must_use]
    pub fn not_granted(reason: impl Into<String>, hint: impl Into<String>) -> Self {
        Self::Denied(Denial {
            reason: reason.into(),
            rule: None,
            hint: Some(hint.into()),
        })
    }

    /// Refused by the grant itself, with nothing an operator would want to add.
    #[must_use]
    pub fn outside(reason: impl Into<String>) -> Self {
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

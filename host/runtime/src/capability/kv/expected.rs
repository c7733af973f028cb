//! What a guest expects to be there when it writes.

use serde_json::{Value, json};
use wasmtime::component::{ComponentType, Lift, Lower};

#[derive(Clone, Debug, ComponentType, Lift, Lower)]
#[component(variant)]
pub(crate) enum GuestExpected {
    #[component(name = "anything")]
    Anything,
    #[component(name = "absent")]
    Absent,
    #[component(name = "version")]
    Version(String),
}

impl GuestExpected {
    pub(crate) fn json(&self) -> Value {
        match self {
            Self::Anything => json!("anything"),
            Self::Absent => json!("absent"),
            Self::Version(version) => json!({ "version": version }),
        }
    }

    /// Whether a thing of this version, or none, is as expected.
    pub(crate) fn holds(&self, version: Option<&str>) -> bool {
        match self {
            Self::Anything => true,
            Self::Absent => version.is_none(),
            Self::Version(expected) => version == Some(expected),
        }
    }
}

//! Small values that the host keeps for a connector, apart for every tenant and
//! connector. A store exists because the manifest names it.
//!
//! - `expected`: what a guest expects to be there, for files too.
//! - `key`: what a call names, judged by the manifest.
//! - `get`, `keys`, `set`, `delete`, `restore`: the operations.
//! - `change`: what every write does.

mod change;
mod delete;
mod expected;
mod get;
mod key;
mod keys;
mod restore;
mod set;

use serde::{Deserialize, Serialize};
use tollgate_store::{Rejected, StoreError};
use wasmtime::component::{ComponentType, Lift, Lower};

use crate::door::Refusal;

pub(crate) use delete::Delete;
pub(crate) use expected::GuestExpected;
pub(crate) use get::Get;
pub(crate) use keys::Keys;
pub(crate) use restore::Restore;
pub(crate) use set::Set;

const INTERFACE: &str = "tollgate:connector/kv@0.1.0";

#[derive(Clone, Debug, ComponentType, Lift, Lower, Serialize, Deserialize)]
#[component(variant)]
#[serde(rename_all = "snake_case")]
pub(crate) enum KvError {
    #[component(name = "refused")]
    Refused(Refusal),
    #[component(name = "conflict")]
    Conflict,
    #[component(name = "invalid")]
    Invalid(String),
    #[component(name = "full")]
    Full(u64),
}

impl From<StoreError> for KvError {
    fn from(error: StoreError) -> Self {
        match error.rejected() {
            Some(Rejected::VersionConflict { .. }) => Self::Conflict,
            Some(Rejected::QuotaReached { allowed, .. }) => Self::Full(*allowed),
            _ => Self::Refused(Refusal::outside(error.to_string())),
        }
    }
}

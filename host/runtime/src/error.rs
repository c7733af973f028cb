//! What can go wrong, in three kinds kept apart: what a face shows to a caller
//! ([`CallError`], [`DecideError`]), what stops an operator ([`HostError`],
//! [`InstallError`]), and what ends one execution inside ([`Ending`], [`Stop`]).

mod call;
mod decide;
mod ending;
mod operator;

use thiserror::Error;
use tollgate_journal::JournalError;
use tollgate_store::{Rejected, StoreError};

pub use call::CallError;
pub use decide::DecideError;
pub(crate) use ending::{Ending, Stop};
pub use operator::{AuthError, HostError, InstallError};

/// The journal could not be written or read. No record, no effect: the call
/// does not happen.
#[derive(Clone, Debug, Error)]
#[non_exhaustive]
pub enum JournalFault {
    /// The store refused or is not there.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// A record cannot be made or opened.
    #[error("a record cannot be made or opened: {0}")]
    Record(String),
}

impl JournalFault {
    /// The condition that did not hold, where that is the reason.
    pub(crate) fn rejected(&self) -> Option<&Rejected> {
        match self {
            Self::Store(error) => error.rejected(),
            Self::Record(_) => None,
        }
    }

    /// Whether it was kept is not known.
    fn is_unsettled(&self) -> bool {
        matches!(self, Self::Store(StoreError::Unsettled { .. }))
    }

    /// Another host has the run.
    pub(crate) fn is_lease_lost(&self) -> bool {
        matches!(self.rejected(), Some(Rejected::LeaseLost))
    }
}

impl From<JournalError> for JournalFault {
    fn from(error: JournalError) -> Self {
        Self::Record(error.to_string())
    }
}

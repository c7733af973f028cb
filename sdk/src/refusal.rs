//! Why the host did not perform a call. Nothing has been sent or changed when a
//! call is refused, so a tool may go on with something else.

use std::fmt;

use crate::bindings::tollgate::connector::types::Refusal as Wire;
#[doc(inline)]
pub use crate::bindings::tollgate::connector::types::{Denial, Limit, Rejection};

/// Why the host did not perform a call.
#[derive(Debug, Clone)]
pub enum Refusal {
    /// Not granted, or denied by a rule. Asking again does not help.
    Denied(Denial),
    /// A limit of this run is reached.
    Limited(Limit),
    /// An approver denied it, or the time to decide passed.
    Rejected(Rejection),
}

impl From<Wire> for Refusal {
    fn from(refusal: Wire) -> Self {
        match refusal {
            Wire::Denied(denial) => Self::Denied(denial),
            Wire::Limited(limit) => Self::Limited(limit),
            Wire::Rejected(rejection) => Self::Rejected(rejection),
        }
    }
}

impl fmt::Display for Refusal {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Denied(denial) => formatter.write_str(&denial.reason),
            Self::Limited(limit) => {
                write!(
                    formatter,
                    "the limit `{}` of this run, {}, is reached",
                    limit.name, limit.allowed
                )
            }
            Self::Rejected(rejection) => {
                write!(
                    formatter,
                    "an approver decided against this call: {}",
                    rejection.reason
                )
            }
        }
    }
}

impl std::error::Error for Refusal {}

/// An error of a capability, from the contract's form into the author's: the same
/// cases, with [`Refusal`] as one of them. For modules whose `wire::Error` is the
/// former and `Error` the latter; a case that is left out does not compile.
macro_rules! from_wire {
    ($($case:ident $(($value:ident))?),* $(,)?) => {
        impl From<wire::Error> for Error {
            fn from(error: wire::Error) -> Self {
                match error {
                    wire::Error::Refused(refusal) => Self::Refused(refusal.into()),
                    $(wire::Error::$case $(($value))? => Self::$case $(($value))?,)*
                }
            }
        }
    };
}

pub(crate) use from_wire;

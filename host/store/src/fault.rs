//! A failure below the store's own errors, and what the host can do about it. Only
//! what a database says, and what that means, differs from one to the other.

use std::path::PathBuf;
use std::sync::Arc;

use crate::{StoreError, Unavailable};

/// A failure before it knows where it happened.
#[derive(Debug)]
pub(crate) enum Fault {
    Sql(sqlx::Error),
    Store(StoreError),
}

impl From<sqlx::Error> for Fault {
    fn from(error: sqlx::Error) -> Self {
        Fault::Sql(error)
    }
}

impl From<StoreError> for Fault {
    fn from(error: StoreError) -> Self {
        Fault::Store(error)
    }
}

/// Values that cannot be bound are numbers or sizes out of range.
impl From<sqlx::error::BoxDynError> for Fault {
    fn from(error: sqlx::error::BoxDynError) -> Self {
        Fault::Sql(sqlx::Error::Encode(error))
    }
}

/// What a database's error means.
pub(crate) enum Judgement {
    Unavailable(Unavailable),
    Closed,
    Corrupt,
    Invalid,
    Location,
    Other,
}

/// Where something is kept, and by whom its errors are understood.
pub(crate) trait Judge {
    fn place(&self) -> PathBuf;
    fn judge(error: &sqlx::Error) -> Judgement;
}

impl<J: Judge> Judge for Arc<J> {
    fn place(&self) -> PathBuf {
        self.as_ref().place()
    }

    fn judge(error: &sqlx::Error) -> Judgement {
        J::judge(error)
    }
}

impl Fault {
    pub(crate) fn corrupt(what: impl Into<String>) -> Self {
        Fault::Store(StoreError::corrupt(what))
    }

    pub(crate) fn at<J: Judge>(self, judge: &J) -> StoreError {
        let error = match self {
            Fault::Store(error) => return error,
            Fault::Sql(error) => error,
        };
        match J::judge(&error) {
            Judgement::Unavailable(why) => StoreError::Unavailable {
                why,
                path: judge.place(),
                source: Some(Arc::new(error)),
            },
            Judgement::Closed => StoreError::Closed,
            Judgement::Corrupt => StoreError::corrupt(error.to_string()),
            Judgement::Location => StoreError::Location(error.to_string()),
            Judgement::Invalid => StoreError::Invalid(error.to_string()),
            Judgement::Other => StoreError::Database(Arc::new(error)),
        }
    }
}

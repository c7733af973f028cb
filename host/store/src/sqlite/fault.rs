//! From what SQLite says to what the host can do about it.

use std::sync::Arc;

use super::connect::Place;
use crate::{StoreError, Unavailable};

/// A failure below the store's own errors, before it knows its file.
#[derive(Debug)]
pub(super) enum Fault {
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

impl Fault {
    pub(super) fn corrupt(what: impl Into<String>) -> Self {
        Fault::Store(StoreError::corrupt(what))
    }

    pub(super) fn at(self, place: &Place) -> StoreError {
        let error = match self {
            Fault::Store(error) => return error,
            Fault::Sql(error) => error,
        };
        let path = place.path().to_owned();
        match judge(&error) {
            Judgement::Unavailable(why) => StoreError::Unavailable {
                why,
                path,
                source: Some(Arc::new(error)),
            },
            Judgement::Closed => StoreError::Closed,
            Judgement::Corrupt => StoreError::corrupt(error.to_string()),
            Judgement::Other => StoreError::Database(Arc::new(error)),
        }
    }
}

enum Judgement {
    Unavailable(Unavailable),
    Closed,
    Corrupt,
    Other,
}

fn judge(error: &sqlx::Error) -> Judgement {
    match error {
        sqlx::Error::Database(database) => match result_code(database.code().as_deref()) {
            5 | 6 => Judgement::Unavailable(Unavailable::Busy),
            8 => Judgement::Unavailable(Unavailable::ReadOnly),
            10 | 14 => Judgement::Unavailable(Unavailable::Io),
            11 | 26 => Judgement::Corrupt,
            13 => Judgement::Unavailable(Unavailable::Full),
            _ => Judgement::Other,
        },
        sqlx::Error::PoolClosed => Judgement::Closed,
        sqlx::Error::PoolTimedOut => Judgement::Unavailable(Unavailable::Busy),
        sqlx::Error::Io(_) | sqlx::Error::WorkerCrashed => Judgement::Unavailable(Unavailable::Io),
        sqlx::Error::ColumnDecode { .. } | sqlx::Error::Decode(_) => Judgement::Corrupt,
        _ => Judgement::Other,
    }
}

/// SQLite's primary result code: the low byte of the extended one.
fn result_code(code: Option<&str>) -> i32 {
    code.and_then(|text| text.parse::<i32>().ok())
        .map_or(1, |code| code & 0xff)
}

pub(super) fn is_unique_violation(error: &sqlx::Error) -> bool {
    error
        .as_database_error()
        .is_some_and(sqlx::error::DatabaseError::is_unique_violation)
}

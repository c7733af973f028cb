//! From what SQLite says to what the host can do about it.

use std::path::PathBuf;

use super::connect::Place;
use crate::Unavailable;
pub(super) use crate::fault::Fault;
use crate::fault::{Judge, Judgement};

impl Judge for Place {
    fn place(&self) -> PathBuf {
        self.path().to_owned()
    }

    fn judge(error: &sqlx::Error) -> Judgement {
        judge(error)
    }
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

//! From what PostgreSQL says to what the host can do about it.

use std::path::PathBuf;

use sqlx::postgres::{PgDatabaseError, PgSeverity};

use super::connect::Server;
pub(super) use crate::fault::Fault;
use crate::fault::{Judge, Judgement};
use crate::{StoreError, Unavailable};

impl Judge for Server {
    fn place(&self) -> PathBuf {
        self.path()
    }

    fn judge(error: &sqlx::Error) -> Judgement {
        judge(error)
    }
}

impl Fault {
    /// The connection, or the server, is gone in the middle of what was asked.
    pub(super) fn is_lost(&self) -> bool {
        match self {
            Fault::Sql(error) => is_lost(error),
            Fault::Store(_) => false,
        }
    }

    /// Two transactions stood in each other's way and this one was undone: the
    /// same again may well succeed.
    pub(super) fn is_conflict(&self) -> bool {
        matches!(self, Fault::Sql(error) if matches!(code(error).as_deref(), Some("40001" | "40P01")))
    }

    /// It is about what was written, not about whether the server can write: of
    /// several submissions in a transaction, one is at fault. Never a commit whose
    /// fate is not known: what was kept may not be written again.
    pub(super) fn is_about_content(&self) -> bool {
        match self {
            Fault::Store(StoreError::Closed) => false,
            Fault::Store(error) => !error.is_unavailable(),
            Fault::Sql(error) => !matches!(judge(error), Judgement::Unavailable(_)),
        }
    }
}

/// By <https://www.postgresql.org/docs/current/errcodes-appendix.html>.
fn judge(error: &sqlx::Error) -> Judgement {
    if let Some(code) = code(error) {
        return judge_code(&code);
    }
    match error {
        sqlx::Error::PoolClosed => Judgement::Closed,
        sqlx::Error::PoolTimedOut
        | sqlx::Error::Io(_)
        | sqlx::Error::Tls(_)
        | sqlx::Error::Protocol(_)
        | sqlx::Error::WorkerCrashed => Judgement::Unavailable(Unavailable::Io),
        sqlx::Error::ColumnDecode { .. } | sqlx::Error::Decode(_) => Judgement::Corrupt,
        sqlx::Error::Configuration(_) => Judgement::Location,
        sqlx::Error::Encode(_) => Judgement::Invalid,
        _ => Judgement::Other,
    }
}

fn judge_code(code: &str) -> Judgement {
    let unavailable = Judgement::Unavailable;
    match code {
        "53100" => unavailable(Unavailable::Full),
        "25006" => unavailable(Unavailable::ReadOnly),
        // No such database; the password or the role does not count (any more).
        "3D000" | "28000" | "28P01" => unavailable(Unavailable::Gone),
        // Locks and statements that took too long, transactions that met.
        "55P03" | "57014" | "40001" | "40P01" => unavailable(Unavailable::Busy),
        "XX001" | "XX002" => Judgement::Corrupt,
        _ => match code.get(..2).unwrap_or_default() {
            "53" => unavailable(Unavailable::Busy),
            "08" | "57" | "58" => unavailable(Unavailable::Io),
            // A transaction that the server ended because nothing came.
            "25" => unavailable(Unavailable::Io),
            // Texts with a zero byte, numbers out of range, keys too long to be
            // found by an index.
            "22" | "54" => Judgement::Invalid,
            _ => Judgement::Other,
        },
    }
}

fn code(error: &sqlx::Error) -> Option<String> {
    let code = error.as_database_error()?.code()?;
    Some(code.into_owned())
}

fn is_lost(error: &sqlx::Error) -> bool {
    match error {
        sqlx::Error::Io(_)
        | sqlx::Error::Tls(_)
        | sqlx::Error::Protocol(_)
        | sqlx::Error::WorkerCrashed => true,
        sqlx::Error::Database(database) => {
            let said = database.try_downcast_ref::<PgDatabaseError>();
            said.is_some_and(|said| {
                let severity = said.severity();
                matches!(severity, PgSeverity::Fatal | PgSeverity::Panic)
                    || said.code().starts_with("08")
            })
        }
        _ => false,
    }
}

pub(super) fn is_unique_violation(error: &sqlx::Error) -> bool {
    code(error).as_deref() == Some("23505")
}

//! What the server's answers mean for the guest. Only the main message is told:
//! the detail of an error names values of rows.

use crate::capability::sql::SqlError;
use crate::door::Refusal;

/// SQLSTATE codes and classes, see PostgreSQL's documentation, appendix A.
pub(super) fn failed(error: sqlx::Error) -> SqlError {
    let answer = match &error {
        sqlx::Error::Database(answer) => answer,
        // Neither the address nor the account is said.
        _ => return SqlError::Unavailable("the database's server does not answer".to_owned()),
    };
    let message = answer.message().to_owned();
    let code = answer.code().unwrap_or_default();
    match code.as_ref() {
        // insufficient_privilege, read_only_sql_transaction
        "42501" | "25006" => SqlError::Refused(Refusal::outside(format!(
            "the database refused the statement: {message}"
        ))),
        // query_canceled: by our statement_timeout
        "57014" => SqlError::TooLarge("the statement ran out of time; ask for less".to_owned()),
        // serialization_failure, deadlock_detected, lock_not_available
        "40001" | "40P01" | "55P03" => SqlError::Unavailable(message),
        code => match code.get(..2) {
            Some("23") => SqlError::Constraint(message),
            Some("54") => SqlError::TooLarge(message),
            Some("08" | "28" | "3D" | "53" | "57") => {
                SqlError::Unavailable("the database's server does not serve this now".to_owned())
            }
            _ => SqlError::Failed(message),
        },
    }
}

/// Whether the server itself answered: a transaction that it refuses to commit is
/// rolled back as a whole.
pub(super) fn is_answer(error: &sqlx::Error) -> bool {
    matches!(error, sqlx::Error::Database(_))
}

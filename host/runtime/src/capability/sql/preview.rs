//! `sql.preview`: how many rows a change would touch. The statement passes the
//! walls of a change and runs in a transaction that is never committed; the policy
//! takes it for a read. What a trigger does outside of the database, and numbers
//! that a sequence gave, do not come back with it.

use super::{Changed, Granted, INTERFACE, Purpose, SqlError, SqlValue, describe};
use crate::capability::Backends;
use crate::door::{Described, Imported, Operation, Performed, Prior, Refusal, Scope};

/// Run one `INSERT`, `UPDATE` or `DELETE`, and take it back.
pub(crate) struct Preview;

impl Operation for Preview {
    const CALL: &'static str = "sql.preview";
    type Arguments = (String, String, Vec<SqlValue>);
    type Reply = Result<Changed, SqlError>;
    type Plan = Granted;

    fn describe(arguments: Self::Arguments, scope: &Scope<'_>) -> Described<Granted, Self::Reply> {
        describe(scope, arguments, Purpose::Preview, Err)
    }

    fn refuse(refusal: Refusal) -> Self::Reply {
        Err(SqlError::Refused(refusal))
    }

    async fn perform(
        granted: Granted,
        _: Option<&Prior>,
        scope: &Scope<'_>,
        backends: &Backends,
    ) -> Performed<Self::Reply> {
        let deadline = scope.manifest.limits.deadline;
        Performed::answered(match backends.databases.of(&granted.grant, scope.tenant) {
            Ok(database) => database.preview(&granted, deadline).await,
            Err(error) => Err(error),
        })
    }
}

impl Imported for Preview {
    const INTERFACE: &'static str = INTERFACE;
    const FUNCTION: &'static str = "preview";
    type Results = (Self::Reply,);
    fn results(reply: Self::Reply) -> Self::Results {
        (reply,)
    }
}

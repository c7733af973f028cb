//! `sql.query`.

use super::{Granted, INTERFACE, Purpose, Rows, SqlError, SqlValue, describe};
use crate::capability::Backends;
use crate::door::{Described, Imported, Operation, Performed, Prior, Refusal, Scope};

/// Run one `SELECT`.
pub(crate) struct Query;

impl Operation for Query {
    const CALL: &'static str = "sql.query";
    type Arguments = (String, String, Vec<SqlValue>);
    type Reply = Result<Rows, SqlError>;
    type Plan = Granted;

    fn describe(arguments: Self::Arguments, scope: &Scope<'_>) -> Described<Granted, Self::Reply> {
        describe(scope, arguments, Purpose::Query, Err)
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
            Ok(database) => database.query(&granted, deadline).await,
            Err(error) => Err(error),
        })
    }
}

impl Imported for Query {
    const INTERFACE: &'static str = INTERFACE;
    const FUNCTION: &'static str = "query";
    type Results = (Self::Reply,);
    fn results(reply: Self::Reply) -> Self::Results {
        (reply,)
    }
}

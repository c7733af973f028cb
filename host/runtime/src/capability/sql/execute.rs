//! `sql.execute`.

use std::time::Duration;

use serde_json::json;

use super::{Changed, Granted, INTERFACE, Purpose, SqlError, SqlValue, describe, image};
use crate::capability::Backends;
use crate::door::{
    Described, Imported, Looked, Operation, Performed, Prior, Recovery, Refusal, Scope,
};

/// Run one `INSERT`, `UPDATE` or `DELETE`.
pub(crate) struct Execute;

impl Operation for Execute {
    const CALL: &'static str = "sql.execute";
    type Arguments = (String, String, Vec<SqlValue>);
    type Reply = Result<Changed, SqlError>;
    type Plan = Granted;

    fn describe(arguments: Self::Arguments, scope: &Scope<'_>) -> Described<Granted, Self::Reply> {
        describe(scope, arguments, Purpose::Execute, Err)
    }

    fn refuse(refusal: Refusal) -> Self::Reply {
        Err(SqlError::Refused(refusal))
    }

    async fn prior(
        granted: &Granted,
        scope: &Scope<'_>,
        backends: &Backends,
    ) -> Result<Option<Prior>, Self::Reply> {
        let deadline = scope.manifest.limits.deadline;
        match backends.databases.of(&granted.grant, scope.tenant) {
            Ok(database) => database.look(granted, deadline).await.map_err(Err),
            Err(error) => Err(Err(error)),
        }
    }

    async fn perform(
        granted: Granted,
        prior: Option<&Prior>,
        scope: &Scope<'_>,
        backends: &Backends,
    ) -> Performed<Self::Reply> {
        let deadline = scope.manifest.limits.deadline;
        match backends.databases.of(&granted.grant, scope.tenant) {
            Ok(database) => database.execute(&granted, prior, deadline).await,
            Err(error) => Performed::answered(Err(error)),
        }
    }

    fn undo_window(granted: &Granted) -> Option<Duration> {
        granted.grant.table(image::target(granted))?.window
    }

    const RECOVERY: Recovery = Recovery::Conditional;

    /// A statement is one transaction: while the rows that it names are as they
    /// were, it has not happened. An `INSERT` names none before it happens, and
    /// rows that changed may be anybody's change: those are a person's.
    async fn look(
        granted: &Granted,
        prior: Option<&Prior>,
        scope: &Scope<'_>,
        backends: &Backends,
    ) -> Looked<Self::Reply> {
        if granted.statement.capture.is_none() {
            return Looked::unclear("what an INSERT adds cannot be told from what others add");
        }
        let deadline = scope.manifest.limits.deadline;
        let now = match backends.databases.of(&granted.grant, scope.tenant) {
            Ok(database) => database.look(granted, deadline).await,
            Err(error) => Err(error),
        };
        match (now, prior) {
            // It met no row, and meets none: made or not, it changes nothing.
            (Ok(Some(now)), Some(prior))
                if now.version == prior.version && now.value["rows"] == json!([]) =>
            {
                Looked::Happened {
                    reply: Ok(Changed {
                        rows_affected: 0,
                        inserted_id: None,
                    }),
                    written: None,
                }
            }
            (Ok(Some(now)), Some(prior)) if now.version == prior.version => Looked::NotHappened,
            (Ok(Some(now)), Some(_)) => Looked::changed(now.value),
            (Ok(_), _) => Looked::unclear("rows of this table cannot be told apart"),
            (Err(error), _) => {
                Looked::unclear(format!("the database cannot be looked at: {error:?}"))
            }
        }
    }
}

impl Imported for Execute {
    const INTERFACE: &'static str = INTERFACE;
    const FUNCTION: &'static str = "execute";
    type Results = (Self::Reply,);
    fn results(reply: Self::Reply) -> Self::Results {
        (reply,)
    }
}

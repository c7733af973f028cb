//! `sql.restore`: only the host calls it.

use tollgate_policy::{Effect, SqlGrant};

use super::{SqlError, grant, image};
use crate::capability::Backends;
use crate::capability::restore::{RestoreFailure, Restored, Restoring};
use crate::door::{Described, Looked, Next, Operation, Performed, Prior, Recovery, Refusal, Scope};

/// Put back the rows that a statement changed.
pub(crate) struct Restore;

impl Operation for Restore {
    const CALL: &'static str = "sql.restore";
    type Arguments = Restoring;
    type Reply = Restored;
    type Plan = (SqlGrant, Restoring);

    fn describe(restoring: Restoring, scope: &Scope<'_>) -> Described<Self::Plan, Restored> {
        let arguments = restoring.arguments();
        let table = restoring.written["table"].as_str().unwrap_or_default();
        let (identity, effect, next) = match grant(scope, &restoring.destination) {
            Ok(grant) => (
                grant.source.clone(),
                grant
                    .table(table)
                    .and_then(|table| table.effect)
                    .map_or(Effect::Write, |effect| effect.max(Effect::Write)),
                if grant.table(table).is_some() {
                    Next::Perform((grant.clone(), restoring.clone()))
                } else {
                    Next::Refuse(Refusal::outside(format!(
                        "the manifest no longer grants the table `{table}`"
                    )))
                },
            ),
            Err(refusal) => ("sql".to_owned(), Effect::Write, Next::Refuse(refusal)),
        };
        Described {
            destination: restoring.destination,
            identity,
            effect,
            arguments,
            next,
        }
    }

    fn refuse(refusal: Refusal) -> Restored {
        Err(RestoreFailure::Refused(refusal))
    }

    async fn prior(
        (grant, restoring): &Self::Plan,
        scope: &Scope<'_>,
        backends: &Backends,
    ) -> Result<Option<Prior>, Restored> {
        let failed = |error: SqlError| Err(RestoreFailure::Failed(format!("{error:?}")));
        let database = backends.databases.of(grant, scope.tenant).map_err(failed)?;
        let now = database.rows_now(restoring).await.map_err(failed)?;
        if !image::same_rows(restoring, &now) {
            return Err(Err(RestoreFailure::Conflict(now)));
        }
        Ok(Some(image::prior_of(now)))
    }

    async fn perform(
        (grant, restoring): Self::Plan,
        _: Option<&Prior>,
        scope: &Scope<'_>,
        backends: &Backends,
    ) -> Performed<Restored> {
        match backends.databases.of(&grant, scope.tenant) {
            Ok(database) => database.restore(&restoring).await,
            Err(error) => Performed::answered(Err(RestoreFailure::Failed(format!("{error:?}")))),
        }
    }

    const RECOVERY: Recovery = Recovery::Conditional;

    async fn look(
        (grant, restoring): &Self::Plan,
        _: Option<&Prior>,
        scope: &Scope<'_>,
        backends: &Backends,
    ) -> Looked<Restored> {
        let now = match backends.databases.of(grant, scope.tenant) {
            Ok(database) => database.rows_now(restoring).await,
            Err(error) => Err(error),
        };
        match now {
            Ok(now) if image::same_rows(restoring, &now) => Looked::NotHappened,
            Ok(now) => match image::left_behind(restoring, &now) {
                Some(written) => Looked::Happened {
                    reply: Ok(()),
                    written: Some(written),
                },
                None => Looked::changed(now),
            },
            Err(error) => Looked::unclear(format!("the database cannot be looked at: {error:?}")),
        }
    }

    fn assumed(_: &Self::Plan, _: Option<&Prior>) -> Option<Restored> {
        Some(Ok(()))
    }
}

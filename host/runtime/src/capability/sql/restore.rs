//! `sql.restore`: only the host calls it.

use serde_json::Value;
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
            return Err(Err(RestoreFailure::Conflict(shown(now, grant, restoring))));
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
            Ok(database) => database.restore(&restoring).await.map(|restored| {
                restored.map_err(|failure| match failure {
                    RestoreFailure::Conflict(now) => {
                        RestoreFailure::Conflict(shown(now, &grant, &restoring))
                    }
                    other => other,
                })
            }),
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
                None => Looked::changed(shown(now, grant, restoring)),
            },
            Err(error) => Looked::unclear(format!("the database cannot be looked at: {error:?}")),
        }
    }

    fn assumed(_: &Self::Plan, _: Option<&Prior>) -> Option<Restored> {
        Some(Ok(()))
    }
}

/// What is there now, for whoever takes the write back. The attack: in a table
/// that tenants share, another one's row has got the key of a row that was
/// removed, and the conflict would show it. Rows are shown only if the tenant's
/// column holds what it held in the rows of the write; nothing is shown else.
fn shown(now: Value, grant: &SqlGrant, restoring: &Restoring) -> Value {
    let table = restoring.written["table"].as_str().unwrap_or_default();
    let granted = grant.table(table);
    let Some(column) = granted.and_then(|table| table.tenant_column.as_deref()) else {
        return now;
    };
    let tenant = |row: &Value| row["columns"][column].clone();
    let own = image::touched(restoring);
    let is_own = |row: &Value| {
        let of = tenant(row);
        !of.is_null() && own.iter().all(|own| tenant(own) == of)
    };
    let are_own = image::rows(&now).iter().all(is_own);
    if are_own { now } else { Value::Null }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_conflict_shows_no_row_of_another_tenant() {
        let manifest = tollgate_policy::Manifest::parse(
            "m",
            "connector = \"c\"\ncomponent = \"sha256:0000000000000000000000000000000000000000000000000000000000000000\"\n\
             [grant.sql.d]\nsource = \"sqlite:d.db\"\n[[grant.sql.d.table]]\nname = \"t\"\nread = [\"v\"]\n\
             insert = [\"v\"]\ndelete = true\ntenant_column = \"of\"\n[[grant.sql.d.table]]\nname = \"own\"\nread = [\"v\"]\n",
        );
        let manifest = manifest.unwrap_or_else(|faults| panic!("{faults}"));
        let row = |of: &str| json!({"rowid": 1, "columns": {"of": of, "v": "x"}});
        let image =
            |table: &str, of: &str| json!({"table": table, "verb": "DELETE", "rows": [row(of)]});
        let restoring = |table: &str| Restoring {
            destination: "d".to_owned(),
            before: image(table, "a"),
            written: json!({"table": table, "verb": "DELETE", "rows": []}),
        };
        let grant = &manifest.grant.sql["d"];
        let seen = |table: &str, of: &str| shown(image(table, of), grant, &restoring(table));
        assert_eq!(seen("t", "b"), Value::Null);
        assert_eq!(seen("t", "a"), image("t", "a"));
        assert_eq!(seen("own", "b"), image("own", "b"));
    }
}

//! Databases that the manifest names. A statement passes two walls: the policy
//! parses it and compares every table, verb, column and function with the grant;
//! SQLite's own authorizer, set up from the same grant, judges what the database
//! itself understood (`authorizer`). Either can refuse alone.
//!
//! A write runs in one transaction with a look at what it replaces: if the rows
//! are no longer those that were shown and recorded, nothing happens. What it
//! left is read back before the transaction ends, so that an undo can tell a
//! person's later edit from our own value. A write that fires a trigger on
//! another table is rolled back: nobody granted that.

mod authorizer;
mod connection;
mod value;
mod write;

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use tollgate_policy::{Dialect, Effect, SqlGrant, SqlRefusal, Statement, Verb, analyze};
use wasmtime::component::{ComponentType, Lift, Lower};

use super::Backends;
use super::restore::{RestoreFailure, Restored, Restoring};
use crate::door::{
    Described, Imported, Looked, Next, Operation, Performed, Prior, Recovery, Refusal, Scope,
};

pub(crate) use connection::Databases;
pub(crate) use value::SqlValue;

const INTERFACE: &str = "tollgate:connector/sql@0.1.0";

/// What a query found.
#[derive(Clone, Debug, ComponentType, Lift, Lower, Serialize, Deserialize)]
#[component(record)]
pub(crate) struct Rows {
    columns: Vec<String>,
    rows: Vec<Vec<SqlValue>>,
}

/// What a statement changed.
#[derive(Clone, Copy, Debug, ComponentType, Lift, Lower, Serialize, Deserialize)]
#[component(record)]
pub(crate) struct Changed {
    #[component(name = "rows-affected")]
    rows_affected: u64,
    #[component(name = "inserted-id")]
    inserted_id: Option<i64>,
}

#[derive(Clone, Debug, ComponentType, Lift, Lower, Serialize, Deserialize)]
#[component(variant)]
#[serde(rename_all = "snake_case")]
pub(crate) enum SqlError {
    #[component(name = "refused")]
    Refused(Refusal),
    #[component(name = "invalid-statement")]
    InvalidStatement(String),
    #[component(name = "constraint")]
    Constraint(String),
    #[component(name = "conflict")]
    Conflict(String),
    #[component(name = "too-large")]
    TooLarge(String),
    #[component(name = "unavailable")]
    Unavailable(String),
    #[component(name = "failed")]
    Failed(String),
}

/// A statement that is granted, with its values.
pub(crate) struct Granted {
    grant: SqlGrant,
    statement: Statement,
    parameters: Vec<SqlValue>,
}

fn grant<'a>(scope: &Scope<'a>, database: &str) -> Result<&'a SqlGrant, Refusal> {
    scope.manifest.grant.sql.get(database).ok_or_else(|| {
        Refusal::not_granted(
            format!("the manifest grants no database `{database}`"),
            format!("[grant.sql.{database}]\nsource = \"sqlite:data/{database}.db\""),
        )
    })
}

/// What the policy says of a statement, as a next step.
fn judge<R>(
    grant: &SqlGrant,
    text: &str,
    parameters: Vec<SqlValue>,
    reads: bool,
    answer: impl Fn(SqlError) -> R,
) -> (Effect, Next<Granted, R>) {
    let worst = if reads { Effect::Read } else { Effect::Write };
    let invalid = |message: String| {
        (
            worst,
            Next::Answer(answer(SqlError::InvalidStatement(message))),
        )
    };
    let statement = match analyze(text, Dialect::Sqlite) {
        Ok(statement) => statement,
        Err(refusal) if refusal.is_denial() => {
            return (worst, Next::Refuse(not_granted(&refusal)));
        }
        Err(refusal) => return invalid(refusal.to_string()),
    };
    if (statement.verb == Verb::Select) != reads {
        return invalid(format!(
            "`{}` is not for this function; `query` runs SELECT, `execute` runs INSERT, UPDATE and DELETE",
            statement.verb
        ));
    }
    if statement.parameters != parameters.len() {
        return invalid(format!(
            "the statement takes {} parameters and {} were given",
            statement.parameters,
            parameters.len()
        ));
    }
    let effect = grant.effect(&statement);
    if let Err(refusal) = grant.check(&statement) {
        return (effect, Next::Refuse(not_granted(&refusal)));
    }
    let grant = grant.clone();
    (
        effect,
        Next::Perform(Granted {
            grant,
            statement,
            parameters,
        }),
    )
}

fn not_granted(refusal: &SqlRefusal) -> Refusal {
    match refusal.hint() {
        Some(hint) => Refusal::not_granted(refusal.to_string(), hint),
        None => Refusal::outside(refusal.to_string()),
    }
}

fn describe<R>(
    scope: &Scope<'_>,
    (database, statement, parameters): (String, String, Vec<SqlValue>),
    reads: bool,
    answer: impl Fn(SqlError) -> R,
) -> Described<Granted, R> {
    let arguments = json!({
        "statement": statement,
        "parameters": parameters.iter().map(SqlValue::json).collect::<Vec<_>>(),
    });
    let (identity, (effect, next)) = match grant(scope, &database) {
        Ok(grant) => (
            grant.source.clone(),
            judge(grant, &statement, parameters, reads, answer),
        ),
        Err(refusal) => (
            "sql".to_owned(),
            (
                if reads { Effect::Read } else { Effect::Write },
                Next::Refuse(refusal),
            ),
        ),
    };
    Described {
        destination: database,
        identity,
        effect,
        arguments,
        next,
    }
}

/// Run one `SELECT`.
pub(crate) struct Query;

impl Operation for Query {
    const CALL: &'static str = "sql.query";
    type Arguments = (String, String, Vec<SqlValue>);
    type Reply = Result<Rows, SqlError>;
    type Plan = Granted;

    fn describe(arguments: Self::Arguments, scope: &Scope<'_>) -> Described<Granted, Self::Reply> {
        describe(scope, arguments, true, Err)
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
        Performed::answered(match backends.databases.of(&granted.grant).await {
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

/// Run one `INSERT`, `UPDATE` or `DELETE`.
pub(crate) struct Execute;

impl Operation for Execute {
    const CALL: &'static str = "sql.execute";
    type Arguments = (String, String, Vec<SqlValue>);
    type Reply = Result<Changed, SqlError>;
    type Plan = Granted;

    fn describe(arguments: Self::Arguments, scope: &Scope<'_>) -> Described<Granted, Self::Reply> {
        describe(scope, arguments, false, Err)
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
        match backends.databases.of(&granted.grant).await {
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
        match backends.databases.of(&granted.grant).await {
            Ok(database) => database.execute(&granted, prior, deadline).await,
            Err(error) => Performed::answered(Err(error)),
        }
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
        let now = match backends.databases.of(&granted.grant).await {
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
        _: &Scope<'_>,
        backends: &Backends,
    ) -> Result<Option<Prior>, Restored> {
        let failed = |error: SqlError| Err(RestoreFailure::Failed(format!("{error:?}")));
        let database = backends.databases.of(grant).await.map_err(failed)?;
        let now = database.rows_now(restoring).await.map_err(failed)?;
        if !write::same_rows(restoring, &now) {
            return Err(Err(RestoreFailure::Conflict(now)));
        }
        Ok(Some(write::prior_of(now)))
    }

    async fn perform(
        (grant, restoring): Self::Plan,
        _: Option<&Prior>,
        _: &Scope<'_>,
        backends: &Backends,
    ) -> Performed<Restored> {
        match backends.databases.of(&grant).await {
            Ok(database) => database.restore(&restoring).await,
            Err(error) => Performed::answered(Err(RestoreFailure::Failed(format!("{error:?}")))),
        }
    }

    const RECOVERY: Recovery = Recovery::Conditional;

    async fn look(
        (grant, restoring): &Self::Plan,
        _: Option<&Prior>,
        _: &Scope<'_>,
        backends: &Backends,
    ) -> Looked<Restored> {
        let now = match backends.databases.of(grant).await {
            Ok(database) => database.rows_now(restoring).await,
            Err(error) => Err(error),
        };
        match now {
            Ok(now) if write::same_rows(restoring, &now) => Looked::NotHappened,
            Ok(now) => match write::left_behind(restoring, &now) {
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

/// Rows with the ids under which the database keeps them, for the record.
pub(super) fn image(table: &str, verb: Verb, rows: Value) -> Value {
    json!({ "table": table, "verb": verb.as_str(), "rows": rows })
}

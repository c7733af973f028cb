//! Databases that the manifest names, in SQLite and PostgreSQL. A statement passes
//! two walls: the policy parses it and compares every table, verb, column and
//! function with the grant; the database itself is the second, and either can
//! refuse alone. In SQLite that is its own authorizer, set up from the same grant
//! (`sqlite`); in PostgreSQL a role without power, a read-only transaction, and a
//! look at what the names stand for (`postgres`).
//!
//! A write runs in one transaction with a look at what it replaces: if the rows
//! are no longer those that were shown and recorded, nothing happens. What it
//! left is read back before the transaction ends, so that an undo can tell a
//! person's later edit from our own value.
//!
//! `databases` finds the database of a grant, `query`, `execute`, `preview` and
//! `restore` are the operations, `image` is how rows stand in a record.

mod databases;
mod execute;
mod image;
mod postgres;
mod reading;
mod restore;
mod sqlite;
mod value;

use serde::{Deserialize, Serialize};
use serde_json::json;
use tollgate_policy::{Effect, SqlGrant, SqlRefusal, Statement, Verb, analyze};
use wasmtime::component::{ComponentType, Lift, Lower};

use crate::door::{Described, Next, Refusal, Scope};

pub(crate) use databases::Databases;
pub(crate) use execute::Execute;
pub(crate) use reading::{Preview, Query};
pub(crate) use restore::Restore;
pub(crate) use value::SqlValue;

const INTERFACE: &str = "tollgate:connector/sql@0.1.0";

/// What a query found.
#[derive(Clone, Debug, ComponentType, Lift, Lower, Serialize, Deserialize)]
#[component(record)]
pub(crate) struct Rows {
    columns: Vec<String>,
    rows: Vec<Vec<SqlValue>>,
}

impl Rows {
    pub(super) fn none() -> Self {
        Self {
            columns: Vec::new(),
            rows: Vec::new(),
        }
    }

    /// One more row, within the grant's bounds. `bytes` are those so far.
    pub(super) fn push(
        &mut self,
        values: Vec<SqlValue>,
        bytes: &mut u64,
        grant: &SqlGrant,
    ) -> Result<(), SqlError> {
        *bytes += values.iter().map(SqlValue::size).sum::<u64>();
        if self.rows.len() as u64 >= grant.max_rows {
            return Err(SqlError::TooLarge(format!(
                "the result has more than {} rows; add a LIMIT or a narrower WHERE",
                grant.max_rows
            )));
        }
        if *bytes > grant.max_bytes {
            return Err(SqlError::TooLarge(format!(
                "the result has more than {} bytes; select fewer columns or rows",
                grant.max_bytes
            )));
        }
        self.rows.push(values);
        Ok(())
    }
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

/// What a statement is run for.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Purpose {
    Query,
    Execute,
    Preview,
}

impl Purpose {
    /// The class of a call that cannot be told better.
    fn worst(self) -> Effect {
        match self {
            Self::Query | Self::Preview => Effect::Read,
            Self::Execute => Effect::Write,
        }
    }
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
    mut parameters: Vec<SqlValue>,
    tenant: &str,
    purpose: Purpose,
    answer: impl Fn(SqlError) -> R,
) -> (Effect, Next<Granted, R>) {
    let worst = purpose.worst();
    let invalid = |message: String| {
        (
            worst,
            Next::Answer(answer(SqlError::InvalidStatement(message))),
        )
    };
    let statement = match analyze(text, grant.dialect) {
        Ok(statement) => statement,
        Err(refusal) if refusal.is_denial() => {
            return (worst, Next::Refuse(not_granted(&refusal)));
        }
        Err(refusal) => return invalid(refusal.to_string()),
    };
    if (statement.verb == Verb::Select) != (purpose == Purpose::Query) {
        return invalid(format!(
            "`{}` is not for this function; `query` runs SELECT, `execute` and `preview` run INSERT, UPDATE and DELETE",
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
    let effect = match purpose {
        // Nothing of it stays.
        Purpose::Preview => Effect::Read,
        _ => grant.effect(&statement),
    };
    if let Err(refusal) = grant.check(&statement) {
        return (effect, Next::Refuse(not_granted(&refusal)));
    }
    let statement = match grant.confine(statement) {
        Ok(statement) => statement,
        Err(refusal) => return invalid(refusal.to_string()),
    };
    if statement.takes_tenant {
        parameters.push(SqlValue::Text(tenant.to_owned()));
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
    purpose: Purpose,
    answer: impl Fn(SqlError) -> R,
) -> Described<Granted, R> {
    let arguments = json!({
        "statement": statement,
        "parameters": parameters.iter().map(SqlValue::json).collect::<Vec<_>>(),
    });
    let (identity, (effect, next)) = match grant(scope, &database) {
        Ok(grant) => (
            grant.source.clone(),
            judge(grant, &statement, parameters, scope.tenant, purpose, answer),
        ),
        Err(refusal) => ("sql".to_owned(), (purpose.worst(), Next::Refuse(refusal))),
    };
    Described {
        destination: database,
        identity,
        effect,
        arguments,
        next,
    }
}

//! What callers see.

use std::collections::BTreeMap;

use serde_json::Value as Json;
use tollgate_sdk::prelude::*;
use tollgate_sdk::sql::{Change, Value};

use crate::named::{self, Listed, Named};
use crate::parameter::{self, Parameter};
use crate::table::Table;

/// How many rows a read returns when the caller does not say. Enough to look
/// at, and small enough not to drown a caller.
const ROWS_DEFAULT: u32 = 100;

/// How many rows a caller may ask for. The grant's own limit counts as well.
const ROWS_MAX: u32 = 1000;

#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Query {
    /// The database, by its name in the grant.
    database: String,
    /// One SELECT, with a `?` for each value (`$1`, `$2` in PostgreSQL). Name each column.
    statement: String,
    /// The values, in the order of their places.
    #[serde(default)]
    parameters: Vec<Parameter>,
    /// The most rows to return.
    #[serde(default = "rows_default")]
    #[schemars(range(min = 1, max = 1000))]
    max_rows: u32,
}

#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Lookup {
    /// The query's name, one of those that `statements` lists.
    query: String,
    /// A value for each of its parameters, by name.
    #[serde(default)]
    params: BTreeMap<String, Parameter>,
}

#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Execute {
    /// The statement's name, one of those that `statements` lists.
    statement: String,
    /// A value for each of its parameters, by name.
    #[serde(default)]
    params: BTreeMap<String, Parameter>,
}

#[derive(Serialize, JsonSchema)]
pub(crate) struct Previewed {
    /// How many rows would be written or removed.
    rows_affected: u64,
}

#[derive(Serialize, JsonSchema)]
pub(crate) struct Executed {
    /// How many rows were written or removed.
    rows_affected: u64,
    /// The row id of an inserted row, where the database has one; text beyond
    /// 2^53.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(schema_with = "row_id_schema")]
    inserted_id: Option<Json>,
}

#[derive(Serialize, JsonSchema)]
pub(crate) struct Statements {
    /// For `lookup`.
    queries: Vec<Listed>,
    /// For `execute`.
    statements: Vec<Listed>,
}

/// Runs one SELECT that you write. Tables, columns and functions must be granted
/// in the manifest; `lookup` is better where a named query fits. Returns rows as
/// objects, and says when there were more than `max_rows`.
#[tool(title = "Query a database", effect = "read")]
pub(crate) fn query(input: Query) -> Result<Table, ToolError> {
    let values = parameter::in_order(&input.parameters)?;
    let found = sql::query(&input.database, &input.statement, &values).map_err(at_statement)?;
    Table::of(found, input.max_rows.clamp(1, ROWS_MAX) as usize)
}

/// Runs a named query. `statements` lists the names and parameters. A query that
/// finds nothing returns no rows, which is not an error.
#[tool(title = "Look something up", effect = "read")]
pub(crate) fn lookup(input: Lookup) -> Result<Table, ToolError> {
    let queries = named::queries()?;
    let Named {
        database,
        sql,
        parameters,
        ..
    } = named::find(&queries, "query", &input.query)?;
    let values = parameter::by_name(parameters, &input.params)?;
    Table::of(sql::query(database, sql, &values)?, ROWS_MAX as usize)
}

/// Runs a named statement that changes rows. `statements` lists the names and
/// parameters. The call may wait for a person's approval. Returns how many rows
/// were changed: 0 means that nothing matched.
#[tool(title = "Change rows", effect = "write", undo = "restore")]
pub(crate) fn execute(input: Execute) -> Result<Executed, ToolError> {
    let statements = named::statements()?;
    let Named {
        database,
        sql,
        parameters,
        ..
    } = named::find(&statements, "statement", &input.statement)?;
    let values = parameter::by_name(parameters, &input.params)?;
    Ok(executed(sql::execute(database, sql, &values)?))
}

/// Says how many rows a named statement would change, and changes none: it runs and
/// is taken back. Takes what `execute` takes; 0 means that nothing matches now.
#[tool(title = "Preview a change", effect = "read")]
pub(crate) fn preview(input: Execute) -> Result<Previewed, ToolError> {
    let statements = named::statements()?;
    let Named {
        database,
        sql,
        parameters,
        ..
    } = named::find(&statements, "statement", &input.statement)?;
    let values = parameter::by_name(parameters, &input.params)?;
    let change = sql::preview(database, sql, &values)?;
    Ok(Previewed {
        rows_affected: change.rows_affected,
    })
}

/// Lists the named queries for `lookup` and the named statements for `execute`,
/// with their parameters.
#[tool(title = "List queries and statements", effect = "read")]
pub(crate) fn statements() -> Result<Statements, ToolError> {
    let queries = named::list(named::queries()?);
    let statements = named::list(named::statements()?);
    Ok(Statements {
        queries,
        statements,
    })
}

fn rows_default() -> u32 {
    ROWS_DEFAULT
}

fn row_id_schema(_: &mut schemars::SchemaGenerator) -> schemars::Schema {
    schemars::json_schema!({"type": ["integer", "string"]})
}

fn executed(change: Change) -> Executed {
    let inserted_id = change.inserted_id.map(|id| Value::Integer(id).into_json());
    Executed {
        rows_affected: change.rows_affected,
        inserted_id,
    }
}

/// The statement of `query` is the caller's own, so a mistake in it is the
/// input's.
fn at_statement(error: sql::Error) -> ToolError {
    match error {
        sql::Error::InvalidStatement(reason) => ToolError::invalid_input("/statement", reason),
        other => other.into(),
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a failing unwrap is the test's failure")]

    use serde_json::json;

    use super::*;

    #[test]
    fn a_query_needs_a_database_and_a_statement_only() {
        let query: Query =
            serde_json::from_value(json!({"database": "orders", "statement": "SELECT 1"})).unwrap();
        assert_eq!((query.max_rows, query.parameters.len()), (ROWS_DEFAULT, 0));
    }

    #[test]
    fn an_inserted_row_keeps_its_exact_id() {
        let change = Change {
            rows_affected: 1,
            inserted_id: Some(i64::MAX),
        };
        let output = serde_json::to_value(executed(change)).unwrap();
        assert_eq!(
            output,
            json!({"rows_affected": 1, "inserted_id": "9223372036854775807"})
        );
        let change = Change {
            rows_affected: 3,
            inserted_id: None,
        };
        assert_eq!(
            serde_json::to_value(executed(change)).unwrap(),
            json!({"rows_affected": 3})
        );
    }

    #[test]
    fn a_statement_that_cannot_be_checked_is_the_caller_s_input() {
        let error = at_statement(sql::Error::InvalidStatement("two statements".into()));
        assert!(
            matches!(error, ToolError::InvalidInput { pointer, .. } if pointer == "/statement")
        );
        let error = at_statement(sql::Error::Unavailable("locked".into()));
        assert!(matches!(error, ToolError::Unavailable(_)));
    }
}

//! Values on the wire. A parameter goes as text with a cast to the type that the
//! server found for its place, so that it means what the same text would mean as a
//! literal there; a result comes as the server writes it.

use sqlx::postgres::{PgArguments, PgConnection, PgRow};
use sqlx::{
    Arguments as _, AssertSqlSafe, Column as _, Either, Executor as _, Row as _, SqlSafeStr as _,
    Statement as _, ValueRef as _,
};
use tollgate_policy::{Dialect, with_parameters};

use super::fault::failed;
use crate::capability::sql::{SqlError, SqlValue};
use crate::door::Refusal;

const BOOL: u32 = 16;
const BYTEA: u32 = 17;
const TEXT: u32 = 25;
const INTEGERS: [u32; 3] = [20, 21, 23];
const REALS: [u32; 2] = [700, 701];

/// `regproc`, `regprocedure`, `regoper`, `regoperator`, `regclass`, `regtype`,
/// `regconfig`, `regdictionary`, `regnamespace`, `regrole`, `regcollation`: a text
/// of these looks into the catalogue.
const LOOKING: [u32; 11] = [
    24, 2202, 2203, 2204, 2205, 2206, 3734, 3769, 4089, 4096, 4191,
];

/// A statement with its values: `lead` and the guest's text, judged by the server
/// before, with each parameter cast to what the server takes it for.
pub(super) async fn bound(
    connection: &mut PgConnection,
    lead: &str,
    text: &str,
    values: &[SqlValue],
) -> Result<(String, PgArguments), SqlError> {
    let asked = AssertSqlSafe(format!("{lead}{text}")).into_sql_str();
    let prepared = (&mut *connection)
        .prepare_with(asked, &[])
        .await
        .map_err(failed)?;
    let mut kinds = Vec::new();
    if let Some(Either::Left(types)) = prepared.parameters() {
        for kind in types {
            kinds.push(kind.oid().map_or(0, |oid| oid.0));
        }
    }
    if kinds.len() != values.len() {
        return Err(SqlError::InvalidStatement(format!(
            "the database takes {} parameters and {} were given",
            kinds.len(),
            values.len()
        )));
    }
    let mut names = Vec::new();
    for kind in &kinds {
        names.push(type_name(connection, *kind).await?);
    }
    let cast = |number: usize| match names.get(number - 1) {
        Some(Some(name)) => format!("CAST( ${number} AS {name} )"),
        _ => format!("${number}"),
    };
    let text = with_parameters(text, Dialect::Postgres, cast)
        .map_err(|refusal| SqlError::Failed(refusal.to_string()))?;
    let mut arguments = PgArguments::default();
    for (at, (value, kind)) in values.iter().zip(&kinds).enumerate() {
        if matches!(value, SqlValue::Blob(_)) && *kind != BYTEA {
            return Err(SqlError::InvalidStatement(format!(
                "parameter {} is bytes, and its place takes another type",
                at + 1
            )));
        }
        add(&mut arguments, as_text(value))?;
    }
    Ok((format!("{lead}{text}"), arguments))
}

/// The type's name in a cast; none for text, which needs none.
async fn type_name(connection: &mut PgConnection, oid: u32) -> Result<Option<String>, SqlError> {
    if oid == TEXT {
        return Ok(None);
    }
    if LOOKING.contains(&oid) {
        return Err(SqlError::Refused(Refusal::outside(
            "a parameter here would name an object of the database",
        )));
    }
    // With a modifier of -1 no type gets a length that would cut the value.
    let name = sqlx::query("SELECT pg_catalog.format_type($1::int8::oid, -1)")
        .bind(i64::from(oid))
        .fetch_one(connection)
        .await;
    name.and_then(|row| row.try_get(0))
        .map(Some)
        .map_err(failed)
}

/// One more value of a statement of the host's own.
pub(super) fn add(arguments: &mut PgArguments, value: Option<String>) -> Result<(), SqlError> {
    arguments
        .add(value)
        .map_err(|error| failed(sqlx::Error::Encode(error)))
}

/// A value as the server reads it.
pub(super) fn as_text(value: &SqlValue) -> Option<String> {
    match value {
        SqlValue::Null => None,
        SqlValue::Integer(integer) => Some(integer.to_string()),
        SqlValue::Real(real) => Some(real.to_string()),
        SqlValue::Text(text) => Some(text.clone()),
        SqlValue::Blob(bytes) => Some(format!("\\x{}", hex::encode(bytes))),
    }
}

pub(super) fn columns(row: &PgRow) -> Vec<String> {
    row.columns()
        .iter()
        .map(|column| column.name().to_owned())
        .collect()
}

/// The values of a row that came as text. What the contract has no value for is
/// the server's text: a number with a point, a time, a list.
pub(super) fn row_values(row: &PgRow) -> Result<Vec<SqlValue>, SqlError> {
    (0..row.len()).map(|at| cell(row, at)).collect()
}

fn cell(row: &PgRow, at: usize) -> Result<SqlValue, SqlError> {
    let raw = row.try_get_raw(at).map_err(failed)?;
    if raw.is_null() {
        return Ok(SqlValue::Null);
    }
    let odd = |what: &str| SqlError::Failed(format!("the database sent {what}"));
    let kind = raw.type_info().oid().map_or(0, |oid| oid.0);
    let text = raw.as_str().map_err(|_| odd("a text that is not UTF-8"))?;
    Ok(match kind {
        BOOL => SqlValue::Integer(i64::from(text == "t")),
        BYTEA => {
            let bytes = text
                .strip_prefix("\\x")
                .and_then(|text| hex::decode(text).ok());
            SqlValue::Blob(bytes.ok_or_else(|| odd("bytes in another form"))?)
        }
        kind if INTEGERS.contains(&kind) => {
            SqlValue::Integer(text.parse().map_err(|_| odd("an integer that is none"))?)
        }
        kind if REALS.contains(&kind) => SqlValue::Real(
            text.parse()
                .map_err(|_| odd("a real number that is none"))?,
        ),
        _ => SqlValue::Text(text.to_owned()),
    })
}

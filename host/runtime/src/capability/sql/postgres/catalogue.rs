//! What the names in a statement stand for, by the server's catalogue, in the
//! statement's own transaction.
//!
//! The attacks: a view, whose owner reads what the guest may not; a function of
//! somebody's in `public` that fits a granted name better than the server's own
//! (CVE-2018-1058); `t.f`, which is `f(t)` where the table has no column `f`.

use std::collections::BTreeSet;

use sqlx::Row as _;
use sqlx::postgres::PgConnection;
use tollgate_policy::{SqlGrant, Statement};

use super::fault::failed;
use crate::capability::sql::SqlError;
use crate::door::Refusal;

const NAMES: &str = "\
SELECT 'table', c.relname::text, c.relkind::text
FROM pg_catalog.pg_class AS c
WHERE c.relnamespace = 'public'::regnamespace AND c.relname::text = ANY($1)
UNION ALL
SELECT 'column', a.attname::text, ''
FROM pg_catalog.pg_class AS c
JOIN pg_catalog.pg_attribute AS a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped
WHERE c.relnamespace = 'public'::regnamespace AND c.relname::text = ANY($1)
UNION ALL
SELECT 'function', p.proname::text, ''
FROM pg_catalog.pg_proc AS p
WHERE p.pronamespace = 'public'::regnamespace AND p.proname::text = ANY($2)
AND NOT EXISTS (SELECT 1 FROM pg_catalog.pg_depend AS d
  WHERE d.classid = 'pg_catalog.pg_proc'::regclass AND d.objid = p.oid AND d.deptype = 'e')";

const COLUMNS: &str = "\
SELECT a.attname::text, pg_catalog.format_type(a.atttypid, a.atttypmod),
  a.attgenerated <> '', a.atttypid::int8,
  coalesce(array_position(i.indkey::int2[], a.attnum), -1)::int4
FROM pg_catalog.pg_class AS c
JOIN pg_catalog.pg_attribute AS a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped
LEFT JOIN pg_catalog.pg_index AS i ON i.indrelid = c.oid AND i.indisprimary
  AND NOT (c.relkind = 'r' AND c.relhassubclass)
WHERE c.relnamespace = 'public'::regnamespace AND c.relname::text = $1
ORDER BY a.attnum";

const EXTRAS: &str = "\
SELECT EXISTS (SELECT 1 FROM pg_catalog.pg_trigger AS t
    WHERE t.tgrelid = c.oid AND NOT t.tgisinternal AND t.tgenabled <> 'D'),
  EXISTS (SELECT 1 FROM pg_catalog.pg_rewrite AS r WHERE r.ev_class = c.oid)
FROM pg_catalog.pg_class AS c
WHERE c.relnamespace = 'public'::regnamespace AND c.relname::text = $1";

const CASCADES: &str = "\
SELECT k.conrelid::regclass::text, k.confdeltype IN ('c', 'n', 'd'), k.confupdtype IN ('c', 'n', 'd'),
  (SELECT array_agg(a.attname::text ORDER BY x.n) FROM unnest(k.conkey) WITH ORDINALITY AS x(at, n)
    JOIN pg_catalog.pg_attribute AS a ON a.attrelid = k.conrelid AND a.attnum = x.at),
  (SELECT array_agg(a.attname::text ORDER BY x.n) FROM unnest(k.confkey) WITH ORDINALITY AS x(at, n)
    JOIN pg_catalog.pg_attribute AS a ON a.attrelid = k.confrelid AND a.attnum = x.at)
FROM pg_catalog.pg_constraint AS k
JOIN pg_catalog.pg_class AS c ON c.oid = k.confrelid
WHERE k.contype = 'f' AND c.relnamespace = 'public'::regnamespace AND c.relname::text = $1
  AND (k.confdeltype IN ('c', 'n', 'd') OR k.confupdtype IN ('c', 'n', 'd'))";

/// Whether each name is what the policy took it for.
pub(super) async fn check(
    connection: &mut PgConnection,
    statement: &Statement,
    grant: &SqlGrant,
) -> Result<(), SqlError> {
    let tables: BTreeSet<&String> = statement.reads.keys().chain(&statement.target).collect();
    let owners = tables
        .iter()
        .filter_map(|table| grant.table(table)?.tenant_column.as_ref());
    let columns = statement.reads.values().flat_map(|columns| &columns.names);
    let columns: BTreeSet<&String> = columns.chain(&statement.writes).chain(owners).collect();
    let names: Vec<String> = tables.iter().map(|name| (*name).clone()).collect();
    let functions: Vec<String> = statement.functions.iter().cloned().collect();
    let rows = sqlx::query(NAMES)
        .bind(names)
        .bind(functions)
        .fetch_all(connection)
        .await;
    let mut found_tables = BTreeSet::new();
    let mut found_columns = BTreeSet::new();
    for row in rows.map_err(failed)? {
        let text = |at: usize| row.try_get::<String, _>(at).map_err(failed);
        let (what, name) = (text(0)?, text(1)?);
        match what.as_str() {
            // Ordinary and partitioned tables.
            "table" if ["r", "p"].contains(&text(2)?.as_str()) => {
                found_tables.insert(name);
            }
            "table" => {
                return Err(refused(format!(
                    "`{name}` is no table; grant the tables that it reads"
                )));
            }
            "column" => {
                found_columns.insert(name);
            }
            _ => {
                return Err(refused(format!(
                    "the function `{name}` is also one that somebody made in this database"
                )));
            }
        }
    }
    if let Some(table) = tables
        .into_iter()
        .find(|table| !found_tables.contains(*table))
    {
        return Err(SqlError::Failed(format!(
            "the schema `public` has no table `{table}`"
        )));
    }
    match columns
        .into_iter()
        .find(|column| !found_columns.contains(*column))
    {
        Some(column) => Err(SqlError::Failed(format!(
            "no table here has a column `{column}`"
        ))),
        None => Ok(()),
    }
}

fn refused(reason: String) -> SqlError {
    SqlError::Refused(Refusal::outside(reason))
}

/// A table that is written.
pub(super) struct Table {
    pub(super) name: String,
    pub(super) columns: Vec<Column>,
    /// The columns of its primary key, in the key's order; none where it has none
    /// that tells its rows apart.
    pub(super) key: Vec<String>,
    /// Whether triggers or rules do more than the statement says.
    pub(super) does_more: bool,
    /// Other tables' rows that change with rows of this one.
    pub(super) cascades: Vec<Cascade>,
}

/// One column of it.
pub(super) struct Column {
    pub(super) name: String,
    /// The type as the server writes it, for a cast.
    pub(super) kind: String,
    /// Computed by the server; not to be written.
    pub(super) is_generated: bool,
    pub(super) is_integer: bool,
}

/// A foreign key by which rows of another table go or change too.
pub(super) struct Cascade {
    /// The other table, quoted where it must be.
    pub(super) child: String,
    pub(super) on_delete: bool,
    pub(super) on_update: bool,
    pub(super) child_columns: Vec<String>,
    pub(super) columns: Vec<String>,
}

impl Table {
    pub(super) async fn of(connection: &mut PgConnection, name: &str) -> Result<Self, SqlError> {
        let rows = sqlx::query(COLUMNS)
            .bind(name)
            .fetch_all(&mut *connection)
            .await;
        let mut columns = Vec::new();
        let mut key: Vec<(i32, String)> = Vec::new();
        for row in rows.map_err(failed)? {
            let name: String = row.try_get(0).map_err(failed)?;
            let place: i32 = row.try_get(4).map_err(failed)?;
            if place >= 0 {
                key.push((place, name.clone()));
            }
            let oid: i64 = row.try_get(3).map_err(failed)?;
            columns.push(Column {
                name,
                kind: row.try_get(1).map_err(failed)?,
                is_generated: row.try_get(2).map_err(failed)?,
                is_integer: [20, 21, 23].contains(&oid),
            });
        }
        key.sort();
        let row = sqlx::query(EXTRAS)
            .bind(name)
            .fetch_one(&mut *connection)
            .await;
        let row = row.map_err(failed)?;
        let has_triggers: bool = row.try_get(0).map_err(failed)?;
        let has_rules: bool = row.try_get(1).map_err(failed)?;
        let rows = sqlx::query(CASCADES).bind(name).fetch_all(connection).await;
        let cascade = |row: sqlx::postgres::PgRow| {
            Ok(Cascade {
                child: row.try_get(0)?,
                on_delete: row.try_get(1)?,
                on_update: row.try_get(2)?,
                child_columns: row.try_get(3)?,
                columns: row.try_get(4)?,
            })
        };
        let cascades = rows.map_err(failed)?.into_iter().map(cascade);
        Ok(Self {
            name: name.to_owned(),
            columns,
            key: key.into_iter().map(|(_, name)| name).collect(),
            does_more: has_triggers || has_rules,
            cascades: cascades.collect::<Result<_, _>>().map_err(failed)?,
        })
    }

    /// Whether what a write replaces can be put back row by row.
    pub(super) fn can_be_put_back(&self) -> bool {
        !self.key.is_empty() && !self.does_more
    }

    pub(super) fn key_columns(&self) -> impl Iterator<Item = &Column> {
        let column = |name: &String| self.columns.iter().find(|column| column.name == *name);
        self.key.iter().filter_map(column)
    }
}

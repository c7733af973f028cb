//! `[grant.sql.<name>]`: a database, its tables and columns.

use std::collections::BTreeSet;

use super::{check_place, raised, window};
use crate::{
    ColumnSet, Dialect, SqlGrant, TableGrant,
    manifest::{
        error::Faults,
        keys::{Keys, check_name, did_you_mean, start, text},
        limits,
    },
    sql::{grantable_functions, is_grantable_function, is_system_table},
    visible,
};

pub(super) fn database(
    name: &str,
    mut keys: Keys<'_, '_>,
    faults: &mut Faults<'_>,
) -> Option<SqlGrant> {
    let source = source(&mut keys, faults);
    // Names are read as the dialect compares them; a fault stands already where
    // the source is none.
    let dialect = source
        .as_ref()
        .map_or(Dialect::Sqlite, |(_, dialect)| *dialect);
    let max_rows = keys.count("max_rows", limits::SQL_ROWS, faults);
    let max_bytes = keys.bytes("max_bytes", limits::SQL_BYTES, faults);
    let functions = functions(&mut keys, dialect, faults);
    let place = format!("[[grant.sql.{name}.table]]");
    let at = keys.at;
    let rows = keys.tables("table", &place, faults);
    keys.finish(faults);
    if rows.is_empty() {
        faults.add(
            at,
            format!("[grant.sql.{name}] grants no table"),
            format!("add {place} with name = \"…\" and read = [\"…\"]"),
        );
    }
    let mut tables: Vec<TableGrant> = Vec::new();
    for row in rows {
        let at = row.at;
        let Some(table) = table(row, dialect, faults) else {
            continue;
        };
        if tables.iter().any(|other| other.name == table.name) {
            faults.add(
                at,
                format!("table `{}` is granted twice", visible(&table.name)),
                "write one row for each table (names differ in more than case)",
            );
        }
        tables.push(table);
    }
    let name = name.to_owned();
    Some(SqlGrant {
        name,
        source: source?.0,
        dialect,
        max_rows,
        max_bytes,
        functions,
        tables,
    })
}

/// A database file, or the name of a database of the host's settings. Connection
/// options in the source were refused: they can switch off what the host relies
/// on. An address with its password is the operator's, not the manifest's.
fn source(keys: &mut Keys<'_, '_>, faults: &mut Faults<'_>) -> Option<(String, Dialect)> {
    const EXAMPLE: &str = "\"sqlite:data/orders.db\"";
    let node = keys.need("source", EXAMPLE, faults)?;
    let source = text(node, "source", faults)?;
    if let Some(path) = source.strip_prefix("sqlite:") {
        check_place(path, start(node), faults);
        return Some((source.to_owned(), Dialect::Sqlite));
    }
    match source.strip_prefix("postgres:") {
        // Nothing of it is said: it may hold a password.
        Some(name) if name.contains(['/', '@', ':', '?']) => faults.add(
            start(node),
            "an address of a database does not belong into a manifest",
            "write \"postgres:NAME\", and url or url_file under [database.NAME] in the host's tollgate.toml",
        ),
        Some(name) => {
            check_name(name, start(node), "a database of the host's settings", faults);
            return Some((source.to_owned(), Dialect::Postgres));
        }
        None if source.contains("://") => faults.add(
            start(node),
            "an address of a database does not belong into a manifest",
            "write \"postgres:NAME\", and url or url_file under [database.NAME] in the host's tollgate.toml",
        ),
        None => faults.add(
            start(node),
            format!("`{}` is no database this host can open", visible(source)),
            format!("write {EXAMPLE}, or \"postgres:NAME\" for [database.NAME] of the host's tollgate.toml"),
        ),
    }
    None
}

fn functions(
    keys: &mut Keys<'_, '_>,
    dialect: Dialect,
    faults: &mut Faults<'_>,
) -> BTreeSet<String> {
    let names = keys.texts("functions", faults);
    for (at, name) in &names {
        if !is_grantable_function(name, dialect) {
            let message = format!("the function `{}` cannot be granted", visible(name));
            let known: Vec<&str> = grantable_functions(dialect).collect();
            let hint = did_you_mean(name, &known);
            faults.add(*at, message, hint);
        }
    }
    names.into_iter().map(|(_, name)| name).collect()
}

fn table(mut keys: Keys<'_, '_>, dialect: Dialect, faults: &mut Faults<'_>) -> Option<TableGrant> {
    let at = keys.at;
    let name = keys
        .need("name", "\"orders\"", faults)
        .and_then(|node| text(node, "name", faults));
    let read = readable(columns(&mut keys, "read", dialect, faults), faults);
    let insert = writable(
        columns(&mut keys, "insert", dialect, faults),
        "insert",
        faults,
    );
    let update = writable(
        columns(&mut keys, "update", dialect, faults),
        "update",
        faults,
    );
    let delete = keys.flag("delete", false, faults);
    let effect = raised(&mut keys, faults);
    let window = window(&mut keys, faults);
    let tenant_column = tenant_column(&mut keys, dialect, [&insert, &update], faults);
    keys.finish(faults);
    let name = folded(name?, dialect);
    if !is_identifier(&name, dialect) || is_system_table(&name) {
        faults.add(
            at,
            format!("`{}` is no table that can be granted", visible(&name)),
            "write the name of an ordinary table, without schema and quotation marks",
        );
    }
    if read.is_empty() && insert.is_empty() && update.is_empty() && !delete {
        faults.add(
            at,
            format!("the row for table `{}` grants nothing", visible(&name)),
            "add read = [\"…\"], insert = [\"…\"], update = [\"…\"] or delete = true",
        );
    }
    Some(TableGrant {
        name,
        read,
        insert,
        update,
        delete,
        effect,
        window,
        tenant_column,
    })
}

/// The column that says whose a row is. The host writes it, so nobody else may.
fn tenant_column(
    keys: &mut Keys<'_, '_>,
    dialect: Dialect,
    written: [&BTreeSet<String>; 2],
    faults: &mut Faults<'_>,
) -> Option<String> {
    let node = keys.get("tenant_column")?;
    let column = folded(text(node, "tenant_column", faults)?, dialect);
    if !is_identifier(&column, dialect) || !ColumnSet::everything().contains(&column) {
        faults.add(
            start(node),
            format!("`{}` is no column that can hold a tenant", visible(&column)),
            "write the column's name, without table and quotation marks",
        );
    }
    if written.iter().any(|columns| columns.contains(&column)) {
        faults.add(
            start(node),
            format!(
                "`{}` is the tenant's column, and granted to be written",
                visible(&column)
            ),
            "take it out of `insert` and `update`: the host writes it",
        );
    }
    Some(column)
}

/// A name as the dialect compares it: PostgreSQL keeps the case of its names, and
/// most are lower case.
fn folded(name: &str, dialect: Dialect) -> String {
    match dialect {
        Dialect::Sqlite => name.to_ascii_lowercase(),
        Dialect::Postgres => name.to_owned(),
    }
}

fn columns(
    keys: &mut Keys<'_, '_>,
    key: &'static str,
    dialect: Dialect,
    faults: &mut Faults<'_>,
) -> Vec<(usize, String)> {
    let names = keys.texts(key, faults);
    let names: Vec<_> = names
        .into_iter()
        .map(|(at, name)| (at, folded(&name, dialect)))
        .collect();
    for (i, (at, name)) in names.iter().enumerate() {
        // What PostgreSQL keeps of a row beside its columns tells of other rows.
        let hidden = dialect == Dialect::Postgres && !ColumnSet::everything().contains(name);
        if name != "*" && (!is_identifier(name, dialect) || hidden) {
            faults.add(
                *at,
                format!("`{}` is no column that can be granted", visible(name)),
                "write the column's name, without table and quotation marks",
            );
        }
        if names[..i].iter().any(|(_, other)| other == name) {
            faults.add(
                *at,
                format!("column `{}` stands twice in `{key}`", visible(name)),
                "remove one of them",
            );
        }
    }
    names
}

fn readable(names: Vec<(usize, String)>, faults: &mut Faults<'_>) -> ColumnSet {
    let all = names.iter().any(|(_, name)| name == "*");
    let everything = ColumnSet::everything();
    if all
        && let Some((at, name)) = names
            .iter()
            .find(|(_, name)| name != "*" && everything.contains(name))
    {
        faults.add(
            *at,
            format!("column `{name}` is granted by `*` already"),
            "write either \"*\" or the columns",
        );
    }
    ColumnSet {
        all,
        names: names
            .into_iter()
            .map(|(_, name)| name)
            .filter(|name| name != "*")
            .collect(),
    }
}

fn writable(names: Vec<(usize, String)>, key: &str, faults: &mut Faults<'_>) -> BTreeSet<String> {
    if let Some((at, _)) = names.iter().find(|(_, name)| name == "*") {
        faults.add(*at, format!("`{key}` cannot be `*`"), "name the columns: one that is added to the table later must not become writable by itself");
    }
    names.into_iter().map(|(_, name)| name).collect()
}

fn is_identifier(name: &str, dialect: Dialect) -> bool {
    let odd =
        |c: char| c.is_control() || matches!(c, '"' | '\'' | '`' | '[' | ']' | '.' | '*' | ';');
    let longest = match dialect {
        Dialect::Sqlite => 128,
        Dialect::Postgres => 63,
    };
    (1..=longest).contains(&name.len()) && !name.contains(odd) && visible(name) == name
}

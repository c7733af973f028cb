//! `INSERT`, `UPDATE` and `DELETE`, part by part.

use std::collections::BTreeSet;

use sqlparser::ast::{
    Assignment, AssignmentTarget, Delete, Expr, FromTable, Insert, ObjectName, Query, SetExpr,
    TableFactor, TableObject, TableWithJoins, Update, Values,
};

use super::{Analysis, Touched, absent};
use crate::sql::{
    SqlRefusal, Verb,
    scope::{Scope, Source},
};

const LEAVE_OUT: &str = "leave it out";
const NO_RETURNING: &str = "read the rows with a SELECT";
const NO_UPSERT: &str = "read first, then INSERT or UPDATE";
const ONE_TABLE: &str = "name one table without an alias";

/// The most rows of one `INSERT`: the default bound on rows changed.
const INSERT_ROWS_MAX: usize = 1_000;

impl Analysis {
    pub(super) fn insert(&mut self, insert: &Insert) -> Result<Touched, SqlRefusal> {
        plain_insert(insert)?;
        let TableObject::TableName(table) = &insert.table else {
            return Err(SqlRefusal::unsupported(
                "INSERT into something else than a table",
                "name a table",
            ));
        };
        let target = self.table_name(table)?;
        self.allows_subqueries = false;
        let writes = self.column_list(&insert.columns)?;
        let rows = insert.source.as_deref().map(values).transpose()?;
        let Some(Values {
            explicit_row: false,
            value_keyword: false,
            rows,
        }) = rows
        else {
            return Err(SqlRefusal::unsupported(
                "INSERT without VALUES",
                "write VALUES (?, …)",
            ));
        };
        absent(
            rows.len() <= INSERT_ROWS_MAX,
            "an INSERT of more than 1000 rows",
            "send fewer at a time",
        )?;
        // No column can be named in VALUES; a name in double quotes would be a
        // string on SQLite.
        let nothing = Scope::new(None);
        for row in rows {
            absent(
                row.len() == writes.len(),
                "a row with more or fewer values than columns",
                "write one value for each column",
            )?;
            self.expressions(row.iter(), &nothing)?;
        }
        Ok(Touched {
            verb: Verb::Insert,
            target: Some(target),
            writes,
        })
    }

    pub(super) fn update(&mut self, update: &Update) -> Result<Touched, SqlRefusal> {
        let Update {
            update_token: _,
            optimizer_hints,
            table,
            assignments,
            from,
            selection,
            returning,
            output,
            or,
            order_by,
            limit,
        } = update;
        absent(
            returning.is_none() && output.is_none(),
            "RETURNING",
            NO_RETURNING,
        )?;
        absent(or.is_none(), "UPDATE OR …", NO_UPSERT)?;
        absent(
            from.is_none(),
            "UPDATE … FROM",
            "read first, and pass the values as parameters",
        )?;
        absent(
            optimizer_hints.is_empty() && order_by.is_empty() && limit.is_none(),
            "an option of UPDATE",
            LEAVE_OUT,
        )?;
        let (target, scope) = self.target(table)?;
        let mut writes = BTreeSet::new();
        for Assignment { target, value } in assignments {
            let AssignmentTarget::ColumnName(column) = target else {
                return Err(SqlRefusal::unsupported(
                    "a list of columns in SET",
                    "write column = value for each",
                ));
            };
            self.add_column(column, &mut writes)?;
            self.expression(value, &scope)?;
        }
        self.condition(selection.as_ref(), &scope)?;
        Ok(Touched {
            verb: Verb::Update,
            target: Some(target),
            writes,
        })
    }

    pub(super) fn delete(&mut self, delete: &Delete) -> Result<Touched, SqlRefusal> {
        let Delete {
            delete_token: _,
            optimizer_hints,
            tables,
            from,
            using,
            selection,
            returning,
            output,
            order_by,
            limit,
        } = delete;
        absent(
            returning.is_none() && output.is_none(),
            "RETURNING",
            NO_RETURNING,
        )?;
        absent(
            using.is_none(),
            "DELETE … USING",
            "read first, and pass the values as parameters",
        )?;
        absent(
            optimizer_hints.is_empty() && order_by.is_empty() && limit.is_none(),
            "an option of DELETE",
            LEAVE_OUT,
        )?;
        let FromTable::WithFromKeyword(from) = from else {
            return Err(SqlRefusal::unsupported(
                "DELETE without FROM",
                "write DELETE FROM … WHERE …",
            ));
        };
        let ([], [table]) = (tables.as_slice(), from.as_slice()) else {
            return Err(SqlRefusal::unsupported(
                "DELETE from several tables",
                ONE_TABLE,
            ));
        };
        let (target, scope) = self.target(table)?;
        self.condition(selection.as_ref(), &scope)?;
        Ok(Touched {
            verb: Verb::Delete,
            target: Some(target),
            writes: BTreeSet::new(),
        })
    }

    /// The one table of an `UPDATE` or `DELETE`, and the scope of its columns.
    /// Naming it reads nothing yet.
    fn target(&mut self, table: &TableWithJoins) -> Result<(String, Scope<'static>), SqlRefusal> {
        let TableWithJoins { relation, joins } = table;
        absent(
            joins.is_empty(),
            "a join in a statement that writes",
            ONE_TABLE,
        )?;
        let TableFactor::Table {
            name,
            alias,
            args,
            with_hints,
            version,
            with_ordinality,
            partitions,
            json_path,
            sample,
            index_hints,
        } = relation
        else {
            return Err(SqlRefusal::unsupported(
                "a change of something else than a table",
                ONE_TABLE,
            ));
        };
        let plain = alias.is_none()
            && args.is_none()
            && with_hints.is_empty()
            && version.is_none()
            && !with_ordinality
            && partitions.is_empty()
            && json_path.is_none()
            && sample.is_none()
            && index_hints.is_empty();
        absent(plain, "an option of the table that is written", ONE_TABLE)?;
        self.allows_subqueries = false;
        let target = self.table_name(name)?;
        let mut scope = Scope::new(None);
        scope.add(
            target.clone(),
            Source::Table(target.clone()),
            &mut self.reads,
        )?;
        self.reads.clear();
        Ok((target, scope))
    }

    fn condition(&mut self, selection: Option<&Expr>, scope: &Scope<'_>) -> Result<(), SqlRefusal> {
        let Some(selection) = selection else {
            return Err(SqlRefusal::unsupported(
                "a change of every row",
                "add WHERE with the rows that are meant",
            ));
        };
        self.expression(selection, scope)
    }

    fn column_list(&self, columns: &[ObjectName]) -> Result<BTreeSet<String>, SqlRefusal> {
        absent(
            !columns.is_empty(),
            "INSERT without a list of columns",
            "write INSERT INTO table (column, …) VALUES (?, …)",
        )?;
        let mut names = BTreeSet::new();
        columns
            .iter()
            .try_for_each(|column| self.add_column(column, &mut names))?;
        Ok(names)
    }

    fn add_column(
        &self,
        column: &ObjectName,
        names: &mut BTreeSet<String>,
    ) -> Result<(), SqlRefusal> {
        let name = self.plain_name(column, "the column")?;
        let what = format!("column `{name}` written twice");
        if names.insert(name) {
            Ok(())
        } else {
            Err(SqlRefusal::unsupported(what, "write each column once"))
        }
    }
}

/// Refuses whatever a plain `INSERT` does not have.
fn plain_insert(insert: &Insert) -> Result<(), SqlRefusal> {
    let Insert {
        insert_token: _,
        optimizer_hints,
        or,
        ignore,
        into,
        table: _,
        table_alias,
        columns: _,
        overwrite,
        source: _,
        assignments,
        partitioned,
        after_columns,
        has_table_keyword,
        on,
        returning,
        output,
        replace_into,
        priority,
        insert_alias,
        settings,
        format_clause,
        multi_table_insert_type,
        multi_table_into_clauses,
        multi_table_when_clauses,
        multi_table_else_clause,
    } = insert;
    absent(
        returning.is_none() && output.is_none(),
        "RETURNING",
        NO_RETURNING,
    )?;
    absent(
        or.is_none() && on.is_none() && !ignore && !replace_into && !overwrite,
        "an upsert",
        NO_UPSERT,
    )?;
    let plain = optimizer_hints.is_empty()
        && *into
        && table_alias.is_none()
        && assignments.is_empty()
        && partitioned.is_none()
        && after_columns.is_empty()
        && !has_table_keyword
        && priority.is_none()
        && insert_alias.is_none()
        && settings.is_none()
        && format_clause.is_none()
        && multi_table_insert_type.is_none()
        && multi_table_into_clauses.is_empty()
        && multi_table_when_clauses.is_empty()
        && multi_table_else_clause.is_none();
    absent(
        plain,
        "an option of INSERT",
        "write INSERT INTO table (column, …) VALUES (?, …)",
    )
}

/// The rows of `VALUES`, and nothing around them.
fn values(query: &Query) -> Result<&Values, SqlRefusal> {
    let Query {
        with,
        body,
        order_by,
        limit_clause,
        fetch,
        locks,
        for_clause,
        settings,
        format_clause,
        pipe_operators,
    } = query;
    let plain = with.is_none()
        && order_by.is_none()
        && limit_clause.is_none()
        && fetch.is_none()
        && locks.is_empty()
        && for_clause.is_none()
        && settings.is_none()
        && format_clause.is_none()
        && pipe_operators.is_empty();
    match body.as_ref() {
        SetExpr::Values(values) if plain => Ok(values),
        _ => Err(SqlRefusal::unsupported(
            "INSERT … SELECT",
            "read first, and pass the values as parameters",
        )),
    }
}

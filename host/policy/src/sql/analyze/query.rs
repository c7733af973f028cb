//! `SELECT`, part by part.

use std::collections::BTreeSet;

use sqlparser::ast::{
    self, Cte, Distinct, Expr, GroupByExpr, Ident, Join, JoinConstraint, JoinOperator, LimitClause,
    OrderBy, OrderByExpr, OrderByKind, OrderByOptions, OrderBySort, Query, Select, SelectFlavor,
    SelectItem, SelectItemQualifiedWildcardKind, SetExpr, TableAlias, TableFactor, TableWithJoins,
    Value, WildcardAdditionalOptions, With,
};

use super::{Analysis, absent};
use crate::sql::{
    SqlRefusal,
    scope::{Scope, Source},
};

const LEAVE_OUT: &str = "leave it out";

/// The most tables that one `FROM` may join. Each multiplies the work of a
/// hostile condition; reports join four or five.
const JOINS_MAX: usize = 8;

/// Where a query stands.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Place {
    /// It is the statement; `*` may stand in it.
    Top,
    /// Its columns get names that others use.
    Table,
    /// Its rows are compared or counted.
    Value,
}

impl Analysis {
    pub(super) fn top_query(&mut self, query: &Query) -> Result<(), SqlRefusal> {
        self.query(query, None, Place::Top).map(drop)
    }

    /// The names of the query's columns; none for [`Place::Value`] and
    /// [`Place::Top`].
    pub(super) fn query(
        &mut self,
        query: &Query,
        outer: Option<&Scope<'_>>,
        place: Place,
    ) -> Result<BTreeSet<String>, SqlRefusal> {
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
        absent(fetch.is_none(), "FETCH", "write LIMIT")?;
        absent(locks.is_empty(), "a row lock", LEAVE_OUT)?;
        absent(for_clause.is_none(), "a FOR clause", LEAVE_OUT)?;
        absent(
            settings.is_none() && format_clause.is_none(),
            "a setting",
            LEAVE_OUT,
        )?;
        absent(pipe_operators.is_empty(), "a pipe", LEAVE_OUT)?;
        absent(
            place == Place::Top || self.allows_subqueries,
            "a subquery in a statement that writes",
            "read first, and pass the values as parameters",
        )?;
        if let Some(with) = with {
            absent(
                place == Place::Top,
                "WITH inside a subquery",
                "move it to the start of the statement",
            )?;
            self.with(with)?;
        }
        match body.as_ref() {
            SetExpr::Select(select) => self.select(
                select,
                order_by.as_ref(),
                limit_clause.as_ref(),
                outer,
                place,
            ),
            SetExpr::SetOperation { .. } => Err(SqlRefusal::unsupported(
                "UNION, INTERSECT or EXCEPT",
                "send one SELECT a call",
            )),
            _ => Err(SqlRefusal::unsupported(
                "a query that is no plain SELECT",
                "write SELECT … FROM …",
            )),
        }
    }

    /// Common table expressions. SQLite lets each one name every other, and
    /// itself, whatever the order; so a name that is not yet complete is refused
    /// instead of being taken for a table.
    fn with(&mut self, with: &With) -> Result<(), SqlRefusal> {
        let With {
            with_token: _,
            recursive,
            cte_tables,
        } = with;
        absent(
            !recursive,
            "WITH RECURSIVE",
            "read the levels in several calls",
        )?;
        for cte in cte_tables {
            let name = self.alias(&cte.alias)?;
            if !self.pending.insert(name.clone()) {
                return Err(SqlRefusal::unsupported(
                    format!("two common table expressions named `{name}`"),
                    "give each its own name",
                ));
            }
        }
        for cte in cte_tables {
            let Cte {
                alias,
                query,
                from,
                materialized,
                closing_paren_token: _,
            } = cte;
            absent(
                from.is_none() && materialized.is_none(),
                "an option of a common table expression",
                LEAVE_OUT,
            )?;
            let columns = self.query(query, None, Place::Table)?;
            let name = self.alias(alias)?;
            self.pending.remove(&name);
            self.tables.insert(name, columns);
        }
        Ok(())
    }

    fn select(
        &mut self,
        select: &Select,
        order_by: Option<&OrderBy>,
        limit: Option<&LimitClause>,
        outer: Option<&Scope<'_>>,
        place: Place,
    ) -> Result<BTreeSet<String>, SqlRefusal> {
        plain_select(select)?;
        let scope = self.from(&select.from, outer)?;
        let mut names = BTreeSet::new();
        for item in &select.projection {
            self.item(item, &scope, place, &mut names)?;
        }
        self.optional(select.selection.as_ref(), &scope)?;
        match &select.group_by {
            GroupByExpr::Expressions(list, modifiers) => {
                absent(modifiers.is_empty(), "a GROUP BY modifier", LEAVE_OUT)?;
                self.expressions(list, &scope)?;
            }
            GroupByExpr::All(_) => {
                return Err(SqlRefusal::unsupported("GROUP BY ALL", "name the columns"));
            }
        }
        self.optional(select.having.as_ref(), &scope)?;
        if let Some(order_by) = order_by {
            self.order_by(order_by, select, &scope)?;
        }
        if let Some(limit) = limit {
            self.limit(limit)?;
        }
        Ok(names)
    }

    fn from<'o>(
        &mut self,
        from: &[TableWithJoins],
        outer: Option<&'o Scope<'o>>,
    ) -> Result<Scope<'o>, SqlRefusal> {
        let mut scope = Scope::new(outer);
        let [] = from else {
            let [TableWithJoins { relation, joins }] = from else {
                return Err(SqlRefusal::unsupported(
                    "a list of tables in FROM",
                    "write JOIN … ON …",
                ));
            };
            absent(
                joins.len() <= JOINS_MAX,
                "a join of more than nine tables",
                "join fewer",
            )?;
            self.relation(relation, &mut scope, outer)?;
            for join in joins {
                self.join(join, &mut scope, outer)?;
            }
            return Ok(scope);
        };
        Ok(scope)
    }

    fn join(
        &mut self,
        join: &Join,
        scope: &mut Scope<'_>,
        outer: Option<&Scope<'_>>,
    ) -> Result<(), SqlRefusal> {
        let Join {
            relation,
            global,
            join_operator,
        } = join;
        absent(!global, "a GLOBAL join", LEAVE_OUT)?;
        self.relation(relation, scope, outer)?;
        match join_operator {
            JoinOperator::Join(JoinConstraint::On(on))
            | JoinOperator::Inner(JoinConstraint::On(on))
            | JoinOperator::Left(JoinConstraint::On(on))
            | JoinOperator::LeftOuter(JoinConstraint::On(on)) => self.expression(on, scope),
            _ => Err(SqlRefusal::unsupported(
                "this kind of join",
                "write JOIN … ON … or LEFT JOIN … ON …",
            )),
        }
    }

    /// A subquery in FROM sees the queries around it, and not its neighbours.
    fn relation(
        &mut self,
        factor: &TableFactor,
        scope: &mut Scope<'_>,
        outer: Option<&Scope<'_>>,
    ) -> Result<(), SqlRefusal> {
        let (name, source) = match factor {
            TableFactor::Table {
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
            } => {
                absent(args.is_none(), "a table-valued function", "name a table")?;
                let plain = with_hints.is_empty()
                    && version.is_none()
                    && !with_ordinality
                    && partitions.is_empty()
                    && json_path.is_none()
                    && sample.is_none()
                    && index_hints.is_empty();
                absent(plain, "an option of a table", LEAVE_OUT)?;
                let table = self.table_name(name)?;
                let alias = alias.as_ref().map(|alias| self.alias(alias)).transpose()?;
                (alias.unwrap_or_else(|| table.clone()), self.source(table)?)
            }
            TableFactor::Derived {
                lateral,
                subquery,
                alias,
                sample,
            } => {
                absent(
                    !lateral && sample.is_none(),
                    "LATERAL or a sample",
                    LEAVE_OUT,
                )?;
                let Some(alias) = alias else {
                    return Err(SqlRefusal::unsupported(
                        "a subquery in FROM without a name",
                        "give it one with AS",
                    ));
                };
                let columns = self.query(subquery, outer, Place::Table)?;
                (self.alias(alias)?, Source::Derived(columns))
            }
            _ => {
                return Err(SqlRefusal::unsupported(
                    "this kind of table",
                    "name a table, or a subquery with AS",
                ));
            }
        };
        scope.add(name, source, &mut self.reads)
    }

    fn source(&self, table: String) -> Result<Source, SqlRefusal> {
        if self.pending.contains(&table) {
            return Err(SqlRefusal::unsupported(
                format!("`{table}` before its WITH clause ends"),
                "order common table expressions so that each names only earlier ones",
            ));
        }
        let derived = self.tables.get(&table).cloned();
        Ok(derived.map_or(Source::Table(table), Source::Derived))
    }

    fn alias(&self, alias: &TableAlias) -> Result<String, SqlRefusal> {
        let TableAlias {
            explicit: _,
            name,
            columns,
            at,
        } = alias;
        absent(
            columns.is_empty() && at.is_none(),
            "a list of columns after an alias",
            "name the columns with AS inside",
        )?;
        self.name(name)
    }

    fn item(
        &mut self,
        item: &SelectItem,
        scope: &Scope<'_>,
        place: Place,
        names: &mut BTreeSet<String>,
    ) -> Result<(), SqlRefusal> {
        let (expr, name) = match item {
            SelectItem::UnnamedExpr(expr) => (expr, column_name(expr)),
            SelectItem::ExprWithAlias { expr, alias } => (expr, Some(alias)),
            SelectItem::Wildcard(options) => {
                plain_star(options, place)?;
                return scope.star(None, &mut self.reads);
            }
            SelectItem::QualifiedWildcard(
                SelectItemQualifiedWildcardKind::ObjectName(table),
                options,
            ) => {
                plain_star(options, place)?;
                let table = self.plain_name(table, "the table")?;
                return scope.star(Some(&table), &mut self.reads);
            }
            _ => {
                return Err(SqlRefusal::unsupported(
                    "this kind of column",
                    "name the columns",
                ));
            }
        };
        self.expression(expr, scope)?;
        let name = name.map(|ident| self.name(ident)).transpose()?;
        match (place, name) {
            (Place::Table, None) => Err(SqlRefusal::unsupported(
                "a computed column without a name",
                "give it one with AS",
            )),
            (Place::Table, Some(name)) if names.contains(&name) => Err(SqlRefusal::unsupported(
                format!("two columns named `{name}`"),
                "give each its own name with AS",
            )),
            (Place::Table, Some(name)) => {
                names.insert(name);
                Ok(())
            }
            _ => Ok(()),
        }
    }

    /// A name alone may be that of a result column. Everywhere else, also inside
    /// an expression here, the database prefers the table's column, and so a
    /// name counts as one.
    fn order_by(
        &mut self,
        order_by: &OrderBy,
        select: &Select,
        scope: &Scope<'_>,
    ) -> Result<(), SqlRefusal> {
        let OrderBy { kind, interpolate } = order_by;
        absent(interpolate.is_none(), "INTERPOLATE", LEAVE_OUT)?;
        let OrderByKind::Expressions(list) = kind else {
            return Err(SqlRefusal::unsupported("ORDER BY ALL", "name the columns"));
        };
        for OrderByExpr {
            expr,
            options:
                OrderByOptions {
                    sort,
                    nulls_first: _,
                },
            with_fill,
        } in list
        {
            absent(with_fill.is_none(), "WITH FILL", LEAVE_OUT)?;
            absent(
                matches!(sort, None | Some(OrderBySort::Asc | OrderBySort::Desc)),
                "ORDER BY … USING",
                "write ASC or DESC",
            )?;
            match expr {
                Expr::Identifier(ident) if self.is_result_name(ident, select)? => {}
                _ => self.expression(expr, scope)?,
            }
        }
        Ok(())
    }

    fn is_result_name(&self, ident: &Ident, select: &Select) -> Result<bool, SqlRefusal> {
        let wanted = self.name(ident)?;
        for item in &select.projection {
            if let SelectItem::ExprWithAlias { alias, .. } = item
                && self.name(alias)? == wanted
            {
                return Ok(true);
            }
        }
        Ok(false)
    }

    fn limit(&mut self, limit: &LimitClause) -> Result<(), SqlRefusal> {
        let LimitClause::LimitOffset {
            limit,
            offset,
            limit_by,
        } = limit
        else {
            return Err(SqlRefusal::unsupported(
                "LIMIT with a comma",
                "write LIMIT … OFFSET …",
            ));
        };
        absent(limit_by.is_empty(), "LIMIT … BY", LEAVE_OUT)?;
        let offset = offset.as_ref().map(|offset| &offset.value);
        let is_count = |expr: &Expr| matches!(expr, Expr::Value(value) if matches!(value.value, Value::Number(..) | Value::Placeholder(_)));
        let plain = limit.iter().chain(offset).all(is_count);
        absent(
            plain,
            "a computed LIMIT or OFFSET",
            "write a number or a parameter",
        )
    }
}

/// Refuses whatever a plain `SELECT` does not have.
fn plain_select(select: &Select) -> Result<(), SqlRefusal> {
    let Select {
        select_token: _,
        optimizer_hints,
        distinct,
        select_modifiers,
        top,
        top_before_distinct: _,
        projection: _,
        exclude,
        into,
        from: _,
        lateral_views,
        prewhere,
        selection: _,
        connect_by,
        group_by: _,
        cluster_by,
        distribute_by,
        sort_by,
        having: _,
        named_window,
        qualify,
        window_before_qualify: _,
        value_table_mode,
        flavor,
    } = select;
    absent(into.is_none(), "SELECT … INTO", LEAVE_OUT)?;
    absent(
        named_window.is_empty() && qualify.is_none(),
        "a window",
        "sort and count in the connector",
    )?;
    absent(
        !matches!(distinct, Some(Distinct::On(_))),
        "DISTINCT ON",
        "write DISTINCT",
    )?;
    let plain = optimizer_hints.is_empty()
        && select_modifiers.is_none()
        && top.is_none()
        && exclude.is_none()
        && lateral_views.is_empty()
        && prewhere.is_none()
        && connect_by.is_empty()
        && cluster_by.is_empty()
        && distribute_by.is_empty()
        && sort_by.is_empty()
        && value_table_mode.is_none()
        && *flavor == SelectFlavor::Standard;
    absent(plain, "an option of SELECT", LEAVE_OUT)
}

fn plain_star(options: &WildcardAdditionalOptions, place: Place) -> Result<(), SqlRefusal> {
    let WildcardAdditionalOptions {
        wildcard_token: _,
        opt_ilike,
        opt_exclude,
        opt_except,
        opt_replace,
        opt_rename,
        opt_alias,
    } = options;
    absent(place == Place::Top, "`*` in a subquery", "name the columns")?;
    let plain = opt_ilike.is_none()
        && opt_exclude.is_none()
        && opt_except.is_none()
        && opt_replace.is_none()
        && opt_rename.is_none()
        && opt_alias.is_none();
    absent(plain, "an option of `*`", LEAVE_OUT)
}

/// The name that a column without an alias has.
fn column_name(expr: &Expr) -> Option<&ast::Ident> {
    match expr {
        Expr::Identifier(ident) => Some(ident),
        Expr::CompoundIdentifier(parts) => parts.last(),
        _ => None,
    }
}

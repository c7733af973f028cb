//! Tables that several tenants share: each statement sees the rows of one.
//!
//! The tree that was judged is changed, never its text:
//!
//! * In a query, a table becomes a subquery under the same name, with the columns
//!   that the statement reads and the condition on the tenant. So the condition
//!   stands before any join, whatever its kind, and each use of the table has its
//!   own.
//! * The condition of an `UPDATE` or `DELETE` gets one more term.
//! * A row of an `INSERT` gets one more value.
//!
//! The attack: a condition that fails for another tenant's row (`1 / (cents - 5)`,
//! a cast of its text) and so tells of it, because a database may compute it before
//! the tenant is compared. A statement with an expression that can fail is
//! therefore fenced: a subquery that is not merged with the query around it, and a
//! `CASE`, which is computed in its order. How long a statement takes is not hidden.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::ControlFlow;

use sqlparser::ast::{
    self, BinaryOperator, CaseWhen, Expr, Ident, LimitClause, ObjectName, Query, Select,
    SelectItem, SetExpr, TableAlias, TableFactor, Value, VisitMut, VisitorMut,
    helpers::attached_token::AttachedToken,
};

use super::{Dialect, SqlRefusal, Statement, analyze::parse, tokens::Tokens};

/// The form of a confined table; names and the number are put into its tree.
const CONFINED: &str = "SELECT 1 FROM t WHERE 1 = 1";

/// The same, not to be merged with the query around it. SQLite pushes nothing
/// into a subquery with LIMIT, PostgreSQL nothing into one with OFFSET.
const FENCED_SQLITE: &str = "SELECT 1 FROM t WHERE 1 = 1 LIMIT -1";
const FENCED_POSTGRES: &str = "SELECT 1 FROM t WHERE 1 = 1 OFFSET 0";

const AS_PARAMETER: &str = "pass its values as parameters";

/// The statement, confined in these tables: by name, the column that says whose a
/// row is.
pub(super) fn confine(
    statement: Statement,
    columns: &BTreeMap<String, String>,
) -> Result<Statement, SqlRefusal> {
    let mut parsed = parse(&Tokens::read(&statement.text, statement.dialect)?)?;
    let confining = Confining {
        statement: &statement,
        columns,
        shadowed: names_of_ctes(&parsed, statement.dialect),
        fault: None,
    };
    confining.change(&mut parsed)?;
    // What the printer writes is believed only if it reads as the tree it printed.
    let tokens = Tokens::read(&parsed.to_string(), statement.dialect)?;
    if parse(&tokens)? != parsed {
        return Err(unwritable());
    }
    let target = statement.target.as_deref();
    let capture = statement.capture.as_ref().and(target);
    Ok(Statement {
        capture: capture.map(|table| tokens.capture(table)).transpose()?,
        text: tokens.text(),
        parameters: tokens.parameters,
        takes_tenant: true,
        ..statement
    })
}

struct Confining<'a> {
    statement: &'a Statement,
    columns: &'a BTreeMap<String, String>,
    /// Names that stand for a common table expression, not for a table.
    shadowed: BTreeSet<String>,
    fault: Option<SqlRefusal>,
}

impl Confining<'_> {
    fn change(mut self, parsed: &mut ast::Statement) -> Result<(), SqlRefusal> {
        match parsed {
            ast::Statement::Query(query) => {
                let _ = query.visit(&mut self);
                self.fault.map_or(Ok(()), Err)
            }
            ast::Statement::Insert(insert) => {
                let Some(column) = self.target_column() else {
                    return Err(unwritable());
                };
                insert.columns.push(ObjectName::from(self.quoted(column)));
                let Some(SetExpr::Values(values)) = insert
                    .source
                    .as_deref_mut()
                    .map(|query| query.body.as_mut())
                else {
                    return Err(unwritable());
                };
                for row in &mut values.rows {
                    row.content.push(self.tenant());
                }
                Ok(())
            }
            ast::Statement::Update(update) => self.narrow(&mut update.selection),
            ast::Statement::Delete(delete) => self.narrow(&mut delete.selection),
            _ => Err(unwritable()),
        }
    }

    fn target_column(&self) -> Option<&str> {
        let target = self.statement.target.as_ref()?;
        self.columns.get(target).map(String::as_str)
    }

    /// The condition of a write, with the tenant before it.
    fn narrow(&self, selection: &mut Option<Expr>) -> Result<(), SqlRefusal> {
        let (Some(column), Some(condition)) = (self.target_column(), selection.take()) else {
            return Err(unwritable());
        };
        let asked = Expr::Nested(Box::new(condition));
        let asked = if self.statement.fallible {
            Expr::Case {
                case_token: AttachedToken::empty(),
                end_token: AttachedToken::empty(),
                operand: None,
                conditions: vec![CaseWhen {
                    condition: self.owned(column),
                    result: asked,
                }],
                else_result: None,
            }
        } else {
            asked
        };
        *selection = Some(Expr::BinaryOp {
            left: Box::new(self.owned(column)),
            op: BinaryOperator::And,
            right: Box::new(asked),
        });
        Ok(())
    }

    /// `column = tenant`.
    fn owned(&self, column: &str) -> Expr {
        Expr::BinaryOp {
            left: Box::new(Expr::Identifier(self.quoted(column))),
            op: BinaryOperator::Eq,
            right: Box::new(self.tenant()),
        }
    }

    /// The parameter after the statement's own.
    fn tenant(&self) -> Expr {
        let number = self.statement.parameters + 1;
        let sign = match self.statement.dialect {
            Dialect::Sqlite => '?',
            Dialect::Postgres => '$',
        };
        Expr::value(Value::Placeholder(format!("{sign}{number}")))
    }

    fn quoted(&self, name: &str) -> Ident {
        let quote = match self.statement.dialect {
            Dialect::Sqlite => '`',
            Dialect::Postgres => '"',
        };
        Ident::with_quote(quote, name)
    }

    /// The rows of a table that are the tenant's, in the columns that are read.
    fn rows_of(&self, table: &str, name: ObjectName) -> Result<Query, SqlRefusal> {
        let dialect = self.statement.dialect;
        let form = match (self.statement.fallible, dialect) {
            (false, _) => CONFINED,
            (true, Dialect::Sqlite) => FENCED_SQLITE,
            (true, Dialect::Postgres) => FENCED_POSTGRES,
        };
        let ast::Statement::Query(mut query) = parse(&Tokens::read(form, dialect)?)? else {
            return Err(unwritable());
        };
        debug_assert!(!self.statement.fallible || has_fence(&query));
        let (Some(column), SetExpr::Select(select)) =
            (self.columns.get(table), query.body.as_mut())
        else {
            return Err(unwritable());
        };
        self.fill(select, table, column, name)?;
        Ok(*query)
    }

    fn fill(
        &self,
        select: &mut Select,
        table: &str,
        column: &str,
        name: ObjectName,
    ) -> Result<(), SqlRefusal> {
        let read = self.statement.reads.get(table);
        if !read.is_some_and(|read| read.all) {
            let names = read.into_iter().flat_map(|read| &read.names);
            let item = |name: &str| SelectItem::UnnamedExpr(Expr::Identifier(self.quoted(name)));
            select.projection = names.map(|name| item(name)).collect();
            if select.projection.is_empty() {
                select.projection = vec![item(column)];
            }
        } else {
            select.projection = vec![SelectItem::Wildcard(Default::default())];
        }
        let Some(TableFactor::Table { name: place, .. }) =
            select.from.first_mut().map(|from| &mut from.relation)
        else {
            return Err(unwritable());
        };
        *place = name;
        select.selection = Some(self.owned(column));
        Ok(())
    }
}

impl VisitorMut for Confining<'_> {
    type Break = ();

    /// After the parts of a factor, so that what is put in is not visited again.
    fn post_visit_table_factor(&mut self, factor: &mut TableFactor) -> ControlFlow<()> {
        let TableFactor::Table { name, alias, .. } = factor else {
            return ControlFlow::Continue(());
        };
        let Some(ident) = name.0.first().and_then(|part| part.as_ident()).cloned() else {
            self.fault = Some(unwritable());
            return ControlFlow::Break(());
        };
        let table = folded(&ident, self.statement.dialect);
        if self.shadowed.contains(&table) || !self.columns.contains_key(&table) {
            return ControlFlow::Continue(());
        }
        let alias = alias.take().unwrap_or(TableAlias {
            explicit: true,
            name: ident,
            columns: Vec::new(),
            at: None,
        });
        match self.rows_of(&table, name.clone()) {
            Ok(rows) => {
                *factor = TableFactor::Derived {
                    lateral: false,
                    subquery: Box::new(rows),
                    alias: Some(alias),
                    sample: None,
                };
                ControlFlow::Continue(())
            }
            Err(fault) => {
                self.fault = Some(fault);
                ControlFlow::Break(())
            }
        }
    }
}

fn has_fence(query: &Query) -> bool {
    matches!(
        &query.limit_clause,
        Some(LimitClause::LimitOffset { limit, offset, .. }) if limit.is_some() || offset.is_some()
    )
}

/// A statement that passed has common table expressions at its start only, and
/// none is named before it is complete: wherever the name stands, it is that one.
fn names_of_ctes(parsed: &ast::Statement, dialect: Dialect) -> BTreeSet<String> {
    let ast::Statement::Query(query) = parsed else {
        return BTreeSet::new();
    };
    let tables = query.with.iter().flat_map(|with| &with.cte_tables);
    tables.map(|cte| folded(&cte.alias.name, dialect)).collect()
}

/// A name as the database compares it, of a statement that passed.
fn folded(ident: &Ident, dialect: Dialect) -> String {
    if dialect == Dialect::Postgres && ident.quote_style.is_some() {
        ident.value.clone()
    } else {
        ident.value.to_ascii_lowercase()
    }
}

fn unwritable() -> SqlRefusal {
    SqlRefusal::unsupported("this statement on a table of several tenants", AS_PARAMETER)
}

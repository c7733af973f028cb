//! From text to what a statement touches.

mod expression;
mod query;
mod types;
mod write;

use std::collections::{BTreeMap, BTreeSet};

use sqlparser::{
    ast::{self, Ident, ObjectName, ObjectNamePart},
    parser::Parser,
    tokenizer::Token,
};

use super::{
    Dialect, SqlRefusal, Statement, Verb,
    scope::Reads,
    tokens::{Tokens, parser_dialect},
    words::{is_keyword, is_system_table},
};
use crate::visible;

/// How deep a statement may nest. Written by hand they reach five or six; the
/// parser takes a level or two of its own for each.
const NESTING_MAX: usize = 40;

/// Read one statement and say all that it touches.
///
/// # Errors
/// When the text is not one statement of the subset that is known to touch
/// nothing else: a `SELECT` with joins, grouping and subqueries, `INSERT …
/// VALUES` with a column list, `UPDATE … SET … WHERE`, `DELETE … WHERE`.
pub fn analyze(text: &str, dialect: Dialect) -> Result<Statement, SqlRefusal> {
    let tokens = Tokens::read(text, dialect)?;
    let parsed = parse(&tokens)?;
    let mut analysis = Analysis {
        dialect,
        reads: BTreeMap::new(),
        functions: BTreeSet::new(),
        tables: BTreeMap::new(),
        pending: BTreeSet::new(),
        allows_subqueries: true,
        fallible: false,
        depth: 0,
    };
    let touched = analysis.statement(&parsed)?;
    let captures = matches!(touched.verb, Verb::Update | Verb::Delete);
    let target = touched.target.as_deref().filter(|_| captures);
    Ok(Statement {
        dialect,
        capture: target.map(|table| tokens.capture(table)).transpose()?,
        verb: touched.verb,
        target: touched.target,
        reads: analysis.reads,
        writes: touched.writes,
        functions: analysis.functions,
        fallible: analysis.fallible,
        takes_tenant: false,
        text: tokens.text(),
        parameters: tokens.parameters,
    })
}

/// The parser's own loop over statements is not used: it stops at the word
/// `END` and leaves the rest unread, which SQLite takes for an alias and reads on
/// (`SELECT id FROM orders END WHERE token = 'a'`).
pub(super) fn parse(tokens: &Tokens) -> Result<ast::Statement, SqlRefusal> {
    let unreadable = |reason: &dyn std::fmt::Display| SqlRefusal::Unreadable {
        reason: visible(&reason.to_string()),
    };
    let parser = Parser::new(parser_dialect(tokens.dialect)).with_recursion_limit(NESTING_MAX);
    let mut parser = parser.with_tokens(tokens.all.clone());
    let parsed = parser
        .parse_statement()
        .map_err(|error| unreadable(&error))?;
    match &parser.peek_token_ref().token {
        Token::EOF => Ok(parsed),
        rest => Err(unreadable(&format!("the statement ends before `{rest}`"))),
    }
}

/// What has been found so far.
struct Analysis {
    dialect: Dialect,
    reads: Reads,
    functions: BTreeSet<String>,
    /// Common table expressions in scope, with their columns.
    tables: BTreeMap<String, BTreeSet<String>>,
    /// Common table expressions that are not yet complete. SQLite lets them be
    /// named all the same.
    pending: BTreeSet<String>,
    allows_subqueries: bool,
    /// Whether an expression can fail for some value of a row.
    fallible: bool,
    depth: usize,
}

/// What the statement itself does.
struct Touched {
    verb: Verb,
    target: Option<String>,
    writes: BTreeSet<String>,
}

impl Analysis {
    fn statement(&mut self, statement: &ast::Statement) -> Result<Touched, SqlRefusal> {
        match statement {
            ast::Statement::Query(query) => {
                self.top_query(query)?;
                Ok(Touched {
                    verb: Verb::Select,
                    target: None,
                    writes: BTreeSet::new(),
                })
            }
            ast::Statement::Insert(insert) => self.insert(insert),
            ast::Statement::Update(update) => self.update(update),
            ast::Statement::Delete(delete) => self.delete(delete),
            _ => Err(SqlRefusal::unsupported(
                "this kind of statement",
                "write a SELECT, INSERT, UPDATE or DELETE",
            )),
        }
    }

    /// A name as the database compares it.
    fn name(&self, ident: &Ident) -> Result<String, SqlRefusal> {
        match (ident.quote_style, self.dialect) {
            (None, _) if is_keyword(&ident.value.to_ascii_uppercase()) => {
                let what = format!("the keyword `{}` as a name", visible(&ident.value));
                Err(SqlRefusal::unsupported(
                    what,
                    "put it in double quotes, or use another name",
                ))
            }
            (None, _) | (Some('`'), Dialect::Sqlite) => Ok(ident.value.to_ascii_lowercase()),
            (Some('"'), Dialect::Postgres) => Ok(ident.value.clone()),
            // SQLite takes 'orders' for a table where no string can stand.
            (Some(_), _) => Err(SqlRefusal::unsupported(
                "a string as a name",
                "put names in double quotes",
            )),
        }
    }

    /// A name without a schema before it.
    fn plain_name(&self, name: &ObjectName, what: &'static str) -> Result<String, SqlRefusal> {
        match name.0.as_slice() {
            [ObjectNamePart::Identifier(ident)] => self.name(ident),
            _ => Err(SqlRefusal::unsupported(
                format!("{what} `{}`", visible(&name.to_string())),
                "write its name alone, without a schema or database before it",
            )),
        }
    }

    /// A table's name, never one of the database's own.
    fn table_name(&self, name: &ObjectName) -> Result<String, SqlRefusal> {
        let table = self.plain_name(name, "the table")?;
        if is_system_table(&table) {
            return Err(SqlRefusal::unsupported(
                format!("the database's own table `{table}`"),
                "name tables that the manifest grants",
            ));
        }
        Ok(table)
    }
}

/// Refuses a part that must be absent.
fn absent(is_absent: bool, what: &'static str, instead: &'static str) -> Result<(), SqlRefusal> {
    if is_absent {
        Ok(())
    } else {
        Err(SqlRefusal::unsupported(what, instead))
    }
}

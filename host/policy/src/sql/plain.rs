//! Which column of which table each value of an answer is.
//!
//! Provenance asks where a value was read. The attack: `SELECT 'DE66' AS iban`,
//! which answers with a column `iban` that no table has; the same in a subquery,
//! a common table expression, a `UNION` or a join. So only the plainest query
//! says where its values come from: columns as they are, of one table.

use sqlparser::ast::{Expr, Ident, ObjectNamePart, SelectItem, SetExpr, Statement, TableFactor};

use super::{Dialect, analyze::parse, tokens::Tokens};

/// Where the values of an answer stand.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PlainColumns {
    /// The table, as the dialect compares it.
    pub table: String,
    /// The column of each value in a row, in order; nothing for what is computed.
    /// `None` for `*`: the answer's own names are those of the table.
    pub columns: Option<Vec<Option<String>>>,
}

/// Where a query's values stand. Nothing where it is not a query of columns of one
/// table.
#[must_use]
pub fn plain_columns(text: &str, dialect: Dialect) -> Option<PlainColumns> {
    let tokens = Tokens::read(text, dialect).ok()?;
    let Statement::Query(query) = parse(&tokens).ok()? else {
        return None;
    };
    let SetExpr::Select(select) = *query.body else {
        return None;
    };
    if query.with.is_some() {
        return None;
    }
    let [from] = select.from.as_slice() else {
        return None;
    };
    let TableFactor::Table {
        name, args: None, ..
    } = &from.relation
    else {
        return None;
    };
    let ([ObjectNamePart::Identifier(table)], []) = (name.0.as_slice(), from.joins.as_slice())
    else {
        return None;
    };
    let table = folded(table, dialect)?;
    if let [SelectItem::Wildcard(_)] = select.projection.as_slice() {
        return Some(PlainColumns {
            table,
            columns: None,
        });
    }
    let column = |item: &SelectItem| match item {
        SelectItem::UnnamedExpr(Expr::Identifier(name)) => folded(name, dialect),
        _ => None,
    };
    let is_wild = |item: &SelectItem| {
        matches!(
            item,
            SelectItem::Wildcard(_) | SelectItem::QualifiedWildcard(..)
        )
    };
    // `*` beside others: how many values it gives is not in the text.
    if select.projection.iter().any(is_wild) {
        return None;
    }
    Some(PlainColumns {
        table,
        columns: Some(select.projection.iter().map(column).collect()),
    })
}

/// A name as the dialect compares it. SQLite takes a quoted name that is no column
/// for a text: `SELECT "DE66" FROM customers` answers `DE66`.
fn folded(name: &Ident, dialect: Dialect) -> Option<String> {
    match (dialect, name.quote_style) {
        (Dialect::Sqlite, Some(_)) => None,
        (Dialect::Postgres, Some(_)) => Some(name.value.clone()),
        (_, None) => Some(name.value.to_lowercase()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_of_one_table_have_their_names() {
        let names = |text: &str| {
            let found = plain_columns(text, Dialect::Sqlite)?;
            let columns = found.columns.map(|all| {
                let all = all.into_iter().map(Option::unwrap_or_default);
                all.collect::<Vec<_>>().join(",")
            });
            Some(format!(
                "{}: {}",
                found.table,
                columns.unwrap_or_else(|| "*".to_owned())
            ))
        };
        for (text, expected) in [
            (
                "SELECT id, IBAN FROM Customers WHERE id = ?",
                Some("customers: id,iban"),
            ),
            ("SELECT * FROM customers", Some("customers: *")),
            (
                "SELECT id, 'DE66' AS iban FROM customers",
                Some("customers: id,"),
            ),
            ("SELECT id AS iban FROM customers", Some("customers: ")),
            ("SELECT id || '' FROM customers", Some("customers: ")),
            ("SELECT \"DE66\" FROM customers", Some("customers: ")),
            ("SELECT 'DE66' AS iban", None),
            ("SELECT iban FROM (SELECT 'DE66' AS iban)", None),
            (
                "WITH customers AS (SELECT 'DE66' AS iban) SELECT iban FROM customers",
                None,
            ),
            ("SELECT iban FROM customers UNION SELECT 'DE66'", None),
            ("SELECT iban FROM customers, orders", None),
            ("SELECT iban FROM customers JOIN orders ON 1 = 1", None),
            ("SELECT *, 'x' FROM customers", None),
            ("SELECT customers.* FROM customers", None),
            ("VALUES ('DE66')", None),
            ("UPDATE customers SET iban = 'DE66'", None),
            ("SELECT", None),
        ] {
            assert_eq!(names(text).as_deref(), expected, "{text}");
        }
        let postgres =
            |text| plain_columns(text, Dialect::Postgres).and_then(|found| found.columns);
        assert_eq!(
            postgres("SELECT \"IBAN\", Iban FROM customers"),
            Some(vec![Some("IBAN".to_owned()), Some("iban".to_owned())])
        );
    }
}

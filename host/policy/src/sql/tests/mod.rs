//! Attacks on the first wall, by family.
//!
//! | room | what is tried |
//! |---|---|
//! | `allowed` | what has to work |
//! | `statements` | several statements, comments, other kinds |
//! | `names` | tables and columns that are not granted, quoting, schemas |
//! | `functions` | functions, and operators that call them |
//! | `queries` | subqueries, common table expressions, joins |
//! | `writes` | `INSERT`, `UPDATE`, `DELETE`, parameters |
//! | `sizes` | long and deep statements |
//! | `written` | the text that runs, and what is told of a statement |
//! | `postgres` | what only PostgreSQL understands |
//! | `tenant` | tables that several tenants share |
//! | `random` | whatever else |

#![expect(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]

mod allowed;
mod functions;
mod names;
mod postgres;
mod queries;
mod random;
mod sizes;
mod statements;
mod tenant;
mod writes;
mod written;

use super::*;
use crate::Effect;

/// `orders` is granted in part, `customers` to read only, `log` whole,
/// `secrets` not at all.
fn grant() -> SqlGrant {
    let set = |names: &[&str]| {
        names
            .iter()
            .map(|name| (*name).to_owned())
            .collect::<BTreeSet<_>>()
    };
    let table = |name: &str, read, insert: &[&str], update: &[&str], delete, effect| TableGrant {
        name: name.to_owned(),
        read,
        insert: set(insert),
        update: set(update),
        delete,
        effect,
        window: None,
        tenant_column: None,
    };
    let orders = ColumnSet::named(["id", "customer", "status", "cents", "customer name"]);
    SqlGrant {
        name: "orders".to_owned(),
        source: "sqlite:data/orders.db".to_owned(),
        dialect: Dialect::Sqlite,
        max_rows: 1_000,
        max_bytes: 1 << 20,
        functions: set(&[
            "count",
            "sum",
            "lower",
            "substr",
            "trim",
            "coalesce",
            "date",
            "replace",
            "current_timestamp",
        ]),
        tables: vec![
            table(
                "orders",
                orders,
                &["id", "customer", "status"],
                &["status"],
                false,
                Some(Effect::Irreversible),
            ),
            table(
                "customers",
                ColumnSet::named(["id", "name"]),
                &[],
                &[],
                false,
                None,
            ),
            table(
                "log",
                ColumnSet::everything(),
                &["line"],
                &["line"],
                true,
                None,
            ),
            table("outbox", ColumnSet::default(), &["line"], &[], true, None),
        ],
    }
}

fn judge(text: &str) -> Result<Statement, SqlRefusal> {
    let statement = analyze(text, Dialect::Sqlite)?;
    grant().check(&statement)?;
    Ok(statement)
}

/// What must be refused, each with a word of the reason.
fn refuse(attacks: &[(&str, &str)], judge: impl Fn(&str) -> Result<Statement, SqlRefusal>) {
    let mut wrong = Vec::new();
    for (text, reason) in attacks {
        match judge(text) {
            Ok(_) => wrong.push(format!("PASSED  {text}")),
            Err(refusal) => {
                let message = refusal.to_string();
                if !reason.split('|').any(|reason| message.contains(reason)) {
                    wrong.push(format!("{text}\n    {message}\n    not: {reason}"));
                }
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

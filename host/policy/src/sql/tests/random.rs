//! Whatever else: words at random, good statements with a word changed.

use proptest::prelude::*;

use super::{allowed::ALLOWED, *};

/// Words that statements, good and bad, are made of.
const WORDS: &[&str] = &[
    "SELECT",
    "FROM",
    "WHERE",
    "orders",
    "secrets",
    "log",
    "customers",
    "id",
    "token",
    "line",
    "*",
    ",",
    "(",
    ")",
    "=",
    "'x'",
    "\"x\"",
    "?",
    "INSERT",
    "INTO",
    "VALUES",
    "UPDATE",
    "SET",
    "DELETE",
    "AND",
    "OR",
    "NOT",
    "IN",
    "AS",
    "o",
    ".",
    "JOIN",
    "ON",
    "LEFT",
    "GROUP BY",
    "ORDER BY",
    "HAVING",
    "LIMIT",
    "1",
    "count",
    "lower",
    "load_extension",
    "WITH",
    "UNION",
    "EXISTS",
    "CASE",
    "WHEN",
    "THEN",
    "END",
    "--",
    "/*",
    "*/",
    ";",
    "main",
    "sqlite_master",
    "rowid",
    "NULL",
    "LIKE",
    "BETWEEN",
    "RETURNING",
    "`",
    "[",
    "]",
    "'",
    "\\",
    "''",
    "||",
    "-",
    "CAST",
    "END",
    "USING",
    "WINDOW",
    "INDEXED",
    "OFFSET",
    "FOR",
    "TOP",
    "::",
    "COLLATE",
    "ELSE",
    "OVER",
    "FILTER",
    "EXCEPT",
];

fn statement_like() -> impl Strategy<Value = String> {
    let words = proptest::collection::vec(proptest::sample::select(WORDS), 0..24)
        .prop_map(|words| words.join(" "));
    let edited = (
        proptest::sample::select(ALLOWED),
        any::<prop::sample::Index>(),
        proptest::sample::select(WORDS),
        any::<bool>(),
    )
        .prop_map(|(text, at, word, replaces)| {
            let mut parts: Vec<&str> = text.split(' ').collect();
            let at = at.index(parts.len());
            if replaces {
                parts[at] = word;
            } else {
                parts.insert(at, word);
            }
            parts.join(" ")
        });
    prop_oneof![words, edited.clone(), edited, "\\PC{0,80}"]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2_000))]

    #[test]
    fn whatever_passes_is_stable_and_names_nothing_ungranted(text in statement_like()) {
        let Ok(statement) = judge(&text) else { return Ok(()) };
        // What runs is read in the same way again.
        let again = judge(&statement.text).unwrap();
        prop_assert_eq!(&again, &statement);
        // Outside strings, nothing that ends a statement or hides a part of it.
        let bare: String = statement.text.split('\'').step_by(2).collect::<Vec<_>>().join(" ");
        prop_assert!([";", "--", "/*", "*/"].iter().all(|mark| !bare.contains(mark)), "{}", bare);
        prop_assert!(statement.functions.is_subset(&grant().functions));
        prop_assert!(statement.reads.keys().all(|table| table != "secrets"));
        prop_assert!(statement.reads.values().all(|columns| !columns.names.contains("rowid")));
        if let Some(capture) = &statement.capture {
            let query = analyze(&capture.select, Dialect::Sqlite).unwrap();
            prop_assert_eq!(query.verb, Verb::Select);
            prop_assert_eq!(query.parameters, capture.parameter_indexes.len());
            prop_assert!(capture.parameter_indexes.iter().all(|index| *index < statement.parameters));
        }
    }

    #[test]
    fn a_string_survives_whatever_is_in_it(text in "[\\PC'\\\\]{0,40}") {
        let quoted = text.replace('\'', "''");
        let statement = analyze(&format!("SELECT id FROM orders WHERE status = '{quoted}'"), Dialect::Sqlite).unwrap();
        prop_assert_eq!(statement.text, format!("SELECT id FROM orders WHERE status = '{quoted}'"));
    }

    #[test]
    fn garbage_never_panics_in_either_dialect(text in "\\PC{0,120}") {
        let _ = analyze(&text, Dialect::Sqlite);
        let _ = analyze(&text, Dialect::Postgres);
    }
}

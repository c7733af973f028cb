//! Long and deep statements.

use super::*;

#[test]
fn long_and_deep_statements_are_refused_without_harm() {
    let nested = |open: &str, close: &str, n: usize| {
        format!("SELECT {}1{}", open.repeat(n), close.repeat(n))
    };
    for text in [
        format!("SELECT '{}'", "x".repeat(STATEMENT_BYTES_MAX)),
        nested("(", ")", 5_000),
        nested("NOT ", "", 5_000),
        nested("- ", "", 5_000),
        nested("lower(", ")", 5_000),
        nested("(SELECT ", ")", 2_000),
        nested("CASE WHEN 1 THEN ", " END", 1_500),
        format!("SELECT 1{}", " + 1".repeat(10_000)),
        format!("SELECT 1{}", " IS NULL".repeat(1_500)),
        format!("SELECT 1{}", " COLLATE nocase".repeat(3_000)),
        format!("SELECT 1{}", " GLOB 1".repeat(5_000)),
        format!("SELECT id FROM orders WHERE {}", "id IN (".repeat(1_000)),
        format!("SELECT {}1", "?,".repeat(30_000)),
        format!(
            "SELECT o.id FROM orders o {}",
            (0..20)
                .map(|i| format!("JOIN log l{i} ON 1 = 1 "))
                .collect::<String>()
        ),
        format!("INSERT INTO log (line) VALUES {}(1)", "(1),".repeat(1_000)),
    ] {
        assert!(judge(&text).is_err(), "{}", &text[..60]);
    }
    let long = format!(
        "SELECT id FROM orders WHERE id = 1{}",
        " OR id = 1".repeat(450)
    );
    judge(&long).unwrap();
}

//! Values of every kind: what is read, what is written, and what comes back.

use super::Station;
use crate::house::agent;

const EXACT: &str = "
CREATE TYPE mood AS ENUM ('good', 'bad');
CREATE TABLE exact (id uuid, part bigint, n numeric, d float8, f real, at timestamptz, t time,
  due date, span interval, doc jsonb, raw json, bytes bytea, list text[], whole int2[], ok boolean,
  code char(5), feeling mood, \"Odd Name\" text, kept text GENERATED ALWAYS AS (upper(code::text)) STORED,
  serial integer GENERATED ALWAYS AS IDENTITY, PRIMARY KEY (id, part));
INSERT INTO exact VALUES
  ('6f2c9a4e-0000-4000-8000-000000000001', 9007199254740993, 12345678901234567890.123456789000,
   '-Infinity', 'NaN', '2026-01-31 23:59:59.999999+02', '24:00:00', 'infinity', '1 year 2 days 03:04:05.6',
   '{\"b\": 1.10, \"a\": [null, \"\\u00e9\"]}', '{\"b\" : 1,  \"b\": 2}', '\\x00ff', '{a,\"b,c\",NULL,\"\"}', '{1,-2}', true,
   'ab', 'bad', 'it''s \"odd\" \\\\ ', DEFAULT, DEFAULT),
  ('6f2c9a4e-0000-4000-8000-000000000002', 2, 'NaN', 0.1, '-0', '-infinity', '00:00', '0044-03-15 BC', '-1 mon',
   NULL, NULL, '', '{}', NULL, NULL, NULL, 'good', '', DEFAULT, DEFAULT);
";

const GRANT: &str = r#"
[[grant.sql.orders.table]]
name = "exact"
read = ["*"]
update = ["n", "d", "f", "at", "t", "due", "span", "doc", "raw", "bytes", "list", "whole", "ok", "code", "feeling", "Odd Name"]
insert = ["id", "part", "n", "feeling", "doc", "ok", "bytes"]
delete = true
"#;

const ROWS: &str = "SELECT e::text AS v FROM exact AS e ORDER BY id, part";

#[tokio::test(flavor = "multi_thread")]
async fn every_value_comes_back_exactly() {
    let Some(station) = Station::new(EXACT, "", GRANT).await else {
        return;
    };
    let before = station.look(ROWS).await;
    for statement in [
        "UPDATE exact SET n = 1, d = 2, f = 3, at = '2020-01-01', t = '12:00', due = '2020-01-01', \
         span = '1 s', doc = '1', raw = '1', bytes = 'x', list = '{z}', whole = '{9}', ok = FALSE, \
         code = 'zz', feeling = 'good', \"Odd Name\" = 'even' WHERE part > 0",
        "UPDATE exact SET n = NULL, d = NULL, doc = NULL, list = NULL, ok = NULL WHERE part > 0",
        "DELETE FROM exact WHERE part > 0",
        "INSERT INTO exact (id, part, n, feeling, doc, ok) VALUES \
         ('6f2c9a4e-0000-4000-8000-000000000003', 1, 1.50, 'good', '{}', TRUE)",
    ] {
        let report = station.change(statement).await;
        assert_ne!(station.look(ROWS).await, before, "{statement}");
        let undone = station
            .house
            .host
            .undo(&agent(), &report.run, false)
            .await
            .unwrap();
        assert_eq!(undone.outcome, "undone", "{statement}: {undone:?}");
        assert_eq!(station.look(ROWS).await, before, "{statement}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn values_are_read_as_the_server_writes_them() {
    let Some(station) = Station::new(EXACT, "", GRANT).await else {
        return;
    };
    let (done, answer) = station
        .query(
            "SELECT * FROM exact WHERE id = $1 AND part = $2",
            &["6f2c9a4e-0000-4000-8000-000000000001", "9007199254740993"],
        )
        .await;
    assert!(done, "{answer}");
    for value in [
        "Text(\"6f2c9a4e-0000-4000-8000-000000000001\")",
        "Integer(9007199254740993)",
        "Text(\"12345678901234567890.123456789000\")",
        "Real(-inf)",
        "Real(NaN)",
        "Text(\"2026-01-31 21:59:59.999999+00\")",
        "Text(\"24:00:00\")",
        "Text(\"infinity\")",
        "Text(\"P1Y2DT3H4M5.6S\")",
        "Blob([0, 255])",
        "Text(\"{a,\\\"b,c\\\",NULL,\\\"\\\"}\")",
        "Integer(1)",
        "Text(\"bad\")",
    ] {
        assert!(answer.contains(value), "{value} is not in {answer}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_parameter_means_what_a_literal_means_in_its_place() {
    let Some(station) = Station::new(EXACT, "", GRANT).await else {
        return;
    };
    for (statement, parameters) in [
        (
            "SELECT part FROM exact WHERE n > $1",
            ["12345678901234567890"].as_slice(),
        ),
        ("SELECT part FROM exact WHERE at < $1", &["2027-01-01"]),
        ("SELECT part FROM exact WHERE feeling = $1", &["bad"]),
        (
            "SELECT part FROM exact WHERE list = $1",
            &["{a,\"b,c\",NULL,\"\"}"],
        ),
        (
            "SELECT part FROM exact WHERE doc = $1",
            &["{\"a\": [null, \"\u{e9}\"], \"b\": 1.10}"],
        ),
        ("SELECT part FROM exact WHERE code = $1", &["ab"]),
        (
            "SELECT part FROM exact WHERE part = $1 LIMIT $2",
            &["9007199254740993", "1"],
        ),
        (
            "SELECT part FROM exact WHERE ok = $1 AND part = CAST($2 AS bigint)",
            &["1", "9007199254740993"],
        ),
    ] {
        let (done, answer) = station.query(statement, parameters).await;
        assert!(
            done && answer.contains("9007199254740993"),
            "{statement}: {answer}"
        );
    }
    // A value is never a part of the statement.
    let (done, answer) = station
        .query("SELECT part FROM exact WHERE code = $1", &["x' OR true --"])
        .await;
    assert!(done && answer.contains("rows: []"), "{answer}");
    let (done, answer) = station
        .query("SELECT part FROM exact WHERE part = $1", &["1 OR true"])
        .await;
    assert!(!done && answer.contains("Failed"), "{answer}");
}

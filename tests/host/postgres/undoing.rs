//! Taking back: exact, or not at all, and nobody's edit is lost.

use super::{ROWS, Station};
use crate::house::{BOSS, agent};
use tollgate_tests::named;

async fn undo(station: &Station, run: &str) -> String {
    let report = station.house.host.undo(&agent(), run, false).await.unwrap();
    report.outcome.to_string()
}

#[tokio::test(flavor = "multi_thread")]
async fn rows_come_back_exactly() {
    let Some(station) = Station::new("", "", "").await else {
        return;
    };
    let before = station.look(ROWS).await;
    for statement in [
        "INSERT INTO orders (customer, status) VALUES ('dee', 'open')",
        "INSERT INTO orders (id, customer) VALUES (40, 'x'), (41, 'y')",
        "UPDATE orders SET status = 'closed' WHERE status = 'open'",
        "UPDATE orders SET status = NULL WHERE id > 0",
        "DELETE FROM orders WHERE id = 3",
        "DELETE FROM orders WHERE id > 0",
    ] {
        let report = station.change(statement).await;
        let after = station.look(ROWS).await;
        assert_ne!(after, before, "{statement}");
        assert_eq!(undo(&station, &report.run).await, "undone", "{statement}");
        assert_eq!(station.look(ROWS).await, before, "{statement}");
        assert_eq!(undo(&station, &report.run).await, "nothing");
    }
    assert_eq!(
        station
            .house
            .host
            .verify(&named("default"))
            .await
            .unwrap()
            .problem,
        None
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn an_inserted_row_s_key_is_told() {
    let Some(station) = Station::new("", "", "").await else {
        return;
    };
    let (done, answer) = station
        .attempt("INSERT INTO orders (customer) VALUES ('dee')", "execute")
        .await;
    assert!(done && answer.contains("inserted-id: Some(10)"), "{answer}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_person_s_edit_is_a_conflict_that_shows_three_values() {
    let Some(station) = Station::new("", "", "").await else {
        return;
    };
    let report = station
        .change("UPDATE orders SET status = 'paid' WHERE id = 1")
        .await;
    station
        .sql("UPDATE orders SET status = 'disputed' WHERE id = 1")
        .await;
    let before = station.look(ROWS).await;
    let undone = station
        .house
        .host
        .undo(&agent(), &report.run, false)
        .await
        .unwrap();
    assert_eq!(undone.outcome, "conflict");
    let conflict = undone.steps[0].conflict.as_ref().unwrap();
    for (value, status) in [
        (&conflict.before, "open"),
        (&conflict.written, "paid"),
        (&conflict.now, "disputed"),
    ] {
        assert_eq!(value["rows"][0]["columns"]["status"], status, "{value}");
    }
    assert_eq!(station.look(ROWS).await, before);
    station
        .sql("UPDATE orders SET status = 'paid' WHERE id = 1")
        .await;
    assert_eq!(undo(&station, &report.run).await, "undone");
    // Rows that came back, or are gone.
    let report = station.change("DELETE FROM orders WHERE id = 2").await;
    station
        .sql("INSERT INTO orders VALUES (2, 'else', 'x', NULL)")
        .await;
    assert_eq!(undo(&station, &report.run).await, "conflict");
    let report = station
        .change("UPDATE orders SET status = 'z' WHERE id = 3")
        .await;
    station.sql("DELETE FROM orders WHERE id = 3").await;
    assert_eq!(undo(&station, &report.run).await, "conflict");
}

/// Tables whose rows cannot be put back one by one.
const UNFIT: &str = "
CREATE TABLE loose (line text); INSERT INTO loose VALUES ('a');
CREATE TABLE stamped (id integer PRIMARY KEY, line text, at timestamptz);
INSERT INTO stamped VALUES (1, 'a', NULL);
CREATE FUNCTION stamp() RETURNS trigger LANGUAGE plpgsql AS
  'BEGIN NEW.at = now(); RETURN NEW; END';
CREATE TRIGGER stamping BEFORE UPDATE ON stamped FOR EACH ROW EXECUTE FUNCTION stamp();
";

const UNFIT_GRANT: &str = r#"
[[grant.sql.orders.table]]
name = "loose"
read = ["line"]
update = ["line"]

[[grant.sql.orders.table]]
name = "stamped"
read = ["id", "line"]
update = ["line"]
"#;

#[tokio::test(flavor = "multi_thread")]
async fn what_cannot_be_put_back_asks_a_person() {
    let more = format!("{UNFIT_GRANT}{BOSS}");
    let Some(station) = Station::new(UNFIT, "", &more).await else {
        return;
    };
    for statement in [
        "UPDATE loose SET line = 'b' WHERE line = 'a'",
        "UPDATE stamped SET line = 'b' WHERE id = 1",
    ] {
        let input =
            serde_json::json!({"database": "orders", "statement": statement, "execute": true});
        let report = station.house.call("try_sql", input).await;
        assert_eq!(
            report.state,
            tollgate_runtime::RunState::Held,
            "{statement}: {report:?}"
        );
    }
    assert_eq!(station.look("SELECT line AS v FROM loose").await, ["a"]);
    assert_eq!(station.look("SELECT line AS v FROM stamped").await, ["a"]);
    // A preview asks nobody, and changes nothing.
    let (done, answer) = station
        .attempt("UPDATE stamped SET line = 'b' WHERE id = 1", "preview")
        .await;
    assert!(done && answer.contains("rows-affected: 1"), "{answer}");
    assert_eq!(station.look("SELECT line AS v FROM stamped").await, ["a"]);
}

//! Taking back: exact, or not at all, and nobody's edit is lost.

use std::collections::BTreeMap;

use proptest::prelude::*;
use proptest::test_runner::{Config, RngAlgorithm, TestRng, TestRunner};
use serde_json::{Value, json};
use tollgate_runtime::{RunReport, RunState, UndoReport};
use tollgate_tests::{component, named};

use crate::house::{House, agent, asks_for, mira, output};

async fn undo(house: &House, run: &str) -> UndoReport {
    house.host.undo(&agent(), run, false).await.unwrap()
}

async fn change(house: &House, statement: &str) -> RunReport {
    let input = json!({"database": "orders", "statement": statement, "execute": true});
    let report = house.call("try_sql", input).await;
    let done = output(report.clone());
    assert_eq!(done["done"], true, "{done}");
    report
}

const ROWS: &str = "SELECT group_concat(rowid || '|' || id || '|' || quote(customer) || '|' || quote(status) || '|' || quote(note), ';') AS v FROM orders ORDER BY id";

#[tokio::test(flavor = "multi_thread")]
async fn rows_come_back_exactly() {
    let house = House::hostile("", "").await;
    let before = house.look(ROWS).await;
    for statement in [
        "INSERT INTO orders (customer, status) VALUES ('dee', 'open')",
        "INSERT INTO orders (id, customer) VALUES (40, 'x'), (41, 'y')",
        "UPDATE orders SET status = 'closed' WHERE status = 'open'",
        "UPDATE orders SET status = NULL WHERE id > 0",
        "DELETE FROM orders WHERE id = 3",
        "DELETE FROM orders WHERE id > 0",
    ] {
        let report = change(&house, statement).await;
        assert_ne!(house.look(ROWS).await, before, "{statement}");
        let undone = undo(&house, &report.run).await;
        assert_eq!(undone.outcome, "undone", "{statement}: {undone:?}");
        assert_eq!(house.look(ROWS).await, before, "{statement}");
        assert_eq!(
            house.host.run(&agent(), &report.run).await.unwrap().state,
            RunState::Undone
        );
        let again = undo(&house, &report.run).await;
        assert_eq!(again.outcome, "nothing");
    }
    assert_eq!(
        house.host.verify(&named("default")).await.unwrap().problem,
        None
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn an_undo_can_be_taken_back() {
    let house = House::hostile("", "").await;
    for statement in [
        "INSERT INTO orders (id, customer) VALUES (40, 'x')",
        "DELETE FROM orders WHERE id = 40",
        "UPDATE orders SET status = 'closed' WHERE id = 1",
    ] {
        let report = change(&house, statement).await;
        let after = house.look(ROWS).await;
        let undone = undo(&house, &report.run).await;
        assert_ne!(house.look(ROWS).await, after, "{statement}");
        let redone = undo(&house, &undone.undo_run.unwrap().run).await;
        assert_eq!(redone.outcome, "undone", "{statement}");
        assert_eq!(house.look(ROWS).await, after, "{statement}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn keys_and_files_come_back_exactly_in_reverse_order() {
    let house = House::hostile("", "").await;
    std::fs::write(house.path("data/box/n.txt"), b"before\xff\0").unwrap();
    house
        .done(
            "try_kv",
            json!({"verb": "set", "store": "scratch", "key": "n", "value": "before"}),
        )
        .await;
    let key = house.kv("n").await;
    let note = json!({"key": "n", "path": "n.txt", "text": "after"});
    let both = house.call("read_write_read", note.clone()).await;
    let twice = house.call("write_twice", note).await;
    output(both.clone());
    output(twice.clone());
    let first = undo(&house, &twice.run).await;
    assert_eq!(first.outcome, "undone", "{first:?}");
    assert_eq!(first.steps.len(), 2);
    let second = undo(&house, &both.run).await;
    assert_eq!(second.outcome, "undone", "{second:?}");
    assert_eq!(
        std::fs::read(house.path("data/box/n.txt")).unwrap(),
        b"before\xff\0"
    );
    assert_eq!(house.kv("n").await, key);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_not_there_is_gone_again_and_what_was_removed_is_back() {
    let house = House::hostile("", "").await;
    let made = house
        .call(
            "read_write_read",
            json!({"key": "n", "path": "n.txt", "text": "x"}),
        )
        .await;
    assert_eq!(undo(&house, &made.run).await.outcome, "undone");
    assert_eq!(
        (house.kv("n").await, house.file("n.txt")),
        ("None".to_owned(), None)
    );
    std::fs::write(house.path("data/box/old.txt"), "old").unwrap();
    let removed = house
        .call(
            "try_file",
            json!({"verb": "remove", "directory": "box", "path": "old.txt"}),
        )
        .await;
    assert_eq!(house.file("old.txt"), None);
    assert_eq!(undo(&house, &removed.run).await.outcome, "undone");
    assert_eq!(house.file("old.txt").unwrap(), "old");
    let names = std::fs::read_dir(house.path("data/box")).unwrap().count();
    assert_eq!(names, 1, "temporary files are left");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_conflict_shows_three_values_and_changes_nothing() {
    let house = House::hostile("", "").await;
    let report = change(&house, "UPDATE orders SET status = 'paid' WHERE id = 1").await;
    house
        .sql("UPDATE orders SET status = 'disputed' WHERE id = 1")
        .await;
    let before = house.look(ROWS).await;
    let undone = undo(&house, &report.run).await;
    assert_eq!(undone.outcome, "conflict");
    let conflict = undone.steps[0].conflict.as_ref().unwrap();
    for (value, status) in [
        (&conflict.before, "open"),
        (&conflict.written, "paid"),
        (&conflict.now, "disputed"),
    ] {
        assert_eq!(value["rows"][0]["columns"]["status"], status, "{value}");
    }
    assert_eq!(house.look(ROWS).await, before);
    assert_eq!(
        house.host.run(&agent(), &report.run).await.unwrap().state,
        RunState::Done
    );
    // Once the person has put the value back, the same undo can be done.
    house
        .sql("UPDATE orders SET status = 'paid' WHERE id = 1")
        .await;
    assert_eq!(undo(&house, &report.run).await.outcome, "undone");
}

#[tokio::test(flavor = "multi_thread")]
async fn files_and_removed_rows_that_came_back_are_conflicts_too() {
    let house = House::hostile("", "").await;
    let file = house
        .call(
            "try_file",
            json!({"verb": "write", "directory": "box", "path": "n.txt", "text": "ours"}),
        )
        .await;
    std::fs::write(house.path("data/box/n.txt"), "theirs").unwrap();
    let undone = undo(&house, &file.run).await;
    assert_eq!(undone.outcome, "conflict");
    assert_eq!(house.file("n.txt").unwrap(), "theirs");
    let row = change(&house, "DELETE FROM orders WHERE id = 3").await;
    house
        .sql("INSERT INTO orders VALUES (3, 'somebody else', NULL, NULL)")
        .await;
    assert_eq!(undo(&house, &row.run).await.outcome, "conflict");
    assert_eq!(
        house
            .look("SELECT customer AS v FROM orders WHERE id = 3")
            .await,
        ["'somebody else'"]
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_plan_says_what_would_be_done_and_does_nothing() {
    let house = House::hostile("", "").await;
    let report = change(&house, "UPDATE orders SET status = 'paid' WHERE id = 1").await;
    let before = house.look(ROWS).await;
    let records = house.host.verify(&named("default")).await.unwrap().records;
    let plan = house.host.undo(&agent(), &report.run, true).await.unwrap();
    assert_eq!(
        (plan.outcome.as_str(), plan.steps[0].outcome.as_str()),
        ("planned", "planned")
    );
    assert!(
        plan.steps[0].action.contains("sql.execute") && plan.steps[0].action.contains("orders")
    );
    assert_eq!(house.look(ROWS).await, before);
    assert_eq!(
        house.host.verify(&named("default")).await.unwrap().records,
        records
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_run_that_failed_in_the_middle_can_be_taken_back() {
    let house = House::hostile("", "").await;
    for tool in ["write_then_fail", "write_then_trap"] {
        let report = house.call(tool, json!({"key": "n"})).await;
        assert_eq!(report.state, RunState::Failed);
        assert_ne!(house.kv("n").await, "None");
        assert_eq!(undo(&house, &report.run).await.outcome, "undone", "{tool}");
        assert_eq!(house.kv("n").await, "None");
    }
    let read = house.call("echo", json!({"value": 1})).await;
    assert_eq!(undo(&house, &read.run).await.outcome, "nothing");
    let unknown = house.host.undo(&agent(), "run-0", false).await.unwrap_err();
    assert_eq!(unknown.kind(), "unknown_run");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_held_run_cannot_be_taken_back_and_an_undo_can_be_held() {
    let house = House::hostile("", &asks_for("increment")).await;
    let report = house.call("increment", json!({"key": "n"})).await;
    let error = house
        .host
        .undo(&agent(), &report.run, false)
        .await
        .unwrap_err();
    assert_eq!(error.kind(), "not_allowed");
    let decide = async |approval: &str| {
        let card = house.host.card(&mira(), approval).await.unwrap();
        house
            .host
            .approve(&mira(), approval, &card.digest)
            .await
            .unwrap()
    };
    output(decide(&report.pending.unwrap().approval).await);
    let key = house.kv("n").await;
    let undone = undo(&house, &report.run).await;
    assert_eq!(undone.outcome, "held", "{undone:?}");
    assert_eq!(house.kv("n").await, key);
    let waiting = undone.undo_run.unwrap();
    let again = undo(&house, &report.run).await;
    assert_eq!(again.undo_run.unwrap().run, waiting.run);
    output(decide(&waiting.pending.unwrap().approval).await);
    assert_eq!(house.kv("n").await, "None");
    assert_eq!(
        house.host.run(&agent(), &report.run).await.unwrap().state,
        RunState::Undone
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn an_undo_that_a_rule_denies_does_nothing() {
    let house = House::hostile("", "").await;
    let report = house.call("increment", json!({"key": "n"})).await;
    let denies = "[[rule]]\nname = \"final\"\ntool = \"increment\"\nthen = \"deny\"\n";
    house
        .install(
            &crate::house::hostile_manifest("", denies),
            &crate::house::hostile(),
        )
        .await;
    let key = house.kv("n").await;
    let undone = undo(&house, &report.run).await;
    assert_eq!(undone.outcome, "failed", "{undone:?}");
    assert_eq!(undone.undo_run.unwrap().state, RunState::Denied);
    assert_eq!(house.kv("n").await, key);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_nobody_can_take_back_says_so() {
    let house = House::hostile("", crate::house::BOSS).await;
    let report = house
        .call("send", json!({"key": "k", "path": "m.txt", "text": "x"}))
        .await;
    let card = house
        .host
        .card(&mira(), &report.pending.unwrap().approval)
        .await
        .unwrap();
    let done = house
        .host
        .approve(&mira(), &card.approval, &card.digest)
        .await
        .unwrap();
    // The prior value is known, so it could be put back; the tool calls itself
    // irreversible, so a person is asked first.
    let undone = undo(&house, &done.run).await;
    assert_eq!(undone.outcome, "held", "{undone:?}");
    assert!(house.file("m.txt").is_some());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_connector_s_inverse_removes_its_own_row_from_among_others() {
    let house = House::new().await;
    std::fs::create_dir_all(house.path("data/tracker")).unwrap();
    let path = house.path("data/tracker/log.csv");
    std::fs::write(&path, "case,status\n1,open\n").unwrap();
    let manifest = tollgate_tests::workspace().join("plugins/spreadsheet/manifest.toml");
    let manifest = std::fs::read_to_string(manifest).unwrap().replace(
        "glob = \"*.csv\"\nverbs = [\"read\"]",
        "glob = \"*.csv\"\nverbs = [\"read\", \"write\"]",
    );
    house
        .install(&manifest, &component("plugins/spreadsheet"))
        .await;
    let row = json!({"file": "log.csv", "values": {"case": "2", "status": "new"}, "key": "case"});
    let report = house.call_of("spreadsheet", "append_row", row).await;
    output(report.clone());
    // People add rows before and after it, and sort.
    let ours = std::fs::read_to_string(&path).unwrap();
    assert!(ours.contains("2,new"), "{ours}");
    std::fs::write(
        &path,
        "case,status\n9,theirs\n2,new\n1,open\n8,theirs too\n",
    )
    .unwrap();
    let plan = house.host.undo(&agent(), &report.run, true).await.unwrap();
    assert!(
        plan.steps[0].action.contains("spreadsheet.remove_row"),
        "{plan:?}"
    );
    let undone = undo(&house, &report.run).await;
    assert_eq!(undone.outcome, "undone", "{undone:?}");
    let left = std::fs::read_to_string(&path).unwrap();
    assert_eq!(left, "case,status\n9,theirs\n1,open\n8,theirs too\n");
    assert_eq!(undo(&house, &report.run).await.outcome, "nothing");
    // A row that somebody edited since is not ours to remove.
    let row = json!({"file": "log.csv", "values": {"case": "3", "status": "new"}, "key": "case"});
    let report = house.call_of("spreadsheet", "append_row", row).await;
    let edited = std::fs::read_to_string(&path)
        .unwrap()
        .replace("3,new", "3,edited");
    std::fs::write(&path, &edited).unwrap();
    let undone = undo(&house, &report.run).await;
    assert_eq!(undone.outcome, "conflict", "{undone:?}");
    assert_eq!(std::fs::read_to_string(&path).unwrap(), edited);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_undo_that_would_fire_a_trigger_elsewhere_does_nothing() {
    let house = House::hostile("", "").await;
    let report = change(&house, "INSERT INTO orders (id, customer) VALUES (40, 'x')").await;
    house
        .sql("CREATE TABLE bin (id); CREATE TRIGGER keep AFTER DELETE ON orders BEGIN INSERT INTO bin VALUES (old.id); END")
        .await;
    let before = house.look(ROWS).await;
    let undone = undo(&house, &report.run).await;
    assert_eq!(undone.outcome, "failed", "{undone:?}");
    assert_eq!(house.look(ROWS).await, before);
    assert_eq!(house.look("SELECT count(*) AS v FROM bin").await, ["0"]);
}

/// SQLite tells nobody of rows that a table's own conflict clause replaces, so a
/// write to such a table is never taken for one that can be put back.
#[tokio::test(flavor = "multi_thread")]
async fn a_table_that_replaces_rows_by_itself_counts_as_irreversible() {
    let house = House::hostile("", crate::house::BOSS).await;
    house
        .sql("DROP TABLE orders; CREATE TABLE orders (id INTEGER PRIMARY KEY ON CONFLICT REPLACE, customer TEXT, status TEXT); INSERT INTO orders VALUES (1, 'ada', 'open')")
        .await;
    let statement = "INSERT INTO orders (id, customer) VALUES (1, 'eve')";
    let input = json!({"database": "orders", "statement": statement, "execute": true});
    let report = house.call("try_sql", input).await;
    assert_eq!(report.state, RunState::Held, "{report:?}");
    assert_eq!(
        house.look("SELECT customer AS v FROM orders").await,
        ["'ada'"]
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn many_undos_at_once_put_back_once() {
    let house = std::sync::Arc::new(House::hostile("", "").await);
    let before = house.look(ROWS).await;
    let report = change(&house, "INSERT INTO orders (id, customer) VALUES (40, 'x')").await;
    let mut undoing = Vec::new();
    for number in 0..20 {
        let (house, run) = (std::sync::Arc::clone(&house), report.run.clone());
        undoing.push(tokio::spawn(async move {
            let kind = tollgate_runtime::PrincipalKind::Person;
            let who = crate::house::principal(&format!("person-{number}"), kind, &[]);
            house.host.undo(&who, &run, false).await.unwrap()
        }));
    }
    let mut by = std::collections::BTreeSet::new();
    for one in undoing {
        let report = one.await.unwrap();
        match report.outcome.as_str() {
            "undone" => by.extend(report.undo_run.map(|run| run.run)),
            "nothing" => {}
            other => panic!("{other}"),
        }
    }
    assert_eq!(by.len(), 1, "one run did it, whoever asked: {by:?}");
    assert_eq!(house.look(ROWS).await, before);
    assert_eq!(
        house.host.run(&agent(), &report.run).await.unwrap().state,
        RunState::Undone
    );
}

// ── whatever happens in whatever order ──────────────────────────────────────

/// One step of a history. Places are few, so that steps meet.
#[derive(Clone, Debug)]
enum Step {
    /// A tool call of the agent: a value for a row, a file or a key.
    Agent { place: Place, value: Option<u8> },
    /// A person's edit, past the host.
    Person { place: Place, value: Option<u8> },
    /// Taking back one of the runs so far.
    Undo { which: usize },
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Place {
    Row(u8),
    File(u8),
    Key(u8),
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let place = || {
        prop_oneof![
            (1_u8..4).prop_map(Place::Row),
            (1_u8..3).prop_map(Place::File),
            (1_u8..3).prop_map(Place::Key),
        ]
    };
    let value = || prop::option::weighted(0.8, 0_u8..6);
    let step = prop_oneof![
        3 => (place(), value()).prop_map(|(place, value)| Step::Agent { place, value }),
        2 => (place(), value()).prop_map(|(place, value)| Step::Person { place, value }),
        4 => (0_usize..8).prop_map(|which| Step::Undo { which }),
    ];
    prop::collection::vec(step, 4..14)
}

/// Everything in the places, as it is now.
async fn world(house: &House) -> BTreeMap<Place, String> {
    let mut world = BTreeMap::new();
    for row in house.look("SELECT id || ':' || customer || ':' || ifnull(status, '-') || ':' || ifnull(note, '-') AS v FROM orders").await {
        let id = row.trim_matches('\'').split(':').next().unwrap().parse().unwrap();
        world.insert(Place::Row(id), row);
    }
    for number in 1..3 {
        if let Some(text) = house.file(&format!("{number}.txt")) {
            world.insert(Place::File(number), text);
        }
        let key = house
            .done(
                "try_kv",
                json!({"verb": "get", "store": "scratch", "key": format!("k{number}")}),
            )
            .await;
        let key = key["answer"].as_str().unwrap();
        if let Some(value) = key.split("value: ").nth(1) {
            let value = value.split(", version").next().unwrap();
            world.insert(Place::Key(number), value.to_owned());
        }
    }
    world
}

fn agent_call(place: Place, value: Option<u8>, there: bool) -> (&'static str, Value) {
    let text = value.map(|value| format!("agent {value}"));
    match (place, text) {
        (Place::Row(id), text) => {
            let statement = match text {
                None => format!("DELETE FROM orders WHERE id = {id}"),
                Some(text) if there => {
                    format!("UPDATE orders SET status = '{text}' WHERE id = {id}")
                }
                Some(text) => format!(
                    "INSERT INTO orders (id, customer, status) VALUES ({id}, 'agent', '{text}')"
                ),
            };
            (
                "try_sql",
                json!({"database": "orders", "execute": true, "statement": statement}),
            )
        }
        (Place::File(number), text) => {
            let verb = if text.is_some() { "write" } else { "remove" };
            (
                "try_file",
                json!({"verb": verb, "directory": "box", "path": format!("{number}.txt"), "text": text.unwrap_or_default()}),
            )
        }
        (Place::Key(number), text) => {
            let verb = if text.is_some() { "set" } else { "delete" };
            (
                "try_kv",
                json!({"verb": verb, "store": "scratch", "key": format!("k{number}"), "value": text.unwrap_or_default()}),
            )
        }
    }
}

async fn person_edits(house: &House, place: Place, value: Option<u8>) {
    match place {
        Place::Row(id) => {
            let text = match value {
                None => format!("DELETE FROM orders WHERE id = {id}"),
                Some(value) => format!(
                    "INSERT OR REPLACE INTO orders VALUES ({id}, 'person', 'edit {value}', 'n')"
                ),
            };
            house.sql(&text).await;
        }
        Place::File(number) => {
            let path = house.path(&format!("data/box/{number}.txt"));
            match value {
                None => drop(std::fs::remove_file(path)),
                Some(value) => std::fs::write(path, format!("edit {value}")).unwrap(),
            }
        }
        // Nobody but runs writes to a store: another run stands for a person.
        Place::Key(_) => {
            let (tool, input) = agent_call(place, value.map(|value| value + 10), true);
            house.call(tool, input).await;
        }
    }
}

/// A run that was done: where, what was there before, and what it left.
struct Done {
    run: String,
    place: Place,
    before: Option<String>,
    left: Option<String>,
    undone: bool,
}

async fn play(house: &House, history: &[Step]) {
    let mut done: Vec<Done> = Vec::new();
    for step in history {
        let before = world(house).await;
        match step {
            Step::Agent { place, value } => {
                let (tool, input) = agent_call(*place, *value, before.contains_key(place));
                let report = house.call(tool, input).await;
                let after = world(house).await;
                done.push(Done {
                    run: report.run,
                    place: *place,
                    before: before.get(place).cloned(),
                    left: after.get(place).cloned(),
                    undone: false,
                });
            }
            Step::Person { place, value } => person_edits(house, *place, *value).await,
            Step::Undo { which } => {
                let Some(one) = (!done.is_empty()).then(|| which % done.len()) else {
                    continue;
                };
                let one = &mut done[one];
                let report = undo(house, &one.run).await;
                let mut expected = before.clone();
                match report.outcome.as_str() {
                    "undone" => {
                        assert!(!one.undone);
                        assert_eq!(
                            before.get(&one.place),
                            one.left.as_ref(),
                            "an edit was lost: {report:?}"
                        );
                        match &one.before {
                            Some(value) => expected.insert(one.place, value.clone()),
                            None => expected.remove(&one.place),
                        };
                        one.undone = true;
                    }
                    "conflict" => {
                        let written = matches!(one.place, Place::Key(_));
                        assert!(
                            written || before.get(&one.place) != one.left.as_ref(),
                            "{report:?}"
                        );
                    }
                    "nothing" => assert!(one.undone || one.before == one.left, "{report:?}"),
                    other => panic!("{other}: {report:?}"),
                }
                assert_eq!(world(house).await, expected, "{report:?}");
            }
        }
    }
}

/// 200 random histories of agent, people and undo over rows, files and keys. The
/// seed is in the output; `TOLLGATE_SEED` repeats it.
#[test]
fn no_history_of_agents_people_and_undo_loses_an_edit() {
    let seed = match std::env::var("TOLLGATE_SEED") {
        Ok(seed) => seed.parse().unwrap(),
        Err(_) => std::time::SystemTime::now()
            .duration_since(std::time::UNIX_EPOCH)
            .unwrap()
            .as_nanos() as u64,
    };
    let mut bytes = [0; 32];
    bytes[..8].copy_from_slice(&seed.to_le_bytes());
    let config = Config {
        cases: 200,
        max_shrink_iters: 200,
        failure_persistence: None,
        ..Config::default()
    };
    let rng = TestRng::from_seed(RngAlgorithm::ChaCha, &bytes);
    let mut runner = TestRunner::new_with_rng(config, rng);
    let threads = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .unwrap();
    let house = threads.block_on(House::hostile("", ""));
    let result = runner.run(&steps(), |history| {
        let played = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
            threads.block_on(async {
                house.sql("DELETE FROM orders; INSERT INTO orders VALUES (1, 'ada', 'open', 'n'), (2, 'bob', NULL, x'00')").await;
                for number in 1..3 {
                    drop(std::fs::remove_file(house.path(&format!("data/box/{number}.txt"))));
                    house.done("try_kv", json!({"verb": "delete", "store": "scratch", "key": format!("k{number}")})).await;
                }
                play(&house, &history).await;
            });
        }));
        played.map_err(|panic| {
            let words = panic.downcast_ref::<String>().cloned().unwrap_or_default();
            TestCaseError::fail(words)
        })
    });
    assert!(result.is_ok(), "seed {seed}: {}", result.unwrap_err());
    let verified = threads
        .block_on(house.host.verify(&named("default")))
        .unwrap();
    assert_eq!(verified.problem, None, "seed {seed}");
}

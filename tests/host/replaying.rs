//! A run is repeated from its records bit for bit, or stopped.

use serde_json::{Value, json};
use tollgate_runtime::{ReplayReport, RunState};
use tollgate_tests::{component, named};

use crate::house::{House, asks_for, failure, hostile_manifest, mira, output};

async fn repeated(house: &House, run: &str) -> ReplayReport {
    let records = house.log(run).await.len();
    let replay = house.host.replay(&named("default"), run).await.unwrap();
    assert!(
        replay.identical,
        "{:?}: {:?}",
        replay.difference,
        house.stages(run).await
    );
    assert_eq!(
        house.log(run).await.len(),
        records,
        "a replay left a record"
    );
    replay
}

#[tokio::test(flavor = "multi_thread")]
async fn every_well_behaved_tool_repeats_bit_for_bit() {
    let house = House::hostile("", "[config]\ngreeting = { text = \"hello\", times = 3 }\n").await;
    let note = json!({"key": "n", "path": "n.txt", "text": "x"});
    for (tool, input, calls) in [
        ("echo", json!({"value": {"z": [1, 2.5, null], "a": "ä"}}), 0),
        ("surroundings", json!({}), 2),
        ("config_value", json!({"key": "greeting"}), 1),
        ("increment", json!({"key": "n"}), 2),
        ("increment", json!({"key": "n"}), 2),
        ("read_write_read", note.clone(), 6),
        ("write_twice", note.clone(), 2),
        ("goes_on", json!({"key": "story"}), 3),
        ("undeclared_write", json!({"key": "n"}), 1),
        ("write_then_fail", json!({"key": "n"}), 1),
        (
            "try_sql",
            json!({"database": "orders", "statement": "SELECT id FROM orders"}),
            1,
        ),
        (
            "try_sql",
            json!({"database": "orders", "execute": true, "statement": "DELETE FROM orders WHERE id = 2"}),
            1,
        ),
        ("try_file", json!({"verb": "list", "directory": "box"}), 1),
    ] {
        let report = house.call(tool, input).await;
        let before = house.kv("n").await;
        // What the world is like now must not matter.
        house.clock.set(crate::house::AT + 5_000_000);
        let replay = repeated(&house, &report.run).await;
        house.clock.set(crate::house::AT);
        assert_eq!(replay.calls, calls, "{tool}");
        assert_eq!(house.kv("n").await, before, "the replay of {tool} wrote");
    }
    assert_eq!(house.look("SELECT count(*) AS v FROM orders").await, ["2"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn runs_that_ended_badly_repeat_as_well() {
    let house = House::hostile("fuel = 50_000_000", "").await;
    for (tool, input) in [
        ("spin", json!({})),
        ("panics", json!({"message": "again"})),
        ("traps", json!({})),
        ("write_then_trap", json!({"key": "n"})),
        ("bad_shape", json!({})),
        ("stack_bomb", json!({"amount": 10_000_000})),
        ("memory_bomb", json!({"amount": 4_000})),
    ] {
        let report = house.call(tool, input).await;
        assert_eq!(report.state, RunState::Failed);
        repeated(&house, &report.run).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_bundled_connectors_repeat_bit_for_bit() {
    let house = House::new().await;
    house
        .sql(
            "CREATE TABLE orders (id INTEGER PRIMARY KEY, customer TEXT, status TEXT, total_cents INTEGER);
             CREATE TABLE refunds (id INTEGER PRIMARY KEY, order_id INTEGER, amount_cents INTEGER, reason TEXT);
             INSERT INTO orders VALUES (1, 'ada', 'open', 9007199254740993);",
        )
        .await;
    std::fs::create_dir_all(house.path("data/tracker")).unwrap();
    std::fs::write(house.path("data/tracker/log.csv"), "case,status\n1,open\n").unwrap();
    for plugin in ["plugins/database", "plugins/spreadsheet"] {
        let path = tollgate_tests::workspace()
            .join(plugin)
            .join("manifest.toml");
        let mut manifest = std::fs::read_to_string(path).unwrap();
        if plugin.ends_with("spreadsheet") {
            manifest = manifest.replace(
                "glob = \"*.csv\"\nverbs = [\"read\"]",
                "glob = \"*.csv\"\nverbs = [\"read\", \"write\"]",
            );
        }
        house.install(&manifest, &component(plugin)).await;
    }
    let greeter = component("tests/guests/greeter");
    let manifest =
        "connector = \"greeter\"\n[[rule]]\nname = \"all\"\ntool = \"*\"\nthen = \"allow\"\n";
    house.install(manifest, &greeter).await;
    let row = json!({"file": "log.csv", "values": {"case": "2", "status": "new"}, "key": "case"});
    let calls: Vec<(&str, &str, Value)> = vec![
        ("greeter", "greet", json!({"name": "Ada"})),
        ("database", "statements", json!({})),
        (
            "database",
            "lookup",
            json!({"query": "order", "params": {"order_id": 1}}),
        ),
        (
            "database",
            "query",
            json!({"database": "orders", "statement": "SELECT id, total_cents FROM orders"}),
        ),
        (
            "database",
            "query",
            json!({"database": "orders", "statement": "SELECT note FROM orders"}),
        ),
        (
            "database",
            "execute",
            json!({"statement": "set_status", "params": {"status": "closed", "order_id": 1}}),
        ),
        ("spreadsheet", "list_files", json!({})),
        ("spreadsheet", "append_row", row),
        ("spreadsheet", "read_rows", json!({"file": "log.csv"})),
    ];
    for (connector, tool, input) in calls {
        let report = house.call_of(connector, tool, input).await;
        let failure = report.failure.as_ref().map(|failure| failure.kind.as_str());
        if failure != Some("denied") {
            assert_eq!(report.state, RunState::Done, "{tool}: {report:?}");
        }
        repeated(&house, &report.run).await;
    }
    let refund = json!({"statement": "refund", "params": {"order_id": 1, "amount_cents": 500, "reason": "late"}});
    let report = house.call_of("database", "execute", refund).await;
    assert_eq!(report.state, RunState::Held);
    repeated(&house, &report.run).await;
    let finance =
        crate::house::principal("fay", tollgate_runtime::PrincipalKind::Person, &["finance"]);
    let card = house
        .host
        .card(&finance, &report.pending.unwrap().approval)
        .await
        .unwrap();
    assert_eq!(card.title, "Refund 500 cents for order 1");
    let done = house
        .host
        .approve(&finance, &card.approval, &card.digest)
        .await
        .unwrap();
    output(done);
    repeated(&house, &report.run).await;
    assert_eq!(house.look("SELECT count(*) AS v FROM refunds").await, ["1"]);
}

/// Make the store say that a held run was opened with another component, which
/// calls other things.
async fn exchange_component(house: &House, other: &str) {
    // The digest of a stored component is what its bytes are looked up by, so
    // exchanging the bytes under it is what an attacker with the file would do.
    let mut store = crate::house::database(&house.path("tollgate.db")).await;
    let text = format!(
        "UPDATE components SET bytes = (SELECT bytes FROM components WHERE digest = '{other}') WHERE length(bytes) > 100000"
    );
    sqlx::raw_sql(sqlx::AssertSqlSafe(text))
        .execute(&mut store)
        .await
        .unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stored_component_that_was_exchanged_is_not_run() {
    let house = House::hostile("", &asks_for("increment")).await;
    let report = house.call("increment", json!({"key": "n"})).await;
    let greeter = component("tests/guests/greeter");
    house
        .install(
            "connector = \"greeter\"\n[[rule]]\nname = \"all\"\ntool = \"*\"\nthen = \"allow\"\n",
            &greeter,
        )
        .await;
    exchange_component(&house, &greeter.digest.to_string()).await;
    let house = house.restart().await;
    let approval = report.pending.unwrap().approval;
    let error = house.host.card(&mira(), &approval).await.unwrap_err();
    assert!(error.to_string().contains("the manifest pins"), "{error}");
    assert_eq!(
        house.host.run(&mira(), &report.run).await.unwrap().state,
        RunState::Held
    );
}

/// A guest that does something else than its record says is stopped. Its record
/// is changed here instead of the guest: the component's digest is checked.
#[tokio::test(flavor = "multi_thread")]
async fn a_run_that_differs_from_its_record_is_stopped_with_nothing_sent() {
    let house = House::hostile("", &asks_for("increment")).await;
    let report = house.call("increment", json!({"key": "n"})).await;
    let approval = report.pending.unwrap().approval;
    // The same tool with another manifest: held runs go on with rules in force
    // now, and the fuel at a call is part of what must repeat.
    let card = house.host.card(&mira(), &approval).await.unwrap();
    let mut store = crate::house::database(&house.path("tollgate.db")).await;
    let text = format!(
        "UPDATE records SET leaf = CAST(replace(CAST(leaf AS TEXT), '\"call\":\"kv.get\"', '\"call\":\"kv.set\"') AS BLOB) WHERE run = '{}' AND CAST(leaf AS TEXT) LIKE '%kv.get%'",
        report.run
    );
    let done = sqlx::raw_sql(sqlx::AssertSqlSafe(text))
        .execute(&mut store)
        .await
        .unwrap();
    assert_eq!(done.rows_affected(), 1);
    // The sealed values are bound to the leaf, so a changed leaf cannot even be
    // opened: the run does not go on.
    let error = house
        .host
        .approve(&mira(), &approval, &card.digest)
        .await
        .unwrap_err();
    assert_eq!(error.kind(), "unavailable", "{error}");
    assert_eq!(house.kv("n").await, "None");
    let problem = house
        .host
        .verify(&named("default"))
        .await
        .unwrap()
        .problem
        .unwrap();
    assert!(problem.contains("record"), "{problem}");
}

/// Another build of a connector under the first one's records: `replay` with
/// the fuel of each call shows it.
#[tokio::test(flavor = "multi_thread")]
async fn records_of_another_run_under_this_run_s_name_are_a_divergence() {
    let house = House::hostile("", &asks_for("increment")).await;
    // Two held runs that differ in one argument; the second one's read is put
    // under the first one's name by swapping which run the rows belong to.
    let first = house.call("increment", json!({"key": "n"})).await;
    let second = house.call("increment", json!({"key": "m"})).await;
    let mut store = crate::house::database(&house.path("tollgate.db")).await;
    let text = format!(
        "UPDATE records SET run = CASE run WHEN '{0}' THEN '{1}' ELSE '{0}' END WHERE run IN ('{0}', '{1}') AND stage = (SELECT stage FROM records WHERE run = '{0}' AND CAST(leaf AS TEXT) LIKE '%kv.get%')",
        first.run, second.run
    );
    let done = sqlx::raw_sql(sqlx::AssertSqlSafe(text))
        .execute(&mut store)
        .await
        .unwrap();
    assert_eq!(done.rows_affected(), 2);
    let approval = first.pending.unwrap().approval;
    let card = house.host.card(&mira(), &approval).await.unwrap();
    let stopped = house
        .host
        .approve(&mira(), &approval, &card.digest)
        .await
        .unwrap();
    assert_eq!(stopped.state, RunState::Failed);
    let (kind, message) = failure(&stopped);
    assert_eq!(kind, "diverged");
    assert!(
        message.contains("the arguments of `kv.get` differ"),
        "{message}"
    );
    assert_eq!(
        (house.kv("n").await, house.kv("m").await),
        ("None".into(), "None".into())
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_tighter_manifest_does_not_change_what_a_past_run_was() {
    let house = House::hostile("", "").await;
    let report = house.call("increment", json!({"key": "n"})).await;
    let none = hostile_manifest("", "").replace(
        "max_bytes = \"64KiB\"\n\n[grant.files",
        "max_bytes = \"1KiB\"\n\n[grant.files",
    );
    house.install(&none, &crate::house::hostile()).await;
    repeated(&house, &report.run).await;
}

//! Whatever is changed behind the store's back, verification says so.

use tollgate_journal::{TamperReport, Tampering, leaf_hash};
use tollgate_store::{Store, StoreError, Submission};

use crate::support::{Bench, record, records, submission};

async fn journal() -> Bench {
    let bench = Bench::new().await;
    bench
        .store
        .append(submission(records("acme", "r", 9), vec![]))
        .await
        .unwrap();
    bench
}

async fn report(bench: &Bench) -> TamperReport {
    bench.store.verify("acme").await.unwrap().unwrap_err()
}

/// Change one byte of a blob column and put it back afterwards.
async fn with_changed_byte(bench: &Bench, table: &str, column: &str, at: usize, row: &str) {
    let target = format!("UPDATE {table} SET {column} =");
    let before = format!("substr({column}, 1, {at})");
    let after = format!("substr({column}, {})", at + 2);
    // `~` of a byte is another byte; `unhex` makes a blob of it.
    let byte = format!(
        "instr('0123456789ABCDEF', substr(hex({column}), {}, 1)) - 1",
        2 * at + 1
    );
    let low = format!("substr(hex({column}), {}, 1)", 2 * at + 2);
    let other = format!("unhex(printf('%X', 15 - ({byte})) || {low})");
    let save = format!("CREATE TABLE saved AS SELECT {column} AS old FROM {table} WHERE {row}");
    bench.tamper(&save).await;
    bench
        .tamper(&format!(
            "{target} CAST({before} || {other} || {after} AS BLOB) WHERE {row}"
        ))
        .await;
}

async fn put_back(bench: &Bench, table: &str, column: &str, row: &str) {
    let restore = format!("UPDATE {table} SET {column} = (SELECT old FROM saved) WHERE {row}");
    bench.tamper(&restore).await;
    bench.tamper("DROP TABLE saved").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn any_changed_byte_of_leaf_hash_or_head_is_found() {
    let bench = journal().await;
    let leaf = bench
        .store
        .records("acme", &Default::default())
        .await
        .unwrap()[4]
        .leaf
        .len();
    for (table, column, bytes, row, seq) in [
        ("records", "leaf", leaf, "place & 0xff = 4", Some(4)),
        ("records", "hash", 32, "place & 0xff = 4", Some(4)),
        ("tenants", "root", 32, "tenant = 'acme'", None),
        ("tenants", "frontier", 8 + 2 * 32, "tenant = 'acme'", None),
    ] {
        for at in (0..bytes).step_by(if bytes > 100 { 13 } else { 1 }) {
            with_changed_byte(&bench, table, column, at, row).await;
            let found = report(&bench).await;
            assert_eq!(found.first_bad_seq, seq, "{column} byte {at}: {found}");
            put_back(&bench, table, column, row).await;
            bench.store.verify("acme").await.unwrap().unwrap();
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_record_hidden_from_its_run_is_found() {
    for change in [
        "run = 'other'",
        "run = NULL",
        "case_id = 'x'",
        "stage = 1",
        "at_ms = 1",
    ] {
        let bench = journal().await;
        bench
            .tamper(&format!(
                "UPDATE records SET {change} WHERE place & 0xff = 4"
            ))
            .await;
        let found = report(&bench).await;
        assert_eq!(found.first_bad_seq, Some(4), "{change}");
        assert_eq!(found.what, Tampering::ColumnsMismatch);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn removed_renumbered_and_added_records_are_found() {
    let bench = journal().await;
    bench
        .tamper("DELETE FROM records WHERE place & 0xff = 4")
        .await;
    assert_eq!(report(&bench).await.first_bad_seq, Some(4));
    bench
        .tamper("UPDATE records SET place = place - 1 WHERE place & 0xff > 4")
        .await;
    let found = report(&bench).await;
    assert_eq!(found.what, Tampering::CountMismatch { head: 9, found: 8 });
    let bench = journal().await;
    let extra = "INSERT INTO records SELECT place + 1, run, case_id, stage, at_ms, subject, tool, \
                 outcome, workflow, hash, leaf, sealed FROM records WHERE place & 0xff = 8";
    bench.tamper(extra).await;
    let found = report(&bench).await;
    assert_eq!(found.what, Tampering::CountMismatch { head: 9, found: 10 });
    let blocked = bench
        .store
        .append(submission(records("acme", "r", 1), vec![]))
        .await;
    assert!(
        matches!(blocked, Err(StoreError::Corrupt(_))),
        "{blocked:?}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_record_forged_together_with_its_hash_is_found() {
    let bench = journal().await;
    let forged = record("acme", "r", 4, tollgate_journal::Stage::CallDenied);
    let (leaf, hash) = (
        hex::encode(&forged.leaf),
        hex::encode(leaf_hash(&forged.leaf)),
    );
    let stage = forged.stage.code();
    bench
        .tamper(&format!(
            "UPDATE records SET leaf = x'{leaf}', hash = x'{hash}', stage = {stage} \
             WHERE place & 0xff = 4"
        ))
        .await;
    assert!(matches!(
        report(&bench).await.what,
        Tampering::RootMismatch { .. }
    ));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_changed_head_is_not_built_upon_and_stops_its_own_tenant_only() {
    let bench = journal().await;
    bench.tamper("UPDATE tenants SET root = zeroblob(32)").await;
    let refused = bench
        .store
        .append(submission(records("acme", "r", 1), vec![]))
        .await;
    assert!(matches!(refused, Err(StoreError::Corrupt(_))));
    let records = records("other", "r", 1);
    let other = Submission {
        tenant: "other".into(),
        records,
        changes: vec![],
    };
    bench.store.append(other).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_tenant_without_records_verifies_as_empty() {
    let bench = Bench::new().await;
    assert_eq!(
        bench.store.verify("nobody").await.unwrap().unwrap().count,
        0
    );
}

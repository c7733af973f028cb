//! Whatever is changed behind the store's back, verification says so.

use tollgate_journal::{TamperReport, Tampering, leaf_hash};
use tollgate_store::{StoreError, Submission};

use crate::support::{Bench, named, on_each_store, record, records, submission};

async fn journal(bench: Bench) -> Bench {
    bench
        .store
        .append(submission(records("acme", "r", 9), vec![]))
        .await
        .unwrap();
    bench
}

async fn report(bench: &Bench) -> TamperReport {
    bench
        .store
        .verify(&named("acme"))
        .await
        .unwrap()
        .unwrap_err()
}

async fn any_changed_byte_of_leaf_hash_or_head_is_found(bench: Bench) {
    let bench = journal(bench).await;
    let leaf = bench
        .store
        .records(&named("acme"), &Default::default())
        .await
        .unwrap()[4]
        .leaf
        .len();
    for (table, column, bytes, row, seq) in [
        ("records", "leaf", leaf, "place & 255 = 4", Some(4)),
        ("records", "hash", 32, "place & 255 = 4", Some(4)),
        ("tenants", "root", 32, "tenant = 'acme'", None),
        ("tenants", "frontier", 8 + 2 * 32, "tenant = 'acme'", None),
    ] {
        for at in (0..bytes).step_by(if bytes > 100 { 13 } else { 1 }) {
            let before = bench.bytes(table, column, row).await;
            let mut changed = before.clone();
            changed[at] ^= 0xf0;
            bench.set_bytes(table, column, row, &changed).await;
            let found = report(&bench).await;
            assert_eq!(found.first_bad_seq, seq, "{column} byte {at}: {found}");
            bench.set_bytes(table, column, row, &before).await;
            bench.store.verify(&named("acme")).await.unwrap().unwrap();
        }
    }
}

async fn a_record_hidden_from_its_run_is_found(bench: Bench) {
    for change in [
        "run = 'other'",
        "run = NULL",
        "case_id = 'x'",
        "stage = 1",
        "at_ms = 1",
    ] {
        let bench = journal(bench.fresh().await).await;
        bench
            .tamper(&format!(
                "UPDATE records SET {change} WHERE place & 255 = 4"
            ))
            .await;
        let found = report(&bench).await;
        assert_eq!(found.first_bad_seq, Some(4), "{change}");
        assert_eq!(found.what, Tampering::ColumnsMismatch);
    }
}

async fn removed_renumbered_and_added_records_are_found(bench: Bench) {
    let bench = journal(bench).await;
    bench
        .tamper("DELETE FROM records WHERE place & 255 = 4")
        .await;
    assert_eq!(report(&bench).await.first_bad_seq, Some(4));
    bench
        .tamper("UPDATE records SET place = place - 1 WHERE place & 255 > 4")
        .await;
    let found = report(&bench).await;
    assert_eq!(found.what, Tampering::CountMismatch { head: 9, found: 8 });
    let bench = journal(bench.fresh().await).await;
    let columns =
        "run, case_id, stage, at_ms, subject, tool, outcome, workflow, hash, leaf, sealed";
    let extra = format!(
        "INSERT INTO records (place, {columns}) SELECT place + 1, {columns} FROM records \
         WHERE place & 255 = 8"
    );
    bench.tamper(&extra).await;
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

async fn a_record_forged_together_with_its_hash_is_found(bench: Bench) {
    let bench = journal(bench).await;
    let forged = record("acme", "r", 4, tollgate_journal::Stage::CallDenied);
    let (leaf, hash) = (
        bench.literal(&forged.leaf),
        bench.literal(&leaf_hash(&forged.leaf)),
    );
    let stage = forged.stage.code();
    bench
        .tamper(&format!(
            "UPDATE records SET leaf = {leaf}, hash = {hash}, stage = {stage} \
             WHERE place & 255 = 4"
        ))
        .await;
    assert!(matches!(
        report(&bench).await.what,
        Tampering::RootMismatch { .. }
    ));
}

async fn a_changed_head_is_not_built_upon_and_stops_its_own_tenant_only(bench: Bench) {
    let bench = journal(bench).await;
    let zeros = bench.literal(&[0; 32]);
    bench
        .tamper(&format!("UPDATE tenants SET root = {zeros}"))
        .await;
    let refused = bench
        .store
        .append(submission(records("acme", "r", 1), vec![]))
        .await;
    assert!(matches!(refused, Err(StoreError::Corrupt(_))));
    let records = records("other", "r", 1);
    let other = Submission {
        tenant: named("other"),
        records,
        changes: vec![],
    };
    bench.store.append(other).await.unwrap();
}

async fn a_tenant_without_records_verifies_as_empty(bench: Bench) {
    assert_eq!(
        bench
            .store
            .verify(&named("nobody"))
            .await
            .unwrap()
            .unwrap()
            .count,
        0
    );
}

on_each_store! {
    any_changed_byte_of_leaf_hash_or_head_is_found,
    a_record_hidden_from_its_run_is_found,
    removed_renumbered_and_added_records_are_found,
    a_record_forged_together_with_its_hash_is_found,
    a_changed_head_is_not_built_upon_and_stops_its_own_tenant_only,
    a_tenant_without_records_verifies_as_empty,
}

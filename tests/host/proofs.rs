//! What is handed out verifies without the host; what is destroyed is gone, and
//! said so; what is taken by somebody else is found.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::Duration;

use serde_json::json;
use sqlx::AssertSqlSafe;
use tollgate_journal::{
    ExportCheck, ExportReader, RecordProof, SignedNote, VerifierKey, verify_export,
};
use tollgate_runtime::{
    Compiler, Erase, EraseError, EvidenceError, Host, HostOptions, LogFilter, LogLine, Role,
    RunReport, RunState, ToolCall, VerifyReport,
};
use tollgate_tests::named;

use crate::house::{AT, House, agent, asks_for, call, copy, database, failure, mira};

const TENANT: &str = "default";

async fn of_subject(house: &House, subject: &str, key: &str) -> RunReport {
    let call = ToolCall {
        subject: Some(subject.to_owned()),
        ..call("hostile", "increment", json!({"key": key}))
    };
    house.host.call(&agent(), call).await.unwrap()
}

async fn log(host: &Host, run: &str) -> Vec<LogLine> {
    let filter = LogFilter {
        run: Some(run.to_owned()),
        ..LogFilter::default()
    };
    host.log(&named(TENANT), filter).await.unwrap()
}

async fn sound(host: &Host) -> VerifyReport {
    let report = host.verify(&named(TENANT)).await.unwrap();
    assert_eq!(report.problem, None, "{report:?}");
    report
}

/// Another process with the same home.
async fn beside(house: &House) -> Host {
    let options = HostOptions {
        clock: house.clock.clone(),
        ..HostOptions::new(house.home.path(), Compiler::InProcess, Role::Operate)
    };
    Host::open(options).await.unwrap()
}

struct Folder(PathBuf);

impl ExportReader for Folder {
    fn read(&self, path: &str, _limit: u64) -> std::io::Result<Option<Vec<u8>>> {
        match std::fs::read(self.0.join(path)) {
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(None),
            read => read.map(Some),
        }
    }
}

fn whole_to(folder: &Path, key: &VerifierKey, outside: &[SignedNote]) -> Option<u64> {
    let check = ExportCheck {
        log_key: key,
        outside,
        witnesses: &[],
    };
    let verified = verify_export(&Folder(folder.to_owned()), &check, &mut |_| {});
    verified.unwrap().whole_to
}

// ── checkpoints ─────────────────────────────────────────────────────────────

#[tokio::test(flavor = "multi_thread")]
async fn a_host_signs_what_grows_and_nothing_twice() {
    let house = House::hostile("", "").await;
    house.done("increment", json!({"key": "n"})).await;
    house.host.keep_house().await.unwrap();
    let first = house.host.checkpoint(&named(TENANT)).await.unwrap();
    assert_eq!(first, house.host.checkpoint(&named(TENANT)).await.unwrap());
    house.done("increment", json!({"key": "n"})).await;
    let second = house.host.checkpoint(&named(TENANT)).await.unwrap();
    assert!(second.records > first.records);
    assert_eq!(sound(&house.host).await.records, second.records);
    let missing = house.host.checkpoint(&named("nobody")).await.unwrap_err();
    assert!(matches!(missing, EvidenceError::NoJournal(_)), "{missing}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_database_that_was_put_back_gets_no_second_signature() {
    let house = House::hostile("", "").await;
    house.done("increment", json!({"key": "n"})).await;
    house.host.shutdown().await;
    let old = house.path("old");
    let files = ["tollgate.db", "tollgate.db-wal"];
    std::fs::create_dir(&old).unwrap();
    for file in files {
        std::fs::copy(house.path(file), old.join(file)).ok();
    }
    let house = house.restart().await;
    house.done("increment", json!({"key": "n"})).await;
    house.host.shutdown().await;
    for file in ["tollgate.db", "tollgate.db-wal", "tollgate.db-shm"] {
        std::fs::remove_file(house.path(file)).ok();
    }
    for file in files {
        std::fs::copy(old.join(file), house.path(file)).ok();
    }
    let house = house.restart().await;
    let cut = house.host.checkpoint(&named(TENANT)).await.unwrap_err();
    assert!(matches!(cut, EvidenceError::SplitView { .. }), "{cut}");
    // Grown beyond what was signed, it is another history.
    for number in 0..9 {
        house
            .done("increment", json!({"key": format!("k{number}")}))
            .await;
    }
    let split = house.host.checkpoint(&named(TENANT)).await.unwrap_err();
    assert!(matches!(split, EvidenceError::SplitView { .. }), "{split}");
    let folder = house.path("export");
    let export = house
        .host
        .export(&named(TENANT), &folder, &mut |_| {})
        .await;
    assert!(matches!(export, Err(EvidenceError::SplitView { .. })));
    let report = house.host.verify(&named(TENANT)).await.unwrap();
    assert!(
        report
            .problem
            .as_ref()
            .is_some_and(|p| p.contains("signed")),
        "{report:?}"
    );
}

// ── exports and proofs ──────────────────────────────────────────────────────

#[tokio::test(flavor = "multi_thread")]
async fn an_export_goes_on_where_the_last_one_ended() {
    let house = House::hostile("", "").await;
    let key = house.host.log_key(&named(TENANT)).unwrap();
    let folder = house.path("export");
    let mut notes = Vec::new();
    let mut before = 0;
    // Beyond one bundle of 256 records, so that complete ones stay as they are.
    for _ in 0..4 {
        for number in 0..20 {
            house
                .done("increment", json!({"key": format!("k{number}")}))
                .await;
        }
        let exported = house
            .host
            .export(&named(TENANT), &folder, &mut |_| {})
            .await
            .unwrap();
        assert_eq!(exported.new_records, exported.records - before);
        before = exported.records;
        assert_eq!(whole_to(&folder, &key, &notes), notes.last().map(sizes));
        let note = house.host.checkpoint(&named(TENANT)).await.unwrap().note;
        notes.push(SignedNote::parse(note.as_bytes()).unwrap());
    }
    assert!(before > 256, "{before}");
    let again = house
        .host
        .export(&named(TENANT), &folder, &mut |_| {})
        .await
        .unwrap();
    assert_eq!(again.new_records, 0);
    assert_eq!(whole_to(&folder, &key, &notes), Some(before));
    // Nothing stays of the older edges.
    let files = files(&folder);
    assert_eq!(
        files.keys().filter(|path| path.contains(".p/")).count(),
        3,
        "{files:?}"
    );
    let other = house.path("data");
    let refused = house.host.export(&named(TENANT), &other, &mut |_| {}).await;
    assert!(matches!(refused, Err(EvidenceError::NotOurs { .. })));
}

fn sizes(note: &SignedNote) -> u64 {
    note.text().lines().nth(1).unwrap().parse().unwrap()
}

fn files(folder: &Path) -> BTreeMap<String, u64> {
    let mut found = BTreeMap::new();
    let mut open = vec![folder.to_owned()];
    while let Some(next) = open.pop() {
        for entry in std::fs::read_dir(next).unwrap() {
            let entry = entry.unwrap();
            if entry.file_type().unwrap().is_dir() {
                open.push(entry.path());
            } else {
                let path = entry
                    .path()
                    .strip_prefix(folder)
                    .unwrap()
                    .display()
                    .to_string();
                found.insert(path, entry.metadata().unwrap().len());
            }
        }
    }
    found
}

#[tokio::test(flavor = "multi_thread")]
async fn a_record_is_proved_alone_with_one_value_shown() {
    let house = House::hostile("", "").await;
    let report = house.call("increment", json!({"key": "shown"})).await;
    let opened = log(&house.host, &report.run).await.remove(0);
    let names = ["input".to_owned()];
    let proof = house
        .host
        .prove_record(&named(TENANT), opened.seq, &names)
        .await
        .unwrap();
    let key = house.host.log_key(&named(TENANT)).unwrap();
    let read = RecordProof::from_json(proof.to_json().as_bytes()).unwrap();
    let verified = read.verify(&key).unwrap();
    assert_eq!(verified.place, opened.seq);
    assert_eq!(verified.disclosed.len(), 1);
    assert_eq!(verified.disclosed[0].bytes, br#"{"key":"shown"}"#);
    let mut other = read.clone();
    other.disclosed[0].bytes = br#"{"key":"other"}"#.to_vec();
    assert!(other.verify(&key).is_err());
    assert!(
        read.verify(&house.host.log_key(&named("other")).unwrap())
            .is_err()
    );
    let none = ["nothing".to_owned()];
    let refused = house
        .host
        .prove_record(&named(TENANT), opened.seq, &none)
        .await;
    assert!(matches!(refused, Err(EvidenceError::NoValue { .. })));
    let beyond = house
        .host
        .prove_record(&named(TENANT), 1_000_000, &[])
        .await;
    assert!(matches!(beyond, Err(EvidenceError::NoRecord { .. })));
}

// ── erasure ─────────────────────────────────────────────────────────────────

#[tokio::test(flavor = "multi_thread")]
async fn what_is_erased_of_a_person_is_gone_and_everything_still_verifies() {
    let house = House::hostile("", "").await;
    let theirs = of_subject(&house, "customer-4711", "theirs").await;
    let others = of_subject(&house, "customer-4712", "others").await;
    assert_eq!(theirs.state, RunState::Done);
    let what = Erase::Subject("customer-4711".to_owned());
    let plan = house
        .host
        .plan_erasure(&named(TENANT), &what)
        .await
        .unwrap();
    assert!(plan.records > 0 && plan.runs == 1, "{plan:?}");
    assert!(plan.label.starts_with("subject:") && !plan.label.contains("4711"));
    let unsaid = house.host.erase(&named(TENANT), &what, "ops", " ").await;
    assert!(matches!(unsaid, Err(EraseError::ReasonMissing)));
    let erased = house
        .host
        .erase(&named(TENANT), &what, "ops", "asked for it")
        .await
        .unwrap();
    assert_eq!(erased.records, plan.records);
    let report = sound(&house.host).await;
    assert_eq!((report.erased, report.pruned), (plan.records, 0));
    let lines = log(&house.host, &theirs.run).await;
    assert!(lines.iter().any(|line| !line.erased.is_empty()));
    assert!(!serde_json::to_string(&lines).unwrap().contains("theirs"));
    for error in [
        house
            .host
            .replay(&named(TENANT), &theirs.run)
            .await
            .unwrap_err(),
        house
            .host
            .undo(&mira(), &theirs.run, true)
            .await
            .unwrap_err(),
    ] {
        assert_eq!(error.kind(), "erased", "{error}");
    }
    let seen = house.host.run(&agent(), &theirs.run).await.unwrap();
    assert_eq!(failure(&seen).0, "erased");
    assert!(
        house
            .host
            .replay(&named(TENANT), &others.run)
            .await
            .unwrap()
            .identical
    );
    // A proof of the record is left, its values cannot be shown.
    let place = lines[0].seq;
    house
        .host
        .prove_record(&named(TENANT), place, &[])
        .await
        .unwrap();
    let input = ["input".to_owned()];
    let gone = house.host.prove_record(&named(TENANT), place, &input).await;
    assert!(matches!(gone, Err(EvidenceError::ValuesGone(_))));
    let nobody = Erase::Subject("nobody".to_owned());
    let nothing = house.host.erase(&named(TENANT), &nobody, "ops", "x").await;
    assert!(matches!(nothing, Err(EraseError::Nothing { .. })));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_held_call_whose_values_are_erased_ends_and_is_never_made() {
    let house = House::hostile("", &asks_for("increment")).await;
    let held = of_subject(&house, "customer-4711", "held").await;
    assert_eq!(held.state, RunState::Held);
    let approval = held.pending.as_ref().unwrap().approval.clone();
    let card = house.host.card(&mira(), &approval).await.unwrap();
    let what = Erase::Subject("customer-4711".to_owned());
    let beside = beside(&house).await;
    let erased = beside
        .erase(&named(TENANT), &what, "ops", "asked")
        .await
        .unwrap();
    assert_eq!(erased.ended, [held.run.as_str()]);
    let ended = house.host.run(&agent(), &held.run).await.unwrap();
    assert_eq!(ended.state, RunState::Failed);
    assert_eq!(failure(&ended).0, "erased");
    let late = house.host.approve(&mira(), &approval, &card.digest).await;
    assert!(late.is_err(), "{late:?}");
    house.host.expire_due().await.unwrap();
    sound(&house.host).await;
    assert_eq!(house.stages(&held.run).await.last().unwrap(), "run.closed");
    beside.shutdown().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_host_does_not_go_on_sealing_under_a_key_that_another_process_destroyed() {
    let house = House::hostile("", "").await;
    of_subject(&house, "customer-4711", "n0").await;
    let beside = beside(&house).await;
    let what = Erase::Subject("customer-4711".to_owned());
    let erasing = {
        let beside = beside.clone();
        let what = what.clone();
        tokio::spawn(async move { beside.erase(&named(TENANT), &what, "ops", "asked").await })
    };
    // Calls that go on all the while: under the old key, then under a new one.
    let mut number = 0;
    while !erasing.is_finished() {
        number += 1;
        let run = of_subject(&house, "customer-4711", &format!("n{number}")).await;
        assert_eq!(run.state, RunState::Done);
    }
    erasing.await.unwrap().unwrap();
    let after = of_subject(&house, "customer-4711", "after").await;
    let lines = log(&beside, &after.run).await;
    assert!(lines.iter().all(|line| line.erased.is_empty()), "{lines:?}");
    assert!(sound(&beside).await.erased > 0);
    beside.shutdown().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn one_run_or_one_case_can_be_erased_and_the_rest_stays() {
    let house = House::hostile("", "").await;
    let of_case = |case: &str, key: &str| ToolCall {
        case: Some(case.to_owned()),
        ..call("hostile", "increment", json!({"key": key}))
    };
    let mut runs = Vec::new();
    for (case, key) in [("one", "a"), ("one", "b"), ("two", "c")] {
        let run = house.host.call(&agent(), of_case(case, key)).await.unwrap();
        runs.push(run.run);
    }
    let run = Erase::Run(runs[0].clone());
    house
        .host
        .erase(&named(TENANT), &run, "ops", "x")
        .await
        .unwrap();
    let is_erased = async |run: &str| {
        let lines = log(&house.host, run).await;
        lines.iter().any(|line| !line.erased.is_empty())
    };
    assert!(is_erased(&runs[0]).await && !is_erased(&runs[1]).await);
    let case = Erase::Case("one".to_owned());
    house
        .host
        .erase(&named(TENANT), &case, "ops", "x")
        .await
        .unwrap();
    assert!(is_erased(&runs[1]).await && !is_erased(&runs[2]).await);
    sound(&house.host).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn values_that_somebody_else_took_are_missed() {
    let house = House::hostile("", "").await;
    house.done("increment", json!({"key": "n"})).await;
    house.host.shutdown().await;
    let taken = async |statement: &str| {
        let other = tempfile::TempDir::new().unwrap();
        copy(house.home.path(), other.path());
        let mut store = database(&other.path().join("tollgate.db")).await;
        sqlx::raw_sql(AssertSqlSafe(statement.to_owned()))
            .execute(&mut store)
            .await
            .unwrap();
        drop(store);
        let options = HostOptions::new(other.path(), Compiler::InProcess, Role::Operate);
        let host = Host::open(options).await.unwrap();
        let report = host.verify(&named(TENANT)).await.unwrap();
        host.shutdown().await;
        report.problem
    };
    assert_eq!(taken("SELECT 1").await, None);
    for statement in [
        "UPDATE records SET sealed = NULL WHERE place = (SELECT max(place) FROM records WHERE sealed IS NOT NULL)",
        "DELETE FROM subject_keys WHERE subject LIKE 'day:%'",
    ] {
        let problem = taken(statement).await.unwrap_or_default();
        assert!(problem.contains("no record says"), "{statement}: {problem}");
    }
}

// ── retention ───────────────────────────────────────────────────────────────

#[tokio::test(flavor = "multi_thread")]
async fn pruning_keeps_proofs_and_what_is_not_over() {
    let house = House::hostile("", "").await;
    let old = house.call("increment", json!({"key": "old"})).await;
    house.clock.set(AT + 20 * 60_000);
    let new = house.call("increment", json!({"key": "new"})).await;
    let age = Duration::from_secs(10 * 60);
    let dry = house
        .host
        .prune(&named(TENANT), age, "ops", true)
        .await
        .unwrap();
    assert!(dry.records > 0 && dry.dry_run);
    assert_eq!(sound(&house.host).await.pruned, 0);
    let pruned = house
        .host
        .prune(&named(TENANT), age, "ops", false)
        .await
        .unwrap();
    assert_eq!(pruned.records, dry.records);
    let report = sound(&house.host).await;
    assert_eq!(report.pruned, pruned.records);
    let lines = log(&house.host, &old.run).await;
    assert!(lines.iter().any(|line| !line.erased.is_empty()));
    assert!(
        house
            .host
            .replay(&named(TENANT), &new.run)
            .await
            .unwrap()
            .identical
    );
    let gone = house
        .host
        .replay(&named(TENANT), &old.run)
        .await
        .unwrap_err();
    assert_eq!(gone.kind(), "erased");
    let again = house
        .host
        .prune(&named(TENANT), age, "ops", false)
        .await
        .unwrap();
    assert_eq!(again.records, 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn pruning_leaves_a_held_call_what_it_needs() {
    let house = House::hostile("", &asks_for("increment")).await;
    let held = house.call("increment", json!({"key": "held"})).await;
    assert_eq!(held.state, RunState::Held);
    house.clock.set(AT + 20 * 60_000);
    let age = Duration::from_secs(10 * 60);
    let pruned = house
        .host
        .prune(&named(TENANT), age, "ops", false)
        .await
        .unwrap();
    assert!(pruned.records > 0, "{pruned:?}");
    let lines = log(&house.host, &held.run).await;
    assert!(lines.iter().all(|line| line.erased.is_empty()), "{lines:?}");
    let approval = held.pending.unwrap().approval;
    let card = house.host.card(&mira(), &approval).await.unwrap();
    let report = house.host.approve(&mira(), &approval, &card.digest).await;
    assert_eq!(report.unwrap().state, RunState::Done);
    sound(&house.host).await;
}

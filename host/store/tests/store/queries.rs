//! Questions to the journal: by time, by subject, by what a run came to.

use serde_json::json;
use tollgate_journal::{Closing, Entry, Prepared, Stage, SubjectKey, Tampering, prepare};
use tollgate_store::{ClosedFilter, RecordFilter, StoreError, Submission};

use crate::support::{Bench, NOW, blob_keys, named, on_each_store, submission};

/// A record of another time, case and subject.
struct Made {
    case: &'static str,
    subject: &'static str,
    at_ms: u64,
}

impl Made {
    fn at(at_ms: u64) -> Prepared {
        Self {
            case: "auto-1",
            subject: "day:2026-11-22",
            at_ms,
        }
        .record()
    }

    fn of(case: &'static str, subject: &'static str) -> Prepared {
        Self {
            case,
            subject,
            at_ms: NOW,
        }
        .record()
    }

    fn record(self) -> Prepared {
        let entry = Entry {
            tenant: "acme".into(),
            case: self.case.into(),
            run: Some("r1".into()),
            principal: "agent:a".into(),
            workflow: None,
            stage: Stage::CallOutcome,
            position: Some(0),
            at_ms: self.at_ms,
            facts: serde_json::Map::new(),
            values: vec![("reply", b"[]".to_vec())],
            subject: self.subject.into(),
        };
        prepare(&entry, &SubjectKey::from_bytes([7; 32]), &blob_keys()).unwrap()
    }
}

/// The last record of a run.
fn closed(run: &str, tool: &str, outcome: &str, workflow: Option<&str>, at_ms: u64) -> Prepared {
    let facts = json!({"tool": tool, "state": outcome});
    let entry = Entry {
        tenant: "acme".into(),
        case: "case-1".into(),
        run: Some(run.into()),
        principal: "agent:a".into(),
        workflow: workflow.map(str::to_owned),
        stage: Stage::RunClosed,
        position: None,
        at_ms,
        facts: facts.as_object().unwrap().clone(),
        values: Vec::new(),
        subject: "case:case-1".into(),
    };
    let mut record = prepare(&entry, &SubjectKey::from_bytes([7; 32]), &blob_keys()).unwrap();
    record.closing = Some(Closing {
        tool: tool.into(),
        outcome: outcome.into(),
        workflow: workflow.map(str::to_owned),
    });
    record
}

async fn append(bench: &Bench, records: Vec<Prepared>) {
    bench
        .store
        .append(submission(records, Vec::new()))
        .await
        .unwrap();
}

async fn found(bench: &Bench, filter: RecordFilter) -> Vec<u64> {
    let found = bench.store.records(&named("acme"), &filter).await.unwrap();
    found.iter().map(|record| record.seq).collect()
}

async fn a_record_is_found_by_its_own_time_wherever_it_stands(bench: Bench) {
    // A clock that is far ahead, one that is far behind, and steady ones, over
    // several spans of 256 places.
    let mut times: Vec<u64> = (0..900).map(|n| NOW + n).collect();
    times[3] = NOW + 1_000_000;
    times[700] = 5;
    append(&bench, times.iter().copied().map(Made::at).collect()).await;
    let expected = |since: u64, until: u64| -> Vec<u64> {
        let matching = (0..).zip(&times);
        matching
            .filter(|(_, at)| (since..until).contains(*at))
            .map(|(place, _)| place)
            .collect()
    };
    for (since_ms, until_ms) in [
        (0, 6),
        (NOW, NOW + 1),
        (NOW + 250, NOW + 260),
        (NOW + 511, NOW + 513),
        (NOW + 898, u64::MAX),
        (NOW + 5_000, NOW + 2_000_000),
        (0, u64::MAX),
        (NOW + 5_000, NOW + 6_000),
    ] {
        let mut expected = expected(since_ms, until_ms);
        let filter = RecordFilter {
            since_ms: Some(since_ms),
            until_ms: Some(until_ms),
            ..RecordFilter::default()
        };
        let told = format!("from {since_ms} to {until_ms}");
        assert_eq!(found(&bench, filter.clone()).await, expected, "{told}");
        expected.reverse();
        let newest = RecordFilter {
            newest_first: true,
            ..filter.clone()
        };
        assert_eq!(found(&bench, newest).await, expected, "{told}");
        // The same in pages of three, with the run's index and without.
        for run in [None, Some("r1".to_owned())] {
            let mut paged = Vec::new();
            loop {
                let page = RecordFilter {
                    run: run.clone(),
                    newest_first: true,
                    after_seq: paged.last().copied(),
                    limit: Some(300),
                    ..filter.clone()
                };
                match found(&bench, page).await {
                    page if page.is_empty() => break,
                    page => paged.extend(page),
                }
            }
            assert_eq!(paged, expected, "{told}");
        }
    }
    let since = RecordFilter {
        since_ms: Some(NOW + 899),
        ..RecordFilter::default()
    };
    assert_eq!(found(&bench, since).await, [3, 899]);
    let until = RecordFilter {
        until_ms: Some(NOW + 1),
        ..RecordFilter::default()
    };
    assert_eq!(found(&bench, until).await, [0, 700]);
}

async fn a_subjects_records_are_found_of_whatever_kind_it_is(bench: Bench) {
    let records = vec![
        Made::of("case-1", "case:case-1"),
        // Another subject inside the same case.
        Made::of("case-1", "subject:9f"),
        Made::of("auto-7", "day:2026-11-22"),
        Made::of("auto-8", "day:2026-11-23"),
        Made::of("case-2", "subject:9f"),
        // A quote in a name is only a sign.
        Made::of("auto-9", "odd:\"x\""),
        Made::of("auto-10", "case:auto-10"),
    ];
    append(&bench, records).await;
    for (subject, expected) in [
        ("case:case-1", vec![0]),
        ("subject:9f", vec![1, 4]),
        ("day:2026-11-22", vec![2]),
        ("odd:\"x\"", vec![5]),
        ("case:auto-10", vec![6]),
        ("case:case-2", vec![]),
        ("day:2026", vec![]),
    ] {
        let filter = RecordFilter {
            subject: Some(subject.into()),
            ..RecordFilter::default()
        };
        assert_eq!(found(&bench, filter).await, expected, "{subject}");
    }
    let both = RecordFilter {
        subject: Some("subject:9f".into()),
        case: Some("case-2".into()),
        ..RecordFilter::default()
    };
    assert_eq!(found(&bench, both).await, [4]);
}

async fn ended_runs_are_found_by_what_they_came_to(bench: Bench) {
    let records = vec![
        closed("r0", "db.query", "done", Some("refunds"), NOW),
        Made::at(NOW),
        closed("r1", "db.query", "failed", None, NOW + 10),
        closed("r2", "mail.send", "denied", Some("refunds"), NOW + 20),
        closed("r3", "mail.send", "done", None, NOW + 5),
        closed("r4", "db.query", "done", Some("refunds"), NOW + 30),
    ];
    append(&bench, records).await;
    let listed = async |filter: ClosedFilter| -> Vec<String> {
        let rows = bench
            .store
            .closed_runs(&named("acme"), &filter)
            .await
            .unwrap();
        rows.into_iter().map(|row| row.run).collect()
    };
    let by = |tool: Option<&str>, outcome: Option<&str>, workflow: Option<&str>| ClosedFilter {
        tool: tool.map(str::to_owned),
        outcome: outcome.map(str::to_owned),
        workflow: workflow.map(str::to_owned),
        ..ClosedFilter::default()
    };
    let (query, refunds) = (Some("db.query"), Some("refunds"));
    for (filter, expected) in [
        (by(None, None, None), vec!["r4", "r3", "r2", "r1", "r0"]),
        (by(query, None, None), vec!["r4", "r1", "r0"]),
        (by(None, Some("failed"), None), vec!["r1"]),
        (by(None, Some("done"), None), vec!["r4", "r3", "r0"]),
        (by(None, None, refunds), vec!["r4", "r2", "r0"]),
        (by(query, Some("done"), refunds), vec!["r4", "r0"]),
        (by(query, Some("denied"), None), vec![]),
        (by(Some("db"), None, None), vec![]),
    ] {
        assert_eq!(listed(filter.clone()).await, expected, "{filter:?}");
        let late = ClosedFilter {
            since_ms: Some(NOW + 10),
            until_ms: Some(NOW + 30),
            ..filter.clone()
        };
        let in_time = |run: &&str| ["r1", "r2"].contains(run);
        let expected: Vec<_> = expected.into_iter().filter(in_time).collect();
        assert_eq!(listed(late).await, expected, "{filter:?}");
    }
    let page = ClosedFilter {
        limit: Some(2),
        before: Some(4),
        ..ClosedFilter::default()
    };
    let rows = bench
        .store
        .closed_runs(&named("acme"), &page)
        .await
        .unwrap();
    let places: Vec<_> = rows.iter().map(|row| row.place).collect();
    assert_eq!(places, [3, 2]);
    assert_eq!(
        (rows[0].tool.as_str(), rows[0].at_ms),
        ("mail.send", NOW + 20)
    );
    let nobody = bench
        .store
        .closed_runs(&named("other"), &page)
        .await
        .unwrap();
    assert!(nobody.is_empty());
    bench.store.verify(&named("acme")).await.unwrap().unwrap();
}

async fn only_the_last_record_says_what_a_run_came_to(bench: Bench) {
    let mut record = Made::at(NOW);
    record.closing = closed("r1", "db.query", "done", None, NOW).closing;
    let refused = bench.store.append(submission(vec![record], Vec::new()));
    assert!(matches!(refused.await, Err(StoreError::Invalid(_))));
}

async fn a_run_hidden_from_what_finds_it_is_named_by_verification(bench: Bench) {
    append(
        &bench,
        vec![
            Made::of("case-2", "subject:9f"),
            closed("r1", "db.query", "failed", Some("refunds"), NOW),
        ],
    )
    .await;
    bench.store.verify(&named("acme")).await.unwrap().unwrap();
    for (column, stage, seq) in [
        ("tool", 16, 1),
        ("outcome", 16, 1),
        ("workflow", 16, 1),
        ("subject", 7, 0),
    ] {
        for value in ["NULL", "'x'"] {
            bench
                .tamper(&format!(
                    "CREATE TABLE was AS SELECT place, {column} AS old FROM records;
                     UPDATE records SET {column} = {value} WHERE stage = {stage}"
                ))
                .await;
            let report = bench
                .store
                .verify(&named("acme"))
                .await
                .unwrap()
                .unwrap_err();
            assert_eq!(report.first_bad_seq, Some(seq), "{column} = {value}");
            assert_eq!(report.what, Tampering::ColumnsMismatch);
            bench
                .tamper(&format!(
                    "UPDATE records SET {column} =
                        (SELECT old FROM was WHERE was.place = records.place);
                     DROP TABLE was"
                ))
                .await;
            bench.store.verify(&named("acme")).await.unwrap().unwrap();
        }
    }
    // Putting such words beside another record is found as well.
    bench
        .tamper("UPDATE records SET tool = 'x', outcome = 'done' WHERE stage = 7")
        .await;
    let report = bench
        .store
        .verify(&named("acme"))
        .await
        .unwrap()
        .unwrap_err();
    assert_eq!(report.first_bad_seq, Some(0));
}

async fn times_of_tenants_do_not_mix(bench: Bench) {
    append(&bench, vec![Made::at(NOW)]).await;
    let mut foreign = Made::at(NOW);
    foreign.tenant = "other".into();
    let other = Submission {
        tenant: named("other"),
        records: vec![foreign],
        changes: Vec::new(),
    };
    bench.store.append(other).await.unwrap();
    let filter = RecordFilter {
        since_ms: Some(0),
        ..RecordFilter::default()
    };
    for tenant in ["acme", "other"] {
        let found = bench.store.records(&named(tenant), &filter).await.unwrap();
        assert_eq!(found.len(), 1);
    }
}

on_each_store! {
    a_record_is_found_by_its_own_time_wherever_it_stands,
    a_subjects_records_are_found_of_whatever_kind_it_is,
    ended_runs_are_found_by_what_they_came_to,
    only_the_last_record_says_what_a_run_came_to,
    a_run_hidden_from_what_finds_it_is_named_by_verification,
    times_of_tenants_do_not_mix,
}

#[tokio::test(flavor = "multi_thread")]
async fn a_record_hidden_from_its_time_is_named_by_verification() {
    for change in [
        "DELETE FROM spans WHERE span & 0xff = 1",
        "UPDATE spans SET first_ms = first_ms + 1 WHERE span & 0xff = 1",
        "UPDATE spans SET last_ms = last_ms - 1 WHERE span & 0xff = 1",
    ] {
        let bench = Bench::new().await;
        append(&bench, (0..600).map(|n| Made::at(NOW + n)).collect()).await;
        bench.store.verify(&named("acme")).await.unwrap().unwrap();
        bench.tamper(change).await;
        let report = bench
            .store
            .verify(&named("acme"))
            .await
            .unwrap()
            .unwrap_err();
        let place = report.first_bad_seq.unwrap();
        assert!((256..512).contains(&place), "{change}: {report}");
        assert_eq!(report.what, Tampering::ColumnsMismatch);
    }
}

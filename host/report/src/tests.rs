#![expect(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]

use proptest::prelude::*;
use serde_json::{Value, json};
use tollgate_journal::Leaf;

use super::*;

/// Monday of 2026-W47.
const MONDAY: u64 = 1_763_337_600_000 + 52 * 7 * 86_400_000;
const MINUTE: u64 = 60_000;

/// A journal being written, a record a line.
#[derive(Default)]
struct Story {
    leaves: Vec<Leaf>,
}

impl Story {
    fn tell(
        &mut self,
        at: u64,
        stage: &str,
        case: &str,
        run: Option<&str>,
        facts: Value,
    ) -> &mut Self {
        self.leaf(at, stage, case, run, None, facts)
    }

    fn leaf(
        &mut self,
        at: u64,
        stage: &str,
        case: &str,
        run: Option<&str>,
        position: Option<u32>,
        facts: Value,
    ) -> &mut Self {
        let leaf = json!({
            "v": 1, "tenant": "acme", "case": case, "run": run, "principal": "agent",
            "workflow": "refund", "stage": stage, "at": MONDAY + at * MINUTE,
            "position": position, "subject": "case:1", "facts": facts, "values": {},
        });
        self.leaves.push(serde_json::from_value(leaf).unwrap());
        self
    }

    fn workflow(&mut self) -> &mut Self {
        let facts = json!({
            "workflow": "refund", "baseline_minutes_low": 10, "baseline_minutes_high": 20,
            "baseline_touches": 3, "first_response_s": 300,
        });
        self.tell(0, "workflow.changed", "workflows", None, facts)
    }

    /// A case that writes, asks a person who takes `decides` minutes, and is done.
    fn refund(&mut self, at: u64, case: &str, decides: u64, correct: bool) -> &mut Self {
        let run = format!("run-{case}");
        let run = Some(run.as_str());
        let approval = json!({ "approval": case });
        let decided = json!({ "approval": case, "decision": "approved" });
        self.tell(at, "case.opened", case, None, json!({}))
            .tell(at, "run.opened", case, run, json!({"tool": "refund"}))
            .tell(at, "approval.requested", case, run, approval)
            .tell(at + decides, "approval.decided", case, run, decided)
            .tell(
                at + decides,
                "call.intent",
                case,
                run,
                json!({"call": "sql.execute", "effect": "irreversible"}),
            )
            .tell(
                at + decides,
                "run.closed",
                case,
                run,
                json!({"state": "done"}),
            )
            .tell(
                at + decides,
                "case.closed",
                case,
                None,
                json!({"state": "completed", "correct": correct}),
            )
    }

    fn report(&self) -> Report {
        let mut collector = Collector::new(Period {
            since_ms: 0,
            until_ms: u64::MAX,
        });
        for leaf in &self.leaves {
            collector.add(leaf);
        }
        collector.finish()
    }

    fn total(&self) -> Figures {
        self.report().workflows[0].total.clone()
    }
}

#[test]
fn a_completed_case_counts_with_its_answer_its_touch_and_the_time_it_saved() {
    let figures = Story::default().workflow().refund(1, "a", 4, true).total();
    assert_eq!(figures.cases.completed, 1);
    assert_eq!(figures.cases.correct.count, 1);
    assert_eq!(figures.cases.first_response.median_s, Some(240.0));
    assert_eq!(figures.cases.within_target.count, 1);
    assert_eq!(figures.approvals.latency.median_s, Some(240.0));
    assert_eq!(figures.approvals.per_done_run, Some(1.0));
    assert_eq!(figures.touches_per_completed_case, Some(1.0));
    // One touch of three: a third of the minutes by hand was spent all the same.
    let saved = figures.time_saved.unwrap();
    assert!((saved.minutes - 10.0).abs() < 1e-9, "{saved:?}");
    assert!((saved.low - 10.0 * 2.0 / 3.0).abs() < 1e-9, "{saved:?}");
    assert!((saved.high - 20.0 * 2.0 / 3.0).abs() < 1e-9, "{saved:?}");
}

#[test]
fn what_is_taken_back_later_was_not_correct_in_the_week_it_ended() {
    let mut story = Story::default();
    let weeks_later = 3 * 7 * 24 * 60;
    story
        .workflow()
        .refund(1, "a", 4, true)
        .refund(2, "b", 4, true)
        .tell(
            weeks_later,
            "run.opened",
            "a",
            Some("undo-a"),
            json!({"undoes": "run-a"}),
        )
        .tell(
            weeks_later,
            "run.closed",
            "a",
            Some("undo-a"),
            json!({"state": "done"}),
        )
        .tell(
            weeks_later,
            "undo.done",
            "a",
            Some("run-a"),
            json!({"by": "undo-a"}),
        );
    let report = story.report();
    let refund = &report.workflows[0];
    let (first, last) = (&refund.weeks[0], refund.weeks.last().unwrap());
    assert_eq!(
        refund.weeks.len(),
        4,
        "weeks without anything stand there too"
    );
    assert_eq!(first.figures.cases.completed, 2);
    assert_eq!(first.figures.cases.correct.count, 1);
    assert_eq!(first.figures.runs.undone.count, 1);
    assert_eq!(last.figures.runs.ended, 1);
    assert_eq!(refund.total.runs.undone.of, 2);
}

#[test]
fn a_case_that_was_closed_again_was_corrected() {
    let figures = Story::default()
        .refund(1, "a", 1, true)
        .tell(
            9,
            "case.closed",
            "a",
            None,
            json!({"state": "completed", "correct": true}),
        )
        .total();
    assert_eq!(
        (figures.cases.completed, figures.cases.correct.count),
        (1, 0)
    );
}

#[test]
fn a_completion_that_nothing_checked_is_not_called_correct() {
    let mut story = Story::default();
    story
        .workflow()
        .tell(1, "case.opened", "a", None, json!({}))
        .tell(2, "case.closed", "a", None, json!({"state": "completed"}));
    let figures = story.total();
    assert_eq!(
        (figures.cases.unchecked, figures.cases.correct.count),
        (1, 0)
    );
    let saved = figures.time_saved.unwrap();
    assert_eq!((saved.minutes, saved.low, saved.high), (0.0, 0.0, 20.0));
    // It was never answered, so the target was missed.
    assert_eq!(
        (
            figures.cases.within_target.count,
            figures.cases.within_target.of
        ),
        (0, 1)
    );
}

#[test]
fn errors_caught_are_denials_of_rules_denials_of_people_and_edits() {
    let mut story = Story::default();
    let asked = |approval: &str| json!({"approval": approval});
    let said = |approval: &str, what: &str| json!({"approval": approval, "decision": what});
    let by_rule = || json!({"rule": "r"});
    let (requested, decided, denied) = ("approval.requested", "approval.decided", "call.denied");
    let at = Some(0);
    story
        .leaf(1, denied, "a", Some("1"), at, by_rule())
        // What a person denied, and then the call that is denied for it: one.
        .leaf(1, requested, "a", Some("2"), at, asked("x"))
        .leaf(1, decided, "a", Some("2"), at, said("x", "denied"))
        .leaf(1, denied, "a", Some("2"), at, by_rule())
        // Nobody looked: nothing was caught.
        .leaf(1, requested, "a", Some("3"), at, asked("y"))
        .leaf(9, decided, "a", Some("3"), at, said("y", "expired"))
        .leaf(9, denied, "a", Some("3"), at, by_rule())
        .tell(9, "run.edited", "a", Some("4"), json!({}))
        .tell(9, "run.closed", "a", Some("4"), json!({"state": "edited"}));
    let figures = story.total();
    assert_eq!(figures.caught, 3);
    assert_eq!(figures.runs.failed, 0, "another run goes on");
    assert_eq!(figures.approvals.denied, 1);
    assert_eq!(figures.approvals.expired, 1);
    assert_eq!(figures.approvals.edited, 1);
    // Nobody decided on the second: it has no latency.
    assert_eq!(figures.approvals.latency.count, 1);
    assert_eq!(figures.approvals.under_3_s.rate, Some(1.0));
}

#[test]
fn an_item_waits_from_its_hand_over_to_its_end_however_it_is_named() {
    let mut story = Story::default();
    story
        .tell(1, "case.opened", "a", None, json!({}))
        .tell(
            1,
            "handoff",
            "a",
            Some("1"),
            json!({"item": "i", "queue": "in_doubt"}),
        )
        .tell(11, "call.settled", "a", Some("1"), json!({"item": "i"}))
        .leaf(
            2,
            "call.intent",
            "a",
            Some("2"),
            Some(4),
            json!({"call": "handoff.escalate", "effect": "write"}),
        )
        .leaf(
            22,
            "handoff.resolved",
            "a",
            Some("2"),
            Some(4),
            json!({"item": "j"}),
        )
        .tell(30, "case.closed", "a", None, json!({"state": "completed"}));
    let figures = story.total();
    assert_eq!(figures.queue.settled, 2);
    assert_eq!(figures.queue.time.median_s, Some(600.0));
    assert_eq!(figures.queue.time.longest_s, Some(1_200.0));
    assert_eq!(figures.cases.escalation.count, 1);
    assert_eq!(figures.touches_per_completed_case, Some(2.0));
}

#[test]
fn a_failure_waits_in_its_queue_and_hands_nothing_over() {
    let mut story = Story::default();
    let ended = json!({"state": "denied", "class": "denied", "item": "i", "queue": "support"});
    let resolved = json!({"item": "i", "resolution": "done"});
    story
        .tell(1, "case.opened", "a", None, json!({}))
        .tell(1, "run.opened", "a", Some("1"), json!({}))
        .tell(2, "run.closed", "a", Some("1"), ended)
        .tell(7, "handoff.resolved", "a", Some("1"), resolved)
        .tell(9, "case.closed", "a", None, json!({"state": "completed"}));
    let figures = story.total();
    assert_eq!(figures.queue.settled, 1);
    assert_eq!(figures.queue.time.median_s, Some(300.0));
    assert_eq!(figures.cases.escalation.count, 0);
}

#[test]
fn a_clock_that_once_stood_decades_off_makes_no_endless_report() {
    let mut story = Story::default();
    story
        .refund(1, "a", 1, true)
        .refund(u64::from(u32::MAX), "b", 1, true);
    let report = story.report();
    assert!(report.workflows[0].weeks.len() <= 1_000);
    assert_eq!(report.workflows[0].total.cases.completed, 2);
}

#[test]
fn a_plot_is_one_svg_that_refers_to_nothing() {
    let mut story = Story::default();
    story.workflow();
    for week in 0..8 {
        story.refund(
            week * 7 * 24 * 60,
            &format!("c{week}"),
            3 + week,
            week % 3 != 0,
        );
    }
    let svg = plot(&story.report().workflows[0]).unwrap();
    assert!(svg.starts_with("<svg") && svg.trim_end().ends_with("</svg>"));
    assert!(!svg.contains("href") && !svg.contains("<script"));
    assert!(svg.contains("Cases ended") && svg.contains("by hand"));
    // A workflow in which nothing ended has a plot too.
    let empty = WorkflowFigures {
        workflow: "w".to_owned(),
        baseline: None,
        total: Figures::default(),
        weeks: Vec::new(),
    };
    assert!(plot(&empty).is_ok());
}

proptest! {
    /// Whatever order records come in, and whatever is missing, the parts never
    /// exceed the whole.
    #[test]
    fn parts_never_exceed_the_whole(order in proptest::collection::vec((0_usize..40, 0_u64..90_000), 0..60)) {
        let mut whole = Story::default();
        whole.workflow();
        for case in 0..6 {
            whole.refund(case * 5_000, &case.to_string(), case, case % 2 == 0);
        }
        let mut story = Story::default();
        for (index, at) in order {
            let mut leaf = whole.leaves[index % whole.leaves.len()].clone();
            leaf.at = MONDAY + at * MINUTE;
            story.leaves.push(leaf);
        }
        for workflow in story.report().workflows {
            let cases = &workflow.total.cases;
            let by_end = cases.completed + cases.failed + cases.escalated
                + cases.denied + cases.expired + cases.undone;
            prop_assert_eq!(cases.ended, by_end);
            prop_assert!(cases.correct.count + cases.unchecked <= cases.completed);
            prop_assert!(workflow.total.runs.undone.count <= workflow.total.runs.undone.of);
            if let Some(saved) = workflow.total.time_saved {
                prop_assert!(saved.low <= saved.minutes + 1e-9);
                prop_assert!(saved.minutes <= saved.high + 1e-9);
            }
            let weeks: u64 = workflow.weeks.iter().map(|week| week.figures.cases.ended).sum();
            prop_assert_eq!(weeks, cases.ended);
        }
    }
}

/// A drill looks like any other request until its end.
fn drill(story: &mut Story, at: u64, name: &str, decision: Option<&str>) {
    let run = format!("run-{name}");
    let run = Some(run.as_str());
    let asked = json!({"approval": name, "kind": "finance"});
    story
        .tell(at, "run.opened", "c", run, json!({"tool": "refund"}))
        .tell(at, "approval.requested", "c", run, asked);
    let Some(decision) = decision else {
        return;
    };
    let voted = json!({"approval": name, "decision": "approved"});
    let decided = json!({
        "approval": name, "kind": "finance", "decision": decision, "planted_by": "olga",
    });
    story
        .tell(at, "approval.voted", "c", run, voted)
        .tell(at + 2, "drill.decided", "c", run, decided)
        .tell(
            at + 2,
            "run.closed",
            "c",
            run,
            json!({"state": "denied", "drill": true}),
        );
}

#[test]
fn a_drill_counts_as_a_drill_and_nowhere_else() {
    let mut plain = Story::default();
    plain.workflow().refund(1, "c", 4, true);
    let mut drilled = Story::default();
    drilled.workflow();
    for (at, decision) in ["approved", "denied", "edited", "expired", "denied"]
        .iter()
        .enumerate()
    {
        drill(&mut drilled, at as u64, &format!("d{at}"), Some(decision));
    }
    drilled.refund(1, "c", 4, true);
    let (plain, drilled) = (plain.report(), drilled.report());
    assert_eq!(plain.workflows, drilled.workflows);
    let finance = &drilled.approvals[1];
    assert_eq!(finance.approval, "finance");
    let drills = &finance.total.drills;
    assert_eq!((drills.sent, drills.caught, drills.missed), (5, 3, 1));
    assert_eq!((drills.unanswered, drills.caught_rate.of), (1, 4));
    assert_eq!(drills.under_3_s.of, 4);
    let load = &finance.total;
    assert_eq!((load.requested, load.approved, load.denied), (0, 0, 0));
    assert_eq!((load.latency.count, load.per_done_run), (0, Some(0.0)));
    assert_eq!(finance.weeks.len(), 1);
    assert_eq!(finance.weeks[0].load.drills, *drills);
}

#[test]
fn a_drill_that_waits_counts_as_a_request_that_nobody_decided_on() {
    let mut story = Story::default();
    drill(&mut story, 1, "d", None);
    let report = story.report();
    let load = &report.approvals[0].total;
    assert_eq!((load.requested, load.drills.sent), (1, 0));
}

#[test]
fn what_an_approval_asks_of_people_is_told_by_its_name_and_week() {
    let mut story = Story::default();
    let week = 7 * 24 * 60;
    let ask = |story: &mut Story, at: u64, name: &str, kind: &str, took: u64, said: &str| {
        let run = format!("run-{name}");
        let decided = json!({"approval": name, "decision": said});
        let asked = json!({"approval": name, "kind": kind});
        story
            .tell(at, "run.opened", name, Some(&run), json!({}))
            .tell(at, "approval.requested", name, Some(&run), asked)
            .tell(at + took, "approval.decided", name, Some(&run), decided)
            .tell(
                at + took,
                "run.closed",
                name,
                Some(&run),
                json!({"state": "done"}),
            );
    };
    ask(&mut story, 1, "a", "finance", 0, "approved");
    ask(&mut story, 2, "b", "finance", 10, "approved");
    ask(&mut story, 3, "c", "finance", 30, "denied");
    ask(&mut story, 2 * week, "d", "legal", 1, "approved");
    ask(&mut story, 2 * week, "e", "finance", 60, "expired");
    let report = story.report();
    let names: Vec<_> = report.approvals.iter().map(|one| &one.approval).collect();
    assert_eq!(names, ["finance", "legal"]);
    let finance = &report.approvals[0];
    assert_eq!(finance.total.requested, 4);
    assert_eq!((finance.total.approved, finance.total.expired), (2, 1));
    // Nobody decided on what expired: it has no latency.
    assert_eq!(finance.total.latency.count, 3);
    assert_eq!(finance.total.latency.median_s, Some(600.0));
    assert_eq!(finance.total.under_3_s.count, 1);
    assert_eq!(finance.total.per_done_run, Some(4.0 / 5.0));
    let weeks: Vec<_> = finance.weeks.iter().map(|one| one.load.requested).collect();
    assert_eq!(weeks, [3, 0, 1]);
    assert_eq!(finance.weeks[0].load.per_done_run, Some(1.0));
    let table = finance.table(4);
    assert_eq!(table.columns.len(), 4);
    assert_eq!(table.rows[0].cells, ["4", "3", "0", "1"]);
}

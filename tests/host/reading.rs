//! What is asked of the journal is answered: by run with those that belong to
//! its story, by what runs were and came to, page by page, and as records come.

use std::collections::{BTreeSet, HashSet};

use serde_json::json;
use tollgate_runtime::{
    Erase, LogFilter, LogLink, LogPage, LogPlace, NotReplayable, Replayed, RunReport, RunState,
};

use tollgate_tests::named;

use crate::house::{AT, House, agent, asks_for, mira};

/// The page of a question that must be answered.
async fn page(house: &House, filter: &LogFilter) -> LogPage {
    house
        .host
        .log_page(&named("default"), filter)
        .await
        .unwrap()
}

/// Runs that a question selects, over all its pages, as a set.
async fn runs(house: &House, filter: LogFilter) -> BTreeSet<String> {
    let mut filter = LogFilter {
        limit: Some(1),
        ..filter
    };
    let mut found = BTreeSet::new();
    loop {
        let page = page(house, &filter).await;
        for line in page.lines {
            found.insert(line.run.unwrap());
        }
        match page.next {
            Some(LogPlace::Before(place)) => filter.before = Some(place),
            None => return found,
            Some(next) => panic!("runs come newest first, not {next:?}"),
        }
    }
}

fn set<'a>(reports: impl IntoIterator<Item = &'a RunReport>) -> BTreeSet<String> {
    reports
        .into_iter()
        .map(|report| report.run.clone())
        .collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn runs_are_found_by_what_they_were_and_what_they_came_to() {
    let house = House::hostile("", &asks_for("write_twice")).await;
    let note = json!({"key": "n", "path": "n.txt", "text": "x"});
    let done = house.call("increment", json!({"key": "a"})).await;
    let undone = house.call("increment", json!({"key": "b"})).await;
    assert_eq!(
        house
            .host
            .undo(&mira(), &undone.run, false)
            .await
            .unwrap()
            .outcome,
        "undone"
    );
    let failed = house.call("panics", json!({"message": "x"})).await;
    let held = house.call("write_twice", note).await;
    assert_eq!(
        (failed.state, held.state),
        (RunState::Failed, RunState::Held)
    );
    let of = |outcome: RunState| LogFilter {
        outcome: Some(outcome),
        tool: Some("hostile".to_owned()),
        ..LogFilter::default()
    };
    assert_eq!(runs(&house, of(RunState::Failed)).await, set([&failed]));
    assert_eq!(runs(&house, of(RunState::Held)).await, set([&held]));
    assert_eq!(runs(&house, of(RunState::Undone)).await, set([&undone]));
    assert_eq!(runs(&house, of(RunState::InDoubt)).await, BTreeSet::new());
    let found = runs(&house, of(RunState::Done)).await;
    assert!(
        found.contains(&done.run) && !found.contains(&undone.run),
        "{found:?}"
    );
    let by = |tool: &str, principal: Option<&str>| LogFilter {
        tool: Some(tool.to_owned()),
        principal: principal.map(str::to_owned),
        ..LogFilter::default()
    };
    let asked = runs(&house, by("hostile.increment", Some("agent-7"))).await;
    assert_eq!(asked, set([&done, &undone]));
    assert_eq!(
        runs(&house, by("hostile.write_twice", None)).await,
        set([&held])
    );
    assert_eq!(runs(&house, by("hosti", None)).await, BTreeSet::new());
    assert_eq!(
        runs(&house, by("hostile", Some("nobody"))).await,
        BTreeSet::new()
    );
    // What selects runs holds for a run that is named, too.
    let named = LogFilter {
        run: Some(failed.run.clone()),
        ..of(RunState::Done)
    };
    assert!(page(&house, &named).await.lines.is_empty());
    // Within the runs, only the stage.
    let ends = LogFilter {
        stage: Some("run.closed".to_owned()),
        ..of(RunState::Failed)
    };
    let lines = page(&house, &ends).await.lines;
    assert_eq!(lines.len(), 1);
    assert_eq!(lines[0].facts["state"], "failed");
}

#[tokio::test(flavor = "multi_thread")]
async fn every_page_goes_on_where_the_last_one_ended() {
    let house = House::hostile("", "").await;
    for _ in 0..5 {
        house.call("increment", json!({"key": "n"})).await;
    }
    let whole = page(&house, &LogFilter::default()).await;
    assert_eq!(whole.next, None);
    let places: Vec<_> = whole.lines.iter().map(|line| line.seq).collect();
    for newest in [false, true] {
        let mut filter = LogFilter {
            newest,
            limit: Some(3),
            ..LogFilter::default()
        };
        let mut walked = Vec::new();
        loop {
            let page = page(&house, &filter).await;
            let part: Vec<_> = page.lines.iter().map(|line| line.seq).collect();
            assert!(part.is_sorted());
            match newest {
                true => walked.splice(..0, part).for_each(drop),
                false => walked.extend(part),
            }
            match page.next {
                Some(LogPlace::After(place)) => filter.after = Some(place),
                Some(LogPlace::Before(place)) => filter.before = Some(place),
                None => break,
            }
        }
        assert_eq!(walked, places, "newest first: {newest}");
    }
    let both = LogFilter {
        after: Some(1),
        before: Some(2),
        ..LogFilter::default()
    };
    assert!(house.host.log_page(&named("default"), &both).await.is_err());
    let unknown = LogFilter {
        stage: Some("call.made".to_owned()),
        ..LogFilter::default()
    };
    let said = house
        .host
        .log_page(&named("default"), &unknown)
        .await
        .unwrap_err();
    assert!(said.to_string().contains("call.intent"), "{said}");
    let other = house
        .host
        .log_page(&named("other"), &LogFilter::default())
        .await;
    assert!(other.unwrap().lines.is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn records_are_found_by_their_time() {
    let house = House::hostile("", "").await;
    let early = house.call("increment", json!({"key": "n"})).await;
    house.clock.set(AT + 10_000);
    let late = house.call("increment", json!({"key": "n"})).await;
    for (since_ms, until_ms, tool, expected) in [
        (Some(AT + 5_000), None, None, &late),
        (Some(AT + 5_000), None, Some("hostile.increment"), &late),
        (None, Some(AT + 5_000), Some("hostile.increment"), &early),
    ] {
        let filter = LogFilter {
            since_ms,
            until_ms,
            tool: tool.map(str::to_owned),
            ..LogFilter::default()
        };
        let lines = page(&house, &filter).await.lines;
        assert!(!lines.is_empty());
        let found = lines.iter().filter_map(|line| line.run.as_ref());
        assert!(found.clone().all(|run| *run == expected.run), "{lines:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_run_is_told_together_with_what_takes_it_back() {
    let house = House::hostile("", "").await;
    let report = house.call("increment", json!({"key": "n"})).await;
    let undone = house.host.undo(&mira(), &report.run, false).await.unwrap();
    let undo = undone.undo_run.unwrap().run;
    let story = |run: &str| LogFilter {
        run: Some(run.to_owned()),
        linked: true,
        ..LogFilter::default()
    };
    let lines = page(&house, &story(&report.run)).await.lines;
    assert!(lines.is_sorted_by_key(|line| line.seq));
    let of_undo = lines.iter().filter(|line| line.linked.is_some());
    assert!(of_undo.clone().count() > 1);
    for line in of_undo {
        assert_eq!(
            (&line.run, line.linked),
            (&Some(undo.clone()), Some(LogLink::Undoes))
        );
    }
    assert!(
        lines
            .iter()
            .any(|line| line.stage == "undo.done" && line.linked.is_none())
    );
    let back = page(&house, &story(&undo)).await.lines;
    let opened = back
        .iter()
        .find(|line| line.linked == Some(LogLink::UndoneBy))
        .unwrap();
    assert_eq!(opened.run.as_ref(), Some(&report.run));
    // Without asking for it, a run is alone.
    assert!(
        house
            .log(&report.run)
            .await
            .iter()
            .all(|line| line.linked.is_none())
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn an_undo_that_waits_is_part_of_the_story_too() {
    let house = House::hostile("", &asks_for("increment")).await;
    let report = house.call("increment", json!({"key": "n"})).await;
    let card = house.host.cards(&mira(), false).await.unwrap().remove(0);
    house
        .host
        .approve(&mira(), &card.approval, &card.digest)
        .await
        .unwrap();
    let undone = house.host.undo(&agent(), &report.run, false).await.unwrap();
    assert_eq!(undone.outcome, "held");
    let filter = LogFilter {
        run: Some(report.run.clone()),
        linked: true,
        ..LogFilter::default()
    };
    let lines = page(&house, &filter).await.lines;
    let waiting = lines
        .iter()
        .find(|line| line.linked == Some(LogLink::Undoes));
    assert_eq!(waiting.unwrap().run, undone.undo_run.map(|undo| undo.run));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_follower_sees_each_new_record_once_and_in_order() {
    let house = House::hostile("", "").await;
    house.call("increment", json!({"key": "n"})).await;
    let all = LogFilter::default();
    let mut follow = house
        .host
        .follow(&named("default"), all.clone())
        .await
        .unwrap();
    assert!(
        follow.next().await.unwrap().is_empty(),
        "what was there is not new"
    );
    let mut expected = page(&house, &all).await.lines.len();
    let mut seen = Vec::new();
    for _ in 0..3 {
        let report = house.call("increment", json!({"key": "n"})).await;
        let lines = follow.next().await.unwrap();
        assert!(
            lines
                .iter()
                .any(|line| line.run.as_ref() == Some(&report.run))
        );
        seen.extend(lines.into_iter().map(|line| line.seq));
    }
    assert!(follow.next().await.unwrap().is_empty());
    let distinct: HashSet<_> = seen.iter().collect();
    assert!(seen.is_sorted() && distinct.len() == seen.len());
    expected += seen.len();
    assert_eq!(page(&house, &all).await.lines.len(), expected);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_follower_of_failures_gets_each_failed_run_whole() {
    let house = House::hostile("", "").await;
    let failures = LogFilter {
        outcome: Some(RunState::Failed),
        tool: Some("hostile".to_owned()),
        ..LogFilter::default()
    };
    let mut follow = house
        .host
        .follow(&named("default"), failures)
        .await
        .unwrap();
    house.call("increment", json!({"key": "n"})).await;
    let failed = house.call("panics", json!({"message": "x"})).await;
    let lines = follow.next().await.unwrap();
    assert!(
        lines
            .iter()
            .all(|line| line.run.as_ref() == Some(&failed.run))
    );
    assert_eq!(lines.first().unwrap().stage, "run.opened");
    assert_eq!(lines.last().unwrap().stage, "run.closed");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_whole_journal_is_replayed_and_what_cannot_be_says_why() {
    let house = House::hostile("", &asks_for("write_twice")).await;
    let note = json!({"key": "n", "path": "n.txt", "text": "x"});
    for _ in 0..4 {
        house.call("increment", json!({"key": "n"})).await;
    }
    house.call("panics", json!({"message": "x"})).await;
    let taken = house.call("increment", json!({"key": "n"})).await;
    house.host.undo(&mira(), &taken.run, false).await.unwrap();
    assert_eq!(house.call("write_twice", note).await.state, RunState::Held);
    let erased = house.call("increment", json!({"key": "n"})).await;
    let what = Erase::Run(erased.run.clone());
    house
        .host
        .erase(&named("default"), &what, "mira", "asked to")
        .await
        .unwrap();
    let gone = house.log(&erased.run).await;
    assert!(gone[0].erased.contains(&"input".to_owned()), "{gone:?}");
    let records = page(&house, &LogFilter::default()).await.lines.len();
    let mut told = Vec::new();
    let summary = house
        .host
        .replay_all(&named("default"), None, |progress| {
            assert!(progress.records <= progress.of);
            told.push((progress.run.to_owned(), progress.replayed.clone()));
        })
        .await
        .unwrap();
    assert_eq!((summary.runs, told.len()), (9, 9), "{summary:?}");
    assert_eq!(
        (summary.identical, summary.different),
        (6, 0),
        "{summary:?}"
    );
    assert_eq!(summary.not_replayable[&NotReplayable::ByHost], 1);
    assert_eq!(summary.not_replayable[&NotReplayable::Erased], 1);
    assert_eq!(summary.not_replayable[&NotReplayable::NotEnded], 1);
    let taken_back = told.iter().find(|(run, _)| *run == taken.run).unwrap();
    assert!(matches!(taken_back.1, Replayed::Identical { .. }));
    let after = page(&house, &LogFilter::default()).await.lines.len();
    assert_eq!(after, records, "a replay left a record");
    let none = house
        .host
        .replay_all(&named("default"), Some(AT + 1), |_| {})
        .await
        .unwrap();
    assert_eq!(none.runs, 0);
}

/// The false alarm: where a deadline falls is time and not work, so the run that it ended
/// gets another way each time, and nobody has changed anything.
#[tokio::test(flavor = "multi_thread")]
async fn a_run_that_its_deadline_stopped_is_no_difference_in_a_replay() {
    let limits = "fuel = 1_000_000_000_000\ndeadline = \"1s\"";
    let house = House::hostile(limits, "").await;
    let report = house.call("spin", json!({})).await;
    let failure = report.failure.unwrap();
    assert!(failure.message.contains("`deadline`"), "{failure:?}");
    let one = house.host.replay(&named("default"), &report.run).await;
    assert!(one.unwrap_err().to_string().contains("its deadline"));
    let all = house.host.replay_all(&named("default"), None, |_| {}).await;
    let all = all.unwrap();
    assert_eq!((all.runs, all.different), (1, 0), "{all:?}");
    assert_eq!(all.not_replayable[&NotReplayable::Deadline], 1);
}

//! Killed at every point of every scene, and started again. `TOLLGATE_CRASH_HITS` says how
//! often at each point.

#![expect(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Mutex;

use tollgate_crash_tests::arrivals;
use tollgate_crash_tests::job::{Answer, Job};
use tollgate_crash_tests::judge::{Seen, judge, told};
use tollgate_crash_tests::points::{self, Blow, Strike};
use tollgate_crash_tests::scenes::{self, Scene};
use tollgate_crash_tests::stage::{End, Stage, end, start};
use tollgate_crash_tests::{say, work};

const PROGRAM: &str = env!("CARGO_BIN_EXE_crash-host");

/// How often one point is struck in one scene: its first hits, where the calls of
/// a scene differ.
const HITS: u32 = 3;

fn most_hits() -> u32 {
    let asked = std::env::var("TOLLGATE_CRASH_HITS").ok();
    asked.map_or(HITS, |text| text.parse().unwrap())
}

/// A scene with the lives before the judged one gone through.
struct Ready {
    scene: Scene,
    stage: Stage,
    hits: BTreeMap<String, u32>,
}

fn answered(end: End) -> Box<Answer> {
    match end {
        End::Answered(answer) => answer,
        End::Killed => panic!("it was not told to die"),
    }
}

fn ready(scene: &Scene) -> Ready {
    let name = &scene.schedule.name;
    let schedules = [scene.schedule.clone()];
    let mut stage = match scene.delivers.as_slice() {
        [] => Stage::new(),
        kinds => Stage::new().delivering(kinds),
    };
    for strike in &scene.before {
        let end = stage.live(PROGRAM, &schedules, Some(strike.clone()));
        assert!(matches!(end, End::Killed), "{name}: {strike:?} was not met");
    }
    let answer = answered(stage.fork().live(PROGRAM, &schedules, None));
    judge(&answer).unwrap_or_else(|faults| panic!("{name}: {faults:#?}\n{}", told(&answer)));
    Ready {
        scene: scene.clone(),
        stage,
        hits: answer.hits,
    }
}

/// Kill at every point that each scene reaches, and judge what the next life comes to.
/// The answer is what was seen, and the points at which a process died.
fn killed_everywhere(scenes: &[Scene]) -> (Seen, BTreeSet<String>) {
    let ready: Vec<Ready> = work(scenes.iter().collect(), ready);
    let (mut blows, most) = (Vec::new(), most_hits());
    for one in &ready {
        for (point, hits) in &one.hits {
            for hit in 1..=(*hits).min(most) {
                blows.push((one, point, hit));
            }
        }
    }
    let all = Mutex::new((Seen::default(), BTreeSet::new(), 0, Vec::new()));
    let count = blows.len();
    work(blows, |(one, point, hit)| {
        let name = &one.scene.schedule.name;
        let schedules = [one.scene.schedule.clone()];
        let mut stage = one.stage.fork();
        let strike = Strike {
            point: point.clone(),
            hit,
            blow: Blow::Kill,
        };
        let killed = matches!(stage.live(PROGRAM, &schedules, Some(strike)), End::Killed);
        let answer = answered(stage.live(PROGRAM, &schedules, None));
        let judged = judge(&answer);
        let mut all = all.lock().unwrap();
        if killed {
            all.1.insert(point.clone());
            all.2 += 1;
        }
        match judged {
            Ok(seen) => all.0.add(&seen),
            Err(faults) => {
                let told = format!(
                    "{name}, killed at {point} {hit}: {faults:#?}\n{}",
                    told(&answer)
                );
                all.3.push(told);
            }
        }
    });
    let (seen, points, kills, faults) = all.into_inner().unwrap();
    say(&format!("{kills} kills of {count}: {seen:#?}"));
    assert!(
        faults.is_empty(),
        "{} faults, the first:\n{}",
        faults.len(),
        faults[0]
    );
    (seen, points)
}

fn missed<'a>(points: &BTreeSet<String>, of: impl IntoIterator<Item = &'a str>) -> Vec<&'a str> {
    let of = of.into_iter();
    of.filter(|point| !points.contains(*point)).collect()
}

#[test]
fn a_host_killed_at_any_point_doubles_nothing_loses_nothing_and_hides_nothing() {
    let (seen, points) = killed_everywhere(&scenes::all());
    let others = points::ALL
        .into_iter()
        .filter(|point| !points::DELIVERING.contains(point));
    let missed = missed(&points, others);
    assert!(missed.is_empty(), "nothing was killed at {missed:?}");
    // Each way in which a call in doubt ends was met.
    for how in ["found", "resent"] {
        assert!(seen.recovered.contains_key(how), "{how}: {seen:?}");
    }
    for resolution in ["done", "not_done"] {
        assert!(seen.settled.contains_key(resolution), "{seen:?}");
    }
    assert!(seen.approvals_used > 0, "{seen:?}");
}

/// What failed reaches its owner once, or the owner sees that it may not have, wherever
/// the host dies on the way.
#[test]
fn a_host_killed_while_it_delivers_loses_no_item_and_sends_none_twice() {
    let (seen, points) = killed_everywhere(&scenes::deliveries());
    let missed = missed(&points, points::DELIVERING);
    assert!(missed.is_empty(), "nothing was killed at {missed:?}");
    // Each kind arrived. One that can be sent again without doubling it is never a dead
    // letter; of the others a person looks: what was not found may still be on its way.
    for kind in arrivals::KINDS {
        assert!(
            seen.deliveries.contains_key(&format!("{kind} delivered")),
            "{seen:?}"
        );
        let dead = seen.deliveries.contains_key(&format!("{kind} dead"));
        assert_eq!(
            dead,
            matches!(kind, "blind" | "readable"),
            "{kind}: {seen:?}"
        );
    }
}

#[test]
fn the_list_of_points_is_the_one_of_the_sources() {
    let mut found = BTreeSet::new();
    let root = tollgate_tests::workspace();
    for folder in ["host/runtime/src", "host/store/src", "tests/crash/src"] {
        sources(&root.join(folder), &mut found);
    }
    let listed: BTreeSet<String> = points::ALL
        .iter()
        .map(|point| (*point).to_owned())
        .collect();
    assert_eq!(found, listed);
}

/// The names of all points in the sources below a folder.
fn sources(folder: &std::path::Path, found: &mut BTreeSet<String>) {
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            sources(&path, found);
            continue;
        }
        let text = std::fs::read_to_string(&path).unwrap_or_default();
        for rest in text.split("fail_point!(\"").skip(1) {
            found.insert(rest.split('"').next().unwrap().to_owned());
        }
    }
}

/// What a judge cannot see is not tested: the same kill, with an operation that
/// says of itself that it can be repeated, and cannot.
#[test]
fn an_operation_that_declares_too_much_doubles_its_effect_and_is_found_out() {
    let scene = scenes::all()
        .into_iter()
        .find(|scene| scene.schedule.name == "blind")
        .unwrap();
    let schedules = [scene.schedule];
    let strike = Strike {
        point: "effect::after".to_owned(),
        hit: 1,
        blow: Blow::Kill,
    };
    for (lies, told) in [(false, None), (true, Some("happened 2 times"))] {
        let stage = Stage::new();
        let job = stage.job(&schedules, Some(strike.clone()));
        let job = Job { lies, ..job };
        assert!(matches!(end(start(PROGRAM, &job), &job), End::Killed));
        let job = Job {
            strike: None,
            ..job
        };
        let answer = answered(end(start(PROGRAM, &job), &job));
        let faults = judge(&answer).err().unwrap_or_default();
        let found = faults
            .iter()
            .find(|fault| told.is_some_and(|told| fault.contains(told)));
        assert_eq!(found.is_some(), lies, "{faults:#?}");
    }
}

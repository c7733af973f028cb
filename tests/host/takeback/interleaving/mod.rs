//! Whatever agents, people and undos do in whatever order, on rows, files, keys and
//! records of a web server: the state is the one without the agents' writes, or there
//! is an explicit conflict, and no person's edit is lost.
//!
//! `TOLLGATE_INTERLEAVINGS` says how many histories are played (a few by default), and
//! `TOLLGATE_SEED` repeats those of a seed that is in the output.
//!
//! People and agents write values that are told apart. Where a person writes the very
//! value that an agent's run left, a row or a file is what that run left, to everybody
//! who looks: that is not told apart, and not played here. A key has versions.

mod scene;

use std::collections::BTreeSet;

use proptest::prelude::*;
use proptest::test_runner::{Config, RngAlgorithm, TestRng, TestRunner};
use tollgate_runtime::{RunState, UndoOptions, UndoReport};

use scene::{Edit, Place, Scene, World};
use tollgate_tests::named;

#[derive(Clone, Debug)]
enum Step {
    /// One tool call of the agent, which writes to so many places.
    Agent(Vec<Edit>),
    /// A person's edit, past the host.
    Person(Edit),
    /// Taking back one of the runs so far.
    Undo { which: usize, fields: bool },
}

/// A history's steps.
fn steps() -> impl Strategy<Value = Vec<Step>> {
    // Few places, and some more than others, so that steps meet.
    let number = || prop_oneof![3 => Just(1_u8), 1 => Just(2)];
    let place = move || {
        prop_oneof![
            number().prop_map(Place::Row),
            number().prop_map(Place::File),
            number().prop_map(Place::Key),
            number().prop_map(Place::Ticket),
        ]
    };
    // That something is not there is a value too: agents remove in other places than
    // people do.
    let edit = move |removed: u8| {
        let value = prop::option::weighted(0.8, 0_u8..5);
        // People mostly correct one member of what agents write as a whole.
        let first_only = prop::bool::weighted(if removed == 1 { 0.2 } else { 0.8 });
        (place(), value, first_only).prop_map(move |(place, value, first_only)| Edit {
            place,
            value: value.or((place.number() != removed).then_some(0)),
            first_only,
        })
    };
    let step = prop_oneof![
        3 => prop::collection::vec(edit(1), 1..5).prop_map(Step::Agent),
        3 => edit(2).prop_map(Step::Person),
        2 => (0_usize..6, prop::bool::weighted(0.5))
            .prop_map(|(which, fields)| Step::Undo { which, fields }),
    ];
    prop::collection::vec(step, 4..11)
}

/// A run of the agent's: what was there before, and what it left.
struct Done {
    run: String,
    before: World,
    left: World,
    /// Whether all of it is taken back.
    undone: bool,
}

impl Done {
    fn places(&self) -> impl Iterator<Item = Place> {
        let places = self.before.keys().copied();
        places.filter(|place| self.before[place] != self.left[place])
    }
}

/// A member, or with no name the place itself.
type Member = (Place, Option<&'static str>);

/// What is at a member; nothing where it is not there.
fn at<'a>(world: &'a World, (place, member): &Member) -> Option<&'a str> {
    let there = world[place].as_ref()?;
    match member {
        Some(member) => there.get(member).map(String::as_str),
        None => Some(""),
    }
}

/// Every member whose value is another one.
fn changed(before: &World, after: &World) -> BTreeSet<Member> {
    const NAMES: [&str; 6] = ["status", "customer", "subject", "text", "a", "b"];
    let members = |place: &Place| {
        let place = *place;
        NAMES
            .map(Some)
            .into_iter()
            .chain([None])
            .map(move |name| (place, name))
    };
    let all = before.keys().flat_map(members);
    all.filter(|member| at(before, member) != at(after, member))
        .collect()
}

/// What is counted over all histories.
#[derive(Clone, Copy, Debug, Default)]
struct Counts {
    undone: u64,
    partly: u64,
    conflicts: u64,
    human_edits: u64,
    whole: u64,
}

/// Play one history.
async fn play(scene: &mut Scene, history: &[Step], counts: &mut Counts) {
    scene.reset().await;
    let mut done: Vec<Done> = Vec::new();
    // As if the agent had never written.
    let mut people = scene.world().await;
    // Members whose value is a person's.
    let mut theirs: BTreeSet<Member> = BTreeSet::new();
    for step in history {
        let before = scene.world().await;
        match step {
            Step::Agent(edits) => {
                let Some((run, state)) = scene.agent(edits, &before).await else {
                    continue;
                };
                assert_eq!(state, RunState::Done);
                let left = scene.world().await;
                for member in changed(&before, &left) {
                    theirs.remove(&member);
                }
                done.push(Done {
                    run,
                    before,
                    left,
                    undone: false,
                });
            }
            Step::Person(edit) => {
                scene.person(edit, &before).await;
                let after = scene.world().await;
                let edited = changed(&before, &after);
                counts.human_edits += u64::from(!edited.is_empty());
                people_edit(&mut people, edit.place, &edited, &after);
                theirs.extend(edited);
            }
            Step::Undo { which, fields } => {
                if done.is_empty() {
                    continue;
                }
                let one = which % done.len();
                take_back(scene, &mut done[one], *fields, &mut theirs, counts).await;
            }
        }
    }
    // In the end everything is asked to be taken back, the last run first.
    let fields = history.len().is_multiple_of(2);
    for one in done.iter_mut().rev() {
        take_back(scene, one, fields, &mut theirs, counts).await;
    }
    let end = scene.world().await;
    for (place, state) in &end {
        let written: Vec<&Done> = done
            .iter()
            .filter(|one| one.places().any(|other| other == *place))
            .collect();
        if written.iter().all(|one| one.undone) {
            counts.whole += u64::from(!written.is_empty());
            assert_eq!(state, &people[place], "{place:?} is not as people left it");
        }
    }
}

/// The same edit in the world without agents.
fn people_edit(people: &mut World, place: Place, edited: &BTreeSet<Member>, after: &World) {
    if edited.is_empty() {
        return;
    }
    let whole = edited.contains(&(place, None)) || matches!(place, Place::File(_));
    let members: Vec<_> = edited.iter().filter_map(|(_, name)| *name).collect();
    match (whole, people.get_mut(&place), &after[&place]) {
        (false, Some(Some(there)), Some(after)) => {
            for name in members {
                if let Some(value) = after.get(name) {
                    there.insert(name, value.clone());
                }
            }
        }
        (_, Some(there), after) => there.clone_from(after),
        (_, None, _) => {}
    }
}

/// Take a run back, and compare with what may have happened.
async fn take_back(
    scene: &mut Scene,
    one: &mut Done,
    fields: bool,
    theirs: &mut BTreeSet<Member>,
    counts: &mut Counts,
) {
    let before = scene.world().await;
    let plan = scene
        .undo(&one.run, UndoOptions { plan: true, fields })
        .await;
    assert_eq!(
        scene.world().await,
        before,
        "a plan changed something: {plan:?}"
    );
    let report = scene
        .undo(
            &one.run,
            UndoOptions {
                plan: false,
                fields,
            },
        )
        .await;
    let after = scene.world().await;
    agree(&plan, &report);
    for member in changed(&before, &after) {
        let told = format!("{member:?} of {report:?}");
        assert!(!theirs.contains(&member), "a person's edit is lost: {told}");
        assert_eq!(
            at(&before, &member),
            at(&one.left, &member),
            "not ours: {told}"
        );
        assert_eq!(
            at(&after, &member),
            at(&one.before, &member),
            "not as before: {told}"
        );
    }
    let fresh = |outcome: &str| {
        let steps = report.steps.iter();
        steps
            .filter(|step| step.outcome == outcome && step.undone_by.is_none())
            .count() as u64
    };
    counts.undone += fresh("undone");
    counts.partly += fresh("partly");
    counts.conflicts += fresh("conflict");
    match report.outcome.as_str() {
        "undone" => {
            assert!(!one.undone, "twice: {report:?}");
            one.undone = true;
        }
        "nothing" => one.undone |= report.steps.iter().all(|step| step.outcome != "partly"),
        "conflict" => {
            let conflict = report.steps.iter().find(|step| step.outcome == "conflict");
            assert!(conflict.unwrap().conflict.is_some(), "{report:?}");
        }
        "partly" => {}
        other => panic!("{other}: {report:?}"),
    }
}

/// A plan says what the undo then does.
fn agree(plan: &UndoReport, report: &UndoReport) {
    if report.outcome == "nothing" {
        assert_eq!(plan.outcome, "nothing", "{report:?}");
        return;
    }
    assert_eq!(plan.steps.len(), report.steps.len(), "{plan:?} {report:?}");
    for (planned, done) in plan.steps.iter().zip(&report.steps) {
        let left = planned.fields.iter().any(|field| field.outcome == "left");
        let expected = match planned.outcome.as_str() {
            "planned" if left => "partly",
            "planned" => "undone",
            other => other,
        };
        assert_eq!(expected, done.outcome, "{planned:?} {done:?}");
    }
}

#[expect(
    clippy::print_stdout,
    reason = "the seed repeats a run, the counts say what it met"
)]
#[test]
fn no_order_of_agents_people_and_undo_loses_an_edit() {
    let number = |name: &str| {
        std::env::var(name)
            .ok()
            .map(|text| text.parse::<u64>().unwrap())
    };
    let seed = number("TOLLGATE_SEED").unwrap_or_else(|| {
        let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH);
        u64::try_from(now.unwrap().as_nanos() & u128::from(u64::MAX)).unwrap()
    });
    let cases = number("TOLLGATE_INTERLEAVINGS").unwrap_or(120);
    println!("seed {seed}, {cases} interleavings; TOLLGATE_SEED={seed} repeats them");
    let mut bytes = [0; 32];
    bytes[..8].copy_from_slice(&seed.to_le_bytes());
    let config = Config {
        cases: u32::try_from(cases).unwrap(),
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
    let scene = std::cell::RefCell::new(threads.block_on(Scene::open()));
    let counts = std::cell::Cell::new(Counts::default());
    let result = runner.run(&steps(), |history| {
        let played = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
            let mut counted = counts.get();
            let mut scene = scene.borrow_mut();
            threads.block_on(play(&mut scene, &history, &mut counted));
            counts.set(counted);
        }));
        played.map_err(|panic| {
            let words = panic.downcast_ref::<String>().cloned().unwrap_or_default();
            TestCaseError::fail(words)
        })
    });
    assert!(result.is_ok(), "seed {seed}: {}", result.unwrap_err());
    let counts = counts.get();
    println!("{cases} interleavings, 0 lost edits: {counts:?}");
    // Else it would say nothing.
    // So rare that few of them may have none.
    if cases >= 1_000 {
        assert!(counts.partly > cases / 100, "{counts:?}");
    }
    assert!(
        counts.undone > cases / 4 && counts.conflicts > cases / 8,
        "{counts:?}"
    );
    assert!(
        counts.whole > cases / 4 && counts.human_edits > cases / 2,
        "{counts:?}"
    );
    let verified = threads
        .block_on(scene.borrow().house.host.verify(&named("default")))
        .unwrap();
    assert_eq!(verified.problem, None, "seed {seed}");
}

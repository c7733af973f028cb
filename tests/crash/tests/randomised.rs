//! Random schedules, several beside each other, killed at random points, more
//! than once. Before each life that is killed, a copy of it lives on without a
//! blow and tells which points it reaches: a blow at a point that is not reached
//! tries nothing.
//!
//! `TOLLGATE_CRASH_SCHEDULES` says how many, 300 where nothing does; on a server it is
//! every tenth of them. `TOLLGATE_CRASH_SEED` repeats the one
//! batch that a failure names.

#![expect(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]

use std::collections::BTreeMap;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};

use tollgate_crash_tests::arrivals::KINDS;
use tollgate_crash_tests::job::{Answer, Schedule};
use tollgate_crash_tests::judge::{Seen, judge, told};
use tollgate_crash_tests::random::{Random, schedule, strike};
use tollgate_crash_tests::stage::{self, End, Stage};
use tollgate_crash_tests::{say, work};
use tollgate_test_postgres::PrivatePostgres;

const PROGRAM: &str = env!("CARGO_BIN_EXE_crash-host");

/// Schedules in one process.
const BESIDE: usize = 5;

/// Schedules where nothing else is said.
const SCHEDULES: usize = 300;

/// What a batch came to.
#[derive(Default)]
struct All {
    seen: Seen,
    kills: BTreeMap<String, u32>,
    strikes: u32,
    lives: u32,
    faults: Vec<String>,
}

/// A life that nothing strikes.
fn unstruck(stage: &mut Stage, schedules: &[Schedule]) -> Box<Answer> {
    match stage.live(PROGRAM, schedules, None) {
        End::Answered(answer) => answer,
        End::Killed => panic!("it was not told to die"),
    }
}

/// One batch: killed up to three times, then judged. What an unstruck life came
/// to is judged as well, before each blow.
fn batch(seed: u64, mut stage: Stage, fork: impl Fn(&Stage) -> Stage, all: &Mutex<All>) {
    let mut random = Random::new(seed);
    let schedules: Vec<Schedule> = (0..BESIDE)
        .map(|number| schedule(&mut random, &format!("s{number}")))
        .collect();
    let (mut story, mut kills, mut lives) = (Vec::new(), Vec::new(), 0);
    let mut answers = Vec::new();
    for _ in 0..=random.below(3) {
        let answer = unstruck(&mut fork(&stage), &schedules);
        lives += 1;
        let strike = strike(&mut random, &answer.hits);
        answers.push((story.clone(), answer));
        let Some(strike) = strike else { break };
        let end = stage.live(PROGRAM, &schedules, Some(strike.clone()));
        lives += 1;
        let killed = matches!(end, End::Killed);
        story.push(format!("{} {}: killed {killed}", strike.point, strike.hit));
        if killed {
            kills.push(strike.point);
        }
    }
    let strikes = u32::try_from(story.len()).unwrap();
    answers.push((story, unstruck(&mut stage, &schedules)));
    let judged: Vec<_> = answers
        .iter()
        .map(|(story, answer)| (story, answer, judge(answer)))
        .collect();
    let mut all = all.lock().unwrap();
    all.lives += lives + 1;
    all.strikes += strikes;
    for point in kills {
        *all.kills.entry(point).or_default() += 1;
    }
    for (story, answer, judged) in judged {
        match judged {
            Ok(seen) => all.seen.add(&seen),
            Err(faults) => all.faults.push(format!(
                "TOLLGATE_CRASH_SEED={seed}\n{story:#?}\n{schedules:#?}\n{}{faults:#?}",
                told(answer)
            )),
        }
    }
}

/// Seeds of the batches of one in so many schedules: one, where a failure is repeated.
fn seeds(one_in: usize) -> Vec<u64> {
    let number = |name: &str| std::env::var(name).ok().map(|text| text.parse().unwrap());
    if let Some(seed) = number("TOLLGATE_CRASH_SEED") {
        return vec![seed];
    }
    let schedules = match number("TOLLGATE_CRASH_SCHEDULES") {
        Some(more) => usize::try_from(more).unwrap(),
        None => SCHEDULES,
    };
    // Other ones in every run of the tests: what one does not find another may.
    let begin = std::time::SystemTime::now()
        .duration_since(std::time::UNIX_EPOCH)
        .unwrap();
    let mut random = Random::new(u64::from(begin.subsec_nanos()) ^ begin.as_secs());
    (0..schedules.div_ceil(BESIDE * one_in))
        .map(|_| random.bits())
        .collect()
}

fn report(all: Mutex<All>, batches: usize) {
    let all = all.into_inner().unwrap();
    let kills: u32 = all.kills.values().sum();
    say(&format!(
        "{} schedules in {} lives, {kills} of {} strikes landed, at {:?}: {:?}",
        batches * BESIDE,
        all.lives,
        all.strikes,
        all.kills,
        all.seen
    ));
    assert!(
        all.faults.is_empty(),
        "{} lives of {batches} batches broke a promise; the first:\n{}",
        all.faults.len(),
        all.faults[0]
    );
    if batches > 10 {
        assert!(
            kills >= all.strikes / 10 * 8,
            "only {kills} of {} strikes landed",
            all.strikes
        );
    }
}

#[test]
fn random_schedules_killed_at_random_points_double_nothing_lose_nothing_and_hide_nothing() {
    let seeds = seeds(1);
    let (all, batches) = (Mutex::default(), seeds.len());
    work(seeds, |seed| {
        let stage = Stage::new().delivering(&KINDS);
        batch(seed, stage, Stage::fork, &all);
    });
    report(all, batches);
}

#[test]
fn the_same_holds_on_a_server() {
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let Some(server) = runtime.block_on(PrivatePostgres::start()) else {
        return;
    };
    let installed = runtime.block_on(async {
        let url = server.create_database().await;
        stage::install_on(&url).await;
        url
    });
    // The same host on another store.
    let seeds = seeds(10);
    let (all, batches) = (Mutex::default(), seeds.len());
    let number = AtomicUsize::new(0);
    let copy = |of: &str| {
        let number = number.fetch_add(1, Ordering::SeqCst);
        runtime.block_on(stage::copy_of(&server, of, number))
    };
    work(seeds, |seed| {
        let url = copy(&installed);
        let fork = |stage: &Stage| stage.fork_on(copy(&url));
        let stage = Stage::on(url.clone()).delivering(&KINDS);
        batch(seed, stage, fork, &all);
    });
    report(all, batches);
}

//! Several hosts on one database: one is killed, the database goes away, one
//! sleeps past its lease. The others go on, and nothing happens twice.

#![expect(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]

use std::process::Child;

use tollgate_crash_tests::counter::Line;
use tollgate_crash_tests::job::{Action, Answer, Cards, Doubts, Job, Schedule, Step, Tool};
use tollgate_crash_tests::judge::{judge, told};
use tollgate_crash_tests::points::{Blow, Strike};
use tollgate_crash_tests::random::{Random, schedule};
use tollgate_crash_tests::stage::{self, End, Stage, end, start, stopped, wake};
use tollgate_test_postgres::PrivatePostgres;

const PROGRAM: &str = env!("CARGO_BIN_EXE_crash-host");

/// Long enough for a busy machine, short enough to be slept past.
const LEASE_MS: u64 = 1_000;

/// Hosts on one database.
const HOSTS: usize = 3;

/// Schedules of each host.
const SCHEDULES: usize = 3;

/// A server of its own, with the guest installed.
struct Server {
    runtime: tokio::runtime::Runtime,
    server: PrivatePostgres,
    installed: String,
}

impl Server {
    fn start() -> Option<Self> {
        let runtime = tokio::runtime::Runtime::new().unwrap();
        let server = runtime.block_on(PrivatePostgres::start())?;
        let installed = runtime.block_on(async {
            let url = server.create_database().await;
            stage::install_on(&url).await;
            url
        });
        Some(Self {
            runtime,
            server,
            installed,
        })
    }

    fn stage(&self, number: usize) -> Stage {
        let copied = stage::copy_of(&self.server, &self.installed, number);
        Stage::on(self.runtime.block_on(copied))
    }
}

/// What host `number` is told.
fn job(stage: &Stage, number: usize, all: &[Schedule], mine: &str, strike: Option<Strike>) -> Job {
    let job = stage.job(all, strike);
    Job {
        home: stage.add_home(&format!("home-{number}")),
        answer: job.answer.with_file_name(format!("answer-of-{number}")),
        lease_ms: LEASE_MS,
        performs: all
            .iter()
            .map(|schedule| schedule.name.clone())
            .filter(|name| !mine.is_empty() && name.starts_with(mine))
            .collect(),
        ..job
    }
}

fn at(point: &str, hit: u32, blow: Blow) -> Option<Strike> {
    Some(Strike {
        point: point.to_owned(),
        hit,
        blow,
    })
}

/// Random schedules of all hosts; what people say is yes, and true.
fn schedules(random: &mut Random) -> Vec<Schedule> {
    let mut all = Vec::new();
    for host in 0..HOSTS {
        for number in 0..SCHEDULES {
            let mut schedule = schedule(random, &format!("h{host}-{number}"));
            schedule.cards = Cards::Approve;
            schedule.doubts = Doubts::Settle;
            // So that every host reaches the points before its end.
            let step = Step::new("blind", &schedule.name, "last");
            schedule.actions.push(Action::Call(Tool::Make, vec![step]));
            all.push(schedule);
        }
    }
    all
}

fn answered(child: Child, job: &Job) -> Box<Answer> {
    match end(child, job) {
        End::Answered(answer) => answer,
        End::Killed => panic!("it was not told to die"),
    }
}

/// One more host, when the others are gone: what it finds is judged.
fn judged(stage: &Stage, all: &[Schedule], what: &str) -> Box<Answer> {
    let job = job(stage, HOSTS, all, "", None);
    let answer = answered(start(PROGRAM, &job), &job);
    judge(&answer).unwrap_or_else(|faults| panic!("{what}: {faults:#?}\n{}", told(&answer)));
    answer
}

#[test]
fn the_runs_of_a_killed_host_are_taken_over_by_the_others() {
    let Some(server) = Server::start() else {
        return;
    };
    let points = [
        ("door::after_intent", 2),
        ("effect::after", 2),
        ("door::after_send", 1),
        ("run::before_close", 1),
        ("store::before_commit", 3),
        ("store::after_commit", 4),
    ];
    for (number, (point, hit)) in points.into_iter().enumerate() {
        let what = format!("killed at {point} {hit}, seed {number}");
        let stage = server.stage(number);
        let all = schedules(&mut Random::new(number as u64));
        let hosts: Vec<(Child, Job)> = (0..HOSTS)
            .map(|host| {
                let strike = (host == 0).then(|| at(point, hit, Blow::Kill)).flatten();
                let job = job(&stage, host, &all, &format!("h{host}-"), strike);
                (start(PROGRAM, &job), job)
            })
            .collect();
        for (host, (child, job)) in hosts.into_iter().enumerate() {
            let killed = matches!(end(child, &job), End::Killed);
            assert_eq!(killed, host == 0, "{what}: host {host}");
        }
        let answer = judged(&stage, &all, &what);
        for schedule in all
            .iter()
            .filter(|schedule| !schedule.name.starts_with("h0"))
        {
            let case = |report: &&tollgate_runtime::RunReport| report.case == schedule.name;
            assert!(answer.runs.iter().any(|run| case(&run)), "{what}");
        }
    }
}

#[test]
fn a_database_that_goes_away_in_the_middle_of_runs_doubles_and_loses_nothing() {
    let Some(server) = Server::start() else {
        return;
    };
    // Where each host stands while the database is stopped and started again.
    let points = [
        [
            "door::after_intent",
            "effect::after",
            "store::before_commit",
        ],
        [
            "store::after_commit",
            "door::after_send",
            "run::before_close",
        ],
    ];
    for (number, points) in points.into_iter().enumerate() {
        let what = format!("{points:?}, seed {number}");
        let stage = server.stage(number);
        let all = schedules(&mut Random::new(100 + number as u64));
        let mut hosts: Vec<(Child, Job)> = points
            .iter()
            .enumerate()
            .map(|(host, point)| {
                let strike = at(point, 2, Blow::Stop);
                let job = job(&stage, host, &all, &format!("h{host}-"), strike);
                (start(PROGRAM, &job), job)
            })
            .collect();
        // One that holds a lock keeps the others waiting for the database: it is
        // the first to stand still.
        for (child, _) in hosts.iter().rev() {
            stopped(child);
        }
        server.runtime.block_on(server.server.restart());
        for (child, _) in &mut hosts {
            wake(child);
        }
        for (child, job) in hosts {
            answered(child, &job);
        }
        judged(&stage, &all, &what);
    }
}

/// One call of a tool, and nothing that its caller asks again.
fn alone(kind: &str, tool: Tool) -> Vec<Schedule> {
    let mut actions = vec![Action::Call(tool, vec![Step::new(kind, "a", "1")])];
    if tool == Tool::Ask {
        actions.push(Action::Approve(0));
    }
    vec![Schedule {
        name: "h0-alone".to_owned(),
        actions,
        asks_again: false,
        cards: Cards::Approve,
        doubts: Doubts::Settle,
    }]
}

#[test]
fn a_host_that_slept_past_its_lease_sends_nothing_and_records_nothing_any_more() {
    let Some(server) = Server::start() else {
        return;
    };
    let mut number = 0;
    for tool in [Tool::Make, Tool::Ask] {
        for kind in ["idempotent", "readable", "conditional", "blind"] {
            // Between the durable intent and the sending, and between the sending
            // and the durable outcome.
            for point in ["door::after_intent", "effect::after"] {
                let what = format!("{kind} by {tool:?}, asleep at {point}");
                let stage = server.stage(number);
                number += 1;
                let all = alone(kind, tool);
                let sleeper = job(&stage, 0, &all, "h0-", at(point, 1, Blow::Stop));
                let mut asleep = start(PROGRAM, &sleeper);
                stopped(&asleep);
                let before = sent(&stage);
                assert_eq!(
                    before.len(),
                    usize::from(point == "effect::after"),
                    "{what}"
                );

                let other = job(&stage, 1, &all, "", None);
                let found = answered(start(PROGRAM, &other), &other);
                judge(&found)
                    .unwrap_or_else(|faults| panic!("{what}: {faults:#?}\n{}", told(&found)));
                let between = sent(&stage);
                let records = found.log.len();

                wake(&mut asleep);
                answered(asleep, &sleeper);
                // Not even a request that the ledger would have refused.
                assert_eq!(sent(&stage), between, "{what}: it was sent late");
                let last = judged(&stage, &all, &what);
                assert_eq!(last.log.len(), records, "{what}: {}", told(&last));
            }
        }
    }
}

/// Between the last check and the wire there is a gap that no sender can close.
/// There the receiver has to hold: by its key, or by its condition. The other
/// kinds are never sent again by a host, so that one late request stays one.
#[test]
fn a_host_that_slept_after_its_last_check_is_late_and_doubles_nothing() {
    let Some(server) = Server::start() else {
        return;
    };
    for (number, kind) in ["idempotent", "conditional", "readable", "blind"]
        .into_iter()
        .enumerate()
    {
        let stage = server.stage(number);
        let mut all = alone(kind, Tool::Make);
        // Nobody says what is not known yet.
        all[0].doubts = Doubts::Leave;
        let sleeper = job(&stage, 0, &all, "h0-", at("effect::before", 1, Blow::Stop));
        let mut asleep = start(PROGRAM, &sleeper);
        stopped(&asleep);
        let other = job(&stage, 1, &all, "", None);
        let found = answered(start(PROGRAM, &other), &other);
        judge(&found).unwrap_or_else(|faults| panic!("{kind}: {faults:#?}\n{}", told(&found)));
        wake(&mut asleep);
        answered(asleep, &sleeper);
        // It came late: the ledger was asked by the one that slept.
        assert!(sent(&stage).len() > found.lines.len() || kind == "conditional");
        let answer = judged(&stage, &all, kind);
        assert_eq!(stage.ledger().effects().unwrap().len(), 1, "{kind}");
        let state = answer.runs[0].state.as_str();
        let resent = matches!(kind, "idempotent" | "conditional");
        assert_eq!(state, if resent { "done" } else { "in_doubt" }, "{kind}");
    }
}

/// Every request that reached the ledger.
fn sent(stage: &Stage) -> Vec<Line> {
    stage.ledger().lines().unwrap()
}

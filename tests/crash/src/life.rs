//! One life of a process: it opens the host, which recovers what the life before
//! left; goes through its schedules beside each other; settles what people have
//! to settle; and answers when nothing moves any more. Or it is killed on the
//! way.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::Context as _;
use tollgate_runtime::{
    Card, Compiler, Host, HostError, HostOptions, LogFilter, LogLine, Principal, PrincipalKind,
    Resolution, Role, RunReport, RunState, Settings, ToolCall, VerifyReport,
};

use tollgate_store::{PostgresOptions, PostgresStore};

use crate::counter::Counter;
use crate::effects;
use crate::job::{Action, Answer, Cards, Doubts, Job, Schedule, Tool, input, tenant};
use crate::later::Later;
use crate::points::Hits;

/// How long a process waits for things to come to rest.
const REST: Duration = Duration::from_secs(60);

/// How long one look at a run that moves takes.
const LOOK: Duration = Duration::from_millis(200);

/// How far the clock is put forward when nothing is left but what waits for a later
/// time. Less than a lease.
const FORWARD_MS: u64 = 31_000;

/// Records read at once.
const PAGE: u32 = 1_000;

/// Live.
///
/// # Errors
/// When the host cannot be opened, read or closed. What callers are told on the
/// way is no error: it stands in the answer.
pub async fn live(job: Job) -> anyhow::Result<()> {
    let hits = Hits::watch(job.strike.clone()).map_err(anyhow::Error::msg)?;
    let clock = clock(&job)?;
    let host = open_at(&job, &clock).await?;
    // As the life before left it, whatever killed that.
    let found = host.verify(&tenant()).await?;
    let life = Arc::new(Life {
        ledger: Counter::new(&job.ledger),
        host,
        clock,
        told: std::sync::Mutex::default(),
    });
    let mut tasks = Vec::new();
    for schedule in &job.schedules {
        if job.performs.contains(&schedule.name) {
            let (life, schedule) = (Arc::clone(&life), schedule.clone());
            tasks.push(tokio::spawn(async move { life.perform(&schedule).await }));
        }
    }
    for task in tasks {
        task.await?;
    }
    let stuck = life.settle(&job).await?;
    let answer = life.answer(hits, stuck, found).await?;
    life.host.shutdown().await;
    let part = job.answer.with_extension("part");
    std::fs::write(&part, serde_json::to_vec(&answer)?)?;
    std::fs::rename(part, &job.answer)?;
    Ok(())
}

/// The host of a job.
///
/// # Errors
/// When it cannot be opened.
pub async fn open(job: &Job) -> anyhow::Result<Host> {
    open_at(job, &clock(job)?).await
}

fn clock(job: &Job) -> anyhow::Result<Arc<Later>> {
    Ok(Arc::new(Later::new(job.ledger.with_file_name("clock"))?))
}

async fn open_at(job: &Job, clock: &Arc<Later>) -> anyhow::Result<Host> {
    let counter = Counter::new(&job.ledger);
    let extension = if job.lies {
        effects::lying(counter)
    } else {
        effects::extension(counter)
    };
    let options = HostOptions {
        extensions: vec![extension],
        queues: Settings::of(&job.home)?.queues,
        clock: Arc::<Later>::clone(clock),
        lease: Duration::from_millis(job.lease_ms),
        ..HostOptions::new(&job.home, Compiler::InProcess, Role::Serve)
    };
    open_with(options, job.database.as_deref())
        .await
        .context("the host does not open")
}

/// A host on the file in its home, or on a database.
///
/// # Errors
/// When it cannot be opened.
pub async fn open_with(options: HostOptions, database: Option<&str>) -> Result<Host, HostError> {
    match database {
        None => Host::open(options).await,
        Some(url) => {
            // One clock: what is put forward has to be later for the store too.
            let clock = Some(Arc::clone(&options.clock));
            let own = PostgresOptions::default();
            let store = PostgresStore::open(url, PostgresOptions { clock, ..own }).await?;
            Host::open_on(options, Arc::new(store)).await
        }
    }
}

/// The agent that calls.
#[must_use]
pub fn agent() -> Principal {
    principal("agent", PrincipalKind::Agent)
}

/// The person that decides and settles.
#[must_use]
pub fn person() -> Principal {
    principal("mira", PrincipalKind::Person)
}

fn principal(name: &str, kind: PrincipalKind) -> Principal {
    Principal {
        identified: Default::default(),
        tenant: tenant(),
        name: name.to_owned(),
        kind,
        groups: vec!["boss".to_owned(), "operators".to_owned()],
    }
}

struct Life {
    ledger: Counter,
    host: Host,
    clock: Arc<Later>,
    told: std::sync::Mutex<Vec<String>>,
}

impl Life {
    fn tell(&self, what: impl Into<String>) {
        let mut told = self
            .told
            .lock()
            .unwrap_or_else(std::sync::PoisonError::into_inner);
        told.push(what.into());
    }

    /// Go through a schedule. In a later life this is an agent that asks again,
    /// with the same request keys: it must find its runs, never make new effects.
    async fn perform(&self, schedule: &Schedule) {
        let mut runs: Vec<Option<RunReport>> = Vec::new();
        for (place, action) in schedule.actions.iter().enumerate() {
            let of = |place: &usize| runs.get(*place).and_then(Option::as_ref);
            let report = match action {
                Action::Call(tool, steps) => {
                    let call = ToolCall {
                        connector: "effects".to_owned(),
                        tool: tool.name().to_owned(),
                        input: input(steps),
                        case: Some(schedule.name.clone()),
                        // A read is asked anew: it has nothing to double.
                        request_key: (*tool != Tool::Look)
                            .then(|| format!("{}/{place}", schedule.name)),
                        ..ToolCall::default()
                    };
                    match self.host.call(&agent(), call).await {
                        Ok(report) => Some(report),
                        Err(error) => {
                            self.tell(format!("{}/{place}: {error}", schedule.name));
                            None
                        }
                    }
                }
                Action::Approve(call) => {
                    self.decide(of(call), true).await;
                    None
                }
                Action::Deny(call) => {
                    self.decide(of(call), false).await;
                    None
                }
                Action::Undo(call) => {
                    if let Some(run) = of(call).map(|report| report.run.clone())
                        && let Err(error) = self.host.undo(&agent(), &run, false).await
                    {
                        self.tell(format!("{}/{place}: {error}", schedule.name));
                    }
                    None
                }
            };
            runs.push(report);
        }
    }

    /// Say yes or no to what a run waits for.
    async fn decide(&self, run: Option<&RunReport>, yes: bool) {
        let Some(run) = run else { return };
        let cards = match self.host.cards(&person(), false).await {
            Ok(cards) => cards,
            Err(error) => return self.tell(format!("cards: {error}")),
        };
        if let Some(card) = cards.into_iter().find(|card| card.run == run.run) {
            self.say(&card, yes).await;
        }
    }

    async fn say(&self, card: &Card, yes: bool) {
        let said = if yes {
            self.host
                .approve(&person(), &card.approval, &card.digest)
                .await
        } else {
            self.host
                .deny(&person(), &card.approval, &card.digest, "not today")
                .await
        };
        if let Err(error) = said {
            self.tell(format!("{}: {error}", card.approval));
        }
    }

    /// Go on until nothing moves: people decide and settle as their schedule
    /// says, and every run is waited for. The answer is what still moved when the
    /// time was over.
    async fn settle(&self, job: &Job) -> anyhow::Result<Vec<String>> {
        let end = Instant::now() + REST;
        loop {
            let moves = match self.look_round(job).await {
                // The store went away: what was asked says so, and comes back.
                Err(error) if Instant::now() < end => {
                    self.tell(error.to_string());
                    continue;
                }
                moves => moves?,
            };
            if moves.is_empty() || Instant::now() >= end {
                return Ok(moves);
            }
        }
    }

    async fn look_round(&self, job: &Job) -> anyhow::Result<Vec<String>> {
        let mut moves = Vec::new();
        for run in self.runs().await? {
            let report = self.host.run(&person(), &run).await?;
            if self.moved(job, &report).await? {
                moves.push(format!("{run} is {}", report.state.as_str()));
            }
        }
        if moves.is_empty() {
            moves = self.delivered().await?;
        }
        Ok(moves)
    }

    /// Deliver what is due, and let time pass for what is not, or not any more: a
    /// claim of a life that was killed. The answer is what still has to be delivered.
    async fn delivered(&self) -> anyhow::Result<Vec<String>> {
        if self.waiting().await?.is_empty() {
            return Ok(Vec::new());
        }
        self.host.deliver_due().await?;
        let waiting = self.waiting().await?;
        if !waiting.is_empty() {
            self.clock.forward(FORWARD_MS)?;
        }
        Ok(waiting)
    }

    async fn waiting(&self) -> anyhow::Result<Vec<String>> {
        let items = self.host.queue(&person(), true).await?;
        let deliveries = items.iter().flat_map(|item| {
            let own = item.deliveries.iter();
            own.map(|delivery| (delivery, format!("{} to {}", item.id, delivery.name)))
        });
        let waiting = deliveries.filter(|(delivery, _)| delivery.state == "pending");
        Ok(waiting.map(|(_, name)| name).collect())
    }

    /// Whether a run moved, or still has to.
    async fn moved(&self, job: &Job, report: &RunReport) -> anyhow::Result<bool> {
        let schedule = job
            .schedules
            .iter()
            .find(|schedule| schedule.name == report.case);
        match report.state {
            RunState::Open => {
                self.host.wait(&person(), &report.run, LOOK).await?;
                Ok(true)
            }
            RunState::Held => {
                let cards = self.host.cards(&person(), false).await?;
                let card = cards.into_iter().find(|card| card.run == report.run);
                match (card, schedule.map(|schedule| schedule.cards)) {
                    (Some(_), Some(Cards::Leave) | None) => Ok(false),
                    (Some(card), Some(cards)) => {
                        self.say(&card, cards == Cards::Approve).await;
                        Ok(true)
                    }
                    // Decided, and about to go on.
                    (None, _) => {
                        self.host.wait(&person(), &report.run, LOOK).await?;
                        Ok(true)
                    }
                }
            }
            RunState::InDoubt => {
                let items = self.host.queue(&person(), false).await?;
                let item = items.into_iter().find(|item| item.run == report.run);
                match (item, schedule.map(|schedule| schedule.doubts)) {
                    (Some(_), Some(Doubts::Leave) | None) => Ok(false),
                    (Some(item), Some(Doubts::Settle)) => {
                        let reference = format!("{}/{}", item.run, item.position);
                        let truth = match self.ledger.find(&reference)? {
                            Some(_) => Resolution::Done,
                            None => Resolution::NotDone,
                        };
                        let settled = self
                            .host
                            .resolve(&person(), &item.id, truth, "looked at the ledger", None)
                            .await;
                        if let Err(error) = settled {
                            self.tell(format!("{}: {error}", item.id));
                        }
                        Ok(true)
                    }
                    // On its way into the queue.
                    (None, _) => {
                        self.host.wait(&person(), &report.run, LOOK).await?;
                        Ok(true)
                    }
                }
            }
            _ => Ok(false),
        }
    }

    /// Every run that the journal knows, in its order.
    async fn runs(&self) -> anyhow::Result<Vec<String>> {
        let mut seen = BTreeSet::new();
        let log = self.log().await?;
        let runs = log
            .into_iter()
            .filter(|line| line.stage == "run.opened")
            .filter_map(|line| line.run);
        Ok(runs.filter(|run| seen.insert(run.clone())).collect())
    }

    async fn log(&self) -> anyhow::Result<Vec<LogLine>> {
        let mut log: Vec<LogLine> = Vec::new();
        loop {
            let filter = LogFilter {
                after: log.last().map(|line| line.seq),
                limit: Some(PAGE),
                ..LogFilter::default()
            };
            let page = self.host.log(&tenant(), filter).await?;
            let is_last = page.len() < PAGE as usize;
            log.extend(page);
            if is_last {
                return Ok(log);
            }
        }
    }

    async fn answer(
        &self,
        hits: Hits,
        stuck: Vec<String>,
        found: VerifyReport,
    ) -> anyhow::Result<Answer> {
        let mut runs = Vec::new();
        for run in self.runs().await? {
            runs.push(self.host.run(&person(), &run).await?);
        }
        Ok(Answer {
            runs,
            log: self.log().await?,
            cards: self.host.cards(&person(), false).await?,
            queue: self.host.queue(&person(), true).await?,
            found,
            verify: self.host.verify(&tenant()).await?,
            lines: self.ledger.lines()?,
            stuck,
            told: std::mem::take(
                &mut *self
                    .told
                    .lock()
                    .unwrap_or_else(std::sync::PoisonError::into_inner),
            ),
            hits: hits.so_far(),
        })
    }
}

//! Reading the journal of a host: `log`, `verify`, `replay`. They open the
//! store beside a running host and change nothing.

use std::collections::HashSet;
use std::time::Duration;

use anyhow::Context as _;
use tokio::signal::unix::{SignalKind, signal};
use tollgate_runtime::{
    Clock as _, Follow, Host, LogFilter, LogLine, LogPlace, ReplaySummary, Replayed, RunState,
    SystemClock, Tenant, moment,
};

use crate::arguments::{Home, Log, Outcome, Replay, Verify};
use crate::exit::Exit;
use crate::output;
use crate::serve::existing;

/// How long new records may wait until a follower looks again.
const FOLLOW_EVERY: Duration = Duration::from_millis(200);

pub(crate) async fn log(home: &Home, log: Log, as_json: bool) -> anyhow::Result<Exit> {
    let host = Host::open(existing(home)?).await?;
    let mut story = output::Story::new(log.full, as_json);
    let shown = show_log(&host, &log, &mut story).await;
    host.shutdown().await;
    story.finish();
    shown.map(|()| Exit::Success)
}

async fn show_log(host: &Host, log: &Log, story: &mut output::Story) -> anyhow::Result<()> {
    let mut filter = filter(log)?;
    if !log.follow {
        let page = host.log_page(&log.of.tenant, &filter).await?;
        page.lines.iter().for_each(|line| story.record(line));
        if let Some(next) = page.next {
            story.more(next);
        }
        return Ok(());
    }
    // Registered before anything is printed: whoever reads it may press Ctrl-C then.
    let mut interrupted = signal(SignalKind::interrupt())?;
    let mut follow = host.follow(&log.of.tenant, filter.clone()).await?;
    filter.newest = filter.after.is_none();
    let mut printed = HashSet::new();
    loop {
        let page = host.log_page(&log.of.tenant, &filter).await?;
        for line in &page.lines {
            if !follow.began_after(line.seq) {
                printed.insert(line.seq);
            }
            story.record(line);
        }
        match page.next {
            Some(LogPlace::After(place)) if filter.after.is_some() => filter.after = Some(place),
            _ => break,
        }
    }
    loop {
        tokio::select! {
            _ = interrupted.recv() => return Ok(()),
            lines = newer(&mut follow) => {
                let lines = lines?;
                let new = lines.iter().filter(|line| !printed.remove(&line.seq));
                new.for_each(|line| story.record(line));
            }
        }
    }
}

/// New records, as soon as there are some.
async fn newer(follow: &mut Follow) -> anyhow::Result<Vec<LogLine>> {
    loop {
        let lines = follow.next().await?;
        if !lines.is_empty() {
            return Ok(lines);
        }
        tokio::time::sleep(FOLLOW_EVERY).await;
    }
}

fn filter(log: &Log) -> anyhow::Result<LogFilter> {
    Ok(LogFilter {
        linked: log.run.is_some(),
        run: log.run.clone(),
        case: log.case.clone(),
        tool: log.tool.clone(),
        outcome: log.outcome.map(state),
        workflow: log.workflow.clone(),
        principal: log.principal.clone(),
        stage: log.stage.clone(),
        since_ms: time("--since", log.since.as_deref())?,
        until_ms: time("--until", log.until.as_deref())?,
        after: log.after,
        before: log.before,
        newest: log.newest.is_some(),
        limit: Some(log.newest.unwrap_or(log.limit)),
    })
}

fn state(outcome: Outcome) -> RunState {
    match outcome {
        Outcome::Done => RunState::Done,
        Outcome::Failed => RunState::Failed,
        Outcome::Denied => RunState::Denied,
        Outcome::Held => RunState::Held,
        Outcome::InDoubt => RunState::InDoubt,
        Outcome::Open => RunState::Open,
        Outcome::Undone => RunState::Undone,
        Outcome::Edited => RunState::Edited,
    }
}

fn time(option: &str, text: Option<&str>) -> anyhow::Result<Option<u64>> {
    text.map(|text| moment(text, SystemClock.now_ms()).with_context(|| option.to_owned()))
        .transpose()
}

pub(crate) async fn verify(home: &Home, verify: &Verify, as_json: bool) -> anyhow::Result<Exit> {
    let host = Host::open(existing(home)?).await?;
    let tenants = match &verify.tenant {
        Some(tenant) => vec![tenant.clone()],
        None => host.tenants().await?,
    };
    let mut exit = Exit::Success;
    for tenant in tenants {
        let bar = output::busy(format!("verifying {tenant}"));
        let report = host.verify(&tenant).await;
        bar.finish_and_clear();
        let report = report?;
        match (&report.problem, as_json) {
            (_, true) => output::json(&report),
            (None, false) => output::line(format!(
                "{tenant}: {} records, every one fits; checkpoints compared: {}; records with erased values: {}, with pruned ones: {}; root {}",
                report.records, report.checkpoints, report.erased, report.pruned, report.root
            )),
            (Some(problem), false) => output::line(format!("{tenant}: {problem}")),
        }
        if report.problem.is_some() {
            exit = Exit::Failure;
        }
    }
    host.shutdown().await;
    Ok(exit)
}

pub(crate) async fn replay(home: &Home, replay: &Replay, as_json: bool) -> anyhow::Result<Exit> {
    let since = time("--since", replay.since.as_deref())?;
    let host = Host::open(existing(home)?).await?;
    let exit = match &replay.run {
        Some(run) => {
            let tenant = replay.tenant.clone().unwrap_or_default();
            replay_one(&host, &tenant, run, as_json).await
        }
        None => replay_all(&host, replay.tenant.as_ref(), since, as_json).await,
    };
    host.shutdown().await;
    exit
}

async fn replay_one(
    host: &Host,
    tenant: &Tenant,
    run: &str,
    as_json: bool,
) -> anyhow::Result<Exit> {
    let bar = output::busy("replaying");
    let report = host.replay(tenant, run).await;
    bar.finish_and_clear();
    let report = report?;
    match (&report.difference, as_json) {
        (_, true) => output::json(&report),
        (None, false) => output::line(format!(
            "{}: identical, {} calls answered from the journal",
            report.run, report.calls
        )),
        (Some(difference), false) => output::line(format!("{}: {difference}", report.run)),
    }
    Ok(match report.identical {
        true => Exit::Success,
        false => Exit::Failure,
    })
}

async fn replay_all(
    host: &Host,
    tenant: Option<&Tenant>,
    since: Option<u64>,
    as_json: bool,
) -> anyhow::Result<Exit> {
    let tenants = match tenant {
        Some(tenant) => vec![tenant.clone()],
        None => host.tenants().await?,
    };
    let mut exit = Exit::Success;
    for tenant in tenants {
        let bar = output::progress(format!("replaying {tenant}"));
        let summary = host
            .replay_all(&tenant, since, |progress| {
                bar.set_length(progress.of);
                bar.set_position(progress.records);
                if let (Replayed::Different { difference }, false) = (progress.replayed, as_json) {
                    let run = progress.run;
                    bar.suspend(|| output::difference(run, difference));
                }
            })
            .await;
        bar.finish_and_clear();
        let summary = summary?;
        if as_json {
            output::json(&summary);
        } else {
            summarise(&summary);
        }
        if summary.different > 0 {
            exit = Exit::Failure;
        }
    }
    if as_json && exit == Exit::Failure {
        output::note("some runs differ from their journal");
    }
    Ok(exit)
}

fn summarise(summary: &ReplaySummary) {
    output::line(format!(
        "{}: {} runs; {} identical, {} different, {} not replayable",
        summary.tenant,
        summary.runs,
        summary.identical,
        summary.different,
        summary.not_replayable.values().sum::<u64>(),
    ));
    for (why, count) in &summary.not_replayable {
        output::line(format!("  {count} not replayable: {}", why.as_str()));
    }
}

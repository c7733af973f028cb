//! Reading the journal of a host: `log`, `verify`, `replay`. They open the
//! store beside a running host and change nothing.

use std::path::Path;

use tollgate_runtime::{Host, LogFilter};

use crate::arguments::{Log, Replay, Verify};
use crate::exit::Exit;
use crate::output;
use crate::serve::existing;

pub(crate) async fn log(home: &Path, log: Log, as_json: bool) -> anyhow::Result<Exit> {
    let host = Host::open(existing(home)?).await?;
    let filter = LogFilter {
        run: log.run,
        case: log.case,
        after: log.after,
        limit: Some(log.limit),
    };
    let lines = host.log(&log.tenant, filter).await;
    host.shutdown().await;
    for line in lines? {
        if as_json {
            output::json(&line);
        } else {
            output::record(&line);
        }
    }
    Ok(Exit::Success)
}

pub(crate) async fn verify(home: &Path, verify: &Verify, as_json: bool) -> anyhow::Result<Exit> {
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
                "{tenant}: {} records, every one fits, and {} signed checkpoints; values of {} records erased, of {} pruned; root {}",
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

pub(crate) async fn replay(home: &Path, replay: &Replay, as_json: bool) -> anyhow::Result<Exit> {
    let host = Host::open(existing(home)?).await?;
    let bar = output::busy("replaying");
    let report = host.replay(&replay.tenant, &replay.run).await;
    bar.finish_and_clear();
    host.shutdown().await;
    let report = report?;
    match (&report.difference, as_json) {
        (_, true) => output::json(&report),
        (None, false) => output::line(format!(
            "{}: identical, {} calls answered from the journal",
            report.run, report.calls
        )),
        (Some(difference), false) => output::line(format!("{}: {difference}", report.run)),
    }
    Ok(if report.identical {
        Exit::Success
    } else {
        Exit::Failure
    })
}

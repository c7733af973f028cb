//! Destroying sealed values: `erase` and `prune`. What is destroyed cannot be
//! brought back, so both say first what it is about.

use tollgate_runtime::{Erase as What, EraseError, ErasurePlan, ErasureReport, Host, PruneReport};

use crate::arguments::{Erase, Home, Prune};
use crate::asking::confirmed;
use crate::exit::Exit;
use crate::output;
use crate::serve::existing;

pub(crate) async fn erase(home: &Home, erase: &Erase, as_json: bool) -> anyhow::Result<Exit> {
    let what = match (&erase.subject, &erase.case, &erase.run) {
        (Some(subject), _, _) => What::Subject(subject.clone()),
        (_, Some(case), _) => What::Case(case.clone()),
        (_, _, Some(run)) => What::Run(run.clone()),
        (None, None, None) => anyhow::bail!("name what to erase: --subject, --case or --run"),
    };
    let host = Host::open(existing(home)?).await?;
    let erased = ask_and_erase(&host, erase, &what).await;
    host.shutdown().await;
    let Some(report) = erased? else {
        output::note("nothing was erased");
        return Ok(Exit::Failure);
    };
    if as_json {
        output::json(&report);
    } else {
        say(&report);
    }
    Ok(Exit::Success)
}

async fn ask_and_erase(
    host: &Host,
    erase: &Erase,
    what: &What,
) -> anyhow::Result<Option<ErasureReport>> {
    let plan = host.plan_erasure(&erase.of.tenant, what).await?;
    if !plan.in_doubt.is_empty() {
        let runs = plan.in_doubt;
        return Err(EraseError::InDoubt { runs }.into());
    }
    output::note(about(&plan));
    let sure = erase.yes
        || confirmed(
            "This cannot be brought back. Type yes to erase:",
            "say that you are sure with --yes",
        )?;
    if !sure {
        return Ok(None);
    }
    let report = host
        .erase(&erase.of.tenant, what, &erase.by.by, &erase.reason)
        .await?;
    Ok(Some(report))
}

fn about(plan: &ErasurePlan) -> String {
    format!(
        "{}: {} records with values, of {} runs; {} held and {} open ones will be ended",
        plan.label,
        plan.records,
        plan.runs,
        plan.held.len(),
        plan.open.len()
    )
}

fn say(report: &ErasureReport) {
    output::line(format!(
        "{}: the values of {} records were erased; their proofs are kept",
        report.label, report.records
    ));
    for run in &report.ended {
        output::line(format!("  {run} was ended: it needed the values"));
    }
    for run in &report.left {
        output::line(format!(
            "  {run} began meanwhile: its values are gone, its host will end it"
        ));
    }
}

pub(crate) async fn prune(home: &Home, prune: &Prune, as_json: bool) -> anyhow::Result<Exit> {
    let host = Host::open(existing(home)?).await?;
    let reports = prune_all(&host, prune).await;
    host.shutdown().await;
    for report in reports? {
        if as_json {
            output::json(&report);
        } else {
            output::line(pruned(&report));
        }
    }
    Ok(Exit::Success)
}

async fn prune_all(host: &Host, prune: &Prune) -> anyhow::Result<Vec<PruneReport>> {
    let tenants = match &prune.tenant {
        Some(tenant) => vec![tenant.clone()],
        None => host.tenants().await?,
    };
    let mut reports = Vec::new();
    for tenant in tenants {
        let bar = output::busy(format!("pruning {tenant}"));
        let pruned = host
            .prune(&tenant, prune.older_than, &prune.by.by, prune.dry_run)
            .await;
        bar.finish_and_clear();
        reports.push(pruned?);
    }
    Ok(reports)
}

fn pruned(report: &PruneReport) -> String {
    let PruneReport {
        tenant,
        before,
        records,
        ..
    } = report;
    if report.dry_run {
        return format!(
            "{tenant}: the values of {records} records before {before} would be destroyed; runs that are not over keep theirs"
        );
    }
    format!(
        "{tenant}: the values of {records} records before {before} were destroyed; runs that are not over keep theirs"
    )
}

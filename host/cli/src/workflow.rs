//! Workflows of a home: installed, listed, shown, removed, each with what changes.

use std::fs;

use anyhow::Context as _;
use serde_json::json;
use tollgate_policy::visible;
use tollgate_runtime::{Host, Role, WorkflowPlan};

use crate::arguments::{Home, InstallWorkflow, WorkflowCommand, WorkflowVerb};
use crate::exit::Exit;
use crate::output;
use crate::serve::existing;

pub(crate) async fn workflow(
    home: &Home,
    command: &WorkflowCommand,
    as_json: bool,
) -> anyhow::Result<Exit> {
    let options = match &command.verb {
        // A home may get its workflows before it is served for the first time.
        WorkflowVerb::Install(_) => crate::serve::options(home, Role::Operate)?,
        _ => existing(home)?,
    };
    let host = Host::open(options).await?;
    let done = carry_out(&host, &command.verb, as_json).await;
    host.shutdown().await;
    done
}

async fn carry_out(host: &Host, verb: &WorkflowVerb, as_json: bool) -> anyhow::Result<Exit> {
    match verb {
        WorkflowVerb::Install(install) => {
            let plan = installed(host, install).await?;
            let done = match (install.dry_run, &plan.replaces) {
                (true, _) => "would be installed",
                (false, None) => "installed",
                (false, Some(_)) => "replaced",
            };
            told(&plan, done, as_json);
        }
        WorkflowVerb::Remove(remove) => {
            let (of, by) = (&remove.of, &remove.by.by);
            let plan = host.remove_workflow(&of.tenant, &of.name, by, remove.unbind);
            told(&plan.await?, "removed", as_json);
        }
        WorkflowVerb::List { tenant } => {
            let all = host.workflows(tenant).await?;
            if as_json {
                output::json(&json!({ "workflows": all }));
            } else if all.is_empty() {
                output::note("no workflow is installed");
            }
            for one in all.iter().filter(|_| !as_json) {
                output::line(format!(
                    "{}  {}  {}  {}",
                    one.name,
                    one.mode,
                    one.owner,
                    visible(&one.purpose)
                ));
            }
        }
        WorkflowVerb::Show(of) => {
            let found = host.workflow(&of.tenant, &of.name).await?;
            if as_json {
                output::json(&found);
            } else {
                output::note(format!("installed {}, {}", found.installed, found.digest));
                output::text(&found.text);
            }
        }
    }
    Ok(Exit::Success)
}

async fn installed(host: &Host, install: &InstallWorkflow) -> anyhow::Result<WorkflowPlan> {
    let name = install.file.display().to_string();
    let text = fs::read_to_string(&install.file).with_context(|| format!("cannot read {name}"))?;
    Ok(match install.dry_run {
        true => host.plan_workflow(&name, &text).await?,
        false => {
            let by = &install.by.by;
            host.install_workflow(&name, &text, by, install.unbind)
                .await?
        }
    })
}

fn told(plan: &WorkflowPlan, done: &str, as_json: bool) {
    if as_json {
        output::json(plan);
        return;
    }
    output::line(format!("{done}: {} for {}", plan.name, plan.tenant));
    for change in &plan.changes {
        let mark = match change.widens.as_str() {
            "wider" => "+ wider   ",
            "narrower" => "- narrower",
            _ => "  same    ",
        };
        output::line(format!("  {mark}  {}", visible(&change.what)));
    }
    if plan.changes.is_empty() {
        output::line("  nothing changes");
    }
    for agent in &plan.unbinds {
        let agent = visible(agent);
        output::line(format!(
            "  + wider     {agent} is in no workflow any more: manifests alone bind it"
        ));
    }
    for tool in &plan.missing {
        output::note(format!("not installed: {}", visible(tool)));
    }
}

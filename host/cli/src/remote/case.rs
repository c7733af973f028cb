//! Cases of a running host: opened, listed, shown and closed with a person's own
//! token.

use comfy_table::presets;
use reqwest::Method;
use serde_json::json;
use tollgate_policy::visible;
use tollgate_runtime::{CaseClaim, CaseReport, NewCase};
use url::form_urlencoded::{Serializer, byte_serialize};

use super::Client;
use crate::arguments::{CaseCommand, CaseVerb, OpenCase, Server};
use crate::exit::Exit;
use crate::output::{self, line, new_table, pretty};

impl Client {
    pub(crate) async fn open_case(&self, new: &NewCase) -> anyhow::Result<CaseReport> {
        self.send(Method::POST, "/v1/cases", Some(json!(new))).await
    }

    pub(crate) async fn case(&self, case: &str) -> anyhow::Result<CaseReport> {
        let path = format!("/v1/cases/{}", encoded(case));
        self.send(Method::GET, &path, None).await
    }
}

pub(crate) async fn case(
    server: &Server,
    command: CaseCommand,
    as_json: bool,
) -> anyhow::Result<Exit> {
    let client = Client::of(server)?;
    let report: CaseReport = match command.verb {
        CaseVerb::Open(open) => client.open_case(&new_case(open)).await?,
        CaseVerb::Show { case } => client.case(&case).await?,
        CaseVerb::Close { case, state, note } => {
            let path = format!("/v1/cases/{}/close", encoded(&case));
            let claim = CaseClaim { state, note };
            client.send(Method::POST, &path, Some(json!(claim))).await?
        }
        CaseVerb::List { state, workflow } => {
            let mut query = Serializer::new(String::new());
            for (name, value) in [("state", state), ("workflow", workflow)] {
                if let Some(value) = value {
                    query.append_pair(name, &value);
                }
            }
            let path = format!("/v1/cases?{}", query.finish());
            let cases: Vec<CaseReport> = client.send(Method::GET, &path, None).await?;
            match as_json {
                true => output::json(&cases),
                false => table(&cases),
            }
            return Ok(Exit::Success);
        }
    };
    match as_json {
        true => output::json(&report),
        false => told(&report),
    }
    Ok(Exit::Success)
}

fn new_case(open: OpenCase) -> NewCase {
    NewCase {
        workflow: open.workflow,
        case: open.case,
        texts: open.inputs,
        trigger: open.trigger,
        context: open.context,
        ..NewCase::default()
    }
}

/// A case's name as one segment of a path. It may hold anything printable, and a
/// name such as `x/../y` must not make another request of it.
fn encoded(case: &str) -> String {
    byte_serialize(case.as_bytes())
        .collect::<String>()
        .replace('.', "%2E")
}

fn table(cases: &[CaseReport]) {
    if cases.is_empty() {
        line("there are no such cases");
        return;
    }
    let mut table = new_table(presets::NOTHING);
    table.set_header(["case", "workflow", "state", "opened by", "opened", "runs"]);
    for case in cases {
        table.add_row([
            visible(&case.case),
            visible(&case.workflow),
            case.state.clone(),
            visible(&case.opened_by),
            case.opened.clone(),
            case.runs.to_string(),
        ]);
    }
    line(table.to_string());
}

fn told(case: &CaseReport) {
    let mut table = new_table(presets::UTF8_BORDERS_ONLY);
    let mut row = |name: &str, value: String| {
        table.add_row([name.to_owned(), value]);
    };
    row("case", visible(&case.case));
    row("workflow", visible(&case.workflow));
    row("state", case.state.clone());
    if let Some(correct) = case.correct {
        row("correct", correct.to_string());
    }
    if let Some(why) = &case.why {
        row("why", visible(why));
    }
    if let Some(note) = &case.note {
        row("in their words", visible(note));
    }
    row(
        "opened by",
        format!(
            "{} ({})",
            visible(&case.opened_by),
            visible(&case.started_by)
        ),
    );
    row("opened", case.opened.clone());
    match &case.closed {
        Some(closed) => row("ended", closed.clone()),
        None => row("expires", case.due.clone()),
    }
    if let Some(inputs) = &case.inputs {
        row("inputs", pretty(inputs));
    }
    if let Some(claimed) = &case.claimed {
        row("the agent says", pretty(claimed));
    }
    if let Some(trigger) = &case.trigger {
        row("started (its words)", visible(trigger));
    }
    if let Some(context) = &case.context {
        row("about (its words)", visible(context));
    }
    row(
        "runs",
        format!(
            "{}: {} done, {} failed, {} denied",
            case.runs, case.done, case.failures, case.denials
        ),
    );
    line(table.to_string());
    for run in &case.run_list {
        let state = run.state.as_deref().unwrap_or("not ended");
        line(format!("  {}  {}  {state}", run.run, visible(&run.tool)));
    }
}

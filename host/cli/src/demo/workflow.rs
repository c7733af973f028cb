//! The boundary that everything happens inside: a workflow, and a case of it that a
//! person opens and the agent says is over.

use std::fs;
use std::path::Path;

use anyhow::{Context as _, ensure};
use serde_json::json;
use tollgate_runtime::{CaseReport, Host, NewCase};

use super::scene::{CUSTOMER, ORDER};
use super::story::Story;

/// Its name.
pub(super) const NAME: &str = "refunds";

/// Who works in it.
pub(super) const AGENT: &str = "desk-agent";

const FILE: &str = "workflow.toml";

/// Write the workflow's file into the folder, and install it.
pub(super) async fn install(host: &Host, folder: &Path) -> anyhow::Result<()> {
    let file = folder.join(FILE);
    fs::write(&file, include_str!("workflow.toml"))
        .with_context(|| format!("cannot write {}", file.display()))?;
    let text = fs::read_to_string(&file)?;
    let plan = host.install_workflow(FILE, &text, "demo", false).await?;
    ensure!(
        plan.missing.is_empty(),
        "the workflow names tools that are not there: {}",
        plan.missing.join(", ")
    );
    Ok(())
}

impl Story<'_> {
    /// Mira hands the ticket over: of a person the inputs are trusted.
    pub(super) async fn open_case(&self) -> anyhow::Result<CaseReport> {
        let inputs = json!({ "ticket": self.ticket, "customer": CUSTOMER, "order_id": ORDER });
        let new = NewCase {
            workflow: NAME.to_owned(),
            case: Some(self.case.clone()),
            inputs: inputs.as_object().cloned().unwrap_or_default(),
            trigger: Some(format!("ticket {} came in", self.ticket)),
            ..NewCase::default()
        };
        let opened = self.people.mira.client.open_case(&new).await?;
        ensure!(
            opened.inputs.as_ref() == Some(&inputs),
            "the case was opened with other inputs"
        );
        self.steps.say(format!(
            "Mira of support reads ticket {} and opens the case {} of the workflow {NAME}",
            self.ticket, self.case
        ));
        self.steps.more(format!(
            "its inputs are typed and trusted: order {ORDER}, customer {CUSTOMER}"
        ));
        self.steps
            .more("workflow.toml names its owner, tools and limits, and what done means");
        Ok(opened)
    }

    /// The agent says that it is done; the host looks for itself.
    pub(super) async fn close_case(&self, is_refunded: bool) -> anyhow::Result<CaseReport> {
        let claim = json!({ "case": self.case, "state": "completed" });
        self.agent
            .call("tollgate.close_case", claim, "all is said and done")
            .await?;
        let closed = self.people.mira.client.case(&self.case).await?;
        ensure!(
            closed.correct == Some(is_refunded),
            "the completion was found correct: {:?}",
            closed.correct
        );
        self.steps.say(format!(
            "The agent says that the case is done; it ends as {}",
            closed.state
        ));
        self.steps.more(format!(
            "the host looks for itself whether order {ORDER} has one refund. Correct: {}",
            match is_refunded {
                true => "yes",
                false => "no",
            }
        ));
        Ok(closed)
    }
}

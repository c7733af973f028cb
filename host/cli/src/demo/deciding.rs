//! A held call, and the person who decides on it: at a terminal whoever sits there.

use anyhow::ensure;
use tollgate_runtime::{RunReport, RunState};

use super::agent::Answer;
use super::story::Story;
use super::words::{program, text};
use crate::output;

impl Story<'_> {
    /// Say that a call waits; it is an error if it does not.
    pub(super) fn tell_held(&self, what: &str, held: &Answer) -> anyhow::Result<()> {
        ensure!(held.state == "held", "{what}: not held, {}", held.content);
        let pending = &held.content["_tollgate"]["pending"];
        let people = match pending["quorum"].as_u64() {
            Some(quorum) if quorum > 1 => format!("{quorum} people of "),
            _ => String::new(),
        };
        self.steps.say(format!("{what}: held"));
        self.steps.more(format!(
            "until {people}{} decide: {}",
            text(&pending["approvers"][0]),
            text(&pending["title"])
        ));
        Ok(())
    }

    /// Mira reads the card and decides. `does` says what, where nobody sits at the
    /// terminal.
    pub(super) async fn mira_decides(
        &self,
        run: &str,
        approval: &str,
        does: &str,
    ) -> anyhow::Result<RunReport> {
        if self.is_interactive {
            return self.wait_for_a_person(approval, run).await;
        }
        let mira = &self.people.mira.client;
        let card = mira.card(approval).await?;
        self.steps.more(format!(
            "Mira reads the card, with a credential of her own, and {does}"
        ));
        mira.approve(approval, &card.digest, None, None).await
    }

    async fn wait_for_a_person(&self, approval: &str, run: &str) -> anyhow::Result<RunReport> {
        let token_file = self.folder.join("mira.token");
        self.steps.more("now it is your turn: you are Mira");
        self.steps
            .more(format!("page:     {}/approvals/{approval}", self.url));
        self.steps
            .more(format!("token:    {}", self.people.mira.token));
        self.steps.more("or, in another terminal:");
        self.steps
            .more(format!("{} approve {approval} \\", program()));
        self.steps.more(format!(
            "  --url {} --token-file {}",
            self.url,
            token_file.display()
        ));
        let bar = output::busy("waiting for your decision (Ctrl-C ends the demo)");
        let report = loop {
            let report = self.people.mira.client.run(run, 60).await?;
            if !matches!(report.state, RunState::Held | RunState::Open) {
                break report;
            }
        };
        bar.finish_and_clear();
        Ok(report)
    }
}

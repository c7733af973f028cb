//! The agent says in desk and CRM what became of it.

use anyhow::{bail, ensure};
use serde_json::{Value, json};
use tollgate_runtime::RunState;

use super::quorum::GRANTED_CENTS;
use super::scene::ORDER;
use super::story::Story;
use super::systems::PROPERTY;
use super::words::money;

impl Story<'_> {
    /// A write on the condition that nobody else wrote; somebody did.
    pub(super) async fn set_status(
        &self,
        version: &Value,
        is_refunded: bool,
    ) -> anyhow::Result<String> {
        let status = if is_refunded { "stalled" } else { "open" };
        let set = |version: &Value| json!({ "ticket": self.ticket, "values": { "status": status }, "version": version });
        let why = "the customer sends the lamp back";
        self.systems
            .colleague_sets_priority(self.ticket, "80")
            .await?;
        self.steps
            .say("Meanwhile a colleague sets the ticket's priority to 80, in the desk itself");
        let refused = self
            .agent
            .attempt("support-desk.update_ticket", set(version), why)
            .await?;
        let Err(refused) = refused else {
            bail!("a write under an old version was not refused");
        };
        ensure!(refused.starts_with("conflict"), "{refused}");
        self.steps.say(
            "Support desk: it sets the status as of the version that it read: refused, conflict",
        );
        let read = self
            .agent
            .call(
                "support-desk.get_ticket",
                json!({ "ticket": self.ticket }),
                "it has changed",
            )
            .await?;
        let written = self
            .agent
            .call(
                "support-desk.update_ticket",
                set(&read.content["version"]),
                why,
            )
            .await?;
        self.steps.more(format!(
            "it reads again, and sets it to {status}: allowed, and undoable"
        ));
        Ok(written.run)
    }

    /// A write that nothing takes back.
    pub(super) async fn note(&self, is_refunded: bool) -> anyhow::Result<RunState> {
        let words = if is_refunded {
            let amount = money(GRANTED_CENTS);
            format!(
                "Refund of {amount} for order {ORDER} was approved and made. Waits for the lamp."
            )
        } else {
            format!("A refund for order {ORDER} was asked for and not approved.")
        };
        let note = json!({ "ticket": self.ticket, "text": words });
        let held = self
            .agent
            .call("support-desk.comment", note, "colleagues should know")
            .await?;
        self.tell_held(
            "Support desk: it writes a note, which nothing can take back",
            &held,
        )?;
        let decided = self
            .mira_decides(&held.run, held.approval()?, "approves")
            .await?;
        self.steps
            .more(format!("the note: {}", decided.state.as_str()));
        Ok(decided.state)
    }

    pub(super) async fn write_property(&self, contact: &Value) -> anyhow::Result<String> {
        let case = &self.case;
        let written = self
            .agent
            .call(
                "crm.update_record",
                json!({ "type": "contacts", "id": contact, "properties": { PROPERTY: case } }),
                "the customer's last case",
            )
            .await?;
        self.steps.say(format!(
            "CRM: it writes {PROPERTY} {case}: allowed, and undoable"
        ));
        Ok(written.run)
    }
}

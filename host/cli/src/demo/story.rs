//! What the agent does, one system after the other, and what people decide.

use std::cell::Cell;
use std::path::Path;

use anyhow::{Context as _, bail, ensure};
use serde_json::{Value, json};
use tollgate_runtime::{RunReport, RunState};

use super::agent::{Agent, Answer};
use super::scene;
use super::systems::{PROPERTY, Systems};
use super::words::{program, text};
use crate::output;
use crate::remote::Client;

/// One hand-off, from the ticket to the answer.
pub(super) struct Story<'a> {
    pub(super) systems: &'a Systems,
    pub(super) folder: &'a Path,
    /// Where the host serves.
    pub(super) url: &'a str,
    pub(super) mira: Client,
    pub(super) mira_token: &'a str,
    pub(super) agent: Agent,
    /// The ticket's number.
    pub(super) ticket: &'a str,
    /// Whether somebody sits at the terminal.
    pub(super) is_interactive: bool,
    pub(super) steps: Steps,
}

/// The runs that matter afterwards.
pub(super) struct Runs {
    /// The row in the workbook.
    pub(super) row: String,
    /// The ticket's priority.
    pub(super) priority: String,
    /// The ticket's status.
    pub(super) status: String,
    /// The customer's property.
    pub(super) property: String,
    /// The refund.
    pub(super) refund: String,
    /// How the refund ended.
    pub(super) refund_state: RunState,
    /// What the agent is told about it.
    pub(super) agent_sees: String,
    /// How the note on the ticket ended.
    pub(super) note_state: RunState,
}

/// Counts the lines of the story.
#[derive(Default)]
pub(super) struct Steps(Cell<u32>);

impl Steps {
    /// The next line of the story.
    pub(super) fn say(&self, what: impl AsRef<str>) {
        self.0.set(self.0.get() + 1);
        output::note(format!("{:>3}  {}", self.0.get(), what.as_ref()));
    }

    /// More about the line before.
    pub(super) fn more(&self, what: impl AsRef<str>) {
        output::note(format!("     {}", what.as_ref()));
    }
}

/// What was read before the refund.
struct Known {
    /// The ticket's version, as the agent read it.
    version: Value,
    /// The customer's number in the CRM.
    contact: Value,
    priority: String,
    row: String,
}

impl Story<'_> {
    pub(super) async fn play(&self) -> anyhow::Result<Runs> {
        let known = self.look().await?;
        let (refund, decided) = self.refund().await?;
        let is_refunded = decided.state == RunState::Done;
        let seen = self
            .agent
            .call(
                "tollgate.run",
                json!({ "run": refund }),
                "what became of it",
            )
            .await?;
        let status = self.set_status(&known.version, is_refunded).await?;
        let note_state = self.note(is_refunded).await?;
        let property = self.write_property(&known.contact).await?;
        Ok(Runs {
            row: known.row,
            priority: known.priority,
            status,
            property,
            refund,
            refund_state: decided.state,
            agent_sees: seen.state,
            note_state,
        })
    }

    /// Reads in three systems; two writes that can be taken back.
    async fn look(&self) -> anyhow::Result<Known> {
        let (agent, steps) = (&self.agent, &self.steps);
        let ticket = json!({ "ticket": self.ticket });
        let read = agent
            .call(
                "support-desk.get_ticket",
                ticket.clone(),
                "what is it about",
            )
            .await?;
        let said = agent
            .call(
                "support-desk.list_comments",
                ticket,
                "what the customer wrote",
            )
            .await?;
        let customer = text(&read.content["requesters"][0]["email"]);
        steps.say(format!(
            "Support desk: it reads ticket {} of {customer}: allowed",
            self.ticket
        ));
        steps.more(format!("“{}”", text(&said.content["comments"][0]["text"])));

        let raised = agent
            .call(
                "support-desk.update_ticket",
                json!({ "ticket": self.ticket, "values": { "priority": "50" }, "version": read.content["version"] }),
                "broken goods go first",
            )
            .await?;
        steps.more("it raises the priority to 50: allowed, and undoable");

        let found = agent
            .call(
                "crm.search_records",
                json!({ "type": "contacts", "where": [{ "property": "email", "is": "equal", "value": customer }] }),
                "who is the customer",
            )
            .await?;
        let contact = &found.content["records"][0];
        let properties = &contact["properties"];
        steps.say(format!(
            "CRM: it finds the customer: allowed. {} {}, {PROPERTY} {}",
            text(&properties["firstname"]),
            text(&properties["lastname"]),
            text(&properties[PROPERTY])
        ));

        let order = agent
            .call(
                "database.lookup",
                json!({ "query": "order", "params": { "order_id": 1042 } }),
                "find the customer's order",
            )
            .await?;
        let order = &order.content["rows"][0];
        steps.say(format!(
            "Database: it looks up order 1042: allowed. {order}"
        ));

        let noted = agent
            .call(
                "spreadsheet.append_row",
                json!({ "file": "tracker.xlsx", "key": "case", "values": {
                    "case": format!("ticket-{}", self.ticket), "order": 1042,
                    "customer": order["customer"], "status": "refund asked",
                }}),
                "note the case in the tracker",
            )
            .await?;
        steps.say(format!(
            "Workbook: it notes the case: allowed, and undoable. Row {}",
            noted.content["row"]
        ));
        Ok(Known {
            version: raised.content["version"].clone(),
            contact: contact["id"].clone(),
            priority: raised.run,
            row: noted.run,
        })
    }

    /// A write over the limit.
    async fn refund(&self) -> anyhow::Result<(String, RunReport)> {
        let refund = json!({ "statement": "refund", "params": { "order_id": 1042, "amount_cents": 12900, "reason": "arrived broken" } });
        let ask = || {
            self.agent.call(
                "database.execute",
                refund.clone(),
                "the customer sent photos of the damage",
            )
        };
        let held = ask().await?;
        ensure!(
            held.state == "held",
            "the refund was not held: {}",
            held.content
        );
        let again = ask().await?;
        self.tell_held("Database: it asks for a refund of 129.00", &held);
        self.steps.more(format!(
            "asking again gives the same run: {}",
            again.run == held.run
        ));
        let decided = self.decide(&held).await?;
        let refunds = scene::refunds(self.folder).await?;
        self.steps.more(format!(
            "the run goes on from the held call: {}; refunds in the database: {refunds}",
            decided.state.as_str()
        ));
        Ok((held.run, decided))
    }

    /// A write on the condition that nobody else wrote; somebody did.
    async fn set_status(&self, version: &Value, is_refunded: bool) -> anyhow::Result<String> {
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
    async fn note(&self, is_refunded: bool) -> anyhow::Result<RunState> {
        let words = if is_refunded {
            "Refund of 129.00 for order 1042 was approved and made. Waits for the lamp."
        } else {
            "A refund of 129.00 for order 1042 was asked for and not approved."
        };
        let note = json!({ "ticket": self.ticket, "text": words });
        let held = self
            .agent
            .call("support-desk.comment", note, "colleagues should know")
            .await?;
        ensure!(
            held.state == "held",
            "the note was not held: {}",
            held.content
        );
        self.tell_held(
            "Support desk: it writes a note, which nothing can take back",
            &held,
        );
        let decided = self.decide(&held).await?;
        self.steps
            .more(format!("the note: {}", decided.state.as_str()));
        Ok(decided.state)
    }

    async fn write_property(&self, contact: &Value) -> anyhow::Result<String> {
        let case = format!("ticket-{}", self.ticket);
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

    fn tell_held(&self, what: &str, held: &Answer) {
        let pending = &held.content["_tollgate"]["pending"];
        self.steps.say(format!("{what}: held"));
        self.steps.more(format!(
            "until {} decides: {}",
            text(&pending["approvers"][0]),
            text(&pending["title"])
        ));
    }

    async fn decide(&self, held: &Answer) -> anyhow::Result<RunReport> {
        let approval = held.content["_tollgate"]["pending"]["approval"]
            .as_str()
            .context("a held call names its approval")?;
        if self.is_interactive {
            return self.wait_for_a_person(approval, &held.run).await;
        }
        let card = self.mira.card(approval).await?;
        self.steps
            .more("Mira, a person with a credential of her own, reads the card and approves");
        self.mira.approve(approval, &card.digest, None, None).await
    }

    async fn wait_for_a_person(&self, approval: &str, run: &str) -> anyhow::Result<RunReport> {
        let token_file = self.folder.join("mira.token");
        self.steps.more("now it is your turn: you are Mira");
        self.steps
            .more(format!("page:     {}/approvals/{approval}", self.url));
        self.steps.more(format!("token:    {}", self.mira_token));
        self.steps.more("or, in another terminal:");
        self.steps.more(format!(
            "{} approve {approval} --url {} --token-file {}",
            program(),
            self.url,
            token_file.display()
        ));
        let bar = output::busy("waiting for your decision (Ctrl-C ends the demo)");
        let report = loop {
            let report = self.mira.run(run, 60).await?;
            if !matches!(report.state, RunState::Held | RunState::Open) {
                break report;
            }
        };
        bar.finish_and_clear();
        Ok(report)
    }
}

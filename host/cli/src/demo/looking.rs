//! The agent looks around in all four systems, and writes two things that can be
//! taken back.

use serde_json::{Value, json};

use super::scene::ORDER;
use super::story::Story;
use super::systems::PROPERTY;
use super::words::text;

/// What was read before the refund.
pub(super) struct Known {
    /// The ticket's version, as the agent read it.
    pub(super) version: Value,
    /// The customer's number in the CRM.
    pub(super) contact: Value,
    /// The run that wrote the ticket's priority.
    pub(super) priority: String,
    /// The run that wrote the row in the workbook.
    pub(super) row: String,
}

impl Story<'_> {
    /// Reads in three systems; two writes that can be taken back.
    pub(super) async fn look(&self) -> anyhow::Result<Known> {
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
        steps.quote(text(&said.content["comments"][0]["text"]));

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
                json!({ "query": "order", "params": { "order_id": ORDER } }),
                "find the customer's order",
            )
            .await?;
        let order = &order.content["rows"][0];
        steps.say(format!("Database: it looks up order {ORDER}: allowed"));
        steps.more(order.to_string());

        let noted = agent
            .call(
                "spreadsheet.append_row",
                json!({ "file": "tracker.xlsx", "key": "case", "values": {
                    "case": self.case, "order": ORDER,
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
}

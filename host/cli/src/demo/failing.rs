//! What a rule refuses to the agent is a failure, and a failure is somebody's work: it
//! comes into a queue, and from there to the support desk.

use std::time::Duration;

use anyhow::{Context as _, bail, ensure};
use serde_json::{Value, json};
use tollgate_runtime::{ItemDelivery, QueueItem, Resolution, ToolCall};

use super::quorum::refund;
use super::scene::{ORDER, OTHER_ORDER};
use super::story::Story;
use super::words::text;

/// What is asked for the other order: less than what needs an approval.
const OTHER_CENTS: i64 = 4_900;

/// How long a delivery may take.
const PATIENCE: Duration = Duration::from_secs(60);

/// A failure, and where it went.
pub(super) struct Failed {
    item: QueueItem,
    delivery: ItemDelivery,
    /// The ticket that it became.
    ticket: String,
}

impl Failed {
    /// For programs.
    pub(super) fn shown(&self) -> Value {
        let item = &self.item;
        json!({
            "class": item.kind,
            "why": item.why,
            "run": item.run,
            "queue": item.queue,
            "owner": item.owner,
            "item": item.id,
            "record": item.record,
            "place": item.place,
            "delivery": self.delivery,
            "ticket": self.ticket,
            "state": item.state,
            "resolved_by": item.resolved_by,
        })
    }
}

impl Story<'_> {
    /// The attack: the customer's text asks for the money of somebody else's order, and
    /// the agent does as it reads.
    pub(super) async fn refuse_another_order(&self) -> anyhow::Result<Failed> {
        let other = refund(OTHER_ORDER, OTHER_CENTS);
        let why = "the customer asks for it in the ticket";
        let answer = self.agent.attempt("database.execute", other, why).await?;
        let Err(said) = answer else {
            bail!("a refund for an order of somebody else was not refused");
        };
        ensure!(said.starts_with("denied"), "{said}");
        self.steps.say(format!(
            "Database: it does as the text says, and asks to refund order {OTHER_ORDER} too: denied"
        ));
        self.steps.more(format!(
            "the case is about order {ORDER}; what a text says is no trusted input"
        ));
        let item = self.item_of("denied").await?;
        let record = item.record.clone().context("an item names its record")?;
        self.steps.say(format!(
            "The failure is an item of the queue `{}` of {}",
            item.queue, item.owner
        ));
        self.steps.more(format!("item      {}", item.id));
        self.steps.more(format!("record    {record}"));
        let (delivery, ticket) = self.delivered(&item.id, &record).await?;
        let item = self.resolve(&item.id).await?;
        Ok(Failed {
            item,
            delivery,
            ticket,
        })
    }

    /// The one open item of this class that Mira sees.
    async fn item_of(&self, class: &str) -> anyhow::Result<QueueItem> {
        let items = self.people.mira.client.queue(false, false).await?;
        let mut of_class = items.into_iter().filter(|item| item.kind == class);
        let item = of_class
            .next()
            .with_context(|| format!("no queue has an item of the class {class}"))?;
        ensure!(of_class.next().is_none(), "there are two items of {class}");
        ensure!(item.case == self.case, "the item is of another case");
        Ok(item)
    }

    /// Wait until the desk has it, and look there whether it has.
    async fn delivered(&self, item: &str, record: &str) -> anyhow::Result<(ItemDelivery, String)> {
        let mira = &self.people.mira;
        let item = self.host.wait_delivered(&mira.who, item, PATIENCE).await?;
        let [delivery] = item.deliveries.as_slice() else {
            bail!("the item has {} deliveries", item.deliveries.len());
        };
        let run = delivery.run.as_deref().context("a delivery has a run")?;
        let run = mira.client.run(run, 0).await?;
        ensure!(
            delivery.state == "delivered",
            "{delivery:?} {:?}",
            run.failure
        );
        let ticket = run.output.unwrap_or_default()["ticket"].clone();
        let ticket = ticket.as_str().context("the delivery names no ticket")?;
        let read = ToolCall {
            connector: "support-desk".to_owned(),
            tool: "list_comments".to_owned(),
            input: json!({ "ticket": ticket }),
            ..ToolCall::default()
        };
        let said = mira.read(&read).await?;
        let said = text(&said["comments"][0]["text"]);
        ensure!(said.contains(record), "ticket {ticket} says “{said}”");
        let subject = text(&self.systems.ticket(ticket).await?["Subject"]);
        self.steps.more(format!(
            "delivered to the support desk as ticket {ticket}, which names the record:"
        ));
        self.steps.quote(subject);
        Ok((delivery.clone(), ticket.to_owned()))
    }

    /// Mira says what became of it.
    async fn resolve(&self, item: &str) -> anyhow::Result<QueueItem> {
        let mira = &self.people.mira;
        let note = "nothing to pay back: order 1041 is somebody else's";
        mira.client
            .resolve(item, Resolution::Done, note, None)
            .await?;
        let item = self.host.queue_item(&mira.who, item).await?;
        ensure!(item.state == "resolved", "the item is {}", item.state);
        self.steps
            .more(format!("Mira looks at it and resolves it: {note}"));
        Ok(item)
    }
}

//! Items of a queue, as the person reads them who has to settle them.

use comfy_table::presets;
use tollgate_policy::visible;
use tollgate_runtime::{Clock as _, QueueItem, QueueSummary, SystemClock, moment};

use super::{line, new_table, pretty};

/// Items, one a line.
pub(crate) fn items(items: &[QueueItem]) {
    if items.is_empty() {
        line("nothing waits for a person");
        return;
    }
    let mut table = new_table(presets::NOTHING);
    table.set_header([
        "item", "queue", "owner", "class", "state", "what", "asked by", "age", "sent to",
    ]);
    let now = SystemClock.now_ms();
    for item in items {
        table.add_row([
            item.id.clone(),
            visible(&item.queue),
            visible(&item.owner),
            visible(&item.kind),
            item.state.clone(),
            what(item),
            visible(&item.principal),
            age(&item.created, now),
            deliveries(item),
        ]);
    }
    line(table.to_string());
}

/// Queues, one a line.
pub(crate) fn summary(queues: &[QueueSummary]) {
    if queues.is_empty() {
        line("no queue is yours");
        return;
    }
    let mut table = new_table(presets::NOTHING);
    table.set_header([
        "queue", "owner", "open", "dead", "oldest", "sent to", "classes",
    ]);
    let now = SystemClock.now_ms();
    for queue in queues {
        let oldest = queue.oldest.as_deref().map(|since| age(since, now));
        table.add_row([
            visible(&queue.name),
            visible(&queue.owner),
            queue.open.to_string(),
            queue.dead.to_string(),
            oldest.unwrap_or_default(),
            visible(&queue.deliveries.join(", ")),
            queue.classes.join(", "),
        ]);
    }
    line(table.to_string());
}

/// How long ago, in the largest unit that says something.
fn age(since: &str, now_ms: u64) -> String {
    let Ok(at) = moment(since, now_ms) else {
        return visible(since);
    };
    let seconds = now_ms.saturating_sub(at) / 1_000;
    match seconds {
        0..60 => format!("{seconds}s"),
        60..3_600 => format!("{}m", seconds / 60),
        3_600..86_400 => format!("{}h", seconds / 3_600),
        _ => format!("{}d", seconds / 86_400),
    }
}

/// Where an item was sent, and what became of that.
fn deliveries(item: &QueueItem) -> String {
    let each = item.deliveries.iter().map(|delivery| {
        let tries = match delivery.attempts {
            0 => String::new(),
            tries => format!(" after {tries}"),
        };
        visible(&format!("{} {}{tries}", delivery.name, delivery.state))
    });
    each.collect::<Vec<_>>().join("\n")
}

/// One item, with the evidence.
pub(crate) fn item(item: &QueueItem) {
    let mut table = new_table(presets::UTF8_BORDERS_ONLY);
    let mut row = |name: &str, value: String| {
        table.add_row([name.to_owned(), value]);
    };
    row("item", item.id.clone());
    row("queue", visible(&item.queue));
    row("owner", visible(&item.owner));
    row("class", visible(&item.kind));
    if item.kind != "in_doubt" && !is_escalation(item) {
        row("failed", what(item));
        row("why", visible(&item.why));
    } else if is_escalation(item) {
        row("handed over", what(item));
        row("why (its words)", visible(&item.why));
        row("details", pretty(&item.arguments["details"]));
    } else {
        row("did this happen?", what(item));
        row("was to be sent", pretty(&item.arguments));
    }
    if let Some(prior) = &item.prior {
        row("was there before", pretty(prior));
    }
    if item.kind == "in_doubt" {
        match &item.found {
            Some(found) => row("found afterwards", pretty(found)),
            None => row("found afterwards", "the host could not look".to_owned()),
        }
        row("why you are asked", visible(&item.why));
        row("declared recovery", item.recovery.clone());
    }
    let tool = format!("{}.{}", item.connector, item.tool);
    row("tool", visible(&tool));
    row("asked by", visible(&item.principal));
    row("run", format!("{}, call {}", item.run, item.position));
    if let (Some(place), Some(record)) = (item.place, &item.record) {
        row("record", format!("{place}, {}", visible(record)));
    }
    if !item.deliveries.is_empty() {
        row("sent to", deliveries(item));
    }
    row("case", visible(&item.case));
    row("since", item.created.clone());
    if let (Some(by), Some(resolution)) = (&item.resolved_by, &item.resolution) {
        row("settled", format!("{resolution}, says {}", visible(by)));
    }
    if let Some(note) = &item.note {
        row("because", visible(note));
    }
    line(table.to_string());
    if item.state == "open" && item.kind != "in_doubt" {
        let id = &item.id;
        line("when it is done, or will not be, say so:");
        line(format!("  tollgate queue resolve {id} --done --note '…'"));
        line(format!(
            "  tollgate queue resolve {id} --not-done --note '…'"
        ));
    } else if item.state == "open" {
        let id = &item.id;
        line(format!("look at {}, then say:", visible(&item.destination)));
        line(format!(
            "  tollgate queue resolve {id} --done --note '…'      the run goes on after it; it is never sent again"
        ));
        line(format!(
            "  tollgate queue resolve {id} --not-done --note '…'  the run goes on without it; whoever asked may ask again"
        ));
    }
}

fn is_escalation(item: &QueueItem) -> bool {
    item.kind == "escalation"
}

/// What an item is about.
fn what(item: &QueueItem) -> String {
    if item.kind.starts_with("case_") {
        return visible(&item.why);
    }
    if is_escalation(item) {
        return visible(item.arguments["summary"].as_str().unwrap_or_default());
    }
    visible(&match item.kind.as_str() {
        "in_doubt" => format!("{} on {}", item.call, item.destination),
        _ => format!("{}.{}", item.connector, item.tool),
    })
}

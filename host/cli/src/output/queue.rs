//! Items of a queue, as the person reads them who has to settle them.

use comfy_table::{ContentArrangement, Table, presets};
use tollgate_policy::visible;
use tollgate_runtime::QueueItem;

use super::{line, pretty};

/// Items, one a line.
pub(crate) fn items(items: &[QueueItem]) {
    if items.is_empty() {
        line("nothing waits for a person");
        return;
    }
    let mut table = Table::new();
    table
        .load_style(presets::NOTHING)
        .set_content_arrangement(ContentArrangement::Dynamic)
        .set_header(["item", "queue", "state", "what", "asked by", "since"]);
    for item in items {
        table.add_row([
            item.id.clone(),
            visible(&item.queue),
            item.state.clone(),
            what(item),
            visible(&item.principal),
            item.created.clone(),
        ]);
    }
    line(table.to_string());
}

/// One item, with the evidence.
pub(crate) fn item(item: &QueueItem) {
    let mut table = Table::new();
    table
        .load_style(presets::UTF8_BORDERS_ONLY)
        .set_content_arrangement(ContentArrangement::Dynamic);
    let mut row = |name: &str, value: String| {
        table.add_row([name.to_owned(), value]);
    };
    row("item", item.id.clone());
    row("queue", visible(&item.queue));
    if is_escalation(item) {
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
    if !is_escalation(item) {
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
    row("case", visible(&item.case));
    row("since", item.created.clone());
    if let (Some(by), Some(resolution)) = (&item.resolved_by, &item.resolution) {
        row("settled", format!("{resolution}, says {}", visible(by)));
    }
    if let Some(note) = &item.note {
        row("because", visible(note));
    }
    line(table.to_string());
    if item.state == "open" && is_escalation(item) {
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
    matches!(item.kind.as_str(), "escalation" | "case")
}

/// What an item is about.
fn what(item: &QueueItem) -> String {
    if item.kind == "case" {
        return visible(&item.why);
    }
    if is_escalation(item) {
        return visible(item.arguments["summary"].as_str().unwrap_or_default());
    }
    visible(&format!("{} on {}", item.call, item.destination))
}

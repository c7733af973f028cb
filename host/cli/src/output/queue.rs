//! Items of a queue, as the person reads them who has to settle them.

use comfy_table::{ContentArrangement, Table, presets};
use tollgate_policy::visible;
use tollgate_runtime::QueueItem;

use super::{line, pretty};

/// Items, one a line.
pub(crate) fn items(items: &[QueueItem]) {
    if items.is_empty() {
        line("nothing is in doubt");
        return;
    }
    let mut table = Table::new();
    table
        .load_style(presets::NOTHING)
        .set_content_arrangement(ContentArrangement::Dynamic)
        .set_header(["item", "state", "did this happen?", "asked by", "since"]);
    for item in items {
        table.add_row([
            item.id.clone(),
            item.state.clone(),
            visible(&format!("{} on {}", item.call, item.destination)),
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
    let call = format!("{} on {}", item.call, item.destination);
    row("did this happen?", visible(&call));
    row("was to be sent", pretty(&item.arguments));
    if let Some(prior) = &item.prior {
        row("was there before", pretty(prior));
    }
    match &item.found {
        Some(found) => row("found afterwards", pretty(found)),
        None => row("found afterwards", "the host could not look".to_owned()),
    }
    row("why you are asked", visible(&item.why));
    row("declared recovery", item.recovery.clone());
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
    if item.state == "open" {
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

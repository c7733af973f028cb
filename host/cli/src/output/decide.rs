//! Votes, deputies and batches, as people read them.

use comfy_table::{Table, presets};
use tollgate_policy::visible;
use tollgate_runtime::{Batch, BatchReport, Card, Delegation};

use super::{line, new_table};

/// Who may decide, deputies too.
pub(super) fn approvers(card: &Card) -> String {
    let deputies = card
        .deputies
        .iter()
        .map(|one| format!("{} for {}", one.deputy, one.delegator));
    let all: Vec<_> = card.approvers.iter().cloned().chain(deputies).collect();
    visible(&all.join(", "))
}

/// How many have said yes, and who.
pub(super) fn votes(card: &Card) -> String {
    let names: Vec<_> = card.votes.iter().map(ToString::to_string).collect();
    let names = visible(&names.join(", "));
    let so_far = format!("{} of {}", card.votes.len(), card.quorum);
    match names.is_empty() {
        true => so_far,
        false => format!("{so_far}: {names}"),
    }
}

fn table<const N: usize>(head: [&str; N]) -> Table {
    let mut table = new_table(presets::NOTHING);
    table.set_header(head);
    table
}

/// Held calls to decide on at once.
pub(crate) fn batch(batch: &Batch) {
    let mut rows = table(["approval", "what", "will send", "asked by"]);
    for card in &batch.items {
        rows.add_row([
            card.approval.clone(),
            card.title.clone(),
            super::one_line(&card.arguments),
            visible(&card.requester),
        ]);
    }
    line(rows.to_string());
    if let Some(sum) = &batch.sum {
        let without = match sum.without {
            0 => String::new(),
            some => format!(", without {some} that have no whole number there"),
        };
        line(format!(
            "{} is {} in total{without}",
            visible(&sum.field),
            sum.total
        ));
    }
    line(format!(
        "{} calls, digest {}",
        batch.items.len(),
        batch.digest
    ));
}

/// What a decision over many came to.
pub(crate) fn batch_report(report: &BatchReport) {
    for item in &report.items {
        match (&item.failure, &item.run) {
            (Some(failure), _) => line(format!(
                "{}  {}: {}",
                item.approval,
                item.outcome,
                visible(&failure.message)
            )),
            (None, Some((run, state))) => line(format!(
                "{}  {}  {run} {}",
                item.approval,
                item.outcome,
                state.as_str()
            )),
            (None, None) => line(format!("{}  {}", item.approval, item.outcome)),
        }
    }
}

/// Who decides for whom.
pub(crate) fn delegations(all: &[Delegation]) {
    if all.is_empty() {
        line("nobody has named a deputy");
        return;
    }
    let mut rows = table([
        "delegation",
        "deputy",
        "for",
        "as",
        "from",
        "until",
        "state",
    ]);
    for one in all {
        rows.add_row([
            one.id.clone(),
            visible(&one.deputy),
            visible(&one.delegator),
            visible(&one.approver),
            one.from.clone(),
            one.until.clone(),
            one.state.clone(),
        ]);
    }
    line(rows.to_string());
}

//! `[approval.NAME]`: who decides on held calls, and how long a decision counts.

use super::super::{
    error::Faults,
    keys::{Keys, start, text},
    limits,
};
use crate::{Approval, Approver, Template, visible};

/// The longest heading of a card, in bytes: one line.
const TITLE_BYTES_MAX: usize = 300;

pub(in super::super) fn approvals(
    keys: &mut Keys<'_, '_>,
    faults: &mut Faults<'_>,
) -> Vec<Approval> {
    let tables = keys.named("approval", "approval", faults);
    tables
        .into_iter()
        .map(|(name, keys)| approval(name, keys, faults))
        .collect()
}

fn approval(name: String, mut keys: Keys<'_, '_>, faults: &mut Faults<'_>) -> Approval {
    let at = keys.at;
    let approvers = keys.texts("approvers", faults);
    if approvers.is_empty() {
        faults.add(
            at,
            format!("nobody can decide on approval `{}`", visible(&name)),
            "add approvers = [\"group:…\", \"person:…\"]",
        );
    }
    let mut read = |(at, text): (usize, String)| {
        let parsed = text.parse::<Approver>();
        parsed
            .map_err(|hint| faults.add(at, "this approver cannot be read", hint))
            .ok()
    };
    let approvers: Vec<_> = approvers.into_iter().filter_map(&mut read).collect();
    let quorum = quorum(&mut keys, &approvers, faults);
    let deny_stands = keys.duration(
        "deny_stands",
        limits::DENY_STANDS,
        limits::APPROVAL_MAX,
        faults,
    );
    let exception = keys.flag("exception", false, faults);
    let decide_within = keys.duration(
        "decide_within",
        limits::DECIDE_WITHIN,
        limits::APPROVAL_MAX,
        faults,
    );
    let execute_within = keys.duration(
        "execute_within",
        limits::EXECUTE_WITHIN,
        limits::APPROVAL_MAX,
        faults,
    );
    let title = title(&mut keys, faults);
    keys.finish(faults);
    Approval {
        name,
        approvers,
        decide_within,
        execute_within,
        quorum,
        deny_stands,
        exception,
        title,
    }
}

/// How many people must say yes: no more than there are, where all are named.
fn quorum(keys: &mut Keys<'_, '_>, approvers: &[Approver], faults: &mut Faults<'_>) -> u32 {
    let at = keys.at;
    let quorum = keys.count_within("quorum", 1, limits::QUORUM_MAX, faults);
    let all_named = approvers
        .iter()
        .all(|approver| matches!(approver, Approver::Person(_)));
    let persons: std::collections::BTreeSet<_> = approvers.iter().collect();
    if all_named && !approvers.is_empty() && quorum > persons.len() as u64 {
        faults.add(
            at,
            format!(
                "`quorum` is {quorum}, and only {} persons are named",
                persons.len()
            ),
            "name more persons, or a group, in `approvers`; a person has one vote",
        );
    }
    u32::try_from(quorum).unwrap_or(1)
}

fn title(keys: &mut Keys<'_, '_>, faults: &mut Faults<'_>) -> Option<Template> {
    let node = keys.get("title")?;
    let title = text(node, "title", faults)?;
    if title.len() > TITLE_BYTES_MAX || visible(title) != title {
        faults.add(
            start(node),
            "`title` is not one plain line",
            "write at most 300 bytes without control characters",
        );
    }
    Template::parse(title)
        .map_err(|hint| faults.add(start(node), "`title` cannot be filled", hint))
        .ok()
}

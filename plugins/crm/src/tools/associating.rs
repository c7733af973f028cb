//! Associating two records, and the reverse. Each takes the other back.

use tollgate_sdk::prelude::*;

use super::{check_id, opened};
use crate::system::{Label, Pair, System};

/// How many pages of associations are looked through for one.
const PAGES_MAX: usize = 10;

#[derive(Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Associate {
    /// The type of the record.
    #[serde(rename = "type")]
    kind: String,
    /// Its id.
    id: String,
    /// The type of the other.
    to: String,
    /// The other's id.
    to_id: String,
    /// HubSpot: the kinds of association to make; the usual one where none is
    /// named.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 20))]
    labels: Vec<Label>,
}

#[derive(Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Dissociate {
    /// The type of the record.
    #[serde(rename = "type")]
    kind: String,
    /// Its id.
    id: String,
    /// The type of the other.
    to: String,
    /// The other's id.
    to_id: String,
    /// The kinds of association that there must be for this to happen. All that
    /// is between the two is removed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    expected: Option<Vec<Label>>,
}

#[derive(Debug, Serialize, JsonSchema)]
pub(crate) struct Associated {
    /// Whether the two are associated now.
    associated: bool,
    /// How, now or before it was removed.
    labels: Vec<Label>,
}

/// Associates two records. Where they are already, nothing is done.
#[tool(title = "Associate records", effect = "write", undo = "dissociate")]
pub(crate) fn associate(input: Associate) -> Result<Undoable<Associated, Dissociate>, ToolError> {
    let (settings, system) = opened()?;
    check_id(&input.id, "/id")?;
    check_id(&input.to_id, "/to_id")?;
    let from = settings.of(&input.kind)?;
    let pair = Pair {
        from,
        id: &input.id,
        to: settings.of(&input.to)?,
        link: from.writable_link(&input.to)?,
    };
    if let Some(labels) = between(&*system, pair, &input.to_id)? {
        if input.labels.iter().all(|wanted| has(&labels, wanted)) {
            return Ok(Undoable::unchanged(Associated {
                associated: true,
                labels,
            }));
        }
        return Err(ToolError::conflict(
            "the two are associated already, in another way; nothing was written",
        )
        .hint("dissociate them first, and name all labels"));
    }
    system.associate(pair, &input.to_id, &input.labels)?;
    // It is made: what comes now must not say that it is not.
    let labels = match between(&*system, pair, &input.to_id) {
        Ok(Some(labels)) => labels,
        Ok(None) | Err(_) => input.labels,
    };
    let inverse = Dissociate {
        kind: input.kind,
        id: input.id,
        to: input.to,
        to_id: input.to_id,
        expected: Some(labels.clone()),
    };
    let done = Associated {
        associated: true,
        labels,
    };
    Ok(Undoable::new(done, inverse))
}

/// Removes all that is between two records; the records stay. A `conflict` means
/// that they are associated in another way than expected.
#[tool(title = "Dissociate records", effect = "write", undo = "associate")]
pub(crate) fn dissociate(input: Dissociate) -> Result<Undoable<Associated, Associate>, ToolError> {
    let (settings, system) = opened()?;
    check_id(&input.id, "/id")?;
    check_id(&input.to_id, "/to_id")?;
    let from = settings.of(&input.kind)?;
    let pair = Pair {
        from,
        id: &input.id,
        to: settings.of(&input.to)?,
        link: from.writable_link(&input.to)?,
    };
    let Some(labels) = between(&*system, pair, &input.to_id)? else {
        return Ok(Undoable::unchanged(Associated {
            associated: false,
            labels: Vec::new(),
        }));
    };
    // Somebody who gave them a label since means it; to remove all would lose it.
    if let Some(expected) = &input.expected
        && !(expected.len() == labels.len() && expected.iter().all(|one| has(&labels, one)))
    {
        return Err(ToolError::conflict(
            "the two are associated in another way than expected; nothing was removed",
        )
        .hint("list the associations again, and decide anew"));
    }
    system.dissociate(pair, &input.to_id)?;
    let inverse = Associate {
        kind: input.kind,
        id: input.id,
        to: input.to,
        to_id: input.to_id,
        labels: labels.clone(),
    };
    let done = Associated {
        associated: false,
        labels,
    };
    Ok(Undoable::new(done, inverse))
}

/// How two records are associated; nothing where they are not.
fn between(
    system: &dyn System,
    pair: Pair<'_>,
    other: &str,
) -> Result<Option<Vec<Label>>, ToolError> {
    let mut after = None;
    for _ in 0..PAGES_MAX {
        let page = system.associations(pair, after.as_deref())?;
        let mut items = page.items.into_iter();
        if let Some(found) = items.find(|association| association.id == other) {
            return Ok(Some(found.labels));
        }
        after = page.next;
        if after.is_none() {
            return Ok(None);
        }
    }
    Err(ToolError::limited(format!(
        "record {} of {} has too many associations to look through",
        pair.id, pair.from.name
    ))
    .hint("begin from the other record"))
}

/// Whether a kind is among them; what people call it does not count.
fn has(labels: &[Label], wanted: &Label) -> bool {
    let same = |label: &&Label| label.category == wanted.category && label.number == wanted.number;
    labels.iter().any(|label| same(&label))
}

//! What people hand in and get back around decisions: deputies and batches.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::json;
use tollgate_policy::Digest;

use super::call::{Failure, RunState};
use super::card::Card;

const DOMAIN: &str = "tollgate batch v1";

/// A person names a deputy.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct NewDelegation {
    /// Who is to decide.
    pub deputy: String,
    /// As what: `group:…` that the delegator is in, or `person:…` with the own
    /// name.
    pub approver: String,
    /// From when, Unix milliseconds; now where it is absent.
    #[serde(default)]
    pub from_ms: Option<u64>,
    /// Until when, Unix milliseconds; at most 30 days later.
    pub until_ms: u64,
}

/// Who decides in whose place, from when until when.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Delegation {
    /// Its identifier.
    pub id: String,
    /// Who gave it.
    pub delegator: String,
    /// Who decides.
    pub deputy: String,
    /// As what.
    pub approver: String,
    /// From when, RFC 3339.
    pub from: String,
    /// Until when, RFC 3339.
    pub until: String,
    /// `planned`, `in_force`, `over` or `ended`.
    pub state: String,
}

/// Which held calls to decide on at once.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct BatchFilter {
    /// The approval as the manifest names it, for example `finance`.
    pub approval: String,
    /// The field to add up, for example `input.amount_cents`.
    pub sum: Option<String>,
    /// Exactly these, in this order; without it those that wait for the person.
    pub items: Option<Vec<String>>,
}

/// Held calls to decide on at once, as a person sees them.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Batch {
    /// The approval as the manifest names it.
    pub approval: String,
    /// The calls, oldest first.
    pub items: Vec<Card>,
    /// The field that was added up, with its total.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sum: Option<BatchSum>,
    /// What one decision over all of them is bound to: the list, the digest of
    /// each, and the total.
    pub digest: String,
}

impl Batch {
    /// The digest of what this shows. It is [`digest`](Self::digest), or whoever sent
    /// this shows something else than what a decision would be bound to.
    #[must_use]
    pub fn computed_digest(&self) -> String {
        let items = self.items.iter();
        let items: Vec<_> = items
            .map(|card| json!([card.approval, card.digest]))
            .collect();
        let list = json!({"approval": self.approval, "items": items, "sum": self.sum});
        Digest::of_parts(DOMAIN, &[list.to_string().as_bytes()]).to_string()
    }
}

/// A field of the items of a batch, added up.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct BatchSum {
    /// Which.
    pub field: String,
    /// The total, exactly.
    pub total: String,
    /// Items where the field is no whole number: they are not in the total.
    pub without: usize,
}

/// One decision over many held calls.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct BatchDecision {
    /// The approval as the manifest names it.
    pub approval: String,
    /// The field that was added up.
    #[serde(default)]
    pub sum: Option<String>,
    /// All items that the person saw, in that order.
    pub items: Vec<String>,
    /// The batch's digest.
    pub digest: String,
    /// Items that are denied, each with the reason.
    #[serde(default)]
    pub veto: BTreeMap<String, String>,
    /// Why the others are approved, for the record.
    #[serde(default)]
    pub reason: Option<String>,
    /// The person's signature over the decision on each item, by itself, which one
    /// with a registered key needs.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub signatures: BTreeMap<String, String>,
}

/// What a decision over many came to.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct BatchReport {
    /// The batch's digest, which stands in the record of each decision.
    pub digest: String,
    /// One for each item, in their order.
    pub items: Vec<BatchItem>,
}

/// What it came to for one item.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct BatchItem {
    /// The item.
    pub approval: String,
    /// `approved`, `denied`, or `refused` where no decision was taken.
    pub outcome: String,
    /// The run and how far it came, where a decision was taken.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub run: Option<(String, RunState)>,
    /// Why no decision was taken.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub failure: Option<Failure>,
}

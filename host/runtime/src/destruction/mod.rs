//! Destroying sealed values, for a person who asks for it (`erasure`) or because
//! they are old (`retention`). Records and their proofs stay; what was destroyed,
//! when and by whom is a record too, durable in the transaction that begins the
//! destruction. A value that is gone without such a record was taken by somebody
//! else, and verification says so.

pub(crate) mod erasure;
pub(crate) mod retention;

use std::collections::HashMap;

use serde_json::Value;
use tollgate_journal::{Leaf, Stage, Tenant};
use tollgate_store::RecordFilter;

use crate::error::JournalFault;
use crate::journal::{Journal, Unsealed};

/// Whose key seals the words of those who destroy: never that of whose values
/// they destroy.
pub(crate) const DESTRUCTION: &str = "destruction";

/// The fact by which a run's last record says that it ended because values that
/// it needed were erased.
pub(crate) const ERASED: &str = "erased";

/// How much later than its subject's key was destroyed a run can have begun and
/// still be sealed under that key, milliseconds: another process believes a key
/// for [`KEY_BELIEVED_FOR`](crate::journal::KEY_BELIEVED_FOR); the rest is for
/// hosts whose clocks differ.
const BEGAN_BEFORE_MS: u64 = 60_000;

/// Records read at once.
const PAGE: u32 = 256;

/// Why a value is not kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Why {
    Erased,
    Pruned,
}

/// What a tenant's journal says was destroyed.
#[derive(Default)]
pub(crate) struct Destroyed {
    /// By subject: place and time of each erasure.
    subjects: HashMap<String, Vec<(u64, u64)>>,
    /// By run: the last place before which nothing is kept.
    runs: HashMap<String, u64>,
    /// From (included) to (excluded).
    places: Vec<(u64, u64)>,
}

impl Destroyed {
    /// Everything.
    pub(crate) async fn of(journal: &Journal, tenant: &Tenant) -> Result<Self, JournalFault> {
        let mut destroyed = Self::default();
        for stage in [Stage::ValuesPruned, Stage::ValuesErased] {
            destroyed.read(journal, tenant, stage, |_| true).await?;
        }
        Ok(destroyed)
    }

    /// Erasures of one subject.
    pub(crate) async fn of_subject(
        journal: &Journal,
        tenant: &Tenant,
        subject: &str,
    ) -> Result<Self, JournalFault> {
        let mut destroyed = Self::default();
        let theirs = |leaf: &Leaf| fact(leaf, "subject") == Some(subject);
        destroyed
            .read(journal, tenant, Stage::ValuesErased, theirs)
            .await?;
        Ok(destroyed)
    }

    /// Newest first, so that a record whose own words were pruned since is
    /// believed for the sake of the newer record that says so.
    ///
    /// The attack: who can write to the database takes values away and appends a
    /// leaf that says they were erased. The words sealed beside such a leaf need
    /// a key that is not in the database.
    async fn read(
        &mut self,
        journal: &Journal,
        tenant: &Tenant,
        stage: Stage,
        wanted: impl Fn(&Leaf) -> bool,
    ) -> Result<(), JournalFault> {
        let mut before = None;
        loop {
            let filter = RecordFilter {
                stage: Some(stage),
                after_seq: before,
                limit: Some(PAGE),
                newest_first: true,
                ..RecordFilter::default()
            };
            let page = journal.store.records(tenant, &filter).await?;
            let Some(last) = page.last() else {
                return Ok(());
            };
            before = Some(last.seq);
            for stored in page {
                let leaf = Leaf::parse(&stored.leaf)?;
                if !wanted(&leaf) {
                    continue;
                }
                let believed = match journal.unseal(tenant, &leaf, &stored).await? {
                    Unsealed::Values(values) => !values.is_empty(),
                    _ => self.within_places(stored.seq),
                };
                if believed {
                    self.note(stored.seq, &leaf);
                }
            }
        }
    }

    fn note(&mut self, place: u64, leaf: &Leaf) {
        let number = |name: &str| leaf.facts.get(name).and_then(Value::as_u64);
        if let (Some(from), Some(to)) = (number("from"), number("to")) {
            self.places.push((from, to));
        }
        if let Some(subject) = fact(leaf, "subject") {
            let erasures = self.subjects.entry(subject.to_owned()).or_default();
            erasures.push((place, leaf.at));
        }
        if let Some(run) = fact(leaf, "run") {
            let last = self.runs.entry(run.to_owned()).or_default();
            *last = place.max(*last);
        }
    }

    fn within_places(&self, place: u64) -> bool {
        self.places
            .iter()
            .any(|(from, to)| (*from..*to).contains(&place))
    }

    /// Why the values of this record are not kept, where the journal says so.
    pub(crate) async fn covers(
        &self,
        journal: &Journal,
        tenant: &Tenant,
        place: u64,
        leaf: &Leaf,
    ) -> Result<Option<Why>, JournalFault> {
        let run_erased = leaf.run.as_ref().and_then(|run| self.runs.get(run));
        if run_erased.is_some_and(|before| place < *before) {
            return Ok(Some(Why::Erased));
        }
        if let Some(erasures) = self.subjects.get(&leaf.subject) {
            if erasures.iter().any(|(before, _)| place < *before) {
                return Ok(Some(Why::Erased));
            }
            let began = began_ms(journal, tenant, leaf).await?;
            let in_time = |at: u64| began <= at.saturating_add(BEGAN_BEFORE_MS);
            if erasures.iter().any(|(_, at)| in_time(*at)) {
                return Ok(Some(Why::Erased));
            }
        }
        Ok(self.within_places(place).then_some(Why::Pruned))
    }
}

/// When the run of a record began; a record without one, when it was made.
async fn began_ms(journal: &Journal, tenant: &Tenant, leaf: &Leaf) -> Result<u64, JournalFault> {
    let Some(run) = &leaf.run else {
        return Ok(leaf.at);
    };
    let filter = RecordFilter {
        run: Some(run.clone()),
        stage: Some(Stage::RunOpened),
        limit: Some(1),
        leaves_only: true,
        ..RecordFilter::default()
    };
    match journal.store.records(tenant, &filter).await?.first() {
        Some(opened) => Ok(Leaf::parse(&opened.leaf)?.at),
        None => Ok(leaf.at),
    }
}

fn fact<'a>(leaf: &'a Leaf, name: &str) -> Option<&'a str> {
    leaf.facts.get(name).and_then(Value::as_str)
}

//! Drills: requests that nobody should approve, planted by an operator to see
//! whether the people who decide look at what they decide on.
//!
//! A drill has a run and an approval like any other, so that it looks like any other
//! in the inbox, in announcements and in the log. What it is stands in a sealed value
//! that every request of an approval has, of the same length in all: [`Nature`]. The
//! leaf commits to it before anybody decides, so that a request cannot be called a
//! drill afterwards, nor a drill a request. No reader of the log is shown it.
//!
//! A drill can have no effect, in four ways that do not rest on each other:
//!
//! - its run ends in the transaction that decides on it, and its approval is void or
//!   over in the same one: there is no moment in which a decided drill waits to go on;
//! - only [`Rebuilt`](crate::runs::Rebuilt) has a component, and none is made of a
//!   drill's records;
//! - the digest of its approval is made in another domain than the digests of calls,
//!   so it admits no call, whatever is sent;
//! - what asks for the same as a drill is never answered with the drill's run, and its
//!   denial stands for nothing.

mod ending;
mod planting;
mod template;

use serde::{Deserialize, Serialize};
use tollgate_journal::Stage;
use tollgate_policy::Digest;
use tollgate_store::ApprovalRow;

use crate::api::DrillResult;
use crate::approvals::requested;
use crate::error::JournalFault;
use crate::host::Inner;
use crate::journal::OpenRecord;

pub(crate) use ending::Came;

/// The name of the sealed value.
pub(crate) const NATURE: &str = "nature";

/// Its length, bytes, whatever it says: lengths are public. Shorter than what is kept
/// by content, where equal values would be seen to be equal.
const NATURE_BYTES: usize = 512;

/// Separates what a drill's approval is bound to from what calls are bound to.
const DOMAIN: &str = "tollgate drill v1";

/// What a request of an approval is.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Nature {
    /// Who planted it; nobody planted a call.
    planted_by: Option<String>,
}

impl Nature {
    /// Of what an operator plants. Nothing where the name is too long to be sealed in
    /// the common length.
    pub(crate) fn drill(planted_by: &str) -> Option<Self> {
        let nature = Self {
            planted_by: Some(planted_by.to_owned()),
        };
        (nature.written().len() <= NATURE_BYTES).then_some(nature)
    }

    fn written(&self) -> String {
        serde_json::json!(self).to_string()
    }

    /// As it is sealed: JSON, filled up with spaces.
    pub(crate) fn bytes(&self) -> Vec<u8> {
        let mut bytes = self.written().into_bytes();
        bytes.resize(NATURE_BYTES, b' ');
        bytes
    }
}

/// The digest that a drill's approval carries, of the one that a call like it would.
pub(crate) fn digest(of_call: &str) -> String {
    Digest::of_parts(DOMAIN, &[of_call.as_bytes()]).to_string()
}

/// Who planted a request, where it is a drill. A request of before there were drills
/// says nothing, and is none.
pub(crate) fn planter(records: &[OpenRecord], approval: &str) -> Option<String> {
    planted_by(requested(records, approval)?)
}

/// Whether a run is a drill's.
pub(crate) fn is_drill(records: &[OpenRecord]) -> bool {
    let mut requests = records
        .iter()
        .filter(|record| record.leaf.stage == Stage::ApprovalRequested);
    requests.any(|record| planted_by(record).is_some())
}

fn planted_by(request: &OpenRecord) -> Option<String> {
    let nature: Nature = serde_json::from_value(request.json(NATURE)?).ok()?;
    nature.planted_by
}

/// What a drill came to, once it is over.
pub(crate) fn result(records: &[OpenRecord], approval: &str) -> Option<DrillResult> {
    let decided = records.iter().find(|record| {
        record.leaf.stage == Stage::DrillDecided && record.fact("approval") == Some(approval)
    })?;
    Some(DrillResult {
        planted_by: decided.fact("planted_by").unwrap_or_default().to_owned(),
        decision: decided.fact("decision").unwrap_or_default().to_owned(),
    })
}

impl Inner {
    /// Who planted a request, where it is a drill.
    pub(crate) async fn planter(&self, row: &ApprovalRow) -> Result<Option<String>, JournalFault> {
        let records = self.journal.run_records(&row.tenant, &row.run).await?;
        Ok(planter(&records, &row.id))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_drill_and_a_call_have_natures_of_one_length() {
        let call = Nature::default().bytes();
        let drill = Nature::drill("olga").map(|nature| nature.bytes());
        assert_eq!(drill.as_ref().map(Vec::len), Some(call.len()));
        let read = drill.and_then(|bytes| serde_json::from_slice::<Nature>(&bytes).ok());
        assert_eq!(
            read.and_then(|read| read.planted_by).as_deref(),
            Some("olga")
        );
        assert_eq!(Nature::drill(&"x".repeat(NATURE_BYTES)), None);
    }

    #[test]
    fn no_digest_of_a_drill_is_that_of_the_call_it_looks_like() {
        let call = Digest::of(b"a call").to_string();
        assert_ne!(digest(&call), call);
        assert_ne!(digest(&call), Digest::of(call.as_bytes()).to_string());
    }
}

//! Which records an erasure is about, as far as it is the same in every database.
//!
//! The subject of a record stands in its leaf. A subject that a caller named
//! (`subject:…`) stands beside it too, and is found by index; so is that of a
//! named case (`case:…`), by the case. Any other, such as the day of calls without
//! a case, is found by looking into every leaf of the tenant: an index for it
//! would make every append pay for a question that is asked once in years. That
//! search runs before the writer's transaction, which then looks only at the
//! records that were added since.

use crate::audit::is_named;
use crate::{Change, Erasure, Submission};

/// How the subjects of named cases begin.
const CASE: &str = "case:";

/// Places that one statement looks through: tens of milliseconds, so that its
/// snapshot keeps nobody waiting and it stays well within its time limit.
pub(crate) const SCAN_PLACES: i64 = 1 << 16;

/// How a subject's records are found.
pub(crate) enum Way<'a> {
    Column,
    Case(&'a str),
    Leaves,
}

pub(crate) fn way(subject: &str) -> Way<'_> {
    match subject.strip_prefix(CASE) {
        _ if is_named(subject) => Way::Column,
        // Cases that the host made have no index: they have no subject either,
        // but whoever asks for one gets a right answer.
        Some(case) if !case.starts_with("auto-") => Way::Case(case),
        _ => Way::Leaves,
    }
}

/// Places to count in one statement: all by index in one go; else in steps.
pub(crate) fn counted_at_once(what: &Erasure, count: i64) -> i64 {
    match what {
        Erasure::Subject(subject) if matches!(way(subject), Way::Leaves) => SCAN_PLACES,
        _ => count.max(1),
    }
}

/// Subjects of a submission's erasures that cannot be found by index.
pub(crate) fn unindexed(submission: &Submission) -> impl Iterator<Item = &str> {
    submission.changes.iter().filter_map(|change| match change {
        Change::Erase(Erasure::Subject(subject)) => {
            matches!(way(subject), Way::Leaves).then_some(subject.as_str())
        }
        _ => None,
    })
}

/// What was found before the transaction.
#[derive(Default)]
pub(crate) struct Scans(pub(crate) Vec<Scan>);

/// A subject's records up to a place.
pub(crate) struct Scan {
    pub(crate) subject: String,
    pub(crate) places: Vec<i64>,
    /// Where looking has to go on.
    pub(crate) next: i64,
}

impl Scans {
    pub(crate) fn find(&self, what: &Erasure) -> Option<&Scan> {
        let Erasure::Subject(wanted) = what else {
            return None;
        };
        self.0.iter().find(|scan| scan.subject == *wanted)
    }
}

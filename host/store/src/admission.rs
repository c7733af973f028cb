//! What a submission must be before any database sees it.

use sha2::{Digest as _, Sha256};
use tollgate_journal::Stage;

use crate::audit::TILE_BYTES;
use crate::places::SEQ_BITS;
use crate::{
    ApprovalState, CaseState, Change, DeliveryState, Expected, QueueState, SUBMISSION_BYTES_MAX,
    SUBMISSION_RECORDS_MAX, StoreError, Submission, TileRow,
};

/// What needs no database to be refused.
pub(crate) fn check(submission: &Submission) -> Result<(), StoreError> {
    let (records, bytes) = (submission.records.len(), submission.bytes());
    if records > SUBMISSION_RECORDS_MAX || bytes > SUBMISSION_BYTES_MAX {
        return Err(StoreError::TooLarge { records, bytes });
    }
    if submission.tenant.is_empty() {
        return invalid("it names no tenant");
    }
    // A record under another tenant's head would cross tenants.
    let mut tenants = submission.records.iter().map(|record| &record.tenant);
    if tenants.any(|tenant| *tenant != submission.tenant) {
        return invalid("a record is another tenant's");
    }
    let mut closing = submission.records.iter().filter(|r| r.closing.is_some());
    if closing.any(|record| record.stage != Stage::RunClosed) {
        return invalid("a record says what a run came to, and is not its last one");
    }
    let mut changes = submission.changes.iter();
    changes.try_for_each(|change| check_change(change, &submission.tenant))
}

fn check_change(change: &Change, tenant: &str) -> Result<(), StoreError> {
    match change {
        Change::PutRun(row) if row.tenant != tenant => invalid("a run is another tenant's"),
        Change::PutApproval(row) if row.tenant != tenant => {
            invalid("an approval is another tenant's")
        }
        // An approval is born undecided; anything else would skip the decision.
        Change::PutApproval(row) if row.state != ApprovalState::Pending => {
            invalid("a new approval is not pending")
        }
        Change::PutConnector(row) if row.tenant != tenant => {
            invalid("a connector is another tenant's")
        }
        Change::PutWorkflow(row) if row.tenant != tenant => {
            invalid("a workflow is another tenant's")
        }
        Change::OpenCase(row) if row.tenant != tenant => invalid("a case is another tenant's"),
        // A case is born open, with nothing behind it.
        Change::OpenCase(row)
            if row.state != CaseState::Open || row.done + row.failures + row.denials > 0 =>
        {
            invalid("a new case is not open, or not new")
        }
        Change::CloseCase { state, .. } if *state == CaseState::Open => {
            invalid("a case is not closed by opening it")
        }
        Change::PutPrincipal(row) if row.tenant != tenant => {
            invalid("a principal is another tenant's")
        }
        Change::PutQueueItem(row) if row.tenant != tenant => {
            invalid("a queue item is another tenant's")
        }
        // As with approvals: what is born resolved was resolved by nobody.
        Change::PutQueueItem(row) if row.state != QueueState::Open => {
            invalid("a new queue item is not open")
        }
        Change::PutDelivery(row) if row.tenant != tenant => {
            invalid("a delivery is another tenant's")
        }
        // What is born delivered is delivered by nobody, and never tried.
        Change::PutDelivery(row) if row.state != DeliveryState::Pending || row.attempts != 0 => {
            invalid("a new delivery is not pending")
        }
        Change::PutCheckpoint(row) if row.tenant != tenant => {
            invalid("a checkpoint is another tenant's")
        }
        Change::PutTiles(tiles) if !tiles.iter().all(is_tile) => {
            invalid("a tile has not 256 hashes, or a number out of range")
        }
        // Components are shared by digest: one kept under a false digest would
        // run in place of the right one, for every tenant.
        Change::PutComponent { digest, bytes } if *digest != component_digest(bytes) => {
            invalid("a component does not have the digest it is named by")
        }
        _ => Ok(()),
    }
}

/// Complete, and with a number that a tree can have.
fn is_tile(tile: &TileRow) -> bool {
    tile.hashes.len() == TILE_BYTES && tile.index < 1 << SEQ_BITS
}

fn invalid(what: &str) -> Result<(), StoreError> {
    Err(StoreError::Invalid(what.to_owned()))
}

pub(crate) fn component_digest(bytes: &[u8]) -> String {
    format!("sha256:{}", hex::encode(Sha256::digest(bytes)))
}

impl Expected {
    /// Whether it is true of a key whose version is `current`.
    pub(crate) fn holds(&self, current: Option<&str>) -> bool {
        match self {
            Expected::Anything => true,
            Expected::Absent => current.is_none(),
            Expected::Version(version) => current == Some(version.as_str()),
        }
    }
}

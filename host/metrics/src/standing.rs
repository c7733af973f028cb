//! What is counted when somebody asks, because others change it too.

/// What waits in a tenant now, as the store has it: the same on every host.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Standing {
    /// Held calls by the approval they wait for.
    pub approvals_pending: Vec<(String, u64)>,
    /// Open items by queue.
    pub queue_items_open: Vec<(String, u64)>,
    /// Records in the journal.
    pub journal_records: u64,
}

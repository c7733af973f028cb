//! What checking a journal came to.

use serde::{Deserialize, Serialize};
use tollgate_journal::Tenant;

/// The result of verifying a tenant's journal.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct VerifyReport {
    /// The tenant.
    pub tenant: Tenant,
    /// How many records there are.
    pub records: u64,
    /// Root of the tenant's tree, in hex.
    pub root: String,
    /// Signed checkpoints that the records were compared with.
    #[serde(default)]
    pub checkpoints: u64,
    /// Records whose sealed values were erased, as the journal says.
    #[serde(default)]
    pub erased: u64,
    /// Records whose sealed values were pruned, as the journal says.
    #[serde(default)]
    pub pruned: u64,
    /// The first record that does not fit, and why.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub problem: Option<String>,
}

impl VerifyReport {
    /// A report of nothing yet.
    pub(crate) fn of(tenant: &Tenant) -> Self {
        Self {
            tenant: tenant.to_owned(),
            records: 0,
            root: String::new(),
            checkpoints: 0,
            erased: 0,
            pruned: 0,
            problem: None,
        }
    }
}

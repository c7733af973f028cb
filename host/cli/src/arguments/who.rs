//! Whose journal a command is about, and who gives it.

use clap::Args;
use tollgate_runtime::Tenant;

/// Whose journal.
#[derive(Debug, Args)]
pub(crate) struct OfTenant {
    /// The tenant.
    #[arg(long, default_value = "default")]
    pub(crate) tenant: Tenant,
}

/// Who does it, as the journal names them.
#[derive(Debug, Args)]
pub(crate) struct By {
    /// Who does this, for the record.
    #[arg(long, env = "USER", default_value = "operator")]
    pub(crate) by: String,
}

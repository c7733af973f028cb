//! What can be typed about the keys that decisions are signed with.

use std::path::PathBuf;

use clap::Args;

/// With which key, and for which tenant.
#[derive(Debug, Args)]
pub(crate) struct Signing {
    /// Your private key, to sign with; needed where the operator has registered one
    /// for you. It is read here and sent nowhere.
    #[arg(long, value_name = "FILE")]
    pub(crate) key: Option<PathBuf>,
    /// With --key: your tenant.
    #[arg(long, default_value = "default")]
    pub(crate) tenant: String,
}

/// A new pair of keys.
#[derive(Debug, Args)]
pub(crate) struct Keygen {
    /// Where the private key is put. The public one is put beside it, with `.pub`.
    pub(crate) file: PathBuf,
}

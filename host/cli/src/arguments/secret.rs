//! What can be typed after `tollgate secret`.

use clap::{Args, Subcommand};

#[derive(Debug, Args)]
pub(crate) struct SecretCommand {
    #[command(subcommand)]
    pub(crate) verb: SecretVerb,
}

#[derive(Debug, Subcommand)]
pub(crate) enum SecretVerb {
    /// Keep a value in the home, sealed by its keys. It is read from standard
    /// input, or asked for in a terminal; never an argument, which everybody on
    /// the machine could see.
    #[command(
        after_help = "Example:\n  tollgate secret set desk-token\n  pass desk | tollgate secret set desk-token --tenant acme"
    )]
    Set(OneSecret),
    /// What tollgate.toml names, and whether it can be read. Values are not shown.
    #[command(after_help = "Example:\n  tollgate secret list")]
    List,
    /// Remove a value from the home. A value elsewhere is left alone.
    #[command(after_help = "Example:\n  tollgate secret remove desk-token")]
    Remove(OneSecret),
}

#[derive(Debug, Args)]
pub(crate) struct OneSecret {
    /// The secret's name.
    pub(crate) name: String,
    /// Its tenant.
    #[arg(long, default_value = "default")]
    pub(crate) tenant: String,
}

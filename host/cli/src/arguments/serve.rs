//! What can be typed after the commands that run a host and let people in.

use std::net::SocketAddr;
use std::path::PathBuf;

use clap::{Args, Subcommand, ValueEnum};
use tollgate_runtime::Tenant;

use super::proof;

/// What a principal is.
#[derive(Clone, Copy, Debug, ValueEnum)]
pub(crate) enum Kind {
    /// Calls tools and decides on held calls of others.
    Person,
    /// Calls tools. Never decides.
    Agent,
    /// A program of yours that calls tools. Never decides.
    Service,
}

#[derive(Debug, Args)]
#[command(args_conflicts_with_subcommands = true, subcommand_negates_reqs = true)]
pub(crate) struct PrincipalCommand {
    #[command(subcommand)]
    pub(crate) verb: Option<PrincipalVerb>,
    #[command(flatten)]
    pub(crate) new: Option<NewPrincipal>,
}

#[derive(Debug, Subcommand)]
pub(crate) enum PrincipalVerb {
    /// Give a person a password for the pages. It is read from standard input, or
    /// asked for in a terminal; never an argument, which everybody on the machine
    /// could see. Sessions by the one before end.
    #[command(after_help = "Example:\n  tollgate principal password mira")]
    Password(OnePrincipal),
    /// Its token counts no more, nor its password or its name at a sign-in provider.
    /// Its sessions end.
    #[command(after_help = "Example:\n  tollgate principal revoke mira")]
    Revoke(OnePrincipal),
}

#[derive(Debug, Args)]
pub(crate) struct OnePrincipal {
    /// The principal's name.
    pub(crate) name: String,
    /// Its tenant.
    #[arg(long, default_value = "default")]
    pub(crate) tenant: Tenant,
}

#[derive(Debug, Args)]
pub(crate) struct NewPrincipal {
    /// Its name, unique in the tenant. An existing one gets a new token; the
    /// old token stops to count.
    pub(crate) name: String,
    /// What it is.
    #[arg(long, value_enum)]
    pub(crate) kind: Kind,
    /// A group it is in; may be given more than once.
    #[arg(long = "group", value_name = "GROUP")]
    pub(crate) groups: Vec<String>,
    /// Its tenant.
    #[arg(long, default_value = "default")]
    pub(crate) tenant: Tenant,
    /// A person's public key, of `tollgate keygen`: from now on their decisions need
    /// its signature. Without it, a key that is registered stays.
    #[arg(long, value_name = "FILE")]
    pub(crate) key: Option<PathBuf>,
    /// A person's name at the tenant's sign-in provider (`[oidc]` in tollgate.toml): the
    /// `sub` of their ID token, or their address where `person = "email"`. Without it, a
    /// name that is registered stays.
    #[arg(long, value_name = "NAME")]
    pub(crate) oidc_subject: Option<String>,
}

#[derive(Debug, Args)]
pub(crate) struct Serve {
    /// Address to listen on.
    #[arg(long, default_value = "127.0.0.1:7878", value_name = "ADDRESS")]
    pub(crate) listen: SocketAddr,
    /// Address as people and agents open it, where a proxy stands in front.
    #[arg(long, value_name = "URL")]
    pub(crate) public_url: Option<String>,
    /// Another name this host is reached by; may be given more than once.
    #[arg(long = "allow-host", value_name = "HOST")]
    pub(crate) allow_hosts: Vec<String>,
    /// Destroy sealed values older than this, daily; records and proofs stay. A
    /// number and `d`, `h`, `m` or `s`. For ever by default.
    #[arg(long, value_name = "AGE", value_parser = proof::age)]
    pub(crate) retain: Option<std::time::Duration>,
    /// Speak MCP on standard input and output, for one agent; people still
    /// decide at the address.
    #[arg(long, requires = "principal")]
    pub(crate) stdio: bool,
    /// With --stdio: the agent that speaks.
    #[arg(long = "as", value_name = "NAME")]
    pub(crate) principal: Option<String>,
    /// With --stdio: its tenant.
    #[arg(long, default_value = "default")]
    pub(crate) tenant: Tenant,
}

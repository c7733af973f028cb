//! What can be typed after the commands of authors and reviewers, and the demo.

use std::path::PathBuf;

use clap::Args;
use url::Url;

use super::who::By;

#[derive(Debug, Args)]
pub(crate) struct New {
    /// Its name: lower-case letters, digits and `-`.
    pub(crate) name: String,
    /// Folder to make; the name by default.
    pub(crate) folder: Option<PathBuf>,
    /// Folder of tollgate-sdk; the one this program was built with by default.
    #[arg(long, value_name = "FOLDER")]
    pub(crate) sdk: Option<PathBuf>,
    /// A description of an API (OpenAPI 3, JSON or YAML): its operations become
    /// the tools, and nothing needs to be written.
    #[arg(long, value_name = "FILE")]
    pub(crate) openapi: Option<PathBuf>,
    /// The API's address, where the description has none, or another one.
    #[arg(long, value_name = "URL", requires = "openapi")]
    pub(crate) server: Option<String>,
    /// What a tool does, where the method says something else, as
    /// `search_orders=read` or `set_status=write`; may be given more than once.
    #[arg(long = "effect", value_name = "TOOL=EFFECT", requires = "openapi")]
    pub(crate) effects: Vec<String>,
    /// A tool to make, instead of all; may be given more than once.
    #[arg(long = "only", value_name = "TOOL", requires = "openapi")]
    pub(crate) only: Vec<String>,
}

#[derive(Debug, Args)]
pub(crate) struct Build {
    /// The connector's folder.
    #[arg(default_value = ".")]
    pub(crate) folder: PathBuf,
    /// Where the component goes; `target/tollgate/<name>.component.wasm` by
    /// default.
    #[arg(short, long, value_name = "FILE")]
    pub(crate) output: Option<PathBuf>,
}

#[derive(Debug, Args)]
pub(crate) struct Inspect {
    /// The component.
    pub(crate) component: PathBuf,
    /// A manifest whose rules are compared with the component's tools.
    #[arg(long, value_name = "FILE")]
    pub(crate) manifest: Option<PathBuf>,
}

#[derive(Debug, Args)]
pub(crate) struct Install {
    /// The manifest: what the connector may do here.
    pub(crate) manifest: PathBuf,
    /// The component.
    pub(crate) component: PathBuf,
    /// Write the component's digest into the manifest first, in place of what
    /// is pinned there. Without this, another component than the pinned one is
    /// refused.
    #[arg(long)]
    pub(crate) pin: bool,
    #[command(flatten)]
    pub(crate) by: By,
}

#[derive(Debug, Args)]
pub(crate) struct Demo {
    /// Approve for you, without asking.
    #[arg(long)]
    pub(crate) yes: bool,
    /// An empty folder to work in; a new one in the temporary folder by default.
    #[arg(long, value_name = "FOLDER")]
    pub(crate) folder: Option<PathBuf>,
    /// A Request Tracker 5 of yours instead of the stand-in, as
    /// `https://desk.example`. The demo makes two tickets there and works on one.
    #[arg(long, value_name = "URL", requires = "desk_token_file")]
    pub(crate) desk: Option<Url>,
    /// The file with a token of an account that may make, show, comment and modify
    /// tickets there.
    #[arg(long, value_name = "FILE", requires = "desk")]
    pub(crate) desk_token_file: Option<PathBuf>,
    /// The queue for the tickets.
    #[arg(
        long,
        value_name = "QUEUE",
        default_value = "General",
        requires = "desk"
    )]
    pub(crate) desk_queue: String,
}

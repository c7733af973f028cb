//! What can be typed after `tollgate workflow` and `tollgate case`.

use std::path::PathBuf;

use clap::{Args, Subcommand};
use tollgate_runtime::Tenant;

use super::who::By;

#[derive(Debug, Args)]
pub(crate) struct WorkflowCommand {
    #[command(subcommand)]
    pub(crate) verb: WorkflowVerb,
}

#[derive(Debug, Subcommand)]
pub(crate) enum WorkflowVerb {
    /// Install a workflow, or replace it. Says what changes, and what becomes wider.
    #[command(
        after_help = "Example:\n  tollgate workflow install workflow.toml --dry-run\n  tollgate workflow install workflow.toml"
    )]
    Install(InstallWorkflow),
    /// The installed workflows.
    #[command(after_help = "Example:\n  tollgate workflow list")]
    List {
        /// The tenant.
        #[arg(long, default_value = "default")]
        tenant: Tenant,
    },
    /// One workflow, as it was written.
    #[command(after_help = "Example:\n  tollgate workflow show refunds")]
    Show(OneWorkflow),
    /// Remove a workflow. Its cases and records stay; open cases take no more runs.
    #[command(after_help = "Example:\n  tollgate workflow remove refunds")]
    Remove(RemoveWorkflow),
}

#[derive(Debug, Args)]
pub(crate) struct InstallWorkflow {
    /// The workflow.
    pub(crate) file: PathBuf,
    /// Only say what would change.
    #[arg(long)]
    pub(crate) dry_run: bool,
    /// Agents may be left in no workflow: manifests alone bind them then.
    #[arg(long)]
    pub(crate) unbind: bool,
    #[command(flatten)]
    pub(crate) by: By,
}

#[derive(Debug, Args)]
pub(crate) struct OneWorkflow {
    /// Its name.
    pub(crate) name: String,
    /// Its tenant.
    #[arg(long, default_value = "default")]
    pub(crate) tenant: Tenant,
}

#[derive(Debug, Args)]
pub(crate) struct RemoveWorkflow {
    #[command(flatten)]
    pub(crate) of: OneWorkflow,
    /// Agents may be left in no workflow: manifests alone bind them then.
    #[arg(long)]
    pub(crate) unbind: bool,
    #[command(flatten)]
    pub(crate) by: By,
}

#[derive(Debug, Args)]
pub(crate) struct CaseCommand {
    #[command(subcommand)]
    pub(crate) verb: CaseVerb,
}

#[derive(Debug, Subcommand)]
pub(crate) enum CaseVerb {
    /// Open a case with its typed inputs. Yours are trusted: rules may rely on them.
    #[command(
        after_help = "Example:\n  tollgate case open refunds --input order=A-1042 --case ticket-93"
    )]
    Open(OpenCase),
    /// Cases, newest first.
    #[command(after_help = "Example:\n  tollgate case list --state open")]
    List {
        /// Only in this state.
        #[arg(long)]
        state: Option<String>,
        /// Only of this workflow.
        #[arg(long)]
        workflow: Option<String>,
    },
    /// One case, with its inputs and runs.
    #[command(after_help = "Example:\n  tollgate case show ticket-93")]
    Show {
        /// The case.
        case: String,
    },
    /// Say that a case is over. The host looks whether its completion is correct.
    #[command(
        after_help = "Example:\n  tollgate case close ticket-93\n  tollgate case close ticket-93 --state escalated --note 'the customer disputes it'"
    )]
    Close {
        /// The case.
        case: String,
        /// completed, failed, escalated or denied.
        #[arg(long, default_value = "completed")]
        state: String,
        /// Why, for the record.
        #[arg(long)]
        note: Option<String>,
    },
}

#[derive(Debug, Args)]
pub(crate) struct OpenCase {
    /// The workflow.
    pub(crate) workflow: String,
    /// Its name; the host gives one by default.
    #[arg(long)]
    pub(crate) case: Option<String>,
    /// An input; may be given more than once.
    #[arg(long = "input", value_name = "NAME=VALUE", value_parser = input)]
    pub(crate) inputs: Vec<(String, String)>,
    /// What started it, for the record.
    #[arg(long)]
    pub(crate) trigger: Option<String>,
    /// Where what it is about can be read: a ticket, a document, a conversation.
    #[arg(long)]
    pub(crate) context: Option<String>,
}

fn input(text: &str) -> Result<(String, String), String> {
    let (name, value) = text
        .split_once('=')
        .ok_or("write NAME=VALUE, for example order=A-1042")?;
    Ok((name.to_owned(), value.to_owned()))
}

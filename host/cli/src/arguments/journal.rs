//! What can be typed after the commands that read the journal and settle calls
//! in doubt.

use clap::{Args, Subcommand, ValueEnum};
use tollgate_runtime::Tenant;

use super::who::OfTenant;

#[derive(Debug, Args)]
pub(crate) struct Log {
    /// Only this run, with the runs that take it back or that it takes back.
    #[arg(long)]
    pub(crate) run: Option<String>,
    /// Only this hand-off.
    #[arg(long)]
    pub(crate) case: Option<String>,
    /// Only runs of this tool, or of all tools of a connector.
    #[arg(long, value_name = "CONNECTOR[.TOOL]")]
    pub(crate) tool: Option<String>,
    /// Only runs that stand so.
    #[arg(long, value_enum)]
    pub(crate) outcome: Option<Outcome>,
    /// Only runs of this workflow.
    #[arg(long)]
    pub(crate) workflow: Option<String>,
    /// Only runs that this principal asked for. Not indexed.
    #[arg(long, value_name = "NAME")]
    pub(crate) principal: Option<String>,
    /// Only records of this stage, for example call.intent. Not indexed.
    #[arg(long)]
    pub(crate) stage: Option<String>,
    /// At or after: 2h ago, 2026-11-01 (UTC), or RFC 3339.
    #[arg(long, value_name = "TIME")]
    pub(crate) since: Option<String>,
    /// Before: the same.
    #[arg(long, value_name = "TIME")]
    pub(crate) until: Option<String>,
    /// Only records after this place, oldest first.
    #[arg(long, value_name = "PLACE", conflicts_with_all = ["before", "newest"])]
    pub(crate) after: Option<u64>,
    /// Only what lies before this place: the last page's `next`.
    #[arg(long, value_name = "PLACE")]
    pub(crate) before: Option<u64>,
    /// The newest so many records, the newest last.
    #[arg(long, value_name = "N", conflicts_with = "limit")]
    pub(crate) newest: Option<u32>,
    /// At most so many records; runs are never cut.
    #[arg(long, default_value_t = 200)]
    pub(crate) limit: u32,
    /// Go on with new records as they come, until Ctrl-C. Without --after it
    /// begins with the newest.
    #[arg(long, conflicts_with = "before")]
    pub(crate) follow: bool,
    /// Values whole, and every fact.
    #[arg(long)]
    pub(crate) full: bool,
    #[command(flatten)]
    pub(crate) of: OfTenant,
}

/// How a run stands.
#[derive(Clone, Copy, Debug, ValueEnum)]
pub(crate) enum Outcome {
    /// It ended with an output.
    Done,
    /// It ended with an error.
    Failed,
    /// A rule or a person said no.
    Denied,
    /// It waits for a person.
    Held,
    /// Whether its last call happened is not known.
    #[value(name = "in_doubt")]
    InDoubt,
    /// It is being worked on.
    Open,
    /// It was done and then taken back.
    Undone,
    /// It was held, and a person changed its input: another run goes on.
    Edited,
}

#[derive(Debug, Args)]
pub(crate) struct Replay {
    /// The run.
    #[arg(required_unless_present = "all", conflicts_with = "all")]
    pub(crate) run: Option<String>,
    /// Every run of the journal, as many at once as there are processors.
    #[arg(long)]
    pub(crate) all: bool,
    /// With --all: only runs that opened at or after: 2h ago, 2026-11-01 (UTC),
    /// or RFC 3339.
    #[arg(long, value_name = "TIME", requires = "all")]
    pub(crate) since: Option<String>,
    /// The tenant; with --all every one by default.
    #[arg(long)]
    pub(crate) tenant: Option<Tenant>,
}

/// Work that waits for a person.
#[derive(Debug, Args)]
#[command(args_conflicts_with_subcommands = true)]
pub(crate) struct Queue {
    #[command(subcommand)]
    pub(crate) command: Option<QueueCommand>,
    /// Resolved ones too.
    #[arg(long)]
    pub(crate) all: bool,
    /// Only what did not reach where its owner looks: dead letters.
    #[arg(long)]
    pub(crate) dead: bool,
}

#[derive(Debug, Subcommand)]
pub(crate) enum QueueCommand {
    /// Your queues, with how much waits in each.
    Summary,
    /// One item, with the evidence.
    #[command(after_help = "Example:\n  tollgate queue show que-0195…")]
    Show {
        /// The item.
        id: String,
    },
    /// Say what became of a call in doubt, after you have looked.
    #[command(
        after_help = "Example:\n  tollgate queue resolve que-0195… --done --note 'the refund is in the ledger'"
    )]
    Resolve(Resolve),
}

#[derive(Debug, Args)]
#[group(id = "resolution", required = true, multiple = false, args = ["done", "not_done"])]
pub(crate) struct Resolve {
    /// The item.
    pub(crate) id: String,
    /// It happened: the run goes on after it.
    #[arg(long)]
    pub(crate) done: bool,
    /// It did not happen: nothing is sent again by itself.
    #[arg(long)]
    pub(crate) not_done: bool,
    /// How you know.
    #[arg(long)]
    pub(crate) note: String,
    /// With --done: the call's answer as JSON, where you know it.
    #[arg(long, value_name = "JSON", requires = "done")]
    pub(crate) reply: Option<String>,
}

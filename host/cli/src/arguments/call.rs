//! What can be typed after the commands that call tools and decide on calls.

use clap::Args;

#[derive(Debug, Args)]
pub(crate) struct Call {
    /// The connector.
    pub(crate) connector: String,
    /// Its tool.
    pub(crate) tool: String,
    /// The input, as JSON; `-` reads it from standard input.
    #[arg(default_value = "{}")]
    pub(crate) input: String,
    /// The hand-off this belongs to.
    #[arg(long)]
    pub(crate) case: Option<String>,
    /// The workflow of the hand-off.
    #[arg(long)]
    pub(crate) workflow: Option<String>,
    /// What started the hand-off.
    #[arg(long)]
    pub(crate) trigger: Option<String>,
    /// Why you make this call.
    #[arg(long)]
    pub(crate) reason: Option<String>,
    /// Your own key: the same key while the first call is held returns that one.
    #[arg(long)]
    pub(crate) request_key: Option<String>,
    /// Whom the data is about, by your own identifier: what is recorded of this
    /// call can be erased for them.
    #[arg(long)]
    pub(crate) subject: Option<String>,
}

#[derive(Debug, Args)]
pub(crate) struct Show {
    /// The run.
    pub(crate) run: String,
    /// Wait so many seconds, at most 60, while it is open or held.
    #[arg(long, default_value_t = 0, value_name = "SECONDS")]
    pub(crate) wait: u64,
}

#[derive(Debug, Args)]
pub(crate) struct PendingCalls {
    /// Decided ones too.
    #[arg(long)]
    pub(crate) all: bool,
}

#[derive(Debug, Args)]
pub(crate) struct Approve {
    /// The approval.
    pub(crate) approval: String,
    /// The digest on the card you saw. Without it the card is shown, and you
    /// are asked.
    #[arg(long)]
    pub(crate) digest: Option<String>,
}

#[derive(Debug, Args)]
pub(crate) struct Deny {
    /// The approval.
    pub(crate) approval: String,
    /// Why.
    #[arg(long)]
    pub(crate) reason: String,
}

#[derive(Debug, Args)]
pub(crate) struct Undo {
    /// The run.
    pub(crate) run: String,
    /// Only say what would be done: nothing is changed.
    #[arg(long)]
    pub(crate) plan: bool,
    /// Member by member: put back what is still as the run left it, leave what
    /// somebody changed since, and say which is which.
    #[arg(long)]
    pub(crate) fields: bool,
}

//! What can be typed after the commands that call tools and decide on calls.

use clap::{Args, Subcommand};

use super::Signing;

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
    /// Where what the hand-off is about can be read: a ticket, a document, a conversation.
    #[arg(long)]
    pub(crate) context: Option<String>,
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
    #[arg(required_unless_present = "batch", conflicts_with = "batch")]
    pub(crate) approval: Option<String>,
    /// The digest on the card or the batch you saw. Without it that is shown, and
    /// you are asked.
    #[arg(long)]
    pub(crate) digest: Option<String>,
    /// Why, for the record; an exception needs it.
    #[arg(long)]
    pub(crate) reason: Option<String>,
    /// All that wait for you and ask for this approval of the manifest.
    #[arg(long, value_name = "APPROVAL")]
    pub(crate) batch: Option<String>,
    /// With --batch: a field of whole numbers to add up, such as input.amount_cents.
    #[arg(long, value_name = "FIELD", requires = "batch")]
    pub(crate) sum: Option<String>,
    /// With --batch: deny this one of them, and say why. Can be repeated.
    #[arg(long, value_name = "APPROVAL=REASON", requires = "batch")]
    pub(crate) veto: Vec<String>,
    #[command(flatten)]
    pub(crate) signing: Signing,
}

#[derive(Debug, Args)]
pub(crate) struct Revoke {
    /// The approval.
    pub(crate) approval: String,
    #[command(flatten)]
    pub(crate) signing: Signing,
}

#[derive(Debug, Args)]
pub(crate) struct Edit {
    /// The approval.
    pub(crate) approval: String,
    /// A file with the whole changed input as JSON; `-` reads standard input.
    #[arg(long, value_name = "FILE")]
    pub(crate) input: String,
    /// The digest on the card you saw. Without it the card of this moment counts.
    #[arg(long)]
    pub(crate) digest: Option<String>,
    #[command(flatten)]
    pub(crate) signing: Signing,
}

/// Who decides for whom.
#[derive(Debug, Args)]
#[command(args_conflicts_with_subcommands = true)]
pub(crate) struct Deputy {
    #[command(subcommand)]
    pub(crate) command: Option<DeputyCommand>,
    /// Those that are over too.
    #[arg(long)]
    pub(crate) all: bool,
}

#[derive(Debug, Subcommand)]
pub(crate) enum DeputyCommand {
    /// Have a person decide in your place for a while.
    #[command(after_help = "Example:\n  tollgate deputy name ben --as group:finance --for 7d")]
    Name(NameDeputy),
    /// End it before its time: who gave it can, and who has it.
    #[command(after_help = "Example:\n  tollgate deputy end dep-0195…")]
    End {
        /// The delegation.
        id: String,
    },
}

#[derive(Debug, Args)]
#[group(id = "end", required = true, multiple = false, args = ["lasting", "until"])]
pub(crate) struct NameDeputy {
    /// The person.
    pub(crate) deputy: String,
    /// As what: a group that you are in, or person: with your own name.
    #[arg(long = "as", value_name = "APPROVER")]
    pub(crate) approver: String,
    /// From when, instead of now: 2026-12-24 (UTC) or RFC 3339.
    #[arg(long, value_name = "TIME")]
    pub(crate) from: Option<String>,
    /// For so long, at most 30d.
    #[arg(long = "for", id = "lasting", value_name = "TIME")]
    pub(crate) lasting: Option<String>,
    /// Until then: 2026-12-24 (UTC) or RFC 3339.
    #[arg(long, value_name = "TIME")]
    pub(crate) until: Option<String>,
}

#[derive(Debug, Args)]
pub(crate) struct Deny {
    /// The approval.
    pub(crate) approval: String,
    /// Why.
    #[arg(long)]
    pub(crate) reason: String,
    #[command(flatten)]
    pub(crate) signing: Signing,
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

#[derive(Debug, Args)]
pub(crate) struct Drill {
    /// The approval that it must come to, as the manifest names it.
    #[arg(long)]
    pub(crate) approval: Option<String>,
    /// Everything that the card shows, as JSON; `-` reads it from standard input.
    #[arg(long, value_name = "FILE", required_unless_present = "like")]
    pub(crate) template: Option<String>,
    /// The approval of a former call: its card is the template.
    #[arg(long, value_name = "APPROVAL", conflicts_with = "template")]
    pub(crate) like: Option<String>,
    /// What is different: a JSON Pointer into the template, `=`, and JSON. What is
    /// no JSON is a text.
    #[arg(long = "set", value_name = "POINTER=VALUE")]
    pub(crate) set: Vec<String>,
}

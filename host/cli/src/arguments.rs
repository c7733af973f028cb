//! What can be typed after `tollgate`.

mod eval;
mod proof;

use std::net::SocketAddr;
use std::path::{Path, PathBuf};

use anyhow::Context as _;
use clap::{Args, Parser, Subcommand, ValueEnum};
use tollgate_runtime::Location;

pub(crate) use eval::Eval;
pub(crate) use proof::{Anchor, Erase, Export, OfTenant, ProveRecord, Prune, Verify};

const EXIT_CODES: &str = "\
Exit codes:
  0  done
  1  it failed, or a check found a problem
  2  the arguments cannot be understood
  3  the call is held: a person has to decide
  4  a rule, a person or the server's access check said no
  5  the server or the journal does not answer now

Start here:
  tollgate demo            one hand-off from start to end, in a folder of its own";

/// Runs the tool connectors of AI agents in a sandbox, behind one gate.
#[derive(Debug, Parser)]
#[command(name = "tollgate", version, after_help = EXIT_CODES, propagate_version = true)]
pub(crate) struct Arguments {
    #[command(subcommand)]
    pub(crate) command: Command,
    /// Print JSON instead of text.
    #[arg(long, global = true)]
    pub(crate) json: bool,
    /// Say more on standard error; twice for everything. TOLLGATE_LOG takes a
    /// filter instead.
    #[arg(short, long, global = true, action = clap::ArgAction::Count)]
    pub(crate) verbose: u8,
    #[command(flatten)]
    pub(crate) home: Home,
    #[command(flatten)]
    pub(crate) server: Server,
}

/// Where a host keeps its things.
#[derive(Clone, Debug, Args)]
pub(crate) struct Home {
    /// The host's folder: store, keys, compiled code, data.
    #[arg(
        long,
        global = true,
        env = "TOLLGATE_HOME",
        default_value = "tollgate-home",
        value_name = "FOLDER"
    )]
    pub(crate) home: PathBuf,
    /// Where the store is, instead of in the home: postgres://… or sqlite:PATH.
    /// With a password in it, put it into TOLLGATE_STORE, or into a file that
    /// tollgate.toml names: arguments are seen by everybody on the machine.
    #[arg(
        long,
        global = true,
        env = "TOLLGATE_STORE",
        hide_env_values = true,
        value_name = "URL"
    )]
    pub(crate) store: Option<Typed>,
}

/// An address as it was typed. It is understood later: a message about arguments
/// would say it with its password.
#[derive(Clone)]
pub(crate) struct Typed(String);

impl Typed {
    pub(crate) fn location(&self) -> anyhow::Result<Location> {
        self.0.parse().context("--store or TOLLGATE_STORE")
    }
}

impl From<String> for Typed {
    fn from(text: String) -> Self {
        Self(text)
    }
}

impl std::fmt::Debug for Typed {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Typed(masked)")
    }
}

impl Home {
    /// A folder that keeps everything itself.
    pub(crate) fn at(home: &Path) -> Self {
        Self {
            home: home.to_owned(),
            store: None,
        }
    }
}

/// How a running host is reached.
#[derive(Clone, Debug, Args)]
pub(crate) struct Server {
    /// Address of a running host.
    #[arg(
        long,
        global = true,
        env = "TOLLGATE_URL",
        default_value = "http://127.0.0.1:7878",
        value_name = "URL"
    )]
    pub(crate) url: String,
    /// File with your token; or put the token into TOLLGATE_TOKEN. A token on
    /// the command line would be seen by everybody on the machine.
    #[arg(long, global = true, env = "TOLLGATE_TOKEN_FILE", value_name = "FILE")]
    pub(crate) token_file: Option<PathBuf>,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Author: start a new connector.
    #[command(after_help = "Example:\n  tollgate new greeter")]
    New(New),
    /// Author: build a connector into a component, its request inside.
    #[command(after_help = "Example:\n  tollgate build plugins/database")]
    Build(Build),
    /// Author: run scenarios of a connector: what a server says, what an agent
    /// asks for, what must come of it.
    #[command(after_help = eval::EXAMPLE)]
    Eval(Eval),
    /// Reviewer: what a component asks for, without running it.
    #[command(after_help = "Example:\n  tollgate inspect target/tollgate/greeter.component.wasm")]
    Inspect(Inspect),
    /// Operator: install a component under a manifest.
    #[command(
        after_help = "Example:\n  tollgate install manifest.toml target/tollgate/greeter.component.wasm --pin"
    )]
    Install(Install),
    /// Operator: give a person, an agent or a service a token.
    #[command(
        after_help = "Example:\n  tollgate principal mira --kind person --group finance > mira.token"
    )]
    Principal(NewPrincipal),
    /// Operator: run the host.
    #[command(
        after_help = "Example:\n  tollgate serve --listen 127.0.0.1:7878\n  tollgate serve --stdio --as desk-agent"
    )]
    Serve(Serve),
    /// Call a tool on a running host.
    #[command(
        after_help = "Example:\n  tollgate call greeter greet '{\"name\": \"Mira\"}' --reason 'trying it'"
    )]
    Call(Call),
    /// What became of a run.
    #[command(after_help = "Example:\n  tollgate show run-0195… --wait 30")]
    Show(Show),
    /// Approver: the calls that wait for you.
    #[command(after_help = "Example:\n  tollgate pending")]
    Pending(PendingCalls),
    /// Approver: let a held call go on.
    #[command(after_help = "Example:\n  tollgate approve apr-0195…")]
    Approve(Approve),
    /// Approver: refuse a held call, and say why.
    #[command(
        after_help = "Example:\n  tollgate deny apr-0195… --reason 'the order was never paid'"
    )]
    Deny(Deny),
    /// Take a run back, or with --plan say what that would do.
    #[command(after_help = "Example:\n  tollgate undo run-0195… --plan")]
    Undo(Undo),
    /// Operator: what people have to settle: calls in doubt.
    #[command(
        after_help = "Example:\n  tollgate queue\n  tollgate queue resolve que-0195… --done --note 'the refund is in the ledger'"
    )]
    Queue(Queue),
    /// Operator: read the journal. Times are UTC.
    #[command(
        after_help = "Example:\n  tollgate log --run run-0195…\n  tollgate log --outcome failed --since 2h --follow"
    )]
    Log(Log),
    /// Operator: check the whole journal against its trees and checkpoints.
    /// Reviewer: the same for an export or one record, with nothing but the key.
    #[command(
        after_help = "Example:\n  tollgate verify\n  tollgate verify --export journal --key log.key --checkpoint last-month.note\n  tollgate verify --record refund.json --key log.key"
    )]
    Verify(Verify),
    /// Operator: the public key that verifies what this host signs.
    #[command(after_help = "Example:\n  tollgate key > log.key")]
    Key(OfTenant),
    /// Operator: sign the head of the journal. Keep it where the host cannot
    /// change it.
    #[command(after_help = "Example:\n  tollgate checkpoint > today.note")]
    Checkpoint(OfTenant),
    /// Operator: the journal as files that verify without this host.
    #[command(after_help = "Example:\n  tollgate export journal")]
    Export(Export),
    /// Operator: one record's proof as a file that verifies alone.
    #[command(
        after_help = "Example:\n  tollgate prove-record 17 --disclose arguments,reply > refund.json"
    )]
    ProveRecord(ProveRecord),
    /// Operator: have an outside witness vouch for a checkpoint.
    #[command(
        after_help = "Example:\n  tollgate anchor --witness https://witness.example --witness-key witness.key"
    )]
    Anchor(Anchor),
    /// Operator: destroy what is sealed of a person, a hand-off or a run. Records
    /// and their proofs stay.
    #[command(
        after_help = "Example:\n  tollgate erase --subject customer-4711 --reason 'asked for it, ticket 93'"
    )]
    Erase(Erase),
    /// Operator: destroy sealed values that are old. Records and their proofs stay.
    #[command(after_help = "Example:\n  tollgate prune --older-than 90d --dry-run")]
    Prune(Prune),
    /// Reviewer: re-execute past runs from their journal, with no effect.
    #[command(
        after_help = "Example:\n  tollgate replay run-0195…\n  tollgate replay --all --since 7d"
    )]
    Replay(Replay),
    /// One hand-off from start to end: look up an order, note the case in a
    /// workbook, refund over the limit, approve, verify, undo.
    #[command(after_help = "Example:\n  tollgate demo --yes")]
    Demo(Demo),
    /// The process that compiles components; started by the host.
    #[command(hide = true)]
    CompileComponent,
}

#[derive(Debug, Args)]
pub(crate) struct New {
    /// Its name: lower-case letters, digits and `-`.
    pub(crate) name: String,
    /// Folder to make; the name by default.
    pub(crate) folder: Option<PathBuf>,
    /// Folder of tollgate-sdk; the one this program was built with by default.
    #[arg(long, value_name = "FOLDER")]
    pub(crate) sdk: Option<PathBuf>,
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
    /// Who installs, for the record.
    #[arg(long, env = "USER", default_value = "operator")]
    pub(crate) by: String,
}

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
    pub(crate) tenant: String,
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
    pub(crate) tenant: String,
}

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
    /// Only say what would be done.
    #[arg(long)]
    pub(crate) plan: bool,
}

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
    /// The tenant.
    #[arg(long, default_value = "default")]
    pub(crate) tenant: String,
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
    pub(crate) tenant: Option<String>,
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
}

#[derive(Debug, Subcommand)]
pub(crate) enum QueueCommand {
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

#[derive(Debug, Args)]
pub(crate) struct Demo {
    /// Let a second identity approve, without asking.
    #[arg(long)]
    pub(crate) yes: bool,
    /// An empty folder to work in; a new one in the temporary folder by default.
    #[arg(long, value_name = "FOLDER")]
    pub(crate) folder: Option<PathBuf>,
}

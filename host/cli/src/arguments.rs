//! What can be typed after `tollgate`.

mod author;
mod call;
mod decide;
mod eval;
mod home;
mod journal;
mod proof;
mod report;
mod secret;
mod serve;
mod server;
mod sign;
mod who;
mod workflow;

use clap::{Parser, Subcommand};

pub(crate) use author::{Build, Demo, Inspect, Install, New};
pub(crate) use call::{
    Approve, Call, Deny, Deputy, DeputyCommand, Drill, Edit, NameDeputy, PendingCalls, Revoke,
    Show, Undo,
};
pub(crate) use decide::Decide;
pub(crate) use eval::Eval;
pub(crate) use home::Home;
pub(crate) use journal::{Log, Outcome, Queue, QueueCommand, Replay, Resolve};
pub(crate) use proof::{Anchor, Erase, Export, ProveRecord, Prune, Verify};
pub(crate) use report::Report;
pub(crate) use secret::{OneSecret, SecretCommand, SecretVerb};
pub(crate) use serve::{Kind, NewPrincipal, OnePrincipal, PrincipalCommand, PrincipalVerb, Serve};
pub(crate) use server::Server;
pub(crate) use sign::{Keygen, Signing};
pub(crate) use who::OfTenant;
pub(crate) use workflow::{
    CaseCommand, CaseVerb, InstallWorkflow, OpenCase, WorkflowCommand, WorkflowVerb,
};

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
    /// Reviewer: what a manifest's rules say of calls that were written down.
    #[command(after_help = decide::EXAMPLE)]
    Decide(Decide),
    /// Operator: install a component under a manifest.
    #[command(
        after_help = "Example:\n  tollgate install manifest.toml target/tollgate/greeter.component.wasm --pin"
    )]
    Install(Install),
    /// Operator: the boundaries that work happens inside.
    #[command(
        after_help = "Example:\n  tollgate workflow install workflow.toml --dry-run\n  tollgate workflow list"
    )]
    Workflow(WorkflowCommand),
    /// Hand-offs of workflows: open one, look, say that it is over.
    #[command(
        after_help = "Example:\n  tollgate case open refunds --input order=A-1042\n  tollgate case list --state open"
    )]
    Case(CaseCommand),
    /// Operator: give a person, an agent or a service a token; give a person a
    /// password; take it all away.
    #[command(
        after_help = "Example:\n  tollgate principal mira --kind person --group finance > mira.token\n  tollgate principal mira --kind person --group finance --key mira.key.pub > mira.token\n  tollgate principal mira --kind person --oidc-subject 248289761001 > mira.token\n  tollgate principal password mira\n  tollgate principal revoke mira"
    )]
    Principal(PrincipalCommand),
    /// Operator: values that are put into requests, and that connectors never see.
    #[command(after_help = "Example:\n  tollgate secret set desk-token\n  tollgate secret list")]
    Secret(SecretCommand),
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
    /// Approver: let a held call go on, or many at once.
    #[command(
        after_help = "Example:\n  tollgate approve apr-0195…\n  tollgate approve --batch finance --sum input.amount_cents"
    )]
    Approve(Approve),
    /// Approver: make a pair of keys to sign your decisions with.
    #[command(
        after_help = "Example:\n  tollgate keygen mira.key\n  tollgate approve apr-0195… --key mira.key"
    )]
    Keygen(Keygen),
    /// Approver: refuse a held call, and say why.
    #[command(
        after_help = "Example:\n  tollgate deny apr-0195… --reason 'the order was never paid'"
    )]
    Deny(Deny),
    /// Approver: take your yes back, until the call is about to be sent.
    #[command(after_help = "Example:\n  tollgate revoke apr-0195…")]
    Revoke(Revoke),
    /// Approver: change the input of a held call. Another run asks for that.
    #[command(after_help = "Example:\n  tollgate edit apr-0195… --input corrected.json")]
    Edit(Edit),
    /// Approver: who decides for whom; name a deputy for a while.
    #[command(
        after_help = "Example:\n  tollgate deputy\n  tollgate deputy name ben --as group:finance --for 7d"
    )]
    Deputy(Deputy),
    /// Operator: plant a request that nobody should approve, to see who notices.
    #[command(
        after_help = "Example:\n  tollgate drill --approval finance --template bad-refund.json\n  tollgate drill --like apr-0195… --set /input/amount_cents=900000 --set /arguments/parameters/0=900000"
    )]
    Drill(Drill),
    /// Operator: what became of hand-offs, by workflow and week.
    #[command(
        after_help = "Example:\n  tollgate report --since 12w\n  tollgate report --workflow refund --svg plots"
    )]
    Report(Report),
    /// Take a run back, or with --plan say what that would do.
    #[command(
        after_help = "Example:\n  tollgate undo run-0195… --plan\n  tollgate undo run-0195… --fields"
    )]
    Undo(Undo),
    /// Whoever owns a queue: failures, what was handed over, and calls in doubt.
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
    /// One hand-off from start to end: rules, a queue, a quorum, an edit, undo,
    /// and a report.
    #[command(after_help = "Example:\n  tollgate demo --yes")]
    Demo(Demo),
    /// The process that compiles components; started by the host.
    #[command(hide = true)]
    CompileComponent,
}

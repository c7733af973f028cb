//! The command `tollgate`. It parses arguments, calls the crates that do the
//! work, prints, and chooses an exit code. The environment, the terminal and the
//! current folder are read here and nowhere else.

mod arguments;
mod asking;
mod author;
mod decide;
mod demo;
mod destroy;
mod eval;
mod exit;
mod journal;
mod offline;
mod output;
mod proof;
mod remote;
mod report;
mod reviewer;
mod secret;
mod serve;
mod signing;
mod witness;
mod workflow;

use std::io::IsTerminal as _;

use clap::Parser as _;
use tracing_subscriber::EnvFilter;

use arguments::{Arguments, Command};
use exit::Exit;

/// Runs allocate on one thread and free on another (the store's): glibc's arenas
/// make them wait for each other, this allocator does not.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> std::process::ExitCode {
    let arguments = Arguments::parse();
    if matches!(arguments.command, Command::CompileComponent) {
        return compile_component();
    }
    start_logging(arguments.verbose);
    let runtime = match tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
    {
        Ok(runtime) => runtime,
        Err(error) => {
            output::error(&anyhow::Error::new(error));
            return Exit::Failure.into();
        }
    };
    let ended = runtime.block_on(run(arguments));
    // A thread that reads a terminal cannot be woken; the process does not wait
    // for it.
    runtime.shutdown_background();
    match ended {
        Ok(exit) => exit.into(),
        Err(error) => {
            output::error(&error);
            Exit::of(&error).into()
        }
    }
}

async fn run(arguments: Arguments) -> anyhow::Result<Exit> {
    let Arguments {
        command,
        json,
        home,
        server,
        ..
    } = arguments;
    match command {
        Command::New(new) => author::new(&new, json),
        Command::Build(build) => author::build(&build, json),
        Command::Eval(eval) => eval::eval(&eval, json).await,
        Command::Inspect(inspect) => reviewer::inspect(&inspect, json),
        Command::Decide(decide) => decide::decide(&decide, json),
        Command::Install(install) => reviewer::install(&home, &install, json).await,
        Command::Workflow(command) => workflow::workflow(&home, &command, json).await,
        Command::Case(command) => remote::case::case(&server, command, json).await,
        Command::Principal(principal) => serve::principal(&home, &principal, json).await,
        Command::Secret(command) => secret::secret(&home, &command, json).await,
        Command::Serve(serve) => serve::serve(&home, &serve).await,
        Command::Call(call) => remote::call(&server, call, json).await,
        Command::Show(show) => remote::show(&server, &show, json).await,
        Command::Pending(pending) => remote::pending(&server, &pending, json).await,
        Command::Approve(approve) => remote::decide::approve(&server, &approve, json).await,
        Command::Keygen(new) => signing::keygen(&new, json),
        Command::Deny(deny) => remote::deny(&server, &deny, json).await,
        Command::Revoke(revoke) => remote::decide::revoke(&server, &revoke, json).await,
        Command::Edit(edit) => remote::decide::edit(&server, &edit, json).await,
        Command::Deputy(deputy) => remote::decide::deputy(&server, deputy, json).await,
        Command::Drill(drill) => remote::drill::drill(&server, &drill, json).await,
        Command::Undo(undo) => remote::undo(&server, &undo, json).await,
        Command::Queue(queue) => remote::queue::queue(&server, queue, json).await,
        Command::Report(asked) => report::report(&home, &asked, json).await,
        Command::Log(log) => journal::log(&home, log, json).await,
        Command::Verify(verify) => match (&verify.export, &verify.record) {
            (Some(folder), _) => offline::export(folder, &verify, json),
            (None, Some(file)) => offline::record(file, &verify, json),
            (None, None) => journal::verify(&home, &verify, json).await,
        },
        Command::Key(of) => proof::key(&home, &of, json).await,
        Command::Checkpoint(of) => proof::checkpoint(&home, &of, json).await,
        Command::Export(export) => proof::export(&home, &export, json).await,
        Command::ProveRecord(prove) => proof::prove_record(&home, &prove).await,
        Command::Anchor(anchor) => proof::anchor(&home, &anchor, json).await,
        Command::Erase(erase) => destroy::erase(&home, &erase, json).await,
        Command::Prune(prune) => destroy::prune(&home, &prune, json).await,
        Command::Replay(replay) => journal::replay(&home, &replay, json).await,
        Command::Demo(demo) => demo::run(&demo, json).await,
        Command::CompileComponent => Ok(Exit::Success),
    }
}

/// The compiler process: no runtime, no logging, nothing but its pipes.
fn compile_component() -> std::process::ExitCode {
    match tollgate_runtime::compile_child() {
        Ok(()) => Exit::Success.into(),
        Err(error) => {
            output::error(&anyhow::Error::new(error));
            Exit::Failure.into()
        }
    }
}

fn start_logging(verbose: u8) {
    let default = match verbose {
        0 => "warn",
        1 => "info",
        _ => "debug",
    };
    let filter =
        EnvFilter::try_from_env("TOLLGATE_LOG").unwrap_or_else(|_| EnvFilter::new(default));
    tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(std::io::stderr)
        // Colours are for a terminal; in a file they are noise.
        .with_ansi(std::io::stderr().is_terminal())
        .init();
}

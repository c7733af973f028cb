//! Reads everything that the wasi profile offers to std and to libraries, and
//! tells what it found: what differs from call to call must be in the journal.

#![expect(
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "what is tried here"
)]

use std::collections::HashMap;
use std::env;
use std::hash::{BuildHasher as _, RandomState};
use std::io::{self, IsTerminal as _, Read as _};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use tollgate_sdk::prelude::*;

#[derive(Serialize, JsonSchema)]
struct Found {
    /// Milliseconds since 1970.
    wall: String,
    /// What two readings of the steady clock lie apart.
    steady_nanos: String,
    /// Sixteen bytes from the system.
    random: String,
    /// A hash with std's seed.
    hash: String,
    /// The order in which a hash map keeps its keys.
    order: Vec<u32>,
    arguments: Vec<String>,
    environment: Vec<String>,
    stdin: String,
    terminals: Vec<bool>,
}

/// Reads both clocks, randomness and the seed of hash maps, writes a line to
/// standard output and to standard error, and looks at everything else.
#[tool(effect = "read")]
fn look() -> Result<Found, ToolError> {
    let wall = SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .unwrap_or_default();
    let before = Instant::now();
    let mut random = [0; 16];
    getrandom::fill(&mut random).map_err(|error| ToolError::failed(error.to_string()))?;
    println!("a line to standard output");
    eprintln!("a line to standard error");
    let order: HashMap<u32, ()> = (0..20).map(|key| (key, ())).collect();
    let mut stdin = String::new();
    let read = io::stdin().read_to_string(&mut stdin);
    Ok(Found {
        wall: wall.as_millis().to_string(),
        steady_nanos: before.elapsed().as_nanos().to_string(),
        random: format!("{random:?}"),
        hash: RandomState::new().hash_one("a").to_string(),
        order: order.into_keys().collect(),
        arguments: env::args().collect(),
        environment: env::vars()
            .map(|(name, value)| format!("{name}={value}"))
            .collect(),
        stdin: format!("{stdin:?} {:?}", read.map_err(|error| error.kind())),
        terminals: vec![
            io::stdin().is_terminal(),
            io::stdout().is_terminal(),
            io::stderr().is_terminal(),
        ],
    })
}

#[derive(Serialize, JsonSchema)]
struct Nothing {}

/// Ends the whole program, as a library might.
#[tool(effect = "read")]
fn exits() -> Result<Nothing, ToolError> {
    std::process::exit(7)
}

/// Panics, where standard error tells of it as well.
#[tool(effect = "read")]
fn panics() -> Result<Nothing, ToolError> {
    let nothing: Vec<u32> = Vec::new();
    Err(ToolError::failed(nothing[env::args().count()].to_string()))
}

/// How long the hostile guest would like to keep its instance.
const AN_HOUR: Duration = Duration::from_secs(3600);

/// Attack: holds its instance for an hour by sleeping, which costs no fuel, so
/// that only the deadline can stop it. The guest tries to sleep; nobody waits for
/// it: the host must end it, and what stands after the sleep is never reached.
#[tool(effect = "read")]
fn tries_to_sleep_past_its_deadline() -> Result<Nothing, ToolError> {
    std::thread::sleep(AN_HOUR);
    Err(ToolError::failed("the host let the guest sleep"))
}

connector!(look, exits, panics, tries_to_sleep_past_its_deadline);

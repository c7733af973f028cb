//! Tools that make each kind of effect on a ledger outside of the host, alone or
//! several in a row, so that a test can kill the host at any point between and
//! count what really happened. Every tool takes a list of steps and reports what
//! became of each; a refused step does not stop the next one.

mod bindings {
    wit_bindgen::generate!({
        path: "../../crash/wit",
        world: "guest",
        additional_derives: [PartialEq],
    });
}

use bindings::tests::effects::effects::{self, Failure};
use tollgate_sdk::kv::Expected;
use tollgate_sdk::prelude::*;

/// The ledger, and the store of the host's own.
const LEDGER: &str = "main";
const STORE: &str = "notes";

/// One call of a tool.
#[derive(Deserialize, JsonSchema)]
struct Step {
    kind: Kind,
    key: String,
    #[serde(default)]
    value: String,
}

/// What is called.
#[derive(Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
enum Kind {
    Read,
    Idempotent,
    Readable,
    /// Reads the version first, and writes only if it is still that.
    Conditional,
    Blind,
    /// A note in the host's own store.
    Note,
}

/// The steps, in order.
#[derive(Deserialize, JsonSchema)]
struct Steps {
    steps: Vec<Step>,
}

/// What became of each.
#[derive(Serialize, JsonSchema)]
struct Became {
    steps: Vec<String>,
}

/// Makes the steps; what they write can be put back.
#[tool(effect = "write", undo = "restore")]
fn make(input: Steps) -> Result<Became, ToolError> {
    Ok(all(input))
}

/// Makes the steps, each after a person agreed.
#[tool(effect = "write", undo = "restore")]
fn ask(input: Steps) -> Result<Became, ToolError> {
    Ok(all(input))
}

/// Reads, and nothing else.
#[tool(effect = "read")]
fn look(input: Steps) -> Result<Became, ToolError> {
    Ok(all(input))
}

/// Makes the steps, and fails all the same: somebody must hear of it.
#[tool(effect = "write", undo = "restore")]
fn fail(input: Steps) -> Result<Became, ToolError> {
    all(input);
    Err(ToolError::failed("as it was told"))
}

fn all(input: Steps) -> Became {
    Became {
        steps: input.steps.iter().map(one).collect(),
    }
}

fn one(step: &Step) -> String {
    let (key, value) = (&step.key, &step.value);
    let answer = match step.kind {
        Kind::Read => effects::read(LEDGER, key),
        Kind::Idempotent => effects::idempotent(LEDGER, key, value),
        Kind::Readable => effects::readable(LEDGER, key, value),
        Kind::Blind => effects::blind(LEDGER, key, value),
        Kind::Conditional => effects::read(LEDGER, key).and_then(|entry| {
            let version = entry.split(' ').next().unwrap_or_default();
            effects::conditional(LEDGER, key, value, version)
        }),
        Kind::Note => return note(key, value),
    };
    match answer {
        Ok(answer) => format!("ok {answer}"),
        Err(Failure::Refused(why)) => format!("refused: {why}"),
        Err(Failure::Rejected(why)) => format!("rejected: {why}"),
        Err(Failure::Conflict(why)) => format!("conflict: {why}"),
    }
}

fn note(key: &str, value: &str) -> String {
    match kv::set(STORE, key, value, &Expected::Anything) {
        Ok(version) => format!("ok {version}"),
        Err(error) => format!("refused: {error}"),
    }
}

tollgate_sdk::connector!(make, ask, look, fail);

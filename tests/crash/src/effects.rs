//! The capability `effects`: a ledger outside of the host, with one function for
//! each way in which a write can be found out about. It is added to a host by
//! its extension point, as an embedder would, and passes the door like any other.

mod restore;
mod write;

use fail::fail_point;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use tollgate_policy::Effect;
use tollgate_runtime::extend::{
    Backends, Described, Extension, Imported, Imports, Next, Operation, Performed, Prior, Refusal,
    SandboxError, Scope,
};
use wasmtime::component::{ComponentType, Lift, Lower};

use crate::counter::{Answer, Asked, Counter, Entry, Line};

pub use restore::Restore;
pub use write::{Blind, Conditional, Idempotent, Lying, Readable, Write, WriteKind};

/// The interface that guests import.
pub const INTERFACE: &str = "tests:effects/effects@0.1.0";

/// The extension, writing to this ledger.
#[must_use]
pub fn extension(counter: Counter) -> Extension {
    Extension::new("effects", offer)
        .with_backend(counter)
        .restored_by::<Restore>()
}

/// The same, with a write that says it can be repeated and cannot: a host that
/// believes it doubles the effect.
#[must_use]
pub fn lying(counter: Counter) -> Extension {
    Extension::new("effects", |imports| {
        imports.offer::<Read>()?;
        imports.offer::<Write<Idempotent>>()?;
        imports.offer::<Write<Readable>>()?;
        imports.offer::<Write<Conditional>>()?;
        imports.offer::<Write<Lying>>()
    })
    .with_backend(counter)
    .restored_by::<Restore>()
}

fn offer(imports: &mut Imports) -> Result<(), SandboxError> {
    imports.offer::<Read>()?;
    imports.offer::<Write<Idempotent>>()?;
    imports.offer::<Write<Readable>>()?;
    imports.offer::<Write<Conditional>>()?;
    imports.offer::<Write<Blind>>()
}

/// Why a call did nothing.
#[derive(Clone, Debug, ComponentType, Lift, Lower, Serialize, Deserialize)]
#[component(variant)]
#[serde(rename_all = "snake_case")]
pub enum Failure {
    /// The host refused it.
    #[component(name = "refused")]
    Refused(String),
    /// A person said no, or found that it did not happen.
    #[component(name = "rejected")]
    Rejected(String),
    /// The entry is not as expected.
    #[component(name = "conflict")]
    Conflict(String),
}

impl From<Refusal> for Failure {
    fn from(refusal: Refusal) -> Self {
        match refusal {
            Refusal::Denied(denial) => Self::Refused(denial.reason),
            Refusal::Limited(limit) => Self::Refused(format!("the limit {}", limit.name)),
            Refusal::Rejected(rejection) => Self::Rejected(rejection.reason),
        }
    }
}

/// What a guest gets.
type Reply = Result<String, Failure>;

/// One request, ready to be sent.
#[derive(Debug)]
pub struct Plan {
    reference: String,
    once: String,
    key: String,
    value: String,
    expected: Option<String>,
}

fn described(
    scope: &Scope<'_>,
    ledger: String,
    effect: Effect,
    arguments: Value,
    plan: Plan,
) -> Described<Plan, Reply> {
    let next = match scope.manifest.extension("effects", &ledger) {
        Some(_) => Next::Perform(plan),
        None => Next::Refuse(Refusal::not_granted(
            format!("the manifest grants no ledger `{ledger}`"),
            format!("[extension.effects.{ledger}]"),
        )),
    };
    Described {
        identity: format!("ledger:{ledger}"),
        destination: ledger,
        effect,
        arguments,
        next,
    }
}

/// What a ledger's owner can find a request by.
fn reference(scope: &Scope<'_>) -> String {
    format!("{}/{}", scope.run, scope.position)
}

fn ledger(backends: &Backends) -> Result<&Counter, String> {
    backends
        .extension::<Counter>()
        .ok_or_else(|| "this host has no ledger".to_owned())
}

fn entry(backends: &Backends, key: &str) -> Result<Entry, String> {
    ledger(backends)?
        .entry(key)
        .map_err(|error| error.to_string())
}

/// What is there, for the record.
fn image(key: &str, value: Option<&str>, version: &str) -> Value {
    json!({ "key": key, "value": value, "version": version })
}

fn prior_of(key: &str, entry: &Entry) -> Prior {
    Prior {
        value: image(key, entry.value.as_deref(), &entry.version),
        version: entry.version.clone(),
    }
}

fn written(line: &Line) -> Value {
    image(&line.key, line.value.as_deref(), &line.version)
}

/// Ask the ledger, with a point to stop at on either side.
fn ask(backends: &Backends, asked: Asked) -> Result<Answer, String> {
    fail_point!("effect::before");
    let answer = ledger(backends)?
        .ask(asked)
        .map_err(|error| error.to_string());
    fail_point!("effect::after");
    answer
}

/// Read an entry.
#[derive(Debug)]
pub struct Read;

impl Operation for Read {
    const CALL: &'static str = "effects.read";
    type Arguments = (String, String);
    type Reply = Reply;
    type Plan = Plan;

    fn describe((ledger, key): Self::Arguments, scope: &Scope<'_>) -> Described<Plan, Reply> {
        let arguments = json!({ "key": key });
        let plan = Plan {
            reference: String::new(),
            once: String::new(),
            key,
            value: String::new(),
            expected: None,
        };
        described(scope, ledger, Effect::Read, arguments, plan)
    }

    fn refuse(refusal: Refusal) -> Reply {
        Err(refusal.into())
    }

    async fn perform(
        plan: Plan,
        _: Option<&Prior>,
        _: &Scope<'_>,
        backends: &Backends,
    ) -> Performed<Reply> {
        let entry = entry(backends, &plan.key).map_err(Failure::Refused);
        Performed::answered(
            entry.map(|entry| format!("{} {}", entry.version, entry.value.unwrap_or_default())),
        )
    }
}

impl Imported for Read {
    const INTERFACE: &'static str = INTERFACE;
    const FUNCTION: &'static str = "read";
    type Results = (Reply,);
    fn results(reply: Reply) -> Self::Results {
        (reply,)
    }
}

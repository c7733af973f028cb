//! The capability `effects`: a ledger outside of the host, with one function for
//! each way in which a write can be found out about. It is added to a host by
//! its extension point, as an embedder would, and passes the door like any other.

use std::marker::PhantomData;

use fail::fail_point;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use tollgate_policy::Effect;
use tollgate_runtime::extend::{
    Backends, Described, Extension, Imported, Imports, Looked, Next, Operation, Performed, Prior,
    Recovery, Refusal, RestoreFailure, Restored, Restoring, SandboxError, Scope,
};
use wasmtime::component::{ComponentNamedList, ComponentType, Lift, Lower};

use crate::counter::{Answer, Asked, Counter, Entry, Kind, Line};

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

/// One kind of write.
pub trait WriteKind: Send + Sync + 'static {
    /// As the ledger knows it.
    const KIND: Kind;
    /// Its name in rules and records.
    const CALL: &'static str;
    /// What it lets the host do where its outcome is not known.
    const RECOVERY: Recovery;
    /// Its name in the interface.
    const FUNCTION: &'static str;
    /// What the guest hands over.
    type Arguments: ComponentNamedList + Lift + Send + 'static;
    /// Ledger, key, value, and the version that is expected.
    fn parts(arguments: Self::Arguments) -> (String, String, String, Option<String>);
}

macro_rules! kinds {
    ($($(#[$doc:meta])* $kind:ident $recovery:ident $call:literal $function:literal;)*) => {$(
        $(#[$doc])*
        #[derive(Debug)]
        pub struct $kind;

        impl WriteKind for $kind {
            const KIND: Kind = Kind::$kind;
            const CALL: &'static str = $call;
            const RECOVERY: Recovery = Recovery::$recovery;
            const FUNCTION: &'static str = $function;
            type Arguments = (String, String, String);
            fn parts(
                (ledger, key, value): Self::Arguments,
            ) -> (String, String, String, Option<String>) {
                (ledger, key, value, None)
            }
        }
    )*};
}

kinds! {
    /// Done once for each key.
    Idempotent IdempotencyKey "effects.idempotent" "idempotent";
    /// Can be looked up.
    Readable Readable "effects.readable" "readable";
    /// Nothing can be found out.
    Blind None "effects.blind" "blind";
}

/// A blind write that is said to be idempotent.
#[derive(Debug)]
pub struct Lying;

impl WriteKind for Lying {
    const KIND: Kind = Kind::Blind;
    const CALL: &'static str = Blind::CALL;
    const RECOVERY: Recovery = Recovery::IdempotencyKey;
    const FUNCTION: &'static str = Blind::FUNCTION;
    type Arguments = <Blind as WriteKind>::Arguments;
    fn parts(arguments: Self::Arguments) -> (String, String, String, Option<String>) {
        Blind::parts(arguments)
    }
}

/// Done only to the expected version.
#[derive(Debug)]
pub struct Conditional;

impl WriteKind for Conditional {
    const KIND: Kind = Kind::Conditional;
    const CALL: &'static str = "effects.conditional";
    const RECOVERY: Recovery = Recovery::Conditional;
    const FUNCTION: &'static str = "conditional";
    type Arguments = (String, String, String, String);
    fn parts(
        (ledger, key, value, version): Self::Arguments,
    ) -> (String, String, String, Option<String>) {
        (ledger, key, value, Some(version))
    }
}

/// A write of that kind.
#[derive(Debug)]
pub struct Write<K>(PhantomData<K>);

impl<K: WriteKind> Operation for Write<K> {
    const CALL: &'static str = K::CALL;
    const RECOVERY: Recovery = K::RECOVERY;
    type Arguments = K::Arguments;
    type Reply = Reply;
    type Plan = Plan;

    fn describe(arguments: Self::Arguments, scope: &Scope<'_>) -> Described<Plan, Reply> {
        let (ledger, key, value, expected) = K::parts(arguments);
        let arguments = json!({ "key": key, "value": value, "expected": expected });
        let plan = Plan {
            reference: reference(scope),
            once: scope.idempotency_key(),
            key,
            value,
            expected,
        };
        described(scope, ledger, Effect::Write, arguments, plan)
    }

    fn refuse(refusal: Refusal) -> Reply {
        Err(refusal.into())
    }

    async fn prior(
        plan: &Plan,
        _: &Scope<'_>,
        backends: &Backends,
    ) -> Result<Option<Prior>, Reply> {
        let entry = entry(backends, &plan.key).map_err(|why| Err(Failure::Refused(why)))?;
        Ok(Some(prior_of(&plan.key, &entry)))
    }

    async fn perform(
        plan: Plan,
        _: Option<&Prior>,
        _: &Scope<'_>,
        backends: &Backends,
    ) -> Performed<Reply> {
        let asked = Asked {
            once: plan.once,
            reference: plan.reference,
            kind: K::KIND,
            key: plan.key,
            value: Some(plan.value),
            expected: plan.expected,
            version: None,
        };
        match ask(backends, asked) {
            Ok(Answer::Done(line)) => Performed::Known {
                written: Some(written(&line)),
                reply: Ok(line.version),
            },
            Ok(Answer::Conflict(now)) => {
                Performed::answered(Err(Failure::Conflict(format!("it is {}", now.version))))
            }
            Ok(Answer::Silence) => Performed::Unknown("the ledger did not answer".to_owned()),
            Err(why) => Performed::Unknown(why),
        }
    }

    async fn look(
        plan: &Plan,
        prior: Option<&Prior>,
        _: &Scope<'_>,
        backends: &Backends,
    ) -> Looked<Reply> {
        match seen(backends, &plan.reference, &plan.key, prior) {
            Ok(Looked::Happened { reply, written }) => Looked::Happened {
                reply: Ok(reply.version),
                written,
            },
            Ok(Looked::NotHappened) => Looked::NotHappened,
            Ok(Looked::Unclear { found, why }) => Looked::Unclear { found, why },
            Err(why) => Looked::unclear(why),
        }
    }

    fn assumed(plan: &Plan, _: Option<&Prior>) -> Option<Reply> {
        // The ledger gives a write its reference as version.
        (K::KIND == Kind::Blind).then(|| Ok(plan.reference.clone()))
    }
}

/// What the ledger lets a caller see of an earlier request of this kind.
fn seen(
    backends: &Backends,
    reference: &str,
    key: &str,
    prior: Option<&Prior>,
) -> Result<Looked<Line>, String> {
    let now = entry(backends, key)?;
    // By its version, which is its reference, or by the reference itself.
    let found = ledger(backends)?
        .find(reference)
        .map_err(|error| error.to_string())?;
    Ok(match (found, prior) {
        (Some(line), _) => Looked::Happened {
            written: Some(written(&line)),
            reply: line,
        },
        (None, Some(prior)) if prior.version == now.version => Looked::NotHappened,
        (None, _) => Looked::changed(image(key, now.value.as_deref(), &now.version)),
    })
}

impl<K: WriteKind> Imported for Write<K> {
    const INTERFACE: &'static str = INTERFACE;
    const FUNCTION: &'static str = K::FUNCTION;
    type Results = (Reply,);
    fn results(reply: Reply) -> Self::Results {
        (reply,)
    }
}

/// Put back what a write replaced.
#[derive(Debug)]
pub struct Restore;

impl Operation for Restore {
    const CALL: &'static str = "effects.restore";
    const RECOVERY: Recovery = Recovery::Conditional;
    type Arguments = Restoring;
    type Reply = Restored;
    type Plan = (String, Restoring);

    fn describe(restoring: Restoring, scope: &Scope<'_>) -> Described<Self::Plan, Restored> {
        let reference = reference(scope);
        let plan = Plan {
            reference: reference.clone(),
            once: String::new(),
            key: String::new(),
            value: String::new(),
            expected: None,
        };
        let arguments = restoring.arguments();
        let ledger = restoring.destination.clone();
        let described = described(scope, ledger, Effect::Write, arguments, plan);
        Described {
            destination: described.destination,
            identity: described.identity,
            effect: described.effect,
            arguments: described.arguments,
            next: match described.next {
                Next::Refuse(refusal) => Next::Refuse(refusal),
                _ => Next::Perform((reference, restoring)),
            },
        }
    }

    fn refuse(refusal: Refusal) -> Restored {
        Err(RestoreFailure::Refused(refusal))
    }

    async fn prior(
        (_, restoring): &Self::Plan,
        _: &Scope<'_>,
        backends: &Backends,
    ) -> Result<Option<Prior>, Restored> {
        let key = text(&restoring.written, "key").unwrap_or_default();
        let entry = entry(backends, &key).map_err(|why| Err(RestoreFailure::Failed(why)))?;
        if Some(&entry.version) != text(&restoring.written, "version").as_ref() {
            let now = image(&key, entry.value.as_deref(), &entry.version);
            return Err(Err(RestoreFailure::Conflict(now)));
        }
        Ok(Some(prior_of(&key, &entry)))
    }

    async fn perform(
        (reference, restoring): Self::Plan,
        _: Option<&Prior>,
        _: &Scope<'_>,
        backends: &Backends,
    ) -> Performed<Restored> {
        let asked = Asked {
            once: reference.clone(),
            reference,
            kind: Kind::Restore,
            key: text(&restoring.written, "key").unwrap_or_default(),
            value: text(&restoring.before, "value"),
            expected: text(&restoring.written, "version"),
            version: text(&restoring.before, "version"),
        };
        match ask(backends, asked) {
            Ok(Answer::Done(line)) => Performed::Known {
                written: Some(written(&line)),
                reply: Ok(()),
            },
            Ok(Answer::Conflict(now)) => Performed::answered(Err(RestoreFailure::Conflict(image(
                "",
                now.value.as_deref(),
                &now.version,
            )))),
            Ok(Answer::Silence) => Performed::Unknown("the ledger did not answer".to_owned()),
            Err(why) => Performed::Unknown(why),
        }
    }

    async fn look(
        (reference, restoring): &Self::Plan,
        prior: Option<&Prior>,
        _: &Scope<'_>,
        backends: &Backends,
    ) -> Looked<Restored> {
        let key = text(&restoring.written, "key").unwrap_or_default();
        match seen(backends, reference, &key, prior) {
            Ok(Looked::Happened { written, .. }) => Looked::Happened {
                reply: Ok(()),
                written,
            },
            Ok(Looked::NotHappened) => Looked::NotHappened,
            Ok(Looked::Unclear { found, why }) => Looked::Unclear { found, why },
            Err(why) => Looked::unclear(why),
        }
    }
}

fn text(image: &Value, field: &str) -> Option<String> {
    image[field].as_str().map(str::to_owned)
}

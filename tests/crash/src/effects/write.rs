//! Writes: one operation for each way in which one can be found out about.

use std::marker::PhantomData;

use serde_json::json;
use tollgate_policy::Effect;
use tollgate_runtime::extend::{
    Backends, Described, Imported, Looked, Operation, Performed, Prior, Recovery, Refusal, Scope,
};
use wasmtime::component::{ComponentNamedList, Lift};

use super::{
    Failure, INTERFACE, Plan, Reply, ask, described, entry, image, ledger, prior_of, reference,
    written,
};
use crate::counter::{Answer, Asked, Kind, Line};

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
pub(super) fn seen(
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

//! What a capability says about one of its functions. It describes, it
//! performs; everything between the two is the door's.

use std::future::Future;
use std::time::{Duration, Instant};
use tollgate_journal::Tenant;

use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::Value;
use tollgate_policy::{Effect, Manifest};
use tollgate_store::Change;
use wasmtime::component::{ComponentNamedList, Lift, Lower};

use super::Refusal;
use crate::capability::Backends;
use crate::names;
use crate::runs::{Lease, awake_ms};

/// One function of a capability.
pub trait Operation: Send + Sync + 'static {
    /// Name in records and rules: `sql.query`.
    const CALL: &'static str;
    /// What the guest hands over.
    type Arguments: Send + 'static;
    /// What it gets back. Recorded as JSON, answered from it on replay.
    type Reply: Serialize + DeserializeOwned + Send + Sync + 'static;
    /// Arguments that were checked, ready to be performed.
    type Plan: Send + Sync + 'static;

    /// Say what the call is: no effect, no waiting.
    fn describe(
        arguments: Self::Arguments,
        scope: &Scope<'_>,
    ) -> Described<Self::Plan, Self::Reply>;

    /// What can be done where it is not known whether a call happened. Declared
    /// honestly: what is wrongly declared doubles an effect.
    const RECOVERY: Recovery = Recovery::None;

    /// The same for one call, where it depends on the call: an operation whose
    /// grant says what the receiver allows.
    fn recovery(_plan: &Self::Plan) -> Recovery {
        Self::RECOVERY
    }

    /// Whether a read carries words of the guest's out: a parameter with free text, a
    /// content. The attack: a "read" that takes a customer list to another server. A
    /// rule that holds a tool holds such a call as it holds a write.
    fn egress(_plan: &Self::Plan) -> bool {
        false
    }

    /// How a write by this call is taken back. A call that has no way back is
    /// irreversible, whatever it is called.
    fn way_back(_plan: &Self::Plan) -> WayBack {
        WayBack::Captured
    }

    /// For how long after a write the operator's row lets it be taken back; no
    /// bound where the row says nothing.
    fn undo_window(_plan: &Self::Plan) -> Option<Duration> {
        None
    }

    /// Numbers about what happened, for the public part of the record. Nothing
    /// but numbers: text from outside could be a person's data or a secret.
    fn facts(_reply: &Self::Reply) -> Vec<(&'static str, u64)> {
        Vec::new()
    }

    /// The reply that tells the guest of a refusal.
    fn refuse(refusal: Refusal) -> Self::Reply;

    /// The call by which the host itself looks at what a write changes, where that
    /// look leaves the host. The rules must allow it as a call of the same tool,
    /// else there is no look.
    fn looks_by(_plan: &Self::Plan) -> Option<OwnLook<'_>> {
        None
    }

    /// Look at what a write would replace. `None`: it cannot be put back, so
    /// the call counts as irreversible.
    fn prior(
        _plan: &Self::Plan,
        _scope: &Scope<'_>,
        _backends: &Backends,
    ) -> impl Future<Output = Result<Option<Prior>, Self::Reply>> + Send {
        async { Ok(None) }
    }

    /// Do it.
    fn perform(
        plan: Self::Plan,
        prior: Option<&Prior>,
        scope: &Scope<'_>,
        backends: &Backends,
    ) -> impl Future<Output = Performed<Self::Reply>> + Send;

    /// Look whether a call in doubt happened. Reads only. Whoever cannot tell
    /// says so: a person decides then.
    fn look(
        _plan: &Self::Plan,
        _prior: Option<&Prior>,
        _scope: &Scope<'_>,
        _backends: &Backends,
    ) -> impl Future<Output = Looked<Self::Reply>> + Send {
        async { Looked::unclear("this operation cannot look") }
    }

    /// The reply to a call that a person found to have happened, where it does
    /// not depend on anything but the call itself.
    fn assumed(_plan: &Self::Plan, _prior: Option<&Prior>) -> Option<Self::Reply> {
        None
    }
}

/// A read of the host's own, as the rules see it. The attack: a path or a query
/// that carries data out by the look before a write that a person would refuse.
#[derive(Clone, Copy, Debug)]
pub struct OwnLook<'a> {
    /// Name in rules.
    pub call: &'a str,
    /// Name of the granted thing.
    pub destination: &'a str,
    /// What a guest's own call would have.
    pub arguments: &'a Value,
}

/// How a write is taken back.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum WayBack {
    /// By the host, with what [`Operation::prior`] captured; not at all where it
    /// captured nothing.
    Captured,
    /// By the inverse tool that the connector's tool declares: the operator
    /// accepted that for this kind of call. It counts only where the tool really
    /// declares one.
    Inverse,
}

/// What an operation allows after a call whose outcome is not known.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Recovery {
    /// The receiver takes a second call under the same
    /// [key](Scope::idempotency_key) for the first one.
    IdempotencyKey,
    /// It can be seen whether the call happened. One that is not found may still
    /// arrive, so it is not sent again.
    Readable,
    /// The call happens only if what it replaces is still what was seen: one that
    /// was not found can be sent again, and a late first one is refused.
    Conditional,
    /// It changes nothing: a read that was recorded before it was sent, because it
    /// carries words out or uses an approval up. It is made again.
    Repeatable,
    /// Nothing can be done by a machine.
    None,
}

impl Recovery {
    /// Its name in records.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::IdempotencyKey => "idempotency_key",
            Self::Readable => "readable",
            Self::Conditional => "conditional",
            Self::Repeatable => "repeatable",
            Self::None => "none",
        }
    }
}

/// What a look at a call in doubt found.
pub enum Looked<R> {
    /// The call happened: its reply, and what it left, as by
    /// [`Performed::Known`].
    Happened {
        /// What the guest gets.
        reply: R,
        /// What it left, to be compared before it is taken back.
        written: Option<Value>,
    },
    /// What it would replace is still there as it was seen.
    NotHappened,
    /// Neither can be said; what was found is for a person to see.
    Unclear {
        /// What is there; null where nothing could be read.
        found: Value,
        /// Why it cannot be said.
        why: String,
    },
}

impl<R> Looked<R> {
    /// Nothing could be found out.
    pub fn unclear(why: impl Into<String>) -> Self {
        Self::Unclear {
            found: Value::Null,
            why: why.into(),
        }
    }

    /// Something else is there than before the call, and than it would leave.
    #[must_use]
    pub fn changed(found: Value) -> Self {
        Self::Unclear {
            found,
            why: "what is there now is neither what was there before the call nor what it leaves"
                .to_owned(),
        }
    }
}

/// A function that guests may import.
pub trait Imported: Operation<Arguments: ComponentNamedList + Lift> {
    /// The interface in our contract, or in WASI's.
    const INTERFACE: &'static str;
    /// The function's name there.
    const FUNCTION: &'static str;
    /// The function's results: a reply in the component model's shape.
    type Results: ComponentNamedList + Lower + Send + 'static;
    /// A reply as results.
    fn results(reply: Self::Reply) -> Self::Results;
}

/// An operation whose answer needs no waiting, for guests' libraries that ask
/// for the time or for randomness where nothing can be awaited.
pub(crate) trait Immediate: Operation {
    /// Do it now.
    fn perform_now(plan: Self::Plan, scope: &Scope<'_>, backends: &Backends) -> Self::Reply;
}

/// For whom a call is made, and under what.
#[derive(Clone, Copy)]
pub struct Scope<'a> {
    /// The tenant; nothing an operation reaches may be another's.
    pub tenant: &'a Tenant,
    /// The run.
    pub run: &'a str,
    /// The hand-off it belongs to.
    pub case: &'a str,
    /// Who asked for it.
    pub principal: &'a str,
    /// The connector's installed name.
    pub connector: &'a str,
    /// The tool.
    pub tool: &'a str,
    /// Which import call of the run this is, counted from 0. With `run`, the same
    /// whenever the call is made again: what an idempotency key is made of.
    pub position: u32,
    /// The manifest in force now: grants and rules.
    pub manifest: &'a Manifest,
    /// The manifest the run opened under: `config` is answered from it.
    pub opened_under: &'a Manifest,
    /// When the run's time is over: nothing is waited for beyond it.
    pub deadline: Instant,
    /// Whether this very call may have been sent before. An answer that tells
    /// nothing about the first time, such as that nobody listens, is then
    /// [`Performed::Unknown`].
    pub in_doubt: bool,
    /// Until when a write may be sent; nothing for what is no write.
    pub(crate) sending: Option<Sending<'a>>,
}

/// Until when a write may be sent, as the door asked immediately before it handed
/// the write over.
#[derive(Clone, Copy)]
pub(crate) struct Sending<'a> {
    /// By [`awake_ms`].
    pub(super) at: u64,
    pub(super) lease: &'a Lease,
}

impl Scope<'_> {
    /// How long a write may still wait before it is sent; nothing where it may not
    /// be sent any more. The attack: a server of tokens, or of names, that is slow
    /// until another host has taken the run over.
    #[must_use]
    pub fn left_to_send(&self) -> Option<Duration> {
        let sending = self.sending.as_ref()?;
        let now = awake_ms();
        let left = sending.at.saturating_sub(now);
        let left = left.min(sending.lease.remaining_ms(now));
        (left > 0).then(|| Duration::from_millis(left))
    }

    /// What must be true of the run for a change of the host's own store.
    pub(crate) fn lease_condition(&self) -> Option<Change> {
        self.sending.as_ref()?.lease.condition(self.run)
    }

    /// The same for every attempt at this call, and for no other call.
    #[must_use]
    pub fn idempotency_key(&self) -> String {
        names::call(self.run, self.position)
    }
}

/// A call, before anything is decided about it.
pub struct Described<P, R> {
    /// Name of the granted thing, as in the manifest.
    pub destination: String,
    /// What it resolves to; part of what an approval is bound to.
    pub identity: String,
    /// What the host takes it for, from capability and grant row.
    pub effect: Effect,
    /// Arguments as JSON with exact numbers, for rules, record and card.
    pub arguments: Value,
    /// What comes next.
    pub next: Next<P, R>,
}

/// What a described call needs.
pub enum Next<P, R> {
    /// Inside the grant.
    Perform(P),
    /// Outside it.
    Refuse(Refusal),
    /// No effect is needed to answer: the arguments themselves are at fault.
    Answer(R),
}

/// What a write would replace.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Prior {
    /// Changes when what is there changes.
    pub version: String,
    /// What is there, so that it can be put back.
    pub value: Value,
}

/// What became of a performed call.
pub enum Performed<R> {
    /// It happened, or surely did not.
    Known {
        /// What the guest gets.
        reply: R,
        /// What a write left, to be compared before it is taken back; nothing
        /// where nothing was changed.
        written: Option<Value>,
    },
    /// It may or may not have happened.
    Unknown(String),
}

impl<R> Performed<R> {
    /// A reply to a call that changed nothing.
    pub fn answered(reply: R) -> Self {
        Self::Known {
            reply,
            written: None,
        }
    }

    /// The same with another reply.
    pub fn map<S>(self, change: impl FnOnce(R) -> S) -> Performed<S> {
        match self {
            Self::Known { reply, written } => Performed::Known {
                reply: change(reply),
                written,
            },
            Self::Unknown(why) => Performed::Unknown(why),
        }
    }
}

impl<P, R> Described<P, R> {
    /// Go on from a plan to the next one, where there is a plan.
    #[must_use]
    pub fn then<Q>(self, go_on: impl FnOnce(P) -> Next<Q, R>) -> Described<Q, R> {
        Described {
            destination: self.destination,
            identity: self.identity,
            effect: self.effect,
            arguments: self.arguments,
            next: match self.next {
                Next::Perform(plan) => go_on(plan),
                Next::Refuse(refusal) => Next::Refuse(refusal),
                Next::Answer(reply) => Next::Answer(reply),
            },
        }
    }
}

//! Decisions that come back from where an approval was announced: a button in a chat,
//! or a program that a person talks to.
//!
//! ```text
//! POST /v1/callbacks/NAME ─▶ triggers/sender.rs  signed by who has the callback's secret, and now?
//!                            triggers/pace.rs    not too many of them
//!                            payload.rs          who said what of which announcement, and nothing else
//!                            here                whom that is, and whether it may come this way
//!                            decisions.rs        taken like every other decision
//! ```
//!
//! The signature says that the chat service sent it, and the service says whose account
//! pressed the button. So whoever holds that account decides: an operator names each
//! account and each approval that may be decided so, and nothing else is. Attacks named:
//!
//! - An account that nobody mapped, or one of the same id in another workspace.
//! - Another tenant's approval: it is looked for among the person's own alone.
//! - A button that an agent, or another program of the channel, has made: it must carry
//!   what only this host's announcements say ([`ApprovalField::Digest`]), which is bound
//!   to what was asked for.
//! - A request that is sent again: see `decisions/carrier.rs`.
//! - A key that a person signs with is got around: who has one decides with it alone.
//!
//! [`ApprovalField::Digest`]: tollgate_policy::queue::ApprovalField::Digest

mod answer;
mod payload;

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use subtle::ConstantTimeEq as _;
use tollgate_journal::Tenant;
use tollgate_policy::SignatureScheme;
use tollgate_secrets::{Secret, SecretError, SourceError};
use tollgate_store::{ApprovalRow, PrincipalKind as StoredKind, Verdict};

use crate::api::{Identified, Principal, PrincipalKind};
use crate::decisions::{Came, Carrier, Said};
use crate::error::{DecideError, HostError};
use crate::host::{Host, Inner};
use crate::triggers::pace::Pace;
use crate::triggers::{Delivery, sender};

pub use answer::{CallbackError, CallbackOutcome, CallbackReport, CalledBack};
use payload::Pressed;

/// How the channel of such a decision begins. No connector's name has a colon.
const CHANNEL: &str = "callback:";

/// The shortest secret, bytes of its text: a signing secret of Slack has 32 hex
/// digits, a key of Standard Webhooks 24 bytes in base64.
const SECRET_BYTES_MIN: usize = 32;

/// What a key of Standard Webhooks begins with.
const KEY_PREFIX: &[u8] = b"whsec_";

/// A way in which decisions come back.
#[derive(Clone, Debug)]
pub struct Callback {
    /// The last part of its address.
    pub name: String,
    /// Whose approvals it decides.
    pub tenant: Tenant,
    /// How it is signed and written.
    pub scheme: CallbackScheme,
    /// Slots of the secrets that it may be signed with: the one in use, and one
    /// that is going out of use.
    pub secrets: Vec<String>,
    /// The registered person of each account.
    pub people: BTreeMap<String, String>,
    /// The approvals, by their names in manifests, that may be decided so.
    pub approvals: BTreeSet<String>,
    /// Most verified requests in a time.
    pub rate: (u32, Duration),
}

/// How a callback is signed and written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum CallbackScheme {
    /// A button in Slack.
    Slack {
        /// The workspace whose accounts are meant.
        team: String,
    },
    /// Standard Webhooks, with a JSON object.
    Webhook,
}

impl CallbackScheme {
    /// How its secret signs.
    #[must_use]
    pub const fn signature(&self) -> SignatureScheme {
        match self {
            Self::Slack { .. } => SignatureScheme::Slack,
            Self::Webhook => SignatureScheme::StandardWebhooks,
        }
    }
}

/// All callbacks of a host.
#[derive(Default)]
pub(crate) struct Callbacks {
    by_name: HashMap<String, (Callback, Mutex<Pace>)>,
}

impl Callbacks {
    pub(crate) fn new(callbacks: Vec<Callback>) -> Self {
        let named = callbacks.into_iter().map(|callback| {
            let pace = Mutex::new(Pace::new(callback.rate));
            (callback.name.clone(), (callback, pace))
        });
        Self {
            by_name: named.collect(),
        }
    }
}

impl Host {
    /// Take a decision that came back from an announcement. It is durable when this
    /// answers; the run goes on by itself.
    ///
    /// # Errors
    ///
    /// When the request is not verified, or no decision is taken. Who pressed a button
    /// in Slack is told why with [`CalledBack::Told`] instead.
    pub async fn call_back(
        &self,
        callback: &str,
        request: Delivery,
    ) -> Result<CalledBack, CallbackError> {
        self.inner().call_back(callback, request).await
    }
}

impl Inner {
    /// A secret that can be guessed is refused before anything is taken. One that
    /// cannot be read now verifies nothing until it can.
    pub(crate) async fn check_callbacks(&self) -> Result<(), HostError> {
        for (callback, _) in self.callbacks.by_name.values() {
            let mut short = self.callback_keys(callback).await.iter().any(is_short);
            for slot in &callback.secrets {
                // No secret at all may be as short as that: it is not even read.
                let read = self.backends.secrets.check(&callback.tenant, slot).await;
                short |= matches!(
                    read,
                    Err(SecretError::Unreadable {
                        source: SourceError::TooShort | SourceError::Empty,
                        ..
                    })
                );
            }
            if short {
                return Err(HostError::CallbackSecret {
                    callback: callback.name.clone(),
                    least: SECRET_BYTES_MIN,
                });
            }
        }
        Ok(())
    }

    async fn callback_keys(&self, callback: &Callback) -> Vec<Secret> {
        let (origin, scheme) = (origin(&callback.name), callback.scheme.signature());
        self.keys_of(&callback.tenant, &origin, scheme, &callback.secrets)
            .await
    }

    async fn call_back(
        self: &Arc<Self>,
        name: &str,
        request: Delivery,
    ) -> Result<CalledBack, CallbackError> {
        let now_s = self.journal.now_ms() / 1_000;
        let Some((callback, pace)) = self.callbacks.by_name.get(name) else {
            // The attack: a name is guessed by how long its refusal takes.
            sender::pretend(&request, now_s);
            return Err(CallbackError::Unverified);
        };
        // One that was exchanged for a short one since the start.
        let mut keys = self.callback_keys(callback).await;
        keys.retain(|key| !is_short(key));
        let scheme = callback.scheme.signature();
        // Before anything of it is read. Without a key it fits none.
        sender::verify(scheme, &keys, &request, now_s).map_err(|error| {
            tracing::warn!(callback = name, %error, "a callback is not verified");
            CallbackError::Unverified
        })?;
        let admitted = pace.lock().unwrap_or_else(PoisonError::into_inner).admit();
        let taken = match admitted {
            Ok(()) => self.pressed(callback, &request).await,
            Err(after) => Err(CallbackError::Limited { after }),
        };
        if let Err(error) = &taken {
            tracing::info!(callback = name, kind = error.kind(), "no decision is taken");
        }
        match callback.scheme {
            CallbackScheme::Webhook => taken.map(CalledBack::Taken),
            CallbackScheme::Slack { .. } => Ok(CalledBack::Told(answer::words(&taken))),
        }
    }

    /// The decision that a verified request carries.
    async fn pressed(
        self: &Arc<Self>,
        callback: &Callback,
        request: &Delivery,
    ) -> Result<CallbackReport, CallbackError> {
        let pressed = payload::read(&callback.scheme, request)?;
        let who = self.mapped(callback, &pressed.account).await?;
        let row = self.approval(&who, &pressed.approval).await?;
        callback.admits(&row)?;
        // The attack: a button from before an edit, or one that somebody made up. The
        // text is compared in constant time: its sender may try as often as the rate
        // allows, and learns nothing of how much was right.
        let announced = self.announced_digest(&row);
        if !bool::from(announced.as_bytes().ct_eq(pressed.digest.as_bytes())) {
            return Err(DecideError::Changed.into());
        }
        let channel = format!("{CHANNEL}{}", callback.name);
        let carrier = Carrier {
            channel: &channel,
            request: &pressed.request,
        };
        let said = Said {
            digest: &row.digest,
            verdict: &pressed.verdict,
            reason: pressed.reason.as_deref(),
            batch: None,
            signature: None,
            carrier: Some(carrier),
        };
        let report = |outcome, votes| CallbackReport {
            approval: row.id.clone(),
            decision: decision(&pressed).to_owned(),
            outcome,
            votes,
            quorum: row.quorum,
        };
        let (before, came) = match self.take_decision(&who, &row.id, said).await {
            Ok(taken) => taken,
            Err(DecideError::Repeated) => return Ok(report(CallbackOutcome::Repeated, None)),
            Err(error) => return Err(error.into()),
        };
        let yes = usize::from(pressed.verdict == Verdict::Approved);
        let votes = u32::try_from(before.votes.len() + yes).ok();
        Ok(match came {
            Came::Voted => report(CallbackOutcome::Voted, votes),
            Came::Drilled => report(CallbackOutcome::Drill, votes),
            Came::Decided => {
                self.go_on_after(row.tenant.clone(), row.run.clone());
                report(CallbackOutcome::Decided, votes)
            }
        })
    }

    /// The registered principal of an account. What kind it is of and what it may is
    /// judged where every decision is.
    async fn mapped(&self, callback: &Callback, account: &str) -> Result<Principal, CallbackError> {
        let name = callback.people.get(account);
        let name = name.ok_or(CallbackError::UnknownPerson)?;
        let known = self.journal.store.principals(&callback.tenant).await;
        let known = known.map_err(DecideError::from)?.into_iter();
        // The attack: somebody left, and the chat account or the mapping stayed.
        let mut known = known.filter(|row| row.revoked_ms.is_none() && row.name == *name);
        let row = known.next().ok_or(CallbackError::UnknownPerson)?;
        Ok(Principal {
            identified: Identified::Callback(callback.name.clone()),
            tenant: row.tenant,
            name: row.name,
            kind: match row.kind {
                StoredKind::Person => PrincipalKind::Person,
                StoredKind::Agent => PrincipalKind::Agent,
                _ => PrincipalKind::Service,
            },
            groups: row.groups,
        })
    }

    /// Go on with a decided run. Who pressed a button does not wait for it: Slack gives
    /// three seconds. Where it fails, the watch of any host finds the decision.
    fn go_on_after(self: &Arc<Self>, tenant: Tenant, run: String) {
        let inner = Arc::clone(self);
        tokio::spawn(async move {
            if let Err(error) = inner.resume(&tenant, &run).await {
                tracing::warn!(run, %error, "a decided run could not go on yet");
            }
        });
    }
}

impl Callback {
    /// Whether an approval may be decided so. Nothing is that the operator did not
    /// name, and what is outside of the usual never.
    fn admits(&self, row: &ApprovalRow) -> Result<(), CallbackError> {
        if !self.approvals.contains(&row.approval) {
            return Err(CallbackError::NotByCallback(
                "this approval is not one of those that the operator lets be decided here",
            ));
        }
        if row.exception {
            return Err(CallbackError::NotByCallback(
                "an exception is not decided from outside",
            ));
        }
        Ok(())
    }
}

/// Where a secret that verifies this callback may go.
pub(crate) fn origin(name: &str) -> String {
    format!("callback://{name}")
}

fn is_short(key: &Secret) -> bool {
    let text = key.expose();
    let text = text.strip_prefix(KEY_PREFIX).unwrap_or(text);
    text.len() < SECRET_BYTES_MIN
}

const fn decision(pressed: &Pressed) -> &'static str {
    match pressed.verdict {
        Verdict::Approved => "approved",
        Verdict::Denied => "denied",
    }
}

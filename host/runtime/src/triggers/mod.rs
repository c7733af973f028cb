//! Runs that another system's webhook opens.
//!
//! ```text
//! POST /hooks/NAME ─▶ sender.rs   signed by who has the trigger's secret, and now?
//!                     pace.rs     not too many of them
//!                     inputs.rs   the named, typed values, and nothing else
//!                     here        the call of a service, kept before it is answered
//! ```
//!
//! What a sender says is as hostile as anything from outside: of its payload only
//! what the operator named is taken, each as the kind that the operator named, and
//! the run has no more rights than the service that the trigger names.
//!
//! An accepted delivery is durable before its sender is told so, with a row under a
//! lease: a host that dies then is followed by another one that goes on with the
//! run. A sender that was not told so sends again, and finds the run by the
//! delivery's id, on any host.

mod inputs;
pub(crate) mod pace;
pub(crate) mod sender;

use std::collections::{BTreeSet, HashMap};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use tollgate_journal::Tenant;

use serde_json::Value;
use thiserror::Error;
use tokio::sync::oneshot;
use tollgate_policy::workflow::Workflow;
use tollgate_policy::{Digest, SignatureScheme};
use tollgate_secrets::Secret;
use tollgate_store::{PrincipalRow, StoreError};

use crate::api::{Principal, PrincipalKind, RunState, ToolCall};
use crate::error::CallError;
use crate::host::{Host, Inner};
use crate::names;
use crate::runs::Request;

pub use inputs::{Input, InputKind, InputSource};
use pace::Pace;
use sender::{Sender, Untrue};

/// How the request key and the trigger of such a run begin. No caller can give
/// them: a record that has them was opened by a delivery that was verified.
pub(crate) const HOOK: &str = "hook:";

/// The longest id of a delivery that stands in records as it is, bytes. Together
/// with the longest trigger's name it fits a request key.
const ID_BYTES_MAX: usize = 70;

/// A webhook that opens runs.
#[derive(Clone, Debug)]
pub struct Trigger {
    /// The last part of its address.
    pub name: String,
    /// Whose runs it opens.
    pub tenant: Tenant,
    /// Installed name of the connector.
    pub connector: String,
    /// Name of the tool.
    pub tool: String,
    /// The service that calls it.
    pub principal: String,
    /// The workflow of its runs.
    pub workflow: Option<String>,
    /// Slots of the secrets that it may be signed with: the one in use, and one
    /// that is going out of use.
    pub secrets: Vec<String>,
    /// How it is signed.
    pub scheme: SignatureScheme,
    /// Where in the payload the case is, by JSON Pointer.
    pub case: Option<String>,
    /// Where in the payload the delivery's id is; where the scheme has it,
    /// otherwise.
    pub id: Option<String>,
    /// What the tool's input is made of.
    pub inputs: Vec<Input>,
    /// Most verified deliveries in a time.
    pub rate: (u32, Duration),
    /// Where it is defined: file, line and column, for messages.
    pub place: String,
}

/// A request as it came, not believed yet.
#[derive(Clone)]
pub struct Delivery {
    /// Its headers, by their names in lower case. One that stands twice is not
    /// among them: two readers could take two values.
    pub headers: HashMap<String, String>,
    /// Its raw content.
    pub body: Vec<u8>,
}

/// What a verified delivery came to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Delivered {
    /// A run, which is durable.
    Run {
        /// Its name.
        run: String,
        /// Whether an earlier delivery with the same id opened it.
        repeated: bool,
    },
    /// Slack asks whether somebody is here who can verify it, and wants this word.
    Challenge(String),
}

/// Why a delivery was not taken.
#[derive(Clone, Debug, Error, PartialEq, Eq)]
#[non_exhaustive]
pub enum DeliveryError {
    /// There is no such trigger, or its sender did not sign this, or too long ago.
    /// Which one is not said: it would tell a stranger what there is.
    #[error("this delivery is not verified")]
    Unverified,
    /// The payload is not what the trigger takes.
    #[error("{message}")]
    Malformed {
        /// JSON Pointer into the payload.
        pointer: String,
        /// What is wrong.
        message: String,
    },
    /// There were too many.
    #[error("this trigger has had its deliveries for now")]
    Limited {
        /// When to come again.
        after: Duration,
    },
    /// Another payload had this id.
    #[error("a delivery with this id and another payload was taken before")]
    IdReused,
    /// It cannot be taken now.
    #[error("the delivery cannot be taken now; send it again")]
    Unavailable,
}

impl DeliveryError {
    /// Stable, machine-readable name.
    #[must_use]
    pub fn kind(&self) -> &'static str {
        match self {
            Self::Unverified => "not_verified",
            Self::Malformed { .. } => "malformed",
            Self::Limited { .. } => "limited",
            Self::IdReused => "key_reused",
            Self::Unavailable => "unavailable",
        }
    }
}

/// All triggers of a host.
#[derive(Default)]
pub(crate) struct Triggers {
    by_name: HashMap<String, (Trigger, Mutex<Pace>)>,
}

impl Triggers {
    pub(crate) fn new(triggers: Vec<Trigger>) -> Self {
        let named = triggers.into_iter().map(|trigger| {
            let pace = Mutex::new(Pace::new(trigger.rate));
            (trigger.name.clone(), (trigger, pace))
        });
        Self {
            by_name: named.collect(),
        }
    }
}

impl Triggers {
    /// Those that may start cases of this workflow.
    pub(crate) fn starting<'t>(
        &'t self,
        workflow: &'t Workflow,
    ) -> impl Iterator<Item = &'t Trigger> {
        let all = self.by_name.values().map(|(trigger, _)| trigger);
        all.filter(|trigger| {
            trigger.tenant == workflow.tenant
                && trigger.workflow.as_deref() == Some(workflow.name.as_str())
                && workflow.starts.triggers.contains(&trigger.name)
        })
    }

    /// The first trigger whose deliveries could open no case of the workflow that it
    /// names, and why.
    pub(crate) fn unfit(&self, workflow: &Workflow) -> Option<String> {
        let mut starting = self.starting(workflow);
        starting.find_map(|trigger| {
            let lacks: Vec<&str> = workflow.lacks(&trigger.brought()).collect();
            (!lacks.is_empty()).then(|| {
                format!(
                    "{}: the trigger `{}` does not always bring `{}`, which a case of `{}` \
                     needs; map it in its [trigger.inputs], without `optional`",
                    trigger.place,
                    trigger.name,
                    lacks.join("`, `"),
                    workflow.name
                )
            })
        })
    }
}

/// Told as soon as a run is durable, and its caller may go.
pub(crate) struct Accepted(oneshot::Sender<(String, bool)>);

impl Accepted {
    /// This run has the delivery.
    pub(crate) fn tell(self, run: &str, repeated: bool) {
        // Whoever asked may have gone; the run goes on.
        let _ = self.0.send((run.to_owned(), repeated));
    }
}

impl Host {
    /// Take a delivery for a trigger. When this answers with a run, the run is
    /// durable; it may not have ended.
    ///
    /// # Errors
    ///
    /// When the delivery is not verified, not what the trigger takes, or cannot be
    /// taken now.
    pub async fn deliver(
        &self,
        trigger: &str,
        delivery: Delivery,
    ) -> Result<Delivered, DeliveryError> {
        self.inner().deliver(trigger, delivery).await
    }
}

impl Inner {
    async fn deliver(
        self: &Arc<Self>,
        name: &str,
        delivery: Delivery,
    ) -> Result<Delivered, DeliveryError> {
        let now_s = self.journal.now_ms() / 1_000;
        let Some((trigger, pace)) = self.triggers.by_name.get(name) else {
            // The attack: a name is guessed by how long its refusal takes.
            sender::pretend(&delivery, now_s);
            return Err(DeliveryError::Unverified);
        };
        let keys = self.keys(trigger).await?;
        let sender = sender::verify(trigger.scheme, &keys, &delivery, now_s).map_err(|error| {
            tracing::warn!(trigger = name, %error, "a delivery is not verified");
            DeliveryError::Unverified
        })?;
        let admitted = pace.lock().unwrap_or_else(PoisonError::into_inner).admit();
        admitted.map_err(|after| DeliveryError::Limited { after })?;
        let payload = sender::payload(trigger.scheme, &delivery)?;
        if let Some(word) = sender::challenge(trigger.scheme, &payload) {
            return Ok(Delivered::Challenge(word));
        }
        let call = trigger.call(&sender, &payload, &delivery)?;
        let who = self.service(trigger).await?;
        self.open_for(name, who, call).await
    }

    /// The keys that the trigger's sender may have. A trigger without a key is one
    /// that nobody can sign for.
    async fn keys(&self, trigger: &Trigger) -> Result<Vec<Secret>, DeliveryError> {
        let (tenant, origin) = (&trigger.tenant, origin(&trigger.name));
        let keys = self.keys_of(tenant, &origin, trigger.scheme, &trigger.secrets);
        match keys.await {
            keys if keys.is_empty() => Err(DeliveryError::Unverified),
            keys => Ok(keys),
        }
    }

    async fn service_row(&self, trigger: &Trigger) -> Result<Option<PrincipalRow>, StoreError> {
        let known = self.journal.store.principals(&trigger.tenant).await?;
        Ok(known.into_iter().find(|row| {
            row.name == trigger.principal
                && row.revoked_ms.is_none()
                && row.kind == tollgate_store::PrincipalKind::Service
        }))
    }

    /// Say at the start which triggers have nobody to call as: their deliveries are
    /// refused until there is one, and no sender is told why.
    pub(crate) async fn say_who_is_missing(&self) {
        for (trigger, _) in self.triggers.by_name.values() {
            if let Ok(None) = self.service_row(trigger).await {
                tracing::warn!(
                    trigger = trigger.name,
                    tenant = %trigger.tenant,
                    "deliveries are refused until there is the service `{0}`: \
                     tollgate principal {0} --kind service",
                    trigger.principal
                );
            }
        }
    }

    /// The service that a trigger calls as. The attack: a trigger whose operator
    /// took the service's token back goes on all the same.
    async fn service(&self, trigger: &Trigger) -> Result<Principal, DeliveryError> {
        let unavailable = |why: &str| {
            tracing::error!(
                trigger = trigger.name,
                principal = trigger.principal,
                why,
                "a delivery cannot be taken"
            );
            DeliveryError::Unavailable
        };
        let service = self.service_row(trigger).await;
        let service = service.map_err(|error| unavailable(&error.to_string()))?;
        let service = service.ok_or_else(|| unavailable("there is no such service"))?;
        Ok(Principal {
            identified: Default::default(),
            tenant: service.tenant,
            name: service.name,
            kind: PrincipalKind::Service,
            groups: service.groups,
        })
    }

    /// Open the run, and answer when it is durable.
    async fn open_for(
        self: &Arc<Self>,
        name: &str,
        who: Principal,
        call: ToolCall,
    ) -> Result<Delivered, DeliveryError> {
        let (tell, told) = oneshot::channel();
        let request = Request {
            call,
            undoes: None,
            accepted: Some(Accepted(tell)),
        };
        let inner = Arc::clone(self);
        let work = tokio::spawn(async move { inner.call(&who, request).await });
        if let Ok((run, repeated)) = told.await {
            return Ok(Delivered::Run { run, repeated });
        }
        // It came to its end without being kept: refused, or the store is away.
        let ended = work
            .await
            .unwrap_or_else(|stopped| Err(CallError::Connector(stopped.to_string())));
        match ended {
            Ok(report) if report.state != RunState::Open => Ok(Delivered::Run {
                run: report.run,
                repeated: false,
            }),
            Ok(_) => Err(DeliveryError::Unavailable),
            Err(CallError::InvalidInput { pointer, message }) => {
                let message = format!("the tool cannot take it at `{pointer}`: {message}");
                let pointer = String::new();
                Err(DeliveryError::Malformed { pointer, message })
            }
            Err(CallError::KeyReused(_)) => Err(DeliveryError::IdReused),
            Err(error) => {
                tracing::error!(trigger = name, %error, "a delivery cannot be taken");
                Err(DeliveryError::Unavailable)
            }
        }
    }
}

impl Trigger {
    /// Members of the tool's input that every delivery of it has.
    pub(crate) fn brought(&self) -> BTreeSet<&str> {
        let always = self.inputs.iter().filter(|input| match &input.from {
            InputSource::Fixed(_) => true,
            InputSource::Payload { optional, .. } => !optional,
        });
        always
            .filter_map(|input| match input.to.as_slice() {
                [name] => Some(name.as_str()),
                _ => None,
            })
            .collect()
    }

    /// The call that a payload makes. Nothing of the payload is in it that the
    /// operator did not name.
    fn call(
        &self,
        sender: &Sender,
        payload: &Value,
        delivery: &Delivery,
    ) -> Result<ToolCall, DeliveryError> {
        let id = match &self.id {
            Some(at) => inputs::name(payload, at)?,
            None => sender.id(payload, delivery)?,
        };
        let key = format!("{HOOK}{}/{}", self.name, recordable(&id));
        let case = self.case.as_ref().map(|at| inputs::name(payload, at));
        Ok(ToolCall {
            connector: self.connector.clone(),
            tool: self.tool.clone(),
            input: inputs::take(&self.inputs, payload)?,
            case: case.transpose()?,
            workflow: self.workflow.clone(),
            trigger: Some(key.clone()),
            request_key: Some(key),
            ..ToolCall::default()
        })
    }
}

/// Where a secret that verifies this trigger may go.
pub(crate) fn origin(name: &str) -> String {
    format!("hook://{name}")
}

/// An id as it can stand in a record; a digest of one that cannot.
fn recordable(id: &str) -> String {
    match names::is_givable(id) && id.len() <= ID_BYTES_MAX {
        true => id.to_owned(),
        false => Digest::of(id.as_bytes()).to_string().replace(':', "-"),
    }
}

impl From<Untrue> for DeliveryError {
    fn from(untrue: Untrue) -> Self {
        Self::Malformed {
            pointer: untrue.pointer,
            message: untrue.message,
        }
    }
}

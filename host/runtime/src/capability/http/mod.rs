//! Requests to web servers that the manifest names.
//!
//! | file | part |
//! |---|---|
//! | `wire` | requests and answers as guests and records have them |
//! | `asked`, `content` | what is asked for, judged, and as rules and cards see it |
//! | `message`, `exchange`, `credential`, `token`, `destination` | what is sent, and again where that helps |
//! | `resource`, `members` | what a write changes, looked at before and after |
//! | `write`, `restore` | a write's outcome, and its way back |
//!
//! What a row of the manifest says decides what can be done where the outcome of a
//! write is not known: sent again under its idempotency key; looked at and sent
//! again under its condition (`conditional`, and an `If-Match` of the guest's);
//! looked at (`undo = "restore"`); or a person. That a server honours its row is
//! the operator's word: one that does not is doubled after a crash.

mod asked;
mod content;
mod credential;
mod destination;
mod exchange;
mod members;
mod message;
mod resource;
mod restore;
mod token;
mod wire;
mod write;

use std::time::Duration;

use serde_json::Value;
use tollgate_policy::Effect;
use tollgate_policy::http::{HttpGrant, HttpMethod, HttpRefusal, Judged, RouteUndo};

use asked::Asked;
pub(crate) use destination::Roots;
use exchange::{Again, Exchange, Message};
use resource::Resource;
pub(crate) use restore::Restore;
use wire::{Answer, HttpError, Request, Response};

use super::Backends;
use crate::door::{
    Denial, Described, Imported, Looked, Next, Operation, OwnLook, Performed, Prior, Recovery,
    Refusal, Scope, WayBack,
};

const INTERFACE: &str = "tollgate:connector/http@0.1.0";

/// A request that is granted.
#[derive(Clone, Debug)]
pub(crate) struct Plan {
    destination: String,
    message: Message,
    again: Again,
    /// Whether it carries words of the guest's out.
    egress: bool,
    recovery: Recovery,
    way_back: WayBack,
    /// For how long the row lets it be taken back.
    window: Option<Duration>,
    /// What a write changes, where it can be looked at.
    resource: Option<Resource>,
    /// Whether the host puts back what it replaced.
    restores: bool,
    /// The version that a write is bound to.
    if_match: Option<String>,
}

impl Plan {
    fn of(
        asked: &Asked,
        judged: &Judged<'_>,
        grant: &HttpGrant,
        key: &str,
    ) -> Result<Self, String> {
        let route = judged.route;
        let is_read = judged.effect == Effect::Read;
        let has_key = route.idempotency.is_some();
        let if_match = asked.if_match().filter(|_| route.conditional);
        let (restores, at) = match &route.undo {
            RouteUndo::Restore { at } => (true, at.as_str()),
            RouteUndo::Inverse | RouteUndo::None => (false, ""),
        };
        let resource = if !is_read && (restores || if_match.is_some()) {
            Resource::of(asked, grant, at)
        } else {
            None
        };
        Ok(Self {
            destination: grant.name.clone(),
            message: message::of(asked, judged, grant, key)?,
            again: match (is_read, has_key) {
                (true, _) => Again::Read,
                (false, true) => Again::SameKey,
                (false, false) => Again::Never,
            },
            egress: judged.egress,
            recovery: match (&resource, if_match) {
                _ if has_key => Recovery::IdempotencyKey,
                (Some(_), Some(_)) => Recovery::Conditional,
                (Some(_), None) => Recovery::Readable,
                (None, _) => Recovery::None,
            },
            way_back: match route.undo {
                RouteUndo::Inverse => WayBack::Inverse,
                RouteUndo::Restore { .. } | RouteUndo::None => WayBack::Captured,
            },
            window: route.window,
            if_match: if_match.map(str::to_owned),
            resource,
            restores,
        })
    }

    /// The resource, where the host puts back what is written to it.
    fn restorable(&self) -> Option<&Resource> {
        self.resource.as_ref().filter(|_| self.restores)
    }

    /// What it is sent with.
    fn exchange<'a>(
        &self,
        scope: &'a Scope<'a>,
        backends: &'a Backends,
    ) -> Result<Exchange<'a>, HttpError> {
        let grant = grant(scope, &self.destination).map_err(HttpError::Refused)?;
        Ok(Exchange {
            grant,
            scope,
            backends,
        })
    }
}

fn grant<'a>(scope: &Scope<'a>, name: &str) -> Result<&'a HttpGrant, Refusal> {
    scope.manifest.grant.http.get(name).ok_or_else(|| {
        Refusal::not_granted(
            format!("the manifest grants no web server `{name}`"),
            "[grant.http.NAME]\nbase_url = \"https://…\"",
        )
    })
}

/// What a request is, and whether it may be sent.
fn describe<R>(
    destination: String,
    asked: &Asked,
    scope: &Scope<'_>,
    invalid: impl FnOnce(String) -> R,
) -> Described<Plan, R> {
    // Of a refused request, nothing is known but its method.
    let by_method = match asked.method {
        HttpMethod::Get | HttpMethod::Head => Effect::Read,
        _ => Effect::Irreversible,
    };
    let refused = |identity: String, next| Described {
        destination: destination.clone(),
        identity,
        effect: by_method,
        arguments: asked.arguments(None),
        next,
    };
    let grant = match grant(scope, &destination) {
        Ok(grant) => grant,
        Err(refusal) => return refused("http".to_owned(), Next::Refuse(refusal)),
    };
    let judged = match asked.judge(grant) {
        Ok(judged) => judged,
        Err(refusal) if refusal.is_denial() => {
            return refused(grant.identity(), Next::Refuse(denied(&refusal)));
        }
        Err(refusal) => {
            return refused(grant.identity(), Next::Answer(invalid(refusal.to_string())));
        }
    };
    let key = scope.idempotency_key();
    match Plan::of(asked, &judged, grant, &key) {
        Ok(plan) => Described {
            identity: identity(grant, &judged),
            effect: judged.effect,
            arguments: asked.arguments(Some((&judged, &plan.message))),
            next: Next::Perform(plan),
            destination,
        },
        Err(why) => refused(grant.identity(), Next::Answer(invalid(why))),
    }
}

/// Where a request goes and what makes a second one harmless there: an approval,
/// and what is sent again, are bound to both.
fn identity(grant: &HttpGrant, judged: &Judged<'_>) -> String {
    let mut identity = grant.identity();
    if let Some(key) = &judged.route.idempotency {
        identity.push_str(&format!(" under a key: {key:?}"));
    }
    if judged.route.conditional {
        identity.push_str(" under a condition");
    }
    identity
}

fn denied(refusal: &HttpRefusal) -> Refusal {
    Refusal::Denied(Denial {
        reason: refusal.to_string(),
        rule: None,
        hint: refusal.hint(),
    })
}

/// Send one request.
pub(crate) struct Send;

impl Operation for Send {
    const CALL: &'static str = "http.send";
    type Arguments = (String, Request);
    type Reply = Result<Answer, HttpError>;
    type Plan = Plan;

    fn describe(
        (destination, request): Self::Arguments,
        scope: &Scope<'_>,
    ) -> Described<Plan, Self::Reply> {
        describe(destination, &request.into(), scope, |why| {
            Err(HttpError::InvalidRequest(why))
        })
    }

    fn recovery(plan: &Plan) -> Recovery {
        plan.recovery
    }

    fn egress(plan: &Plan) -> bool {
        plan.egress
    }

    fn undo_window(plan: &Plan) -> Option<Duration> {
        plan.window
    }

    fn way_back(plan: &Plan) -> WayBack {
        plan.way_back
    }

    fn facts(reply: &Self::Reply) -> Vec<(&'static str, u64)> {
        match reply {
            Ok(answer) => vec![
                ("status", answer.status.into()),
                ("attempts", answer.attempts.into()),
            ],
            Err(_) => Vec::new(),
        }
    }

    fn refuse(refusal: Refusal) -> Self::Reply {
        Err(HttpError::Refused(refusal))
    }

    fn looks_by(plan: &Plan) -> Option<OwnLook<'_>> {
        let resource = plan.resource.as_ref()?;
        Some(OwnLook {
            call: Self::CALL,
            destination: &plan.destination,
            arguments: resource.asked(),
        })
    }

    /// A resource that does not have all that is written cannot be put back.
    async fn prior(
        plan: &Plan,
        scope: &Scope<'_>,
        backends: &Backends,
    ) -> Result<Option<Prior>, Self::Reply> {
        let Some(resource) = plan.restorable() else {
            return Ok(None);
        };
        let exchange = plan.exchange(scope, backends).map_err(Err)?;
        let seen = resource.look(&exchange).await.map_err(Err)?;
        Ok(resource.prior(&seen))
    }

    async fn perform(
        plan: Plan,
        prior: Option<&Prior>,
        scope: &Scope<'_>,
        backends: &Backends,
    ) -> Performed<Self::Reply> {
        let exchange = match plan.exchange(scope, backends) {
            Ok(exchange) => exchange,
            Err(error) => return Performed::answered(Err(error)),
        };
        if plan.again == Again::Read {
            let answer = exchange.send(&plan.message, plan.again).await;
            return Performed::answered(answer.map_err(HttpError::from));
        }
        write::perform(&plan, prior, &exchange).await
    }

    async fn look(
        plan: &Plan,
        prior: Option<&Prior>,
        scope: &Scope<'_>,
        backends: &Backends,
    ) -> Looked<Self::Reply> {
        match plan.exchange(scope, backends) {
            Ok(exchange) => write::look(plan, prior, &exchange).await,
            Err(error) => Looked::unclear(words(&error)),
        }
    }
}

impl Imported for Send {
    const INTERFACE: &'static str = INTERFACE;
    const FUNCTION: &'static str = "send";
    type Results = (Result<Response, HttpError>,);
    fn results(reply: Self::Reply) -> Self::Results {
        (reply.map(Response::from),)
    }
}

/// An error for a person.
fn words(error: &HttpError) -> String {
    match error {
        HttpError::Refused(Refusal::Denied(denial)) => denial.reason.clone(),
        HttpError::Refused(Refusal::Rejected(rejection)) => rejection.reason.clone(),
        HttpError::Refused(Refusal::Limited(limit)) => {
            format!("the limit `{}` is reached", limit.name)
        }
        HttpError::InvalidRequest(why) => format!("the request cannot be sent: {why}"),
        HttpError::Unreachable(why) => format!("the server cannot be reached: {why}"),
        HttpError::NoAnswer(why) => format!("the server did not answer: {why}"),
        HttpError::Busy(seconds) => format!("too many requests; free in {seconds} s"),
    }
}

/// The members of an image, to be compared.
fn members_of(image: &Value) -> &Value {
    &image["members"]
}

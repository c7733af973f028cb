//! Putting back the members that a write replaced, if and only if all of them are
//! still what the write left. One that somebody changed since makes a conflict of
//! the whole, with the three values; the others are not put back alone.

use serde_json::Value;
use tollgate_policy::Effect;
use tollgate_policy::http::HttpRefusal;

use super::exchange::Exchange;
use super::resource::putting_back;
use super::wire::{Answer, Field, HttpError};
use super::{Asked, Plan, Resource, Send, describe, grant, members_of, words, write};
use crate::capability::Backends;
use crate::capability::restore::{RestoreFailure, Restored, Restoring};
use crate::door::{
    Described, Looked, Next, Operation, OwnLook, Performed, Prior, Recovery, Refusal, Scope,
};

const IF_MATCH: &str = "if-match";

/// Put back what a write replaced.
pub(crate) struct Restore;

/// A restore that is granted, by the row of the write.
pub(crate) struct RestorePlan {
    plan: Plan,
    restoring: Restoring,
}

impl RestorePlan {
    fn resource(&self) -> Result<&Resource, RestoreFailure> {
        self.plan.restorable().ok_or_else(|| {
            RestoreFailure::Failed(
                "the manifest in force has no `undo = \"restore\"` with a granted `GET` for it"
                    .to_owned(),
            )
        })
    }

    /// The request, bound to the version that was looked at, where the server tells
    /// versions. The attack: somebody edits between the look and the write, and the
    /// restore overwrites it. A weak tag never matches (RFC 9110, 13.1.1), so it binds
    /// only where the operator's row says that the server takes it.
    fn bound(&self, prior: Option<&Prior>) -> Plan {
        let mut plan = self.plan.clone();
        let seen = prior.and_then(|prior| prior.value["etag"].as_str());
        let seen = seen.filter(|etag| plan.if_match.is_some() || !etag.starts_with("W/"));
        if let Some(etag) = seen {
            plan.if_match = Some(etag.to_owned());
            let headers = &mut plan.message.headers;
            headers.retain(|(name, _)| name != IF_MATCH);
            headers.push((IF_MATCH.to_owned(), etag.to_owned()));
        }
        plan
    }

    fn exchange<'a>(
        &self,
        scope: &'a Scope<'a>,
        backends: &'a Backends,
    ) -> Result<Exchange<'a>, RestoreFailure> {
        let exchange = self.plan.exchange(scope, backends);
        exchange.map_err(|error| RestoreFailure::Failed(words(&error)))
    }
}

fn failed(error: HttpError) -> RestoreFailure {
    match error {
        HttpError::Refused(refusal) => RestoreFailure::Refused(refusal),
        other => RestoreFailure::Failed(words(&other)),
    }
}

impl Operation for Restore {
    const CALL: &'static str = "http.restore";
    type Arguments = Restoring;
    type Reply = Restored;
    type Plan = RestorePlan;

    fn describe(restoring: Restoring, scope: &Scope<'_>) -> Described<RestorePlan, Restored> {
        let arguments = restoring.arguments();
        let destination = restoring.destination.clone();
        let asked = putting_back(&restoring.before, &restoring.written);
        let described = match asked {
            Some(mut asked) => {
                bind(&mut asked, &restoring.written, scope, &destination);
                describe(destination, &asked, scope, |why| {
                    Err(RestoreFailure::Failed(why))
                })
            }
            None => Described {
                destination,
                identity: "http".to_owned(),
                effect: Effect::Write,
                arguments: Value::Null,
                next: Next::Answer(Err(RestoreFailure::Failed(
                    "what was recorded of the write cannot be read".to_owned(),
                ))),
            },
        };
        Described {
            arguments,
            ..described.then(|plan| Next::Perform(RestorePlan { plan, restoring }))
        }
    }

    fn recovery(restore: &RestorePlan) -> Recovery {
        restore.plan.recovery
    }

    fn refuse(refusal: Refusal) -> Restored {
        Err(RestoreFailure::Refused(refusal))
    }

    fn looks_by(restore: &RestorePlan) -> Option<OwnLook<'_>> {
        <Send as Operation>::looks_by(&restore.plan)
    }

    async fn prior(
        restore: &RestorePlan,
        scope: &Scope<'_>,
        backends: &Backends,
    ) -> Result<Option<Prior>, Restored> {
        let resource = restore.resource().map_err(Err)?;
        let exchange = restore.exchange(scope, backends).map_err(Err)?;
        let seen = resource
            .look(&exchange)
            .await
            .map_err(|error| Err(failed(error)))?;
        match &seen.members {
            Some(now) if now == members_of(&restore.restoring.written) => Ok(resource.prior(&seen)),
            Some(now) => Err(Err(RestoreFailure::Conflict(
                resource.image(now, seen.etag.as_deref()),
            ))),
            // Not there any more, or not whole.
            None => Err(Err(RestoreFailure::Conflict(Value::Null))),
        }
    }

    async fn perform(
        restore: RestorePlan,
        prior: Option<&Prior>,
        scope: &Scope<'_>,
        backends: &Backends,
    ) -> Performed<Restored> {
        // The attack: a rule denies the look, and what is there is overwritten unseen.
        if prior.is_none() {
            return Performed::answered(Err(RestoreFailure::Failed(
                "the rules in force do not allow the host to look at what is there, so nothing \
                 was put back"
                    .to_owned(),
            )));
        }
        let exchange = match restore.exchange(scope, backends) {
            Ok(exchange) => exchange,
            Err(failure) => return Performed::answered(Err(failure)),
        };
        match write::perform(&restore.bound(prior), prior, &exchange).await {
            Performed::Unknown(why) => Performed::Unknown(why),
            Performed::Known { reply, written } => Performed::Known {
                reply: restored(reply),
                written,
            },
        }
    }

    async fn look(
        restore: &RestorePlan,
        prior: Option<&Prior>,
        scope: &Scope<'_>,
        backends: &Backends,
    ) -> Looked<Restored> {
        let exchange = match restore.exchange(scope, backends) {
            Ok(exchange) => exchange,
            Err(failure) => return Looked::unclear(format!("{failure:?}")),
        };
        match write::look(&restore.bound(prior), prior, &exchange).await {
            Looked::Happened { written, .. } => Looked::Happened {
                reply: Ok(()),
                written,
            },
            Looked::NotHappened => Looked::NotHappened,
            Looked::Unclear { found, why } => Looked::Unclear { found, why },
        }
    }

    fn assumed(_: &RestorePlan, _: Option<&Prior>) -> Option<Restored> {
        Some(Ok(()))
    }
}

/// Under a conditional row a restore is bound to a version too. Which one is known
/// when it was looked at; until then it is the one that the write left.
fn bind(asked: &mut Asked, written: &Value, scope: &Scope<'_>, destination: &str) {
    let Ok(grant) = grant(scope, destination) else {
        return;
    };
    let unbound = matches!(asked.judge(grant), Err(HttpRefusal::NotConditional { .. }));
    if let (true, Some(etag)) = (unbound, written["etag"].as_str()) {
        asked.headers.push(Field {
            name: IF_MATCH.to_owned(),
            value: etag.to_owned(),
        });
    }
}

fn restored(reply: Result<Answer, HttpError>) -> Restored {
    match reply {
        Ok(answer) if answer.is_success() => Ok(()),
        // The version is another one: somebody was faster.
        Ok(answer) if answer.status == 412 => Err(RestoreFailure::Conflict(Value::Null)),
        Ok(answer) => Err(RestoreFailure::Failed(format!(
            "the server answered {}",
            answer.status
        ))),
        Err(error) => Err(failed(error)),
    }
}

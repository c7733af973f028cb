//! A write: what it came to, and how that is found out where no answer came.

use serde_json::{Value, json};

use super::exchange::{Exchange, Lost};
use super::wire::{Answer, HttpError};
use super::{Plan, members_of, words};
use crate::door::{Looked, Performed, Prior, Recovery};

type Reply = Result<Answer, HttpError>;

/// Whether a gateway lost the answer of the server behind it (RFC 9110, 15.6.3 and
/// 15.6.5): the write may have happened all the same. Every other status comes from
/// a server that has judged the request, 500 among them, and is an answer.
fn is_lost_behind_a_gateway(status: u16) -> bool {
    matches!(status, 502 | 504)
}

/// Send a write.
pub(super) async fn perform(
    plan: &Plan,
    prior: Option<&Prior>,
    exchange: &Exchange<'_>,
) -> Performed<Reply> {
    match exchange.send(&plan.message, plan.again).await {
        Ok(answer) if is_lost_behind_a_gateway(answer.status) => Performed::Unknown(format!(
            "a gateway answered {}, and whether the server behind it has the request is not known",
            answer.status
        )),
        Ok(answer) => Performed::Known {
            written: written(plan, prior, &answer, exchange).await,
            reply: Ok(answer),
        },
        Err(Lost::NotSent(error)) => Performed::answered(Err(error)),
        Err(Lost::NoAnswer(why)) => Performed::Unknown(why),
    }
}

/// What an answered write left; nothing where the server refused it. It is read
/// once more, because servers make of what is sent what they like.
async fn written(
    plan: &Plan,
    prior: Option<&Prior>,
    answer: &Answer,
    exchange: &Exchange<'_>,
) -> Option<Value> {
    if (400..500).contains(&answer.status) {
        return None;
    }
    let (Some(resource), Some(prior)) = (plan.restorable(), prior) else {
        return Some(json!({ "status": answer.status }));
    };
    let seen = resource.look(exchange).await.ok();
    let now = seen.as_ref().and_then(|seen| seen.members.as_ref());
    // A server at fault may have done all of it, or nothing.
    if answer.status >= 500 && now == Some(members_of(&prior.value)) {
        return None;
    }
    let etag = seen.as_ref().and_then(|seen| seen.etag.as_deref());
    let is_own = |members: &Value| {
        resource.sent() == Some(members)
            || (etag.is_some() && answer.header("etag") == etag)
            || resource.shown_in(answer).as_ref() == Some(members)
    };
    match now {
        Some(members) if is_own(members) => Some(resource.image(members, etag)),
        // Whoever puts it back compares with what was sent, which is there or not. The
        // attack: somebody edits between the write and this look, the edit is recorded
        // as the write's, and the undo overwrites it.
        _ => Some(resource.image(resource.sent().unwrap_or(&Value::Null), None)),
    }
}

/// Look whether a write happened. The answer to one that did is lost; what was sent
/// and is there now stands for it. The attack: the whole resource reaches a guest
/// that may not read it.
pub(super) async fn look(
    plan: &Plan,
    prior: Option<&Prior>,
    exchange: &Exchange<'_>,
) -> Looked<Reply> {
    let Some(resource) = &plan.resource else {
        return Looked::unclear("the manifest grants no `GET` of what was written");
    };
    let seen = match resource.look(exchange).await {
        Ok(seen) => seen,
        Err(error) => return Looked::unclear(words(&error)),
    };
    let bound = plan.if_match.as_deref();
    if plan.recovery == Recovery::Conditional && bound.is_some() && seen.etag.as_deref() == bound {
        return Looked::NotHappened;
    }
    let Some(now) = &seen.members else {
        return Looked::unclear(format!(
            "the server answered {} to a `GET` of what was written, without all that was written",
            seen.answer.status
        ));
    };
    let image = resource.image(now, seen.etag.as_deref());
    if plan.restores && resource.sent() == Some(now) {
        return Looked::Happened {
            reply: Ok(resource.as_answered(now)),
            written: Some(image),
        };
    }
    match prior {
        Some(prior) if plan.recovery == Recovery::Readable && members_of(&prior.value) == now => {
            Looked::NotHappened
        }
        _ => Looked::changed(image),
    }
}

//! From a judged request to an answer: the credential is put in here and nowhere
//! earlier, and what helps to be sent again is sent again.

use std::time::{Duration, Instant};

use tollgate_egress::{Destination, EgressError, Incoming, Method, Pool, retry_after};
use tollgate_policy::http::{HttpGrant, HttpMethod};

use super::credential::{self, Ready};
use super::destination;
use super::wire::{Answer, Content, Field, HttpError};
use crate::capability::Backends;
use crate::door::{Refusal, SEND_WITHIN, Scope};

/// Most times that one request is sent within one call.
const ATTEMPTS_MAX: u32 = 3;

/// The first pause before a request is sent again, at most; the next is twice as
/// long.
const PAUSE: Duration = Duration::from_millis(200);

/// How long after the first time a write may be sent again within one call, so
/// that it is never on its way long after its intent. The door sends it again
/// later, with an intent of its own.
const WRITE_AGAIN_WITHIN: Duration = Duration::from_secs(5);

/// Headers that every guest sees.
const SHOWN: [&str; 6] = [
    "content-type",
    "etag",
    "last-modified",
    "retry-after",
    "location",
    "link",
];

/// A request that may be sent, without its credential.
#[derive(Clone, Debug)]
pub(super) struct Message {
    pub(super) method: HttpMethod,
    /// Path and query below the base, encoded.
    pub(super) target: String,
    pub(super) headers: Vec<(String, String)>,
    pub(super) body: Option<Vec<u8>>,
}

/// Whether a request may be sent again within one call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Again {
    /// It changes nothing.
    Read,
    /// The receiver takes a second one for the first.
    SameKey,
    /// A second one could be a second effect.
    Never,
}

/// Why there is no answer that can be passed on.
#[derive(Debug)]
pub(super) enum Lost {
    /// Nothing was sent.
    NotSent(HttpError),
    /// Something was sent, or may have been.
    NoAnswer(String),
}

impl From<Lost> for HttpError {
    fn from(lost: Lost) -> Self {
        match lost {
            Lost::NotSent(error) => error,
            Lost::NoAnswer(why) => Self::NoAnswer(why),
        }
    }
}

/// Everything that a request is sent with.
pub(super) struct Exchange<'a> {
    pub(super) grant: &'a HttpGrant,
    pub(super) scope: &'a Scope<'a>,
    pub(super) backends: &'a Backends,
}

impl Exchange<'_> {
    /// Send a request, again where that helps and does no harm.
    pub(super) async fn send(&self, message: &Message, again: Again) -> Result<Answer, Lost> {
        let mut in_doubt = again != Again::Read && self.scope.in_doubt;
        let (to, ready) = match self.ready(message).await {
            Ok(ready) => ready,
            Err(error) => return settled(Err(Lost::NotSent(error)), in_doubt),
        };
        let pool = self.pool();
        let until = self.until(again);
        let mut attempts = 0;
        loop {
            // A token, a place and a pause take their time: what was in time before
            // them may be late now.
            let begin_within = match again {
                Again::Read => None,
                Again::SameKey | Again::Never => match self.scope.left_to_send() {
                    Some(left) => Some(left),
                    None => {
                        let refusal = Refusal::limited("send_by", SEND_WITHIN.as_secs());
                        let error = Lost::NotSent(HttpError::Refused(refusal));
                        return settled(Err(error), in_doubt);
                    }
                },
            };
            let Some(within) = self.within() else {
                let refusal =
                    Refusal::limited("deadline", self.scope.manifest.limits.deadline.as_secs());
                return settled(Err(Lost::NotSent(HttpError::Refused(refusal))), in_doubt);
            };
            attempts += 1;
            let outgoing = ready.outgoing(within, begin_within, self.grant.max_response);
            let came = self.backends.egress.send(&to, &pool, outgoing).await;
            self.forget_token(&ready, &came);
            let pause = pause_before_next(&came, attempts)
                .filter(|_| again != Again::Never && attempts < ATTEMPTS_MAX)
                .filter(|pause| Instant::now() + *pause < until);
            let Some(pause) = pause else {
                return settled(self.outcome(came, attempts), in_doubt);
            };
            in_doubt |= again != Again::Read && may_have_happened(&came);
            tokio::time::sleep(pause).await;
        }
    }

    async fn ready(&self, message: &Message) -> Result<(Destination, Ready), HttpError> {
        let to = destination::of(self.grant, self.backends)?;
        let ready = credential::put_in(message, self.grant, self.scope, self.backends).await?;
        Ok((to, ready))
    }

    /// A token that the server does not take is not used for the next call.
    fn forget_token(&self, sent: &Ready, came: &Result<Incoming, EgressError>) {
        if matches!(came, Ok(incoming) if incoming.status == 401) {
            credential::forget_token(sent, self.grant, self.scope, self.backends);
        }
    }

    fn pool(&self) -> Pool {
        let credential = self.grant.credential.as_ref();
        Pool {
            tenant: self.scope.tenant.to_string(),
            connector: self.scope.connector.to_owned(),
            destination: self.grant.name.clone(),
            credential: credential.map(|credential| credential.secret.clone()),
        }
    }

    /// How long one attempt may take; nothing where the run's time is over.
    fn within(&self) -> Option<Duration> {
        let left = self
            .scope
            .deadline
            .saturating_duration_since(Instant::now());
        (!left.is_zero()).then(|| left.min(self.grant.timeout))
    }

    /// Until when another attempt may begin.
    fn until(&self, again: Again) -> Instant {
        match again {
            Again::SameKey => self.scope.deadline.min(Instant::now() + WRITE_AGAIN_WITHIN),
            Again::Read | Again::Never => self.scope.deadline,
        }
    }

    fn outcome(&self, came: Result<Incoming, EgressError>, attempts: u32) -> Result<Answer, Lost> {
        let destination = &self.grant.name;
        match came {
            Ok(incoming) => Ok(self.shown(incoming, attempts)),
            Err(EgressError::Invalid(why)) => Err(Lost::NotSent(HttpError::InvalidRequest(why))),
            Err(EgressError::Busy { after }) => {
                let seconds = after.as_millis().div_ceil(1_000);
                let seconds = u32::try_from(seconds).unwrap_or(u32::MAX);
                Err(Lost::NotSent(HttpError::Busy(seconds.max(1))))
            }
            Err(EgressError::Unreachable(why)) => {
                tracing::warn!(destination, why, "nothing was sent");
                Err(Lost::NotSent(HttpError::Unreachable(why)))
            }
            // The address is the operator's to know: a guest could map a network
            // by the addresses it is told.
            Err(error @ EgressError::Forbidden { .. }) => {
                tracing::warn!(destination, %error, "nothing was sent");
                Err(Lost::NotSent(HttpError::Unreachable(
                    "the server's name has no address that may be reached; \
                     asking again does not help, the operator has to look"
                        .to_owned(),
                )))
            }
            Err(EgressError::NoAnswer(why)) => Err(Lost::NoAnswer(why)),
            Err(other) => Err(Lost::NoAnswer(other.to_string())),
        }
    }

    /// An answer with the headers that a guest may see. Cookies are none of them.
    fn shown(&self, incoming: Incoming, attempts: u32) -> Answer {
        let headers = incoming.headers.iter().filter_map(|(name, value)| {
            let name = name.as_str();
            let shown = SHOWN.contains(&name) || self.grant.response_headers.contains(name);
            let value = value.to_str().ok().filter(|_| shown)?;
            Some(Field {
                name: name.to_owned(),
                value: value.to_owned(),
            })
        });
        Answer {
            status: incoming.status,
            headers: headers.collect(),
            body: Content::of(incoming.body),
            truncated: incoming.truncated,
            attempts,
        }
    }
}

/// Whether a write that came to this may have happened.
fn may_have_happened(came: &Result<Incoming, EgressError>) -> bool {
    match came {
        Ok(incoming) => matches!(incoming.status, 502 | 504),
        Err(error) => matches!(error, EgressError::NoAnswer(_)),
    }
}

/// What a request came to that may have been sent before, with no answer. The
/// attack: the second one meets a server that is busy, or gone, and the guest hears
/// that nothing happened. Only an answer that it is done tells: a condition that does
/// not hold, or a content that is refused, may be what the first one left.
fn settled(outcome: Result<Answer, Lost>, in_doubt: bool) -> Result<Answer, Lost> {
    let now = match outcome {
        _ if !in_doubt => return outcome,
        Ok(answer) if answer.is_success() => return Ok(answer),
        Ok(answer) => format!("the server answers {}", answer.status),
        Err(Lost::NotSent(error)) => super::words(&error),
        Err(Lost::NoAnswer(why)) => why,
    };
    Err(Lost::NoAnswer(format!(
        "it was sent before and no answer came; now {now}"
    )))
}

/// How long to wait before a request is sent again; nothing where that would not
/// help.
fn pause_before_next(came: &Result<Incoming, EgressError>, attempts: u32) -> Option<Duration> {
    match came {
        Ok(incoming) if matches!(incoming.status, 429 | 502 | 503 | 504) => {
            Some(retry_after(incoming).unwrap_or_else(|| backoff(attempts)))
        }
        Err(EgressError::NoAnswer(_) | EgressError::Unreachable(_)) => Some(backoff(attempts)),
        // Held back since an answer to this very call.
        Err(EgressError::Busy { after }) if attempts > 1 => Some(*after),
        _ => None,
    }
}

/// A pause of half to all of its length: callers that failed together do not come
/// again together.
fn backoff(attempts: u32) -> Duration {
    let longest = PAUSE * 2_u32.saturating_pow(attempts.saturating_sub(1).min(8));
    let random = getrandom::u32().map_or(0.5, |random| f64::from(random) / f64::from(u32::MAX));
    longest.mul_f64(0.5 + random / 2.0)
}

/// The method as the client knows it.
pub(super) fn method(method: HttpMethod) -> Method {
    match method {
        HttpMethod::Get => Method::GET,
        HttpMethod::Head => Method::HEAD,
        HttpMethod::Post => Method::POST,
        HttpMethod::Put => Method::PUT,
        HttpMethod::Patch => Method::PATCH,
        HttpMethod::Delete => Method::DELETE,
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests")]

    use super::*;

    fn answered(status: u16, retry_after: Option<&str>) -> Result<Incoming, EgressError> {
        let mut incoming = Incoming {
            status,
            headers: reqwest::header::HeaderMap::new(),
            body: Vec::new(),
            truncated: false,
        };
        if let Some(value) = retry_after {
            let value = value.parse().unwrap();
            incoming.headers.insert("retry-after", value);
        }
        Ok(incoming)
    }

    #[test]
    fn only_what_may_pass_is_waited_for() {
        for status in [200, 201, 303, 400, 401, 404, 409, 412, 500, 501] {
            assert_eq!(pause_before_next(&answered(status, Some("1")), 1), None);
        }
        for status in [429, 502, 503, 504] {
            let pause = pause_before_next(&answered(status, Some("7")), 1);
            assert_eq!(pause, Some(Duration::from_secs(7)), "{status}");
            assert!(pause_before_next(&answered(status, None), 1) <= Some(PAUSE));
        }
        let busy = || Err(EgressError::Busy { after: PAUSE });
        assert_eq!(pause_before_next(&busy(), 1), None);
        assert_eq!(pause_before_next(&busy(), 2), Some(PAUSE));
        let invalid = Err(EgressError::Invalid("x".to_owned()));
        assert_eq!(pause_before_next(&invalid, 1), None);
    }

    #[test]
    fn what_a_second_attempt_meets_says_nothing_about_the_first() {
        let answer = |status| Answer {
            status,
            headers: Vec::new(),
            body: Content::of(Vec::new()),
            truncated: false,
            attempts: 2,
        };
        for status in [200, 201, 204] {
            assert!(settled(Ok(answer(status)), true).is_ok(), "{status}");
        }
        for status in [303, 400, 412, 422, 401, 403, 404, 409, 425, 429, 500, 503] {
            assert!(settled(Ok(answer(status)), false).is_ok(), "{status}");
            let lost = settled(Ok(answer(status)), true);
            assert!(matches!(lost, Err(Lost::NoAnswer(_))), "{status}");
        }
        let busy = || Err(Lost::NotSent(HttpError::Busy(1)));
        assert!(matches!(settled(busy(), false), Err(Lost::NotSent(_))));
        assert!(matches!(settled(busy(), true), Err(Lost::NoAnswer(_))));
    }

    #[test]
    fn pauses_grow_and_are_never_the_whole_deadline() {
        for attempts in 1..40 {
            let pause = backoff(attempts);
            assert!(pause >= PAUSE / 2 && pause <= PAUSE * 256, "{pause:?}");
        }
        assert!(backoff(2) >= PAUSE && backoff(3) >= 2 * PAUSE);
    }
}

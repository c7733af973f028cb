//! Signing in at a provider of OpenID Connect: there, and back again.
//!
//! A sign-in that was begun waits in memory for its browser, under a hash of a cookie
//! that this browser alone has. The session's own cookie is `SameSite=Strict` and does
//! not come along when the provider sends the browser back, so this one is
//! `SameSite=Lax`, for ten minutes, and leads to nothing but the end of that sign-in.
//! Its end is a page that leads on, and not a redirect: to a browser, a redirect would
//! still come from the provider, and the session's cookie would stay behind once more.
//!
//! The attacks, each with a test:
//! * *Login CSRF*: a victim's browser is sent to the callback with the attacker's code
//!   and state, and decides in the attacker's name from then on. It lacks the cookie.
//! * *Replay*: an answer that is in a history or a log is used again. What waits is
//!   taken away when its state has come once.
//! * *A planted cookie*: another site of the same domain sets it, and with it its own
//!   sign-in. Under TLS its name has the prefix `__Host-`, which browsers keep from that.
//! * *A flood* of sign-ins that nobody ends: what waits is bounded, and the oldest goes
//!   first. Tokens work all the same.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use axum::extract::rejection::QueryRejection;
use axum::extract::{Query, State};
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::{AppendHeaders, IntoResponse, Redirect, Response};
use serde::Deserialize;
use tollgate_runtime::{OidcAnswer, OidcFlow};

use super::login::{self, Next, Peer, address, limited, no_session};
use super::session::{Holder, Key, cookie, key, random};
use super::{Pages, after_login, pages};
use crate::gatekeeper::Refusal;
use crate::problem::status_of;
use crate::rest::must_be_person;

/// How long a person may take at the provider.
const LIFETIME: Duration = Duration::from_secs(10 * 60);

/// Sign-ins under way at once.
const PENDING_MAX: usize = 10_000;

/// Sign-ins that wait for their browser.
pub(super) struct Pending {
    waiting: Mutex<HashMap<Key, Waiting>>,
    secure: bool,
}

struct Waiting {
    flow: OidcFlow,
    next: String,
    since: Instant,
}

impl Pending {
    pub(super) fn new(secure: bool) -> Self {
        Self {
            waiting: Mutex::default(),
            secure,
        }
    }

    /// Keep one. The answer is its cookie, or nothing where the system has no
    /// randomness.
    fn keep(&self, flow: OidcFlow, next: &str, now: Instant) -> Option<HeaderValue> {
        let name = random()?;
        let mut waiting = self.waiting.lock().unwrap_or_else(PoisonError::into_inner);
        if waiting.len() >= PENDING_MAX {
            waiting.retain(|_, one| !one.is_over(now));
        }
        if waiting.len() >= PENDING_MAX {
            let oldest = waiting.iter().min_by_key(|(_, one)| one.since);
            if let Some(oldest) = oldest.map(|(key, _)| *key) {
                waiting.remove(&oldest);
            }
        }
        let one = Waiting {
            flow,
            next: next.to_owned(),
            since: now,
        };
        waiting.insert(key(&name), one);
        self.cookie(&name, LIFETIME.as_secs())
    }

    /// The one of this browser with this state: once.
    fn take(&self, headers: &HeaderMap, state: &str, now: Instant) -> Option<Waiting> {
        let key = key(&cookie(headers, self.cookie_name())?);
        let mut waiting = self.waiting.lock().unwrap_or_else(PoisonError::into_inner);
        // The attack: a link with a made-up state ends a sign-in that is under way.
        if !waiting.get(&key)?.flow.knows(state) {
            return None;
        }
        waiting.remove(&key).filter(|one| !one.is_over(now))
    }

    fn cookie(&self, name: &str, max_age_s: u64) -> Option<HeaderValue> {
        let cookie = self.cookie_name();
        let secure = if self.secure { "; Secure" } else { "" };
        let text =
            format!("{cookie}={name}; HttpOnly; SameSite=Lax; Path=/; Max-Age={max_age_s}{secure}");
        HeaderValue::try_from(text).ok()
    }

    fn cookie_name(&self) -> &'static str {
        if self.secure {
            "__Host-tollgate-oidc"
        } else {
            "tollgate-oidc"
        }
    }
}

impl Waiting {
    fn is_over(&self, now: Instant) -> bool {
        now.saturating_duration_since(self.since) >= LIFETIME
    }
}

/// Send the browser to the provider.
pub(super) async fn begin(
    State(pages): State<Pages>,
    peer: Peer,
    headers: HeaderMap,
    Query(Next { next }): Query<Next>,
) -> Response {
    let (peer, next) = (address(peer), after_login(&next));
    // The attack: a page of another site puts its visitors through a sign-in, in the
    // place of the one that they are at. Only a person's own click begins one.
    let site = headers.get("sec-fetch-site").map(HeaderValue::as_bytes);
    if site.is_some_and(|site| !matches!(site, b"same-origin" | b"none")) {
        return login::form(&pages, StatusCode::OK, next, None);
    }
    if !pages.attempts.may_try(peer) {
        return refused(&pages, next, &limited());
    }
    let begun = match pages.gatekeeper.begin_oidc().await {
        Ok(begun) => begun,
        Err(refusal) => {
            pages.attempts.failed(peer);
            return refused(&pages, next, &refusal);
        }
    };
    match pages.pending.keep(begun.flow, next, Instant::now()) {
        Some(cookie) => {
            let to = Redirect::to(begun.address.as_str());
            ([(header::SET_COOKIE, cookie)], to).into_response()
        }
        None => refused(&pages, next, &no_session()),
    }
}

/// What a provider sends a browser back with. A parameter that is there twice is
/// refused (RFC 6749, 3.1).
#[derive(Deserialize)]
pub(super) struct Sent {
    #[serde(default)]
    state: String,
    code: Option<String>,
    iss: Option<String>,
    error: Option<String>,
}

/// The browser is back.
pub(super) async fn callback(
    State(pages): State<Pages>,
    peer: Peer,
    headers: HeaderMap,
    sent: Result<Query<Sent>, QueryRejection>,
) -> Response {
    let Ok(Query(sent)) = sent else {
        let said = "This answer of the sign-in provider cannot be read.";
        return pages::message(StatusCode::BAD_REQUEST, said, None);
    };
    let peer = address(peer);
    if !pages.attempts.may_try(peer) {
        return refused(&pages, "/", &limited());
    }
    let Some(waiting) = pages.pending.take(&headers, &sent.state, Instant::now()) else {
        pages.attempts.failed(peer);
        return refused(&pages, "/", &not_begun());
    };
    let next = waiting.next;
    let answer = OidcAnswer {
        code: sent.code,
        iss: sent.iss,
        error: sent.error,
    };
    match signed_in(&pages, &headers, waiting.flow, answer).await {
        Ok(session) => {
            let forget = pages.pending.cookie("", 0);
            let forget = forget.map(|cookie| (header::SET_COOKIE, cookie));
            let cookies = forget.into_iter().chain([(header::SET_COOKIE, session)]);
            let cookies: Vec<_> = cookies.collect();
            (AppendHeaders(cookies), pages::signed_in(&next)).into_response()
        }
        Err(refusal) => {
            pages.attempts.failed(peer);
            refused(&pages, &next, &refusal)
        }
    }
}

async fn signed_in(
    pages: &Pages,
    headers: &HeaderMap,
    flow: OidcFlow,
    answer: OidcAnswer,
) -> Result<HeaderValue, Refusal> {
    let proof = pages.gatekeeper.finish_oidc(flow, answer).await?;
    let who = pages.gatekeeper.proved(&proof).await?;
    must_be_person(&who)?;
    // A new name at every sign-in: one that somebody planted before is worth nothing.
    pages.sessions.close(headers);
    pages
        .sessions
        .open(Holder::Proof(proof))
        .ok_or_else(no_session)
}

fn refused(pages: &Pages, next: &str, refusal: &Refusal) -> Response {
    login::form(pages, status_of(refusal), next, Some(refusal))
}

fn not_begun() -> Refusal {
    let said = "this sign-in was not begun in this browser, is over, or took too long";
    Refusal::new("not_signed_in", said).with_hint("Sign in again.")
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests")]

    use super::*;

    fn request(cookie: &HeaderValue) -> HeaderMap {
        let pair = cookie.to_str().unwrap().split(';').next().unwrap();
        let headers = [(header::COOKIE, HeaderValue::try_from(pair).unwrap())];
        headers.into_iter().collect()
    }

    #[test]
    fn what_waits_ends_by_age_and_is_there_once() {
        let pending = Pending::new(true);
        let now = Instant::now();
        let cookie = pending.keep(OidcFlow::of("state"), "/", now).unwrap();
        let text = cookie.to_str().unwrap();
        assert!(text.starts_with("__Host-tollgate-oidc="));
        assert!(text.ends_with("; HttpOnly; SameSite=Lax; Path=/; Max-Age=600; Secure"));
        let headers = request(&cookie);
        assert!(pending.take(&headers, "another", now).is_none());
        assert!(pending.take(&HeaderMap::new(), "state", now).is_none());
        assert!(pending.take(&headers, "state", now).is_some());
        assert!(pending.take(&headers, "state", now).is_none());
        let cookie = pending.keep(OidcFlow::of("state"), "/", now).unwrap();
        assert!(
            pending
                .take(&request(&cookie), "state", now + LIFETIME)
                .is_none()
        );
    }

    #[test]
    fn one_too_many_ends_the_oldest() {
        let pending = Pending::new(false);
        let now = Instant::now();
        let first = pending.keep(OidcFlow::of("first"), "/", now).unwrap();
        for _ in 0..PENDING_MAX {
            let later = now + Duration::from_secs(1);
            pending.keep(OidcFlow::of("more"), "/", later).unwrap();
        }
        assert!(pending.take(&request(&first), "first", now).is_none());
        assert_eq!(pending.waiting.lock().unwrap().len(), PENDING_MAX);
    }
}

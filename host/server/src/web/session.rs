//! Sessions of people who signed in.
//!
//! The cookie carries a random name and nothing else. The table behind it is in
//! memory: a restart signs everybody out, and there is no key whose loss would
//! let sessions be forged. The table keeps the token itself, or the proof of a
//! sign-in without one, so that each request asks the host anew who that is now
//! and a revocation counts at once; the table is
//! keyed by a hash of the name, so that looking one up tells nothing by its
//! timing. A signed cookie with the principal inside was refused for both
//! reasons.

use std::collections::HashMap;
use std::fmt;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use axum::http::{HeaderMap, HeaderValue, header};
use sha2::{Digest, Sha256};
use subtle::ConstantTimeEq;
use tollgate_runtime::Proof;
use zeroize::Zeroizing;

/// A working day.
const LIFETIME: Duration = Duration::from_secs(12 * 60 * 60);

/// Without a request for so long, a session ends.
const IDLE: Duration = Duration::from_secs(60 * 60);

/// Sessions at once. One more ends the oldest: people are few, and a script
/// that signs in over and over must not grow memory.
const SESSIONS_MAX: usize = 1_024;

pub(super) type Key = [u8; 32];

/// All open sessions.
pub(super) struct Sessions {
    open: Mutex<HashMap<Key, Open>>,
    secure: bool,
}

/// What the host is asked with, who it is.
#[derive(Clone)]
pub(super) enum Holder {
    Token(Zeroizing<String>),
    Proof(Proof),
}

/// One session.
#[derive(Clone)]
pub(super) struct Open {
    holder: Holder,
    /// The word that its forms carry.
    word: String,
    since: Instant,
    used: Instant,
}

impl Sessions {
    pub(super) fn new(secure: bool) -> Self {
        Self {
            open: Mutex::default(),
            secure,
        }
    }

    /// Open one for whoever holds this. The answer is its cookie, or nothing where
    /// the system has no randomness.
    pub(super) fn open(&self, holder: Holder) -> Option<HeaderValue> {
        let (name, word) = (random()?, random()?);
        let now = Instant::now();
        let session = Open {
            holder,
            word,
            since: now,
            used: now,
        };
        self.table().insert_bounded(key(&name), session, now);
        self.cookie(&name, LIFETIME.as_secs())
    }

    /// The one that a request belongs to.
    pub(super) fn of(&self, headers: &HeaderMap) -> Option<Open> {
        let key = key(&self.name(headers)?);
        let now = Instant::now();
        let mut table = self.table();
        let session = table.0.get_mut(&key)?;
        if session.is_over(now) {
            table.0.remove(&key);
            return None;
        }
        session.used = now;
        Some(session.clone())
    }

    /// End the one that a request belongs to.
    pub(super) fn close(&self, headers: &HeaderMap) {
        if let Some(name) = self.name(headers) {
            self.table().0.remove(&key(&name));
        }
    }

    /// The cookie that takes the cookie away.
    pub(super) fn forgotten(&self) -> HeaderValue {
        self.cookie("", 0)
            .unwrap_or(HeaderValue::from_static("tollgate=; Max-Age=0"))
    }

    fn cookie(&self, name: &str, max_age_s: u64) -> Option<HeaderValue> {
        let cookie = self.cookie_name();
        let secure = if self.secure { "; Secure" } else { "" };
        let text = format!(
            "{cookie}={name}; HttpOnly; SameSite=Strict; Path=/; Max-Age={max_age_s}{secure}"
        );
        HeaderValue::try_from(text).ok()
    }

    /// Under TLS the `__Host-` prefix keeps a sibling domain from planting one.
    fn cookie_name(&self) -> &'static str {
        if self.secure {
            "__Host-tollgate"
        } else {
            "tollgate"
        }
    }

    fn name(&self, headers: &HeaderMap) -> Option<String> {
        cookie(headers, self.cookie_name())
    }

    fn table(&self) -> Table<'_> {
        Table(self.open.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

struct Table<'a>(std::sync::MutexGuard<'a, HashMap<Key, Open>>);

impl Table<'_> {
    fn insert_bounded(&mut self, key: Key, session: Open, now: Instant) {
        if self.0.len() >= SESSIONS_MAX {
            self.0.retain(|_, session| !session.is_over(now));
        }
        if self.0.len() >= SESSIONS_MAX {
            let oldest = self.0.iter().min_by_key(|(_, session)| session.used);
            if let Some(oldest) = oldest.map(|(key, _)| *key) {
                self.0.remove(&oldest);
            }
        }
        self.0.insert(key, session);
    }
}

impl Open {
    /// What it was opened with.
    pub(super) fn holder(&self) -> &Holder {
        &self.holder
    }

    /// The word to put into its forms.
    pub(super) fn word(&self) -> &str {
        &self.word
    }

    /// Whether a form carried that word.
    pub(super) fn knows(&self, word: &str) -> bool {
        self.word.as_bytes().ct_eq(word.as_bytes()).into()
    }

    fn is_over(&self, now: Instant) -> bool {
        now.saturating_duration_since(self.since) >= LIFETIME
            || now.saturating_duration_since(self.used) >= IDLE
    }
}

impl fmt::Debug for Open {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Open(masked)")
    }
}

/// The value of a request's cookie.
pub(super) fn cookie(headers: &HeaderMap, name: &str) -> Option<String> {
    headers
        .get_all(header::COOKIE)
        .iter()
        .filter_map(|line| line.to_str().ok())
        .flat_map(|line| line.split(';'))
        .filter_map(|pair| pair.trim().split_once('='))
        .find(|(cookie, _)| *cookie == name)
        .map(|(_, value)| value.to_owned())
}

pub(super) fn key(name: &str) -> Key {
    Sha256::digest(name.as_bytes()).into()
}

/// 256 random bits as text.
pub(super) fn random() -> Option<String> {
    let mut bytes = [0; 32];
    getrandom::fill(&mut bytes).ok()?;
    Some(hex::encode(bytes))
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

    fn token() -> Holder {
        Holder::Token(Zeroizing::new("secret-token".to_owned()))
    }

    #[test]
    fn a_cookie_names_a_session_and_carries_no_token() {
        let sessions = Sessions::new(true);
        let cookie = sessions.open(token()).unwrap();
        let text = cookie.to_str().unwrap();
        assert!(text.starts_with("__Host-tollgate="));
        assert!(text.ends_with("; HttpOnly; SameSite=Strict; Path=/; Max-Age=43200; Secure"));
        assert!(!text.contains("secret-token"));
        let session = sessions.of(&request(&cookie)).unwrap();
        assert!(matches!(session.holder(), Holder::Token(token) if **token == *"secret-token"));
        assert!(!format!("{session:?}").contains("secret-token"));
        assert!(session.knows(session.word()) && !session.knows(""));
        sessions.close(&request(&cookie));
        assert!(sessions.of(&request(&cookie)).is_none());
    }

    #[test]
    fn a_session_ends_by_age_and_by_rest() {
        let now = Instant::now();
        let session = |since, used| Open {
            holder: token(),
            word: String::new(),
            since,
            used,
        };
        assert!(!session(now, now).is_over(now + IDLE / 2));
        assert!(session(now, now).is_over(now + IDLE));
        assert!(session(now, now + LIFETIME).is_over(now + LIFETIME));
    }

    #[test]
    fn one_session_too_many_ends_the_one_used_longest_ago() {
        let sessions = Sessions::new(false);
        let first = sessions.open(token()).unwrap();
        for _ in 0..SESSIONS_MAX {
            sessions.open(token()).unwrap();
        }
        assert!(sessions.of(&request(&first)).is_none());
        assert_eq!(sessions.table().0.len(), SESSIONS_MAX);
    }
}

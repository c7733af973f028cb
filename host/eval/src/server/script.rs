//! Which exchange a request is, and which ones are left.

use std::sync::{Mutex, MutexGuard, PoisonError};

use axum::body::Body as Content;
use axum::http::HeaderMap;
use axum::response::Response;
use bytes::Bytes;
use serde_json::Value;

use super::answer::{Answer, unmatched};
use crate::fit::{differences, like};
use crate::report::Finding;
use crate::scenario::{Exchange, Fault, RequestLine, Times};
use crate::value;

/// The most requests without an exchange that are told of.
const UNMATCHED_MAX: usize = 20;

/// A request as it came.
#[derive(Clone, Debug)]
pub(super) struct Seen {
    destination: String,
    written: String,
    line: Option<RequestLine>,
    headers: HeaderMap,
    pub(super) content: Bytes,
}

impl Seen {
    pub(super) fn new(destination: &str, method: &str, target: &str, headers: HeaderMap) -> Self {
        Self {
            destination: destination.to_owned(),
            written: format!("{method} {target}"),
            line: RequestLine::new(method, target),
            headers,
            content: Bytes::new(),
        }
    }

    pub(super) fn line(&self) -> &str {
        &self.written
    }

    /// For a message. Headers are left out: one of them may be a credential.
    fn told(&self) -> Value {
        let mut told = serde_json::json!({ "to": self.destination, "request": self.written });
        if !self.content.is_empty() {
            told["content"] = serde_json::from_slice(&self.content)
                .unwrap_or_else(|_| String::from_utf8_lossy(&self.content).into());
        }
        told
    }
}

/// The exchanges of a scenario and what came of them.
pub(super) struct Script {
    exchanges: Vec<(Exchange, Answer)>,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    /// How often each exchange came.
    used: Vec<u32>,
    unmatched: Vec<Finding>,
    more: usize,
}

impl Script {
    pub(super) fn new(exchanges: Vec<Exchange>, answers: Vec<Answer>) -> Self {
        let state = State {
            used: vec![0; exchanges.len()],
            ..State::default()
        };
        Self {
            exchanges: exchanges.into_iter().zip(answers).collect(),
            state: Mutex::new(state),
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn destinations(&self) -> impl Iterator<Item = &str> {
        let exchanges = self.exchanges.iter();
        exchanges.filter_map(|(exchange, _)| exchange.destination.as_deref())
    }

    /// Whether the connection is reset before the content is read; that uses the
    /// exchange up.
    pub(super) fn closes(&self, seen: &Seen) -> bool {
        let mut state = self.state();
        let next = self.of_line(seen).find(|at| self.is_left(&state, *at));
        let closing = next.filter(|at| self.exchanges[*at].0.fault == Some(Fault::Close));
        if let Some(at) = closing {
            state.used[at] += 1;
        }
        closing.is_some()
    }

    /// What the scenario says to a request: the first exchange that it is and that
    /// is left. Where there is none, that is a finding.
    pub(super) fn take(&self, seen: &Seen) -> Option<(Answer, Option<Fault>)> {
        let mut state = self.state();
        let mut why = None;
        for at in self.of_line(seen) {
            let (exchange, answer) = &self.exchanges[at];
            if !self.is_left(&state, at) {
                why.get_or_insert_with(|| "it came more often than the exchange says".to_owned());
                continue;
            }
            match mismatch(exchange, seen) {
                None => {
                    state.used[at] += 1;
                    return Some((answer.clone(), exchange.fault));
                }
                Some(said) => why = Some(said),
            }
        }
        let why = why.unwrap_or_else(|| self.closest(seen));
        state.note(format!("a request is no exchange: {why}"), seen);
        None
    }

    /// A request whose content did not come.
    pub(super) fn unreadable(&self, seen: &Seen, why: &str) -> Response<Content> {
        let said = format!("a request's content cannot be read: {why}");
        self.state().note(said, seen);
        unmatched(seen)
    }

    pub(super) fn findings(&self) -> Vec<Finding> {
        let state = self.state();
        let mut findings = state.unmatched.clone();
        if state.more > 0 {
            findings.push(Finding::says(format!(
                "{} more requests are no exchange",
                state.more
            )));
        }
        for ((exchange, _), used) in self.exchanges.iter().zip(&state.used) {
            if let Times::Exactly(times) = exchange.times
                && *used < times
            {
                findings.push(Finding::differs(
                    format!("times that `{}` came", exchange.request),
                    times,
                    Some((*used).into()),
                ));
            }
        }
        findings
    }

    /// Exchanges of this destination and line, in the scenario's order.
    fn of_line<'a>(&'a self, seen: &'a Seen) -> impl Iterator<Item = usize> + 'a {
        let exchanges = self.exchanges.iter().enumerate();
        exchanges
            .filter(|(_, (exchange, _))| {
                let here = exchange.destination.as_deref().unwrap_or(&seen.destination);
                here == seen.destination
                    && seen
                        .line
                        .as_ref()
                        .is_some_and(|line| exchange.request.is(line))
            })
            .map(|(at, _)| at)
    }

    fn is_left(&self, state: &State, at: usize) -> bool {
        match self.exchanges[at].0.times {
            Times::Any => true,
            Times::Exactly(times) => state.used[at] < times,
        }
    }

    fn closest(&self, seen: &Seen) -> String {
        let Some(line) = &seen.line else {
            return "its target is no path".to_owned();
        };
        let lines = self.exchanges.iter().map(|(exchange, _)| &exchange.request);
        match lines.max_by_key(|one| one.likeness(line)) {
            Some(closest) => format!("the closest one is `{closest}`"),
            None => "the scenario has no [[exchange]]".to_owned(),
        }
    }
}

impl State {
    fn note(&mut self, said: String, seen: &Seen) {
        if self.unmatched.len() >= UNMATCHED_MAX {
            self.more += 1;
            return;
        }
        let mut finding = Finding::says(said);
        finding.found = Some(seen.told());
        self.unmatched.push(finding);
    }
}

/// Why a request of the right line is not this exchange. A header's value is
/// not part of the message: it may be a credential.
fn mismatch(exchange: &Exchange, seen: &Seen) -> Option<String> {
    for (name, pattern) in &exchange.headers {
        let mut values = seen.headers.get_all(name).iter().peekable();
        if values.peek().is_none() {
            return Some(format!("it has no header `{name}`"));
        }
        if !values.any(|value| like(pattern, &String::from_utf8_lossy(value.as_bytes()))) {
            return Some(format!("its header `{name}` is not `{pattern}`"));
        }
    }
    if let Some(pattern) = &exchange.body_text
        && !like(pattern, &String::from_utf8_lossy(&seen.content))
    {
        return Some("its content is not like `body_text`".to_owned());
    }
    let body = exchange.body.as_ref()?;
    let expected = match value::resolve(body, &[]) {
        Ok(expected) => expected,
        Err(said) => return Some(said),
    };
    let Ok(found) = serde_json::from_slice(&seen.content) else {
        return Some("its content is no JSON".to_owned());
    };
    let differing = differences("its content", &expected, &found);
    differing.first().map(ToString::to_string)
}

//! Which runs are going on, so that a repeated request returns the first one's
//! run instead of doing the work twice. An agent that retries or polls never
//! makes a second refund.

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::watch;
use tollgate_store::RunRow;

use super::Run;
use crate::names::OWN_CASE;

/// How the request key of an undo begins.
pub(crate) const UNDO_KEY: &str = "undo/";

/// What makes two requests the same: who asks for what in which case, by the
/// caller's key where it gives one, else by the input.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Same {
    tenant: String,
    principal: String,
    case: Option<String>,
    connector: String,
    tool: String,
    key: String,
}

impl Same {
    pub(crate) fn of(run: &Run) -> Self {
        Self {
            tenant: run.tenant.clone(),
            principal: principal(run.request_key.as_deref(), &run.principal),
            case: run.named_case().map(str::to_owned),
            connector: run.connector.clone(),
            tool: run.tool.name.clone(),
            key: key(run.request_key.as_deref(), &run.input_digest.to_string()),
        }
    }

    pub(crate) fn of_row(row: &RunRow) -> Self {
        Self {
            tenant: row.tenant.clone(),
            principal: principal(row.request_key.as_deref(), &row.principal),
            case: (!row.case.starts_with(OWN_CASE)).then(|| row.case.clone()),
            connector: row.connector.clone(),
            tool: row.tool.clone(),
            key: key(row.request_key.as_deref(), &row.input_digest),
        }
    }
}

/// Undoing a run is one thing, whoever asks for it; only the host makes such
/// keys.
fn principal(request_key: Option<&str>, principal: &str) -> String {
    match request_key {
        Some(key) if key.starts_with(UNDO_KEY) => String::new(),
        _ => principal.to_owned(),
    }
}

fn key(request_key: Option<&str>, input_digest: &str) -> String {
    match request_key {
        Some(key) => format!("key {key}"),
        None => input_digest.to_owned(),
    }
}

/// A run that is going on, held or in doubt.
#[derive(Clone)]
struct Going {
    run: String,
    input_digest: String,
}

#[derive(Default)]
struct Inner {
    same: HashMap<Same, Going>,
    /// Runs that a task of this process works on now.
    working: HashMap<String, watch::Sender<()>>,
}

/// All of them.
#[derive(Default)]
pub(crate) struct Live(Mutex<Inner>);

/// What a request found.
pub(crate) enum Found {
    /// Nothing like it: the caller goes on with it.
    New,
    /// The first one.
    First(String),
    /// The same request key with another input.
    KeyReused,
}

impl Live {
    /// Enter a run unless the same request is going on.
    pub(crate) fn enter(&self, run: &Run) -> Found {
        // Everything is made before the lock is taken: all runs meet here.
        let same = Same::of(run);
        let going = Going {
            run: run.run.clone(),
            input_digest: run.input_digest.to_string(),
        };
        let (name, (sender, _)) = (run.run.clone(), watch::channel(()));
        let mut inner = self.inner();
        match inner.same.entry(same) {
            Entry::Occupied(first) if first.get().input_digest == going.input_digest => {
                Found::First(first.get().run.clone())
            }
            Entry::Occupied(_) => Found::KeyReused,
            Entry::Vacant(place) => {
                place.insert(going);
                inner.working.insert(name, sender);
                Found::New
            }
        }
    }

    /// Know of a run from the store, which nobody works on yet.
    pub(crate) fn remember(&self, row: &RunRow) {
        let going = Going {
            run: row.run.clone(),
            input_digest: row.input_digest.clone(),
        };
        self.inner().same.insert(Same::of_row(row), going);
    }

    /// Take a known run up. `false`: somebody does already.
    pub(crate) fn take_up(&self, run: &str) -> bool {
        let mut inner = self.inner();
        if inner.working.contains_key(run) {
            return false;
        }
        let (sender, _) = watch::channel(());
        inner.working.insert(run.to_owned(), sender);
        true
    }

    /// Stop working on a run. It stays known while it is held or in doubt.
    pub(crate) fn lay_down(&self, run: &Run, ended: bool) {
        let same = Same::of(run);
        let mut inner = self.inner();
        inner.working.remove(&run.run);
        let is_first = inner
            .same
            .get(&same)
            .is_some_and(|going| going.run == run.run);
        if ended && is_first {
            inner.same.remove(&same);
        }
    }

    /// Stop working on a run that could not even be rebuilt.
    pub(crate) fn drop_work(&self, run: &str) {
        self.inner().working.remove(run);
    }

    /// Wait until nobody works on the run.
    pub(crate) async fn settled(self: &Arc<Self>, run: &str) {
        let waiting = self.inner().working.get(run).map(watch::Sender::subscribe);
        if let Some(mut waiting) = waiting {
            // An error means the sender is gone: nobody works on it any more.
            while waiting.changed().await.is_ok() {}
        }
    }

    fn inner(&self) -> MutexGuard<'_, Inner> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

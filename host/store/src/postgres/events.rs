//! What others may wait for: told at once to who listens in this process, and by
//! NOTIFY to other hosts. Commits that notify stand in line, one after another,
//! in the whole server; so only what a person, another host or a waiting caller
//! can wait for is told: that a run's work ended or waits, decisions, connectors
//! and queues.

use std::sync::Arc;
use std::time::Duration;

use serde::{Deserialize, Serialize};
use sqlx::PgPool;
use sqlx::postgres::PgListener;
use tokio::sync::broadcast;

use super::connect::Server;
use crate::events::told;
use crate::{Event, EventKind, StoreError, Submission};

pub(super) const CHANNEL: &str = "tollgate_events";

/// Events that a slow listener may be behind; beyond it, it is told that it
/// missed some.
const EVENTS_KEPT: usize = 1_024;

/// PostgreSQL refuses payloads of 8 000 bytes and more, with their transaction.
const PAYLOAD_BYTES_MAX: usize = 7_900;

/// Between two attempts to listen again.
const PAUSE: Duration = Duration::from_millis(200);

/// The ends of a store's events. Cheap to clone.
#[derive(Clone)]
pub(super) struct Events {
    sender: broadcast::Sender<Event>,
    /// Whose notifications are this process's own, which were told already.
    host: Arc<str>,
}

/// What is sent to other hosts.
#[derive(Serialize, Deserialize)]
struct Payload<'a> {
    host: &'a str,
    tenant: std::borrow::Cow<'a, str>,
    kind: Kind,
    id: std::borrow::Cow<'a, str>,
}

#[derive(Clone, Copy, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Kind {
    Run,
    Approval,
    Connector,
    Queue,
    Case,
    Workflow,
    /// Names too long for a payload: look at everything.
    Missed,
}

impl Events {
    pub(super) fn new() -> Result<Self, StoreError> {
        let mut host = [0; 8];
        getrandom::fill(&mut host)
            .map_err(|error| StoreError::Location(format!("no randomness: {error}")))?;
        Ok(Self {
            sender: broadcast::channel(EVENTS_KEPT).0,
            host: hex::encode(host).into(),
        })
    }

    pub(super) fn subscribe(&self) -> broadcast::Receiver<Event> {
        self.sender.subscribe()
    }

    /// Tell who listens in this process. That nobody does is no error.
    pub(super) fn tell_here(&self, submission: &Submission) {
        for what in submission.changes.iter().filter_map(told) {
            let tenant = submission.tenant.to_string();
            self.sender.send(Event { tenant, what }).ok();
        }
    }

    fn send(&self, tenant: String, kind: Kind, id: String) {
        let what = match kind {
            Kind::Run => EventKind::Run(id),
            Kind::Approval => EventKind::Approval(id),
            Kind::Connector => EventKind::Connector(id),
            Kind::Queue => EventKind::Queue(id),
            Kind::Case => EventKind::Case(id),
            Kind::Workflow => EventKind::Workflow(id),
            Kind::Missed => EventKind::Missed,
        };
        self.sender.send(Event { tenant, what }).ok();
    }

    /// Add the payloads for other hosts.
    pub(super) fn to_tell(&self, submission: &Submission, payloads: &mut Vec<String>) {
        for what in submission.changes.iter().filter_map(told) {
            let (kind, id) = named(&what);
            let whole = self.payload(&submission.tenant, kind, id);
            let payload = match whole.len() {
                0..PAYLOAD_BYTES_MAX => whole,
                _ => self.payload("", Kind::Missed, ""),
            };
            payloads.push(payload);
        }
    }

    fn payload(&self, tenant: &str, kind: Kind, id: &str) -> String {
        let payload = Payload {
            host: &self.host,
            tenant: tenant.into(),
            kind,
            id: id.into(),
        };
        // Texts and a name are always JSON.
        serde_json::to_string(&payload).unwrap_or_default()
    }

    /// Anybody with a login may notify: what cannot be read is taken as "look".
    fn heard(&self, payload: &str) {
        match serde_json::from_str::<Payload<'_>>(payload) {
            Ok(own) if own.host == &*self.host => {}
            Ok(other) => self.send(other.tenant.into_owned(), other.kind, other.id.into_owned()),
            Err(_) => self.missed(),
        }
    }

    fn missed(&self) {
        self.send(String::new(), Kind::Missed, String::new());
    }
}

/// What is sent of an event: its kind, and its name where it has one.
fn named(what: &EventKind) -> (Kind, &str) {
    match what {
        EventKind::Run(id) => (Kind::Run, id),
        EventKind::Approval(id) => (Kind::Approval, id),
        EventKind::Connector(name) => (Kind::Connector, name),
        EventKind::Queue(id) => (Kind::Queue, id),
        EventKind::Case(case) => (Kind::Case, case),
        EventKind::Workflow(name) => (Kind::Workflow, name),
        EventKind::Missed => (Kind::Missed, ""),
    }
}

/// Begin to listen: what is committed after this has answered is heard.
pub(super) async fn listen(pool: PgPool) -> Result<PgListener, sqlx::Error> {
    let mut listener = PgListener::connect_with(&pool).await?;
    listener.listen(CHANNEL).await?;
    Ok(listener)
}

/// Hear what other hosts tell, until the pool is closed. After every break of the
/// connection it says that something may have been missed.
pub(super) async fn hear(events: Events, server: Arc<Server>, pool: PgPool, first: PgListener) {
    let mut listener = Some(first);
    loop {
        let Some(open) = listener.as_mut() else {
            if pool.is_closed() {
                return;
            }
            match listen(pool.clone()).await {
                Ok(fresh) => {
                    listener = Some(fresh);
                    events.missed();
                }
                Err(_) => tokio::time::sleep(PAUSE).await,
            }
            continue;
        };
        match open.try_recv().await {
            Ok(Some(told)) => events.heard(told.payload()),
            Err(sqlx::Error::PoolClosed) => return,
            // The connection broke; it is made anew above, so that what happens
            // until then is known to be missed.
            Ok(None) | Err(_) => {
                server.broke();
                listener = None;
            }
        }
    }
}

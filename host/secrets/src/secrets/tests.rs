//! What is given to whom.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::sync::Mutex as StdMutex;
use std::sync::atomic::{AtomicUsize, Ordering};

use async_trait::async_trait;
use zeroize::Zeroizing;

use super::*;
use crate::SourceError;

/// A source whose value a test exchanges.
#[derive(Clone, Default)]
struct Cell {
    value: Arc<StdMutex<Option<&'static str>>>,
    asked: Arc<AtomicUsize>,
}

impl Cell {
    fn of(value: &'static str) -> Self {
        let cell = Self::default();
        cell.put(Some(value));
        cell
    }

    fn put(&self, value: Option<&'static str>) {
        *self.value.lock().unwrap() = value;
    }
}

#[async_trait]
impl Source for Cell {
    async fn read(&self) -> Result<Zeroizing<Vec<u8>>, SourceError> {
        self.asked.fetch_add(1, Ordering::SeqCst);
        tokio::task::yield_now().await;
        let value = *self.value.lock().unwrap();
        let value = value.ok_or_else(|| SourceError::Missing("the cell's value".to_owned()))?;
        Ok(Zeroizing::new(value.as_bytes().to_vec()))
    }

    fn describe(&self) -> String {
        "cell".to_owned()
    }
}

fn slot(tenant: &str, name: &str) -> Slot {
    Slot {
        name: name.to_owned(),
        tenant: tenant.to_owned(),
        origin: "https://desk.example".to_owned(),
        place: bearer(),
        resources: Vec::new(),
    }
}

fn bearer() -> Place {
    Place::Header("authorization".to_owned())
}

const DESK: &str = "https://desk.example";
const CANARY: &str = "canary-value-1";

#[tokio::test]
async fn a_secret_is_given_only_where_tenant_origin_and_place_agree() {
    let cell = Cell::of(CANARY);
    let secrets = Secrets::new(vec![(slot("acme", "desk"), Arc::new(cell.clone()))]).unwrap();
    let given = secrets
        .get("acme", "desk", "https://desk.example:443/", &bearer())
        .await;
    assert_eq!(given.unwrap().expose(), CANARY.as_bytes());

    let query = Place::Query("key".to_owned());
    let refused = [
        (
            secrets.get("other", "desk", DESK, &bearer()).await,
            "tenant `other` has no secret `desk`; the operator adds a [[secret]] to tollgate.toml",
        ),
        (
            secrets.get("acme", "disk", DESK, &bearer()).await,
            "tenant `acme` has no secret `disk`; the operator adds a [[secret]] to tollgate.toml",
        ),
        (
            secrets
                .get("acme", "desk", "https://evil.example", &bearer())
                .await,
            "secret `desk` may be sent to https://desk.example only, not to https://evil.example",
        ),
        (
            secrets
                .get("acme", "desk", "http://desk.example", &bearer())
                .await,
            "secret `desk` may be sent to https://desk.example only, not to http://desk.example",
        ),
        (
            secrets.get("acme", "desk", DESK, &query).await,
            "secret `desk` may be put into the header `authorization` only, not into the query parameter `key`",
        ),
    ];
    let asked = cell.asked.load(Ordering::SeqCst);
    assert_eq!(asked, 1, "a refusal asks no source");
    for (answer, said) in refused {
        assert_eq!(answer.unwrap_err().to_string(), said);
    }
}

#[tokio::test]
async fn a_clients_secret_buys_tokens_for_its_resources_only() {
    let cell = Cell::of(CANARY);
    let mut client = slot("acme", "desk");
    client.place = Place::OAuthClient;
    client.resources = vec!["https://API.example:443/".to_owned()];
    let mut none = client.clone();
    none.name = "none".to_owned();
    none.resources = Vec::new();
    let slots = [client, none].map(|slot| (slot, Arc::new(cell.clone()) as Arc<dyn Source>));
    let secrets = Secrets::new(slots.into()).unwrap();
    let to = async |name, resource| {
        let given = secrets.client("acme", name, DESK, resource).await;
        given.unwrap_err().to_string()
    };
    assert_eq!(
        to("desk", "https://evil.example").await,
        "a token got with secret `desk` may be sent to https://api.example only, not to https://evil.example"
    );
    assert_eq!(
        to("desk", "null").await,
        "a token got with secret `desk` may be sent to https://api.example only, not to what is no origin"
    );
    assert_eq!(
        to("none", "https://api.example").await,
        "a token got with secret `none` may be sent to no origin only, not to https://api.example"
    );
    let plain = secrets.get("acme", "desk", DESK, &Place::OAuthClient).await;
    assert!(matches!(plain, Err(SecretError::OtherResource { .. })));
    assert_eq!(cell.asked.load(Ordering::SeqCst), 0, "no source is asked");
    let given = secrets
        .client("acme", "desk", DESK, "https://api.example")
        .await;
    assert_eq!(given.unwrap().expose(), CANARY.as_bytes());
    let elsewhere = secrets.client(
        "acme",
        "desk",
        "https://evil.example",
        "https://api.example",
    );
    assert!(matches!(
        elsewhere.await,
        Err(SecretError::OtherOrigin { .. })
    ));

    let mut bad = slot("acme", "desk");
    bad.resources = vec!["https://u:canary@api.example".to_owned()];
    let error = Secrets::new(vec![(bad, Arc::new(cell))]).unwrap_err();
    assert!(matches!(error, SlotError::Origin { .. }));
}

#[tokio::test]
async fn a_value_is_asked_for_once_and_a_failed_refresh_keeps_nothing() {
    let cell = Cell::of(CANARY);
    let mut secrets = Secrets::new(vec![(slot("acme", "desk"), Arc::new(cell.clone()))]).unwrap();
    let place = bearer();
    let get = || secrets.get("acme", "desk", DESK, &place);
    let (one, two) = tokio::join!(get(), get());
    assert!(one.is_ok() && two.is_ok());
    cell.put(Some("canary-value-2"));
    assert_eq!(get().await.unwrap().expose(), CANARY.as_bytes());
    assert_eq!(cell.asked.load(Ordering::SeqCst), 1);

    secrets.fresh_for = Duration::ZERO;
    let get = || secrets.get("acme", "desk", DESK, &place);
    assert_eq!(get().await.unwrap().expose(), b"canary-value-2");
    let scanner = secrets.scanner();
    let knows = |value: &str| scanner.find("acme", value.as_bytes()).is_some();
    assert!(knows(CANARY) && knows("canary-value-2"), "both are live");
    cell.put(None);
    let gone = get().await.unwrap_err().to_string();
    assert_eq!(
        gone,
        "secret `desk` cannot be read: the cell's value is not there"
    );
    let mut again = secrets;
    again.fresh_for = FRESH_FOR;
    assert!(again.get("acme", "desk", DESK, &place).await.is_err());
    assert!(again.scanner().find("acme", b"canary-value-2").is_some());
}

#[tokio::test]
async fn values_that_nobody_asked_for_are_known_to_the_scanner_and_shown_by_nothing() {
    let slots: Vec<(Slot, Arc<dyn Source>)> = vec![
        (slot("acme", "desk"), Arc::new(Cell::of(CANARY))),
        (slot("acme", "gone"), Arc::new(Cell::default())),
    ];
    let secrets = Secrets::new(slots).unwrap();
    let failed = secrets.learn().await;
    assert_eq!(failed.len(), 1);
    assert_eq!(failed[0].0.name, "gone");
    assert!(secrets.scanner().find("other", CANARY.as_bytes()).is_some());
    let secret = secrets.get("acme", "desk", DESK, &bearer()).await.unwrap();
    let shown = format!("{secrets:?} {secret:?} {:?} {failed:?}", secrets.scanner());
    assert!(
        shown.contains("desk") && !shown.contains("canary"),
        "{shown}"
    );
}

#[test]
fn slots_that_cannot_be_meant_are_refused() {
    let cell = || Arc::new(Cell::default()) as Arc<dyn Source>;
    let twice = Secrets::new(vec![(slot("a", "x"), cell()), (slot("a", "x"), cell())]);
    assert!(matches!(twice, Err(SlotError::Twice { .. })));
    let mut bad = slot("a", "x");
    bad.origin = "https://desk.example/path".to_owned();
    assert!(matches!(
        Secrets::new(vec![(bad, cell())]),
        Err(SlotError::Origin { .. })
    ));
}

//! What is sent, and what of an answer a guest gets.

use std::time::{Duration, Instant};

use serde_json::{Value, json};
use tollgate_policy::Place;
use tollgate_runtime::{
    FixedSource, HostOptions, Principal, RunReport, RunState, SecretEntry, SecretSource, Slot,
};
use tollgate_tests::component;

use super::{Desk, Fault, ROWS, ask, came, manifest, opened, refused, run, tool};
use crate::house::{House, agent, output};

const CANARY: &str = "canary-4f1c9a77e2";

const CREDENTIAL: &str = "[grant.http.desk.credential]\nsecret = \"desk-token\"\nheader = \"authorization\"\nformat = \"Bearer {}\"\n";

fn secret(tenant: &str, desk: &Desk) -> SecretEntry {
    SecretEntry {
        slot: Slot {
            name: "desk-token".to_owned(),
            tenant: tenant.to_owned(),
            origin: format!("http://{}", desk.address),
            place: Place::Header("authorization".to_owned()),
        },
        source: SecretSource::Of(std::sync::Arc::new(FixedSource::new(CANARY))),
    }
}

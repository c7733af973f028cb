//! People who decide together: quorums, standing denials, votes taken back,
//! deputies, changed inputs, exceptions and batches. Each on a host whose records
//! are in a file, and on one whose records are in a PostgreSQL.

mod batch;
mod binding;
mod delegation;
mod denying;
mod editing;
mod quorum;
mod revoking;

use serde_json::json;
use tollgate_runtime::{Card, DecideError, Principal, PrincipalKind, RunReport, RunState};

use crate::house::{House, principal};

/// A test of each name, on a host of its own, once for each kind of store.
macro_rules! on_each_store {
    ($tool:literal, $lines:literal; $($name:ident),* $(,)?) => {
        mod file {
            $(
                #[tokio::test(flavor = "multi_thread")]
                async fn $name() {
                    super::$name($crate::house::House::hostile("", &$crate::deciding::asks($tool, $lines)).await).await;
                }
            )*
        }

        mod postgres {
            $(
                #[tokio::test(flavor = "multi_thread")]
                async fn $name() {
                    if let Some(house) =
                        $crate::house::House::hostile_on_postgres(&$crate::deciding::asks($tool, $lines)).await
                    {
                        super::$name(house).await;
                    }
                }
            )*
        }
    };
}
pub(crate) use on_each_store;

pub(crate) fn person(name: &str) -> Principal {
    principal(name, PrincipalKind::Person, &["boss"])
}

/// A rule that holds a tool for an approval with these lines in it.
pub(crate) fn asks(tool: &str, lines: &str) -> String {
    format!(
        "[[rule]]\nname = \"ask\"\ntool = \"{tool}\"\nthen = {{ require = \"boss\" }}\nreason = \"a boss looks\"\n[approval.boss]\napprovers = [\"group:boss\"]\ndecide_within = \"1h\"\nexecute_within = \"10m\"\n{lines}\n"
    )
}

pub(crate) async fn card(house: &House, report: &RunReport) -> Card {
    assert_eq!(report.state, RunState::Held, "{report:?}");
    let approval = &report.pending.as_ref().unwrap().approval;
    house.host.card(&person("mira"), approval).await.unwrap()
}

/// A held call of `increment`.
pub(crate) async fn held(house: &House, key: &str) -> (RunReport, Card) {
    let report = house.call("increment", json!({"key": key})).await;
    let card = card(house, &report).await;
    (report, card)
}

pub(crate) async fn yes(house: &House, by: &str, card: &Card) -> Result<RunReport, DecideError> {
    house
        .host
        .approve(&person(by), &card.approval, &card.digest)
        .await
}

/// How often `increment` had its effect on a key.
pub(crate) async fn effects(house: &House, key: &str) -> u64 {
    let found = house.kv(key).await;
    if found == "None" {
        return 0;
    }
    let value = found.split("value: [").nth(1).unwrap();
    let codes = value.split(']').next().unwrap().split(", ");
    let text: String = codes
        .map(|code| char::from(code.parse::<u8>().unwrap()))
        .collect();
    text.parse().unwrap()
}

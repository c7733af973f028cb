//! A sample of the property that `policy` tests on bindings alone, through a real
//! host: whatever changes between the card and the sending, the call is not sent.

use proptest::prelude::Rng as _;
use proptest::test_runner::{RngAlgorithm, TestRng};
use serde_json::json;
use tollgate_runtime::RunState;

use super::{card, yes};
use crate::house::{House, hostile, hostile_manifest};

/// Rounds of the sample; each holds one call, changes one thing and approves.
const ROUNDS: usize = 24;

/// The manifest's part that a change is made in.
#[derive(Clone)]
struct Part {
    rule: &'static str,
    reason: &'static str,
    approvers: &'static str,
    title: &'static str,
    lines: &'static str,
}

impl Part {
    fn text(&self) -> String {
        let Self {
            rule,
            reason,
            approvers,
            title,
            lines,
        } = self;
        format!(
            "[[rule]]\nname = \"{rule}\"\ntool = \"try_sql\"\nthen = {{ require = \"boss\" }}\nreason = \"{reason}\"\n[approval.boss]\napprovers = [{approvers}]\ntitle = \"{title}\"\n{lines}\n"
        )
    }
}

const AS_SHOWN: Part = Part {
    rule: "ask",
    reason: "a boss looks",
    approvers: "\"group:boss\"",
    title: "Change {args.0}",
    lines: "",
};

/// Says which seed it was where the test fails; `TOLLGATE_SEED` repeats it.
struct Named(u64);

impl Drop for Named {
    #[expect(clippy::print_stderr, reason = "the seed repeats the failure")]
    fn drop(&mut self) {
        if std::thread::panicking() {
            eprintln!("seed {}", self.0);
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn whatever_changes_between_card_and_sending_voids_the_approval() {
    let now = std::time::SystemTime::now()
        .duration_since(std::time::UNIX_EPOCH)
        .unwrap();
    let seed: u64 = match std::env::var("TOLLGATE_SEED") {
        Ok(seed) => seed.parse().unwrap(),
        Err(_) => u64::try_from(now.as_nanos() % u128::from(u64::MAX)).unwrap(),
    };
    // In the output of a test that fails.
    let _named = Named(seed);
    let mut bytes = [0; 32];
    bytes[..8].copy_from_slice(&seed.to_le_bytes());
    let mut random = TestRng::from_seed(RngAlgorithm::ChaCha, &bytes);
    let house = House::hostile("", &AS_SHOWN.text()).await;
    let install = async |part: &Part| {
        house
            .install(&hostile_manifest("", &part.text()), &hostile())
            .await;
    };
    for round in 0..ROUNDS {
        install(&AS_SHOWN).await;
        let status = format!("s{round}-{}", random.next_u32());
        let input = json!({
            "database": "orders",
            "statement": "UPDATE orders SET status = ? WHERE id = 1",
            "parameters": [status],
            "execute": true,
        });
        let report = house.call("try_sql", input).await;
        let shown = card(&house, &report).await;
        let what = round % 8;
        match what {
            0 => {
                install(&Part {
                    rule: "asks",
                    ..AS_SHOWN
                })
                .await
            }
            1 => {
                install(&Part {
                    reason: "another looks",
                    ..AS_SHOWN
                })
                .await
            }
            2 => {
                let approvers = "\"group:boss\", \"person:mira\"";
                install(&Part {
                    approvers,
                    ..AS_SHOWN
                })
                .await;
            }
            3 => {
                install(&Part {
                    title: "Look at {args.0}",
                    ..AS_SHOWN
                })
                .await
            }
            4 => {
                install(&Part {
                    lines: "quorum = 2",
                    ..AS_SHOWN
                })
                .await
            }
            5 => {
                install(&Part {
                    lines: "exception = true",
                    ..AS_SHOWN
                })
                .await
            }
            6 => {
                let other = random.next_u32();
                let change = format!("UPDATE orders SET status = 'x{other}' WHERE id = 1");
                house.sql(&change).await;
            }
            _ => {
                // What was approved is not what the store says was asked for.
                let sql = format!(
                    "UPDATE approvals SET digest = 'sha256:{}' WHERE id = '{}'",
                    "0".repeat(64),
                    shown.approval
                );
                let mut store = crate::house::database(&house.path("tollgate.db")).await;
                sqlx::raw_sql(sqlx::AssertSqlSafe(sql))
                    .execute(&mut store)
                    .await
                    .unwrap();
            }
        }
        let came = yes(&house, "mira", &shown).await;
        if what == 7 {
            assert_eq!(came.unwrap_err().kind(), "changed");
        } else {
            let came = came.unwrap();
            assert_eq!(came.state, RunState::Held, "change {what}: {came:?}");
            assert_ne!(came.pending.unwrap().approval, shown.approval);
        }
        let now = house
            .look("SELECT status AS v FROM orders WHERE id = 1")
            .await;
        assert_ne!(now, [format!("'{status}'")], "change {what}");
    }
    // And what did not change goes through.
    install(&AS_SHOWN).await;
    let input = json!({
        "database": "orders",
        "statement": "UPDATE orders SET status = 'final' WHERE id = 1",
        "execute": true,
    });
    let report = house.call("try_sql", input).await;
    let shown = card(&house, &report).await;
    let done = yes(&house, "mira", &shown).await.unwrap();
    assert_eq!(done.state, RunState::Done);
}

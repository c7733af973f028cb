//! An approver changes what was asked for: another run goes on with it.

use serde_json::json;
use tollgate_runtime::{DecideError, LogFilter, PrincipalKind, RunState};
use tollgate_tests::named;

use super::{asks, card, effects, held, on_each_store, person, yes};
use crate::house::{House, agent, failure, hostile, hostile_manifest, output, principal};

async fn a_changed_input_goes_on_as_another_run_and_everybody_votes_anew(house: House) {
    let (report, shown) = held(&house, "n").await;
    let input = json!({"key": "m"});
    let next = house
        .host
        .edit(&person("mira"), &shown.approval, &shown.digest, &input)
        .await
        .unwrap();
    assert_ne!(next.run, report.run);
    assert_eq!(
        (next.principal.as_str(), &next.case),
        ("agent-7", &report.case)
    );
    let anew = card(&house, &next).await;
    assert_eq!((&anew.input, anew.votes.len()), (&input, 0));
    assert_eq!(anew.edited_by, ["mira"]);
    assert_eq!(anew.edits.as_ref(), Some(&report.run));
    // The first run has ended, without an effect, and says where it goes on.
    let first = house.host.run(&agent(), &report.run).await.unwrap();
    assert_eq!(first.state, RunState::Edited);
    assert_eq!(first.continued_as.as_ref(), Some(&next.run));
    let (kind, message) = failure(&first);
    assert_eq!(kind, "edited");
    assert!(
        message.contains("mira") && message.contains(&next.run),
        "{message}"
    );
    let log = house.log(&report.run).await;
    let edited = log.iter().find(|line| line.stage == "run.edited").unwrap();
    assert_eq!(
        edited.values["patch"],
        json!([{"op": "replace", "path": "/key", "value": "m"}])
    );
    let old = house.host.card(&person("mira"), &shown.approval).await;
    assert_eq!(old.unwrap().state, "void");
    assert!(yes(&house, "noor", &shown).await.is_err());
    // Who wrote it asked for it.
    let own = yes(&house, "mira", &anew).await.unwrap_err();
    assert!(matches!(own, DecideError::Author), "{own}");
    let done = yes(&house, "noor", &anew).await.unwrap();
    assert_eq!(output(done)["count"], 1);
    assert_eq!(
        (effects(&house, "n").await, effects(&house, "m").await),
        (0, 1)
    );
    let filter = LogFilter {
        outcome: Some(RunState::Edited),
        ..LogFilter::default()
    };
    let ended = house.host.log(&named("default"), filter).await.unwrap();
    assert!(
        ended
            .iter()
            .any(|line| line.run.as_ref() == Some(&report.run))
    );
    let replay = house
        .host
        .replay(&named("default"), &next.run)
        .await
        .unwrap();
    assert!(replay.identical, "{:?}", replay.difference);
}

/// The attack: the payee is changed by one approver and the amount by another, and
/// each then approves what both wrote.
async fn nobody_who_wrote_a_part_of_it_votes(house: House) {
    let (_, shown) = held(&house, "n").await;
    let edit = async |who: &str, shown: &tollgate_runtime::Card, key: &str| {
        let (who, input) = (person(who), json!({"key": key}));
        let next = house
            .host
            .edit(&who, &shown.approval, &shown.digest, &input);
        card(&house, &next.await.unwrap()).await
    };
    let second = edit("mira", &shown, "m").await;
    let third = edit("noor", &second, "o").await;
    assert_eq!(third.edited_by, ["mira", "noor"]);
    for who in ["mira", "noor"] {
        let own = yes(&house, who, &third).await.unwrap_err();
        assert!(matches!(own, DecideError::Author), "{own}");
    }
    let done = yes(&house, "olaf", &third).await.unwrap();
    assert_eq!(done.state, RunState::Done);
    assert_eq!(effects(&house, "o").await, 1);
}

async fn what_cannot_be_used_changes_nothing(house: House) {
    let (report, shown) = held(&house, "n").await;
    let edit = |who, digest: &str, input| {
        let (host, approval, digest) = (&house.host, shown.approval.clone(), digest.to_owned());
        async move {
            host.edit(&who, &approval, &digest, &input)
                .await
                .unwrap_err()
        }
    };
    let mira = || person("mira");
    let unfit = edit(mira(), &shown.digest, json!({"key": 7})).await;
    assert!(
        matches!(&unfit, DecideError::InputUnfit { pointer, .. } if pointer == "/key"),
        "{unfit}"
    );
    let same = edit(mira(), &shown.digest, json!({"key": "n"})).await;
    assert!(matches!(same, DecideError::NotEditable(_)), "{same}");
    let changed = edit(mira(), "sha256:00", json!({"key": "m"})).await;
    assert!(matches!(changed, DecideError::Changed), "{changed}");
    let other = principal("otto", PrincipalKind::Person, &["staff"]);
    let no = edit(other, &shown.digest, json!({"key": "m"})).await;
    assert!(matches!(no, DecideError::NotAnApprover(_)), "{no}");
    let bot = principal("mira", PrincipalKind::Agent, &["boss"]);
    let no = edit(bot, &shown.digest, json!({"key": "m"})).await;
    assert!(matches!(no, DecideError::NotAPerson), "{no}");
    // A rule denies what it would become: the rules run before anything changes.
    let deny = "[[rule]]\nname = \"stop\"\ntool = \"increment\"\nwhen = { \"input.key\" = { eq = \"closed\" } }\nthen = \"deny\"\nreason = \"closed for the year\"\n";
    let manifest = hostile_manifest("", &format!("{}{deny}", asks("increment", "")));
    house.install(&manifest, &hostile()).await;
    let denied = edit(mira(), &shown.digest, json!({"key": "closed"})).await;
    assert!(
        matches!(&denied, DecideError::InputUnfit { message, .. } if message.contains("closed for the year")),
        "{denied}"
    );
    // It still waits, as it was.
    let waits = house.host.run(&agent(), &report.run).await.unwrap();
    assert_eq!(waits.state, RunState::Held);
    let done = yes(&house, "mira", &shown).await.unwrap();
    assert_eq!(done.state, RunState::Done);
    let late = edit(mira(), &shown.digest, json!({"key": "m"})).await;
    assert!(matches!(late, DecideError::NotEditable(_)), "{late}");
    assert_eq!(effects(&house, "n").await, 1);
}

on_each_store! {
    "increment", "";
    a_changed_input_goes_on_as_another_run_and_everybody_votes_anew,
    nobody_who_wrote_a_part_of_it_votes,
    what_cannot_be_used_changes_nothing,
}

/// What has happened is not changed by changing its input.
#[tokio::test(flavor = "multi_thread")]
async fn a_run_that_had_an_effect_is_denied_with_a_proposal_and_not_edited() {
    let more = "[[rule]]\nname = \"ask\"\ncall = \"files.write\"\nthen = { require = \"boss\" }\n[approval.boss]\napprovers = [\"group:boss\"]\n";
    let house = House::hostile("", more).await;
    let report = house
        .call(
            "read_write_read",
            json!({"key": "k", "path": "a.txt", "text": "x"}),
        )
        .await;
    let shown = card(&house, &report).await;
    assert_ne!(house.kv("k").await, "None", "its first write happened");
    let input = json!({"key": "k", "path": "b.txt", "text": "x"});
    let no = house
        .host
        .edit(&person("mira"), &shown.approval, &shown.digest, &input)
        .await
        .unwrap_err();
    assert!(
        matches!(&no, DecideError::NotEditable(why) if why.contains("effect")),
        "{no}"
    );
    assert!(no.hint().unwrap().contains("propose"));
    let waits = house.host.run(&agent(), &report.run).await.unwrap();
    assert_eq!(waits.state, RunState::Held);
}

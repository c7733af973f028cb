//! Where a person's key is registered, the person decides with its signature, and
//! nobody else does: a stolen token reads and asks, and decides nothing.

use std::collections::BTreeMap;

use serde_json::{Value, json};
use tollgate_policy::decision::{
    PrivateKey, Said, Statement, input_digest, reason_digest, verify_recorded,
};
use tollgate_runtime::{
    Batch, BatchDecision, BatchFilter, Card, DecideError, LogLine, NewDelegation, NewDrill,
    PrincipalKind, RunState,
};
use zeroize::Zeroizing;

use crate::deciding::{asks, card, effects, held, person, yes};
use crate::house::{AT, House, principal};

fn key(seed: u8) -> PrivateKey {
    PrivateKey::from_seed(&Zeroizing::new([seed; 32]))
}

fn statement(decision: Said, card: &Card, reason: Option<&str>) -> Statement {
    Statement {
        tenant: "default".to_owned(),
        approval: card.approval.clone(),
        digest: card.digest.clone(),
        decision,
        reason: reason_digest(reason),
        input: None,
    }
}

fn sign(seed: u8, decision: Said, card: &Card, reason: Option<&str>) -> String {
    key(seed).sign(&statement(decision, card, reason)).unwrap()
}

/// Mira has a key. `lines` are those of the approval.
async fn house(lines: &str) -> House {
    let house = House::hostile("", &asks("increment", lines)).await;
    let (mira, public) = (person("mira"), key(1).public());
    let added = house.host.add_principal_with_key(&mira, Some(&public));
    added.await.unwrap();
    house
}

async fn approve(
    house: &House,
    card: &Card,
    reason: Option<&str>,
    signature: Option<&str>,
) -> Result<RunState, DecideError> {
    let (mira, host) = (person("mira"), &house.host);
    let report = host.approve_signed(&mira, &card.approval, &card.digest, reason, signature);
    report.await.map(|report| report.state)
}

async fn told(house: &House, run: &str, stage: &str) -> Vec<LogLine> {
    let mut log = house.log(run).await;
    log.retain(|line| line.stage == stage);
    log
}

/// What an outsider finds with the record and the public key alone.
fn verified(line: &LogLine, seed: u8) -> Statement {
    let facts = line.facts.as_object().unwrap();
    assert_eq!(
        facts["key"],
        Value::from(key(seed).public().fingerprint()),
        "{facts:?}"
    );
    assert!(verify_recorded("default", facts, &key(99).public()).is_err());
    verify_recorded("default", facts, &key(seed).public()).unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_token_alone_decides_nothing_where_a_key_is_registered() {
    let house = house("").await;
    let (report, shown) = held(&house, "n").await;
    let (other_report, other) = held(&house, "m").await;
    let (mira, host) = (person("mira"), &house.host);
    let before = house.log(&report.run).await.len();
    // As an attacker has it: the token, and everything that the token shows.
    let no = yes(&house, "mira", &shown).await.unwrap_err();
    assert!(matches!(no, DecideError::SignatureMissing(_)), "{no}");
    assert_eq!(no.kind(), "signature_missing");
    assert!(no.hint().unwrap().contains("--key"));
    let command = format!("`tollgate approve {} --key KEY_FILE`", shown.approval);
    assert!(no.to_string().contains(&command), "{no}");
    let no = host.deny(&mira, &shown.approval, &shown.digest, "no").await;
    assert!(
        matches!(no, Err(DecideError::SignatureMissing(_))),
        "{no:?}"
    );
    let no = host.revoke(&mira, &shown.approval).await;
    assert!(
        matches!(no, Err(DecideError::SignatureMissing(_))),
        "{no:?}"
    );
    let deputy = NewDelegation {
        deputy: "ben".to_owned(),
        approver: "group:boss".to_owned(),
        from_ms: None,
        until_ms: AT + 60_000,
    };
    let no = host.delegate(&mira, &deputy).await;
    assert!(
        matches!(&no, Err(DecideError::NoDeputy(why)) if why.contains("signed")),
        "{no:?}"
    );
    let reason = Some("it was paid");
    let wrong = [
        sign(2, Said::Approved, &shown, None),
        sign(1, Said::Denied, &shown, None),
        sign(1, Said::Revoked, &shown, None),
        sign(1, Said::Approved, &other, None),
        sign(1, Said::Approved, &shown, reason),
        "AAAA".to_owned(),
        String::new(),
    ];
    for signature in &wrong {
        let no = approve(&house, &shown, None, Some(signature)).await;
        let no = no.unwrap_err();
        assert!(matches!(no, DecideError::SignatureWrong(_)), "{no}");
        assert_eq!(no.kind(), "signature_wrong");
        assert!(!no.to_string().contains(signature) || signature.is_empty());
    }
    let elsewhere = Statement {
        tenant: "other".to_owned(),
        ..statement(Said::Approved, &shown, None)
    };
    let signature = key(1).sign(&elsewhere).unwrap();
    let no = approve(&house, &shown, None, Some(&signature)).await;
    assert!(matches!(no, Err(DecideError::SignatureWrong(_))), "{no:?}");
    // Nothing of it was recorded, and nothing happened.
    assert_eq!(house.log(&report.run).await.len(), before);
    assert_eq!(card(&house, &report).await.state, "pending");
    assert_eq!(effects(&house, "n").await, 0);
    // A new token takes nothing of that away.
    host.add_principal(&mira).await.unwrap();
    let no = yes(&house, "mira", &shown).await;
    assert!(
        matches!(no, Err(DecideError::SignatureMissing(_))),
        "{no:?}"
    );
    let signature = sign(1, Said::Approved, &shown, reason);
    let done = approve(&house, &shown, reason, Some(&signature)).await;
    assert_eq!(done.unwrap(), RunState::Done);
    assert_eq!(effects(&house, "n").await, 1);
    let decided = told(&house, &report.run, "approval.decided").await;
    let signed = verified(&decided[0], 1);
    assert_eq!(signed, statement(Said::Approved, &shown, reason));
    // A denial likewise.
    let signature = sign(1, Said::Denied, &other, Some("no"));
    let (approval, digest) = (&other.approval, &other.digest);
    let denied = host.deny_signed(&mira, approval, digest, "no", Some(&signature));
    assert_eq!(denied.await.unwrap().state, RunState::Denied);
    let decided = told(&house, &other_report.run, "approval.decided").await;
    assert_eq!(verified(&decided[0], 1).decision, Said::Denied);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_signed_yes_that_was_taken_back_is_not_given_again_by_another() {
    let house = house("quorum = 2").await;
    let (report, shown) = held(&house, "n").await;
    let first = sign(1, Said::Approved, &shown, None);
    let waits = approve(&house, &shown, None, Some(&first)).await;
    assert_eq!(waits.unwrap(), RunState::Held);
    let back = sign(1, Said::Revoked, &shown, None);
    let (mira, host) = (person("mira"), &house.host);
    let revoked = host.revoke_signed(&mira, &shown.approval, Some(&back));
    assert_eq!(revoked.await.unwrap().pending.unwrap().votes, 0);
    // With the token, and the signature as the log shows it.
    let voted = told(&house, &report.run, "approval.voted").await;
    assert_eq!(verified(&voted[0], 1).decision, Said::Approved);
    let copied = voted[0].facts["signature"].as_str().unwrap();
    let no = approve(&house, &shown, None, Some(copied)).await;
    assert!(matches!(no, Err(DecideError::SignatureUsed)), "{no:?}");
    assert_eq!(card(&house, &report).await.votes, []);
    let revoked = told(&house, &report.run, "approval.revoked").await;
    assert_eq!(verified(&revoked[0], 1).decision, Said::Revoked);
    // Mira says why after all, and that is another statement.
    let after_all = Some("it was paid after all");
    let second = sign(1, Said::Approved, &shown, after_all);
    let waits = approve(&house, &shown, after_all, Some(&second)).await;
    assert_eq!(waits.unwrap(), RunState::Held);
    // Who has no key needs no signature, and one that is given is not passed over.
    let (noor, foreign) = (person("noor"), sign(2, Said::Approved, &shown, None));
    let (approval, digest) = (&shown.approval, &shown.digest);
    let no = host.approve_signed(&noor, approval, digest, None, Some(&foreign));
    let no = no.await;
    assert!(matches!(no, Err(DecideError::SignatureWrong(_))), "{no:?}");
    let done = yes(&house, "noor", &shown).await.unwrap();
    assert_eq!(done.state, RunState::Done);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_key_is_one_persons() {
    let house = house("").await;
    let public = key(1).public();
    let noor = person("noor");
    let taken = house.host.add_principal_with_key(&noor, Some(&public));
    assert!(taken.await.is_err());
    let agent = principal("bot", tollgate_runtime::PrincipalKind::Agent, &[]);
    let unused = key(3).public();
    let no = house.host.add_principal_with_key(&agent, Some(&unused));
    assert!(no.await.is_err());
    // Another key for the same person counts from now on, and the old one no more.
    let mira = person("mira");
    let added = house.host.add_principal_with_key(&mira, Some(&unused));
    added.await.unwrap();
    let (_, shown) = held(&house, "n").await;
    let old = sign(1, Said::Approved, &shown, None);
    let no = approve(&house, &shown, None, Some(&old)).await;
    assert!(matches!(no, Err(DecideError::SignatureWrong(_))), "{no:?}");
    let new = sign(3, Said::Approved, &shown, None);
    let done = approve(&house, &shown, None, Some(&new)).await;
    assert_eq!(done.unwrap(), RunState::Done);
}

fn edited(card: &Card, input: &Value) -> Statement {
    Statement {
        input: Some(input_digest(input).unwrap()),
        ..statement(Said::Edited, card, None)
    }
}

/// The attack: with a stolen token somebody changes what was asked for, which ends the
/// held call and takes the person's own vote.
#[tokio::test(flavor = "multi_thread")]
async fn an_edit_counts_with_its_signature_over_its_input_only() {
    let house = house("").await;
    let (report, shown) = held(&house, "n").await;
    let (_, other) = held(&house, "o").await;
    let (mira, host) = (person("mira"), &house.host);
    let (id, digest, input) = (&shown.approval, &shown.digest, json!({"key": "m"}));
    let before = house.log(&report.run).await.len();
    let no = host.edit(&mira, id, digest, &input).await.unwrap_err();
    assert!(matches!(no, DecideError::SignatureMissing(_)), "{no}");
    let command = format!("`tollgate edit {id} --input FILE --key KEY_FILE`");
    assert!(no.to_string().contains(&command), "{no}");
    let signed = |seed: u8, statement: &Statement| key(seed).sign(statement).unwrap();
    let wrong = [
        signed(2, &edited(&shown, &input)),
        signed(1, &edited(&shown, &json!({"key": "x"}))),
        signed(1, &edited(&other, &input)),
        sign(1, Said::Approved, &shown, None),
        sign(1, Said::Denied, &shown, None),
    ];
    for signature in &wrong {
        let no = host.edit_signed(&mira, id, digest, &input, Some(signature));
        let no = no.await;
        assert!(matches!(no, Err(DecideError::SignatureWrong(_))), "{no:?}");
    }
    assert_eq!(house.log(&report.run).await.len(), before);
    assert_eq!(card(&house, &report).await.state, "pending");
    let signature = signed(1, &edited(&shown, &input));
    // A signed change is no yes.
    let no = approve(&house, &shown, None, Some(&signature)).await;
    assert!(matches!(no, Err(DecideError::SignatureWrong(_))), "{no:?}");
    let next = host.edit_signed(&mira, id, digest, &input, Some(&signature));
    let next = next.await.unwrap();
    assert_eq!(next.state, RunState::Held);
    let line = told(&house, &report.run, "run.edited").await;
    assert_eq!(verified(&line[0], 1), edited(&shown, &input));
    // It was of this call: the one that goes on is signed anew, by whom it may be.
    let new = card(&house, &next).await;
    let again = host.edit_signed(&mira, &new.approval, &new.digest, &input, Some(&signature));
    let again = again.await;
    assert!(
        matches!(again, Err(DecideError::SignatureWrong(_))),
        "{again:?}"
    );
    // Who has no key needs none, and a signature is not passed over.
    let (noor, more) = (person("noor"), json!({"key": "p"}));
    let no = host.edit_signed(
        &noor,
        &other.approval,
        &other.digest,
        &more,
        Some(&signature),
    );
    assert!(matches!(no.await, Err(DecideError::SignatureWrong(_))));
    let done = host
        .edit(&noor, &other.approval, &other.digest, &more)
        .await;
    assert_eq!(done.unwrap().state, RunState::Held);
}

/// A drill that is noticed by changing it is signed like any other.
#[tokio::test(flavor = "multi_thread")]
async fn a_drill_is_edited_with_a_signature_too() {
    let house = house("").await;
    house
        .host
        .add_principal(&crate::house::agent())
        .await
        .unwrap();
    let (_, shown) = held(&house, "n").await;
    let olga = principal("olga", PrincipalKind::Person, &["operators"]);
    let drill = NewDrill {
        like: Some(shown.approval.clone()),
        set: BTreeMap::from([("/input/key".to_owned(), json!("everything"))]),
        ..NewDrill::default()
    };
    let drill = house.host.plant_drill(&olga, drill).await.unwrap();
    let mira = person("mira");
    let seen = house.host.card(&mira, &drill.approval).await.unwrap();
    let input = json!({"key": "less"});
    let (id, digest) = (&seen.approval, &seen.digest);
    let no = house.host.edit(&mira, id, digest, &input).await;
    assert!(
        matches!(no, Err(DecideError::SignatureMissing(_))),
        "{no:?}"
    );
    let signature = key(1).sign(&edited(&seen, &input)).unwrap();
    let noticed = house
        .host
        .edit_signed(&mira, id, digest, &input, Some(&signature));
    assert_eq!(noticed.await.unwrap().state, RunState::Denied);
    let line = told(&house, &drill.run, "drill.decided").await;
    assert_eq!(verified(&line[0], 1), edited(&seen, &input));
}

async fn batch(house: &House) -> Batch {
    let filter = BatchFilter {
        approval: "boss".to_owned(),
        ..BatchFilter::default()
    };
    house.host.batch(&person("mira"), &filter).await.unwrap()
}

/// The attack: with a stolen token somebody says yes to all that waits; or somebody who
/// carries a signed batch turns a no into a yes, or one item's signature into another's.
#[tokio::test(flavor = "multi_thread")]
async fn each_item_of_a_batch_is_signed_by_itself() {
    let house = house("").await;
    let mut runs = Vec::new();
    for name in ["a", "b", "c", "d"] {
        runs.push(held(&house, name).await.0.run);
    }
    let (mira, host) = (person("mira"), &house.host);
    let shown = batch(&house).await;
    assert_eq!(shown.computed_digest(), shown.digest);
    let ids: Vec<_> = shown
        .items
        .iter()
        .map(|card| card.approval.clone())
        .collect();
    let veto = BTreeMap::from([(ids[1].clone(), "too much".to_owned())]);
    let decision = BatchDecision {
        approval: shown.approval.clone(),
        items: ids.clone(),
        digest: shown.digest.clone(),
        veto,
        ..BatchDecision::default()
    };
    let outcomes = |report: &tollgate_runtime::BatchReport| -> Vec<String> {
        report
            .items
            .iter()
            .map(|item| item.outcome.clone())
            .collect()
    };
    let report = host.decide_batch(&mira, &decision).await.unwrap();
    assert_eq!(outcomes(&report), ["refused"; 4]);
    let failure = report.items[0].failure.as_ref().unwrap();
    assert_eq!(failure.kind, "signature_missing");
    let command = "`tollgate approve --batch boss --key KEY_FILE`";
    assert!(failure.message.contains(command), "{failure:?}");
    let sign = |said, at: usize, reason| sign(1, said, &shown.items[at], reason);
    let stray = BatchDecision {
        signatures: BTreeMap::from([("apr-other".to_owned(), sign(Said::Approved, 0, None))]),
        ..decision.clone()
    };
    let no = host.decide_batch(&mira, &stray).await;
    assert!(matches!(no, Err(DecideError::NoBatch(_))), "{no:?}");
    let signed = BatchDecision {
        signatures: BTreeMap::from([
            (ids[0].clone(), sign(Said::Approved, 0, None)),
            (ids[1].clone(), sign(Said::Denied, 1, Some("too much"))),
            // Another item's, and a no where the batch says yes.
            (ids[2].clone(), sign(Said::Approved, 0, None)),
            (ids[3].clone(), sign(Said::Denied, 3, Some("too much"))),
        ]),
        ..decision
    };
    let report = host.decide_batch(&mira, &signed).await.unwrap();
    assert_eq!(
        outcomes(&report),
        ["approved", "denied", "refused", "refused"]
    );
    for item in &report.items[2..] {
        assert_eq!(item.failure.as_ref().unwrap().kind, "signature_wrong");
    }
    for (name, times) in [("a", 1), ("b", 0), ("c", 0), ("d", 0)] {
        assert_eq!(effects(&house, name).await, times, "{name}");
    }
    for (at, said, reason) in [
        (0, Said::Approved, None),
        (1, Said::Denied, Some("too much")),
    ] {
        let line = told(&house, &runs[at], "approval.decided").await;
        assert_eq!(line[0].facts["batch"], Value::from(shown.digest.as_str()));
        assert_eq!(
            verified(&line[0], 1),
            statement(said, &shown.items[at], reason)
        );
    }
}

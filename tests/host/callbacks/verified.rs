//! Who sent it, when, and how often: before anything of it is believed.

use std::os::unix::fs::PermissionsExt;
use std::sync::Arc;

use serde_json::json;
use tollgate_runtime::{
    CallbackError, CallbackOutcome, CalledBack, Clock as _, Host, HostError, RunState, Settings,
};
use tollgate_tests::named;

use super::{
    KEY, SLACK_KEY, announced, callback, click, decisions, delivery, ended, held, house, now_s,
    press, refused, send, sent, signed, slack_signed, told,
};
use crate::deciding::person;
use crate::house::{House, options};

#[tokio::test(flavor = "multi_thread")]
async fn a_button_decides_as_the_person_whose_account_it_is() {
    let (house, desk) = house("").await;
    let waits = held(&house, &desk).await;
    let before = desk
        .seen()
        .iter()
        .filter(|seen| seen.target.ends_with("/notes"))
        .count();
    let yes = format!("approve {} {}", waits.card.approval, waits.digest);
    assert_eq!(
        press(&house, "U0MIRA", &yes).await,
        "Approved: the call goes on."
    );
    assert_eq!(ended(&house, &waits.run).await.state, RunState::Done);
    let after = desk
        .seen()
        .iter()
        .filter(|seen| seen.target.ends_with("/notes"))
        .count();
    assert_eq!((before, after), (0, 1));
    let lines = decisions(&house, &waits.run).await;
    assert_eq!(lines.len(), 1);
    assert_eq!(
        (lines[0].stage.as_str(), lines[0].principal.as_str()),
        ("approval.decided", "mira")
    );
    assert_eq!(lines[0].facts["channel"], "callback:slack");
    assert_eq!(lines[0].facts["digest"], waits.card.digest.as_str());
    assert_eq!(
        house.host.verify(&named("default")).await.unwrap().problem,
        None
    );
    // Pressed by somebody else, too late.
    let late = press(&house, "U0NOOR", &yes).await;
    assert!(
        late.starts_with("Nothing was decided: it is consumed already, by mira"),
        "{late}"
    );
    // One that nobody pressed says nothing of a channel.
    let web = held(&house, &desk).await;
    let host = &house.host;
    host.approve(&person("noor"), &web.card.approval, &web.card.digest)
        .await
        .unwrap();
    assert_eq!(
        decisions(&house, &web.run).await[0].facts.get("channel"),
        None
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_no_says_why_with_the_buttons_words_or_the_persons() {
    let (house, desk) = house("").await;
    let waits = held(&house, &desk).await;
    let no = format!("deny {} {}", waits.card.approval, waits.digest);
    let silent = press(&house, "U0MIRA", &no).await;
    assert!(
        silent.starts_with("Nothing was decided: a denial needs a reason"),
        "{silent}"
    );
    let mut payload = click("U0MIRA", &format!("{no} Not plausible."));
    payload["state"]["values"]["reason"] = json!({"reason": {"value": "It was paid."}});
    let request = slack_signed(SLACK_KEY, now_s(&house), &payload);
    assert_eq!(
        told(house.host.call_back("slack", request).await),
        "Denied."
    );
    assert_eq!(ended(&house, &waits.run).await.state, RunState::Denied);
    let line = decisions(&house, &waits.run).await.remove(0);
    assert_eq!(line.values["reason"], "It was paid.");
    assert_eq!(line.facts["decision"], "denied");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_its_sender_did_not_sign_now_is_not_even_read() {
    let (house, desk) = house("").await;
    let waits = held(&house, &desk).await;
    let value = format!("approve {} {}", waits.card.approval, waits.digest);
    let now = now_s(&house);
    let good = || slack_signed(SLACK_KEY, now, &click("U0MIRA", &value));
    let with = |change: &dyn Fn(&mut tollgate_runtime::Delivery)| {
        let mut request = good();
        change(&mut request);
        request
    };
    let header = |name: &'static str, value: &'static str| {
        with(&move |request| {
            request.headers.insert(name.to_owned(), value.to_owned());
        })
    };
    let forged = [
        slack_signed(
            "another-secret-of-as-many-bytes!",
            now,
            &click("U0MIRA", &value),
        ),
        header("x-slack-signature", "v0=00"),
        header("x-slack-signature", ""),
        header("x-slack-request-timestamp", "1"),
        with(&|request| drop(request.headers.remove("x-slack-signature"))),
        with(&|request| request.body.push(b' ')),
        // Too old, and from the future.
        slack_signed(SLACK_KEY, now - 301, &click("U0MIRA", &value)),
        slack_signed(SLACK_KEY, now + 301, &click("U0MIRA", &value)),
        // Another scheme's, with the right key of that scheme.
        signed(&house, "m-1", &sent(&waits, "mira", "approve")),
        // No form at all: the signature is looked at first.
        delivery(&[], "{"),
    ];
    for request in forged {
        let came = house.host.call_back("slack", request).await;
        assert_eq!(came.unwrap_err(), CallbackError::Unverified);
    }
    let unknown = house.host.call_back("nowhere", good()).await;
    assert_eq!(unknown.unwrap_err(), CallbackError::Unverified);
    assert_eq!(
        refused(&house, "slack", &sent(&waits, "mira", "approve")).await,
        "not_verified"
    );
    assert!(decisions(&house, &waits.run).await.is_empty());
    assert_eq!(
        told(house.host.call_back("slack", good()).await),
        "Approved: the call goes on."
    );
}

/// The attack: somebody keeps a request that said yes, and sends it again after the yes
/// was taken back: at once, to another host, or later.
#[tokio::test(flavor = "multi_thread")]
async fn a_request_serves_once_even_when_its_yes_was_taken_back() {
    let (house, desk) = house("quorum = 2").await;
    let waits = held(&house, &desk).await;
    let value = format!("approve {} {}", waits.card.approval, waits.digest);
    let request = slack_signed(SLACK_KEY, now_s(&house), &click("U0MIRA", &value));
    let first = house.host.call_back("slack", request.clone()).await;
    assert_eq!(told(first), "Your yes counts: 1 of 2.");
    let again = house.host.call_back("slack", request.clone()).await;
    assert_eq!(told(again), "This was taken before.");
    house
        .host
        .revoke(&person("mira"), &waits.card.approval)
        .await
        .unwrap();
    let house = super::with_callbacks(house).await;
    let again = house.host.call_back("slack", request.clone()).await;
    assert_eq!(told(again), "This was taken before.");
    let card = house
        .host
        .card(&person("mira"), &waits.card.approval)
        .await
        .unwrap();
    assert!(card.votes.is_empty(), "{card:?}");
    // Later it is too old for anything.
    house.clock.set(house.clock.now_ms() + 301_000);
    let late = house.host.call_back("slack", request).await;
    assert_eq!(late.unwrap_err(), CallbackError::Unverified);
    // The person presses once more: that is another request.
    assert_eq!(
        press(&house, "U0MIRA", &value).await,
        "Your yes counts: 1 of 2."
    );
    let twice = press(&house, "U0MIRA", &value).await;
    assert!(twice.contains("was given already"), "{twice}");
    let lines = decisions(&house, &waits.run).await;
    assert_eq!(lines.len(), 2);
    assert!(
        lines
            .iter()
            .all(|line| line.facts["channel"] == "callback:slack")
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn of_the_same_request_many_times_at_once_one_is_taken() {
    let (house, desk) = house("").await;
    let waits = held(&house, &desk).await;
    let body = sent(&waits, "mira", "approve");
    let request = signed(&house, "m-1", &body);
    let house = Arc::new(house);
    let many = (0..6).map(|_| {
        let (house, request) = (Arc::clone(&house), request.clone());
        tokio::spawn(async move { house.host.call_back("program", request).await.unwrap() })
    });
    let mut decided = 0;
    for one in many.collect::<Vec<_>>() {
        match one.await.unwrap() {
            CalledBack::Taken(report) if report.outcome == CallbackOutcome::Decided => decided += 1,
            CalledBack::Taken(report) => assert_eq!(report.outcome, CallbackOutcome::Repeated),
            other => panic!("{other:?}"),
        }
    }
    assert_eq!(decided, 1);
    assert_eq!(ended(&house, &waits.run).await.state, RunState::Done);
    // The sender of a webhook that heard nothing signs it anew, under the same id.
    house.clock.set(house.clock.now_ms() + 60_000);
    let again = send(&house, "program", "m-1", &body).await.unwrap();
    assert_eq!(again.outcome, CallbackOutcome::Repeated);
    assert_eq!(decisions(&house, &waits.run).await.len(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn verified_requests_have_a_rate() {
    let (house, desk) = house("quorum = 2").await;
    let waits = held(&house, &desk).await;
    let body = sent(&waits, "nobody", "approve");
    for number in 0..60 {
        let error = send(&house, "program", &format!("m-{number}"), &body).await;
        assert_eq!(error.unwrap_err(), CallbackError::UnknownPerson);
    }
    assert_eq!(refused(&house, "program", &body).await, "limited");
    // It is one callback's.
    let yes = format!("approve {} {}", waits.card.approval, waits.digest);
    assert_eq!(
        press(&house, "U0MIRA", &yes).await,
        "Your yes counts: 1 of 2."
    );
}

/// The attack: a secret that somebody typed.
#[tokio::test(flavor = "multi_thread")]
async fn a_secret_that_can_be_guessed_is_refused_at_the_start() {
    let open = async |key: &str, scheme: &str| {
        let house = House::with_settings(&callback("slack", "default", scheme, "\"boss\"")).await;
        let (home, clock) = (house.home, house.clock);
        house.host.shutdown().await;
        drop(house.host);
        let file = home.path().join(format!("{scheme}-key"));
        std::fs::write(&file, key).unwrap();
        std::fs::set_permissions(&file, PermissionsExt::from_mode(0o600)).unwrap();
        let settings = Settings::of(home.path()).unwrap();
        let mut options = options(home.path(), &clock);
        options.secrets = settings.secrets;
        options.callbacks = settings.callbacks;
        loop {
            match Host::open(options.clone()).await {
                // The first host's lock goes with its last task.
                Err(HostError::Home { .. }) => tokio::task::yield_now().await,
                opened => break opened.map(|_| ()),
            }
        }
    };
    let short = &SLACK_KEY[..31];
    for (key, scheme) in [
        (short, "slack"),
        ("1234567", "slack"),
        ("", "slack"),
        ("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaS", "webhook"),
    ] {
        let refused = open(key, scheme).await;
        let said = refused.expect_err(key).to_string();
        assert!(said.contains("the callback `slack`"), "{said}");
        assert!(key.is_empty() || !said.contains(key), "{said}");
    }
    assert!(open(SLACK_KEY, "slack").await.is_ok());
    assert!(open(&format!("whsec_{KEY}"), "webhook").await.is_ok());
}

/// What an edit is announced as is something else.
#[tokio::test(flavor = "multi_thread")]
async fn a_button_from_before_an_edit_decides_nothing() {
    let (house, desk) = house("").await;
    let old = held(&house, &desk).await;
    let input = json!({"path": ["notes"], "note": {"text": "two"}});
    let (noor, host) = (person("noor"), &house.host);
    let edited = host
        .edit(&noor, &old.card.approval, &old.card.digest, &input)
        .await;
    let new = announced(&house, &desk, &edited.unwrap()).await;
    assert_ne!(
        (&new.digest, &new.card.approval),
        (&old.digest, &old.card.approval)
    );
    let press = async |approval: &str, digest: &str| {
        press(&house, "U0MIRA", &format!("approve {approval} {digest}")).await
    };
    let pressed = press(&old.card.approval, &old.digest).await;
    assert!(
        pressed.starts_with("Nothing was decided: it is voided already"),
        "{pressed}"
    );
    // The old digest, the card's own, one that is made up, and none.
    for digest in [
        &old.digest,
        &new.card.digest,
        "0123456789abcdef0123456789abcdef01234567",
        "x",
    ] {
        let pressed = press(&new.card.approval, digest).await;
        let changed = "Nothing was decided: the card has changed since you saw it";
        assert!(pressed.starts_with(changed), "{pressed}");
    }
    assert_eq!(
        press(&new.card.approval, &new.digest).await,
        "Approved: the call goes on."
    );
    assert_eq!(ended(&house, &new.run).await.state, RunState::Done);
}

//! What a sign-in promises, tried against a provider that lies.

#![expect(clippy::unwrap_used, reason = "tests")]

mod stub;

use std::collections::BTreeSet;
use std::sync::Arc;

use async_trait::async_trait;
use serde_json::{Value, json};
use tollgate_egress::Egress;
use tollgate_policy::Place;
use tollgate_secrets::{Secrets, Slot, Source, SourceError};
use zeroize::Zeroizing;

use super::*;
use stub::{Script, Signed, Stub, now};

const SECRET: &str = "the-secret-of-the-client-0123456789";
const GATE: &str = "https://gate.example";

/// What a provider writes into an ID token.
type Lie = fn(&mut Value);

/// What a provider writes of itself; its origin.
type LieOfItself = fn(&mut Value, &str);

struct Fixed;

#[async_trait]
impl Source for Fixed {
    async fn read(&self) -> Result<Zeroizing<Vec<u8>>, SourceError> {
        Ok(Zeroizing::new(SECRET.as_bytes().to_vec()))
    }

    fn describe(&self) -> String {
        "a test".to_owned()
    }
}

/// This host, as a client of the provider.
fn party(stub: &Stub, change: impl FnOnce(&mut Provider)) -> RelyingParty {
    let slot = Slot {
        name: "sign-in".to_owned(),
        tenant: "acme".to_owned(),
        origin: stub.origin().to_owned(),
        place: Place::OAuthClient,
        resources: vec![GATE.to_owned()],
    };
    let secrets = Secrets::new(vec![(slot, Arc::new(Fixed) as Arc<dyn Source>)]).unwrap();
    let mut provider = Provider {
        issuer_text: stub.origin().to_owned(),
        issuer: stub.origin().parse().unwrap(),
        client_id: "tollgate".to_owned(),
        client_secret: "sign-in".to_owned(),
        tenant: "acme".to_owned(),
        redirect: format!("{GATE}/login/oidc/callback").parse().unwrap(),
        scopes: vec!["groups".to_owned()],
        person: PersonClaim::Subject,
        groups_claim: Some("groups".to_owned()),
        addresses: vec!["127.0.0.1/32".parse().unwrap()],
        roots: None,
    };
    change(&mut provider);
    RelyingParty::new(provider, Arc::new(secrets), Arc::new(Egress::new()))
}

fn answer(code: &str) -> Answer {
    Answer {
        code: Some(code.to_owned()),
        ..Answer::default()
    }
}

/// A whole sign-in at a provider that does what the script says.
async fn sign_in(stub: &Stub, party: &RelyingParty) -> Result<Person, OidcError> {
    let begun = party.begin().await?;
    let code = stub.agree(&begun.address);
    party.finish(begun.flow, answer(&code)).await
}

/// What is said of a sign-in at a provider that was told to lie so.
async fn lied(lie: impl FnOnce(&mut Script)) -> String {
    let stub = Stub::start().await;
    lie(&mut stub.script());
    let said = sign_in(&stub, &party(&stub, |_| {})).await;
    let said = said.map(|person| person.subject).unwrap_err();
    let whole = format!("{said} {said:?}");
    assert!(!whole.contains(SECRET), "{whole}");
    said.to_string()
}

#[tokio::test]
async fn a_person_is_who_the_provider_says() {
    let stub = Stub::start().await;
    let party = party(&stub, |_| {});
    let begun = party.begin().await.unwrap();
    let asked = begun.address.as_str();
    assert!(asked.starts_with(&format!("{}/authorize?", stub.origin())));
    assert!(asked.contains("redirect_uri=https%3A%2F%2Fgate.example%2Flogin%2Foidc%2Fcallback"));
    assert!(asked.contains("scope=openid+groups"), "{asked}");
    assert!(!asked.contains(SECRET));
    let state = begun
        .address
        .query_pairs()
        .find(|(name, _)| name == "state");
    let state = state.unwrap().1.into_owned();
    assert!(begun.flow.knows(&state) && !begun.flow.knows("") && !begun.flow.knows(&state[1..]));
    assert!(!format!("{:?}", begun.flow).contains(&state));
    let code = stub.agree(&begun.address);
    let person = party.finish(begun.flow, answer(&code)).await.unwrap();
    let expected = Person {
        issuer: stub.origin().to_owned(),
        subject: "sub:248289761001".to_owned(),
        groups: BTreeSet::from(["gate-finance".to_owned(), "everybody".to_owned()]),
    };
    assert_eq!(person, expected);
    // What a provider says of itself is asked for once.
    sign_in(&stub, &party).await.unwrap();
    assert_eq!((stub.asked("document"), stub.asked("jwks")), (1, 1));
}

#[tokio::test]
async fn a_code_of_another_browser_and_a_used_one_are_refused() {
    let stub = Stub::start().await;
    let party = party(&stub, |_| {});
    let (victim, attacker) = (party.begin().await.unwrap(), party.begin().await.unwrap());
    let stolen = stub.agree(&victim.address);
    // Injected into a sign-in of the attacker's own: PKCE.
    let said = party
        .finish(attacker.flow, answer(&stolen))
        .await
        .unwrap_err();
    assert!(said.to_string().contains("the code was used"), "{said}");
    // The same code once more: it is used up.
    let said = party
        .finish(victim.flow, answer(&stolen))
        .await
        .unwrap_err();
    assert!(said.to_string().contains("the code was used"), "{said}");
}

#[tokio::test]
async fn an_answer_of_another_provider_is_refused() {
    let stub = Stub::start().await;
    let party = party(&stub, |_| {});
    let with = async |party: &RelyingParty, iss: Option<&str>| {
        let begun = party.begin().await.unwrap();
        let sent = Answer {
            iss: iss.map(str::to_owned),
            ..answer(&stub.agree(&begun.address))
        };
        party.finish(begun.flow, sent).await.map(drop)
    };
    assert!(with(&party, Some(stub.origin())).await.is_ok());
    let slash = format!("{}/", stub.origin());
    for other in ["https://evil.example", "", slash.as_str()] {
        let said = with(&party, Some(other)).await.unwrap_err();
        assert!(matches!(said, OidcError::Foreign(_)), "{said}");
    }
    assert!(with(&party, None).await.is_ok(), "it announces none");
    // A provider that announces `iss` always sends it, with an error too.
    stub.script().document =
        |document, _| document["authorization_response_iss_parameter_supported"] = json!(true);
    let party = self::party(&stub, |_| {});
    assert!(with(&party, Some(stub.origin())).await.is_ok());
    let said = with(&party, None).await.unwrap_err();
    assert!(matches!(said, OidcError::Foreign(_)), "{said}");
    let begun = party.begin().await.unwrap();
    let refused = Answer {
        error: Some("access_denied".to_owned()),
        ..Answer::default()
    };
    let said = party.finish(begun.flow, refused).await.unwrap_err();
    assert!(matches!(said, OidcError::Foreign(_)), "{said}");
}

#[tokio::test]
async fn a_refusal_is_told_in_our_words() {
    let stub = Stub::start().await;
    let party = party(&stub, |_| {});
    for (error, told) in [
        ("access_denied", "may not sign in"),
        ("call 555-0100 to unlock", "for a reason of its own"),
    ] {
        let begun = party.begin().await.unwrap();
        let refused = Answer {
            error: Some(error.to_owned()),
            ..Answer::default()
        };
        let said = party
            .finish(begun.flow, refused)
            .await
            .unwrap_err()
            .to_string();
        assert!(said.contains(told) && !said.contains("555"), "{said}");
    }
    let begun = party.begin().await.unwrap();
    let said = party
        .finish(begun.flow, Answer::default())
        .await
        .unwrap_err();
    assert!(matches!(said, OidcError::Foreign(_)), "{said}");
    assert_eq!(stub.asked("token"), 0);
}

#[tokio::test]
async fn an_id_token_counts_by_the_providers_public_key_alone() {
    for (signed, told) in [
        (Signed::Not, "not signed by RS256, ES256 or EdDSA"),
        (Signed::ByTheSecret, "not signed by RS256, ES256 or EdDSA"),
        (
            Signed::ByThePublicKey,
            "not signed by RS256, ES256 or EdDSA",
        ),
        (
            Signed::ByThePublicPoint,
            "not signed by RS256, ES256 or EdDSA",
        ),
        (Signed::ByAnUnknownKey, "not signed by the provider"),
        (Signed::ByAnUnknownCurve, "not signed by the provider"),
    ] {
        let said = lied(|script| script.signed = signed).await;
        assert!(said.contains(told), "{said}");
    }
    let said = lied(|script| script.no_token = true).await;
    assert!(said.contains("there is none"), "{said}");
}

#[tokio::test]
async fn an_id_token_is_signed_by_a_key_on_p_256_too() {
    let stub = Stub::start().await;
    stub.script().signed = Signed::ByTheCurve;
    let party = party(&stub, |_| {});
    let person = sign_in(&stub, &party).await.unwrap();
    assert_eq!(person.subject, "sub:248289761001");
    // Its claims are looked at like any other's.
    stub.script().claims = |claims| claims["aud"] = json!("another");
    let said = sign_in(&stub, &party).await.unwrap_err().to_string();
    assert!(said.contains("another client"), "{said}");
}

#[tokio::test]
async fn an_id_token_is_for_this_client_and_this_sign_in_and_now() {
    let cases: [(Lie, &str); 13] = [
        (
            |claims| claims["iss"] = json!("https://evil.example"),
            "another provider",
        ),
        (|claims| claims["aud"] = json!("another"), "another client"),
        (
            |claims| claims["aud"] = json!(["tollgate", "another"]),
            "another client",
        ),
        (|claims| claims["azp"] = json!("another"), "another client"),
        (
            |claims| claims["nonce"] = json!("of another sign-in"),
            "another sign-in",
        ),
        (
            |claims| drop(claims.as_object_mut().unwrap().remove("nonce")),
            "another sign-in",
        ),
        (
            |claims| claims["exp"] = json!(now() - 61),
            "its time is over",
        ),
        (
            |claims| claims["iat"] = json!(now() - 3_600),
            "its time is over",
        ),
        (
            |claims| claims["iat"] = json!(now() + 90),
            "its time is over",
        ),
        (
            |claims| drop(claims.as_object_mut().unwrap().remove("exp")),
            "cannot be read",
        ),
        (
            |claims| drop(claims.as_object_mut().unwrap().remove("sub")),
            "cannot be read",
        ),
        (
            |claims| claims["sub"] = json!(""),
            "no name that can be used",
        ),
        (
            |claims| claims["sub"] = json!("a\nb"),
            "no name that can be used",
        ),
    ];
    for (number, (lie, told)) in cases.into_iter().enumerate() {
        let said = lied(|script| script.claims = lie).await;
        assert!(said.contains(told), "{number}: {said}");
    }
    // Two clocks may be a little apart.
    let stub = Stub::start().await;
    stub.script().claims = |claims| {
        claims["iat"] = json!(now() + 30);
        claims["exp"] = json!(now() - 30);
    };
    assert!(sign_in(&stub, &party(&stub, |_| {})).await.is_ok());
}

#[tokio::test]
async fn a_provider_that_says_something_else_of_itself_is_not_used() {
    let cases: [(LieOfItself, &str); 6] = [
        (
            |document, _| document["issuer"] = json!("https://evil.example"),
            "another issuer",
        ),
        // To the letter: a slash more is another issuer.
        (
            |document, origin| document["issuer"] = json!(format!("{origin}/")),
            "another issuer",
        ),
        (
            |document, _| document["authorization_endpoint"] = json!("http://evil.example/"),
            "has no TLS",
        ),
        (
            |document, _| document["code_challenge_methods_supported"] = json!(["plain"]),
            "no PKCE with S256",
        ),
        (
            |document, _| drop(document.as_object_mut().unwrap().remove("token_endpoint")),
            "no token endpoint",
        ),
        (
            |document, _| document["jwks_uri"] = json!(7),
            "cannot be read",
        ),
    ];
    for (number, (lie, told)) in cases.into_iter().enumerate() {
        let said = lied(|script| script.document = lie).await;
        assert!(said.contains(told), "{number}: {said}");
    }
}

#[tokio::test]
async fn a_provider_does_not_lead_inwards() {
    // The metadata service of clouds, without TLS and with it; loopback at a port that
    // is not the issuer's, which the exception is not for.
    let cases: [LieOfItself; 3] = [
        |document, _| document["jwks_uri"] = json!("http://169.254.169.254/keys"),
        |document, _| document["jwks_uri"] = json!("https://169.254.169.254/keys"),
        |document, _| document["jwks_uri"] = json!("https://127.0.0.1:1/keys"),
    ];
    for lie in cases {
        let stub = Stub::start().await;
        stub.script().document = lie;
        let said = party(&stub, |_| {}).begin().await.unwrap_err();
        assert!(matches!(said, OidcError::Unreachable(_)), "{said}");
        let said = said.to_string();
        assert!(
            said.contains("which is") || said.contains("without TLS"),
            "{said}"
        );
    }
    // Without an exception the issuer itself is not reached.
    let stub = Stub::start().await;
    let party = party(&stub, |provider| provider.addresses.clear());
    assert!(matches!(
        party.begin().await,
        Err(OidcError::Unreachable(_))
    ));
    assert_eq!(stub.asked("document"), 0);
}

#[tokio::test]
async fn the_clients_secret_goes_to_one_origin() {
    let (stub, other) = (Stub::start().await, Stub::start().await);
    // A token endpoint with TLS, at an address that the secret is not for.
    stub.script().document =
        |document, _| document["token_endpoint"] = json!("https://evil.example/token");
    let said = sign_in(&stub, &party(&stub, |_| {})).await.unwrap_err();
    assert!(matches!(said, OidcError::Secret(_)), "{said}");
    // Nor is it taken for another tenant, or by another name.
    for change in [
        (|provider: &mut Provider| provider.tenant = "other".to_owned()) as fn(&mut Provider),
        |provider| provider.client_secret = "another".to_owned(),
        |provider| provider.redirect = "https://evil.example/login/oidc/callback".parse().unwrap(),
    ] {
        let said = sign_in(&other, &party(&other, change)).await.unwrap_err();
        assert!(matches!(said, OidcError::Secret(_)), "{said}");
    }
    assert_eq!((stub.asked("token"), other.asked("token")), (0, 0));
}

#[tokio::test]
async fn a_key_that_was_exchanged_is_looked_for_once() {
    let stub = Stub::start().await;
    let party = party(&stub, |_| {});
    sign_in(&stub, &party).await.unwrap();
    stub.script().key = 2;
    sign_in(&stub, &party).await.unwrap();
    assert_eq!(stub.asked("jwks"), 2);
    sign_in(&stub, &party).await.unwrap();
    assert_eq!(stub.asked("jwks"), 2);
}

#[tokio::test]
async fn an_address_is_a_name_only_where_it_is_verified() {
    let by_email = |provider: &mut Provider| provider.person = PersonClaim::VerifiedEmail;
    let stub = Stub::start().await;
    let person = sign_in(&stub, &party(&stub, by_email)).await.unwrap();
    assert_eq!(person.subject, "email:mira@example.com");
    let lies: [Lie; 3] = [
        |claims| claims["email_verified"] = json!(false),
        |claims| drop(claims.as_object_mut().unwrap().remove("email_verified")),
        |claims| drop(claims.as_object_mut().unwrap().remove("email")),
    ];
    for lie in lies {
        stub.script().claims = lie;
        let said = sign_in(&stub, &party(&stub, by_email)).await.unwrap_err();
        assert!(matches!(said, OidcError::Token(_)), "{said}");
    }
    // One's `sub` that is written as another one's address is that one's no more.
    stub.script().claims = |claims| claims["sub"] = json!("mira@example.com");
    let person = sign_in(&stub, &party(&stub, |_| {})).await.unwrap();
    assert_eq!(person.subject, "sub:mira@example.com");
}

#[tokio::test]
async fn groups_are_a_list_of_names_or_none() {
    let cases: [(Lie, &[&str]); 4] = [
        (
            |claims| claims["groups"] = json!("gate-finance"),
            &["gate-finance"],
        ),
        (|claims| claims["groups"] = json!(["a", 7, null]), &["a"]),
        (
            |claims| claims["groups"] = json!({ "gate-finance": true }),
            &[],
        ),
        (
            |claims| drop(claims.as_object_mut().unwrap().remove("groups")),
            &[],
        ),
    ];
    let stub = Stub::start().await;
    let party = party(&stub, |_| {});
    for (lie, expected) in cases {
        stub.script().claims = lie;
        let person = sign_in(&stub, &party).await.unwrap();
        assert_eq!(
            person.groups.iter().map(String::as_str).collect::<Vec<_>>(),
            expected
        );
    }
}

#![expect(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]

use proptest::prelude::*;

use super::*;

fn key(seed: u8) -> PrivateKey {
    PrivateKey::from_seed(&Zeroizing::new([seed; 32]))
}

fn statement() -> Statement {
    Statement {
        tenant: "acme".into(),
        approval: "apr-1".into(),
        digest: Digest::of(b"what is sent").to_string(),
        decision: Said::Approved,
        reason: reason_digest(Some("it was paid")),
        input: None,
    }
}

fn edit(input: &Value) -> Statement {
    Statement {
        decision: Said::Edited,
        input: Some(input_digest(input).unwrap()),
        ..statement()
    }
}

fn any_statement() -> impl Strategy<Value = Statement> {
    let said = prop_oneof![
        Just(Said::Approved),
        Just(Said::Denied),
        Just(Said::Revoked),
        Just(Said::Edited)
    ];
    let reason = proptest::option::of("[a-z ]{0,6}");
    ("[a-z/]{1,3}", "[a-z]{1,3}", "[a-z]{1,3}", said, reason).prop_map(
        |(tenant, approval, digest, decision, reason)| Statement {
            tenant,
            approval,
            digest,
            decision,
            reason: reason_digest(reason.as_deref()),
            input: (decision == Said::Edited).then(|| Digest::of(b"an input")),
        },
    )
}

proptest! {
    #[test]
    fn a_signature_holds_for_its_statement_and_no_other(one in any_statement(), other in any_statement()) {
        let signature = key(1).sign(&one).unwrap();
        prop_assert!(key(1).public().verify(&one, &signature).is_ok());
        prop_assert_eq!(key(1).public().verify(&other, &signature).is_ok(), one == other);
        prop_assert!(key(2).public().verify(&one, &signature).is_err());
    }
}

#[test]
fn another_field_is_another_signature() {
    let signature = key(1).sign(&statement()).unwrap();
    let changes: [fn(&mut Statement); 7] = [
        |it| it.tenant.push('x'),
        |it| it.approval.push('x'),
        |it| it.digest.push('x'),
        |it| it.decision = Said::Denied,
        |it| it.decision = Said::Revoked,
        |it| it.reason = None,
        |it| it.reason = reason_digest(Some("it was not paid")),
    ];
    for change in changes {
        let mut other = statement();
        change(&mut other);
        let no = key(1).public().verify(&other, &signature);
        assert_eq!(no, Err(DecisionError::Wrong), "{other:?}");
        assert_ne!(key(1).sign(&other).unwrap(), signature);
    }
}

#[test]
fn what_is_signed_is_written_the_same_everywhere() {
    let plain = Statement {
        tenant: "t".into(),
        approval: "a".into(),
        digest: "d".into(),
        decision: Said::Approved,
        reason: None,
        input: None,
    };
    let text =
        r#"{"approval":"a","decision":"approved","digest":"d","reason":null,"tenant":"t","v":1}"#;
    let expected = [b"tollgate decision v1\0", text.as_bytes()].concat();
    assert_eq!(plain.bytes().unwrap(), expected);
}

#[test]
fn keys_come_back_from_their_text_and_nothing_else_is_one() {
    let (private, public) = (key(7), key(7).public());
    let back = PrivateKey::from_text(&private.to_text()).unwrap();
    assert_eq!(back.public(), public);
    assert_eq!(PublicKey::from_text(&public.to_text()).unwrap(), public);
    assert!(!format!("{private:?}").contains(&STANDARD.encode([7; 32])));
    // One is not taken for the other: a private key must not be registered.
    assert!(PublicKey::from_text(&private.to_text()).is_err());
    assert!(PrivateKey::from_text(&public.to_text()).is_err());
    for bad in ["", "tollgate public key v1 ", "tollgate public key v1 AAAA"] {
        assert_eq!(PublicKey::from_text(bad), Err(DecisionError::NoPublicKey));
    }
    // The neutral element: with it, a signature of nobody holds.
    let mut weak = [0; 32];
    weak[0] = 1;
    assert!(PublicKey::from_bytes(&weak).is_err());
}

#[test]
fn a_reason_is_signed_as_it_is_recorded() {
    assert_eq!(reason_digest(Some("  ")), None);
    assert_eq!(reason_digest(Some(" a ")), reason_digest(Some("a")));
    let long = "x".repeat(REASON_CHARS_MAX - 1) + "  y";
    let cut: String = long.chars().take(REASON_CHARS_MAX).collect();
    assert_eq!(reason_digest(Some(&long)), reason_digest(Some(&cut)));
}

#[test]
fn a_recorded_decision_is_verified_from_its_facts_alone() {
    let facts = |signature: &str| {
        let facts = json!({
            "approval": statement().approval,
            "digest": statement().digest,
            "decision": "approved",
            "reason_digest": statement().reason,
            "votes": 1,
            "signature": signature,
        });
        facts.as_object().unwrap().clone()
    };
    let signature = key(1).sign(&statement()).unwrap();
    let good = facts(&signature);
    let public = key(1).public();
    assert_eq!(verify_recorded("acme", &good, &public), Ok(statement()));
    assert!(verify_recorded("other", &good, &public).is_err());
    assert!(verify_recorded("acme", &good, &key(2).public()).is_err());
    for name in [
        "approval",
        "digest",
        "decision",
        "reason_digest",
        "signature",
    ] {
        let mut less = good.clone();
        less.remove(name);
        assert!(verify_recorded("acme", &less, &public).is_err(), "{name}");
    }
    assert!(verify_recorded("acme", &facts("AAAA"), &public).is_err());
}

/// The attack: who saw a person's signed edit asks for another input with it, or passes
/// it off as a yes.
#[test]
fn an_edit_is_signed_with_its_input() {
    let signed = edit(&json!({"cents": 5, "to": "ann"}));
    let signature = key(1).sign(&signed).unwrap();
    let public = key(1).public();
    let same: Value = serde_json::from_str(r#"{"to": "ann",  "cents": 5.0}"#).unwrap();
    public.verify(&edit(&same), &signature).unwrap();
    for other in [
        json!({"cents": 6, "to": "ann"}),
        json!({"cents": 5}),
        json!({"cents": "5", "to": "ann"}),
    ] {
        let no = public.verify(&edit(&other), &signature);
        assert_eq!(no, Err(DecisionError::Wrong), "{other}");
    }
    let without = Statement {
        input: None,
        ..signed.clone()
    };
    let yes = Statement {
        decision: Said::Approved,
        ..signed
    };
    for unfit in [without, yes] {
        let no = public.verify(&unfit, &signature);
        assert!(matches!(no, Err(DecisionError::Facts(_))), "{no:?}");
        assert!(key(1).sign(&unfit).is_err());
    }
}

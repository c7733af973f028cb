//! Principals, connectors, components and subject keys.

use tollgate_store::{
    Change, ConnectorRow, OidcName, PrincipalKind, PrincipalRow, Rejected, StoreError,
};

use crate::support::{Bench, NOW, named, on_each_store, submission};

fn principal(tenant: &str, id: &str, token: u8) -> PrincipalRow {
    PrincipalRow {
        id: id.into(),
        tenant: named(tenant),
        name: "Mira".into(),
        kind: PrincipalKind::Person,
        groups: vec!["finance".into()],
        token_hash: [token; 32],
        created_ms: NOW,
        revoked_ms: None,
        public_key: None,
        oidc: None,
        password: None,
    }
}

async fn a_token_leads_to_its_principal_until_it_is_revoked(bench: Bench) {
    bench
        .store
        .put_principal(principal("acme", "person:mira", 1))
        .await
        .unwrap();
    let by = async |token: u8| {
        bench
            .store
            .principal_by_token_hash(&[token; 32])
            .await
            .unwrap()
    };
    assert_eq!(by(1).await.unwrap(), principal("acme", "person:mira", 1));
    assert_eq!(by(2).await, None);
    let id = || "person:mira".to_owned();
    bench
        .change(Change::RevokePrincipal {
            id: id(),
            at_ms: NOW,
        })
        .await
        .unwrap();
    assert_eq!(by(1).await, None);
    assert_eq!(
        bench.store.principals(&named("acme")).await.unwrap()[0].revoked_ms,
        Some(NOW)
    );
    let unknown = Change::RevokePrincipal {
        id: "person:no".into(),
        at_ms: NOW,
    };
    assert!(matches!(
        bench.refused(unknown).await,
        Rejected::NoSuchPrincipal(_)
    ));
}

async fn a_new_token_replaces_the_old_one(bench: Bench) {
    bench
        .store
        .put_principal(principal("acme", "person:mira", 1))
        .await
        .unwrap();
    bench
        .store
        .put_principal(principal("acme", "person:mira", 2))
        .await
        .unwrap();
    assert_eq!(
        bench.store.principal_by_token_hash(&[1; 32]).await.unwrap(),
        None
    );
    assert!(
        bench
            .store
            .principal_by_token_hash(&[2; 32])
            .await
            .unwrap()
            .is_some()
    );
}

async fn a_new_token_leaves_the_key_that_decisions_are_signed_with(bench: Bench) {
    let put = async |token: u8, public_key: Option<[u8; 32]>| {
        let row = PrincipalRow {
            public_key,
            ..principal("acme", "person:mira", token)
        };
        bench.store.put_principal(row).await.unwrap();
        bench.store.principals(&named("acme")).await.unwrap()[0].public_key
    };
    assert_eq!(put(1, None).await, None);
    assert_eq!(put(2, Some([7; 32])).await, Some([7; 32]));
    assert_eq!(put(3, None).await, Some([7; 32]));
    assert_eq!(put(4, Some([8; 32])).await, Some([8; 32]));
    let found = bench.store.principal_by_token_hash(&[4; 32]).await.unwrap();
    assert_eq!(found.unwrap().public_key, Some([8; 32]));
}

fn at_login(subject: &str) -> Option<OidcName> {
    Some(OidcName {
        issuer: "https://login.example".into(),
        subject: subject.into(),
    })
}

async fn a_name_at_a_provider_is_one_persons_and_stays_with_a_new_token(bench: Bench) {
    let put = async |tenant: &str, id: &str, token: u8, oidc: Option<OidcName>| {
        let row = PrincipalRow {
            oidc,
            ..principal(tenant, id, token)
        };
        bench.store.put_principal(row).await
    };
    let known = async || {
        bench.store.principals(&named("acme")).await.unwrap()[0]
            .oidc
            .clone()
    };
    put("acme", "a:mira", 1, at_login("sub:1")).await.unwrap();
    assert_eq!(known().await, at_login("sub:1"));
    put("acme", "a:mira", 2, None).await.unwrap();
    assert_eq!(known().await, at_login("sub:1"));
    let taken = put("acme", "b:paul", 3, at_login("sub:1"))
        .await
        .unwrap_err();
    assert_eq!(
        taken.rejected(),
        Some(&Rejected::TokenTaken("b:paul".into()))
    );
    put("acme", "b:paul", 4, at_login("sub:2")).await.unwrap();
    // Another tenant has people of its own.
    put("other", "a:mira", 5, at_login("sub:1")).await.unwrap();
}

async fn a_password_is_a_persons_and_goes_with_everything_when_they_are_revoked(bench: Bench) {
    let row = PrincipalRow {
        oidc: at_login("sub:1"),
        ..principal("acme", "person:mira", 1)
    };
    bench.store.put_principal(row.clone()).await.unwrap();
    let set = |id: &str, password: &str, instead_of: Option<&str>| Change::SetPassword {
        id: id.into(),
        password: password.into(),
        instead_of: instead_of.map(str::to_owned),
    };
    let known = async || bench.store.principals(&named("acme")).await.unwrap()[0].clone();
    bench.change(set("person:mira", "one", None)).await.unwrap();
    bench
        .change(set("person:mira", "two", Some("one")))
        .await
        .unwrap();
    // Somebody has set another one meanwhile.
    let late = set("person:mira", "three", Some("one"));
    assert!(matches!(
        bench.refused(late).await,
        Rejected::NoSuchPrincipal(_)
    ));
    assert_eq!(known().await.password.as_deref(), Some("two"));
    assert!(!format!("{:?}", known().await).contains("two"));
    bench.store.put_principal(row).await.unwrap();
    assert_eq!(known().await.password.as_deref(), Some("two"));
    let revoke = Change::RevokePrincipal {
        id: "person:mira".into(),
        at_ms: NOW,
    };
    bench.change(revoke).await.unwrap();
    let refused = bench.refused(set("person:mira", "four", None)).await;
    assert!(matches!(refused, Rejected::NoSuchPrincipal(_)));
    // The name is given again: nothing of before comes back with it.
    let again = principal("acme", "person:mira", 2);
    bench.store.put_principal(again.clone()).await.unwrap();
    assert_eq!(known().await, again);
    let agent = PrincipalRow {
        kind: PrincipalKind::Agent,
        ..principal("acme", "person:mira", 3)
    };
    bench.store.put_principal(agent).await.unwrap();
    let refused = bench.refused(set("person:mira", "five", None)).await;
    assert!(matches!(refused, Rejected::NoSuchPrincipal(_)));
}

async fn two_principals_never_share_a_token(bench: Bench) {
    bench
        .store
        .put_principal(principal("acme", "person:mira", 1))
        .await
        .unwrap();
    let taken = bench
        .store
        .put_principal(principal("other", "agent:x", 1))
        .await
        .unwrap_err();
    assert_eq!(
        taken.rejected(),
        Some(&Rejected::TokenTaken("agent:x".into()))
    );
    let found = bench
        .store
        .principal_by_token_hash(&[1; 32])
        .await
        .unwrap()
        .unwrap();
    assert_eq!(found.tenant, "acme");
}

#[test]
fn a_token_hash_does_not_show_in_debug_output() {
    let shown = format!("{:?}", principal("acme", "p", 0xab));
    assert!(!shown.contains("171") && shown.contains("masked"));
}

async fn hosts_that_race_for_a_subject_agree_on_one_key(bench: Bench) {
    let other = bench.another().await;
    let tasks = (0_u8..20).map(|n| {
        let store = if n % 2 == 0 {
            bench.store.clone()
        } else {
            other.clone()
        };
        tokio::spawn(async move {
            store
                .ensure_subject_key(&named("acme"), "s", vec![n])
                .await
                .unwrap()
        })
    });
    let mut keys = std::collections::BTreeSet::new();
    for task in tasks.collect::<Vec<_>>() {
        keys.insert(task.await.unwrap());
    }
    assert_eq!(keys.len(), 1);
    assert_eq!(
        bench.store.subject_key(&named("acme"), "s").await.unwrap(),
        keys.pop_first()
    );
    assert_eq!(
        bench.store.subject_key(&named("other"), "s").await.unwrap(),
        None
    );
}

async fn a_connector_is_installed_replaced_and_removed(bench: Bench) {
    let row = |text: &str| ConnectorRow {
        tenant: named("acme"),
        name: "database".into(),
        manifest_text: text.into(),
        component_digest: "sha256:c".into(),
        installed_ms: NOW,
    };
    bench
        .change(Change::PutConnector(Box::new(row("one"))))
        .await
        .unwrap();
    bench
        .change(Change::PutConnector(Box::new(row("two"))))
        .await
        .unwrap();
    assert_eq!(bench.store.connectors(None).await.unwrap(), [row("two")]);
    assert_eq!(
        bench.store.connectors(Some(&named("acme"))).await.unwrap(),
        [row("two")]
    );
    assert!(
        bench
            .store
            .connectors(Some(&named("other")))
            .await
            .unwrap()
            .is_empty()
    );
    assert_eq!(
        bench
            .store
            .connector(&named("acme"), "database")
            .await
            .unwrap(),
        Some(row("two"))
    );
    let remove = || Change::RemoveConnector {
        name: "database".into(),
    };
    bench.change(remove()).await.unwrap();
    assert_eq!(
        bench.refused(remove()).await,
        Rejected::NoSuchConnector("database".into())
    );
}

async fn a_component_is_kept_under_its_own_digest_only(bench: Bench) {
    // The digest of the three bytes `abc`, from the SHA-256 standard.
    let digest = "sha256:ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";
    let put = |bytes: &[u8]| Change::PutComponent {
        digest: digest.into(),
        bytes: bytes.to_vec(),
    };
    let forged = bench
        .store
        .append(submission(vec![], vec![put(b"abd")]))
        .await;
    assert!(matches!(forged, Err(StoreError::Invalid(_))));
    bench.change(put(b"abc")).await.unwrap();
    bench.change(put(b"abc")).await.unwrap();
    assert_eq!(
        bench.store.component(digest).await.unwrap(),
        Some(b"abc".to_vec())
    );
    assert_eq!(bench.store.component("sha256:00").await.unwrap(), None);
}

on_each_store! {
    a_token_leads_to_its_principal_until_it_is_revoked,
    a_new_token_replaces_the_old_one,
    a_new_token_leaves_the_key_that_decisions_are_signed_with,
    a_name_at_a_provider_is_one_persons_and_stays_with_a_new_token,
    a_password_is_a_persons_and_goes_with_everything_when_they_are_revoked,
    two_principals_never_share_a_token,
    hosts_that_race_for_a_subject_agree_on_one_key,
    a_connector_is_installed_replaced_and_removed,
    a_component_is_kept_under_its_own_digest_only,
}

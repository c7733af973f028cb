//! Tenants on different stores.

use std::collections::HashMap;
use std::sync::Arc;

use tollgate_store::{
    Change, ConnectorRow, EventKind, PrincipalKind, PrincipalRow, RoutedStore, Store, Submission,
};
use tollgate_test_postgres::{PrivatePostgres, execute};

use crate::support::{Bench, NOW, named, on_each_store, records, run_row};

fn of(tenant: &str, changes: Vec<Change>) -> Submission {
    Submission {
        tenant: named(tenant),
        records: records(tenant, "r", 1),
        changes,
    }
}

fn placed(default: &Bench, acme: &Bench) -> RoutedStore {
    let acme = ("acme".to_owned(), acme.store.clone());
    RoutedStore::new(default.store.clone(), HashMap::from([acme]))
}

fn principal(tenant: &str, token: u8) -> PrincipalRow {
    PrincipalRow {
        id: "person:mira".into(),
        tenant: named(tenant),
        name: "Mira".into(),
        kind: PrincipalKind::Person,
        groups: vec![],
        token_hash: [token; 32],
        created_ms: NOW,
        revoked_ms: None,
        public_key: None,
        oidc: None,
        password: None,
    }
}

fn connector(tenant: &str) -> Change {
    Change::PutConnector(Box::new(ConnectorRow {
        tenant: named(tenant),
        name: "database".into(),
        manifest_text: "m".into(),
        component_digest: "sha256:c".into(),
        installed_ms: NOW,
    }))
}

async fn a_tenant_is_where_it_was_placed_and_all_are_seen_together(bench: Bench) {
    let other = bench.fresh().await;
    let routed = placed(&bench, &other);
    let mut events = routed.events();
    for (token, tenant) in [(1, "acme"), (2, "beta")] {
        let mut run = run_row("r", "i");
        run.tenant = named(tenant);
        let changes = vec![Change::PutRun(Box::new(run)), connector(tenant)];
        routed.append(of(tenant, changes)).await.unwrap();
        routed
            .put_principal(principal(tenant, token))
            .await
            .unwrap();
        let told = events.recv().await.unwrap();
        assert_eq!(
            (told.tenant.as_str(), told.what),
            (tenant, EventKind::Connector("database".into()))
        );
        let found = routed.principal_by_token_hash(&[token; 32]).await.unwrap();
        assert_eq!(found.unwrap().tenant, tenant);
    }
    let names = |heads: Vec<tollgate_store::Head>| {
        let names = heads.into_iter().map(|head| head.tenant);
        names.collect::<Vec<_>>()
    };
    assert_eq!(names(bench.store.heads().await.unwrap()), ["beta"]);
    assert_eq!(names(other.store.heads().await.unwrap()), ["acme"]);
    assert_eq!(names(routed.heads().await.unwrap()), ["acme", "beta"]);
    assert_eq!(routed.connectors(None).await.unwrap().len(), 2);
    assert_eq!(
        routed.connectors(Some(&named("acme"))).await.unwrap().len(),
        1
    );
    for tenant in ["acme", "beta"] {
        assert_eq!(
            routed.verify(&named(tenant)).await.unwrap().unwrap().count,
            1
        );
    }
    let one = routed.claim_lapsed("h", 1_000, 1).await.unwrap();
    assert_eq!(one.len(), 1, "no more than asked for");
    let rest = routed.claim_lapsed("h", 1_000, 10).await.unwrap();
    assert_eq!(rest.len(), 1);
    let renewed = async || {
        let leases = routed.renew_leases("h", 2_000).await.unwrap();
        let mut tenants: Vec<_> = leases.into_iter().map(|lease| lease.tenant).collect();
        tenants.sort();
        tenants
    };
    assert_eq!(renewed().await, ["acme", "beta"]);
    // One of the two cannot be asked: its leases were not renewed.
    other.store.close().await;
    assert_eq!(renewed().await, ["beta"]);
}

/// Whoever runs the database of one tenant writes rows there that name another.
async fn a_store_says_nothing_about_tenants_of_another_store(bench: Bench) {
    let hostile = bench.fresh().await;
    let routed = placed(&bench, &hostile);
    let mut run = run_row("stolen", "i");
    run.tenant = named("beta");
    let forged = vec![connector("beta"), Change::PutRun(Box::new(run))];
    hostile.store.append(of("beta", forged)).await.unwrap();
    hostile
        .store
        .put_principal(principal("beta", 9))
        .await
        .unwrap();
    assert_eq!(
        routed.principal_by_token_hash(&[9; 32]).await.unwrap(),
        None
    );
    assert_eq!(routed.connectors(None).await.unwrap(), []);
    assert_eq!(routed.claim_lapsed("h", 1_000, 9).await.unwrap(), []);
    hostile
        .store
        .claim_run(&named("beta"), "stolen", "h", 1_000)
        .await
        .unwrap();
    assert_eq!(routed.renew_leases("h", 1_000).await.unwrap(), []);
    assert!(routed.heads().await.unwrap().is_empty());
}

async fn code_under_a_false_digest_in_one_store_does_not_run_for_others(bench: Bench) {
    let hostile = bench.fresh().await;
    let routed = placed(&bench, &hostile);
    let digest = "sha256:2c26b46b68ffc68ff99b453c1d30413413422d706483bfa0f98a5e886266e7ae";
    let honest = Change::PutComponent {
        digest: digest.into(),
        bytes: b"foo".to_vec(),
    };
    routed.append(of("acme", vec![honest])).await.unwrap();
    let component = async || routed.component(digest).await.unwrap();
    assert_eq!(component().await.as_deref(), Some(&b"foo"[..]));
    let forged = hostile.literal(b"evil");
    hostile
        .tamper(&format!("UPDATE components SET bytes = {forged}"))
        .await;
    assert_eq!(component().await, None);
}

on_each_store! {
    a_tenant_is_where_it_was_placed_and_all_are_seen_together,
    a_store_says_nothing_about_tenants_of_another_store,
    code_under_a_false_digest_in_one_store_does_not_run_for_others,
}

#[tokio::test(flavor = "multi_thread")]
async fn a_tenant_whose_database_is_down_does_not_stop_the_others() {
    let Some(server) = PrivatePostgres::start().await else {
        return;
    };
    let url = server.create_database().await;
    let options = tollgate_store::PostgresOptions::default();
    let away = tollgate_store::PostgresStore::open(&url, options)
        .await
        .unwrap();
    let bench = Bench::new().await;
    let acme: Arc<dyn Store> = Arc::new(away);
    let routed = RoutedStore::new(bench.store.clone(), HashMap::from([("acme".into(), acme)]));
    routed
        .append(of("acme", vec![connector("acme")]))
        .await
        .unwrap();
    routed
        .append(of("beta", vec![connector("beta")]))
        .await
        .unwrap();
    routed.put_principal(principal("beta", 2)).await.unwrap();
    server.stop().await;
    assert!(
        routed
            .append(of("acme", vec![]))
            .await
            .unwrap_err()
            .is_unavailable()
    );
    routed.append(of("beta", vec![])).await.unwrap();
    assert_eq!(routed.heads().await.unwrap().len(), 1);
    assert_eq!(routed.connectors(None).await.unwrap().len(), 1);
    assert_eq!(routed.claim_lapsed("h", 1_000, 1).await.unwrap(), []);
    assert!(
        routed
            .principal_by_token_hash(&[2; 32])
            .await
            .unwrap()
            .is_some()
    );
    // Whether this token counts cannot be known now: that is no "no".
    let unknown = routed.principal_by_token_hash(&[7; 32]).await;
    assert!(unknown.unwrap_err().is_unavailable());
    server.resume().await;
    execute(&url, "SELECT 1").await;
    routed.append(of("acme", vec![])).await.unwrap();
}

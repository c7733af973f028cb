//! Names cannot be written so that two tenants' principals are one.

use tempfile::TempDir;
use tollgate_runtime::{
    Compiler, Host, HostError, HostOptions, Principal, PrincipalKind, Role, Tenant,
};
use tollgate_tests::named;

fn principal(tenant: &str, name: &str, group: &str) -> Principal {
    Principal {
        identified: Default::default(),
        tenant: named(tenant),
        name: name.to_owned(),
        kind: PrincipalKind::Person,
        groups: vec![group.to_owned()],
    }
}

#[tokio::test]
async fn no_two_tenants_principals_can_be_made_one_by_their_names() {
    let home = TempDir::new().unwrap();
    let options = HostOptions::new(home.path(), Compiler::InProcess, Role::Operate);
    let host = Host::open(options).await.unwrap();
    let token = |tenant, name| {
        let host = host.clone();
        async move { host.add_principal(&principal(tenant, name, "boss")).await }
    };
    let (one, other) = (
        token("a", "mira").await.unwrap(),
        token("b", "mira").await.unwrap(),
    );
    // Both would be `a/b/mira`.
    assert!(Tenant::new("a/b").is_err());
    let refused = token("a", "b/mira").await.unwrap_err();
    assert!(matches!(refused, HostError::Name { .. }), "{refused}");
    let long = "x".repeat(65);
    for bad in [
        "",
        "a b",
        "a\nb",
        "\u{430}nna",
        "a/b",
        "..//",
        long.as_str(),
    ] {
        assert!(Tenant::new(bad).is_err(), "{bad:?}");
        let bad_name = principal("a", bad, "boss");
        let bad_group = principal("a", "mira", bad);
        for bad in [bad_name, bad_group] {
            let refused = host.add_principal(&bad).await.unwrap_err();
            assert!(
                matches!(refused, HostError::Name { .. }),
                "{bad:?}: {refused}"
            );
        }
    }
    // Those who were there are who they were.
    for (token, tenant) in [(one, "a"), (other, "b")] {
        let who = host.authenticate(&token).await.unwrap();
        assert_eq!((who.tenant.as_str(), who.name.as_str()), (tenant, "mira"));
    }
    host.shutdown().await;
}

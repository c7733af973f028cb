//! Values of connectors: versions, quotas, walls between tenants.

use tollgate_store::{Change, Expected, Rejected, Submission, kv_version};

use crate::support::{Bench, named, on_each_store};

fn set(key: &str, value: &[u8], version: &str, expected: Expected) -> Change {
    Change::SetKv {
        connector: "notes".into(),
        store: "main".into(),
        key: key.into(),
        value: value.to_vec(),
        version: version.into(),
        expected,
        quota: 20,
    }
}

fn delete(key: &str, expected: Expected) -> Change {
    Change::DeleteKv {
        connector: "notes".into(),
        store: "main".into(),
        key: key.into(),
        expected,
    }
}

fn version(text: &str) -> Expected {
    Expected::Version(text.into())
}

async fn a_write_happens_only_on_what_was_expected(bench: Bench) {
    let conflict = |current: Option<&str>| Rejected::VersionConflict {
        current: current.map(str::to_owned),
    };
    assert_eq!(
        bench.refused(set("k", b"1", "v1", version("v0"))).await,
        conflict(None)
    );
    bench
        .change(set("k", b"1", "v1", Expected::Absent))
        .await
        .unwrap();
    assert_eq!(
        bench.refused(set("k", b"2", "v2", Expected::Absent)).await,
        conflict(Some("v1"))
    );
    bench
        .change(set("k", b"2", "v2", version("v1")))
        .await
        .unwrap();
    assert_eq!(
        bench.refused(set("k", b"3", "v3", version("v1"))).await,
        conflict(Some("v2"))
    );
    bench
        .change(set("k", b"4", "v4", Expected::Anything))
        .await
        .unwrap();
    let read = bench
        .store
        .kv_get(&named("acme"), "notes", "main", "k")
        .await
        .unwrap()
        .unwrap();
    assert_eq!(
        (read.value.as_slice(), read.version.as_str()),
        (b"4".as_slice(), "v4")
    );
    assert_eq!(
        bench.refused(delete("k", version("v1"))).await,
        conflict(Some("v4"))
    );
    bench.change(delete("k", version("v4"))).await.unwrap();
    bench.change(delete("k", Expected::Anything)).await.unwrap();
    assert_eq!(
        bench
            .store
            .kv_get(&named("acme"), "notes", "main", "k")
            .await
            .unwrap(),
        None
    );
}

async fn a_store_holds_no_more_than_its_quota(bench: Bench) {
    bench
        .change(set("a", &[0; 9], "1", Expected::Anything))
        .await
        .unwrap();
    bench
        .change(set("é", &[0; 8], "2", Expected::Anything))
        .await
        .unwrap();
    let full = Rejected::QuotaReached {
        needed: 21,
        allowed: 20,
    };
    assert_eq!(
        bench
            .refused(set("a", &[0; 10], "3", Expected::Anything))
            .await,
        full
    );
    bench
        .change(set("a", &[0; 1], "4", Expected::Anything))
        .await
        .unwrap();
    bench
        .change(set("b", &[0; 7], "5", Expected::Anything))
        .await
        .unwrap();
    bench.change(delete("é", Expected::Anything)).await.unwrap();
    bench
        .change(set("c", &[0; 9], "6", Expected::Anything))
        .await
        .unwrap();
    assert!(matches!(
        bench.refused(set("d", &[], "7", Expected::Anything)).await,
        Rejected::QuotaReached { needed: 21, .. }
    ));
}

async fn keys_are_found_by_prefix_where_signs_mean_themselves(bench: Bench) {
    for key in ["a%1", "a%2", "ab", "b"] {
        bench
            .change(set(key, b"", "v", Expected::Anything))
            .await
            .unwrap();
    }
    let keys = async |prefix: &str, limit| {
        bench
            .store
            .kv_keys(&named("acme"), "notes", "main", prefix, limit)
            .await
            .unwrap()
    };
    assert_eq!(keys("a%", 10).await, ["a%1", "a%2"]);
    assert_eq!(keys("", 10).await, ["a%1", "a%2", "ab", "b"]);
    assert_eq!(keys("", 2).await, ["a%1", "a%2"]);
    assert_eq!(keys("A", 10).await, Vec::<String>::new());
}

async fn nothing_crosses_tenants_connectors_or_stores(bench: Bench) {
    bench
        .change(set("k", b"1", "v1", Expected::Anything))
        .await
        .unwrap();
    let changes = vec![set("k", b"2", "v2", Expected::Absent)];
    let other = Submission {
        tenant: named("other"),
        records: vec![],
        changes,
    };
    bench.store.append(other).await.unwrap();
    let get = async |tenant: &str, connector: &str, store: &str| {
        let entry = bench
            .store
            .kv_get(&named(tenant), connector, store, "k")
            .await
            .unwrap();
        entry.map(|entry| entry.value)
    };
    assert_eq!(get("acme", "notes", "main").await, Some(b"1".to_vec()));
    assert_eq!(get("other", "notes", "main").await, Some(b"2".to_vec()));
    assert_eq!(get("acme", "other", "main").await, None);
    assert_eq!(get("acme", "notes", "other").await, None);
    assert_eq!(get("third", "notes", "main").await, None);
}

#[test]
fn equal_values_of_two_writes_have_different_versions() {
    assert_eq!(kv_version(b"v", "run", 1), kv_version(b"v", "run", 1));
    assert_ne!(kv_version(b"v", "run", 1), kv_version(b"v", "run", 2));
    assert_ne!(kv_version(b"v", "run", 1), kv_version(b"v", "ru", 1));
    assert_ne!(kv_version(b"v", "run", 1), kv_version(b"w", "run", 1));
}

on_each_store! {
    a_write_happens_only_on_what_was_expected,
    a_store_holds_no_more_than_its_quota,
    keys_are_found_by_prefix_where_signs_mean_themselves,
    nothing_crosses_tenants_connectors_or_stores,
}

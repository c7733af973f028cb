//! Large values, kept once per tenant.

use serde_json::Map;
use tollgate_journal::{
    BLOB_BYTES_MIN, BlobKeys, Entry, JournalError, KeyRing, Prepared, Stage, SubjectKey, open,
    prepare,
};

fn entry(values: Vec<(&'static str, Vec<u8>)>) -> Entry {
    Entry {
        tenant: "acme".into(),
        case: "case-1".into(),
        run: None,
        principal: "agent:support".into(),
        workflow: None,
        stage: Stage::CallOutcome,
        position: Some(0),
        at_ms: 1,
        facts: Map::new(),
        values,
        subject: "s".into(),
    }
}

fn large(fill: u8) -> Vec<u8> {
    vec![fill; BLOB_BYTES_MIN]
}

fn small(fill: u8) -> Vec<u8> {
    vec![fill; BLOB_BYTES_MIN - 1]
}

fn made(values: Vec<(&'static str, Vec<u8>)>, key: &SubjectKey, blobs: &BlobKeys) -> Prepared {
    prepare(&entry(values), key, blobs).unwrap()
}

#[test]
fn large_values_become_blobs_and_come_back_beside_small_ones() {
    let (key, ring) = (
        SubjectKey::generate().unwrap(),
        KeyRing::generate().unwrap(),
    );
    let values = vec![
        ("prior", large(1)),
        ("args", small(2)),
        ("empty", Vec::new()),
    ];
    let made = made(values.clone(), &key, &ring.blob_keys("acme"));
    assert_eq!(made.blobs.len(), 1);
    assert!(made.sealed.as_ref().unwrap().len() < BLOB_BYTES_MIN + 300);
    assert!(made.bytes() > 2 * BLOB_BYTES_MIN);
    let opened = open(
        &made.leaf,
        made.sealed.as_deref().unwrap(),
        &key,
        &made.blobs,
    )
    .unwrap();
    for (name, bytes) in values {
        let value = opened.iter().find(|value| value.name == name).unwrap();
        assert_eq!(value.bytes, bytes);
    }
}

#[test]
fn equal_values_of_one_tenant_are_one_blob_and_of_two_tenants_have_nothing_in_common() {
    let ring = KeyRing::generate().unwrap();
    let one = SubjectKey::generate().unwrap();
    let two = SubjectKey::generate().unwrap();
    let acme = ring.blob_keys("acme");
    let first = made(vec![("reply", large(1)), ("prior", large(1))], &one, &acme);
    assert_eq!(first.blobs.len(), 1);
    let second = made(vec![("reply", large(1))], &two, &acme);
    assert_eq!(first.blobs, second.blobs);
    let elsewhere = made(vec![("reply", large(1))], &one, &ring.blob_keys("other"));
    assert_ne!(elsewhere.blobs[0].id, first.blobs[0].id);
    assert_ne!(elsewhere.blobs[0].sealed, first.blobs[0].sealed);
    let other = made(vec![("reply", large(2))], &one, &acme);
    assert_ne!(other.blobs[0].id, first.blobs[0].id);
    let ring = KeyRing::generate().unwrap();
    let elsewhere = made(vec![("reply", large(1))], &one, &ring.blob_keys("acme"));
    assert_ne!(elsewhere.blobs[0].id, first.blobs[0].id);
}

#[test]
fn a_missing_blob_is_said_to_be_missing_and_a_changed_one_to_be_changed() {
    let (key, ring) = (
        SubjectKey::generate().unwrap(),
        KeyRing::generate().unwrap(),
    );
    let mut made = made(
        vec![("reply", large(1)), ("args", small(1))],
        &key,
        &ring.blob_keys("t"),
    );
    let sealed = made.sealed.as_deref().unwrap();
    let gone = open(&made.leaf, sealed, &key, &[]);
    assert!(matches!(gone, Err(JournalError::BlobMissing { name }) if name == "reply"));
    for at in 0..made.blobs[0].sealed.len() {
        made.blobs[0].sealed[at] ^= 1;
        let broken = open(&made.leaf, sealed, &key, &made.blobs);
        assert!(matches!(broken, Err(JournalError::SealBroken)), "{at}");
        made.blobs[0].sealed[at] ^= 1;
    }
}

#[test]
fn a_blob_put_in_anothers_place_does_not_open() {
    let (key, ring) = (
        SubjectKey::generate().unwrap(),
        KeyRing::generate().unwrap(),
    );
    let keys = ring.blob_keys("acme");
    let one = made(vec![("reply", large(1))], &key, &keys);
    let two = made(vec![("reply", large(2))], &key, &keys);
    let mut swapped = two.blobs.clone();
    swapped[0].id = one.blobs[0].id;
    let sealed = one.sealed.as_deref().unwrap();
    assert!(matches!(
        open(&one.leaf, sealed, &key, &swapped),
        Err(JournalError::SealBroken)
    ));
}

#[test]
fn a_form_byte_that_was_changed_does_not_open() {
    let (key, ring) = (
        SubjectKey::generate().unwrap(),
        KeyRing::generate().unwrap(),
    );
    for values in [vec![("reply", large(1))], vec![("reply", small(1))]] {
        let made = made(values, &key, &ring.blob_keys("acme"));
        for form in 0..=255 {
            let mut sealed = made.sealed.clone().unwrap();
            if std::mem::replace(&mut sealed[0], form) != form {
                assert!(
                    open(&made.leaf, &sealed, &key, &made.blobs).is_err(),
                    "{form}"
                );
            }
        }
    }
}

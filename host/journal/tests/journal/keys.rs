//! Names that stand in leaves for ever.

use std::collections::BTreeSet;

use tollgate_journal::{KeyRing, SUBJECT_PREFIX};

#[test]
fn a_subject_that_a_caller_names_stands_in_leaves_as_a_keyed_hash() {
    let ring = KeyRing::generate().unwrap();
    let label = ring.subject_label("acme", "jane@example.com");
    assert_eq!(label, ring.subject_label("acme", "jane@example.com"));
    assert_eq!(label.len(), SUBJECT_PREFIX.len() + 32);
    assert!(label.starts_with(SUBJECT_PREFIX) && !label.contains("jane"));
    let other = KeyRing::generate().unwrap();
    let labels = BTreeSet::from([
        label,
        ring.subject_label("acme", "john@example.com"),
        ring.subject_label("other", "jane@example.com"),
        other.subject_label("acme", "jane@example.com"),
    ]);
    assert_eq!(labels.len(), 4);
}

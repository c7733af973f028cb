//! One record's proof as a file that verifies alone.

use serde_json::json;
use tollgate_journal::{
    BlobKeys, DisclosedValue, Entry, KeyKind, KeyRing, RecordProof, RecordProofError, SigningKey,
    Stage, SubjectKey, TileCache, VerifiedRecord, open, prepare, prove_inclusion,
};

use crate::support::{Random, checkpoint, hashes, log_key, seed};

fn entry(number: usize) -> Entry {
    Entry {
        tenant: "acme".into(),
        case: "case-1".into(),
        run: Some(format!("run-{number}")),
        principal: "agent:support".into(),
        workflow: None,
        stage: Stage::CallOutcome,
        position: Some(0),
        at_ms: 1_790_000_000_000,
        facts: json!({"call": "sql.query", "said": "\"ja\" \u{2028} ü"})
            .as_object()
            .unwrap()
            .clone(),
        values: vec![("amount", b"4200".to_vec()), ("reply", vec![b'r'; 3000])],
        subject: "s".into(),
    }
}

fn blob_keys() -> BlobKeys {
    KeyRing::generate().unwrap().blob_keys("acme")
}

fn proof() -> RecordProof {
    let key = SubjectKey::from_bytes([3; 32]);
    let records: Vec<_> = (0..270)
        .map(|number| prepare(&entry(number), &key, &blob_keys()).unwrap())
        .collect();
    let leaves: Vec<_> = records.iter().map(|record| record.leaf.clone()).collect();
    let mut cache = TileCache::new();
    cache.put_leaves(0, &hashes(&leaves)).unwrap();
    let record = &records[7];
    let sealed = record.sealed.as_deref().unwrap();
    let values = open(&record.leaf, sealed, &key, &record.blobs).unwrap();
    RecordProof::new(
        record.leaf.clone(),
        prove_inclusion(7, 270, &cache).unwrap(),
        checkpoint(&leaves, 270).note,
        values.into_iter().map(DisclosedValue::from).collect(),
    )
    .unwrap()
}

fn verify(bytes: &[u8]) -> Result<VerifiedRecord, RecordProofError> {
    RecordProof::from_json(bytes)?.verify(&log_key().verifier_key())
}

#[test]
fn a_reviewer_proves_a_disclosed_value_with_one_file_and_the_logs_key() {
    let proof = proof();
    let file = proof.to_json();
    assert_eq!(RecordProof::from_json(file.as_bytes()).unwrap(), proof);
    let verified = verify(file.as_bytes()).unwrap();
    assert_eq!(
        (verified.place, verified.leaf.run.as_deref()),
        (7, Some("run-7"))
    );
    assert_eq!(verified.disclosed[0].bytes, b"4200");
    assert_eq!(verified.checkpoint.checkpoint.size, 270);
    let shown = format!("{verified:?}");
    assert!(!shown.contains("[52, 50") && shown.contains("masked"));
}

#[test]
fn the_proof_inside_is_the_one_of_the_specification() {
    let text = proof().to_tlog_proof();
    let lines: Vec<_> = text.lines().collect();
    assert_eq!(lines[..2], ["c2sp.org/tlog-proof@v1", "index 7"]);
    assert_eq!(lines[2..].iter().position(|line| line.is_empty()), Some(9));
    assert_eq!(lines[12..14], ["tollgate/test/acme", "270"]);
    // Extra data is allowed by the specification, and says nothing.
    let file = proof().to_json().replace("@v1\\n", "@v1\\nextra YWdl\\n");
    assert_eq!(verify(file.as_bytes()).unwrap().place, 7);
}

#[test]
fn a_value_that_the_record_does_not_commit_to_is_refused_by_name() {
    let mut forged = proof();
    forged.disclosed[0].bytes = b"9900".to_vec();
    let refused = forged.verify(&log_key().verifier_key());
    assert!(matches!(refused, Err(RecordProofError::NotCommitted(name)) if name == "amount"));
    let mut renamed = proof();
    renamed.disclosed[0].name = "reply".into();
    assert!(renamed.verify(&log_key().verifier_key()).is_err());
    let mut salted = proof();
    salted.disclosed[0].salt[0] ^= 1;
    assert!(salted.verify(&log_key().verifier_key()).is_err());
}

#[test]
fn another_logs_key_and_another_place_are_refused() {
    let other = SigningKey::from_seed("tollgate/test/acme", KeyKind::Ed25519, &[8; 32]).unwrap();
    let refused = proof().verify(&other.verifier_key());
    assert!(matches!(refused, Err(RecordProofError::Checkpoint(_))));
    let mut moved = proof();
    moved.inclusion.index = 6;
    let refused = moved.verify(&log_key().verifier_key());
    assert!(matches!(refused, Err(RecordProofError::Inclusion(_))));
    // A size beside the signed one counts for nothing.
    let mut sized = proof();
    sized.inclusion.size = 8;
    assert!(sized.verify(&log_key().verifier_key()).is_ok());
}

#[test]
fn no_changed_file_verifies_as_another_record() {
    let right = proof();
    let verified = right.verify(&log_key().verifier_key()).unwrap();
    let file = right.to_json().into_bytes();
    let seed = seed();
    let mut random = Random::new(seed);
    for round in 0..3_000 {
        let mut changed = file.clone();
        let at = random.below(file.len());
        match random.below(4) {
            0 => changed[at] = b"0123456789abcdefgh+/=\"\\ \n{}[],:"[random.below(31)],
            1 => changed[at] ^= 1 << random.below(8),
            2 => drop(changed.remove(at)),
            _ => changed.truncate(at),
        }
        if let Ok(read) = verify(&changed) {
            let same = (read.place, &read.leaf, &read.disclosed);
            assert_eq!(
                same,
                (verified.place, &verified.leaf, &verified.disclosed),
                "round {round}, seed {seed}"
            );
        }
    }
}

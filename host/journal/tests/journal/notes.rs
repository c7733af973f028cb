//! Signed notes and checkpoints, against `signed_note`, `tlog_tiles` and vectors
//! that other implementations publish.

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use ed25519_dalek::{Signature, VerifyingKey};
use signed_note::{Note, StandardSigner, StandardVerifier, VerifierList};
use tollgate_journal::{
    Checkpoint, CheckpointError, Frontier, KeyKind, KeyRing, NoteError, NoteSignature,
    SignedCheckpoint, SignedNote, SigningKey, VerifierKey,
};

use crate::support::{Random, checkpoint, frontier, leaves, log_key, seed};

/// The example of golang.org/x/mod/sumdb/note, where the format comes from.
const PUBLIC: &str = "PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW";
const SECRET: &str = "AYEKFALVFGyNhPJEMzD1QIDr+Y7hfZx09iUvxdXHKDFz";
const TEXT: &str = "If you think cryptography is the answer to your problem,\n\
                    then you don't know what your problem is.\n";
const LINE: &str = "— PeterNeumann x08go/ZJkuBS9UG/SffcvIAQxVBtiFupLLr8pAcElZInNIuGUgYN1FFYC2pZSNXgKvqfqdngotpRZb6KE6RyyBwJnAM=";

fn peter() -> SigningKey {
    let secret = BASE64_STANDARD.decode(SECRET).unwrap();
    let seed: &[u8; 32] = secret[1..].try_into().unwrap();
    SigningKey::from_seed("PeterNeumann", KeyKind::Ed25519, seed).unwrap()
}

fn witness(number: u8) -> SigningKey {
    let name = format!("witness.example/{number}");
    SigningKey::from_seed(&name, KeyKind::Cosignature, &[number; 32]).unwrap()
}

#[test]
fn the_published_example_signs_and_verifies() {
    let key = peter();
    assert_eq!(key.verifier_key().to_string(), PUBLIC);
    assert_eq!(PUBLIC.parse::<VerifierKey>().unwrap(), key.verifier_key());
    let note = SignedNote::sign(TEXT, &key, 0).unwrap();
    assert_eq!(note.to_string(), format!("{TEXT}\n{LINE}\n"));
    let read = SignedNote::parse(note.to_string().as_bytes()).unwrap();
    assert_eq!(read, note);
    let verified = read.verify(&[key.verifier_key()]).unwrap();
    assert_eq!(verified[0].name, "PeterNeumann");
}

#[test]
fn the_specifications_own_checkpoint_reads() {
    let text = "example.com/behind-the-sofa\n20852163\n\
        CsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2I=\n\n\
        — example.com/behind-the-sofa Az3grlgtzPICa5OS8npVmf1Myq/5IZniMp+ZJurmRDeOoRDe4URYN7u5/Zhcyv2q1gGzGku9nTo+zyWE+xeMcTOAYQ8=\n\
        — witness.example.com/w1 jWbPPwAAAABkGFDLEZMHwSRaJNiIDoe9DYn/zXcrtPHeolMI5OWXEhZCB9dlrDJsX3b2oyin1nPZqhf5nNo0xUe+mbIUBkBIfZ+qnA==\n";
    let note = SignedNote::parse(text.as_bytes()).unwrap();
    assert_eq!(note.to_string(), text);
    let read = Checkpoint::from_text(note.text()).unwrap();
    assert_eq!(
        (read.origin.as_str(), read.size),
        ("example.com/behind-the-sofa", 20_852_163)
    );
    assert_eq!(note.signatures()[1].name(), "witness.example.com/w1");
}

#[test]
fn another_implementation_reads_our_notes_and_we_read_theirs() {
    let head = checkpoint(&leaves(300), 300);
    let public = log_key().verifier_key().to_string();
    let theirs = Note::from_bytes(&head.to_bytes()).unwrap();
    let verifier = StandardVerifier::new(&public).unwrap();
    let (verified, _) = theirs
        .verify(&VerifierList::new(vec![Box::new(verifier)]))
        .unwrap();
    assert_eq!(verified.len(), 1);
    let read = tlog_tiles::Checkpoint::from_bytes(theirs.text()).unwrap();
    assert_eq!((read.size(), read.hash().0), (300, head.checkpoint.root));
    assert_eq!(read.origin(), head.checkpoint.origin);

    let secret = format!("PRIVATE+KEY+PeterNeumann+c74f20a3+{SECRET}");
    let signer = StandardSigner::new(&secret).unwrap();
    let root = tlog_tiles::Hash(frontier(&leaves(7)).root());
    let made = tlog_tiles::Checkpoint::new("PeterNeumann", 7, root, "one\n").unwrap();
    let mut note = Note::new(&made.to_bytes(), &[]).unwrap();
    note.add_sigs(&[&signer]).unwrap();
    let ours = SignedCheckpoint::parse_and_verify(&note.to_bytes(), &PUBLIC.parse().unwrap());
    let ours = ours.unwrap();
    assert_eq!((ours.checkpoint.size, ours.checkpoint.root), (7, root.0));
    assert_eq!(ours.checkpoint.extensions, ["one"]);
    assert_eq!(ours.to_bytes(), note.to_bytes());
}

#[test]
fn a_cosignature_is_what_its_specification_says_and_keeps_its_time() {
    let mut head = checkpoint(&leaves(5), 5);
    let key = witness(1);
    let line = key.sign(head.note.text(), 1_679_315_147).unwrap();
    // By hand: 8 bytes of time, then a signature over two lines and the text.
    let shown = line.to_string();
    let bytes = BASE64_STANDARD
        .decode(shown.rsplit(' ').next().unwrap())
        .unwrap();
    assert_eq!(bytes.len(), 4 + 8 + 64);
    assert_eq!(bytes[4..12], 1_679_315_147_u64.to_be_bytes());
    let message = format!("cosignature/v1\ntime 1679315147\n{}", head.note.text());
    let public = key.verifier_key().to_string();
    let public = BASE64_STANDARD
        .decode(public.rsplit('+').next().unwrap())
        .unwrap();
    assert_eq!(public[0], 4);
    let point = VerifyingKey::from_bytes(public[1..].try_into().unwrap()).unwrap();
    let signature = Signature::from_slice(&bytes[12..]).unwrap();
    point.verify_strict(message.as_bytes(), &signature).unwrap();

    head.note
        .add(NoteSignature::parse(&shown).unwrap())
        .unwrap();
    let read = SignedCheckpoint::parse_and_verify(&head.to_bytes(), &log_key().verifier_key());
    let read = read.unwrap();
    let keys = [key.verifier_key(), witness(2).verifier_key()];
    let cosigned = read.cosignatures(&keys).unwrap();
    assert_eq!(cosigned.len(), 1);
    assert_eq!(cosigned[0].time_s, Some(1_679_315_147));
    assert_eq!(read.cosignatures(&keys[1..]).unwrap(), []);
    assert!(matches!(
        key.sign("x\n", u64::MAX),
        Err(NoteError::BadTime(_))
    ));
}

#[test]
fn a_witness_cannot_speak_for_the_log_nor_the_log_for_a_witness() {
    let log = log_key();
    // The same seed and name, but a witness's type: another key identifier, and
    // another message.
    let name = log.verifier_key().name().to_owned();
    let witness = SigningKey::from_seed(&name, KeyKind::Cosignature, &[7; 32]).unwrap();
    let text = checkpoint(&leaves(5), 5).note.text().to_owned();
    let note = SignedNote::sign(&text, &witness, 1).unwrap();
    let read = SignedCheckpoint::parse_and_verify(&note.to_bytes(), &log.verifier_key());
    assert!(matches!(
        read,
        Err(CheckpointError::Note(NoteError::NotSigned(_)))
    ));
    let read = SignedCheckpoint::parse_and_verify(&note.to_bytes(), &witness.verifier_key());
    assert!(matches!(
        read,
        Err(CheckpointError::Note(NoteError::BadKey(_)))
    ));
    let signed = checkpoint(&leaves(5), 5);
    assert_eq!(signed.cosignatures(&[log.verifier_key()]).unwrap(), []);
}

#[test]
fn a_bad_signature_of_a_known_key_spoils_the_note_and_an_unknown_one_does_not() {
    let mut head = checkpoint(&leaves(5), 5);
    let known = witness(1);
    let other = known.sign("another text\n", 9).unwrap();
    head.note.add(other).unwrap();
    assert!(
        head.cosignatures(&[witness(2).verifier_key()])
            .unwrap()
            .is_empty()
    );
    let refused = head.cosignatures(&[known.verifier_key()]);
    assert!(matches!(refused, Err(NoteError::BadSignature { .. })));
    // A witness's new signature takes the place of its old one.
    let right = known.sign(head.note.text(), 10).unwrap();
    head.note.add(right).unwrap();
    assert_eq!(head.cosignatures(&[known.verifier_key()]).unwrap().len(), 1);
    // The text of another checkpoint cannot lend its signatures.
    let refused = head.note.merge(&checkpoint(&leaves(6), 6).note);
    assert_eq!(refused, Err(NoteError::OtherText));
}

#[test]
fn a_key_that_was_cut_mistyped_or_weak_is_refused() {
    for bad in [
        "PeterNeumann+c74f20a4+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW",
        "PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10T",
        "PeterNeumann+c74f20a3",
        "+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW",
        "Peter Neumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW",
        "",
    ] {
        assert!(bad.parse::<VerifierKey>().is_err(), "{bad}");
    }
    // The neutral element verifies a forged signature under lax rules.
    let mut neutral = [0; 32];
    neutral[0] = 1;
    let weak = VerifierKey::new("log", KeyKind::Ed25519, &neutral);
    assert!(matches!(weak, Err(NoteError::BadKey(_))));
}

#[test]
fn texts_that_would_read_back_as_something_else_are_not_signed() {
    let key = log_key();
    let name = key.verifier_key().name().to_owned();
    let mut head = Checkpoint::of(&name, &frontier(&leaves(3)));
    head.extensions = vec!["one\ntwo".to_owned()];
    assert!(head.sign(&key).is_err());
    head.extensions = vec![String::new()];
    assert!(head.sign(&key).is_err());
    head.extensions.clear();
    head.origin = format!("{name}\n9\n");
    assert!(head.sign(&key).is_err());
    assert!(SignedNote::sign("no newline", &key, 0).is_err());
    assert!(SignedNote::sign("tab\t\n", &key, 0).is_err());
    for size in ["007", "+7", "-1", "7 ", "", "18446744073709551616"] {
        let text = format!("{name}\n{size}\nCsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2I=\n");
        assert!(Checkpoint::from_text(&text).is_err(), "{size}");
    }
}

#[test]
fn every_tenant_has_a_log_of_its_own_whose_key_and_name_are_always_the_same() {
    let ring = KeyRing::generate().unwrap();
    let again = KeyRing::from_bytes(&ring.to_bytes()).unwrap();
    let tenants = [
        "acme",
        "acme/eu",
        "acme%2feu",
        "a cme",
        "a+cme",
        "ünï",
        "",
        "..",
        "A",
    ];
    let mut origins = std::collections::BTreeSet::new();
    for tenant in tenants {
        let key = ring.log_key(tenant).unwrap().verifier_key();
        assert_eq!(key, again.log_key(tenant).unwrap().verifier_key());
        assert_eq!(key.name(), ring.log_origin(tenant));
        origins.insert(key.name().to_owned());
        let head = Checkpoint::of(key.name(), &Frontier::new());
        let head = head.sign(&ring.log_key(tenant).unwrap()).unwrap();
        assert!(SignedCheckpoint::parse_and_verify(&head.to_bytes(), &key).is_ok());
    }
    assert_eq!(origins.len(), tenants.len());
    let other = KeyRing::generate().unwrap();
    assert_ne!(other.log_origin("acme"), ring.log_origin("acme"));
}

#[test]
fn no_changed_byte_of_a_checkpoint_verifies() {
    let head = checkpoint(&leaves(300), 300);
    let key = log_key().verifier_key();
    let bytes = head.to_bytes();
    let seed = seed();
    let mut random = Random::new(seed);
    for round in 0..3_000 {
        let mut changed = bytes.clone();
        let at = random.below(bytes.len());
        match random.below(3) {
            0 => changed[at] ^= 1 << random.below(8),
            1 => drop(changed.remove(at)),
            _ => changed.insert(at, random.next() as u8),
        }
        let read = SignedCheckpoint::parse_and_verify(&changed, &key);
        // A line of somebody unknown may be added; what was signed may not change.
        assert!(
            read.is_err() || read.unwrap().checkpoint == head.checkpoint,
            "round {round}, seed {seed}"
        );
    }
}

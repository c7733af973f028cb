//! Whatever bytes come, nothing that reads them panics, and what reads is what
//! would be written.

use proptest::prelude::*;
use tollgate_journal::{
    Checkpoint, ExportError, NoteSignature, RecordProof, SignedNote, SubjectKey, TileCache, TileId,
    VerifierKey, open,
};

use crate::support::{Directory, checkpoint, leaves};

/// Text that comes close: made of the pieces that such files have.
fn near_notes() -> impl Strategy<Value = String> {
    let piece = prop_oneof![
        Just("— ".to_owned()),
        Just("\n".to_owned()),
        Just("\n\n".to_owned()),
        Just(" ".to_owned()),
        Just("tollgate/test/acme".to_owned()),
        Just("CsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2I=".to_owned()),
        Just("x08go/ZJkuBS9UG/SffcvIAQxVBtiFupLLr8pAcElZInNIuGUgYN1FFYC2pZSNXgKvqfqdngotpRZb6KE6RyyBwJnAM=".to_owned()),
        "[0-9]{1,20}",
        "[a-z+]{0,3}",
        any::<char>().prop_map(String::from),
    ];
    proptest::collection::vec(piece, 0..14).prop_map(|pieces| pieces.concat())
}

proptest! {
    #[test]
    fn notes(bytes in proptest::collection::vec(any::<u8>(), 0..200), text in near_notes()) {
        for bytes in [bytes.as_slice(), text.as_bytes()] {
            if let Ok(note) = SignedNote::parse(bytes) {
                prop_assert_eq!(note.to_bytes(), bytes);
            }
        }
        if let Ok(line) = NoteSignature::parse(&text) {
            prop_assert_eq!(line.to_string(), text.clone());
        }
        if let Ok(head) = Checkpoint::from_text(&text) {
            prop_assert_eq!(head.to_text(), text.clone());
        }
        if let Ok(key) = text.parse::<VerifierKey>() {
            prop_assert_eq!(key.to_string(), text);
        }
    }

    #[test]
    fn another_reader_takes_every_note_that_we_take(text in near_notes()) {
        if SignedNote::parse(text.as_bytes()).is_ok() {
            prop_assert!(signed_note::Note::from_bytes(text.as_bytes()).is_ok());
        }
        if Checkpoint::from_text(&text).is_ok() {
            prop_assert!(tlog_tiles::Checkpoint::from_bytes(text.as_bytes()).is_ok());
        }
    }

    #[test]
    fn proofs_tiles_and_sealed_bytes(bytes in proptest::collection::vec(any::<u8>(), 0..300), text in near_notes()) {
        let _ = RecordProof::from_json(&bytes);
        let file = serde_json::json!({
            "format": "tollgate record proof v1",
            "leaf": text,
            "proof": format!("c2sp.org/tlog-proof@v1\n{text}"),
        });
        let _ = RecordProof::from_json(file.to_string().as_bytes());
        let _ = TileCache::new().put_tile(TileId { level: 0, index: 1, width: 3 }, &bytes);
        prop_assert!(open(&bytes, &bytes, &SubjectKey::from_bytes([1; 32]), &[]).is_err());
    }

    #[test]
    fn directories_with_any_bundle_and_tile(
        bundle in proptest::collection::vec(any::<u8>(), 0..80),
        tile in proptest::collection::vec(any::<u8>(), 0..200),
    ) {
        let mut directory = Directory::of(&leaves(5));
        directory.0.insert("tile/entries/000.p/5".into(), bundle);
        directory.0.insert("tile/0/000.p/5".into(), tile);
        prop_assert!(matches!(directory.verify(&[]), Err(ExportError::Tampered(_))));
    }
}

#[test]
fn a_signed_size_that_no_disk_holds_ends_at_the_first_missing_file() {
    let mut directory = Directory::of(&leaves(5));
    let mut head = checkpoint(&leaves(5), 5).checkpoint;
    head.size = u64::MAX;
    let head = head.sign(&crate::support::log_key()).unwrap();
    directory.0.insert("checkpoint".into(), head.to_bytes());
    assert_eq!(directory.report(&[]).first_bad, 0..1);
}

//! Anchors: outside witnesses that saw a checkpoint. With a cosignature of a
//! witness that refuses to cosign what does not continue what it saw before, not
//! even the holder of the log's key can show two histories.

use std::fmt::Write as _;
use std::sync::Arc;

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use serde::Serialize;
use tollgate_journal::{
    KeyKind, NoteSignature, SignedCheckpoint, SignedNote, Stage, Tenant, TileCache,
    VerifiedSignature, VerifierKey, needs_for_consistency, prove_consistency,
};
use tollgate_store::{Change, CheckpointRow};

use super::EvidenceError;
use super::tree::Tree;
use crate::host::{Host, Inner};
use crate::journal::Saying;
use crate::time::rfc3339;

/// Stored checkpoints that a cosignature is tried on, newest first.
const CHECKPOINTS_TRIED: u32 = 1_000;

/// The subject of records about anchors. They have no sealed values.
const ANCHORS: &str = "anchors";

/// A cosignature that was verified and kept.
#[derive(Clone, Debug, Serialize)]
pub struct Anchored {
    /// Whose journal.
    pub tenant: Tenant,
    /// Records of the checkpoint.
    pub records: u64,
    /// The witness's name.
    pub witness: String,
    /// When the witness saw it, RFC 3339.
    pub seen: Option<String>,
    /// The checkpoint with all its signatures.
    pub note: String,
}

impl Host {
    /// The body of a request to a witness (<https://c2sp.org/tlog-witness>): the
    /// size it saw last, the proof from there to the newest checkpoint, and that
    /// checkpoint.
    ///
    /// # Errors
    ///
    /// When the journal cannot be read, or is smaller than what the witness saw.
    pub async fn witness_request(
        &self,
        tenant: &Tenant,
        seen: u64,
    ) -> Result<String, EvidenceError> {
        let row = self.inner().checkpoint(tenant).await?;
        let tree = Tree::of(&self.inner().journal, tenant).await?;
        let mut cache = TileCache::new();
        tree.fetch(
            &needs_for_consistency(seen, row.count, &tree.stored)?,
            &mut cache,
        )
        .await?;
        let proof = prove_consistency(seen, row.count, &cache)?;
        let mut body = format!("old {seen}\n");
        for hash in proof.path {
            let _ = writeln!(body, "{}", BASE64_STANDARD.encode(hash));
        }
        let _ = write!(body, "\n{}", row.note);
        Ok(body)
    }

    /// Keep a cosignature: signature lines, as a witness answers with, or a whole
    /// note. It is verified with the witness's key first.
    ///
    /// # Errors
    ///
    /// When it is no cosignature of that witness for a checkpoint of this log that
    /// is kept here, or the journal cannot be written.
    pub async fn anchor(
        &self,
        tenant: &Tenant,
        cosignature: &str,
        witness: &VerifierKey,
        by: &str,
    ) -> Result<Anchored, EvidenceError> {
        self.inner().anchor(tenant, cosignature, witness, by).await
    }
}

impl Inner {
    async fn anchor(
        self: &Arc<Self>,
        tenant: &Tenant,
        cosignature: &str,
        witness: &VerifierKey,
        by: &str,
    ) -> Result<Anchored, EvidenceError> {
        if witness.kind() != KeyKind::Cosignature {
            let what = "the key is a log's, a witness's is needed".to_owned();
            return Err(EvidenceError::NotACosignature(what));
        }
        let key = self.signing_key(tenant)?.verifier_key();
        let signatures = signatures(cosignature)?;
        let rows = self
            .journal
            .store
            .checkpoints(tenant, None, CHECKPOINTS_TRIED)
            .await?;
        let mut why = "there is no such signature".to_owned();
        for row in rows {
            match cosigned(&row, &key, &signatures, witness) {
                Ok(Some((signed, seen))) => {
                    return self.keep_anchor(row, &signed, &seen, witness, by).await;
                }
                Ok(None) => {}
                Err(error) => why = error.to_string(),
            }
        }
        Err(EvidenceError::NotACosignature(why))
    }

    async fn keep_anchor(
        &self,
        row: CheckpointRow,
        signed: &SignedCheckpoint,
        seen: &VerifiedSignature,
        witness: &VerifierKey,
        by: &str,
    ) -> Result<Anchored, EvidenceError> {
        let about = self
            .journal
            .about(&row.tenant, ANCHORS, None, by, None, ANCHORS)
            .await?;
        let at = seen.time_s.map(|s| rfc3339(s.saturating_mul(1_000)));
        let saying = Saying::new(Stage::CheckpointAnchored)
            .fact("records", row.count)
            .fact("root", hex::encode(row.root))
            .fact("witness", witness.to_string())
            .maybe("seen", at.clone());
        let record = self.journal.record(&about, saying)?;
        let tenant = row.tenant.clone();
        let row = CheckpointRow {
            note: signed.note.to_string(),
            ..row
        };
        let anchored = Anchored {
            tenant: tenant.clone(),
            records: row.count,
            witness: seen.name.clone(),
            seen: at,
            note: row.note.clone(),
        };
        let change = Change::PutCheckpoint(Box::new(row));
        self.journal
            .append(&tenant, vec![record], vec![change])
            .await?;
        Ok(anchored)
    }
}

/// The signatures of a text that is a note, or only signature lines.
fn signatures(text: &str) -> Result<Vec<NoteSignature>, EvidenceError> {
    if let Ok(note) = SignedNote::parse(text.as_bytes()) {
        return Ok(note.signatures().to_vec());
    }
    let lines = text.lines().filter(|line| !line.trim().is_empty());
    let signatures: Result<Vec<_>, _> = lines.map(NoteSignature::parse).collect();
    Ok(signatures?)
}

/// The checkpoint with the witness's signature, where that is one for it.
fn cosigned(
    row: &CheckpointRow,
    key: &VerifierKey,
    signatures: &[NoteSignature],
    witness: &VerifierKey,
) -> Result<Option<(SignedCheckpoint, VerifiedSignature)>, EvidenceError> {
    let mut signed = SignedCheckpoint::parse_and_verify(row.note.as_bytes(), key)?;
    // Only what verifies by itself is kept: nobody else's word enters by this door.
    for signature in signatures {
        let alone = format!("{}\n{signature}\n", signed.note.text());
        let alone = SignedNote::parse(alone.as_bytes())?;
        if let Ok(mut seen) = alone.verify(std::slice::from_ref(witness)) {
            signed.note.add(signature.clone())?;
            return Ok(seen.pop().map(|seen| (signed, seen)));
        }
    }
    Ok(None)
}

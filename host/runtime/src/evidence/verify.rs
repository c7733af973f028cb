//! The host's own check of its database: every record against the tree, the tree
//! against every checkpoint that was signed, and every sealed value against the
//! commitment in its record.

use std::sync::Arc;

use tollgate_journal::{Frontier, Leaf, SignedCheckpoint, Tenant, VerifierKey};
use tollgate_store::{CheckpointRow, RecordFilter};

use super::EvidenceError;
use super::tree::Tree;
use crate::api::VerifyReport;
use crate::destruction::{Destroyed, Why};
use crate::error::{CallError, JournalFault};
use crate::host::Inner;
use crate::journal::Unsealed;

/// Records whose values are checked at once.
const PAGE: u32 = 256;

/// Checkpoints read at once.
const CHECKPOINTS: u32 = 1_000;

impl Inner {
    pub(crate) async fn verify(
        self: &Arc<Self>,
        tenant: &Tenant,
    ) -> Result<VerifyReport, CallError> {
        let mut report = VerifyReport::of(tenant);
        match self.journal.store.verify(tenant).await? {
            Ok(verified) => {
                report.records = verified.count;
                report.root = hex::encode(verified.root);
                // A checkpoint may be signed while this goes on.
                report.problem = self.check_signed(tenant, &mut report).await?;
                if report.problem.is_none() {
                    report.problem = self.check_values(tenant, &mut report).await?;
                }
            }
            Err(tampered) => report.problem = Some(tampered.to_string()),
        }
        Ok(report)
    }

    /// Whether the records are those of every checkpoint that was signed.
    async fn check_signed(
        &self,
        tenant: &Tenant,
        report: &mut VerifyReport,
    ) -> Result<Option<String>, CallError> {
        match self.signed_heads(tenant, report).await {
            Ok(problem) => Ok(problem),
            Err(EvidenceError::Journal(fault)) => Err(fault.into()),
            Err(EvidenceError::File { path, source }) => Err(CallError::Unavailable(format!(
                "{}: {source}",
                path.display()
            ))),
            Err(problem) => Ok(Some(problem.to_string())),
        }
    }

    async fn signed_heads(
        &self,
        tenant: &Tenant,
        report: &mut VerifyReport,
    ) -> Result<Option<String>, EvidenceError> {
        let key = self.signing_key(tenant)?.verifier_key();
        let mut signed = self.stored_checkpoints(tenant, &key).await?;
        signed.extend(self.kept(&key).read(&key)?);
        signed.sort_by_key(|signed| signed.checkpoint.size);
        signed.dedup_by(|one, other| one.checkpoint == other.checkpoint);
        report.checkpoints = signed.len() as u64;
        let tree = Tree::of(&self.journal, tenant).await?;
        let mut seen = Frontier::new();
        for SignedCheckpoint { checkpoint, .. } in signed {
            while seen.count() < checkpoint.size {
                let hashes = tree.leaves(seen.count(), checkpoint.size).await?;
                if hashes.is_empty() {
                    return Ok(Some(format!(
                        "a checkpoint of {} records was signed, and there are {}: the last ones are missing",
                        checkpoint.size,
                        seen.count()
                    )));
                }
                hashes.iter().for_each(|hash| seen.push(*hash));
            }
            if seen.root() != checkpoint.root {
                return Ok(Some(format!(
                    "the first {} records are not those that were signed: one of them was changed, and the tree recomputed",
                    checkpoint.size
                )));
            }
        }
        Ok(None)
    }

    async fn stored_checkpoints(
        &self,
        tenant: &Tenant,
        key: &VerifierKey,
    ) -> Result<Vec<SignedCheckpoint>, EvidenceError> {
        let mut signed = Vec::new();
        let mut before = None;
        loop {
            let rows = self
                .journal
                .store
                .checkpoints(tenant, before, CHECKPOINTS)
                .await?;
            let Some(last) = rows.last() else {
                return Ok(signed);
            };
            before = Some(last.count);
            for row in &rows {
                signed.push(stored(row, key)?);
            }
        }
    }

    /// Check that the sealed values are those that the records commit to, and that
    /// those which are gone were erased or pruned by the host. The answer names
    /// the first that is not.
    async fn check_values(
        &self,
        tenant: &Tenant,
        report: &mut VerifyReport,
    ) -> Result<Option<String>, JournalFault> {
        let mut destroyed = Destroyed::of(&self.journal, tenant).await?;
        let mut after_seq = None;
        loop {
            let filter = RecordFilter {
                after_seq,
                limit: Some(PAGE),
                ..RecordFilter::default()
            };
            let page = self.journal.store.records(tenant, &filter).await?;
            let Some(last) = page.last() else {
                return Ok(None);
            };
            after_seq = Some(last.seq);
            for record in page {
                let leaf = Leaf::parse(&record.leaf)?;
                let problem = match self.journal.unseal(tenant, &leaf, &record).await? {
                    Unsealed::Values(values) if values.len() == leaf.values.len() => continue,
                    Unsealed::Values(_) | Unsealed::Gone => {
                        "they are gone, and no record says that they were erased or pruned"
                            .to_owned()
                    }
                    Unsealed::Broken(error) => error.to_string(),
                };
                let place = record.seq;
                let mut why = destroyed
                    .covers(&self.journal, tenant, place, &leaf)
                    .await?;
                if why.is_none() {
                    // It may have been destroyed since this began.
                    destroyed = Destroyed::of(&self.journal, tenant).await?;
                    why = destroyed
                        .covers(&self.journal, tenant, place, &leaf)
                        .await?;
                }
                match why {
                    Some(Why::Erased) => report.erased += 1,
                    Some(Why::Pruned) => report.pruned += 1,
                    None => {
                        return Ok(Some(format!(
                            "record {place}: its sealed values: {problem}"
                        )));
                    }
                }
            }
        }
    }
}

fn stored(row: &CheckpointRow, key: &VerifierKey) -> Result<SignedCheckpoint, EvidenceError> {
    Ok(SignedCheckpoint::parse_and_verify(
        row.note.as_bytes(),
        key,
    )?)
}

//! One record's proof: a file that verifies with nothing but the log's key.

use std::sync::Arc;

use tollgate_journal::{
    DisclosedValue, Leaf, RecordProof, SignedCheckpoint, Tenant, TileCache, needs_for_inclusion,
    prove_inclusion,
};
use tollgate_store::{RecordFilter, StoredRecord};

use super::EvidenceError;
use super::tree::Tree;
use crate::host::{Host, Inner};

impl Host {
    /// The proof that the record at `place` is in a tenant's journal, with the
    /// values named in `disclose`, each provable against the record.
    ///
    /// # Errors
    ///
    /// When there is no such record or value, the values were destroyed, or the
    /// journal cannot be read.
    pub async fn prove_record(
        &self,
        tenant: &Tenant,
        place: u64,
        disclose: &[String],
    ) -> Result<RecordProof, EvidenceError> {
        self.inner().prove_record(tenant, place, disclose).await
    }
}

impl Inner {
    async fn prove_record(
        self: &Arc<Self>,
        tenant: &Tenant,
        place: u64,
        disclose: &[String],
    ) -> Result<RecordProof, EvidenceError> {
        let stored = self.stored_record(tenant, place).await?;
        let disclosed = self.disclosed(tenant, &stored, disclose).await?;
        let key = self.signing_key(tenant)?.verifier_key();
        let last = self.journal.store.checkpoints(tenant, None, 1).await?;
        let row = match last.into_iter().next().filter(|row| row.count > place) {
            Some(row) => row,
            None => self.checkpoint(tenant).await?,
        };
        let signed = SignedCheckpoint::parse_and_verify(row.note.as_bytes(), &key)?;
        let size = signed.checkpoint.size;
        let tree = Tree::of(&self.journal, tenant).await?;
        let mut cache = TileCache::new();
        tree.fetch(&needs_for_inclusion(place, size, &tree.stored)?, &mut cache)
            .await?;
        let inclusion = prove_inclusion(place, size, &cache)?;
        let proof = RecordProof::new(stored.leaf, inclusion, signed.note, disclosed)?;
        // What leaves the host holds: a changed record gives no proof.
        proof.verify(&key)?;
        Ok(proof)
    }

    async fn stored_record(
        &self,
        tenant: &Tenant,
        place: u64,
    ) -> Result<StoredRecord, EvidenceError> {
        let filter = RecordFilter {
            after_seq: place.checked_sub(1),
            limit: Some(1),
            ..RecordFilter::default()
        };
        let found = self.journal.store.records(tenant, &filter).await?;
        match found.into_iter().find(|record| record.seq == place) {
            Some(record) => Ok(record),
            None => {
                let head = Tree::of(&self.journal, tenant).await?.head().await?;
                Err(EvidenceError::NoRecord {
                    tenant: tenant.to_string(),
                    place,
                    count: head.count,
                })
            }
        }
    }

    async fn disclosed(
        &self,
        tenant: &Tenant,
        stored: &StoredRecord,
        names: &[String],
    ) -> Result<Vec<DisclosedValue>, EvidenceError> {
        let leaf = Leaf::parse(&stored.leaf)?;
        if let Some(name) = names.iter().find(|name| !leaf.values.contains_key(*name)) {
            return Err(EvidenceError::NoValue {
                place: stored.seq,
                name: name.clone(),
                names: leaf.values.into_keys().collect(),
            });
        }
        if names.is_empty() {
            return Ok(Vec::new());
        }
        let values = self.journal.values(tenant, &leaf, stored).await?;
        let values = values.ok_or(EvidenceError::ValuesGone(stored.seq))?;
        Ok(values
            .into_iter()
            .filter(|value| names.contains(&value.name))
            .map(DisclosedValue::from)
            .collect())
    }
}

//! Checkpoints (<https://c2sp.org/tlog-checkpoint>): the head of a tenant's tree,
//! signed. A host signs only what continues everything it signed before, and
//! stores the complete tiles of the tree with it, off the way of appends.

use std::sync::Arc;

use serde::Serialize;
use tollgate_journal::{
    Checkpoint, SignedCheckpoint, SigningKey, StoredTiles, TILE_WIDTH, Tenant, TileCache,
    VerifierKey, needs_for_tiles, new_tiles,
};
use tollgate_store::{Change, CheckpointRow, Head, TileRow};

use super::EvidenceError;
use super::kept::Kept;
use super::tree::{LEAVES_AT_ONCE, Tree};
use crate::error::JournalFault;
use crate::host::{Host, Inner};
use crate::queue::Task;
use crate::time::rfc3339;

/// A signed checkpoint.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct CheckpointInfo {
    /// Whose journal.
    pub tenant: Tenant,
    /// How many records it covers.
    pub records: u64,
    /// Their root, in hex.
    pub root: String,
    /// When it was signed, RFC 3339.
    pub at: String,
    /// The signed note: keep it where the host cannot change it.
    pub note: String,
}

impl Host {
    /// The key that verifies a tenant's checkpoints, as
    /// `<name>+<hash>+<base64>` of <https://c2sp.org/signed-note>.
    ///
    /// # Errors
    ///
    /// When the tenant's name cannot name a key.
    pub fn log_key(&self, tenant: &Tenant) -> Result<VerifierKey, EvidenceError> {
        Ok(self.inner().signing_key(tenant)?.verifier_key())
    }

    /// Sign the head of a tenant's tree, or answer with the last checkpoint where
    /// nothing was recorded since.
    ///
    /// # Errors
    ///
    /// When there is no journal, or it does not continue what was signed before.
    pub async fn checkpoint(&self, tenant: &Tenant) -> Result<CheckpointInfo, EvidenceError> {
        let row = self.inner().checkpoint(tenant).await?;
        Ok(CheckpointInfo {
            tenant: row.tenant,
            records: row.count,
            root: hex::encode(row.root),
            at: rfc3339(row.at_ms),
            note: row.note,
        })
    }
}

impl Inner {
    pub(super) fn signing_key(&self, tenant: &Tenant) -> Result<SigningKey, EvidenceError> {
        Ok(self.journal.ring().log_key(tenant)?)
    }

    pub(super) fn kept(&self, key: &VerifierKey) -> Kept {
        Kept::of(&self.home, key)
    }

    pub(crate) async fn checkpoint(
        self: &Arc<Self>,
        tenant: &Tenant,
    ) -> Result<CheckpointRow, EvidenceError> {
        let key = self.signing_key(tenant)?;
        let head = Tree::of(&self.journal, tenant).await?.head().await?;
        self.store_tiles(tenant, head.count).await?;
        let last = self
            .journal
            .store
            .checkpoints(tenant, None, 1)
            .await?
            .into_iter()
            .next();
        let kept = self.kept(&key.verifier_key());
        self.check_continues(tenant, &head, &key.verifier_key(), last.as_ref(), &kept)
            .await?;
        if let Some(last) = last.filter(|last| last.count == head.count) {
            return Ok(last);
        }
        let signed = Checkpoint {
            origin: key.verifier_key().name().to_owned(),
            size: head.count,
            root: head.root,
            extensions: Vec::new(),
        }
        .sign(&key)?;
        // Known to this home before it is known to anybody else.
        kept.write(&signed)?;
        let row = CheckpointRow {
            tenant: tenant.to_owned(),
            count: head.count,
            root: head.root,
            at_ms: self.journal.now_ms(),
            note: signed.note.to_string(),
        };
        let change = Change::PutCheckpoint(Box::new(row.clone()));
        self.journal
            .append(tenant, Vec::new(), vec![change])
            .await?;
        Ok(row)
    }

    /// The stored hashes must give the head, and at the size of an earlier
    /// checkpoint the root that was signed then.
    async fn check_continues(
        &self,
        tenant: &Tenant,
        head: &Head,
        key: &VerifierKey,
        last: Option<&CheckpointRow>,
        kept: &Kept,
    ) -> Result<(), EvidenceError> {
        let tree = Tree::of(&self.journal, tenant).await?;
        let mut cache = TileCache::new();
        if tree.root(head.count, &mut cache).await? != head.root {
            return Err(EvidenceError::HeadMismatch(tenant.to_string()));
        }
        let mut earlier: Vec<(String, SignedCheckpoint)> = Vec::new();
        if let Some(row) = last {
            let signed = SignedCheckpoint::parse_and_verify(row.note.as_bytes(), key)?;
            earlier.push(("in the store".to_owned(), signed));
        }
        if let Some(signed) = kept.read(key)? {
            earlier.push((format!("in {}", kept.place()), signed));
        }
        for (signed, SignedCheckpoint { checkpoint, .. }) in earlier {
            let split = |what: String| EvidenceError::SplitView {
                tenant: tenant.to_string(),
                size: checkpoint.size,
                signed,
                what,
            };
            if checkpoint.size > head.count {
                return Err(split(format!("it has {} records now", head.count)));
            }
            if tree.root(checkpoint.size, &mut cache).await? != checkpoint.root {
                return Err(split("those records have another root now".to_owned()));
            }
        }
        Ok(())
    }

    /// Store the complete tiles that a tree of `count` records has and that are
    /// not stored yet. Each step is one transaction with tiles of all levels, so
    /// a crash leaves no gap.
    async fn store_tiles(&self, tenant: &Tenant, count: u64) -> Result<(), EvidenceError> {
        let mut tree = Tree::of(&self.journal, tenant).await?;
        loop {
            let from = tree.stored.0[0] * TILE_WIDTH;
            let to = count.min(from + u64::from(LEAVES_AT_ONCE));
            let mut cache = TileCache::new();
            tree.fetch(&needs_for_tiles(from, to, &tree.stored), &mut cache)
                .await?;
            let tiles = new_tiles(from, to, &cache)?;
            if tiles.is_empty() {
                return Ok(());
            }
            let rows = tiles.into_iter().map(|(tile, hashes)| TileRow {
                level: tile.level,
                index: tile.index,
                hashes,
            });
            let change = Change::PutTiles(rows.collect());
            self.journal
                .append(tenant, Vec::new(), vec![change])
                .await?;
            tree.stored = StoredTiles::of(to);
        }
    }

    /// Sign a checkpoint for every tenant whose tree has grown. What goes wrong
    /// is said, and keeps no other tenant from its checkpoint.
    pub(crate) async fn checkpoint_grown(self: &Arc<Self>) -> Result<(), JournalFault> {
        for head in self.journal.store.heads().await? {
            let last = self
                .journal
                .store
                .checkpoints(&head.tenant, None, 1)
                .await?;
            if head.count == 0 || last.first().is_some_and(|last| last.count == head.count) {
                continue;
            }
            if let Err(error) = self.checkpoint(&head.tenant).await {
                self.task_failed(&head.tenant, Task::Checkpoint, &error.to_string())
                    .await;
            }
        }
        Ok(())
    }
}

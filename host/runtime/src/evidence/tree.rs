//! Hashes of a tenant's tree: complete tiles where they are stored, leaf hashes
//! for the rest. Everything here is read; tiles are stored by `checkpoints`.

use tollgate_journal::{Hash, ProofError, Tenant};
use tollgate_journal::{
    Needs, StoredTiles, TILE_LEVELS, TILE_WIDTH, TileCache, needs_for_root, root_at,
};
use tollgate_store::{Head, Store};

use super::EvidenceError;
use crate::journal::Journal;

/// Most leaf hashes that a store answers with at once.
pub(super) const LEAVES_AT_ONCE: u32 = 65_536;

/// A tenant's tree, as far as it is stored.
pub(super) struct Tree<'a> {
    store: &'a dyn Store,
    tenant: &'a Tenant,
    pub(super) stored: StoredTiles,
}

impl<'a> Tree<'a> {
    pub(super) async fn of(
        journal: &'a Journal,
        tenant: &'a Tenant,
    ) -> Result<Self, EvidenceError> {
        let store = journal.store.as_ref();
        let mut stored = StoredTiles::default();
        for (level, count) in (0_u8..).zip(stored.0.iter_mut().take(TILE_LEVELS)) {
            *count = store.tile_count(tenant, level).await?;
            if *count == 0 {
                break;
            }
        }
        Ok(Self {
            store,
            tenant,
            stored,
        })
    }

    /// Its head now.
    pub(super) async fn head(&self) -> Result<Head, EvidenceError> {
        let heads = self.store.heads().await?;
        heads
            .into_iter()
            .find(|head| head.tenant == self.tenant && head.count > 0)
            .ok_or_else(|| EvidenceError::NoJournal(self.tenant.to_string()))
    }

    /// Fetch what a proof needs.
    pub(super) async fn fetch(
        &self,
        needs: &Needs,
        cache: &mut TileCache,
    ) -> Result<(), EvidenceError> {
        for tile in &needs.tiles {
            let row = self.store.tile(self.tenant, tile.level, tile.index).await?;
            let row = row.ok_or(ProofError::BadTile(*tile))?;
            cache.put_tile(*tile, &row.hashes)?;
        }
        for range in &needs.leaves {
            let mut from = range.start;
            while from < range.end {
                let hashes = self.leaves(from, range.end).await?;
                if hashes.is_empty() {
                    let (height, index) = (0, from);
                    return Err(ProofError::MissingHash { height, index }.into());
                }
                cache.put_leaves(from, &hashes)?;
                from += hashes.len() as u64;
                // A store may answer with less than asked for; tiles begin at
                // multiples of their width.
                from -= if from < range.end {
                    from % TILE_WIDTH
                } else {
                    0
                };
            }
        }
        Ok(())
    }

    /// Leaf hashes from a place on, up to another or as many as there are at once.
    pub(super) async fn leaves(&self, from: u64, to: u64) -> Result<Vec<Hash>, EvidenceError> {
        let wanted = to.saturating_sub(from).min(u64::from(LEAVES_AT_ONCE));
        let limit = u32::try_from(wanted).unwrap_or(LEAVES_AT_ONCE);
        Ok(self.store.leaf_hashes(self.tenant, from, limit).await?)
    }

    /// The root that the first `size` records have.
    pub(super) async fn root(
        &self,
        size: u64,
        cache: &mut TileCache,
    ) -> Result<Hash, EvidenceError> {
        self.fetch(&needs_for_root(size, &self.stored), cache)
            .await?;
        Ok(root_at(size, cache)?)
    }
}

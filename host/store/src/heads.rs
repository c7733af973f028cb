//! Tenants' heads inside a transaction: where their trees stand.

use std::collections::HashMap;

use tollgate_journal::{Frontier, Hash};

use crate::StoreError;
use crate::places::stored_ms;

/// A tenant's tree as of a commit of this writer.
#[derive(Clone)]
pub(crate) struct CachedHead {
    pub(crate) tenant_id: i64,
    pub(crate) frontier: Frontier,
    pub(crate) root: Hash,
}

/// A tenant's head inside a transaction.
pub(crate) struct OpenHead {
    pub(crate) cached: CachedHead,
    before: u64,
}

pub(crate) type OpenHeads = HashMap<String, Result<OpenHead, StoreError>>;

impl OpenHead {
    /// Of a tenant without records.
    pub(crate) fn empty(tenant_id: i64) -> Self {
        let frontier = Frontier::new();
        Self {
            cached: CachedHead {
                tenant_id,
                root: frontier.root(),
                frontier,
            },
            before: 0,
        }
    }

    /// From memory, if that is what is stored: others may have appended since.
    pub(crate) fn cached(
        cached: &CachedHead,
        tenant_id: i64,
        count: i64,
        root: &[u8],
    ) -> Option<Self> {
        let same = cached.tenant_id == tenant_id && cached.root.as_slice() == root;
        let before = cached.frontier.count();
        (same && i64::try_from(before) == Ok(count)).then(|| Self {
            cached: cached.clone(),
            before,
        })
    }

    /// From its stored tree. A head that was changed must not be built upon: the
    /// change would be covered by honest records. Only this tenant's submissions
    /// fail.
    pub(crate) fn stored(
        tenant_id: i64,
        count: i64,
        root: &[u8],
        tree: &[u8],
    ) -> Result<Self, StoreError> {
        Frontier::from_bytes(tree)
            .ok()
            .filter(|tree| i64::try_from(tree.count()) == Ok(count))
            .filter(|tree| tree.root().as_slice() == root)
            .map(|frontier| Self {
                before: frontier.count(),
                cached: CachedHead {
                    tenant_id,
                    root: frontier.root(),
                    frontier,
                },
            })
            .ok_or_else(|| StoreError::corrupt("a tenant's head does not fit its own tree"))
    }

    pub(crate) fn tenant_id(&self) -> i64 {
        self.cached.tenant_id
    }

    pub(crate) fn tree(&mut self) -> &mut Frontier {
        &mut self.cached.frontier
    }

    /// How many records there are with so many more.
    pub(crate) fn count_with(&self, more: usize) -> u64 {
        self.cached.frontier.count() + more as u64
    }

    pub(crate) fn has_grown(&self) -> bool {
        self.cached.frontier.count() > self.before
    }

    /// Compute the root anew; the answer is number, count, root and tree.
    pub(crate) fn close(&mut self) -> (i64, i64, Hash, Vec<u8>) {
        let tree = &self.cached.frontier;
        self.cached.root = tree.root();
        let count = stored_ms(tree.count());
        (
            self.cached.tenant_id,
            count,
            self.cached.root,
            tree.to_bytes(),
        )
    }

    pub(crate) fn into_cached(self) -> CachedHead {
        self.cached
    }
}

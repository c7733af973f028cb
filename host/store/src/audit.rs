//! A stored journal compared with itself: leaves with their hashes, what stands
//! beside a leaf with what it says, tiles with the leaves, the head with all.

use tollgate_journal::{Frontier, Hash, Leaf, Stage, TamperReport, Tampering, Verified, Verifier};

/// Hashes of a complete tile.
pub(crate) const TILE_HASHES: u64 = 256;

/// Bytes of a complete tile.
pub(crate) const TILE_BYTES: usize = 256 * 32;

/// A tenant's head as stored.
pub(crate) struct StoredHead {
    pub(crate) count: u64,
    pub(crate) root: Vec<u8>,
    pub(crate) frontier: Vec<u8>,
}

/// What stands beside a leaf, to find it by.
pub(crate) struct Beside<'a> {
    pub(crate) run: Option<&'a str>,
    pub(crate) case: &'a str,
    pub(crate) stage: i64,
    pub(crate) at_ms: i64,
    /// Where a caller named a subject.
    pub(crate) subject: Option<&'a str>,
    pub(crate) tool: Option<&'a str>,
    pub(crate) outcome: Option<&'a str>,
    pub(crate) workflow: Option<&'a str>,
}

/// A tile that a record completed.
pub(crate) struct Complete {
    pub(crate) level: u8,
    pub(crate) number: u64,
    hashes: Vec<u8>,
}

/// A walk through a tenant's records, from the first.
pub(crate) struct Audit<'a> {
    tenant: &'a str,
    verifier: Verifier,
    /// The hashes of the tile that is being filled, for each level.
    levels: Vec<Vec<u8>>,
}

impl<'a> Audit<'a> {
    pub(crate) fn of(tenant: &'a str) -> Self {
        Self {
            tenant,
            verifier: Verifier::new(),
            levels: Vec::new(),
        }
    }

    /// The next record; the answer is the tiles that it completes.
    pub(crate) fn record(
        &mut self,
        seq: u64,
        leaf: &[u8],
        stored: &[u8],
        beside: &Beside<'_>,
    ) -> Result<Vec<Complete>, TamperReport> {
        let stored = Hash::try_from(stored).map_err(|_| bad(seq, Tampering::LeafHashMismatch))?;
        self.verifier.record(seq, leaf, &stored)?;
        if !self.fits(leaf, beside) {
            return Err(bad(seq, Tampering::ColumnsMismatch));
        }
        Ok(self.complete(seq, stored))
    }

    fn fits(&self, leaf: &[u8], beside: &Beside<'_>) -> bool {
        let Ok(leaf) = Leaf::parse(leaf) else {
            return false;
        };
        let named = is_named(&leaf.subject).then_some(leaf.subject.as_str());
        let (tool, outcome, workflow) = closing(&leaf);
        leaf.tenant == self.tenant
            && leaf.run.as_deref() == beside.run
            && leaf.case == beside.case
            && i64::from(leaf.stage.code()) == beside.stage
            && i64::try_from(leaf.at) == Ok(beside.at_ms)
            && named == beside.subject
            && tool == beside.tool
            && outcome == beside.outcome
            && workflow == beside.workflow
    }

    fn complete(&mut self, seq: u64, hash: Hash) -> Vec<Complete> {
        let (mut level, mut number, mut hash) = (0_u8, seq, hash);
        let mut tiles = Vec::new();
        loop {
            if self.levels.len() <= usize::from(level) {
                self.levels.push(Vec::with_capacity(TILE_BYTES));
            }
            let tile = &mut self.levels[usize::from(level)];
            tile.extend_from_slice(&hash);
            if tile.len() < TILE_BYTES {
                return tiles;
            }
            let hashes = std::mem::take(tile);
            number /= TILE_HASHES;
            hash = root(&hashes);
            tiles.push(Complete {
                level,
                number,
                hashes,
            });
            level += 1;
        }
    }

    /// Compare all that was walked through with the head.
    pub(crate) fn finish(self, head: StoredHead) -> Result<Verified, TamperReport> {
        let frontier = self.verifier.frontier().to_bytes();
        // A root of another length fits nothing, so any other value will do.
        let root = Hash::try_from(head.root.as_slice()).unwrap_or_default();
        let verified = self.verifier.finish(head.count, &root)?;
        if frontier != head.frontier {
            return Err(TamperReport {
                first_bad_seq: None,
                what: Tampering::FrontierMismatch,
            });
        }
        Ok(verified)
    }
}

impl Complete {
    /// Compare with the stored tile; a difference names the first record below
    /// the first hash that differs.
    pub(crate) fn check(&self, stored: &[u8]) -> Result<(), TamperReport> {
        if stored == self.hashes {
            return Ok(());
        }
        let pairs = stored.iter().zip(&self.hashes);
        let at = pairs.take_while(|(a, b)| a == b).count() / 32;
        let hash = self.number * TILE_HASHES + at as u64;
        let below = TILE_HASHES.saturating_pow(u32::from(self.level));
        Err(bad(hash.saturating_mul(below), Tampering::ColumnsMismatch))
    }
}

/// How subjects begin that a caller named: these stand beside the leaf.
pub(crate) fn is_named(subject: &str) -> bool {
    subject.starts_with("subject:")
}

/// What the last record of a run says of it: in the facts `tool`
/// (`connector.tool`) and `state`. Runs whose last record does not name the tool
/// are not found by what they came to.
fn closing(leaf: &Leaf) -> (Option<&str>, Option<&str>, Option<&str>) {
    let fact = |name: &str| leaf.facts.get(name).and_then(serde_json::Value::as_str);
    match fact("tool") {
        Some(tool) if leaf.stage == Stage::RunClosed => {
            (Some(tool), fact("state"), leaf.workflow.as_deref())
        }
        _ => (None, None, None),
    }
}

/// What does not fit in the record of a number.
pub(crate) fn bad(seq: u64, what: Tampering) -> TamperReport {
    TamperReport {
        first_bad_seq: Some(seq),
        what,
    }
}

/// The root of the subtree that a complete tile has the hashes of.
fn root(tile: &[u8]) -> Hash {
    let mut tree = Frontier::new();
    for hash in tile.as_chunks::<32>().0 {
        tree.push(*hash);
    }
    tree.root()
}

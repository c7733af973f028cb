//! Proofs of RFC 6962, section 2.1, verified as RFC 9162, sections 2.1.3.2 and
//! 2.1.4.2, say: that a record is in a tree, and that a tree is the beginning of
//! another.

use std::ops::Range;

use crate::tile::{HashReader, Needing, Needs, StoredTiles, TileId, perfect_subtrees};
use crate::tree::node_hash;
use crate::{Frontier, Hash};

/// Why a proof was not made or does not hold.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ProofError {
    /// Asked for what the tree does not have. Caller's fault, or a forged proof.
    #[error("the tree of {size} records has no record {index}")]
    OutOfTree {
        /// The record asked for.
        index: u64,
        /// Records of the tree.
        size: u64,
    },
    /// The older tree is larger than the newer one. Caller's fault, or a forged proof.
    #[error("a tree of {from} records is no beginning of one of {to}")]
    Backwards {
        /// Records of the older tree.
        from: u64,
        /// Records of the newer tree.
        to: u64,
    },
    /// The path has more or fewer hashes than trees of these sizes ask for.
    #[error("the proof has {found} hashes, which does not fit the trees' sizes")]
    PathLength {
        /// How many there are.
        found: usize,
    },
    /// The path leads to another root: the record, the tree or the proof was changed.
    #[error(
        "the proof leads to root {}, not to {}",
        hex::encode(found),
        hex::encode(expected)
    )]
    RootMismatch {
        /// What was to be proved.
        expected: Hash,
        /// What the path gives.
        found: Hash,
    },
    /// A hash that the proof needs was not fetched. Caller's fault: ask for the needs first.
    #[error("the hash of subtree {index} of height {height} was not given")]
    MissingHash {
        /// Height of the subtree: 0 is a leaf.
        height: u8,
        /// Its number among those of its height.
        index: u64,
    },
    /// Bytes that are no such tile. The store or the directory was changed.
    #[error("{0} does not have the bytes of a tile of its width")]
    BadTile(TileId),
    /// Leaf hashes that do not begin with a tile. Caller's fault.
    #[error(
        "leaf hashes from place {0} do not begin with a tile: give them from a multiple of 256"
    )]
    Unaligned(u64),
}

/// That a record stands at a place of a tree.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct InclusionProof {
    /// The record's place, from 0.
    pub index: u64,
    /// Records of the tree.
    pub size: u64,
    /// From the leaf's sibling to a child of the root.
    pub path: Vec<Hash>,
}

/// That a tree is the beginning of another.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ConsistencyProof {
    /// Records of the older tree.
    pub from: u64,
    /// Records of the newer tree.
    pub to: u64,
    /// In the order of RFC 6962.
    pub path: Vec<Hash>,
}

/// What [`prove_inclusion`] needs.
///
/// # Errors
/// When the tree has no such record.
pub fn needs_for_inclusion(
    index: u64,
    size: u64,
    stored: &StoredTiles,
) -> Result<Needs, ProofError> {
    Ok(needs(inclusion_ranges(index, size)?, size, stored))
}

/// What [`prove_consistency`] needs.
///
/// # Errors
/// When the older tree is larger.
pub fn needs_for_consistency(
    from: u64,
    to: u64,
    stored: &StoredTiles,
) -> Result<Needs, ProofError> {
    Ok(needs(consistency_ranges(from, to)?, to, stored))
}

/// What [`root_at`] needs.
#[must_use]
pub fn needs_for_root(size: u64, stored: &StoredTiles) -> Needs {
    needs(std::iter::once(0..size), size, stored)
}

fn needs(ranges: impl IntoIterator<Item = Range<u64>>, size: u64, stored: &StoredTiles) -> Needs {
    let mut needing = Needing::new(stored, size);
    ranges.into_iter().for_each(|range| needing.range(range));
    needing.finish()
}

/// Prove that the tree of the first `size` records has the one at `index`.
///
/// # Errors
/// When the tree has no such record, or the reader does not know a hash.
pub fn prove_inclusion(
    index: u64,
    size: u64,
    reader: &impl HashReader,
) -> Result<InclusionProof, ProofError> {
    let path = path(inclusion_ranges(index, size)?, reader)?;
    Ok(InclusionProof { index, size, path })
}

/// Prove that the tree of the first `from` records is the beginning of the tree
/// of the first `to`.
///
/// # Errors
/// When the older tree is larger, or the reader does not know a hash.
pub fn prove_consistency(
    from: u64,
    to: u64,
    reader: &impl HashReader,
) -> Result<ConsistencyProof, ProofError> {
    let path = path(consistency_ranges(from, to)?, reader)?;
    Ok(ConsistencyProof { from, to, path })
}

/// The root of the tree of the first `size` records.
///
/// # Errors
/// When the reader does not know a hash.
pub fn root_at(size: u64, reader: &impl HashReader) -> Result<Hash, ProofError> {
    if size == 0 {
        return Ok(Frontier::new().root());
    }
    range_root(0..size, reader)
}

fn path(ranges: Vec<Range<u64>>, reader: &impl HashReader) -> Result<Vec<Hash>, ProofError> {
    ranges
        .into_iter()
        .map(|range| range_root(range, reader))
        .collect()
}

fn range_root(range: Range<u64>, reader: &impl HashReader) -> Result<Hash, ProofError> {
    let mut subtrees = [[0; 32]; u64::BITS as usize];
    let mut count = 0;
    for (height, index) in perfect_subtrees(range) {
        let hash = reader.node(height, index);
        subtrees[count] = hash.ok_or(ProofError::MissingHash { height, index })?;
        count += 1;
    }
    let folded = subtrees[..count].iter().rev().copied();
    let root = folded.reduce(|right, left| node_hash(&left, &right));
    Ok(root.unwrap_or_default())
}

/// The subtrees of PATH(m, D\[n\]), RFC 6962, section 2.1.1.
fn inclusion_ranges(index: u64, size: u64) -> Result<Vec<Range<u64>>, ProofError> {
    if index >= size {
        return Err(ProofError::OutOfTree { index, size });
    }
    let (mut low, mut high) = (0, size);
    let mut ranges = Vec::with_capacity(u64::BITS as usize);
    while high - low > 1 {
        let middle = low + split(high - low);
        if index < middle {
            ranges.push(middle..high);
            high = middle;
        } else {
            ranges.push(low..middle);
            low = middle;
        }
    }
    ranges.reverse();
    Ok(ranges)
}

/// The subtrees of PROOF(m, D\[n\]), RFC 6962, section 2.1.2.
fn consistency_ranges(from: u64, to: u64) -> Result<Vec<Range<u64>>, ProofError> {
    if from > to {
        return Err(ProofError::Backwards { from, to });
    }
    let mut ranges = Vec::new();
    if from == 0 {
        return Ok(ranges);
    }
    let (mut low, mut high) = (0, to);
    while from < high {
        let middle = low + split(high - low);
        if from <= middle {
            ranges.push(middle..high);
            high = middle;
        } else {
            ranges.push(low..middle);
            low = middle;
        }
    }
    if low > 0 {
        ranges.push(low..high);
    }
    ranges.reverse();
    Ok(ranges)
}

/// The largest power of two smaller than `n`, which is at least 2.
const fn split(n: u64) -> u64 {
    1 << (n - 1).ilog2()
}

/// Verify that a record stands where the proof says.
///
/// # Errors
/// When it does not, or the proof does not fit its own sizes.
pub fn verify_inclusion(
    leaf_hash: &Hash,
    proof: &InclusionProof,
    root: &Hash,
) -> Result<(), ProofError> {
    let (index, size) = (proof.index, proof.size);
    if index >= size {
        return Err(ProofError::OutOfTree { index, size });
    }
    let length = || ProofError::PathLength {
        found: proof.path.len(),
    };
    let (mut node, mut last, mut hash) = (index, size - 1, *leaf_hash);
    for sibling in &proof.path {
        if last == 0 {
            return Err(length());
        }
        if node % 2 == 1 || node == last {
            hash = node_hash(sibling, &hash);
            while node.is_multiple_of(2) && node != 0 {
                (node, last) = (node >> 1, last >> 1);
            }
        } else {
            hash = node_hash(&hash, sibling);
        }
        (node, last) = (node >> 1, last >> 1);
    }
    if last != 0 {
        return Err(length());
    }
    equal(root, &hash)
}

/// Verify that the tree of `from_root` is the beginning of the tree of `to_root`.
///
/// # Errors
/// When it is not, or the proof does not fit its own sizes.
pub fn verify_consistency(
    from_root: &Hash,
    to_root: &Hash,
    proof: &ConsistencyProof,
) -> Result<(), ProofError> {
    let (from, to) = (proof.from, proof.to);
    let length = || ProofError::PathLength {
        found: proof.path.len(),
    };
    if from > to {
        return Err(ProofError::Backwards { from, to });
    }
    if from == to || from == 0 {
        if !proof.path.is_empty() {
            return Err(length());
        }
        let expected = if from == to {
            *to_root
        } else {
            Frontier::new().root()
        };
        if to == 0 {
            equal(&Frontier::new().root(), to_root)?;
        }
        return equal(from_root, &expected);
    }
    let mut path = proof.path.iter();
    // A tree of 2^n records is itself the first hash, and is left out.
    let first = if from.is_power_of_two() {
        from_root
    } else {
        path.next().ok_or_else(length)?
    };
    let (mut node, mut last) = (from - 1, to - 1);
    while node % 2 == 1 {
        (node, last) = (node >> 1, last >> 1);
    }
    let (mut older, mut newer) = (*first, *first);
    for sibling in path {
        if last == 0 {
            return Err(length());
        }
        if node % 2 == 1 || node == last {
            older = node_hash(sibling, &older);
            newer = node_hash(sibling, &newer);
            while node.is_multiple_of(2) && node != 0 {
                (node, last) = (node >> 1, last >> 1);
            }
        } else {
            newer = node_hash(&newer, sibling);
        }
        (node, last) = (node >> 1, last >> 1);
    }
    if last != 0 {
        return Err(length());
    }
    equal(from_root, &older)?;
    equal(to_root, &newer)
}

fn equal(expected: &Hash, found: &Hash) -> Result<(), ProofError> {
    if expected == found {
        return Ok(());
    }
    Err(ProofError::RootMismatch {
        expected: *expected,
        found: *found,
    })
}

//! The Merkle tree of RFC 6962, section 2.1, as a compact range: the roots of the
//! perfect subtrees that the records so far make up, one for each 1 bit of their
//! count. Appending needs nothing else, and nothing of the tree is stored.

use std::fmt;

use sha2::{Digest, Sha256};

use crate::JournalError;

/// A SHA-256 hash.
pub type Hash = [u8; 32];

/// Hash of a leaf. Its prefix differs from an inner node's, so that a node can
/// never be passed off as a record (second preimage).
#[must_use]
pub fn leaf_hash(leaf: &[u8]) -> Hash {
    Sha256::new()
        .chain_update([0])
        .chain_update(leaf)
        .finalize()
        .into()
}

pub(crate) fn node_hash(left: &Hash, right: &Hash) -> Hash {
    Sha256::new()
        .chain_update([1])
        .chain_update(left)
        .chain_update(right)
        .finalize()
        .into()
}

/// The right edge of a tree: enough to append and to know the root.
#[derive(Clone, PartialEq, Eq, Default)]
pub struct Frontier {
    count: u64,
    /// Largest subtree first.
    subtrees: Vec<Hash>,
}

impl Frontier {
    /// The tree of no records.
    #[must_use]
    pub const fn new() -> Self {
        Self {
            count: 0,
            subtrees: Vec::new(),
        }
    }

    /// How many records.
    #[must_use]
    pub const fn count(&self) -> u64 {
        self.count
    }

    /// Append a record's leaf hash.
    pub fn push(&mut self, leaf: Hash) {
        let complete = self.count.trailing_ones();
        let mut hash = leaf;
        for _ in 0..complete {
            if let Some(left) = self.subtrees.pop() {
                hash = node_hash(&left, &hash);
            }
        }
        self.subtrees.push(hash);
        self.count += 1;
    }

    /// The root. Of no records, the hash of nothing.
    #[must_use]
    pub fn root(&self) -> Hash {
        let mut rest = self.subtrees.iter().rev();
        let Some(last) = rest.next() else {
            return Sha256::digest([]).into();
        };
        rest.fold(*last, |right, left| node_hash(left, &right))
    }

    /// The stored form: the count (8 bytes, big endian), then the subtrees.
    #[must_use]
    pub fn to_bytes(&self) -> Vec<u8> {
        let mut out = Vec::with_capacity(8 + 32 * self.subtrees.len());
        out.extend_from_slice(&self.count.to_be_bytes());
        out.extend(self.subtrees.iter().flatten());
        out
    }

    /// Read the stored form.
    ///
    /// # Errors
    /// When the bytes are no frontier.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, JournalError> {
        let bad = JournalError::BadFrontier;
        let Some((count, rest)) = bytes.split_first_chunk::<8>() else {
            return Err(bad);
        };
        let count = u64::from_be_bytes(*count);
        let (subtrees, odd) = rest.as_chunks::<32>();
        if !odd.is_empty() || subtrees.len() != count.count_ones() as usize {
            return Err(bad);
        }
        Ok(Self {
            count,
            subtrees: subtrees.to_vec(),
        })
    }
}

impl fmt::Debug for Frontier {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "Frontier({} records, root {})",
            self.count,
            hex::encode(self.root())
        )
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

    use ct_merkle::mem_backed_tree::MemoryBackedTree;
    use proptest::prelude::*;

    use super::*;

    /// The inputs and roots that implementations of RFC 6962 publish as their
    /// reference: the trees of the first n inputs, n from 1 to 8.
    const REFERENCE: [(&str, &str); 8] = [
        (
            "",
            "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
        ),
        (
            "00",
            "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125",
        ),
        (
            "10",
            "aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77",
        ),
        (
            "2021",
            "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
        ),
        (
            "3031",
            "4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4",
        ),
        (
            "40414243",
            "76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef",
        ),
        (
            "5051525354555657",
            "ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c",
        ),
        (
            "606162636465666768696a6b6c6d6e6f",
            "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328",
        ),
    ];

    #[test]
    fn roots_are_those_of_the_published_reference_tree() {
        let mut tree = Frontier::new();
        let empty = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";
        assert_eq!(hex::encode(tree.root()), empty);
        for (input, root) in REFERENCE {
            tree.push(leaf_hash(&hex::decode(input).unwrap()));
            assert_eq!(hex::encode(tree.root()), root);
        }
    }

    #[test]
    fn roots_are_those_of_another_implementation() {
        let mut theirs = MemoryBackedTree::<Sha256, Vec<u8>>::new();
        let mut ours = Frontier::new();
        for number in 0_u32..300 {
            let leaf = number.to_le_bytes().to_vec();
            ours.push(leaf_hash(&leaf));
            theirs.push(leaf);
            assert_eq!(ours.root().as_slice(), theirs.root().as_bytes().as_slice());
            assert_eq!(ours.count(), theirs.len());
        }
    }

    #[test]
    fn the_frontier_stays_logarithmic() {
        let mut tree = Frontier::new();
        (0..1023_u32).for_each(|n| tree.push(leaf_hash(&n.to_le_bytes())));
        assert_eq!(tree.to_bytes().len(), 8 + 10 * 32);
        tree.push(leaf_hash(b"one more"));
        assert_eq!(tree.to_bytes().len(), 8 + 32);
    }

    proptest! {
        #[test]
        fn a_stored_frontier_goes_on_as_if_never_stored(before in 0_u32..200, after in 0_u32..50) {
            let mut whole = Frontier::new();
            (0..before).for_each(|n| whole.push(leaf_hash(&n.to_le_bytes())));
            let mut read = Frontier::from_bytes(&whole.to_bytes()).unwrap();
            for n in 0..after {
                whole.push(leaf_hash(&n.to_be_bytes()));
                read.push(leaf_hash(&n.to_be_bytes()));
            }
            prop_assert_eq!(whole.root(), read.root());
            prop_assert_eq!(&whole, &read);
        }

        #[test]
        fn bytes_that_are_no_frontier_are_refused(bytes in proptest::collection::vec(any::<u8>(), 0..120)) {
            if let Ok(read) = Frontier::from_bytes(&bytes) {
                prop_assert_eq!(read.to_bytes(), bytes);
            }
        }
    }
}

//! Verification: recompute the tree from the leaves and name the first record
//! that does not fit. Every edit, removal, insertion and exchange of records
//! shows; that the last records are missing shows only against a head kept
//! elsewhere, which is why the head is an argument.

use crate::tree::{Frontier, Hash, leaf_hash};

/// What was found to be whole.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Verified {
    /// How many records.
    pub count: u64,
    /// Their root.
    pub root: Hash,
}

/// How a journal does not fit.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Tampering {
    /// A leaf's bytes do not have the hash stored beside them.
    LeafHashMismatch,
    /// Records are missing, or there is one too many, at this place.
    SequenceGap {
        /// The place of the record found there.
        found: u64,
    },
    /// There are more or fewer records than the head says.
    CountMismatch {
        /// What the head says.
        head: u64,
        /// How many there are.
        found: u64,
    },
    /// Every record fits its stored hash, but together they are not the tree of
    /// the head: leaves were changed with their hashes, or the head was.
    RootMismatch {
        /// What the head says.
        head: Hash,
        /// What the records give.
        found: Hash,
    },
    /// What is stored beside a leaf, to find it by, says something else than the
    /// leaf: the record would be missed, or found where it does not belong.
    ColumnsMismatch,
    /// Count and root of the head fit the records, its frontier does not:
    /// appending would go on from another tree.
    FrontierMismatch,
}

/// The first thing that does not fit.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub struct TamperReport {
    /// The first record that does not fit, where one can be named.
    pub first_bad_seq: Option<u64>,
    /// How it does not fit.
    pub what: Tampering,
}

impl std::fmt::Display for TamperReport {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        if let Some(seq) = self.first_bad_seq {
            write!(f, "record {seq}: ")?;
        }
        match &self.what {
            Tampering::LeafHashMismatch => f.write_str("its bytes do not have the stored hash"),
            Tampering::SequenceGap { found } => {
                write!(
                    f,
                    "records were removed or inserted: record {found} stands in its place"
                )
            }
            Tampering::CountMismatch { head, found } => {
                write!(f, "the head counts {head} records, {found} are there")
            }
            Tampering::RootMismatch { head, found } => write!(
                f,
                "the records give root {}, the head says {}",
                hex::encode(found),
                hex::encode(head)
            ),
            Tampering::ColumnsMismatch => {
                f.write_str("what is stored beside its bytes says something else than they do")
            }
            Tampering::FrontierMismatch => {
                f.write_str("the head's frontier is not the one of the records")
            }
        }
    }
}

/// Verifies records one after another, in constant memory.
#[derive(Debug, Default)]
pub struct Verifier {
    frontier: Frontier,
}

impl Verifier {
    /// Begin with the first record.
    #[must_use]
    pub const fn new() -> Self {
        Self {
            frontier: Frontier::new(),
        }
    }

    /// Take the next record.
    ///
    /// # Errors
    /// When it is not the next one, or its bytes do not have its stored hash.
    pub fn record(&mut self, seq: u64, leaf: &[u8], stored: &Hash) -> Result<(), TamperReport> {
        let expected = self.frontier.count();
        let first_bad_seq = Some(expected);
        if seq != expected {
            let what = Tampering::SequenceGap { found: seq };
            return Err(TamperReport {
                first_bad_seq,
                what,
            });
        }
        let hash = leaf_hash(leaf);
        if hash != *stored {
            return Err(TamperReport {
                first_bad_seq,
                what: Tampering::LeafHashMismatch,
            });
        }
        self.frontier.push(hash);
        Ok(())
    }

    /// The tree of the records so far.
    #[must_use]
    pub const fn frontier(&self) -> &Frontier {
        &self.frontier
    }

    /// Compare all records with a head.
    ///
    /// # Errors
    /// When there are more or fewer, or their root is another.
    pub fn finish(self, count: u64, root: &Hash) -> Result<Verified, TamperReport> {
        let found = self.frontier.count();
        if found != count {
            let what = Tampering::CountMismatch { head: count, found };
            return Err(TamperReport {
                first_bad_seq: Some(found.min(count)),
                what,
            });
        }
        let found = self.frontier.root();
        if found != *root {
            let what = Tampering::RootMismatch { head: *root, found };
            return Err(TamperReport {
                first_bad_seq: None,
                what,
            });
        }
        Ok(Verified { count, root: *root })
    }
}

/// Verify records, given as place, leaf and stored hash, against a head.
///
/// # Errors
/// The first thing that does not fit.
pub fn verify_records<L: AsRef<[u8]>>(
    records: impl IntoIterator<Item = (u64, L, Hash)>,
    head_count: u64,
    head_root: &Hash,
) -> Result<Verified, TamperReport> {
    let mut verifier = Verifier::new();
    for (seq, leaf, stored) in records {
        verifier.record(seq, leaf.as_ref(), &stored)?;
    }
    verifier.finish(head_count, head_root)
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

    use super::*;

    type Records = Vec<(u64, Vec<u8>, Hash)>;

    fn journal(count: u64) -> (Records, Hash) {
        let leaf = |seq: u64| format!("{{\"n\":{seq}}}").into_bytes();
        let records: Records = (0..count)
            .map(|s| (s, leaf(s), leaf_hash(&leaf(s))))
            .collect();
        let mut tree = Frontier::new();
        records.iter().for_each(|record| tree.push(record.2));
        (records, tree.root())
    }

    #[test]
    fn an_untouched_journal_verifies() {
        let (records, root) = journal(9);
        assert_eq!(
            verify_records(records, 9, &root).unwrap(),
            Verified { count: 9, root }
        );
    }

    #[test]
    fn every_changed_byte_is_found_at_its_record() {
        let (records, root) = journal(9);
        for seq in 0..9 {
            for at in 0..records[seq].1.len() {
                let mut changed = records.clone();
                changed[seq].1[at] ^= 1;
                let report = verify_records(changed, 9, &root).unwrap_err();
                assert_eq!(report.first_bad_seq, Some(seq as u64));
                assert_eq!(report.what, Tampering::LeafHashMismatch);
            }
            let mut changed = records.clone();
            changed[seq].2[0] ^= 1;
            assert_eq!(
                verify_records(changed, 9, &root).unwrap_err().first_bad_seq,
                Some(seq as u64)
            );
        }
    }

    #[test]
    fn a_leaf_changed_together_with_its_hash_breaks_the_root() {
        let (mut records, root) = journal(9);
        records[4].1 = b"forged".to_vec();
        records[4].2 = leaf_hash(b"forged");
        let report = verify_records(records, 9, &root).unwrap_err();
        assert!(matches!(report.what, Tampering::RootMismatch { .. }));
    }

    #[test]
    fn removal_insertion_and_exchange_are_found() {
        let (records, root) = journal(9);
        let mut removed = records.clone();
        removed.remove(4);
        assert_eq!(
            verify_records(removed, 9, &root).unwrap_err().first_bad_seq,
            Some(4)
        );
        let mut inserted = records.clone();
        inserted.insert(4, records[3].clone());
        assert_eq!(
            verify_records(inserted, 9, &root)
                .unwrap_err()
                .first_bad_seq,
            Some(4)
        );
        let mut exchanged = records.clone();
        exchanged.swap(2, 6);
        assert_eq!(
            verify_records(exchanged, 9, &root)
                .unwrap_err()
                .first_bad_seq,
            Some(2)
        );
        let mut renumbered = records.clone();
        renumbered.remove(4);
        for (seq, record) in (0..).zip(&mut renumbered) {
            record.0 = seq;
        }
        let report = verify_records(renumbered, 8, &root).unwrap_err();
        assert!(matches!(report.what, Tampering::RootMismatch { .. }));
    }

    #[test]
    fn a_cut_journal_is_found_against_its_head() {
        let (mut records, root) = journal(9);
        records.truncate(7);
        let report = verify_records(records, 9, &root).unwrap_err();
        assert_eq!(report.first_bad_seq, Some(7));
        assert_eq!(report.what, Tampering::CountMismatch { head: 9, found: 7 });
    }
}

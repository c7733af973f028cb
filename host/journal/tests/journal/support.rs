//! A log in memory, its directory, and numbers that a seed repeats.

use std::collections::BTreeMap;
use std::io;

use tollgate_journal::{
    Checkpoint, ExportCheck, ExportError, ExportReader, ExportReport, ExportVerified, ExportWriter,
    Frontier, Hash, KeyKind, SignedCheckpoint, SignedNote, SigningKey, leaf_hash, verify_export,
};

/// SplitMix64: small, and the same everywhere.
pub(crate) struct Random(u64);

impl Random {
    pub(crate) const fn new(seed: u64) -> Self {
        Self(seed)
    }

    pub(crate) fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    /// A number below `end`.
    pub(crate) fn below(&mut self, end: usize) -> usize {
        (self.next() % end as u64) as usize
    }
}

/// The seed of this run: `TOLLGATE_SEED` where it is set, else another each time.
pub(crate) fn seed() -> u64 {
    let given = std::env::var("TOLLGATE_SEED");
    given
        .ok()
        .and_then(|text| text.parse().ok())
        .unwrap_or_else(|| {
            let mut bytes = [0; 8];
            getrandom::fill(&mut bytes).unwrap();
            u64::from_le_bytes(bytes)
        })
}

pub(crate) fn log_key() -> SigningKey {
    SigningKey::from_seed("tollgate/test/acme", KeyKind::Ed25519, &[7; 32]).unwrap()
}

pub(crate) fn leaf(number: usize) -> Vec<u8> {
    format!("{{\"n\":{number}}}").into_bytes()
}

pub(crate) fn leaves(count: usize) -> Vec<Vec<u8>> {
    (0..count).map(leaf).collect()
}

pub(crate) fn hashes(leaves: &[Vec<u8>]) -> Vec<Hash> {
    leaves.iter().map(|leaf| leaf_hash(leaf)).collect()
}

pub(crate) fn frontier(leaves: &[Vec<u8>]) -> Frontier {
    let mut tree = Frontier::new();
    leaves.iter().for_each(|leaf| tree.push(leaf_hash(leaf)));
    tree
}

pub(crate) fn checkpoint(leaves: &[Vec<u8>], size: usize) -> SignedCheckpoint {
    let key = log_key();
    let name = key.verifier_key();
    Checkpoint::of(name.name(), &frontier(&leaves[..size]))
        .sign(&key)
        .unwrap()
}

/// A log's directory.
#[derive(Clone, Default)]
pub(crate) struct Directory(pub(crate) BTreeMap<String, Vec<u8>>);

impl ExportReader for Directory {
    fn read(&self, path: &str, limit: u64) -> io::Result<Option<Vec<u8>>> {
        let cut = |bytes: &Vec<u8>| bytes[..bytes.len().min(limit as usize)].to_vec();
        Ok(self.0.get(path).map(cut))
    }
}

impl Directory {
    pub(crate) fn of(leaves: &[Vec<u8>]) -> Self {
        let mut writer = ExportWriter::new();
        let mut files = BTreeMap::new();
        for leaf in leaves {
            let done = writer.push(leaf).unwrap();
            files.extend(done.into_iter().map(|file| (file.path, file.bytes)));
        }
        let last = writer.finish(&checkpoint(leaves, leaves.len())).unwrap();
        files.extend(last.into_iter().map(|file| (file.path, file.bytes)));
        Self(files)
    }

    pub(crate) fn verify(&self, outside: &[SignedNote]) -> Result<ExportVerified, ExportError> {
        let check = ExportCheck {
            log_key: &log_key().verifier_key(),
            outside,
            witnesses: &[],
        };
        verify_export(self, &check, &mut |_| {})
    }

    pub(crate) fn report(&self, outside: &[SignedNote]) -> ExportReport {
        match self.verify(outside) {
            Err(ExportError::Tampered(report)) => *report,
            other => panic!("not found to be tampered with: {other:?}"),
        }
    }
}

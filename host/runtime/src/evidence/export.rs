//! A tenant's journal as a directory in the layout of
//! <https://c2sp.org/tlog-tiles>, for who wants to verify it without this host:
//! the checkpoint, the records in bundles of 256, and the tiles of their hashes.
//! Sealed values are not part of it.
//!
//! Complete bundles and tiles never change, so an export goes on where the last
//! one into the same folder ended, also one that was interrupted. The checkpoint
//! is written last: until then the folder is the older export.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use serde::Serialize;
use tollgate_journal::{
    Hash, SignedCheckpoint, TILE_WIDTH, Tenant, TileBuilder, TileId, VerifierKey, leaf_hash,
    level_tiles,
};
use tollgate_store::RecordFilter;

use super::EvidenceError;
use super::kept::{read_bounded, write_whole};
use super::tree::Tree;
use crate::host::{Host, Inner};

/// The name of the checkpoint's file.
const CHECKPOINT: &str = "checkpoint";

/// The name of the file with the log's key.
const KEY: &str = "key";

/// What a reader of the folder should know. The origin is put in.
const README: &str = include_str!("export_readme.txt");

/// What was exported.
#[derive(Clone, Debug, Serialize)]
pub struct ExportReport {
    /// Whose journal.
    pub tenant: Tenant,
    /// Where it is.
    pub folder: PathBuf,
    /// How many records it has.
    pub records: u64,
    /// How many of them this export added.
    pub new_records: u64,
    /// Files written.
    pub files: u64,
    /// Their root, in hex.
    pub root: String,
    /// The key that verifies it, as `<name>+<hash>+<base64>`. Hand it over by
    /// another way than the folder.
    pub key: String,
}

impl Host {
    /// Sign a checkpoint and export a tenant's journal up to it. `progress` is
    /// told how many records were looked at.
    ///
    /// # Errors
    ///
    /// When there is no journal, it does not continue what the folder has, or
    /// the folder has something else.
    pub async fn export(
        &self,
        tenant: &Tenant,
        folder: &Path,
        progress: &mut (dyn FnMut(u64) + Send),
    ) -> Result<ExportReport, EvidenceError> {
        self.inner().export(tenant, folder, progress).await
    }
}

impl Inner {
    async fn export(
        self: &Arc<Self>,
        tenant: &Tenant,
        folder: &Path,
        progress: &mut (dyn FnMut(u64) + Send),
    ) -> Result<ExportReport, EvidenceError> {
        let key = self.signing_key(tenant)?.verifier_key();
        let row = self.checkpoint(tenant).await?;
        let signed = SignedCheckpoint::parse_and_verify(row.note.as_bytes(), &key)?;
        let mut export = Export::begin(folder, &key, &signed)?;
        let tree = Tree::of(&self.journal, tenant).await?;
        let mut tiles = TileBuilder::new();
        while tiles.count() < row.count {
            let hashes = tree.leaves(tiles.count(), row.count).await?;
            if hashes.is_empty() {
                return Err(EvidenceError::HeadMismatch(tenant.to_string()));
            }
            for bundle in hashes.chunks(TILE_WIDTH as usize) {
                let first = tiles.count();
                self.bundle(tenant, &mut export, first, bundle).await?;
                export.take(tenant, &mut tiles, bundle)?;
            }
            progress(tiles.count());
        }
        if tiles.root() != signed.checkpoint.root {
            return Err(EvidenceError::HeadMismatch(tenant.to_string()));
        }
        for (tile, hashes) in tiles.partial() {
            export.put(&tile.path(), hashes.as_flattened())?;
        }
        export.end(tenant, row.count, &signed, &key)
    }

    /// Up to 256 records from a place on, unless the folder has them.
    async fn bundle(
        &self,
        tenant: &Tenant,
        export: &mut Export,
        first: u64,
        hashes: &[Hash],
    ) -> Result<(), EvidenceError> {
        let width = hashes.len() as u16;
        let index = first / TILE_WIDTH;
        let tile = TileId {
            level: 0,
            index,
            width,
        };
        let path = tile.entries_path();
        if export.has(&path) {
            return Ok(());
        }
        let filter = RecordFilter {
            after_seq: first.checked_sub(1),
            limit: Some(u32::from(width)),
            leaves_only: true,
            ..RecordFilter::default()
        };
        let records = self.journal.store.records(tenant, &filter).await?;
        let mut bytes = Vec::new();
        for (at, hash) in (first..).zip(hashes) {
            let leaf = records.get((at - first) as usize).map(|r| &r.leaf);
            // What does not fit is not handed out under a signature.
            let leaf = leaf.filter(|leaf| leaf_hash(leaf) == *hash);
            let length = leaf.and_then(|leaf| u16::try_from(leaf.len()).ok());
            let (Some(leaf), Some(length)) = (leaf, length) else {
                return Err(EvidenceError::HeadMismatch(tenant.to_string()));
            };
            bytes.extend_from_slice(&length.to_be_bytes());
            bytes.extend_from_slice(leaf);
        }
        export.put(&path, &bytes)
    }
}

/// A folder that takes an export.
struct Export {
    folder: PathBuf,
    /// What it has already.
    earlier: Option<SignedCheckpoint>,
    files: u64,
}

impl Export {
    fn begin(
        folder: &Path,
        key: &VerifierKey,
        signed: &SignedCheckpoint,
    ) -> Result<Self, EvidenceError> {
        let refused = |what: &str| EvidenceError::NotOurs {
            path: folder.to_owned(),
            what: what.to_owned(),
        };
        fs::create_dir_all(folder).map_err(|error| EvidenceError::file(folder, error))?;
        let key_path = folder.join(KEY);
        let line = format!("{key}\n");
        match read_bounded(&key_path)? {
            Some(found) if found == line.as_bytes() => {}
            Some(_) => {
                return Err(refused(
                    "it has the export of another log; name another folder",
                ));
            }
            None if is_empty(folder)? => write_whole(&key_path, line.as_bytes())?,
            None => return Err(refused("it has other things in it; name an empty folder")),
        }
        let earlier = match read_bounded(&folder.join(CHECKPOINT))? {
            Some(note) => Some(SignedCheckpoint::parse_and_verify(&note, key)?),
            None => None,
        };
        if let Some(earlier) = &earlier
            && earlier.checkpoint.size > signed.checkpoint.size
        {
            return Err(refused(
                "it has more records than the journal: find out where they went",
            ));
        }
        Ok(Self {
            folder: folder.to_owned(),
            earlier,
            files: 0,
        })
    }

    /// Take the hashes of a bundle. What the folder has must be the beginning of
    /// what is written now: a host never hands out two histories.
    fn take(
        &mut self,
        tenant: &Tenant,
        tiles: &mut TileBuilder,
        bundle: &[Hash],
    ) -> Result<(), EvidenceError> {
        let mut complete = Vec::new();
        for hash in bundle {
            tiles.push(*hash, |tile, hashes| {
                complete.push((tile, hashes.as_flattened().to_vec()));
            });
            let then = self.earlier.as_ref().map(|signed| &signed.checkpoint);
            if let Some(then) = then.filter(|then| then.size == tiles.count())
                && then.root != tiles.root()
            {
                return Err(EvidenceError::SplitView {
                    tenant: tenant.to_string(),
                    size: then.size,
                    signed: format!("in {}", self.folder.join(CHECKPOINT).display()),
                    what: "those records have another root now".to_owned(),
                });
            }
        }
        for (tile, bytes) in complete {
            if !self.has(&tile.path()) {
                self.put(&tile.path(), &bytes)?;
            }
        }
        Ok(())
    }

    fn has(&self, path: &str) -> bool {
        self.folder.join(path).is_file()
    }

    fn put(&mut self, path: &str, bytes: &[u8]) -> Result<(), EvidenceError> {
        self.files += 1;
        write_whole(&self.folder.join(path), bytes)
    }

    fn end(
        mut self,
        tenant: &Tenant,
        records: u64,
        signed: &SignedCheckpoint,
        key: &VerifierKey,
    ) -> Result<ExportReport, EvidenceError> {
        let readme = README.replace("ORIGIN", key.name());
        self.put("README", readme.as_bytes())?;
        self.put(CHECKPOINT, &signed.to_bytes())?;
        self.remove_edges(records);
        let before = self.earlier.map_or(0, |earlier| earlier.checkpoint.size);
        Ok(ExportReport {
            tenant: tenant.to_owned(),
            folder: self.folder,
            records,
            new_records: records - before,
            files: self.files,
            root: hex::encode(signed.checkpoint.root),
            key: key.to_string(),
        })
    }

    /// Partial tiles of the older export, which nobody needs now. One that cannot
    /// be removed does no harm.
    fn remove_edges(&self, records: u64) {
        let Some(earlier) = &self.earlier else { return };
        let edges = |size: u64| -> BTreeSet<String> {
            let tiles = (0_u8..8).filter_map(|level| level_tiles(level, size).pop());
            tiles
                .filter(|tile| u64::from(tile.width) < TILE_WIDTH)
                .flat_map(|tile| {
                    let entries = (tile.level == 0).then(|| tile.entries_path());
                    entries.into_iter().chain([tile.path()])
                })
                .collect()
        };
        let now = edges(records);
        for path in edges(earlier.checkpoint.size).difference(&now) {
            let path = self.folder.join(path);
            fs::remove_file(&path).ok();
            // Its folder `<N>.p`, once it is empty.
            path.parent().map(fs::remove_dir);
        }
    }
}

fn is_empty(folder: &Path) -> Result<bool, EvidenceError> {
    let mut entries = fs::read_dir(folder).map_err(|error| EvidenceError::file(folder, error))?;
    Ok(entries.next().is_none())
}

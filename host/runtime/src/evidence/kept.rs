//! The last checkpoint that this home signed for a tenant, kept beside the keys
//! and outside the database.
//!
//! The attack: who can write to the database takes records away, or puts an older
//! copy of it back, removes the stored checkpoints too, and lets the host sign
//! the new history. With this file the host knows what it has said.

use std::fs;
use std::io::{ErrorKind, Write as _};
use std::path::{Path, PathBuf};

use tollgate_journal::{NOTE_BYTES_MAX, SignedCheckpoint, VerifierKey};

use super::EvidenceError;

/// The folder in a home.
const FOLDER: &str = "checkpoints";

/// Where a tenant's last checkpoint is kept.
pub(super) struct Kept {
    path: PathBuf,
}

impl Kept {
    pub(super) fn of(home: &Path, key: &VerifierKey) -> Self {
        // An origin ends with the tenant's name, escaped: no `/`, no `..` alone.
        let tenant = key.name().rsplit('/').next().unwrap_or_default();
        Self {
            path: home.join(FOLDER).join(format!("{tenant}.note")),
        }
    }

    /// For messages.
    pub(super) fn place(&self) -> String {
        self.path.display().to_string()
    }

    pub(super) fn read(
        &self,
        key: &VerifierKey,
    ) -> Result<Option<SignedCheckpoint>, EvidenceError> {
        match read_bounded(&self.path)? {
            Some(bytes) => Ok(Some(SignedCheckpoint::parse_and_verify(&bytes, key)?)),
            None => Ok(None),
        }
    }

    pub(super) fn write(&self, signed: &SignedCheckpoint) -> Result<(), EvidenceError> {
        write_whole(&self.path, &signed.to_bytes())
    }
}

/// A small file, or nothing where there is none.
pub(super) fn read_bounded(path: &Path) -> Result<Option<Vec<u8>>, EvidenceError> {
    let failed = |error| EvidenceError::file(path, error);
    match fs::metadata(path) {
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(failed(error)),
        Ok(meta) if meta.len() > NOTE_BYTES_MAX as u64 => {
            return Err(failed(std::io::Error::other("it is too large")));
        }
        Ok(_) => {}
    }
    fs::read(path).map(Some).map_err(failed)
}

/// Write a file so that it is there whole or not at all, also after a power cut.
pub(super) fn write_whole(path: &Path, bytes: &[u8]) -> Result<(), EvidenceError> {
    let failed = |error| EvidenceError::file(path, error);
    let folder = path.parent().unwrap_or(Path::new("."));
    fs::create_dir_all(folder).map_err(failed)?;
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    let fresh = folder.join(format!(".{name}.{}.new", std::process::id()));
    let written = fs::File::create(&fresh).and_then(|mut file| {
        file.write_all(bytes)?;
        file.sync_all()?;
        fs::rename(&fresh, path)
    });
    if written.is_err() {
        fs::remove_file(&fresh).ok();
    }
    written.map_err(failed)
}

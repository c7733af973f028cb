//! The key ring's file. It lies outside the database, readable by its owner only:
//! whoever copies the database must not get the keys with it.

use std::fs::{File, OpenOptions};
use std::io::{ErrorKind, Read, Write};
use std::os::unix::fs::{MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use rustix::fs::OFlags;
use tollgate_journal::{KEY_RING_BYTES_MAX, KeyRing};
use zeroize::Zeroizing;

use crate::StoreError;

/// The file's name within its directory.
pub const FILE_NAME: &str = "keys";

/// Read the key ring of a directory, or make one where there is none.
///
/// A new ring is written to a file of its own and linked into place when it is
/// durable: of two hosts that start together one wins, both use that ring, and
/// a crash never leaves half of one.
///
/// # Errors
/// When the file can be read or written by others, is a link, belongs to another
/// user, is no key ring, or cannot be read or made.
pub fn load_or_create(directory: &Path) -> Result<KeyRing, StoreError> {
    let path = directory.join(FILE_NAME);
    match load(&path) {
        Err(Failure::Absent) => {}
        other => return other.map_err(|failure| failure.at(path)),
    }
    let made = create(directory, &path).and_then(|()| load(&path));
    made.map_err(|failure| failure.at(path))
}

enum Failure {
    Absent,
    Refused(String),
}

impl Failure {
    fn at(self, path: PathBuf) -> StoreError {
        let what = match self {
            Failure::Absent => "it vanished while it was read".to_owned(),
            Failure::Refused(what) => what,
        };
        StoreError::KeyRing { path, what }
    }
}

impl From<std::io::Error> for Failure {
    fn from(error: std::io::Error) -> Self {
        match error.kind() {
            ErrorKind::NotFound => Failure::Absent,
            _ => Failure::Refused(error.to_string()),
        }
    }
}

fn refused<T>(what: &str) -> Result<T, Failure> {
    Err(Failure::Refused(what.to_owned()))
}

fn load(path: &Path) -> Result<KeyRing, Failure> {
    // No link is followed (CWE-59), and everything is asked of the open file, so
    // that it cannot be exchanged between the question and the reading.
    let flags = OFlags::NOFOLLOW | OFlags::CLOEXEC | OFlags::NONBLOCK;
    let flags = i32::try_from(flags.bits()).unwrap_or(0);
    let file = OpenOptions::new()
        .read(true)
        .custom_flags(flags)
        .open(path)?;
    check_owner(&file)?;
    // Of full size from the start, so that reading never moves it and leaves a
    // copy behind.
    let mut text = Zeroizing::new(Vec::with_capacity(KEY_RING_BYTES_MAX + 64));
    file.take(KEY_RING_BYTES_MAX as u64 + 1)
        .read_to_end(&mut text)?;
    KeyRing::from_bytes(&text).map_err(|error| Failure::Refused(error.to_string()))
}

fn check_owner(file: &File) -> Result<(), Failure> {
    let meta = file.metadata()?;
    if !meta.is_file() {
        return refused("it is not a regular file");
    }
    if meta.mode() & 0o077 != 0 {
        return refused("others can read or write it: chmod 600, and make new keys if they did");
    }
    if meta.uid() != rustix::process::geteuid().as_raw() {
        return refused("it belongs to another user");
    }
    Ok(())
}

fn create(directory: &Path, path: &Path) -> Result<(), Failure> {
    let ring = KeyRing::generate().map_err(|error| Failure::Refused(error.to_string()))?;
    let mut unique = [0; 8];
    getrandom::fill(&mut unique).map_err(|error| Failure::Refused(error.to_string()))?;
    let fresh = directory.join(format!("{FILE_NAME}.{}.new", hex::encode(unique)));
    let linked = write_new(&fresh, &ring).and_then(|()| link(&fresh, path));
    std::fs::remove_file(&fresh).ok();
    linked?;
    File::open(directory)?.sync_all()?;
    Ok(())
}

fn write_new(path: &Path, ring: &KeyRing) -> Result<(), Failure> {
    let mut file = OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(0o600)
        .open(path)?;
    file.write_all(&ring.to_bytes())?;
    file.sync_all()?;
    Ok(())
}

/// Fails where there is a file already: then another host was first.
fn link(fresh: &Path, path: &Path) -> Result<(), Failure> {
    match std::fs::hard_link(fresh, path) {
        Err(error) if error.kind() == ErrorKind::AlreadyExists => Ok(()),
        other => Ok(other?),
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

    use std::os::unix::fs::{PermissionsExt, symlink};

    use super::*;

    #[test]
    fn a_ring_is_made_once_and_read_afterwards() {
        let dir = tempfile::tempdir().unwrap();
        let made = load_or_create(dir.path()).unwrap();
        let read = load_or_create(dir.path()).unwrap();
        assert_eq!(made.token_hash("t"), read.token_hash("t"));
        let mode = std::fs::metadata(dir.path().join(FILE_NAME))
            .unwrap()
            .mode();
        assert_eq!(mode & 0o777, 0o600);
        assert_eq!(std::fs::read_dir(dir.path()).unwrap().count(), 1);
    }

    #[test]
    fn hosts_that_start_together_use_one_ring() {
        let dir = tempfile::tempdir().unwrap();
        let hashes: std::collections::BTreeSet<_> = std::thread::scope(|scope| {
            let host = || load_or_create(dir.path()).unwrap().token_hash("t");
            let hosts: Vec<_> = (0..8).map(|_| scope.spawn(host)).collect();
            hosts.into_iter().map(|host| host.join().unwrap()).collect()
        });
        assert_eq!(hashes.len(), 1);
    }

    #[test]
    fn a_file_that_others_can_read_is_refused() {
        let dir = tempfile::tempdir().unwrap();
        load_or_create(dir.path()).unwrap();
        for mode in [0o640, 0o604, 0o620, 0o602] {
            let open = std::fs::Permissions::from_mode(mode);
            std::fs::set_permissions(dir.path().join(FILE_NAME), open).unwrap();
            let refused = load_or_create(dir.path());
            assert!(
                matches!(refused, Err(StoreError::KeyRing { .. })),
                "{mode:o}"
            );
        }
    }

    #[test]
    fn a_link_a_directory_and_a_damaged_file_are_refused() {
        let dir = tempfile::tempdir().unwrap();
        let elsewhere = tempfile::tempdir().unwrap();
        load_or_create(elsewhere.path()).unwrap();
        let path = dir.path().join(FILE_NAME);
        symlink(elsewhere.path().join(FILE_NAME), &path).unwrap();
        assert!(load_or_create(dir.path()).is_err());
        std::fs::remove_file(&path).unwrap();
        std::fs::create_dir(&path).unwrap();
        assert!(load_or_create(dir.path()).is_err());
        std::fs::remove_dir(&path).unwrap();
        let mut file = OpenOptions::new()
            .write(true)
            .create_new(true)
            .mode(0o600)
            .open(&path)
            .unwrap();
        file.write_all(b"tollgate key ring v1\nmaster 00\n")
            .unwrap();
        assert!(load_or_create(dir.path()).is_err());
    }

    #[test]
    fn a_missing_directory_is_refused_with_its_path() {
        let dir = tempfile::tempdir().unwrap();
        let refused = load_or_create(&dir.path().join("absent"))
            .unwrap_err()
            .to_string();
        assert!(refused.contains("absent"), "{refused}");
    }
}

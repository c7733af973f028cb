//! The directories that manifests name, and reading a file in one.

use std::collections::HashMap;
use std::io::{self, Read as _};
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};

use cap_std::ambient_authority;
use cap_std::fs::{Dir, OpenOptions, OpenOptionsExt as _};
use rustix::fs::OFlags;

use super::FilesError;
use crate::capability::Backends;

/// Directories that manifests name, opened once for each tenant. No tenant works
/// with what was opened for another one.
pub(crate) struct Directories {
    home: PathBuf,
    open: Mutex<HashMap<Key, Arc<Dir>>>,
}

/// The tenant, and the directory as its manifest names it.
type Key = (String, String);

impl Directories {
    pub(crate) fn new(home: PathBuf) -> Self {
        Self {
            home,
            open: Mutex::default(),
        }
    }

    /// The handle of a directory that an operator's manifest names: the one
    /// place where the path of the process is used.
    fn ambient(&self, tenant: &str, directory: &str) -> io::Result<Arc<Dir>> {
        let key = (tenant.to_owned(), directory.to_owned());
        let mut open = self.open.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(dir) = open.get(&key) {
            return Ok(Arc::clone(dir));
        }
        let path = self.home.join(directory);
        let dir = Arc::new(Dir::open_ambient_dir(path, ambient_authority())?);
        open.insert(key, Arc::clone(&dir));
        Ok(dir)
    }
}

/// Do something with a directory where blocking is no harm.
pub(super) async fn with_directory<T: Send + 'static>(
    backends: &Backends,
    tenant: &str,
    directory: &str,
    work: impl FnOnce(&Dir) -> Result<T, FilesError> + Send + 'static,
) -> Result<T, FilesError> {
    let dir = backends.directories.ambient(tenant, directory);
    let dir = dir.map_err(|error| {
        FilesError::Failed(format!(
            "the granted directory cannot be opened ({error}); the operator has to make it"
        ))
    })?;
    tokio::task::spawn_blocking(move || work(&dir))
        .await
        .unwrap_or_else(|error| Err(FilesError::Failed(error.to_string())))
}

/// A whole file, or nothing where there is none.
pub(super) fn read_file(
    dir: &Dir,
    path: &str,
    max_size: u64,
) -> Result<Option<Vec<u8>>, FilesError> {
    // A pipe would keep whoever opens it waiting for a writer.
    let mut options = OpenOptions::new();
    options
        .read(true)
        .custom_flags(OFlags::NONBLOCK.bits().cast_signed());
    let file = match dir.open_with(path, &options) {
        Ok(file) => file,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(error.into()),
    };
    if !file.metadata()?.is_file() {
        return Err(FilesError::InvalidPath("it is no regular file".into()));
    }
    let mut bytes = Vec::new();
    file.take(max_size + 1).read_to_end(&mut bytes)?;
    if bytes.len() as u64 > max_size {
        return Err(FilesError::TooLarge(max_size));
    }
    Ok(Some(bytes))
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

    use super::*;

    #[test]
    fn a_directory_is_opened_once_for_each_tenant() {
        let home = tempfile::tempdir().unwrap();
        std::fs::create_dir(home.path().join("box")).unwrap();
        let all = Directories::new(home.path().to_owned());
        let of = |tenant| all.ambient(tenant, "box").unwrap();
        assert!(Arc::ptr_eq(&of("acme"), &of("acme")));
        assert!(!Arc::ptr_eq(&of("acme"), &of("other")));
    }
}

//! A value in a file, as container platforms mount them.

use std::fs::{self, File};
use std::io::{self, Read as _};
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};

use async_trait::async_trait;
use zeroize::Zeroizing;

use super::{SECRET_BYTES_MAX, Source, checked, room};
use crate::SourceError;

/// A file that holds the value and nothing else.
pub struct FileSource {
    path: PathBuf,
}

impl FileSource {
    /// The file at this path.
    #[must_use]
    pub fn new(path: impl Into<PathBuf>) -> Self {
        Self { path: path.into() }
    }
}

#[async_trait]
impl Source for FileSource {
    async fn read(&self) -> Result<Zeroizing<Vec<u8>>, SourceError> {
        let path = self.path.clone();
        let read = tokio::task::spawn_blocking(move || read(&path)).await;
        read.unwrap_or_else(|_| Err(SourceError::Missing(self.describe())))
    }

    fn describe(&self) -> String {
        format!("file {}", self.path.display())
    }
}

fn read(path: &Path) -> Result<Zeroizing<Vec<u8>>, SourceError> {
    let failed = |source| SourceError::Read {
        path: path.to_owned(),
        source,
    };
    // A pipe would block until somebody writes to it; asked before it is opened.
    // Links are followed: mounted secrets are links to what is current.
    if !fs::metadata(path).map_err(failed)?.is_file() {
        return Err(failed(io::Error::other("it is not a regular file")));
    }
    let file = File::open(path).map_err(failed)?;
    let mode = file.metadata().map_err(failed)?.permissions().mode();
    if mode & 0o004 != 0 && !is_inside_private(path) {
        return Err(SourceError::Open {
            path: path.to_owned(),
        });
    }
    let mut value = room();
    file.take(SECRET_BYTES_MAX as u64 + 1)
        .read_to_end(&mut value)
        .map_err(failed)?;
    checked(value)
}

/// Whether the folder around a file keeps other accounts out, as a home does.
fn is_inside_private(path: &Path) -> bool {
    let folder = path.parent().filter(|folder| *folder != Path::new(""));
    let about = fs::metadata(folder.unwrap_or(Path::new(".")));
    about.is_ok_and(|about| about.permissions().mode() & 0o005 == 0)
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

    use super::*;

    #[tokio::test]
    async fn a_closed_file_is_read_anew_each_time_and_an_open_one_refused() {
        let folder = tempfile::tempdir().unwrap();
        fs::set_permissions(folder.path(), fs::Permissions::from_mode(0o755)).unwrap();
        let path = folder.path().join("token");
        let source = FileSource::new(&path);
        let missing = source.read().await.unwrap_err();
        assert!(matches!(missing, SourceError::Read { .. }), "{missing}");
        for value in ["first-value", "second-value"] {
            fs::write(&path, format!("{value}\n")).unwrap();
            fs::set_permissions(&path, fs::Permissions::from_mode(0o640)).unwrap();
            assert_eq!(source.read().await.unwrap().as_slice(), value.as_bytes());
        }
        fs::set_permissions(&path, fs::Permissions::from_mode(0o644)).unwrap();
        let open = source.read().await.unwrap_err();
        assert!(matches!(open, SourceError::Open { .. }), "{open}");
        let folder = FileSource::new(folder.path()).read().await.unwrap_err();
        assert!(matches!(folder, SourceError::Read { .. }), "{folder}");
    }

    #[tokio::test]
    async fn a_file_that_never_ends_is_not_read_to_its_end() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("token");
        fs::write(&path, vec![b'x'; 10 * SECRET_BYTES_MAX]).unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(0o600)).unwrap();
        let long = FileSource::new(&path).read().await.unwrap_err();
        assert!(matches!(long, SourceError::TooLong), "{long}");
    }
}

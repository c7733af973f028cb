//! Secrets kept in the home: one file each, sealed by a key of its tenant's from the
//! home's key ring.
//!
//! The attacks: who can write files exchanges two of them, so that one system's
//! secret is sent to another one: tenant and name are authenticated with the
//! value, and another tenant's is sealed under another key. A copy of the folder without the key ring opens nothing. A crash leaves
//! the old value or the new one, never half of one.

use std::fs::{self, DirBuilder, File, OpenOptions};
use std::io::{self, Read as _, Write as _};
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use async_trait::async_trait;
use rustix::fs::OFlags;
use tollgate_journal::KeyRing;
use zeroize::Zeroizing;

use crate::SourceError;
use crate::source::{SECRET_BYTES_MAX, Source, checked};

/// Authenticated with every value, so that nothing else that this ring sealed
/// opens as a secret. Version 1 had one key for all tenants; its files are refused
/// like any that another key sealed.
const DOMAIN: &[u8] = b"tollgate secret v2\0";

/// The longest name of a tenant or a secret.
const NAME_BYTES_MAX: usize = 64;

/// Most bytes that sealing adds to a value.
const SEAL_BYTES_MAX: usize = 128;

/// The folder of sealed secrets: `<tenant>/<name>`.
#[derive(Clone, Debug)]
pub struct SealedStore {
    folder: PathBuf,
    ring: Arc<KeyRing>,
}

impl SealedStore {
    /// The store in this folder, opened by this ring. The folder is made when the
    /// first secret is set.
    #[must_use]
    pub fn new(folder: impl Into<PathBuf>, ring: &KeyRing) -> Self {
        Self {
            folder: folder.into(),
            ring: Arc::new(ring.clone()),
        }
    }

    /// The source of one secret.
    #[must_use]
    pub fn source(&self, tenant: &str, name: &str) -> StoreSource {
        StoreSource {
            store: self.clone(),
            tenant: tenant.to_owned(),
            name: name.to_owned(),
        }
    }

    /// Keep a value, instead of an earlier one. Durable when this returns.
    ///
    /// # Errors
    ///
    /// When the value or the name cannot be a secret's, or nothing can be written.
    pub fn set(
        &self,
        tenant: &str,
        name: &str,
        value: Zeroizing<Vec<u8>>,
    ) -> Result<(), SourceError> {
        let path = self.path(tenant, name)?;
        let value = checked(value)?;
        let failed = |source| SourceError::Write {
            path: path.clone(),
            source,
        };
        let key = self.ring.secrets_key(tenant);
        let sealed = key.seal(&context(tenant, name), &value);
        let sealed = sealed.map_err(|error| failed(io::Error::other(error)))?;
        let mut unique = [0; 8];
        getrandom::fill(&mut unique).map_err(|error| failed(io::Error::other(error)))?;
        let folder = path.parent().unwrap_or(&self.folder);
        let fresh = folder.join(format!(".{}.new", hex::encode(unique)));
        let mut folders = DirBuilder::new();
        let written = folders
            .recursive(true)
            .mode(0o700)
            .create(folder)
            .and_then(|()| write_new(&fresh, &sealed))
            .and_then(|()| fs::rename(&fresh, &path))
            .and_then(|()| File::open(folder)?.sync_all());
        if written.is_err() {
            fs::remove_file(&fresh).ok();
        }
        written.map_err(failed)
    }

    /// A value that is kept.
    ///
    /// # Errors
    ///
    /// When there is none, or it does not open under this tenant and name.
    pub fn get(&self, tenant: &str, name: &str) -> Result<Zeroizing<Vec<u8>>, SourceError> {
        let path = self.path(tenant, name)?;
        let sealed = match read(&path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                let what = format!("a stored value (`tollgate secret set {name}`)");
                return Err(SourceError::Missing(what));
            }
            Err(source) => return Err(SourceError::Read { path, source }),
            Ok(sealed) => sealed,
        };
        let key = self.ring.secrets_key(tenant);
        let opened = key.unseal(&context(tenant, name), &sealed);
        let opened = opened.map_err(|_| SourceError::Sealed { path })?;
        checked(Zeroizing::new(opened))
    }

    /// Remove a value. `false` where there was none.
    ///
    /// # Errors
    ///
    /// When it is there and cannot be removed.
    pub fn remove(&self, tenant: &str, name: &str) -> Result<bool, SourceError> {
        let path = self.path(tenant, name)?;
        match fs::remove_file(&path) {
            Ok(()) => Ok(true),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(false),
            Err(source) => Err(SourceError::Write { path, source }),
        }
    }

    /// The attack: `../keys/keys` as a name (CWE-22). Only plain names are taken.
    fn path(&self, tenant: &str, name: &str) -> Result<PathBuf, SourceError> {
        for part in [tenant, name] {
            if !is_name(part) {
                return Err(SourceError::Name(part.to_owned()));
            }
        }
        Ok(self.folder.join(tenant).join(name))
    }
}

/// Whether a text can be the name of a secret: 1 to 64 of letters, digits, `-` and
/// `_`. It can be a file's name, then, and is safe to show.
#[must_use]
pub fn is_name(name: &str) -> bool {
    (1..=NAME_BYTES_MAX).contains(&name.len())
        && name
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || b"-_".contains(&byte))
}

fn context(tenant: &str, name: &str) -> Vec<u8> {
    let length = (tenant.len() as u64).to_be_bytes();
    [DOMAIN, &length, tenant.as_bytes(), name.as_bytes()].concat()
}

fn write_new(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let mut file = OpenOptions::new();
    let mut file = file.write(true).create_new(true).mode(0o600).open(path)?;
    file.write_all(bytes)?;
    file.sync_all()
}

fn read(path: &Path) -> io::Result<Vec<u8>> {
    // No link is followed (CWE-59), and no pipe waited for.
    let flags = OFlags::NOFOLLOW | OFlags::NONBLOCK;
    let flags = i32::try_from(flags.bits()).unwrap_or(0);
    let file = OpenOptions::new()
        .read(true)
        .custom_flags(flags)
        .open(path)?;
    let mut sealed = Vec::new();
    file.take((SECRET_BYTES_MAX + SEAL_BYTES_MAX) as u64)
        .read_to_end(&mut sealed)?;
    Ok(sealed)
}

/// A secret of the sealed store.
pub struct StoreSource {
    store: SealedStore,
    tenant: String,
    name: String,
}

#[async_trait]
impl Source for StoreSource {
    async fn read(&self) -> Result<Zeroizing<Vec<u8>>, SourceError> {
        let (store, tenant, name) = (self.store.clone(), self.tenant.clone(), self.name.clone());
        let read = tokio::task::spawn_blocking(move || store.get(&tenant, &name)).await;
        read.unwrap_or_else(|_| Err(SourceError::Missing(self.describe())))
    }

    fn describe(&self) -> String {
        "sealed in the home".to_owned()
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

    use std::os::unix::fs::PermissionsExt as _;

    use super::*;

    fn value(text: &str) -> Zeroizing<Vec<u8>> {
        Zeroizing::new(text.as_bytes().to_vec())
    }

    #[tokio::test]
    async fn a_value_is_kept_sealed_replaced_and_removed() {
        let home = tempfile::tempdir().unwrap();
        let folder = home.path().join("secrets");
        let store = SealedStore::new(&folder, &KeyRing::generate().unwrap());
        let source = store.source("acme", "desk-token");
        let missing = source.read().await.unwrap_err().to_string();
        assert!(
            missing.contains("tollgate secret set desk-token"),
            "{missing}"
        );
        for text in ["canary-of-the-store", "another-canary"] {
            store.set("acme", "desk-token", value(text)).unwrap();
            assert_eq!(source.read().await.unwrap().as_slice(), text.as_bytes());
        }
        let path = folder.join("acme/desk-token");
        let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
        assert_eq!((mode(&path), mode(&folder)), (0o600, 0o700));
        let bytes = fs::read(&path).unwrap();
        assert!(!bytes.windows(7).any(|part| part == b"another"));
        assert_eq!(fs::read_dir(folder.join("acme")).unwrap().count(), 1);
        assert!(store.remove("acme", "desk-token").unwrap());
        assert!(!store.remove("acme", "desk-token").unwrap());
    }

    #[test]
    fn a_file_opens_only_as_its_own_tenants_own_secret_and_with_its_own_ring() {
        let home = tempfile::tempdir().unwrap();
        let ring = KeyRing::generate().unwrap();
        let store = SealedStore::new(home.path(), &ring);
        for (tenant, name) in [("acme", "a"), ("acme", "b"), ("other", "a")] {
            store.set(tenant, name, value("12345678")).unwrap();
        }
        let own = home.path().join("acme/a");
        for taken in ["acme/b", "other/a"] {
            fs::copy(home.path().join(taken), &own).unwrap();
            let swapped = store.get("acme", "a");
            assert!(
                matches!(swapped, Err(SourceError::Sealed { .. })),
                "{taken}"
            );
        }
        let other = SealedStore::new(home.path(), &KeyRing::generate().unwrap());
        let foreign = other.get("acme", "b");
        assert!(matches!(foreign, Err(SourceError::Sealed { .. })));
        let mut bytes = fs::read(home.path().join("acme/b")).unwrap();
        *bytes.last_mut().unwrap() ^= 1;
        fs::write(home.path().join("acme/b"), bytes).unwrap();
        let changed = store.get("acme", "b");
        assert!(matches!(changed, Err(SourceError::Sealed { .. })));
    }

    #[test]
    fn each_tenants_values_are_sealed_under_a_key_of_its_own() {
        let home = tempfile::tempdir().unwrap();
        let ring = KeyRing::generate().unwrap();
        let store = SealedStore::new(home.path(), &ring);
        store.set("acme", "a", value("12345678")).unwrap();
        let sealed = fs::read(home.path().join("acme/a")).unwrap();
        let named = context("acme", "a");
        let opened = ring.secrets_key("acme").unseal(&named, &sealed);
        assert_eq!(opened.unwrap(), b"12345678");
        // Who had one tenant's key could write any context.
        let foreign = ring.secrets_key("other").unseal(&named, &sealed);
        assert!(foreign.is_err());
    }

    #[test]
    fn a_file_of_an_earlier_version_is_refused_and_the_message_says_what_to_do() {
        let home = tempfile::tempdir().unwrap();
        let ring = KeyRing::generate().unwrap();
        let store = SealedStore::new(home.path(), &ring);
        store.set("acme", "a", value("12345678")).unwrap();
        let old = [
            b"tollgate secret v1\0",
            &context("acme", "a")[DOMAIN.len()..],
        ]
        .concat();
        let sealed = ring.secrets_key("acme").seal(&old, b"12345678").unwrap();
        fs::write(home.path().join("acme/a"), sealed).unwrap();
        let refused = store.get("acme", "a").unwrap_err();
        assert!(matches!(refused, SourceError::Sealed { .. }), "{refused}");
        let said = refused.to_string();
        assert!(said.contains("earlier version"), "{said}");
        assert!(said.contains("tollgate secret set"), "{said}");
        store.set("acme", "a", value("12345678")).unwrap();
        assert_eq!(store.get("acme", "a").unwrap().as_slice(), b"12345678");
    }

    #[test]
    fn a_name_that_leaves_the_folder_is_none() {
        let home = tempfile::tempdir().unwrap();
        let store = SealedStore::new(home.path(), &KeyRing::generate().unwrap());
        let long = "x".repeat(NAME_BYTES_MAX + 1);
        for bad in ["", ".", "..", "../keys", "a/b", ".x", "a\0", long.as_str()] {
            for (tenant, name) in [(bad, "a"), ("acme", bad)] {
                let set = store.set(tenant, name, value("12345678"));
                assert!(matches!(set, Err(SourceError::Name(_))), "{bad:?}");
                assert!(matches!(store.get(tenant, name), Err(SourceError::Name(_))));
                assert!(matches!(
                    store.remove(tenant, name),
                    Err(SourceError::Name(_))
                ));
            }
        }
    }

    #[cfg(unix)]
    #[test]
    fn a_link_in_place_of_a_sealed_file_is_not_followed() {
        let home = tempfile::tempdir().unwrap();
        let store = SealedStore::new(home.path(), &KeyRing::generate().unwrap());
        store.set("acme", "a", value("12345678")).unwrap();
        let file = home.path().join("acme/a");
        fs::rename(&file, home.path().join("elsewhere")).unwrap();
        std::os::unix::fs::symlink(home.path().join("elsewhere"), &file).unwrap();
        assert!(matches!(
            store.get("acme", "a"),
            Err(SourceError::Read { .. })
        ));
    }
}

//! The folder of a host, and what makes it the host's alone.

use std::fs;
use std::io::{self, Write as _};
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use tollgate_store::{PostgresOptions, PostgresStore, SqliteOptions, SqliteStore, Store};

use crate::error::HostError;
use crate::host::HostOptions;
use crate::settings::StoreUrl;

/// The store that the options choose.
pub(crate) async fn open_store(
    home: &Path,
    options: &HostOptions,
) -> Result<Arc<dyn Store>, HostError> {
    let choice = &options.store;
    if let Some(tenant) = choice.places.keys().next() {
        return Err(HostError::Place(tenant.clone()));
    }
    match &choice.default {
        Some(url) => open_at(home, options, url).await,
        None => sqlite(&home.join("tollgate.db"), options).await,
    }
}

async fn open_at(
    home: &Path,
    options: &HostOptions,
    url: &StoreUrl,
) -> Result<Arc<dyn Store>, HostError> {
    if let Some(path) = url.expose().strip_prefix("sqlite:") {
        return sqlite(&home.join(path), options).await;
    }
    // Its own clock is the only one that several hosts share.
    let store = PostgresStore::open(url.expose(), PostgresOptions::default()).await?;
    Ok(Arc::new(store))
}

async fn sqlite(path: &Path, options: &HostOptions) -> Result<Arc<dyn Store>, HostError> {
    let settings = SqliteOptions {
        clock: Arc::clone(&options.clock),
        ..SqliteOptions::default()
    };
    Ok(Arc::new(SqliteStore::open(path, settings).await?))
}

/// A folder that only the host's own account can enter.
pub(crate) fn private_folder(path: &Path) -> Result<PathBuf, HostError> {
    let failed = |source| HostError::Home {
        path: path.to_owned(),
        source,
    };
    if !path.is_dir() {
        fs::create_dir_all(path).map_err(failed)?;
        fs::set_permissions(path, fs::Permissions::from_mode(0o700)).map_err(failed)?;
    }
    path.canonicalize().map_err(failed)
}

/// One process serves a home at a time.
pub(crate) fn lock(home: &Path) -> Result<fs::File, HostError> {
    let path = home.join("host.lock");
    let failed = |source| HostError::Home {
        path: path.clone(),
        source,
    };
    let file = fs::File::create(&path).map_err(failed)?;
    rustix::fs::flock(&file, rustix::fs::FlockOperation::NonBlockingLockExclusive).map_err(
        |_| {
            failed(io::Error::other(
                "another process serves this home; stop it, or use another home",
            ))
        },
    )?;
    Ok(file)
}

/// Who serves the home from now on, and who did before. Kept in the home, whose
/// lock proves that the ones before are dead.
pub(crate) struct Identity {
    path: PathBuf,
    pub(crate) owner: String,
    pub(crate) before: Vec<String>,
}

impl Identity {
    /// A new one. It is in the file before anything is done under it, beside those
    /// whose runs were not taken over yet.
    pub(crate) fn new(home: &Path) -> Result<Self, HostError> {
        let path = home.join("host.id");
        let before = match fs::read_to_string(&path) {
            Ok(text) => text.lines().map(str::to_owned).collect(),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Vec::new(),
            Err(source) => return Err(HostError::Home { path, source }),
        };
        let identity = Self {
            path,
            owner: crate::names::host(),
            before,
        };
        let mut all = identity.before.clone();
        all.push(identity.owner.clone());
        identity.write(&all)?;
        Ok(identity)
    }

    /// The runs of those before were taken over.
    pub(crate) fn alone(&self) -> Result<(), HostError> {
        self.write(std::slice::from_ref(&self.owner))
    }

    fn write(&self, owners: &[String]) -> Result<(), HostError> {
        let failed = |source| HostError::Home {
            path: self.path.clone(),
            source,
        };
        let new = self.path.with_extension("new");
        let mut file = fs::File::create(&new).map_err(failed)?;
        file.write_all(format!("{}\n", owners.join("\n")).as_bytes())
            .and_then(|()| file.sync_all())
            .and_then(|()| fs::rename(&new, &self.path))
            .map_err(failed)
    }
}

/// A token of 256 random bits, recognisable by its first letters in a leak scan.
pub(crate) fn new_token() -> io::Result<String> {
    let mut bytes = [0; 32];
    getrandom::fill(&mut bytes).map_err(io::Error::other)?;
    Ok(format!("tgt_{}", hex::encode(bytes)))
}

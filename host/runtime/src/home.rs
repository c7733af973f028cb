//! The folder of a host, and what makes it the host's alone.

use std::collections::HashMap;
use std::fs;
use std::io::{self, Write as _};
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use tollgate_store::{Location, RoutedStore, Store};

use crate::error::HostError;
use crate::host::HostOptions;

/// The store that the options choose; with places, one that is several.
pub(crate) async fn open_store(
    home: &Path,
    options: &HostOptions,
) -> Result<Arc<dyn Store>, HostError> {
    let choice = &options.store;
    let default = match &choice.default {
        Some(location) => location.clone(),
        None => Location::Sqlite(home.join("tollgate.db")),
    };
    let store = open_at(&default, options).await?;
    if choice.places.is_empty() {
        return Ok(store);
    }
    // Tenants at one location share its connections.
    let mut open = vec![(&default, Arc::clone(&store))];
    let mut placed = HashMap::new();
    for (tenant, location) in &choice.places {
        let known = open.iter().find(|(known, _)| *known == location);
        let place = match known.map(|(_, place)| Arc::clone(place)) {
            Some(place) => place,
            None => {
                let place = open_at(location, options).await?;
                open.push((location, Arc::clone(&place)));
                place
            }
        };
        placed.insert(tenant.clone(), place);
    }
    Ok(Arc::new(RoutedStore::new(store, placed)))
}

async fn open_at(location: &Location, options: &HostOptions) -> Result<Arc<dyn Store>, HostError> {
    let clock = match location {
        Location::Sqlite(_) => Some(Arc::clone(&options.clock)),
        // The database's own is the only one that several hosts share.
        _ => None,
    };
    Ok(tollgate_store::open_store(location, clock).await?)
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

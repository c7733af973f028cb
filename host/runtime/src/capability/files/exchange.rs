//! The one step in which a file is put in place, or away.

use std::io::{self, Write as _};

use cap_std::fs::{Dir, OpenOptions};
use rustix::fs::{RenameFlags, renameat_with};

use super::directory::read_file;
use super::{FilesError, version};
use crate::capability::kv::GuestExpected;

/// Why a change was not made.
pub(super) enum Torn {
    /// Everything is as before.
    Clean(FilesError),
    /// It failed in the middle; both files are still there, one of them under a
    /// temporary name.
    Unknown(io::Error),
}

impl From<io::Error> for Torn {
    fn from(error: io::Error) -> Self {
        Self::Clean(error.into())
    }
}

/// Replace or remove a file in one step, if it is what was seen.
pub(super) fn exchange(
    dir: &Dir,
    path: &str,
    bytes: Option<&[u8]>,
    seen: &GuestExpected,
    limit: u64,
) -> Result<(), Torn> {
    let (folder, name) = parent(dir, path).map_err(Torn::Clean)?;
    let temporary = temporary_name().map_err(Torn::Clean)?;
    let mut file = folder.open_with(&temporary, OpenOptions::new().write(true).create_new(true))?;
    // The new file is for those whom the old one was for.
    if let Ok(old) = folder.metadata(name) {
        file.set_permissions(old.permissions())?;
    }
    let result = file
        .write_all(bytes.unwrap_or_default())
        .and_then(|()| file.sync_all())
        .map_err(Torn::from)
        .and_then(|()| swap_in(&folder, &temporary, name, bytes.is_some(), seen, limit));
    // After a swap the temporary name holds the old file; otherwise the new.
    if !matches!(result, Err(Torn::Unknown(_))) {
        let _ = folder.remove_file(&temporary);
    }
    result
}

fn swap_in(
    folder: &Dir,
    temporary: &str,
    name: &str,
    keep: bool,
    seen: &GuestExpected,
    limit: u64,
) -> Result<(), Torn> {
    let rename = |from: &str, to: &str, flags| {
        renameat_with(folder, from, folder, to, flags).map_err(io::Error::from)
    };
    if matches!(seen, GuestExpected::Absent) {
        return match keep {
            false => Ok(()),
            true => match rename(temporary, name, RenameFlags::NOREPLACE) {
                Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {
                    Err(Torn::Clean(FilesError::Conflict))
                }
                other => Ok(other?),
            },
        };
    }
    match rename(temporary, name, RenameFlags::EXCHANGE) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            return match (seen, keep) {
                // Nothing to exchange with, and anything was fine.
                (GuestExpected::Anything, true) => {
                    Ok(rename(temporary, name, RenameFlags::NOREPLACE)?)
                }
                (GuestExpected::Anything, false) => Ok(()),
                _ => Err(Torn::Clean(FilesError::Conflict)),
            };
        }
        other => other?,
    }
    // From here on the old file has the temporary name: whatever fails, it must
    // come back or stay.
    let old = read_file(folder, temporary, limit);
    let holds = old.map(|old| seen.holds(old.as_deref().map(version).as_deref()));
    if !matches!(holds, Ok(true)) {
        rename(temporary, name, RenameFlags::EXCHANGE).map_err(Torn::Unknown)?;
        return Err(Torn::Clean(holds.err().unwrap_or(FilesError::Conflict)));
    }
    if !keep {
        folder.remove_file(name).map_err(Torn::Unknown)?;
    }
    Ok(())
}

/// The folder a path lies in, opened below `dir`, and the last name.
fn parent<'a>(dir: &Dir, path: &'a str) -> Result<(Dir, &'a str), FilesError> {
    match path.rsplit_once('/') {
        Some((folder, name)) => Ok((dir.open_dir(folder)?, name)),
        None => Ok((dir.try_clone()?, path)),
    }
}

fn temporary_name() -> Result<String, FilesError> {
    let mut random = [0; 8];
    getrandom::fill(&mut random).map_err(|error| FilesError::Failed(error.to_string()))?;
    Ok(format!(".tollgate-{}", hex::encode(random)))
}

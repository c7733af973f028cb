//! Where PostgreSQL is, and as whom it can run.

use std::os::unix::fs::chown;
use std::path::{Path, PathBuf};

/// The programs of the newest installed PostgreSQL.
#[derive(Debug, Clone)]
pub(crate) struct Programs {
    pub(crate) initdb: PathBuf,
    pub(crate) pg_ctl: PathBuf,
}

impl Programs {
    pub(crate) fn find_or_say_skipped() -> Option<Self> {
        let found = Self::find();
        if found.is_none() {
            assert!(
                std::env::var_os("TOLLGATE_REQUIRE_POSTGRES").is_none_or(|value| value != "1"),
                "TOLLGATE_REQUIRE_POSTGRES=1, but there is no initdb in /usr/lib/postgresql or PATH"
            );
            say_skipped();
        }
        found
    }

    fn find() -> Option<Self> {
        let mut folders: Vec<_> = std::fs::read_dir("/usr/lib/postgresql")
            .into_iter()
            .flatten()
            .flatten()
            .filter_map(|entry| {
                let version: u32 = entry.file_name().to_str()?.parse().ok()?;
                Some((version, entry.path().join("bin")))
            })
            .collect();
        folders.sort_unstable_by(|a, b| b.cmp(a));
        let path = std::env::var_os("PATH").unwrap_or_default();
        let folders = folders.into_iter().map(|(_, folder)| folder);
        let mut all = folders.chain(std::env::split_paths(&path));
        all.find_map(|folder| {
            let programs = Self {
                initdb: folder.join("initdb"),
                pg_ctl: folder.join("pg_ctl"),
            };
            (programs.initdb.is_file() && programs.pg_ctl.is_file()).then_some(programs)
        })
    }
}

#[expect(clippy::print_stderr, reason = "a test that tests nothing says so")]
fn say_skipped() {
    eprintln!(
        "skipped: PostgreSQL is not installed, so nothing was tested with it \
         (TOLLGATE_REQUIRE_POSTGRES=1 makes this a failure)"
    );
}

/// An ordinary account.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Account {
    pub(crate) uid: u32,
    pub(crate) gid: u32,
}

impl Account {
    /// Make a folder the account's own.
    pub(crate) fn give(&self, folder: &Path) {
        chown(folder, Some(self.uid), Some(self.gid))
            .unwrap_or_else(|error| panic!("cannot give {} away: {error}", folder.display()));
    }
}

/// PostgreSQL refuses to run as root: then it runs as `postgres`, or as `nobody`.
pub(crate) fn account_if_root() -> Option<Account> {
    if !rustix::process::geteuid().is_root() {
        return None;
    }
    let accounts = std::fs::read_to_string("/etc/passwd").unwrap_or_default();
    let named = |name: &str| {
        accounts.lines().find_map(|line| {
            let fields: Vec<_> = line.split(':').collect();
            (fields.first() == Some(&name)).then_some(())?;
            Some(Account {
                uid: fields.get(2)?.parse().ok()?,
                gid: fields.get(3)?.parse().ok()?,
            })
        })
    };
    let account = named("postgres").or_else(|| named("nobody"));
    assert!(
        account.is_some(),
        "no account `postgres` or `nobody` to run PostgreSQL as"
    );
    account
}

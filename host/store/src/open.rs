//! Where a store is, as an operator writes it.

use std::fmt;
use std::path::PathBuf;
use std::pin::Pin;
use std::str::FromStr;
use std::sync::Arc;

use crate::{
    Clock, PostgresOptions, PostgresStore, SqliteOptions, SqliteStore, Store, StoreError,
    SystemClock,
};

/// Where a store is: `postgres://user:password@host/database`, or a path,
/// with `sqlite:` before it or not.
///
/// Shown, also by `Debug`, without the password.
#[derive(Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Location {
    /// One SQLite file.
    Sqlite(PathBuf),
    /// A PostgreSQL database: its URL, with the password where it has one.
    Postgres(String),
}

impl FromStr for Location {
    type Err = StoreError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let bad = |what: &str| Err(StoreError::Location(what.to_owned()));
        match text.split_once(':') {
            Some(("postgres" | "postgresql", rest)) if rest.starts_with("//") => {
                Ok(Location::Postgres(text.to_owned()))
            }
            Some(("postgres" | "postgresql", _)) => {
                bad("a PostgreSQL URL begins with `postgres://`")
            }
            Some(("sqlite", "" | "//")) => bad("`sqlite:` is followed by a path"),
            Some(("sqlite", path)) => Ok(Location::Sqlite(path.into())),
            // A misspelt scheme must not become a file in the working directory,
            // and its password a part of that file's name.
            Some((scheme, rest)) if rest.starts_with("//") => bad(&format!(
                "there is no store `{scheme}://`: use `postgres://…` or `sqlite:PATH`"
            )),
            _ if text.is_empty() => bad("it is empty"),
            _ => Ok(Location::Sqlite(text.into())),
        }
    }
}

impl fmt::Display for Location {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Location::Sqlite(path) => write!(f, "sqlite:{}", path.display()),
            Location::Postgres(url) => f.write_str(&without_secrets(url)),
        }
    }
}

impl fmt::Debug for Location {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// A password stands before the last `@` of the authority, and may stand among
/// the parameters, where files of keys do too: both are left out. What is no URL
/// is not looked through for what is secret in it: nothing of it is shown.
fn without_secrets(url: &str) -> String {
    let bare = url.split(['?', '#']).next().unwrap_or_default();
    let shown = bare.split_once("://").and_then(|(scheme, rest)| {
        let Some((who, place)) = rest.rsplit_once('@') else {
            return Some(format!("{scheme}://{rest}"));
        };
        let user = who.split_once(':').map_or(who, |(user, _)| user);
        // A `?`, `#` or `@` that was not encoded belongs to a password.
        (!user.contains(['/', '@'])).then(|| format!("{scheme}://{user}@{place}"))
    });
    let cut = url.split_once(['?', '#']).map_or("", |(_, rest)| rest);
    match shown {
        Some(shown) if !cut.contains('@') => shown,
        _ => "postgres://…".to_owned(),
    }
}

type Opened = Result<Arc<dyn Store>, StoreError>;

/// Open the store at a location. `clock` judges leases and expiry; without one it
/// is the machine's for a file, and the database's for PostgreSQL.
///
/// # Errors
/// When the file or the database cannot be used, or holds the schema of a newer
/// program.
pub async fn open_store(location: &Location, clock: Option<Arc<dyn Clock>>) -> Opened {
    // Named, because the compiler does not see by itself that it may move between
    // threads at any lifetime of the location.
    let opening: Pin<Box<dyn Future<Output = _> + Send>> = match location.clone() {
        Location::Sqlite(path) => Box::pin(open_file(path, clock)),
        Location::Postgres(url) => Box::pin(open_database(url, clock)),
    };
    opening.await
}

async fn open_file(path: PathBuf, clock: Option<Arc<dyn Clock>>) -> Opened {
    let options = SqliteOptions {
        clock: clock.unwrap_or_else(|| Arc::new(SystemClock)),
        ..SqliteOptions::default()
    };
    Ok(Arc::new(SqliteStore::open(path, options).await?))
}

async fn open_database(url: String, clock: Option<Arc<dyn Clock>>) -> Opened {
    let options = PostgresOptions {
        clock,
        ..PostgresOptions::default()
    };
    Ok(Arc::new(PostgresStore::open(&url, options).await?))
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

    use super::*;

    fn shown(text: &str) -> String {
        let location: Location = text.parse().unwrap();
        assert_eq!(location.to_string(), format!("{location:?}"));
        location.to_string()
    }

    #[test]
    fn a_password_is_never_shown() {
        for (text, expected) in [
            ("postgres://u:geheim@db/t", "postgres://u@db/t"),
            ("postgres://db/t", "postgres://db/t"),
            ("postgres://u@db/t?password=geheim", "postgres://u@db/t"),
            ("postgresql://u:ge@heim@db/t", "postgresql://u@db/t"),
            ("postgres://u:geheim?x@db/t", "postgres://…"),
            ("postgres://u:a/geheim@db/t", "postgres://u@db/t"),
            ("postgres://u:geheim#x@db/t", "postgres://…"),
        ] {
            assert_eq!(shown(text), expected);
        }
    }

    #[test]
    fn what_is_meant_for_a_server_never_becomes_a_file() {
        for text in [
            "postgre://u:p@h/d",
            "postgres:/h/d",
            "mysql://h/d",
            "sqlite:",
            "",
        ] {
            let refused = text.parse::<Location>().unwrap_err();
            assert!(matches!(refused, StoreError::Location(_)), "{text}");
            assert!(!refused.to_string().contains("u:p"));
        }
    }

    #[test]
    fn a_path_is_a_file() {
        for text in ["/var/store.db", "sqlite:/var/store.db"] {
            assert_eq!(shown(text), "sqlite:/var/store.db");
        }
        assert_eq!(shown("store.db"), "sqlite:store.db");
    }
}

//! Where a host keeps its things, as typed.

use std::path::{Path, PathBuf};

use anyhow::Context as _;
use clap::Args;
use tollgate_runtime::Location;

/// Where a host keeps its things.
#[derive(Clone, Debug, Args)]
pub(crate) struct Home {
    /// The host's folder: store, keys, compiled code, data.
    #[arg(
        long,
        global = true,
        env = "TOLLGATE_HOME",
        default_value = "tollgate-home",
        value_name = "FOLDER"
    )]
    pub(crate) home: PathBuf,
    /// Where the store is, instead of in the home: postgres://… or sqlite:PATH.
    /// With a password in it, put it into TOLLGATE_STORE, or into a file that
    /// tollgate.toml names: arguments are seen by everybody on the machine.
    #[arg(
        long,
        global = true,
        env = "TOLLGATE_STORE",
        hide_env_values = true,
        value_name = "URL"
    )]
    pub(crate) store: Option<Typed>,
}

/// An address as it was typed. It is understood later: a message about arguments
/// would say it with its password.
#[derive(Clone)]
pub(crate) struct Typed(String);

impl Typed {
    pub(crate) fn location(&self) -> anyhow::Result<Location> {
        self.0.parse().context("--store or TOLLGATE_STORE")
    }
}

impl From<String> for Typed {
    fn from(text: String) -> Self {
        Self(text)
    }
}

impl std::fmt::Debug for Typed {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Typed(masked)")
    }
}

impl Home {
    /// A folder that keeps everything itself.
    pub(crate) fn at(home: &Path) -> Self {
        Self {
            home: home.to_owned(),
            store: None,
        }
    }
}

//! Connectors, built once for all scenarios that use them, and compiled once.

use std::collections::HashMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use tempfile::TempDir;
use tokio::sync::{Mutex as AsyncMutex, OnceCell};
use tollgate_package::BuildOptions;
use tollgate_policy::Digest;
use tollgate_runtime::{Compiler, Host, HostOptions, Role};

/// Where connectors are made.
pub(crate) struct Workshop {
    pub(crate) compiler: Compiler,
    component: Option<PathBuf>,
    built: Mutex<HashMap<PathBuf, Slot>>,
}

/// One connector, or why there is none.
type Slot = Arc<OnceCell<Result<Arc<Connector>, String>>>;

/// A connector that is ready to be installed.
pub(crate) struct Connector {
    /// The component.
    pub(crate) bytes: Vec<u8>,
    /// Its digest.
    pub(crate) digest: Digest,
    /// A home in which it is compiled already.
    template: AsyncMutex<Option<TempDir>>,
}

impl Workshop {
    pub(crate) fn new(compiler: Compiler, component: Option<PathBuf>) -> Self {
        Self {
            compiler,
            component,
            built: Mutex::default(),
        }
    }

    /// The connector of a crate. The error is a sentence.
    pub(crate) async fn connector(&self, folder: &Path) -> Result<Arc<Connector>, String> {
        let place = self.component.clone().unwrap_or_else(|| folder.to_owned());
        let slot = {
            let mut built = self.built.lock().unwrap_or_else(PoisonError::into_inner);
            Arc::clone(built.entry(place.clone()).or_default())
        };
        let is_built = self.component.is_some();
        let made = slot.get_or_init(|| async move {
            let making = tokio::task::spawn_blocking(move || make(&place, is_built));
            match making.await {
                Ok(made) => made.map(Arc::new),
                Err(error) => Err(format!("the connector's build ended: {error}")),
            }
        });
        made.await.clone()
    }
}

fn make(place: &Path, is_built: bool) -> Result<Connector, String> {
    let path = if is_built {
        place.to_owned()
    } else {
        let built = tollgate_package::build(&BuildOptions::new(place));
        built.map_err(|error| error.to_string())?.path
    };
    let bytes =
        fs::read(&path).map_err(|error| format!("{} cannot be read: {error}", path.display()))?;
    Ok(Connector {
        digest: Digest::of(&bytes),
        bytes,
        template: AsyncMutex::new(None),
    })
}

impl Connector {
    /// Make `home` a host's home that has this component compiled, and the keys
    /// that authenticate the native code. The first manifest that is installed
    /// pays for the compilation.
    pub(crate) async fn prepare(
        &self,
        home: &Path,
        manifest: &str,
        compiler: &Compiler,
    ) -> Result<(), String> {
        let mut template = self.template.lock().await;
        let made = match template.take() {
            Some(made) => made,
            None => self.compile(manifest, compiler).await?,
        };
        let copied = ["keys", "cache"]
            .into_iter()
            .try_for_each(|part| copy(&made.path().join(part), &home.join(part)));
        *template = Some(made);
        copied.map_err(|error| format!("the temporary home cannot be made: {error}"))
    }

    async fn compile(&self, manifest: &str, compiler: &Compiler) -> Result<TempDir, String> {
        let home =
            TempDir::new().map_err(|error| format!("there is no temporary folder: {error}"))?;
        let options = HostOptions::new(home.path(), compiler.clone(), Role::Operate);
        let host = Host::open(options)
            .await
            .map_err(|error| error.to_string())?;
        let installed = host
            .install("the scenario's manifest", manifest, &self.bytes, "eval")
            .await;
        host.shutdown().await;
        installed.map_err(|error| explained(&error))?;
        Ok(home)
    }
}

/// An error with its causes.
pub(crate) fn explained(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(next) = cause {
        let said = next.to_string();
        // An error that passes another on says the same twice.
        if !text.contains(&said) {
            text = format!("{text}: {said}");
        }
        cause = next.source();
    }
    text
}

/// Copy a folder's files over those of another. Links are left out: they would
/// lead out of the scenario.
pub(crate) fn copy(from: &Path, to: &Path) -> std::io::Result<()> {
    fs::create_dir_all(to)?;
    for entry in fs::read_dir(from)? {
        let entry = entry?;
        let target = to.join(entry.file_name());
        let kind = entry.file_type()?;
        if kind.is_dir() {
            copy(&entry.path(), &target)?;
        } else if kind.is_file() {
            fs::copy(entry.path(), &target)?;
        }
    }
    Ok(())
}

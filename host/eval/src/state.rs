//! What is there before a scenario's calls, and what must be there afterwards:
//! files, databases, stores. All of it is looked at directly, not through the
//! connector.

mod kv;
mod rows;

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use tollgate_policy::Manifest;

use crate::connector::copy;
use crate::fit::like;
use crate::report::Finding;
use crate::scenario::{ExpectFile, Meanwhile, Scenario, Sources, read_text};

/// The state of one scenario.
pub(crate) struct State {
    scenario: PathBuf,
    home: PathBuf,
    tenant: tollgate_runtime::Tenant,
    connector: String,
    /// Granted directories, by name.
    directories: BTreeMap<String, PathBuf>,
    /// Granted databases, by name.
    databases: BTreeMap<String, PathBuf>,
    /// The quota of each granted store.
    stores: BTreeMap<String, u64>,
    /// A copy of all files as they were before the first call.
    before: BTreeMap<String, PathBuf>,
}

impl State {
    /// The places that a manifest grants, in a home.
    pub(crate) fn of(scenario: &Path, home: &Path, manifest: &Manifest) -> Self {
        let grant = &manifest.grant;
        let directories = grant.files.iter();
        let directories =
            directories.map(|(name, files)| (name.clone(), home.join(&files.directory)));
        let databases = grant.sql.iter().map(|(name, sql)| {
            let path = sql.source.strip_prefix("sqlite:").unwrap_or(&sql.source);
            (name.clone(), home.join(path))
        });
        let stores = grant.kv.iter();
        Self {
            scenario: scenario.to_owned(),
            home: home.to_owned(),
            tenant: manifest.tenant.clone(),
            connector: manifest.connector.clone(),
            directories: directories.collect(),
            databases: databases.collect(),
            stores: stores
                .map(|(name, kv)| (name.clone(), kv.max_bytes))
                .collect(),
            before: BTreeMap::new(),
        }
    }

    /// Put everything there. The error is a sentence.
    pub(crate) async fn put(&mut self, scenario: &Scenario) -> Result<(), String> {
        for path in self.directories.values() {
            fs::create_dir_all(path).map_err(|error| said(path, &error))?;
        }
        for (name, folders) in self.sources(scenario.files.as_ref(), "files", &self.directories)? {
            for folder in folders {
                let from = self.scenario.join(folder);
                copy(&from, &self.directories[&name]).map_err(|error| said(&from, &error))?;
            }
        }
        let databases =
            self.sources(scenario.database.as_ref(), "database.sql", &self.databases)?;
        for (name, files) in databases {
            for file in files {
                let file = self.scenario.join(file);
                rows::execute(&self.databases[&name], &read_text(&file)?)
                    .await
                    .map_err(|error| format!("{}: {error}", file.display()))?;
            }
        }
        self.sql(scenario.sql.as_deref(), "sql").await?;
        kv::put(self).await?;
        for (name, path) in &self.directories {
            let kept = self.home.join("before").join(name);
            copy(path, &kept).map_err(|error| said(path, &error))?;
            self.before.insert(name.clone(), kept);
        }
        Ok(())
    }

    /// What somebody else does between two steps.
    pub(crate) async fn change(&self, meanwhile: &Meanwhile) -> Result<(), String> {
        self.sql(meanwhile.sql.as_deref(), "meanwhile.sql").await?;
        if let Some(folder) = &meanwhile.files {
            let from = self.scenario.join(folder);
            let to = only(&self.directories, None, "directory")?;
            copy(&from, to).map_err(|error| said(&from, &error))?;
        }
        Ok(())
    }

    async fn sql(&self, text: Option<&str>, key: &str) -> Result<(), String> {
        let Some(text) = text else { return Ok(()) };
        let database = only(&self.databases, None, "database")?;
        let done = rows::execute(database, text).await;
        done.map_err(|error| format!("`{key}`: {error}"))
    }

    /// What is there now and is not as expected.
    pub(crate) async fn findings(&self, scenario: &Scenario) -> Result<Vec<Finding>, String> {
        let mut findings = Vec::new();
        for expected in &scenario.expect_files {
            findings.extend(self.file(expected)?);
        }
        for expected in &scenario.expect_rows {
            let database = only(&self.databases, expected.database.as_deref(), "database")?;
            findings.extend(rows::findings(database, expected).await?);
        }
        findings.extend(kv::findings(self, &scenario.expect_kv).await?);
        Ok(findings)
    }

    /// Which files go where: as the scenario says, or the usual one where it is
    /// there.
    fn sources(
        &self,
        written: Option<&Sources>,
        usual: &str,
        granted: &BTreeMap<String, PathBuf>,
    ) -> Result<BTreeMap<String, Vec<PathBuf>>, String> {
        let all = match written {
            None if self.scenario.join(usual).exists() => vec![PathBuf::from(usual)],
            None => return Ok(BTreeMap::new()),
            Some(Sources::One(path)) => vec![path.clone()],
            Some(Sources::Several(paths)) => paths.clone(),
            Some(Sources::Named(named)) => {
                return match named.keys().find(|name| !granted.contains_key(*name)) {
                    Some(name) => Err(format!("the manifest grants no `{name}`")),
                    None => Ok(named.clone()),
                };
            }
        };
        match granted.keys().next() {
            Some(name) if granted.len() == 1 => Ok(BTreeMap::from([(name.clone(), all)])),
            _ => Err(format!(
                "`{usual}` is for the only one that is granted; the manifest grants {}: name it",
                granted.len()
            )),
        }
    }

    fn file(&self, expected: &ExpectFile) -> Result<Vec<Finding>, String> {
        let name = expected.directory.as_deref();
        let directory = only(&self.directories, name, "directory")?;
        let what = format!("file {}", expected.path.display());
        let now = read_there(&directory.join(&expected.path))?;
        let mut findings = Vec::new();
        if expected.absent {
            if now.is_some() {
                findings.push(Finding::says(format!("{what} is there and must not be")));
            }
            return Ok(findings);
        }
        let Some(now) = now else {
            return Ok(vec![Finding::says(format!("{what} is not there"))]);
        };
        if expected.unchanged {
            let kept = only(&self.before, name, "directory")?;
            if read_there(&kept.join(&expected.path))?.as_ref() != Some(&now) {
                findings.push(Finding::says(format!("{what} was changed")));
            }
        }
        let text = String::from_utf8_lossy(&now);
        if let Some(expected) = &expected.text
            && *expected != text
        {
            let found = Some(text.clone().into());
            findings.push(Finding::differs(what.clone(), expected.clone(), found));
        }
        if let Some(pattern) = &expected.like
            && !like(pattern, &text)
        {
            let found = Some(text.into());
            findings.push(Finding::differs(what, pattern.clone(), found));
        }
        Ok(findings)
    }
}

/// The place of this name, or the only one.
fn only<'a>(
    places: &'a BTreeMap<String, PathBuf>,
    name: Option<&str>,
    kind: &str,
) -> Result<&'a Path, String> {
    let found = match name {
        Some(name) => places.get(name),
        None if places.len() == 1 => places.values().next(),
        None => None,
    };
    found.map(PathBuf::as_path).ok_or_else(|| match name {
        Some(name) => format!("the manifest grants no {kind} `{name}`"),
        None => format!(
            "the manifest grants {} of this kind: name the {kind}",
            places.len()
        ),
    })
}

fn read_there(path: &Path) -> Result<Option<Vec<u8>>, String> {
    match fs::read(path) {
        Ok(bytes) => Ok(Some(bytes)),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(said(path, &error)),
    }
}

fn said(path: &Path, error: &std::io::Error) -> String {
    format!("{}: {error}", path.display())
}

//! The files of a new connector. Whoever follows them has a component that
//! builds, installs and answers, and then changes one function at a time.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use crate::Api;

/// The longest connector name, as in a manifest.
const NAME_BYTES_MAX: usize = 64;

/// File names and their texts; `{{name}}` and `{{sdk}}` are filled in.
const FILES: &[(&str, &str)] = &[
    ("Cargo.toml", include_str!("scaffold/Cargo.toml.in")),
    ("src/lib.rs", include_str!("scaffold/lib.rs.in")),
    ("manifest.toml", include_str!("scaffold/manifest.toml.in")),
    ("README.md", include_str!("scaffold/README.md.in")),
    (".gitignore", "/target\n"),
];

/// The same for a connector that is made of an API's description.
const API_FILES: &[(&str, &str)] = &[
    ("Cargo.toml", include_str!("scaffold/openapi.Cargo.toml.in")),
    ("src/lib.rs", include_str!("scaffold/openapi.lib.rs.in")),
    ("README.md", include_str!("scaffold/openapi.README.md.in")),
    (".gitignore", "/target\n"),
];

/// The head of such a connector's manifest.
const API_MANIFEST: &str = include_str!("scaffold/openapi.manifest.toml.in");

/// Why there is no new connector.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ScaffoldError {
    /// The name cannot be one.
    #[error(
        "`{name}` cannot name a connector; use 1 to {NAME_BYTES_MAX} of a-z 0-9 -, beginning with a letter"
    )]
    Name {
        /// The name.
        name: String,
    },
    /// There is something already.
    #[error("{} is not empty; choose a new folder", folder.display())]
    NotEmpty {
        /// The folder.
        folder: PathBuf,
    },
    /// The SDK's path cannot be written down.
    #[error("the path {} of tollgate-sdk is not text that Cargo.toml can hold", path.display())]
    SdkPath {
        /// The path.
        path: PathBuf,
    },
    /// A file cannot be written.
    #[error("{} cannot be written", path.display())]
    Io {
        /// Which one.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
}

/// Writes a new connector into `folder`, which must be new or empty. `sdk` is
/// the folder of the crate tollgate-sdk. The answer is the files written.
///
/// # Errors
/// The name cannot be one, the folder is not empty, or a file cannot be
/// written.
pub fn scaffold(folder: &Path, name: &str, sdk: &Path) -> Result<Vec<PathBuf>, ScaffoldError> {
    check_name(name)?;
    check_empty(folder)?;
    let sdk = basic_string(sdk)?;
    let filled = |text: &str| text.replace("{{name}}", name).replace("{{sdk}}", &sdk);
    let files = FILES.iter().map(|(file, text)| (*file, filled(text)));
    write_all(folder, files.collect())
}

/// Writes a connector that is made of an API's description, as [`scaffold`] does.
///
/// # Errors
/// As for [`scaffold`].
pub fn scaffold_api(
    folder: &Path,
    name: &str,
    sdk: &Path,
    api: &Api,
) -> Result<Vec<PathBuf>, ScaffoldError> {
    check_name(name)?;
    check_empty(folder)?;
    let sdk = basic_string(sdk)?;
    let filled = |text: &str| {
        text.replace("{{name}}", name)
            .replace("{{sdk}}", &sdk)
            .replace("{{about}}", &api.operations.about)
            .replace("{{tools}}", &api.tools)
    };
    let mut files: Vec<(&str, String)> = API_FILES
        .iter()
        .map(|(file, text)| (*file, filled(text)))
        .collect();
    files.push(("manifest.toml", filled(API_MANIFEST) + &api.manifest));
    let operations = serde_json::to_string_pretty(&api.operations).map_err(io::Error::from);
    let operations = operations.map_err(|source| ScaffoldError::Io {
        path: folder.join("operations.json"),
        source,
    })?;
    files.push(("operations.json", operations + "\n"));
    write_all(folder, files)
}

fn write_all(folder: &Path, files: Vec<(&str, String)>) -> Result<Vec<PathBuf>, ScaffoldError> {
    let mut written = Vec::new();
    for (file, text) in files {
        let path = folder.join(file);
        write(&path, &text).map_err(|source| ScaffoldError::Io {
            path: path.clone(),
            source,
        })?;
        written.push(path);
    }
    Ok(written)
}

fn check_name(name: &str) -> Result<(), ScaffoldError> {
    let fits = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
    let begins = name
        .bytes()
        .next()
        .is_some_and(|byte| byte.is_ascii_lowercase());
    if begins && name.len() <= NAME_BYTES_MAX && name.bytes().all(fits) {
        return Ok(());
    }
    Err(ScaffoldError::Name {
        name: name.to_owned(),
    })
}

fn check_empty(folder: &Path) -> Result<(), ScaffoldError> {
    let first = match fs::read_dir(folder) {
        Ok(mut entries) => entries.next(),
        Err(error) if error.kind() == io::ErrorKind::NotFound => None,
        Err(source) => {
            let path = folder.to_owned();
            return Err(ScaffoldError::Io { path, source });
        }
    };
    first.map_or(Ok(()), |_| {
        Err(ScaffoldError::NotEmpty {
            folder: folder.to_owned(),
        })
    })
}

/// The inside of a TOML basic string.
fn basic_string(path: &Path) -> Result<String, ScaffoldError> {
    let text = path
        .to_str()
        .filter(|text| !text.chars().any(char::is_control));
    let text = text.ok_or_else(|| ScaffoldError::SdkPath {
        path: path.to_owned(),
    })?;
    Ok(text.replace('\\', "\\\\").replace('"', "\\\""))
}

fn write(path: &Path, text: &str) -> io::Result<()> {
    if let Some(folder) = path.parent() {
        fs::create_dir_all(folder)?;
    }
    fs::write(path, text)
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a failing unwrap is the test's failure")]

    use super::*;

    #[test]
    fn names_are_those_of_a_manifest() {
        for name in ["", "-a", "1a", "A", "a_b", "a b", "../a", &"a".repeat(65)] {
            assert!(
                matches!(check_name(name), Err(ScaffoldError::Name { .. })),
                "{name}"
            );
        }
        assert!(check_name("crm-2").is_ok());
    }

    #[test]
    fn a_folder_with_something_in_it_is_left_alone() {
        let folder = tempfile::tempdir().unwrap();
        fs::write(folder.path().join("mine"), "x").unwrap();
        let error = scaffold(folder.path(), "crm", Path::new("/sdk")).unwrap_err();
        assert!(matches!(error, ScaffoldError::NotEmpty { .. }));
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1);
    }

    #[test]
    fn an_odd_path_is_quoted() {
        assert_eq!(basic_string(Path::new(r#"/a"b\c"#)).unwrap(), r#"/a\"b\\c"#);
        assert!(basic_string(Path::new("/a\nb")).is_err());
    }
}

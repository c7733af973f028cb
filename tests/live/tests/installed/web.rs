//! A sample manifest at a web server on loopback, with its secret.

#![expect(clippy::unwrap_used, reason = "a failing unwrap is the test's failure")]

use std::fs::Permissions;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;

use tollgate_runtime::SETTINGS_FILE;
use toml::Table;

/// Point the destination of a sample at a server on loopback.
pub(crate) fn at(manifest: &mut Table, destination: &str, base_url: &str) {
    let grant = manifest["grant"]["http"][destination]
        .as_table_mut()
        .unwrap();
    grant.insert("base_url".to_owned(), base_url.into());
    grant.insert("addresses".to_owned(), vec!["127.0.0.1"].into());
}

/// A secret in a file of its own, named by the settings of a home.
pub(crate) struct Secret<'a> {
    pub(crate) name: &'a str,
    pub(crate) origin: &'a str,
    pub(crate) header: &'a str,
    pub(crate) value: &'a str,
}

impl Secret<'_> {
    pub(crate) fn keep(&self, home: &Path) {
        let Self {
            name,
            origin,
            header,
            value,
        } = self;
        let file = home.join("secret");
        let text = format!(
            "[[secret]]\nname = \"{name}\"\norigin = \"{origin}\"\nheader = \"{header}\"\nfile = \"{}\"\n",
            file.display()
        );
        for (path, text) in [(file, *value), (home.join(SETTINGS_FILE), &text)] {
            std::fs::write(&path, text).unwrap();
            std::fs::set_permissions(&path, Permissions::from_mode(0o600)).unwrap();
        }
    }
}

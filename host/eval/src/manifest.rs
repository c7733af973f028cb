//! The manifest of a scenario: the connector's own, with what is other here, and
//! with every place moved to where the scenario is alone.
//!
//! The attack, or rather the accident: a sample manifest that names a real
//! server, a real database by an absolute path, a real secret. A scenario must
//! not reach any of them. So every destination becomes a server on loopback, and
//! every absolute path one in the scenario's own home.

use std::collections::BTreeSet;
use std::net::SocketAddr;
use std::path::Path;

use tollgate_policy::{Digest, Manifest, bundle_lists};
use toml::{Table, Value};
use url::Url;

use crate::mail::Offices;
use crate::scenario::read_text;
use crate::server::Servers;

/// The manifest of a scenario while it is made.
pub(crate) struct Draft {
    table: Table,
}

/// What a destination may resolve to.
const ADDRESSES: &str = "127.0.0.1/32";

impl Draft {
    /// The manifest in this file, with `overrides` in it. The error is a
    /// sentence.
    pub(crate) fn read(path: &Path, overrides: &Table, component: &Digest) -> Result<Self, String> {
        let text = read_text(path)?;
        let folder = path.parent().unwrap_or(Path::new(""));
        // A list's file is small; one that is not is refused by what reads it.
        let mut list = |name: &str, _: usize| read_text(&folder.join(name)).map(String::into_bytes);
        let text = bundle_lists(&path.display().to_string(), &text, &mut list)
            .map_err(|errors| errors.to_string())?;
        let mut table: Table = toml::from_str(&text).map_err(|error| {
            let at = error.span().map_or(0, |span| span.start);
            let (line, column) = crate::scenario::place(&text, at);
            format!("{}:{line}:{column}: {}", path.display(), error.message())
        })?;
        // As it is written, a fault has its line; later it has none.
        if overrides.is_empty() {
            let read = Manifest::parse(&path.display().to_string(), &text);
            if let Err(errors) = read
                && table.contains_key("component")
            {
                return Err(errors.to_string());
            }
        }
        merge(&mut table, overrides);
        table.insert("component".to_owned(), component.to_string().into());
        let mut draft = Self { table };
        draft.move_paths()?;
        draft.split_secrets();
        Ok(draft)
    }

    /// The destinations of a capability, for example of `http`.
    pub(crate) fn destinations(&self, capability: &str) -> Vec<String> {
        let grants = self
            .table
            .get("grant")
            .and_then(|grant| grant.get(capability));
        let grants = grants.and_then(Value::as_table);
        grants.map_or_else(Vec::new, |grants| grants.keys().cloned().collect())
    }

    /// Point every destination at a server of the scenario. At those that are
    /// `down` nobody listens.
    pub(crate) async fn serve(
        &mut self,
        servers: &mut Servers,
        offices: &mut Offices,
        down: &[String],
    ) -> Result<(), String> {
        let (http, mail) = (self.destinations("http"), self.destinations("mail"));
        for name in down {
            if !http.contains(name) && !mail.contains(name) {
                return Err(format!(
                    "`down` names `{name}`, which is no http or mail destination"
                ));
            }
        }
        if let Some(name) = servers.unknown_destinations(&http).first() {
            return Err(format!(
                "an exchange names the destination `{name}`, which is none"
            ));
        }
        if let Some(name) = offices.unknown_destinations(&mail).first() {
            return Err(format!(
                "a [[mail]] names the destination `{name}`, which is none"
            ));
        }
        let failed = |name: &str, error| format!("no server for `{name}`: {error}");
        for name in http {
            let address = match down.contains(&name) {
                true => servers.refuse(),
                false => servers.serve(&name).await,
            };
            let address = address.map_err(|error| failed(&name, error))?;
            if let Some(grant) = self.table_at(&["grant", "http", &name]) {
                move_destination(grant, address)?;
            }
        }
        for name in mail {
            let address = match down.contains(&name) {
                true => servers.refuse(),
                false => offices.serve(&name).await,
            };
            let address = address.map_err(|error| failed(&name, error))?;
            if let Some(grant) = self.table_at(&["grant", "mail", &name]) {
                move_mail(grant, address);
            }
        }
        Ok(())
    }

    /// The manifest's text, and what it says.
    pub(crate) fn finish(self) -> Result<Manifest, String> {
        let text = toml::to_string(&self.table)
            .map_err(|error| format!("the manifest cannot be written: {error}"))?;
        Manifest::parse("the scenario's manifest", &text)
            .map_err(|errors| format!("with the scenario's [override]: {errors}"))
    }

    fn table_at(&mut self, path: &[&str]) -> Option<&mut Table> {
        let mut table = &mut self.table;
        for name in path {
            table = table.get_mut(*name)?.as_table_mut()?;
        }
        Some(table)
    }

    /// Two destinations are two servers here, and a secret goes to one: where
    /// they share a slot, each further one gets a slot of its own.
    fn split_secrets(&mut self) {
        let mut taken = BTreeSet::new();
        for name in self.destinations("http") {
            let credential = self.table_at(&["grant", "http", &name, "credential"]);
            let Some(Value::String(secret)) =
                credential.and_then(|credential| credential.get_mut("secret"))
            else {
                continue;
            };
            if !taken.insert(secret.clone()) {
                *secret = format!("{secret}-{name}");
                taken.insert(secret.clone());
            }
        }
    }

    /// Paths outside of the home become paths in it. A database on a server has
    /// no such place: the error says what to write.
    fn move_paths(&mut self) -> Result<(), String> {
        for (capability, key, scheme) in [("files", "directory", ""), ("sql", "source", "sqlite:")]
        {
            for name in self.destinations(capability) {
                let grant = self.table_at(&["grant", capability, &name]);
                let Some(Value::String(place)) = grant.and_then(|grant| grant.get_mut(key)) else {
                    continue;
                };
                if capability == "sql" && place.starts_with("postgres:") {
                    return Err(format!(
                        "`grant.sql.{name}` is a database on a server (`{place}`), and a scenario \
                         has files only; write source = \"sqlite:data/{name}.db\" under \
                         [override.grant.sql.{name}]"
                    ));
                }
                let path = place.strip_prefix(scheme).unwrap_or(place);
                if path.starts_with('/') {
                    *place = format!("{scheme}data/{capability}-{name}");
                }
            }
        }
        Ok(())
    }
}

fn move_destination(grant: &mut Table, address: SocketAddr) -> Result<(), String> {
    if let Some(Value::String(url)) = grant.get_mut("base_url") {
        *url = moved(url, address)?;
    }
    grant.insert("addresses".to_owned(), Value::Array(vec![ADDRESSES.into()]));
    // Certificates are those of the real server.
    grant.remove("roots");
    if let Some(Value::Table(credential)) = grant.get_mut("credential") {
        without_oauth(credential);
    }
    Ok(())
}

/// A mail server without TLS, and so without a login: no password goes without
/// TLS, and both are the host's affair.
fn move_mail(grant: &mut Table, address: SocketAddr) {
    grant.insert("server".to_owned(), address.to_string().into());
    grant.insert("addresses".to_owned(), Value::Array(vec![ADDRESSES.into()]));
    grant.insert("tls".to_owned(), "none".into());
    grant.remove("roots");
    grant.remove("credential");
}

/// A token is asked for by the host, and never without TLS: that is no part of a
/// connector's scenario. The secret itself is the token here.
fn without_oauth(credential: &mut Table) {
    if credential.remove("oauth").is_none() {
        return;
    }
    for (name, value) in [("header", "authorization"), ("format", "Bearer {}")] {
        credential.insert(name.to_owned(), value.into());
    }
}

/// The same path at another server.
fn moved(url: &str, address: SocketAddr) -> Result<String, String> {
    let read = Url::parse(url).map_err(|error| format!("`{url}` is no URL: {error}"))?;
    Ok(format!(
        "http://{address}{}",
        read.path().trim_end_matches('/')
    ))
}

/// Put one table into another. Tables are merged, everything else is replaced.
fn merge(table: &mut Table, overrides: &Table) {
    for (name, value) in overrides {
        match (table.get_mut(name), value) {
            (Some(Value::Table(there)), Value::Table(inner)) => merge(there, inner),
            _ => {
                table.insert(name.clone(), value.clone());
            }
        }
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests")]

    use super::*;

    const SAMPLE: &str = r#"
connector = "desk"
component = "sha256:0000000000000000000000000000000000000000000000000000000000000000"
[limits]
calls = 20
deadline = "10s"
[grant.http.desk]
base_url = "https://desk.example/api/v2/"
roots = "corporate.pem"
[grant.http.desk.credential.oauth]
token_url = "https://login.example/oauth/token"
[grant.mail.office]
server = "smtp.example:587"
from = "desk@example.com"
to = ["*@example.com"]
[grant.mail.office.credential]
secret = "smtp-password"
user = "desk@example.com"
[grant.sql.orders]
source = "sqlite:/srv/orders.db"
[grant.files.box]
directory = "data/box"
"#;

    async fn draft(overrides: &str, down: &[String]) -> Result<Table, String> {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("manifest.toml");
        std::fs::write(&path, SAMPLE).unwrap();
        let overrides = toml::from_str(overrides).unwrap();
        let mut draft = Draft::read(&path, &overrides, &Digest::of(b"x"))?;
        let mut servers = Servers::new(folder.path(), Vec::new())?;
        let mut offices = Offices::new(Vec::new());
        draft.serve(&mut servers, &mut offices, down).await?;
        Ok(draft.table)
    }

    #[tokio::test]
    async fn no_place_is_the_operator_s() {
        let table = draft("limits = { calls = 3 }", &[]).await.unwrap();
        let desk = &table["grant"]["http"]["desk"];
        let url = desk["base_url"].as_str().unwrap();
        assert!(
            url.starts_with("http://127.0.0.1:") && url.ends_with("/api/v2"),
            "{url}"
        );
        let credential = desk["credential"].as_table().unwrap();
        assert!(!credential.contains_key("oauth"));
        assert_eq!(credential["header"].as_str(), Some("authorization"));
        assert_eq!(desk["addresses"].as_array().unwrap().len(), 1);
        assert!(desk.get("roots").is_none());
        let office = table["grant"]["mail"]["office"].as_table().unwrap();
        let server = office["server"].as_str().unwrap();
        assert!(server.starts_with("127.0.0.1:"), "{server}");
        assert_eq!(office["tls"].as_str(), Some("none"));
        assert!(!office.contains_key("credential"));
        assert_eq!(
            table["grant"]["sql"]["orders"]["source"].as_str(),
            Some("sqlite:data/sql-orders")
        );
        assert_eq!(
            table["grant"]["files"]["box"]["directory"].as_str(),
            Some("data/box")
        );
        assert_eq!(table["limits"]["calls"].as_integer(), Some(3));
        assert_eq!(table["limits"]["deadline"].as_str(), Some("10s"));
        assert_eq!(
            table["component"].as_str().unwrap(),
            Digest::of(b"x").to_string()
        );
    }

    #[tokio::test]
    async fn a_database_on_a_server_is_not_reached() {
        let orders = "grant = { sql = { orders = { source = \"postgres:orders\" } } }";
        let said = draft(orders, &[]).await.unwrap_err();
        assert!(said.contains("[override.grant.sql.orders]"), "{said}");
    }

    #[tokio::test]
    async fn a_slot_goes_to_one_server() {
        let more = "grant = { http = { wiki = { base_url = \"https://wiki.example\", credential = { secret = \"token\" } }, desk = { credential = { secret = \"token\" } } } }";
        let table = draft(more, &[]).await.unwrap();
        let secret = |name: &str| table["grant"]["http"][name]["credential"]["secret"].clone();
        assert_eq!(secret("desk").as_str(), Some("token"));
        assert_eq!(secret("wiki").as_str(), Some("token-wiki"));
    }

    #[tokio::test]
    async fn a_destination_that_is_none_is_an_error() {
        let said = draft("x = 1", &["dekc".to_owned()]).await.unwrap_err();
        assert!(said.contains("`dekc`"), "{said}");
    }
}

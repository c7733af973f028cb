//! Secrets in the settings: what each is, where it may go, where its value is.
//!
//! ```toml
//! [[secret]]
//! name = "desk-token"
//! tenant = "acme"                     # `default` where nothing is said
//! origin = "https://desk.example"     # the only place that it is ever sent to
//! header = "authorization"            # or: query, body, signature, oauth = true, login = true
//! # resource = "https://api.example" # with `oauth`: the only place for its tokens; or `resources`, a list
//! env = "DESK_TOKEN"                  # or: file, command = ["pass", "desk"], store = true
//! ```
//!
//! A secret that verifies what comes in for a trigger (`settings/triggers.rs`) is
//! never sent: its origin is `hook://` and the trigger's name, and its `signature`
//! is one of `standard-webhooks`, `github` and `slack`. That of a callback
//! (`settings/callbacks.rs`) has `callback://` and the callback's name.
//!
//! The value itself has no place in the file. The attack: one that is written into
//! a key all the same, and then said in a message. Nothing of the file is quoted.

use std::collections::HashSet;
use std::fmt;
use std::path::PathBuf;
use std::sync::Arc;

use serde::Deserialize;
use tollgate_policy::{Place, SignatureScheme};
use tollgate_secrets::{
    CommandSource, EnvironmentSource, FileSource, SealedStore, Slot, Source, is_name, origin_of,
};
use toml::Spanned;

use super::{Reader, SettingsError};

/// The tenant of a secret that names none.
const TENANT: &str = "default";

/// The schemes of the origins of secrets that verify what comes in: for a trigger, and
/// for a callback. The attack: one key for both, and a delivery that opens a run is
/// sent again as a decision.
const INCOMING: [&str; 2] = ["hook://", "callback://"];

/// A secret: its slot, and where its value comes from.
#[derive(Clone, Debug)]
pub struct SecretEntry {
    /// Whose it is, and where it may go.
    pub slot: Slot,
    /// Where its value comes from.
    pub source: SecretSource,
}

/// Where a secret's value comes from.
#[derive(Clone)]
pub enum SecretSource {
    /// The home's own store, sealed by its key ring.
    Sealed,
    /// Somewhere else.
    Of(Arc<dyn Source>),
}

impl SecretSource {
    /// The source itself, in a home with this store.
    pub(crate) fn open(self, slot: &Slot, store: &SealedStore) -> Arc<dyn Source> {
        match self {
            Self::Sealed => Arc::new(store.source(&slot.tenant, &slot.name)),
            Self::Of(source) => source,
        }
    }
}

impl fmt::Debug for SecretSource {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Sealed => f.write_str("Sealed"),
            Self::Of(source) => write!(f, "Of({})", source.describe()),
        }
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct SecretTable {
    name: Spanned<String>,
    tenant: Option<Spanned<String>>,
    origin: Spanned<String>,

    header: Option<Spanned<String>>,
    query: Option<Spanned<String>>,
    body: Option<Spanned<String>>,
    signature: Option<Spanned<String>>,
    oauth: Option<Spanned<bool>>,
    login: Option<Spanned<bool>>,
    resource: Option<Spanned<String>>,
    resources: Option<Spanned<Vec<Spanned<String>>>>,

    env: Option<Spanned<String>>,
    file: Option<Spanned<PathBuf>>,
    command: Option<Spanned<Vec<String>>>,
    store: Option<Spanned<bool>>,
}

impl Reader<'_> {
    pub(super) fn secrets(
        &self,
        tables: Vec<Spanned<SecretTable>>,
    ) -> Result<Vec<SecretEntry>, SettingsError> {
        let mut entries: Vec<SecretEntry> = Vec::with_capacity(tables.len());
        let mut known = HashSet::new();
        for table in tables {
            let at = table.span().start;
            let table = table.into_inner();
            let name_at = table.name.span().start;
            let entry = self.secret(at, table)?;
            if !known.insert((entry.slot.tenant.clone(), entry.slot.name.clone())) {
                let problem = "this tenant has a secret of this name already";
                return Err(self.wrong(name_at, problem.to_owned()));
            }
            entries.push(entry);
        }
        Ok(entries)
    }

    fn secret(&self, at: usize, table: SecretTable) -> Result<SecretEntry, SettingsError> {
        let name = self.plain(&table.name)?;
        let tenant = match &table.tenant {
            Some(tenant) => self.plain(tenant)?,
            None => TENANT.to_owned(),
        };
        let origin = self.origin(&table.origin)?;
        let place = self.place(at, &table)?;
        // The attack: a key that checks what comes in is sent out, or one whose
        // receiver knows it too is believed to be the sender's.
        let incoming = INCOMING.iter().any(|scheme| origin.starts_with(scheme));
        if incoming != verifies(&place) && !(incoming && signs_and_verifies(&place)) {
            let problem = "a secret of `hook://TRIGGER` or `callback://CALLBACK` has a `signature` that verifies what comes in: `standard-webhooks`, `github` or `slack`; the last two are of no other origin";
            return Err(self.wrong(at, problem.to_owned()));
        }
        let resources = self.resources(at, &table, &place)?;
        let source = self.source(at, table)?;
        let slot = Slot {
            name,
            tenant,
            origin,
            place,
            resources,
        };
        Ok(SecretEntry { slot, source })
    }

    fn origin(&self, text: &Spanned<String>) -> Result<String, SettingsError> {
        origin_of(text.get_ref()).ok_or_else(|| {
            let problem = "this is no origin; write scheme, host and port, as `https://desk.example`, without path or user";
            self.wrong(text.span().start, problem.to_owned())
        })
    }

    /// Where the tokens of an OAuth client may go. The attack: without a word on it,
    /// a manifest has them sent to a server of its author's.
    fn resources(
        &self,
        at: usize,
        table: &SecretTable,
        place: &Place,
    ) -> Result<Vec<String>, SettingsError> {
        let named = match (&table.resource, &table.resources) {
            (Some(one), None) => vec![self.origin(one)?],
            (None, Some(list)) => {
                let origins = list.get_ref().iter().map(|one| self.origin(one));
                origins.collect::<Result<_, _>>()?
            }
            (None, None) => Vec::new(),
            (Some(_), Some(list)) => {
                let problem = "give `resource` or `resources`, not both";
                return Err(self.wrong(list.span().start, problem.to_owned()));
            }
        };
        if named.is_empty() == (*place == Place::OAuthClient) {
            let problem = "a secret with `oauth = true`, and no other, has a `resource`: the origin that its tokens are for, as `https://api.example`; or several in `resources`";
            return Err(self.wrong(at, problem.to_owned()));
        }
        Ok(named)
    }

    fn plain(&self, name: &Spanned<String>) -> Result<String, SettingsError> {
        if is_name(name.get_ref()) {
            return Ok(name.get_ref().clone());
        }
        let problem = "this is no name; write 1 to 64 of letters, digits, `-` and `_`";
        Err(self.wrong(name.span().start, problem.to_owned()))
    }

    fn place(&self, at: usize, table: &SecretTable) -> Result<Place, SettingsError> {
        let named = |found: &Option<Spanned<String>>, fits: fn(&str) -> bool, problem: &str| {
            let Some(found) = found else { return Ok(None) };
            match fits(found.get_ref()) {
                true => Ok(Some(found.get_ref().clone())),
                false => Err(self.wrong(found.span().start, problem.to_owned())),
            }
        };
        let header = named(
            &table.header,
            is_header,
            "this is no header that can hold a secret; write its name in lower case, as `authorization`",
        )?;
        let query = named(
            &table.query,
            |name| !name.is_empty(),
            "a query parameter has a name",
        )?;
        let body = named(
            &table.body,
            |pointer| pointer.len() > 1 && pointer.starts_with('/'),
            "this is no JSON Pointer to a member; write `/token` (RFC 6901)",
        )?;
        let signature = match &table.signature {
            None => None,
            Some(scheme) => Some(match scheme.get_ref().as_str() {
                "standard-webhooks" => SignatureScheme::StandardWebhooks,
                "http-message" => SignatureScheme::HttpMessage,
                "github" => SignatureScheme::GitHub,
                "slack" => SignatureScheme::Slack,
                _ => {
                    let problem = "write `standard-webhooks` or `http-message`; of what comes in, `standard-webhooks`, `github` or `slack`";
                    return Err(self.wrong(scheme.span().start, problem.to_owned()));
                }
            }),
        };
        let mut places = [
            header.map(Place::Header),
            query.map(Place::Query),
            body.map(Place::Body),
            signature.map(Place::Signature),
            self.on(table.oauth.as_ref())?.then_some(Place::OAuthClient),
            self.on(table.login.as_ref())?.then_some(Place::Login),
        ]
        .into_iter()
        .flatten();
        match (places.next(), places.next()) {
            (Some(place), None) => Ok(place),
            _ => {
                let problem = "give exactly one of `header`, `query`, `body`, `signature`, `oauth = true` and `login = true`";
                Err(self.wrong(at, problem.to_owned()))
            }
        }
    }

    fn source(&self, at: usize, table: SecretTable) -> Result<SecretSource, SettingsError> {
        let env = table.env.map(|name| match is_variable(name.get_ref()) {
            true => Ok(Arc::new(EnvironmentSource::new(name.get_ref())) as Arc<dyn Source>),
            // A value that is pasted here would be said as a variable's name.
            false => {
                let problem = "this is no name of an environment variable; write upper-case letters, digits and `_`";
                Err(self.wrong(name.span().start, problem.to_owned()))
            }
        });
        let file = table.file.map(|path| {
            let path = self.home.join(path.into_inner());
            Arc::new(FileSource::new(path)) as Arc<dyn Source>
        });
        let command = table.command.map(|argv| {
            let command = CommandSource::new(argv.get_ref());
            command
                .map(|command| Arc::new(command) as Arc<dyn Source>)
                .ok_or_else(|| {
                    let problem = "write a program and its arguments, as `[\"pass\", \"desk\"]`";
                    self.wrong(argv.span().start, problem.to_owned())
                })
        });
        let sealed = self.on(table.store.as_ref())?;
        let others = [env.transpose()?, file, command.transpose()?];
        let mut sources = others
            .into_iter()
            .flatten()
            .map(SecretSource::Of)
            .chain(sealed.then_some(SecretSource::Sealed));
        match (sources.next(), sources.next()) {
            (Some(source), None) => Ok(source),
            _ => {
                let problem = "give exactly one of `env`, `file`, `command` and `store = true`";
                Err(self.wrong(at, problem.to_owned()))
            }
        }
    }

    /// A key that can only be there or not.
    fn on(&self, key: Option<&Spanned<bool>>) -> Result<bool, SettingsError> {
        match key {
            Some(key) if !key.get_ref() => {
                let problem = "leave the key out instead";
                Err(self.wrong(key.span().start, problem.to_owned()))
            }
            key => Ok(key.is_some()),
        }
    }
}

/// Whether only what comes in is signed so.
fn verifies(place: &Place) -> bool {
    matches!(
        place,
        Place::Signature(SignatureScheme::GitHub | SignatureScheme::Slack)
    )
}

/// Whether what is sent and what comes in may both be signed so.
fn signs_and_verifies(place: &Place) -> bool {
    *place == Place::Signature(SignatureScheme::StandardWebhooks)
}

/// Whether a header may hold a secret. Not those that the connection itself is
/// made of (RFC 9110, 7.6.1): a value there would be seen by others.
fn is_header(name: &str) -> bool {
    const NEVER: [&str; 7] = [
        "connection",
        "content-length",
        "host",
        "te",
        "trailer",
        "transfer-encoding",
        "upgrade",
    ];
    !name.is_empty()
        && name.bytes().all(|byte| {
            byte.is_ascii_lowercase() || byte.is_ascii_digit() || b"!#$%&'*+-.^_`|~".contains(&byte)
        })
        && !NEVER.contains(&name)
}

fn is_variable(name: &str) -> bool {
    !name.is_empty()
        && !name.starts_with(|first: char| first.is_ascii_digit())
        && name
            .bytes()
            .all(|byte| byte.is_ascii_uppercase() || byte.is_ascii_digit() || byte == b'_')
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests")]

    use std::fs;

    use super::super::{SETTINGS_FILE, Settings};
    use super::*;

    fn read(text: &str) -> Result<Vec<SecretEntry>, String> {
        let home = tempfile::tempdir().unwrap();
        fs::write(home.path().join(SETTINGS_FILE), text).unwrap();
        let here = home.path().display().to_string();
        let read = Settings::of(home.path());
        read.map(|settings| settings.secrets)
            .map_err(|error| error.to_string().replace(&here, "HOME"))
    }

    fn table(place: &str, source: &str) -> String {
        format!(
            "[[secret]]\nname = \"desk\"\norigin = \"https://Desk.example:443/\"\n{place}\n{source}\n"
        )
    }

    #[test]
    fn every_place_and_every_source_is_read() {
        let env = "env = \"DESK_TOKEN\"";
        let places = [
            (
                "header = \"authorization\"",
                Place::Header("authorization".into()),
            ),
            ("query = \"key\"", Place::Query("key".into())),
            ("body = \"/auth/token\"", Place::Body("/auth/token".into())),
            (
                "signature = \"standard-webhooks\"",
                Place::Signature(SignatureScheme::StandardWebhooks),
            ),
            (
                "signature = \"http-message\"",
                Place::Signature(SignatureScheme::HttpMessage),
            ),
            (
                "oauth = true\nresource = \"https://api.example\"",
                Place::OAuthClient,
            ),
            ("login = true", Place::Login),
        ];
        for (text, place) in places {
            let entries = read(&table(text, env)).unwrap();
            let slot = &entries[0].slot;
            assert_eq!(slot.place, place);
            assert_eq!(
                (
                    slot.name.as_str(),
                    slot.tenant.as_str(),
                    slot.origin.as_str()
                ),
                ("desk", "default", "https://desk.example")
            );
        }
        let sources = [
            (env, "Of(environment variable DESK_TOKEN)"),
            ("file = \"/run/secrets/desk\"", "Of(file /run/secrets/desk)"),
            ("command = [\"pass\", \"canary\"]", "Of(command pass)"),
            ("store = true", "Sealed"),
        ];
        for (text, source) in sources {
            let entries = read(&table("login = true", text)).unwrap();
            assert_eq!(format!("{:?}", entries[0].source), source);
        }
    }

    #[test]
    fn an_oauth_clients_tokens_have_the_origins_that_the_operator_names() {
        for (keys, expected) in [
            (
                "resource = \"https://API.example:443/\"",
                vec!["https://api.example"],
            ),
            (
                "resources = [\"https://api.example\", \"https://eu.api.example\"]",
                vec!["https://api.example", "https://eu.api.example"],
            ),
        ] {
            let text = table(&format!("oauth = true\n{keys}"), "store = true");
            assert_eq!(read(&text).unwrap()[0].slot.resources, expected);
        }
    }

    #[test]
    fn a_secret_that_verifies_what_comes_in_is_bound_to_its_trigger() {
        for scheme in ["standard-webhooks", "github", "slack"] {
            let text = table(&format!("signature = \"{scheme}\""), "store = true");
            let entries = read(&text.replace("https://Desk.example:443/", "hook://orders"));
            let slot = entries.unwrap().remove(0).slot;
            assert_eq!(slot.origin, "hook://orders");
            let Place::Signature(found) = slot.place else {
                panic!("{slot:?}");
            };
            assert_eq!(found.as_str(), scheme);
        }
    }

    #[test]
    fn what_is_not_understood_is_named_by_its_place_and_never_quoted() {
        let (login, env) = ("login = true", "env = \"X\"");
        let with = |key: &str, value: &str| {
            table(login, env).replace("name = \"desk\"", &format!("{key} = {value}"))
        };
        let cases = [
            (table("", env), "1:1"),
            (table("login = true\noauth = true", env), "1:1"),
            (table("login = false", env), "4:9"),
            (table("oauth = true", env), "1:1"),
            (table("oauth = true\nresources = []", env), "1:1"),
            (
                table("login = true\nresource = \"https://api.example\"", env),
                "1:1",
            ),
            (
                table(
                    "oauth = true\nresource = \"https://u:canary@api.example\"",
                    env,
                ),
                "5:12",
            ),
            (
                table(
                    "oauth = true\nresources = [\"https://api.example/canary\"]",
                    env,
                ),
                "5:14",
            ),
            (
                table(
                    "oauth = true\nresource = \"https://a.example\"\nresources = [\"https://a.example\"]",
                    env,
                ),
                "6:13",
            ),
            (table("header = \"Canary\"", env), "4:10"),
            (table("header = \"host\"", env), "4:10"),
            (table("query = \"\"", env), "4:9"),
            (table("body = \"canary\"", env), "4:8"),
            (table("signature = \"canary\"", env), "4:13"),
            (table("signature = \"github\"", env), "1:1"),
            (
                table(login, env).replace("https://Desk.example:443/", "hook://desk"),
                "1:1",
            ),
            (table(login, ""), "1:1"),
            (table(login, "env = \"X\"\nstore = true"), "1:1"),
            (table(login, "env = \"canary_value\""), "5:7"),
            (table(login, "command = []"), "5:11"),
            (table(login, "store = false"), "5:9"),
            (table(login, "value = \"canary\""), "5:1"),
            (with("name", "\"canary canary\""), "2:8"),
            (with("name", "\"../canary\""), "2:8"),
            (with("name", "[\"canary\"]"), "2:8"),
            (format!("{}{}", table(login, env), table(login, env)), "7:8"),
            (
                table(login, env).replace("https://", "https://u:canary@"),
                "3:10",
            ),
        ];
        for (text, place) in cases {
            let said = read(&text).unwrap_err();
            let expected = format!("HOME/tollgate.toml:{place}: ");
            assert!(said.starts_with(&expected), "{text}: {said}");
            assert!(!said.to_lowercase().contains("canary"), "{said}");
        }
        let two = table(login, env) + &table(login, env).replace("name", "tenant = \"acme\"\nname");
        assert_eq!(read(&two).unwrap().len(), 2, "two tenants may use one name");
    }
}

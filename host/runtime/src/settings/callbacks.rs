//! Decisions that come back from where an approval was announced.
//!
//! ```toml
//! [[callback]]
//! name = "slack"                   # POST /v1/callbacks/slack
//! tenant = "acme"                  # `default` where nothing is said
//! scheme = "slack"                 # or: "webhook", signed as Standard Webhooks says
//! team = "T024BE7LD"               # the workspace whose accounts are meant
//! secret = "slack-signing"         # a [[secret]] with origin = "callback://slack"
//! previous = "slack-signing-old"   # one more, while secrets are exchanged
//! approvals = ["finance"]          # those that may be decided so; no others, never exceptions
//! rate = "60/min"
//!
//! [callback.people]                # accounts, and the registered persons they are
//! U024BE7LH = "mira"
//! ```
//!
//! The attack: an account that nobody thought of decides, or an approval that nobody
//! meant for a chat. Both are lists without a pattern, and nothing is in them by itself.

use std::collections::{BTreeMap, BTreeSet, HashSet};
use std::time::Duration;

use serde::Deserialize;
use tollgate_journal::Tenant;
use toml::Spanned;

use super::{Reader, SecretEntry, SettingsError};
use crate::callbacks::{self, Callback, CallbackScheme};

/// Most accounts of a callback.
const PEOPLE_MAX: usize = 1_000;

/// The longest id of an account, and the longest name of a person, bytes.
const ACCOUNT_BYTES_MAX: usize = 128;

/// Most requests in a time where nothing is said: people press buttons.
const RATE: (u32, Duration) = (60, Duration::from_secs(60));

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct CallbackTable {
    name: Spanned<String>,
    tenant: Option<Spanned<String>>,
    scheme: Spanned<String>,
    team: Option<Spanned<String>>,
    secret: Spanned<String>,
    previous: Option<Spanned<String>>,
    approvals: Spanned<Vec<Spanned<String>>>,
    rate: Option<Spanned<String>>,
    people: Spanned<BTreeMap<Spanned<String>, Spanned<String>>>,
}

impl Reader<'_> {
    pub(super) fn callbacks(
        &self,
        tables: Vec<Spanned<CallbackTable>>,
        secrets: &[SecretEntry],
    ) -> Result<Vec<Callback>, SettingsError> {
        let mut known = HashSet::new();
        let mut callbacks = Vec::with_capacity(tables.len());
        for table in tables {
            let table = table.into_inner();
            let at = table.name.span().start;
            if !known.insert(table.name.get_ref().clone()) {
                let problem = "there is a callback of this name already; its address is the name";
                return Err(self.wrong(at, problem.to_owned()));
            }
            callbacks.push(self.callback(table, secrets)?);
        }
        Ok(callbacks)
    }

    fn callback(
        &self,
        table: CallbackTable,
        secrets: &[SecretEntry],
    ) -> Result<Callback, SettingsError> {
        let name = self.address_name(&table.name)?;
        let tenant = match &table.tenant {
            Some(tenant) => self.tenant(tenant)?,
            None => Tenant::default(),
        };
        let scheme = self.callback_scheme(&table.scheme, table.team.as_ref())?;
        let origin = callbacks::origin(&name);
        let mut slots = Vec::new();
        for slot in [Some(table.secret), table.previous].into_iter().flatten() {
            if self.scheme(&origin, &tenant, &slot, secrets)? != scheme.signature() {
                let problem = "its secret has `signature = \"slack\"` with `scheme = \"slack\"`, \
                               and \"standard-webhooks\" with \"webhook\"";
                return Err(self.wrong(slot.span().start, problem.to_owned()));
            }
            slots.push(slot.into_inner());
        }
        Ok(Callback {
            people: self.people(&scheme, table.people)?,
            approvals: self.named_approvals(table.approvals)?,
            rate: table
                .rate
                .as_ref()
                .map_or(Ok(RATE), |rate| self.rate(rate))?,
            secrets: slots,
            scheme,
            tenant,
            name,
        })
    }

    fn callback_scheme(
        &self,
        scheme: &Spanned<String>,
        team: Option<&Spanned<String>>,
    ) -> Result<CallbackScheme, SettingsError> {
        let wrong = |at: &Spanned<String>, problem: &str| {
            Err(self.wrong(at.span().start, problem.to_owned()))
        };
        match (scheme.get_ref().as_str(), team) {
            ("slack", Some(team)) if is_slack_id(team.get_ref(), b"T") => {
                Ok(CallbackScheme::Slack {
                    team: team.get_ref().clone(),
                })
            }
            ("slack", Some(team)) => wrong(
                team,
                "this is no id of a workspace; write it as `T024BE7LD`",
            ),
            ("slack", None) => wrong(
                scheme,
                "name the workspace too, as `team = \"T024BE7LD\"`: ids of accounts are its own",
            ),
            ("webhook", None) => Ok(CallbackScheme::Webhook),
            ("webhook", Some(team)) => wrong(team, "a `team` is of `scheme = \"slack\"` alone"),
            _ => wrong(scheme, "write `slack` or `webhook`"),
        }
    }

    fn people(
        &self,
        scheme: &CallbackScheme,
        written: Spanned<BTreeMap<Spanned<String>, Spanned<String>>>,
    ) -> Result<BTreeMap<String, String>, SettingsError> {
        let at = written.span().start;
        let written = written.into_inner();
        if !(1..=PEOPLE_MAX).contains(&written.len()) {
            let problem = format!("name 1 to {PEOPLE_MAX} accounts, as `U024BE7LH = \"mira\"`");
            return Err(self.wrong(at, problem));
        }
        let mut people = BTreeMap::new();
        for (account, person) in written {
            let fits = match scheme {
                CallbackScheme::Slack { .. } => is_slack_id(account.get_ref(), b"UW"),
                CallbackScheme::Webhook => is_plain(account.get_ref()),
            };
            if !fits {
                let problem = "this is no id of an account; Slack's are written as `U024BE7LH`";
                return Err(self.wrong(account.span().start, problem.to_owned()));
            }
            if !is_plain(person.get_ref()) {
                let problem = "this is no name of a registered person";
                return Err(self.wrong(person.span().start, problem.to_owned()));
            }
            people.insert(account.into_inner(), person.into_inner());
        }
        Ok(people)
    }

    fn named_approvals(
        &self,
        written: Spanned<Vec<Spanned<String>>>,
    ) -> Result<BTreeSet<String>, SettingsError> {
        if written.get_ref().is_empty() {
            let problem = "name each approval that may be decided so, as `[\"finance\"]`";
            return Err(self.wrong(written.span().start, problem.to_owned()));
        }
        let names = written.get_ref().iter();
        names.map(|name| self.queue_word(name, 64)).collect()
    }
}

/// An id of Slack's: a letter that says of what, and upper-case letters and digits.
fn is_slack_id(id: &str, kinds: &[u8]) -> bool {
    let rest = |byte: u8| byte.is_ascii_uppercase() || byte.is_ascii_digit();
    (2..=ACCOUNT_BYTES_MAX).contains(&id.len())
        && id.bytes().next().is_some_and(|kind| kinds.contains(&kind))
        && id.bytes().all(rest)
}

/// Without a space or a `:`, which no registered person's name has.
fn is_plain(name: &str) -> bool {
    let fits = |byte: u8| byte.is_ascii_graphic() && byte != b':';
    (1..=ACCOUNT_BYTES_MAX).contains(&name.len()) && name.bytes().all(fits)
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests")]

    use std::fs;

    use super::super::{SETTINGS_FILE, Settings};
    use super::*;

    const SECRET: &str = "[[secret]]\nname = \"key\"\norigin = \"callback://slack\"\nsignature = \"slack\"\nstore = true\n";

    const CALLBACK: &str = "[[callback]]\nname = \"slack\"\nscheme = \"slack\"\nteam = \"T1\"\nsecret = \"key\"\napprovals = [\"finance\"]\npeople = { U1 = \"mira\" }\n";

    fn read(text: &str) -> Result<Vec<Callback>, String> {
        let home = tempfile::tempdir().unwrap();
        fs::write(home.path().join(SETTINGS_FILE), text).unwrap();
        let here = home.path().display().to_string();
        let read = Settings::of(home.path());
        read.map(|settings| settings.callbacks)
            .map_err(|error| error.to_string().replace(&here, "HOME"))
    }

    #[test]
    fn a_callback_is_read_to_the_last_key() {
        let more = "tenant = \"acme\"\nrate = \"5/h\"\n";
        let owned = SECRET.replace("[[secret]]", "[[secret]]\ntenant = \"acme\"");
        let callbacks = read(&format!("{CALLBACK}{more}{owned}")).unwrap();
        let callback = &callbacks[0];
        let team = "T1".to_owned();
        assert_eq!(callback.scheme, CallbackScheme::Slack { team });
        assert_eq!((callback.tenant.as_str(), callback.rate.0), ("acme", 5));
        assert_eq!(callback.people["U1"], "mira");
        assert!(callback.approvals.contains("finance"));
        let program = CALLBACK
            .replace("scheme = \"slack\"\nteam = \"T1\"", "scheme = \"webhook\"")
            .replace("U1", "\"mira@acme.example\"");
        let secret = SECRET.replace("\"slack\"\nstore", "\"standard-webhooks\"\nstore");
        let callbacks = read(&format!("{program}{secret}")).unwrap();
        assert_eq!(
            (callbacks[0].scheme.clone(), callbacks[0].rate),
            (CallbackScheme::Webhook, RATE)
        );
        assert!(callbacks[0].people.contains_key("mira@acme.example"));
    }

    #[test]
    fn what_is_not_understood_is_named_by_its_place() {
        let with = |from: &str, to: &str| format!("{}{SECRET}", CALLBACK.replace(from, to));
        let hook = SECRET.replace("callback://", "hook://");
        let github = SECRET.replace("signature = \"slack\"", "signature = \"github\"");
        let cases = [
            (CALLBACK.to_owned(), "5:10"),
            // A trigger's key is no callback's, and GitHub sends no decisions.
            (format!("{CALLBACK}{hook}"), "5:10"),
            (format!("{CALLBACK}{github}"), "5:10"),
            (with("name = \"slack\"", "name = \"Slack\""), "2:8"),
            (with("scheme = \"slack\"", "scheme = \"github\""), "3:10"),
            (with("scheme = \"slack\"", "scheme = \"webhook\""), "4:8"),
            (with("team = \"T1\"\n", ""), "3:10"),
            (with("\"T1\"", "\"acme\""), "4:8"),
            (with("[\"finance\"]", "[]"), "6:13"),
            (with("[\"finance\"]", "[\"*\"]"), "6:14"),
            (with("approvals = [\"finance\"]\n", ""), "1:1"),
            (with("{ U1 = \"mira\" }", "{}"), "7:10"),
            (with("people = { U1 = \"mira\" }\n", ""), "1:1"),
            (with("U1", "mira"), "7:12"),
            (with("\"mira\"", "\"person:mira\""), "7:17"),
            (with("people", "person"), "7:1"),
            (format!("{CALLBACK}{}", with("", "")), "9:8"),
        ];
        for (text, place) in cases {
            let said = read(&text).map(|_| text.clone()).unwrap_err();
            let expected = format!("HOME/tollgate.toml:{place}: ");
            assert!(said.starts_with(&expected), "{text}\n{said}\n{expected}");
        }
    }
}

//! Who hears that somebody is asked.
//!
//! ```toml
//! public_url = "https://gate.example"   # where people sign in; what `{link}` begins with
//!
//! [[notify]]
//! approval = "finance"               # its name in manifests, or "*" for all
//! tenant = "acme"                    # without one: all tenants that have none of their own
//! name = "money"                     # from here on as a [[queue.delivery]]
//! connector = "team-chat"
//! tool = "post"
//! input = { text = "{approvers}: {connector}.{tool} waits until {decide_by}, {link}" }
//! attempts = 8
//! standing = { by = "person:mira", call = "http.send", destination = "chat" }
//! ```
//!
//! The attack: whoever reads the chat decides. An announcement has no credential; its
//! link leads to the page where a person signs in, and `{digest}` decides nothing but in
//! a callback (`settings/callbacks.rs`) that is signed by the chat service and pressed by
//! an account that the operator has named. What the call would do, and the words of an
//! agent or a guest, are not among its fields.

use std::collections::BTreeMap;

use serde::Deserialize;
use tollgate_policy::queue::{ApprovalField, Notification, Notifications};
use toml::Spanned;
use url::{Host, Url};

use super::queues::{DELIVERIES_MAX, DeliveryTable, NAME_BYTES_MAX, StandingTable};
use super::{Reader, SettingsError};

/// All approvals, whatever they are called.
const ALL: &str = "*";

/// The announcements of all tenants, and where their links lead.
#[derive(Clone, Debug, Default)]
pub(crate) struct Announcing {
    /// Of tenants that have none of their own.
    shared: Notifications,
    own: BTreeMap<String, Notifications>,
    /// Without a `/` at its end.
    public_url: Option<String>,
}

impl Announcing {
    pub(super) fn of(&self, tenant: &str) -> &Notifications {
        self.own.get(tenant).unwrap_or(&self.shared)
    }

    /// Where people find this host.
    pub(super) fn public_url(&self) -> Option<&str> {
        self.public_url.as_deref()
    }

    pub(super) fn link(&self, approval: &str) -> String {
        let url = self.public_url.as_ref();
        url.map(|url| format!("{url}/approvals/{approval}"))
            .unwrap_or_default()
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct NotifyTable {
    approval: Spanned<String>,
    tenant: Option<Spanned<String>>,
    name: Spanned<String>,
    connector: Spanned<String>,
    tool: Spanned<String>,
    input: BTreeMap<Spanned<String>, Spanned<toml::Value>>,
    attempts: Option<Spanned<u32>>,
    standing: Option<StandingTable>,
}

impl Reader<'_> {
    pub(super) fn announcing(
        &self,
        public_url: Option<&Spanned<String>>,
        tables: Vec<Spanned<NotifyTable>>,
    ) -> Result<Announcing, SettingsError> {
        let public_url = public_url.map(|url| self.public_url(url)).transpose()?;
        let mut sets: BTreeMap<Option<String>, Vec<Notification>> = BTreeMap::new();
        for table in tables {
            let at = table.span().start;
            let table = table.into_inner();
            let approval = match table.approval.get_ref().as_str() {
                ALL => None,
                _ => Some(self.queue_word(&table.approval, 64)?),
            };
            let tenant = table.tenant.as_ref();
            let tenant = tenant
                .map(|tenant| self.queue_word(tenant, 64))
                .transpose()?;
            let name_at = table.name.span().start;
            let delivery = self.delivery(DeliveryTable {
                name: table.name,
                connector: table.connector,
                tool: table.tool,
                input: table.input,
                attempts: table.attempts,
                standing: table.standing,
            })?;
            if public_url.is_none() && delivery.input.uses(ApprovalField::Link) {
                let problem = "`{link}` leads nowhere; write `public_url = \"https://…\"` at \
                               the top of the file";
                return Err(self.wrong(at, problem.to_owned()));
            }
            let set = sets.entry(tenant).or_default();
            let known = |known: &Notification| known.delivery.name == delivery.name;
            if set.iter().any(known) || set.len() == DELIVERIES_MAX {
                let problem = format!(
                    "a tenant has at most {DELIVERIES_MAX} notifications, each with a name of \
                     its own of 1 to {NAME_BYTES_MAX} characters"
                );
                return Err(self.wrong(name_at, problem));
            }
            set.push(Notification { approval, delivery });
        }
        let shared = sets.remove(&None).unwrap_or_default();
        let own = sets.into_iter();
        let own = own.filter_map(|(tenant, set)| Some((tenant?, Notifications::new(set))));
        Ok(Announcing {
            shared: Notifications::new(shared),
            own: own.collect(),
            public_url,
        })
    }

    /// The attack: a link over an open network, where whoever listens has the session
    /// of the person that follows it.
    fn public_url(&self, written: &Spanned<String>) -> Result<String, SettingsError> {
        let local = |url: &Url| match url.host() {
            Some(Host::Domain(name)) => name == "localhost",
            Some(Host::Ipv4(address)) => address.is_loopback(),
            Some(Host::Ipv6(address)) => address.is_loopback(),
            None => false,
        };
        let bare = |url: &Url| {
            url.username().is_empty()
                && url.password().is_none()
                && url.query().is_none()
                && url.fragment().is_none()
        };
        let url = Url::parse(written.get_ref()).ok().filter(|url| {
            let kept = url.scheme() == "https" || url.scheme() == "http" && local(url);
            kept && bare(url)
        });
        let url = url.ok_or_else(|| {
            let problem = "this is no address of the gate; write `https://gate.example`, without \
                           a user, `?` or `#`";
            self.wrong(written.span().start, problem.to_owned())
        })?;
        Ok(url.as_str().trim_end_matches('/').to_owned())
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests")]

    use std::fs;

    use super::super::{QueueSettings, SETTINGS_FILE, Settings};

    fn read(text: &str) -> Result<QueueSettings, String> {
        let home = tempfile::tempdir().unwrap();
        fs::write(home.path().join(SETTINGS_FILE), text).unwrap();
        let here = home.path().display().to_string();
        let read = Settings::of(home.path());
        read.map(|settings| settings.queues)
            .map_err(|error| error.to_string().replace(&here, "HOME"))
    }

    const URL: &str = "public_url = \"https://gate.example/t/\"\n";
    const NOTIFY: &str = "[[notify]]\napproval = \"finance\"\nname = \"money\"\n\
        connector = \"chat\"\ntool = \"post\"\n\
        input = { text = \"{approval} {link}\" }\n";

    #[test]
    fn a_home_that_says_nothing_announces_nothing() {
        let queues = read("").unwrap();
        let names = queues.notifications("acme").of_approval("finance").count();
        assert_eq!((names, queues.link("apr-1")), (0, String::new()));
    }

    #[test]
    fn a_tenants_own_stand_in_the_place_of_those_of_all() {
        let own = NOTIFY
            .replace("\"finance\"", "\"*\"\ntenant = \"acme\"")
            .replace("money", "mine");
        let queues = read(&format!("{URL}{NOTIFY}{own}")).unwrap();
        let names = |tenant: &str, approval: &str| -> Vec<String> {
            let notifications = queues.notifications(tenant);
            notifications.of_approval(approval).collect()
        };
        assert_eq!(names("other", "finance"), ["notify:money"]);
        assert!(names("other", "boss").is_empty());
        assert_eq!(names("acme", "boss"), ["notify:mine"]);
        let definition = queues.definition("other", "notify:money").unwrap();
        assert_eq!((definition.connector, definition.tool), ("chat", "post"));
        assert!(queues.definition("acme", "notify:money").is_none());
        assert_eq!(
            queues.link("apr-1"),
            "https://gate.example/t/approvals/apr-1"
        );
    }

    #[test]
    fn what_is_not_understood_is_named_by_its_place() {
        let with = |from: &str, to: &str| format!("{URL}{}", NOTIFY.replace(from, to));
        let cases = [
            (NOTIFY.to_owned(), "1:1: `{link}` leads nowhere"),
            (
                with("{approval}", "{aproval}"),
                "7:18: an approval has no such field; did you mean `approval`?",
            ),
            (
                with("{approval}", "{arguments}"),
                "7:18: an approval has no such field; write one of",
            ),
            (
                with("{approval}", "{class}"),
                "7:18: an approval has no such field",
            ),
            (with("\"finance\"", "\"fin*\""), "3:12: this is no name"),
            (with("\"money\"", "\"a b\""), "4:8: this is no name"),
            (
                with("aproval", "x") + NOTIFY,
                "10:8: a tenant has at most 8",
            ),
            (with("tool =", "tol ="), "6:1: "),
            (
                with("tool =", "attempts = 0\ntool ="),
                "6:12: a delivery is tried 1 to 20",
            ),
            (
                URL.replace("https", "http"),
                "1:14: this is no address of the gate",
            ),
            (
                URL.replace("gate", "me@gate"),
                "1:14: this is no address of the gate",
            ),
            (
                URL.replace("/t/", "/?x=1"),
                "1:14: this is no address of the gate",
            ),
        ];
        for (text, expected) in cases {
            let said = read(&text).map(|_| text.clone()).unwrap_err();
            let expected = format!("HOME/tollgate.toml:{expected}");
            assert!(said.starts_with(&expected), "{text}\n{said}\n{expected}");
        }
        assert!(read(&URL.replace("https://gate.example", "http://127.0.0.1:8080")).is_ok());
    }
}

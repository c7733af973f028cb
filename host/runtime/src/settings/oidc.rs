//! Where a tenant's people sign in.
//!
//! ```toml
//! public_url = "https://gate.example"    # where the provider sends people back to
//!
//! [[secret]]
//! name = "sign-in"
//! origin = "https://login.example"       # the provider's token endpoint
//! oauth = true
//! resource = "https://gate.example"      # this host: no connector has a use for it
//! env = "OIDC_CLIENT_SECRET"
//!
//! [oidc]
//! issuer = "https://login.example"       # to the letter, as the provider writes it
//! client_id = "tollgate"
//! client_secret = "sign-in"              # the [[secret]]
//! # tenant = "default"                   # whose people these are
//! # person = "sub"                       # or "email": a verified one
//! # scopes = ["groups"]                  # to ask for beside `openid`
//! # groups_claim = "groups"
//! # addresses = ["10.0.0.8"]             # an issuer inside one's own network
//! # roots = "login.pem"                  # certificates to trust there
//!
//! [oidc.groups]                          # the host's group = the provider's
//! finance = "gate-finance"
//! ```
//!
//! A provider says who somebody is, and the operator who may decide. So nobody is a
//! person here whom the operator has not registered (`tollgate principal NAME
//! --oidc-subject`), and a group of the provider's takes away and never gives: `finance`
//! above counts for those whom the operator put into `finance`, while the provider has
//! them in `gate-finance`. The attack that this stops: whoever administers the provider,
//! or a group of it, becomes an approver of payments without a line in this host. The
//! price: a new approver is registered at both.

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::path::PathBuf;

use ipnet::IpNet;
use serde::Deserialize;
use tollgate_identity::oidc::{PersonClaim, Provider};
use tollgate_journal::Tenant;
use tollgate_policy::Place;
use toml::Spanned;
use url::{Host, Url};

use super::{Reader, SecretEntry, SettingsError, text_of};
use crate::connectors::closest;

/// Where a provider sends people back to, below the public address.
const CALLBACK: &str = "/login/oidc/callback";

/// The longest text of this table, bytes.
const TEXT_BYTES_MAX: usize = 1_024;

/// Who signs a tenant's people in, and which of their groups count.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OidcSettings {
    /// Whose people it signs in.
    pub tenant: Tenant,
    /// The provider.
    pub provider: Provider,
    /// The host's groups that count only while the provider has the person in a group
    /// of its own.
    pub groups: BTreeMap<String, String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct OidcTable {
    issuer: Spanned<String>,
    client_id: Spanned<String>,
    client_secret: Spanned<String>,
    tenant: Option<Spanned<String>>,
    person: Option<Spanned<String>>,
    #[serde(default)]
    scopes: Vec<Spanned<String>>,
    groups_claim: Option<Spanned<String>>,
    #[serde(default)]
    addresses: Vec<Spanned<String>>,
    roots: Option<PathBuf>,
    #[serde(default)]
    groups: BTreeMap<Spanned<String>, Spanned<String>>,
}

impl Reader<'_> {
    pub(super) fn oidc(
        &self,
        table: Spanned<OidcTable>,
        public_url: Option<&str>,
        secrets: &[SecretEntry],
    ) -> Result<OidcSettings, SettingsError> {
        let at = table.span().start;
        let table = table.into_inner();
        let redirect = public_url.and_then(|url| Url::parse(&format!("{url}{CALLBACK}")).ok());
        let redirect = redirect.ok_or_else(|| {
            let problem = "the provider has nowhere to send people back to; write \
                           `public_url = \"https://…\"` at the top of the file";
            self.wrong(at, problem.to_owned())
        })?;
        let tenant = match &table.tenant {
            Some(tenant) => self.tenant(tenant)?,
            None => Tenant::default(),
        };
        let groups = self.oidc_groups(&table)?;
        let provider = Provider {
            issuer: self.issuer(&table.issuer)?,
            client_secret: self.client_secret(&table.client_secret, &tenant, secrets, &redirect)?,
            issuer_text: table.issuer.into_inner(),
            client_id: self.oidc_text(&table.client_id)?,
            tenant: tenant.to_string(),
            redirect,
            scopes: self.oidc_texts(&table.scopes)?,
            person: self.person_claim(table.person.as_ref())?,
            groups_claim: table
                .groups_claim
                .as_ref()
                .map(|claim| self.oidc_text(claim))
                .transpose()?,
            addresses: self.oidc_addresses(&table.addresses)?,
            roots: match table.roots {
                Some(file) => {
                    let text = text_of(&self.home.join(file))?;
                    Some(text.as_bytes().to_vec())
                }
                None => None,
            },
        };
        Ok(OidcSettings {
            tenant,
            provider,
            groups,
        })
    }

    /// The attack: a provider over an open network, where whoever listens signs in as
    /// everybody.
    fn issuer(&self, written: &Spanned<String>) -> Result<Url, SettingsError> {
        let local = |url: &Url| match url.host() {
            Some(Host::Ipv4(address)) => address.is_loopback(),
            Some(Host::Ipv6(address)) => address.is_loopback(),
            Some(Host::Domain(_)) | None => false,
        };
        let url = Url::parse(written.get_ref()).ok().filter(|url| {
            let kept = url.scheme() == "https" || url.scheme() == "http" && local(url);
            let bare = url.username().is_empty() && url.password().is_none();
            kept && bare && url.query().is_none() && url.fragment().is_none()
        });
        url.ok_or_else(|| {
            let problem = "this is no issuer; write `https://login.example`, without a user, `?` \
                           or `#`, to the letter as the provider has it";
            self.wrong(written.span().start, problem.to_owned())
        })
    }

    /// The attack: a secret that connectors' requests carry, sent to a provider too; or
    /// this one, that a connector buys tokens with.
    fn client_secret(
        &self,
        name: &Spanned<String>,
        tenant: &str,
        secrets: &[SecretEntry],
        redirect: &Url,
    ) -> Result<String, SettingsError> {
        let own = redirect.origin().ascii_serialization();
        let known = secrets.iter().map(|entry| &entry.slot);
        let of_tenant = known.filter(|slot| slot.tenant == tenant);
        let found = of_tenant.clone().find(|slot| slot.name == *name.get_ref());
        let problem = match found {
            Some(slot) if slot.place == Place::OAuthClient && slot.resources == [own.clone()] => {
                return Ok(slot.name.clone());
            }
            Some(_) => format!(
                "this [[secret]] is for something else; one for signing in has `oauth = true` \
                 and `resource = \"{own}\"`, and nothing but that"
            ),
            None => match closest(name.get_ref(), of_tenant.map(|slot| slot.name.clone())) {
                Some(near) => {
                    format!("this tenant has no [[secret]] of this name; did you mean `{near}`?")
                }
                None => "this tenant has no [[secret]] of this name".to_owned(),
            },
        };
        Err(self.wrong(name.span().start, problem))
    }

    fn person_claim(&self, claim: Option<&Spanned<String>>) -> Result<PersonClaim, SettingsError> {
        let Some(claim) = claim else {
            return Ok(PersonClaim::default());
        };
        match claim.get_ref().as_str() {
            "sub" => Ok(PersonClaim::Subject),
            "email" => Ok(PersonClaim::VerifiedEmail),
            _ => {
                let problem = "write `sub`, or `email` for a verified address; other claims can \
                               become somebody else's (OpenID Connect Core 1.0, 5.7)";
                Err(self.wrong(claim.span().start, problem.to_owned()))
            }
        }
    }

    fn oidc_groups(&self, table: &OidcTable) -> Result<BTreeMap<String, String>, SettingsError> {
        if let (Some((first, _)), None) = (table.groups.iter().next(), &table.groups_claim) {
            let problem = "without a `groups_claim` the provider says nothing of groups, and \
                           nobody would be in this one";
            return Err(self.wrong(first.span().start, problem.to_owned()));
        }
        let groups = table
            .groups
            .iter()
            .map(|(ours, theirs)| Ok((self.oidc_text(ours)?, self.oidc_text(theirs)?)));
        groups.collect()
    }

    fn oidc_addresses(&self, written: &[Spanned<String>]) -> Result<Vec<IpNet>, SettingsError> {
        let address = |written: &Spanned<String>| {
            let text = written.get_ref();
            let net = text.parse().ok();
            let net = net.or_else(|| text.parse::<IpAddr>().ok().map(IpNet::from));
            net.ok_or_else(|| {
                let problem = "this is no address; write `10.0.0.8` or `10.0.0.0/24`";
                self.wrong(written.span().start, problem.to_owned())
            })
        };
        written.iter().map(address).collect()
    }

    fn oidc_texts(&self, texts: &[Spanned<String>]) -> Result<Vec<String>, SettingsError> {
        texts.iter().map(|text| self.oidc_text(text)).collect()
    }

    fn oidc_text(&self, text: &Spanned<String>) -> Result<String, SettingsError> {
        let fits = |text: &str| {
            (1..=TEXT_BYTES_MAX).contains(&text.len()) && !text.contains(char::is_control)
        };
        if fits(text.get_ref()) {
            return Ok(text.get_ref().clone());
        }
        let problem = format!("write 1 to {TEXT_BYTES_MAX} characters");
        Err(self.wrong(text.span().start, problem))
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests")]

    use std::fs;

    use super::super::{SETTINGS_FILE, Settings};
    use super::*;

    fn read(text: &str) -> Result<Option<OidcSettings>, String> {
        let home = tempfile::tempdir().unwrap();
        fs::write(home.path().join(SETTINGS_FILE), text).unwrap();
        let here = home.path().display().to_string();
        let read = Settings::of(home.path());
        read.map(|settings| settings.oidc)
            .map_err(|error| error.to_string().replace(&here, "HOME"))
    }

    const TOP: &str = "public_url = \"https://gate.example/t/\"\n[[secret]]\nname = \"sign-in\"\n\
        origin = \"https://login.example\"\noauth = true\nresource = \"https://gate.example\"\n\
        env = \"OIDC\"\n";
    const OIDC: &str = "[oidc]\nissuer = \"https://login.example/\"\nclient_id = \"tollgate\"\n\
        client_secret = \"sign-in\"\n";

    #[test]
    fn a_provider_is_read_with_the_safe_choices_where_nothing_is_said() {
        assert_eq!(read("").unwrap(), None);
        let settings = read(&format!("{TOP}{OIDC}")).unwrap().unwrap();
        let provider = settings.provider;
        assert_eq!(provider.issuer_text, "https://login.example/");
        let redirect = "https://gate.example/t/login/oidc/callback";
        assert_eq!(provider.redirect.as_str(), redirect);
        assert_eq!(provider.tenant, "default");
        assert_eq!(provider.person, PersonClaim::Subject);
        assert!(provider.addresses.is_empty() && settings.groups.is_empty());
    }

    #[test]
    fn what_is_not_understood_is_named_by_its_place() {
        let with = |from: &str, to: &str| format!("{TOP}{}", OIDC.replace(from, to));
        let more = |more: &str| format!("{TOP}{OIDC}{more}");
        let cases = [
            (OIDC.to_owned(), "1:1: the provider has nowhere to send"),
            (with("https", "http"), "9:10: this is no issuer"),
            (
                with("login.example/", "me@login.example"),
                "9:10: this is no issuer",
            ),
            (
                with("\"sign-in\"", "\"sign-on\""),
                "11:17: this tenant has no [[secret]] of this name; did you mean `sign-in`?",
            ),
            (
                with("\"sign-in\"", "\"x\""),
                "11:17: this tenant has no [[secret]] of this name",
            ),
            (
                more("tenant = \"acme\"\n"),
                "11:17: this tenant has no [[secret]] of this name",
            ),
            (
                more("").replace(
                    "resource = \"https://gate.example\"",
                    "resource = \"https://api.example\"",
                ),
                "11:17: this [[secret]] is for something else",
            ),
            (
                more("person = \"preferred_username\"\n"),
                "12:10: write `sub`, or `email`",
            ),
            (
                more("addresses = [\"inside\"]\n"),
                "12:14: this is no address",
            ),
            (
                more("[oidc.groups]\nfinance = \"gate-finance\"\n"),
                "13:1: without a `groups_claim`",
            ),
            (more("admit_groups = {}\n"), "12:1: "),
            (with("client_id = \"tollgate\"\n", ""), "8:1: "),
        ];
        for (text, expected) in cases {
            let said = read(&text).map(|_| text.clone()).unwrap_err();
            let expected = format!("HOME/tollgate.toml:{expected}");
            assert!(said.starts_with(&expected), "{text}\n{said}\n{expected}");
        }
        let local = with("https://login.example/", "http://127.0.0.1:9000");
        assert!(read(&local).is_ok());
    }
}

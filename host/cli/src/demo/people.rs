//! Who decides: three people, each with a credential of their own.

use std::path::Path;

use anyhow::Context as _;
use serde_json::Value;
use tollgate_runtime::{Host, Principal, PrincipalKind, Tenant, ToolCall};

use super::scene;
use crate::remote::Client;

/// A person, who talks to the host like everybody: over REST, with their own token.
pub(super) struct Person {
    pub(super) who: Principal,
    pub(super) client: Client,
    pub(super) token: String,
}

/// Everybody who decides something.
pub(super) struct People {
    /// Of finance and of support: she hands the case over. At a terminal it is you.
    pub(super) mira: Person,
    /// Of finance: votes on the refund.
    pub(super) noor: Person,
    /// Of finance: changes the amount.
    pub(super) olaf: Person,
}

impl People {
    /// Make their accounts, and keep Mira's token for whoever sits at the terminal.
    pub(super) async fn arrive(host: &Host, url: &str, folder: &Path) -> anyhow::Result<Self> {
        let mira = Person::arrive(host, url, "mira", &["finance", "support"]).await?;
        scene::write_private(&folder.join("mira.token"), &mira.token)?;
        Ok(Self {
            mira,
            noor: Person::arrive(host, url, "noor", &["finance"]).await?,
            olaf: Person::arrive(host, url, "olaf", &["finance"]).await?,
        })
    }
}

impl Person {
    async fn arrive(host: &Host, url: &str, name: &str, groups: &[&str]) -> anyhow::Result<Self> {
        let who = principal(name, PrincipalKind::Person, groups);
        let token = host.add_principal(&who).await?;
        Ok(Self {
            client: Client::new(url, token.clone())?,
            who,
            token,
        })
    }

    /// Call a tool that only reads, and have its output.
    pub(super) async fn read(&self, call: &ToolCall) -> anyhow::Result<Value> {
        let report = self.client.call(call).await?;
        report.output.with_context(|| {
            let (connector, tool, state) = (&call.connector, &call.tool, report.state.as_str());
            format!("{connector}.{tool} is {state} and has no output")
        })
    }
}

/// A principal of the demo's tenant.
pub(super) fn principal(name: &str, kind: PrincipalKind, groups: &[&str]) -> Principal {
    Principal {
        identified: Default::default(),
        tenant: Tenant::default(),
        name: name.to_owned(),
        kind,
        groups: groups.iter().map(|group| (*group).to_owned()).collect(),
    }
}

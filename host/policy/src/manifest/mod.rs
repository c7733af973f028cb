//! What the operator grants: one TOML file for each installed connector.
//!
//! The file is read whole and every fault in it is reported at once, with line
//! and column and what to write instead. Defaults are the safe ones, unknown
//! keys are faults (a misspelt limit must not silently be no limit), and rows
//! that can never decide are faults too, because their author believes they do.
//!
//! Including other files, variables and environment look-ups were refused: a
//! reviewer reads one file and has seen everything. The one exception are lists
//! of values, which become part of the text before it is installed.

mod bundle;
mod error;
mod extension;
mod grants;
mod keys;
pub mod limits;
mod missing;
mod read;
mod rows;
mod typing;
mod units;
pub(crate) mod workflow;

pub(crate) use keys::did_you_mean;
use std::{collections::BTreeMap, sync::Arc};

use serde_json::Value;
use tollgate_journal::Tenant;

pub use bundle::{ReadList, bundle_lists};
pub use error::{ManifestError, ManifestErrors};
pub use limits::Limits;
pub use missing::MissingGrant;

use crate::{
    Approval, Budgets, DECIDED_BY_DEFAULT, DECIDED_BY_FLOOR, Decision, Digest, FilesGrant, Outcome,
    Profile, Rule, Rules, SqlGrant, ToolDecl, http::HttpGrant, mail::MailGrant,
};

/// One connector as it is installed.
#[derive(Clone, Debug)]
pub struct Manifest {
    /// The name it is installed under: 1 to 64 of `a-z 0-9 -`.
    pub connector: String,
    /// The pinned component.
    pub component: Digest,
    /// Which imports it may have beside the capabilities.
    pub profile: Profile,
    /// The tenant it is installed for.
    pub tenant: Tenant,
    /// What a run may use up.
    pub limits: Limits,
    /// What it may reach.
    pub grant: Grant,
    /// Typed values that the connector reads with `config.get`.
    pub config: BTreeMap<String, Value>,
    /// The rows, in the file's order.
    pub rules: Arc<[Rule]>,
    /// The approvals, in the file's order.
    pub approvals: Vec<Approval>,
    /// What may happen over time.
    pub budgets: Budgets,
    /// The rows, ready to decide.
    pub compiled: Rules,
    /// The file as it was read.
    pub text: String,
}

/// What a connector may reach.
#[derive(Clone, Debug)]
pub struct Grant {
    /// The wall clock.
    pub clock: bool,
    /// Randomness.
    pub random: bool,
    /// Lines for the operator.
    pub log: bool,
    /// Databases by name.
    pub sql: BTreeMap<String, SqlGrant>,
    /// Directories by name.
    pub files: BTreeMap<String, FilesGrant>,
    /// Stores by name.
    pub kv: BTreeMap<String, KvGrant>,
    /// Web servers by name.
    pub http: BTreeMap<String, HttpGrant>,
    /// Mail servers by name.
    pub mail: BTreeMap<String, MailGrant>,
    /// Queues by name.
    pub handoff: BTreeMap<String, HandoffGrant>,
    /// Destinations of the embedder's extensions, by extension and name, with
    /// the keys that the operator wrote there.
    pub extension: BTreeMap<String, BTreeMap<String, Value>>,
}

/// A named store.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KvGrant {
    /// The name that guests use.
    pub name: String,
    /// All keys and values together, in bytes.
    pub max_bytes: u64,
    /// For how long after a write it may be taken back.
    pub window: Option<std::time::Duration>,
}

/// A named queue that people work off.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HandoffGrant {
    /// The name that guests use.
    pub name: String,
    /// Most open items at once.
    pub max_open: u64,
    /// One item, in bytes.
    pub max_bytes: u64,
}

impl Manifest {
    /// Read a manifest. `file_name` stands in messages only.
    ///
    /// # Errors
    /// With everything that is wrong in the file.
    pub fn parse(file_name: &str, text: &str) -> Result<Self, ManifestErrors> {
        read::manifest(file_name, text)
    }

    /// Whether the rows fit the tools that they speak of: fields that are there, of
    /// types that can be compared so. `file_name` stands in messages only.
    ///
    /// # Errors
    /// With every row that does not fit, its place, and what was likely meant.
    pub fn check(&self, file_name: &str, tools: &[ToolDecl]) -> Result<(), ManifestErrors> {
        typing::check(file_name, self, tools)
    }

    /// Whether a rule or budget asks where a value came from.
    #[must_use]
    pub fn asks_for_case(&self) -> bool {
        let mut budgets = self.budgets.as_slice().iter();
        self.compiled.asks_for_case() || budgets.any(|budget| budget.row.asks_for_case())
    }

    /// The digest of the file's text. Every run records it.
    #[must_use]
    pub fn digest(&self) -> Digest {
        Digest::of(self.text.as_bytes())
    }

    /// Which of these imports the manifest grants nothing for, and the lines
    /// that would. A component with any of them is refused at install and at
    /// load.
    #[must_use]
    pub fn missing_grants(&self, request_imports: &[String]) -> Vec<MissingGrant> {
        missing::grants(&self.grant, request_imports)
    }

    /// What is granted of an extension's destination: the table
    /// `[extension.<name>.<destination>]`. Nothing where it is not granted.
    #[must_use]
    pub fn extension(&self, name: &str, destination: &str) -> Option<&Value> {
        self.grant.extension.get(name)?.get(destination)
    }

    /// Whether an extension can have this name: 1 to 64 of `a-z 0-9 - _`, and not
    /// the name of a capability of the contract.
    #[must_use]
    pub fn is_extension_name(name: &str) -> bool {
        extension::is_name(name)
    }

    /// The approval of that name.
    #[must_use]
    pub fn approval(&self, name: &str) -> Option<&Approval> {
        self.approvals.iter().find(|approval| approval.name == name)
    }

    /// The name of the rule or budget that decided, for records and approvals. No
    /// two of them share a name, and none can be named [`DECIDED_BY_DEFAULT`] or
    /// [`DECIDED_BY_FLOOR`].
    #[must_use]
    pub fn decided_by(&self, decision: &Decision) -> &str {
        let budgets = self.budgets.as_slice();
        if let Some(budget) = decision.budget.and_then(|index| budgets.get(index)) {
            return &budget.row.name;
        }
        match (
            decision.rule.and_then(|rule| self.rules.get(rule)),
            decision.outcome,
        ) {
            (Some(rule), _) => &rule.name,
            (None, Outcome::Require(_)) => DECIDED_BY_FLOOR,
            (None, Outcome::Allow | Outcome::Deny) => DECIDED_BY_DEFAULT,
        }
    }
}

#[cfg(test)]
mod tests;

//! The boundary that work happens inside: one `workflow.toml` for each kind of
//! hand-off.
//!
//! A workflow says who owns it, what may start it, which tools of which connectors
//! it needs, when it stops, and how one sees that it is done. It grants nothing by
//! itself: what a run may do is what the manifest grants *and* the workflow names.
//!
//! | file | what |
//! |---|---|
//! | `inputs` | the typed values that a case begins with, and what is none |
//! | `done` | the read that shows whether a completion is correct |
//! | `scope` | what changes with another version of the file, and what becomes wider |
//! | `manifest/workflow` | reading the file: it shares its words for mistakes with manifests |
//!
//! # What binds an agent
//!
//! The list `agents`. Whoever stands in the list of any installed workflow works in
//! workflows only: every call of it belongs to one of them, and a tool that none of
//! them names does not exist for it. Whoever stands in none is bound by manifests
//! alone, as before there were workflows. The list and not the token binds, because
//! a reviewer reads one file and sees who works inside it.

mod done;
mod inputs;
mod scope;

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use tollgate_journal::Tenant;

pub use done::{Argument, DoneWhen};
pub use inputs::{InputDecl, InputFault, InputType, check_inputs, inputs_from_text};
pub use scope::{ScopeChange, Widens};

use crate::{Approver, Digest, ManifestErrors};

/// One kind of hand-off, and what may happen in it.
#[derive(Clone, Debug)]
pub struct Workflow {
    /// Its name: 1 to 64 of `a-z 0-9 - _`.
    pub name: String,
    /// The tenant it is installed for.
    pub tenant: Tenant,
    /// Who answers for it, and watches it where it is supervised.
    pub owner: Approver,
    /// What it is for, in the operator's words.
    pub purpose: String,
    /// What kind of work is handed over.
    pub handoff: HandoffType,
    /// What may open a case.
    pub starts: Starts,
    /// Principals that work in its cases. They are bound to workflows.
    pub agents: Vec<String>,
    /// What a case begins with, by name.
    pub inputs: BTreeMap<String, InputDecl>,
    /// The tools it needs, by connector.
    pub tools: BTreeMap<String, Vec<String>>,
    /// When a case stops by itself.
    pub stop: Stop,
    /// What the same work takes by hand.
    pub baseline: Option<Baseline>,
    /// The queue that what fails goes to.
    pub queue: String,
    /// The time within which a case should have its first answer.
    pub first_response: Option<Duration>,
    /// How far it is trusted.
    pub mode: Mode,
    /// How one sees that a completed case is correct.
    pub done_when: Option<DoneWhen>,
    /// The file as it was read.
    pub text: String,
    /// Where in it each trigger stands, in bytes.
    pub(crate) trigger_places: BTreeMap<String, usize>,
}

macro_rules! words {
    ($(#[$outer:meta])* $kind:ident { $($(#[$doc:meta])* $name:ident = $text:literal,)* }) => {
        $(#[$outer])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
        pub enum $kind { $($(#[$doc])* $name,)* }

        impl $kind {
            /// Every one of them.
            pub const ALL: &'static [Self] = &[$($kind::$name,)*];

            /// The word in files, records and JSON.
            #[must_use]
            pub const fn as_str(self) -> &'static str {
                match self { $($kind::$name => $text,)* }
            }

            /// The one that this word names.
            #[must_use]
            pub fn from_word(word: &str) -> Option<Self> {
                Self::ALL.iter().copied().find(|one| one.as_str() == word)
            }
        }
    };
}
pub(crate) use words;

words! {
    /// What kind of work is handed over.
    HandoffType {
        /// Something is looked up.
        Lookup = "lookup",
        /// A person decides, with what was gathered.
        DecisionSupport = "decision_support",
        /// Records are made or completed.
        DataEntry = "data_entry",
        /// What a person approves elsewhere is prepared.
        ApprovalPreparation = "approval_preparation",
        /// Others are told how far something is.
        StatusUpdate = "status_update",
        /// A customer is answered.
        CustomerResponse = "customer_response",
        /// What is out of the ordinary goes to a person.
        ExceptionEscalation = "exception_escalation",
    }
}

words! {
    /// How far a workflow is trusted. A later one is the wider.
    Mode {
        /// Reads are made; what would write is judged and not done.
        Shadow = "shadow",
        /// Whatever writes is held for the owner, also where the rules allow it.
        Supervised = "supervised",
        /// As the rules say.
        Normal = "normal",
    }
}

/// What may open a case.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Starts {
    /// Triggers by name.
    pub triggers: Vec<String>,
    /// A person, by hand.
    pub person: bool,
    /// One of the workflow's agents.
    pub agent: bool,
}

/// When a case stops by itself, and goes to the failure queue.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Stop {
    /// It has had so many runs.
    pub runs: u64,
    /// It is open for so long: it ends as expired.
    pub duration: Duration,
    /// So many of its runs failed.
    pub failures: u64,
    /// So many of its runs were denied.
    pub denials: u64,
}

impl Default for Stop {
    fn default() -> Self {
        Self {
            runs: 100,
            duration: Duration::from_secs(7 * 24 * 3_600),
            failures: 10,
            denials: 5,
        }
    }
}

/// What the same work takes by hand.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Baseline {
    /// Minutes of a person's work.
    pub minutes: u64,
    /// By how many minutes that may be wrong, either way.
    pub uncertainty: u64,
    /// How often a person takes it in hand.
    pub touches: u64,
    /// Where the figures come from.
    pub source: String,
}

impl Workflow {
    /// Read a workflow. `file_name` stands in messages only.
    ///
    /// # Errors
    /// With everything that is wrong in the file.
    pub fn parse(file_name: &str, text: &str) -> Result<Self, ManifestErrors> {
        crate::manifest::workflow::read(file_name, text)
    }

    /// The digest of the file's text. Every case records it.
    #[must_use]
    pub fn digest(&self) -> Digest {
        Digest::of(self.text.as_bytes())
    }

    /// Whether it names this tool of this connector.
    #[must_use]
    pub fn has_tool(&self, connector: &str, tool: &str) -> bool {
        self.tools
            .get(connector)
            .is_some_and(|tools| tools.iter().any(|name| name == tool))
    }

    /// Whether this principal works in its cases, and is bound by that.
    #[must_use]
    pub fn binds(&self, principal: &str) -> bool {
        self.agents.iter().any(|name| name == principal)
    }

    /// Inputs that a case needs and that are not among these.
    pub fn lacks<'w>(&'w self, brought: &BTreeSet<&str>) -> impl Iterator<Item = &'w str> {
        let needed = self.inputs.iter().filter(|(_, decl)| decl.required);
        let lacking = needed.map(|(name, _)| name.as_str());
        let brought: BTreeSet<String> = brought.iter().map(|name| (*name).to_owned()).collect();
        lacking.filter(move |name| !brought.contains(*name))
    }

    /// Hold a trigger that starts cases of this workflow against what a case needs.
    ///
    /// # Errors
    /// With each input that the trigger does not always bring: none of its deliveries
    /// could open a case.
    pub fn started_with(
        &self,
        file_name: &str,
        trigger: &str,
        brought: &BTreeSet<&str>,
    ) -> Result<(), ManifestErrors> {
        let place = self.trigger_places.get(trigger).copied().unwrap_or(0);
        crate::manifest::workflow::lacking(file_name, self, trigger, place, brought)
    }

    /// What another version of this workflow changes.
    #[must_use]
    pub fn changes_from(&self, before: Option<&Self>) -> Vec<ScopeChange> {
        scope::changes(before, self)
    }
}

#[cfg(test)]
mod tests;

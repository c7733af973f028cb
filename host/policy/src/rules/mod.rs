//! Is this call allowed, held for an approval, or denied?
//!
//! A rule is one row of the manifest. Deny beats require beats allow, whatever
//! the order of the rows; among rows of one outcome the first is named. A tool
//! that no row allows is denied.
//!
//! What a row cannot see counts as the worst case: where a field is missing or
//! has another type, or where nothing is known of the case a value should come
//! from, its predicates are false for `allow` and true for `deny` and `require`.
//! Otherwise an agent would pass a limit on `amount` by sending `"80"`, or by
//! leaving it out. `RULES.md` beside this crate tells operators the whole
//! language.
//!
//! Everything is prepared when the manifest is read (paths split, patterns
//! compiled to tables), so that a decision allocates nothing and takes no
//! longer for hostile text. A policy language with functions was refused: a
//! reviewer has to read these rows in a minute.

mod amount;
mod arguments;
mod budget;
mod case;
mod decide;
mod facts;
mod field;
mod index;
mod ledger;
mod list;
mod number;
mod pattern;
mod place;
mod predicate;
pub(crate) mod shape;
mod values;

use std::sync::Arc;

use serde_json::Value;

pub use amount::Amount;
pub(crate) use arguments::schemas_of;
pub use arguments::unforeseen_argument;
pub use budget::{Budget, BudgetUse, Budgets, Charge, Charged, Measure, Per, Sum};
pub use case::{CASE_VALUES_MAX, CaseFacts};
use facts::Seen;
pub use field::FieldPath;
pub(crate) use field::Root;
pub use ledger::{BudgetScope, Ledger};
pub use list::{List, RecordField};
pub use number::Number;
pub use pattern::Pattern;
pub use place::{HostPattern, PathPattern};
pub use predicate::{Condition, Predicate, Scalar};
pub(crate) use shape::Kinds;
pub use values::{VALUE_BYTES_MAX, Values};

use crate::Effect;

/// What [`Manifest::decided_by`](crate::Manifest::decided_by) says when no rule
/// decided.
pub const DECIDED_BY_DEFAULT: &str = "(default)";

/// What [`Manifest::decided_by`](crate::Manifest::decided_by) says when the
/// effect class alone asked for an approval, or denied for want of one.
pub const DECIDED_BY_FLOOR: &str = "(irreversible)";

/// What is known of a tool call.
#[derive(Clone, Copy, Debug)]
pub struct ToolFacts<'a> {
    /// The tool.
    pub tool: &'a str,
    /// Its input.
    pub input: &'a Value,
    /// The workflow it happens in.
    pub workflow: Option<&'a str>,
    /// Who calls.
    pub principal: &'a str,
    /// Whether the call takes another one back.
    pub undo: bool,
    /// What is known of the case it belongs to. Without it no value comes from
    /// anywhere.
    pub case: Option<&'a CaseFacts>,
}

/// What is known of an import call.
#[derive(Clone, Copy, Debug)]
pub struct CallFacts<'a> {
    /// The import, for example `sql.execute`.
    pub call: &'a str,
    /// The destination's name in the manifest.
    pub destination: &'a str,
    /// What that name stands for: the resolved destination, where it is known.
    pub identity: Option<&'a str>,
    /// The class the host gave the call.
    pub effect: Effect,
    /// Whether a read carries words of the guest's out of the host.
    pub egress: bool,
    /// Its arguments.
    pub args: &'a Value,
}

/// What happens to a call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// It goes on.
    Allow,
    /// It is held for this approval: an index into
    /// [`Manifest::approvals`](crate::Manifest::approvals).
    Require(usize),
    /// It does not happen.
    Deny,
}

/// An outcome and what decided.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Decision {
    /// What happens to the call.
    pub outcome: Outcome,
    /// The row that decided: an index into
    /// [`Manifest::rules`](crate::Manifest::rules). Nothing where no row did.
    pub rule: Option<usize>,
    /// The budget that decided: an index into
    /// [`Manifest::budgets`](crate::Manifest::budgets).
    pub budget: Option<usize>,
}

/// One row.
#[derive(Clone, Debug)]
pub struct Rule {
    /// Its unique name.
    pub name: String,
    /// The tools it speaks of.
    pub tool: ToolPattern,
    /// The import calls it speaks of. A row without it speaks of tool calls.
    pub call: Option<CallPattern>,
    /// Only calls to this destination.
    pub destination: Option<String>,
    /// For `allow`: only calls up to this class. For `require` and `deny`: only
    /// calls of this class and above.
    pub effect: Option<Effect>,
    /// Only in this workflow.
    pub workflow: Option<String>,
    /// Only calls that take another one back, or only others.
    pub undo: Option<bool>,
    /// It speaks of what no row of its kind (for tool calls, or for import calls)
    /// allows. Such a row requires an approval and has no conditions.
    pub otherwise: bool,
    /// All of these must hold.
    pub when: Vec<Condition>,
    /// What then happens.
    pub then: Outcome,
    /// Shown to whoever is affected.
    pub reason: Option<String>,
    /// The line of the manifest it begins on, counted from 1.
    pub line: usize,
}

/// Which tools a row speaks of.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ToolPattern {
    /// All of them.
    Any,
    /// These.
    Names(Vec<String>),
}

/// Which import calls a row speaks of.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum CallPattern {
    /// `*`: all of them.
    Any,
    /// `sql.*`: all of a capability.
    Capability(String),
    /// `sql.execute`: this one.
    Call(String),
}

/// The rows of a manifest, ready to decide.
#[derive(Clone, Debug)]
pub struct Rules {
    rules: Arc<[Rule]>,
    index: Arc<index::Index>,
    /// Holds irreversible calls that no row holds.
    floor: Option<usize>,
    asks_for_case: bool,
}

#[cfg(test)]
pub(crate) mod tests;

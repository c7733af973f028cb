//! What may happen, decided without doing anything.
//!
//! Everything in this crate is a pure function of its arguments: it opens no
//! file, reads no clock and knows neither the sandbox nor the store. So the
//! part of Tollgate that says *no* can be read, tested and reviewed alone.
//!
//! | room | what it answers |
//! |---|---|
//! | `manifest` | what has the operator granted to this connector? |
//! | `request` | what does the connector's author ask for? |
//! | `rules` | is this call allowed, held for an approval, or denied? |
//! | `recorded` | what would have been said of calls that were written down? |
//! | `sql` | what would this statement touch, and is that granted? |
//! | `http`, `credential` | is this a request that may be sent, and what is put into it? |
//! | `mail` | is this a message that may be sent, and to whom? |
//! | `files` | is this a path that can be named, and is it granted? |
//! | `canonical`, `digest`, `binding` | are these the very bytes that were approved? |
//! | `queue` | whose work is this failure, and what is sent of it? |
//! | `workflow` | what may happen in one kind of hand-off, and when is it done? |
//! | `decision` | what does a person sign, and is it this person's signature? |
//! | `approval`, `visible` | what does a person read on the card? |
//!
//! Whatever is not proven to be granted is refused, with a sentence that says
//! what to write instead.

mod approval;
mod binding;
mod canonical;
mod credential;
pub mod decision;
mod digest;
mod effect;
mod files;
mod glob;
mod host_name;
pub mod http;
pub mod mail;
mod manifest;
pub mod queue;
pub mod recorded;
mod request;
mod rules;
mod sql;
mod visible;
pub mod workflow;

pub use approval::{Approval, Approver, Template};
pub use binding::Binding;
pub use canonical::{CanonicalError, EXACT_INTEGER_MAX, JSON_DEPTH_MAX, canonical, parse_exact};
pub use credential::{Place, SignatureScheme};
pub use digest::{Digest, DigestError};
pub use effect::Effect;
pub use files::{
    FileVerb, FilesGrant, PATH_BYTES_MAX, PATH_SEGMENT_BYTES_MAX, PathGrant, PathRefusal,
    clean_path,
};
pub use glob::{Glob, GlobError};
pub use manifest::{
    Grant, HandoffGrant, KvGrant, Limits, Manifest, ManifestError, ManifestErrors, MissingGrant,
    ReadList, bundle_lists, limits,
};
pub use request::{Profile, Request, RequestError, ToolDecl, UndoDecl, UndoTerms};
pub use rules::{
    Amount, Budget, BudgetScope, BudgetUse, Budgets, CASE_VALUES_MAX, CallFacts, CallPattern,
    CaseFacts, Charge, Charged, Condition, DECIDED_BY_DEFAULT, DECIDED_BY_FLOOR, Decision,
    FieldPath, HostPattern, Ledger, List, Measure, Number, Outcome, PathPattern, Pattern, Per,
    Predicate, RecordField, Rule, Rules, Scalar, Sum, ToolFacts, ToolPattern, VALUE_BYTES_MAX,
    Values, unforeseen_argument,
};
pub use sql::{
    Capture, ColumnSet, Dialect, PlainColumns, STATEMENT_BYTES_MAX, SqlGrant, SqlRefusal,
    Statement, TableGrant, Verb, analyze, plain_columns, with_parameters,
};
pub use visible::visible;

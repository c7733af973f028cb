//! What each system can do, by one face.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use tollgate_sdk::ToolError;

use crate::hubspot::Hubspot;
use crate::settings::{Kind, Link, Settings, Type};
use crate::tryton::Tryton;
use crate::value::{Properties, Scalar};

/// One record as it is there.
#[derive(Clone, Debug, PartialEq, Serialize, JsonSchema)]
pub(crate) struct Record {
    /// Its id.
    pub(crate) id: String,
    /// The properties that the manifest lists, and their values; `null` is none.
    pub(crate) properties: Properties,
    /// When it was last changed, as the system says it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) version: Option<String>,
    /// Whether it is archived.
    pub(crate) archived: bool,
}

/// A page of what was found.
#[derive(Debug)]
pub(crate) struct Page<T> {
    pub(crate) items: Vec<T>,
    /// Where the next page begins; nothing at the end.
    pub(crate) next: Option<String>,
    /// How many there are in all, where the system says it.
    pub(crate) total: Option<u64>,
}

/// How a property is compared.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Comparison {
    Equal,
    NotEqual,
    Contains,
    Less,
    LessOrEqual,
    Greater,
    GreaterOrEqual,
    Empty,
    NotEmpty,
}

/// One condition of a search.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Condition {
    /// The property, one that the manifest lets be read.
    pub(crate) property: String,
    /// How it is compared. `contains` looks for a part of a text; `empty` and
    /// `not_empty` take no value.
    pub(crate) is: Comparison,
    /// The value to compare with. A date is `YYYY-MM-DD`.
    #[serde(default)]
    pub(crate) value: Option<Scalar>,
}

/// What is looked for.
#[derive(Debug)]
pub(crate) struct Query<'a> {
    pub(crate) conditions: &'a [Condition],
    /// A property and whether the largest comes first.
    pub(crate) sort: Option<(&'a str, bool)>,
    pub(crate) limit: u32,
    pub(crate) after: Option<&'a str>,
}

/// The kind of an association, where the system has kinds. HubSpot: category and
/// number.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Label {
    /// For example `HUBSPOT_DEFINED` or `USER_DEFINED`.
    pub(crate) category: String,
    /// Its number in that category.
    pub(crate) number: u32,
    /// What people call it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) name: Option<String>,
}

/// One association.
#[derive(Clone, Debug, PartialEq, Serialize, JsonSchema)]
pub(crate) struct Association {
    /// The other record's id.
    pub(crate) id: String,
    /// What kinds of association there are between the two.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(crate) labels: Vec<Label>,
}

/// Two records, and what may be between them.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Pair<'a> {
    pub(crate) from: &'a Type,
    pub(crate) id: &'a str,
    pub(crate) to: &'a Type,
    pub(crate) link: &'a Link,
}

/// A system that keeps customer records.
pub(crate) trait System {
    /// Whether two values of a property are one to it.
    fn same(&self, left: Option<&Scalar>, right: Option<&Scalar>) -> bool;
    /// Whether [`Record::version`] changes with every change of the record, and
    /// with nothing else.
    fn has_exact_versions(&self) -> bool;
    /// Records that fit all conditions.
    fn search(&self, of: &Type, query: &Query<'_>) -> Result<Page<Record>, ToolError>;
    /// Records with this value of a property, archived ones too where the system
    /// finds those.
    fn find(&self, of: &Type, property: &str, value: &Scalar) -> Result<Vec<Record>, ToolError>;
    /// One record.
    fn read(&self, of: &Type, id: &str) -> Result<Record, ToolError>;
    /// Several records; an id that is not in the answer was not found.
    fn read_all(&self, of: &Type, ids: &[String]) -> Result<Vec<Record>, ToolError>;
    /// Make a record; its id is the answer.
    fn create(&self, of: &Type, properties: &Properties) -> Result<String, ToolError>;
    /// Write some properties of a record that was read before.
    fn update(&self, of: &Type, found: &Record, changes: &Properties) -> Result<(), ToolError>;
    /// Whether a record of this type can be put away, which takes back a create.
    fn check_archive(&self, of: &Type) -> Result<(), ToolError>;
    /// Put a record away.
    fn archive(&self, of: &Type, id: &str) -> Result<(), ToolError>;
    /// Put it back.
    fn unarchive(&self, of: &Type, id: &str) -> Result<(), ToolError>;
    /// Associations of one record with those of another type.
    fn associations(
        &self,
        pair: Pair<'_>,
        after: Option<&str>,
    ) -> Result<Page<Association>, ToolError>;
    /// Associate two records. Without labels, in the system's usual way.
    fn associate(&self, pair: Pair<'_>, other: &str, labels: &[Label]) -> Result<(), ToolError>;
    /// Remove all that is between two records.
    fn dissociate(&self, pair: Pair<'_>, other: &str) -> Result<(), ToolError>;
    /// Add a note to a record; its id is the answer.
    fn add_note(&self, of: &Type, id: &str, text: &str) -> Result<String, ToolError>;
    /// The text of a note, one that is on this record.
    fn note(&self, of: &Type, id: &str, note: &str) -> Result<String, ToolError>;
    /// Remove a note.
    fn remove_note(&self, note: &str) -> Result<(), ToolError>;
}

/// A note that is not on the record that was named. The attack: a caller who may
/// write notes on contacts names the id of one on something else.
pub(crate) fn no_such_note(of: &Type, id: &str, note: &str) -> ToolError {
    ToolError::not_found(format!("record {id} of {} has no note {note}", of.name))
}

/// The system that the manifest names.
pub(crate) fn system(settings: &Settings) -> Box<dyn System> {
    let destination = settings.destination.clone();
    match settings.kind {
        Kind::Hubspot => Box::new(Hubspot::new(destination)),
        Kind::Tryton => Box::new(Tryton::new(destination)),
    }
}

//! What the operator lets this connector do, under `[config]` of the manifest.
//!
//! ```toml
//! [config]
//! kind = "hubspot"                      # or "tryton"
//!
//! [config.types.contacts]
//! read = ["email", "firstname"]         # everything else is neither shown nor searched
//! write = ["firstname"]                 # each is one of `read`
//! unique = ["email"]                    # looked for before a record is made
//! notes = true
//!
//! [config.types.contacts.associations]
//! companies = { write = true }
//! ```

use std::collections::BTreeMap;

use serde::Deserialize;
use tollgate_sdk::text;
use tollgate_sdk::{ToolError, config};

use crate::value::Properties;

/// The destination where `[config]` names none.
const DESTINATION: &str = "crm";

/// The system behind the destination.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Kind {
    Hubspot,
    Tryton,
}

/// All that `[config]` says.
#[derive(Debug)]
pub(crate) struct Settings {
    pub(crate) kind: Kind,
    pub(crate) destination: String,
    types: BTreeMap<String, Type>,
}

/// One type of records.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Type {
    /// Its name for callers; the key of the table.
    #[serde(skip)]
    pub(crate) name: String,
    /// Tryton: the model, such as `party.party`.
    #[serde(default)]
    pub(crate) model: Option<String>,
    /// Tryton: how a record is put away: the field `active`, or an action.
    #[serde(default)]
    pub(crate) archive: Option<Archive>,
    /// Tryton: values that every new record gets, such as the company.
    #[serde(default)]
    pub(crate) defaults: Properties,
    #[serde(default)]
    read: Vec<String>,
    #[serde(default)]
    write: Vec<String>,
    /// Properties of which no two records have the same value.
    #[serde(default)]
    pub(crate) unique: Vec<String>,
    /// Properties whose same value makes a caller look twice.
    #[serde(default)]
    pub(crate) similar: Vec<String>,
    /// Whether notes may be added.
    #[serde(default)]
    pub(crate) notes: bool,
    #[serde(default)]
    associations: BTreeMap<String, Link>,
}

/// How Tryton puts a record away.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub(crate) enum Archive {
    /// By this field, which is `false` then.
    Field(String),
    /// By an action that leads to a state, and back by another.
    Action {
        away: String,
        back: String,
        state: String,
    },
}

/// An association that may be read, and perhaps made.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Link {
    /// Whether it may be made and removed.
    #[serde(default)]
    pub(crate) write: bool,
    /// Tryton: the field that holds it.
    #[serde(default)]
    pub(crate) field: Option<String>,
    /// Tryton: whether the field holds many.
    #[serde(default)]
    pub(crate) many: bool,
    /// Tryton: whether the field is one of the other record.
    #[serde(default)]
    pub(crate) reverse: bool,
}

impl Settings {
    /// Read them.
    pub(crate) fn load() -> Result<Self, ToolError> {
        let destination: Option<String> = config::get("destination")?;
        let types = config::require("types")?;
        Self::checked(
            config::require("kind")?,
            destination.unwrap_or_else(|| DESTINATION.to_owned()),
            types,
        )
    }

    fn checked(
        kind: Kind,
        destination: String,
        mut types: BTreeMap<String, Type>,
    ) -> Result<Self, ToolError> {
        for (name, of) in &mut types {
            of.name.clone_from(name);
            // Without the value from before there is no way back.
            let lists = [
                ("write", &of.write),
                ("unique", &of.unique),
                ("similar", &of.similar),
            ];
            for (list, properties) in lists {
                if let Some(property) = properties.iter().find(|p| !of.read.contains(p)) {
                    return Err(unfit(format!(
                        "`{property}` is in config.types.{name}.{list}, and not in `read`"
                    )));
                }
            }
            if kind == Kind::Tryton && of.model.is_none() {
                return Err(unfit(format!("config.types.{name} names no `model`")));
            }
        }
        Ok(Self {
            kind,
            destination,
            types,
        })
    }

    /// A type of records.
    pub(crate) fn of(&self, name: &str) -> Result<&Type, ToolError> {
        self.types.get(name).ok_or_else(|| {
            let known = self.types.keys().map(String::as_str).collect::<Vec<_>>();
            ToolError::invalid_input(
                "/type",
                format!(
                    "there is no type `{}` here; known are {}",
                    text::shortened(name, 60),
                    known.join(", ")
                ),
            )
        })
    }
}

impl Type {
    /// What may be read.
    pub(crate) fn readable(&self) -> &[String] {
        &self.read
    }

    /// Refuse what may not be read. The attack: a search by a property that is
    /// never shown tells its value bit by bit.
    pub(crate) fn check_read(&self, property: &str, pointer: &str) -> Result<(), ToolError> {
        if self.read.iter().any(|p| p == property) {
            return Ok(());
        }
        Err(self.not_listed(property, "read", pointer))
    }

    /// Refuse what may not be written.
    pub(crate) fn check_write(&self, properties: &Properties) -> Result<(), ToolError> {
        for property in properties.keys() {
            if !self.write.contains(property) {
                return Err(self.not_listed(property, "write", "/properties"));
            }
        }
        Ok(())
    }

    /// The association with another type.
    pub(crate) fn link(&self, to: &str) -> Result<&Link, ToolError> {
        self.associations.get(to).ok_or_else(|| {
            ToolError::denied(format!(
                "associations of {} with `{}` are not granted",
                self.name,
                text::shortened(to, 60)
            ))
            .hint(format!(
                "an operator who agrees adds `{to} = {{}}` to [config.types.{}.associations]",
                self.name
            ))
        })
    }

    /// The association with another type, for a change of it.
    pub(crate) fn writable_link(&self, to: &str) -> Result<&Link, ToolError> {
        let link = self.link(to)?;
        if link.write {
            return Ok(link);
        }
        Err(ToolError::denied(format!(
            "associations of {} with {to} may be read, not changed",
            self.name
        ))
        .hint(format!(
            "an operator who agrees writes `{to} = {{ write = true }}` in [config.types.{}.associations]",
            self.name
        )))
    }

    /// Refuse where notes are not granted.
    pub(crate) fn check_notes(&self) -> Result<(), ToolError> {
        if self.notes {
            return Ok(());
        }
        Err(
            ToolError::denied(format!("notes on {} are not granted", self.name)).hint(format!(
                "an operator who agrees adds `notes = true` to [config.types.{}]",
                self.name
            )),
        )
    }

    fn not_listed(&self, property: &str, list: &str, pointer: &str) -> ToolError {
        let property = text::shortened(property, 60);
        let at = if pointer.is_empty() { "" } else { " at " };
        ToolError::denied(format!(
            "the property `{property}` of {} may not be {}{at}{pointer}",
            self.name,
            if list == "read" { "read" } else { "written" },
        ))
        .hint(format!(
            "an operator who agrees adds \"{property}\" to `{list}` of [config.types.{}]",
            self.name
        ))
    }
}

fn unfit(message: String) -> ToolError {
    ToolError::failed(format!("the manifest does not fit: {message}"))
        .hint("the operator can correct the manifest")
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a failing unwrap is the test's failure")]

    use serde_json::json;

    use super::*;

    fn settings(kind: Kind, types: serde_json::Value) -> Result<Settings, ToolError> {
        Settings::checked(kind, "crm".into(), serde_json::from_value(types).unwrap())
    }

    fn contacts() -> Settings {
        let types = json!({"contacts": {
            "read": ["email", "phone"], "write": ["phone"], "unique": ["email"],
            "associations": {"companies": {}, "deals": {"write": true}},
        }});
        settings(Kind::Hubspot, types).unwrap()
    }

    #[test]
    fn what_is_not_listed_is_denied_with_the_key_to_add() {
        let settings = contacts();
        let of = settings.of("contacts").unwrap();
        assert!(of.check_read("email", "").is_ok());
        let Err(ToolError::Denied(failure)) = of.check_read("salary", "/where/0") else {
            panic!("`salary` is not listed");
        };
        let hint = failure.hint.unwrap();
        assert!(
            hint.contains("adds \"salary\" to `read` of [config.types.contacts]"),
            "{hint}"
        );
        let written = [("email".to_owned(), None)].into();
        let Err(ToolError::Denied(failure)) = of.check_write(&written) else {
            panic!("`email` may only be read");
        };
        assert!(failure.hint.unwrap().contains("`write`"));
    }

    #[test]
    fn a_type_or_association_that_is_not_listed_is_refused() {
        let settings = contacts();
        assert!(settings.of("invoices").is_err());
        let of = settings.of("contacts").unwrap();
        assert!(of.link("companies").is_ok());
        assert!(of.writable_link("companies").is_err());
        assert!(of.writable_link("deals").is_ok());
        assert!(of.link("tickets").is_err());
        assert!(of.check_notes().is_err());
    }

    #[test]
    fn what_is_written_must_be_readable() {
        let types = json!({"contacts": {"read": [], "write": ["phone"]}});
        let error = settings(Kind::Hubspot, types).unwrap_err();
        assert!(
            error.message().contains("config.types.contacts.write"),
            "{error}"
        );
    }

    #[test]
    fn a_type_of_tryton_names_its_model() {
        let types = json!({"parties": {"read": ["name"]}});
        assert!(settings(Kind::Tryton, types.clone()).is_err());
        assert!(settings(Kind::Hubspot, types).is_ok());
    }
}

//! Where a value came from: what is known of the case a call belongs to.
//!
//! Two sources count. A case opens with typed inputs from someone who may start
//! it; an agent's own words are never among them. And a run of the case may have
//! read a value from a system and field that the operator names in the rule.
//!
//! The attack: a letter, a web page or a comment tells the agent to pay another
//! account. The agent then calls with a value that neither whoever opened the
//! case gave nor any trusted record holds, and a row that asks for provenance
//! does not allow it.

use std::collections::BTreeMap;

use serde_json::Value;

use super::{Seen, Values};

/// The most values of one case. A run that reads more is copying a database; what
/// it read beyond this counts as unknown.
pub const CASE_VALUES_MAX: usize = 100_000;

/// How deep values are looked for in what was read.
const DEPTH_MAX: usize = 16;

/// What is known of a case: its trusted inputs, and what its runs have read.
#[derive(Clone, Debug, Default)]
pub struct CaseFacts {
    inputs: BTreeMap<String, Values>,
    records: BTreeMap<String, BTreeMap<String, Values>>,
    count: usize,
    /// Something was left out, so that what is not found may have been there.
    is_cut: bool,
}

impl CaseFacts {
    /// A case with these trusted inputs. One inside an object is named by its
    /// path: `customer.id`. A list is the name of all its members.
    #[must_use]
    pub fn new(inputs: &serde_json::Map<String, Value>) -> Self {
        let mut facts = Self::default();
        let mut found = Vec::new();
        for (name, value) in inputs.iter().filter(|(name, _)| has_path(name)) {
            flatten(name, value, DEPTH_MAX, &mut found);
        }
        for (name, value) in found {
            if facts.has_room() && facts.inputs.entry(name).or_default().insert(value) {
                facts.count += 1;
            }
        }
        facts
    }

    /// A run of the case has read this from a system. A field is named by its path
    /// without positions in lists: `customers.iban`.
    pub fn read(&mut self, system: &str, value: &Value) {
        let mut found = Vec::new();
        match value {
            Value::Object(members) => {
                let plain = members.iter().filter(|(name, _)| has_path(name));
                for (name, value) in plain {
                    flatten(name, value, DEPTH_MAX, &mut found);
                }
            }
            Value::Array(items) => {
                for item in items.iter().filter(|item| item.is_object()) {
                    self.read(system, item);
                }
            }
            _ => {}
        }
        for (field, value) in found {
            self.read_field(system, &field, value);
        }
    }

    /// A run of the case has read this value from this field of a system.
    pub fn read_field(&mut self, system: &str, field: &str, value: &Value) {
        if !self.has_room() {
            return;
        }
        // Looked up before it is made: most reads are of fields that are known.
        if !self.records.contains_key(system) {
            self.records.insert(system.to_owned(), BTreeMap::new());
        }
        let Some(fields) = self.records.get_mut(system) else {
            return;
        };
        if fields.entry(field.to_owned()).or_default().insert(value) {
            self.count += 1;
        }
    }

    /// Something could not be read, so that a value that is not found is not known
    /// to be foreign.
    pub const fn cut(&mut self) {
        self.is_cut = true;
    }

    fn has_room(&mut self) -> bool {
        self.is_cut |= self.count >= CASE_VALUES_MAX;
        self.count < CASE_VALUES_MAX
    }

    /// Whether a value is the input of that name. Nothing where there is no such
    /// input, or of another type.
    pub(super) fn is_input(&self, name: &str, seen: Seen<'_>) -> Option<bool> {
        self.certain(self.inputs.get(name)?.contain(seen))
    }

    /// Whether a value was read from that field. Nothing where the field was not
    /// read, or holds another type.
    pub(super) fn is_read(&self, system: &str, field: &str, seen: Seen<'_>) -> Option<bool> {
        self.certain(self.records.get(system)?.get(field)?.contain(seen))
    }

    fn certain(&self, found: Option<bool>) -> Option<bool> {
        found.filter(|found| *found || !self.is_cut)
    }
}

/// Every scalar below a value, with its path. The attack: a remote server names a
/// member `customer.iban`, which would then stand for the member `iban` of
/// `customer`. A name with a dot in it has no path, and what is below it none.
fn flatten<'v>(path: &str, value: &'v Value, depth: usize, found: &mut Vec<(String, &'v Value)>) {
    if depth == 0 {
        return;
    }
    match value {
        Value::Object(members) => {
            let plain = members.iter().filter(|(name, _)| has_path(name));
            for (name, value) in plain {
                flatten(&format!("{path}.{name}"), value, depth - 1, found);
            }
        }
        Value::Array(items) => {
            for item in items {
                flatten(path, item, depth - 1, found);
            }
        }
        Value::Null => {}
        scalar => found.push((path.to_owned(), scalar)),
    }
}

fn has_path(name: &str) -> bool {
    !name.is_empty() && !name.contains('.')
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]
    use super::*;
    use serde_json::json;

    fn case(inputs: Value) -> CaseFacts {
        CaseFacts::new(inputs.as_object().unwrap())
    }

    #[test]
    fn an_input_is_known_by_its_name_and_type() {
        let case = case(json!({"order": 17, "customer": {"id": "C-5"}, "ids": ["a", "b"]}));
        for (name, value, expected) in [
            ("order", json!(17), Some(true)),
            ("order", json!("17"), None),
            ("order", json!(18), Some(false)),
            ("customer.id", json!("C-5"), Some(true)),
            ("customer", json!("C-5"), None),
            ("id", json!("C-5"), None),
            ("ids", json!("b"), Some(true)),
            ("ids", json!("c"), Some(false)),
        ] {
            assert_eq!(
                case.is_input(name, Seen::Json(&value)),
                expected,
                "{name} {value}"
            );
        }
    }

    #[test]
    fn a_read_value_belongs_to_its_system_and_field() {
        let mut case = CaseFacts::default();
        case.read(
            "crm.api",
            &json!([{"customers": [{"iban": "DE1"}, {"iban": "DE2"}], "note": "pay DE9"}]),
        );
        let find =
            |system: &str, field: &str, value: &str| case.is_read(system, field, Seen::Text(value));
        assert_eq!(find("crm.api", "customers.iban", "DE2"), Some(true));
        assert_eq!(find("crm.api", "customers.iban", "DE9"), Some(false));
        assert_eq!(find("crm.api", "note", "DE9"), Some(false));
        assert_eq!(find("mail.box", "customers.iban", "DE2"), None);
        assert_eq!(find("crm.api", "iban", "DE2"), None);
    }

    #[test]
    fn a_name_with_a_dot_does_not_stand_for_a_path() {
        let mut facts = CaseFacts::default();
        facts.read(
            "crm.api",
            &json!({"customer": {"x.iban": "DE6"}, "a": {"b.c": {"d": "DE7"}}}),
        );
        for field in ["customer.x.iban", "a.b.c.d"] {
            assert_eq!(facts.is_read("crm.api", field, Seen::Text("DE6")), None);
        }
        facts.read("crm.api", &json!({"customer.iban": "DE6"}));
        assert_eq!(
            facts.is_read("crm.api", "customer.iban", Seen::Text("DE6")),
            None
        );
    }

    #[test]
    fn what_was_cut_is_unknown_and_not_foreign() {
        let mut case = case(json!({"order": 17}));
        case.cut();
        let (known, other) = (json!(17), json!(18));
        assert_eq!(case.is_input("order", Seen::Json(&known)), Some(true));
        assert_eq!(case.is_input("order", Seen::Json(&other)), None);
        let mut full = CaseFacts::default();
        for n in 0..=CASE_VALUES_MAX {
            full.read_field("s.d", "n", &json!(n.to_string()));
        }
        let last = CASE_VALUES_MAX.to_string();
        assert_eq!(full.is_read("s.d", "n", Seen::Text("0")), Some(true));
        assert_eq!(full.is_read("s.d", "n", Seen::Text(&last)), None);
    }
}

//! `[list.NAME]`: an address book, the accounts a customer owns.

use super::{CaseFacts, Seen, Values};

/// Values that the operator trusts, by one name.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct List {
    /// Its name.
    pub name: String,
    /// Those that stand in the manifest, or in a file beside it.
    pub values: Values,
    /// The case's trusted input that holds more of them.
    pub input: Option<String>,
    /// The system and field where runs of the case read more of them.
    pub record: Option<RecordField>,
}

/// A field of a system, as runs read it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RecordField {
    /// The connector and the destination in its manifest: `crm.api`.
    pub system: String,
    /// The path without positions in lists: `customers.iban`.
    pub field: String,
}

impl List {
    /// Whether everything in it stands in the manifest.
    #[must_use]
    pub const fn is_fixed(&self) -> bool {
        self.input.is_none() && self.record.is_none()
    }

    /// Whether a value is in it. Nothing where that cannot be known: no member has
    /// its type, or the case is unknown and the fixed members do not have it.
    pub(super) fn contains(&self, case: Option<&CaseFacts>, seen: Seen<'_>) -> Option<bool> {
        let fixed = self.values.contain(seen);
        let input = self.input.as_ref().map(|name| case?.is_input(name, seen));
        let record = self
            .record
            .as_ref()
            .map(|from| case?.is_read(&from.system, &from.field, seen));
        let all = [
            Some(fixed).filter(|_| !self.values.is_empty()),
            input,
            record,
        ];
        let mut known = Some(false);
        let mut is_any = false;
        for found in all.into_iter().flatten() {
            if found == Some(true) {
                return Some(true);
            }
            is_any = true;
            known = known.and(found);
        }
        known.filter(|_| is_any)
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]
    use super::*;
    use serde_json::json;

    #[test]
    fn a_list_that_the_case_fills_is_unknown_without_the_case() {
        let list = List {
            name: "accounts".to_owned(),
            values: [&json!("DE0")].into_iter().collect(),
            input: Some("accounts".to_owned()),
            record: Some(RecordField {
                system: "crm.api".to_owned(),
                field: "iban".to_owned(),
            }),
        };
        let mut case = CaseFacts::new(json!({"accounts": ["DE1"]}).as_object().unwrap());
        assert_eq!(list.contains(None, Seen::Text("DE0")), Some(true));
        assert_eq!(list.contains(None, Seen::Text("DE1")), None);
        assert_eq!(list.contains(Some(&case), Seen::Text("DE1")), Some(true));
        assert_eq!(list.contains(Some(&case), Seen::Text("DE2")), None);
        case.read_field("crm.api", "iban", &json!("DE2"));
        assert_eq!(list.contains(Some(&case), Seen::Text("DE2")), Some(true));
        assert_eq!(list.contains(Some(&case), Seen::Text("DE3")), Some(false));
        assert_eq!(List::default().contains(None, Seen::Text("DE3")), None);
    }
}

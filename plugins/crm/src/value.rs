//! Values of properties, alike for all systems.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use tollgate_sdk::ToolError;
use tollgate_sdk::text::shortened;

/// One value. Decimals and dates are texts: a decimal keeps its digits, a date is
/// `YYYY-MM-DD`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(untagged)]
pub(crate) enum Scalar {
    Flag(bool),
    Integer(i64),
    Number(f64),
    Text(String),
}

/// Values by name; `null` is no value.
pub(crate) type Properties = BTreeMap<String, Option<Scalar>>;

/// The longest value that a page of records shows, in characters.
pub(crate) const SHOWN_MAX: usize = 2_000;

impl Scalar {
    /// As a text.
    pub(crate) fn text(&self) -> String {
        match self {
            Self::Flag(flag) => flag.to_string(),
            Self::Integer(number) => number.to_string(),
            Self::Number(number) => number.to_string(),
            Self::Text(text) => text.clone(),
        }
    }
}

/// One property that is not as it was expected.
#[derive(Debug, PartialEq)]
pub(crate) struct Difference {
    pub(crate) property: String,
    pub(crate) expected: Option<Scalar>,
    pub(crate) found: Option<Scalar>,
}

/// What of the expected values is not there, by the system's own idea of equality.
pub(crate) fn differences(
    expected: &Properties,
    found: &Properties,
    same: impl Fn(Option<&Scalar>, Option<&Scalar>) -> bool,
) -> Vec<Difference> {
    let mut differences = Vec::new();
    for (property, expected) in expected {
        let found = found.get(property).and_then(Option::as_ref);
        if !same(expected.as_ref(), found) {
            differences.push(Difference {
                property: property.clone(),
                expected: expected.clone(),
                found: found.cloned(),
            });
        }
    }
    differences
}

/// The conflict that an agent reads; nothing was written.
pub(crate) fn conflict(what: &str, differences: &[Difference]) -> ToolError {
    let show = |value: &Option<Scalar>| match value {
        Some(value) => format!("{:?}", shortened(&value.text(), 80)),
        None => "nothing".to_owned(),
    };
    let each = differences.iter().map(|difference| {
        format!(
            "`{}` is {}, expected {}",
            difference.property,
            show(&difference.found),
            show(&difference.expected)
        )
    });
    let each = each.collect::<Vec<_>>().join("; ");
    ToolError::conflict(format!(
        "{what} was changed since: {each}. Nothing was written"
    ))
    .hint("read the record again, and decide anew")
}

/// Cut what is too long for a page, and name it.
pub(crate) fn shorten(properties: &mut Properties) -> Vec<String> {
    let mut cut = Vec::new();
    for (name, value) in properties {
        if let Some(Scalar::Text(text)) = value
            && text.len() > SHOWN_MAX
        {
            *text = shortened(text, SHOWN_MAX);
            cut.push(name.clone());
        }
    }
    cut
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a failing unwrap is the test's failure")]

    use super::*;

    #[test]
    fn json_keeps_its_types() {
        let read: Properties =
            serde_json::from_str(r#"{"a":true,"b":7,"c":0.5,"d":"x","e":null}"#).unwrap();
        assert_eq!(read["a"], Some(Scalar::Flag(true)));
        assert_eq!(read["b"], Some(Scalar::Integer(7)));
        assert_eq!(read["c"], Some(Scalar::Number(0.5)));
        assert_eq!(read["d"], Some(Scalar::Text("x".into())));
        assert_eq!(read["e"], None);
    }

    #[test]
    fn a_list_or_an_object_is_no_value() {
        assert!(serde_json::from_str::<Properties>(r#"{"a":{"b":1}}"#).is_err());
        assert!(serde_json::from_str::<Properties>(r#"{"a":[1]}"#).is_err());
    }

    #[test]
    fn a_conflict_names_both_values_and_does_not_grow_with_them() {
        let long = "x".repeat(100_000);
        let error = conflict(
            "contact 5",
            &[Difference {
                property: "phone".into(),
                expected: None,
                found: Some(Scalar::Text(long)),
            }],
        );
        assert!(error.message().contains("`phone` is \"xxx"), "{error}");
        assert!(error.message().contains("expected nothing"), "{error}");
        assert!(error.message().len() < 300);
    }

    #[test]
    fn long_values_are_cut_at_characters_and_named() {
        let mut properties: Properties = [
            (
                "a".to_owned(),
                Some(Scalar::Text("é".repeat(SHOWN_MAX + 1))),
            ),
            ("b".to_owned(), Some(Scalar::Text("short".into()))),
        ]
        .into();
        assert_eq!(shorten(&mut properties), ["a"]);
        let text = properties["a"].as_ref().unwrap().text();
        assert_eq!(text.chars().count(), SHOWN_MAX + 1);
        assert_eq!(properties["b"], Some(Scalar::Text("short".into())));
    }
}

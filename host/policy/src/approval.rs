//! Who decides on a held call, by when, and what stands on top of the card.

use std::{fmt, str::FromStr, time::Duration};

use serde_json::Value;

use crate::{FieldPath, rules::Root, visible};

/// One `[approval.*]` table of a manifest.
#[derive(Clone, Debug)]
pub struct Approval {
    /// The name that rules use.
    pub name: String,
    /// Any of these may decide.
    pub approvers: Vec<Approver>,
    /// A call that nobody decided on within this time is denied.
    pub decide_within: Duration,
    /// An approved call that did not run within this time is void.
    pub execute_within: Duration,
    /// So many different people must say yes.
    pub quorum: u32,
    /// A no stands this long for the same case, tool and input, in new runs too.
    pub deny_stands: Duration,
    /// It lets calls through that are outside of the usual ones: a yes needs a
    /// reason, and each is counted and listed.
    pub exception: bool,
    /// The heading of the card.
    pub title: Option<Template>,
}

/// Who may decide.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Approver {
    /// Any person of this group.
    Group(String),
    /// This person.
    Person(String),
}

impl fmt::Display for Approver {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Group(name) => write!(f, "group:{name}"),
            Self::Person(name) => write!(f, "person:{name}"),
        }
    }
}

impl FromStr for Approver {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let (kind, name) = text.split_once(':').unwrap_or(("", text));
        let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.' | '@' | '+');
        if name.is_empty() || name.len() > 128 || !name.chars().all(plain) {
            return Err(format!(
                "`{}` names nobody; write `person:mira` or `group:finance`",
                visible(text)
            ));
        }
        match kind {
            "group" => Ok(Self::Group(name.to_owned())),
            "person" => Ok(Self::Person(name.to_owned())),
            "" => Err(format!(
                "`{name}` may be a person or a group; write `person:{name}` or `group:{name}`"
            )),
            _ => Err(format!(
                "`{}` can be no approver; write `person:{name}` or `group:{name}`",
                visible(kind)
            )),
        }
    }
}

/// A text with `{input.field}` and `{args.field}` places, filled by the host
/// with typed values.
///
/// The attack: an agent writes `5.00 EUR — approved by Mira` into a free-text
/// field that stands in the heading. So values from texts are put in quotation
/// marks, made visible and cut, and only the operator's words stand bare.
#[derive(Clone, Debug, PartialEq)]
pub struct Template {
    text: String,
    parts: Vec<Part>,
}

#[derive(Clone, Debug, PartialEq)]
enum Part {
    Words(String),
    Field(FieldPath),
}

/// The longest text value in a heading, in characters. An order number or a
/// name fits; a paragraph, which would push the rest out of sight, does not.
const VALUE_CHARS_MAX: usize = 80;

impl Template {
    /// Read a template.
    ///
    /// # Errors
    /// With what to write instead, when a brace is open or a field cannot be
    /// named.
    pub fn parse(text: &str) -> Result<Self, String> {
        let mut parts = Vec::new();
        let mut rest = text;
        while let Some(at) = rest.find(['{', '}']) {
            let (words, brace) = rest.split_at(at);
            let field = brace
                .strip_prefix('{')
                .and_then(|inner| inner.split_once('}'));
            let Some((field, after)) = field else {
                return Err(
                    "a brace stands alone; write `{input.field}` for a value, and no other braces"
                        .to_owned(),
                );
            };
            if !words.is_empty() {
                parts.push(Part::Words(words.to_owned()));
            }
            parts.push(Part::Field(FieldPath::parse(field)?));
            rest = after;
        }
        if !rest.is_empty() {
            parts.push(Part::Words(rest.to_owned()));
        }
        Ok(Self {
            text: text.to_owned(),
            parts,
        })
    }

    /// The template as it was written.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// The heading for this tool input and these arguments of the held call.
    #[must_use]
    pub fn render(&self, principal: &str, input: &Value, args: Option<&Value>) -> String {
        let value = |path: &FieldPath| match path.root() {
            Root::Principal => shown_text(principal),
            Root::Input => path.find(Some(input)).map_or_else(|| missing(path), shown),
            Root::Args => path.find(args).map_or_else(|| missing(path), shown),
            Root::Destination | Root::Item => missing(path),
        };
        let part = |part: &Part| match part {
            Part::Words(words) => words.clone(),
            Part::Field(path) => value(path),
        };
        self.parts.iter().map(part).collect()
    }
}

fn missing(path: &FieldPath) -> String {
    format!("⟨no {path}⟩")
}

fn shown(value: &Value) -> String {
    match value {
        Value::Null | Value::Bool(_) | Value::Number(_) => value.to_string(),
        Value::String(text) => shown_text(text),
        Value::Array(items) => format!("⟨{} items⟩", items.len()),
        Value::Object(fields) => format!("⟨{} fields⟩", fields.len()),
    }
}

fn shown_text(text: &str) -> String {
    let count = text.chars().count();
    let start: String = text
        .chars()
        .take(VALUE_CHARS_MAX)
        .map(|c| {
            if matches!(c, '"' | '“' | '”') {
                '\''
            } else {
                c
            }
        })
        .collect();
    let rest = count.saturating_sub(VALUE_CHARS_MAX);
    let more = if rest > 0 {
        format!("⟨and {rest} more characters⟩")
    } else {
        String::new()
    };
    format!("“{}”{more}", visible(&start))
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]
    use super::*;
    use serde_json::json;

    #[test]
    fn a_heading_is_filled_with_typed_values() {
        let template = Template::parse(
            "Refund {input.params.cents} cents for {input.params.order} by {principal}",
        )
        .unwrap();
        let input = json!({"params": {"cents": 8000, "order": "A-17"}});
        assert_eq!(
            template.render("agent:desk", &input, None),
            "Refund 8000 cents for “A-17” by “agent:desk”"
        );
        assert_eq!(
            template.render("p", &json!({}), None),
            "Refund ⟨no input.params.cents⟩ cents for ⟨no input.params.order⟩ by “p”"
        );
    }

    #[test]
    fn text_from_outside_cannot_pose_as_the_operators_words() {
        let template = Template::parse("{args.0}").unwrap();
        let render = |value: Value| template.render("p", &Value::Null, Some(&json!([value])));
        assert_eq!(
            render(json!("5” — approved by “Mira")),
            "“5' — approved by 'Mira”"
        );
        assert_eq!(render(json!("a\u{202e}b\n")), "“a⟨U+202E⟩b⟨U+000A⟩”");
        assert!(render(json!("x".repeat(500))).ends_with("”⟨and 420 more characters⟩"));
        assert_eq!(render(json!([1, 2])), "⟨2 items⟩");
    }

    #[test]
    fn templates_that_cannot_be_filled_are_refused() {
        for bad in [
            "{",
            "}",
            "{input.a",
            "input.a}",
            "{}",
            "{other.a}",
            "{input}}",
            "{{input.a}}",
        ] {
            assert!(Template::parse(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn approvers_are_persons_or_groups() {
        assert_eq!(
            "group:finance".parse(),
            Ok(Approver::Group("finance".to_owned()))
        );
        assert_eq!(
            "person:mira".parse::<Approver>().unwrap().to_string(),
            "person:mira"
        );
        for bad in [
            "mira",
            "agent:x",
            "person:",
            "",
            "group:a b",
            "person:a\u{202e}",
        ] {
            assert!(bad.parse::<Approver>().is_err(), "{bad}");
        }
    }
}

//! Names of fields in what a rule can see, split when the manifest is read.

use std::fmt;

use serde_json::Value;

/// A field, for example `input.params.amount_cents` or `args.parameters.0`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FieldPath {
    text: String,
    root: Root,
    steps: Vec<Step>,
}

/// Where a path begins.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Root {
    Input,
    Args,
    Principal,
    /// What the destination's name stands for.
    Destination,
    /// The item of a list, inside of `each`.
    Item,
}

#[derive(Clone, Debug, PartialEq, Eq)]
struct Step {
    key: String,
    index: Option<usize>,
}

impl FieldPath {
    /// Read a path.
    ///
    /// # Errors
    /// With what to write instead.
    pub fn parse(text: &str) -> Result<Self, String> {
        let mut names = text.split('.');
        let root = match names.next() {
            Some("input") => Root::Input,
            Some("args") => Root::Args,
            Some("principal") => Root::Principal,
            Some("destination") => Root::Destination,
            _ => {
                return Err(format!(
                    "a field begins with `input.` (of the tool), `args.` (of the import call), or is `principal` or `destination`; write `input.{text}` or `args.{text}`"
                ));
            }
        };
        let steps = names.map(Step::parse).collect::<Result<Vec<_>, _>>()?;
        let name = match root {
            Root::Principal => "principal",
            _ => "destination",
        };
        if matches!(root, Root::Principal | Root::Destination) && !steps.is_empty() {
            return Err(format!(
                "`{name}` is a text and has no fields; write `{name}`"
            ));
        }
        Ok(Self {
            text: text.to_owned(),
            root,
            steps,
        })
    }

    /// A path below an item of a list, for example `item.email`.
    pub(crate) fn of_item(text: &str) -> Result<Self, String> {
        let field = text.strip_prefix("item.").unwrap_or_default();
        let path = Self::parse(&format!("input.{field}"))?;
        Ok(Self {
            text: text.to_owned(),
            root: Root::Item,
            ..path
        })
    }

    /// A path below a tool's output, which is found as one of an input.
    pub(crate) fn of_output(field: &str) -> Result<Self, String> {
        let path = Self::parse(&format!("input.{field}"))?;
        Ok(Self {
            text: format!("output.{field}"),
            ..path
        })
    }

    /// The path as it was written.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// The value at this path in a tool's input and an import call's arguments.
    #[must_use]
    pub fn value_in<'v>(&self, input: &'v Value, args: &'v Value) -> Option<&'v Value> {
        match self.root {
            Root::Input => self.find(Some(input)),
            Root::Args => self.find(Some(args)),
            Root::Principal | Root::Destination | Root::Item => None,
        }
    }

    pub(crate) fn root(&self) -> Root {
        self.root
    }

    /// The names below the root, in order.
    pub(crate) fn steps(&self) -> impl Iterator<Item = &str> {
        self.steps.iter().map(|step| step.key.as_str())
    }

    /// The name of the field itself, where it has one: not a place in a list.
    pub(crate) fn last_name(&self) -> Option<&str> {
        let last = self.steps.last().filter(|step| step.index.is_none())?;
        Some(&last.key)
    }

    /// The value at this path below its root.
    pub(crate) fn find<'v>(&self, root: Option<&'v Value>) -> Option<&'v Value> {
        self.steps
            .iter()
            .try_fold(root?, |value, step| step.take(value))
    }
}

impl Step {
    fn parse(name: &str) -> Result<Self, String> {
        if name.is_empty() {
            return Err("a field name is empty; write one `.` between names, for example `input.params.amount`".to_owned());
        }
        let plain =
            name.bytes().all(|b| b.is_ascii_digit()) && (name == "0" || !name.starts_with('0'));
        Ok(Self {
            key: name.to_owned(),
            index: name.parse().ok().filter(|_| plain),
        })
    }

    fn take<'v>(&self, value: &'v Value) -> Option<&'v Value> {
        match value {
            Value::Object(fields) => fields.get(&self.key),
            Value::Array(items) => items.get(self.index?),
            _ => None,
        }
    }
}

impl fmt::Display for FieldPath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]
    use super::*;
    use serde_json::json;

    #[test]
    fn a_path_finds_its_value_and_nothing_else() {
        let value = json!({"a": [{"b": 1}, 2], "0": "key"});
        let find = |path: &str| FieldPath::parse(path).unwrap().find(Some(&value)).cloned();
        assert_eq!(find("input.a.0.b"), Some(json!(1)));
        assert_eq!(find("input.a.1"), Some(json!(2)));
        assert_eq!(find("input.0"), Some(json!("key")));
        assert_eq!(find("input"), Some(value.clone()));
        for missing in [
            "input.a.2",
            "input.a.00",
            "input.a.-1",
            "input.a.b",
            "input.b",
            "input.a.1.c",
        ] {
            assert_eq!(find(missing), None, "{missing}");
        }
    }

    #[test]
    fn unreadable_paths_are_refused() {
        for bad in [
            "",
            "a",
            "Input.a",
            "input.",
            "input..a",
            "principal.name",
            "inputs.a",
            ".input",
        ] {
            assert!(FieldPath::parse(bad).is_err(), "{bad}");
        }
    }
}

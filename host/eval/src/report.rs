//! What came of a suite.

use std::fmt;

use serde::Serialize;
use serde_json::Value;
use tollgate_policy::visible;

/// The longest value in a finding's text, characters.
const SHOWN_CHARS_MAX: usize = 600;

/// What came of all scenarios of a folder.
#[derive(Clone, Debug, Serialize)]
pub struct Report {
    /// One for each scenario, in the order of their names.
    pub scenarios: Vec<ScenarioReport>,
}

impl Report {
    /// Whether every scenario passed.
    #[must_use]
    pub fn passed(&self) -> bool {
        let mut scenarios = self.scenarios.iter();
        scenarios.all(|one| one.outcome == Outcome::Passed)
    }
}

/// What came of one scenario.
#[derive(Clone, Debug, Serialize)]
pub struct ScenarioReport {
    /// Its folder, below the suite's.
    pub name: String,
    /// What it is about, in its own words.
    pub about: String,
    /// Whether everything was as expected.
    pub outcome: Outcome,
    /// How long it took, milliseconds.
    pub time_ms: u64,
    /// What was not as expected; empty where it passed.
    pub findings: Vec<Finding>,
}

/// How a scenario ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
    /// Everything was as expected.
    Passed,
    /// Something was not.
    Failed,
    /// It could not be run: its files are wrong, or the connector does not build.
    Broken,
}

impl Outcome {
    /// The word for tables.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Passed => "passed",
            Self::Failed => "failed",
            Self::Broken => "broken",
        }
    }
}

/// One thing that is not as expected. Its values come from guests and servers:
/// [`fmt::Display`] makes them safe for a terminal.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Finding {
    /// What was looked at, or what is wrong.
    pub what: String,
    /// What the scenario expects.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub expected: Option<Value>,
    /// What was found; nothing where there is none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub found: Option<Value>,
}

impl Finding {
    /// A sentence.
    pub(crate) fn says(what: impl Into<String>) -> Self {
        Self {
            what: what.into(),
            expected: None,
            found: None,
        }
    }

    /// A value that is another one, or is not there.
    pub(crate) fn differs(
        what: impl Into<String>,
        expected: impl Into<Value>,
        found: Option<Value>,
    ) -> Self {
        Self {
            what: what.into(),
            expected: Some(expected.into()),
            found,
        }
    }
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut lines = self.what.lines().map(visible);
        f.write_str(&lines.next().unwrap_or_default())?;
        for line in lines {
            write!(f, "\n  {line}")?;
        }
        let Some(expected) = &self.expected else {
            return Ok(());
        };
        write!(f, "\n  expected  {}", shown(expected))?;
        match &self.found {
            Some(found) => write!(f, "\n  found     {}", shown(found)),
            None => write!(f, "\n  found     nothing"),
        }
    }
}

/// A value on one line, cut where it is long.
fn shown(value: &Value) -> String {
    let text = visible(&value.to_string());
    match text.char_indices().nth(SHOWN_CHARS_MAX) {
        Some((end, _)) => format!("{}… ({} characters)", &text[..end], text.chars().count()),
        None => text,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_finding_shows_both_values_and_no_control_character() {
        let finding = Finding::differs("call 1: outcome", "done", Some(json!("a\u{202e}b\u{9b}")));
        let text = finding.to_string();
        assert_eq!(
            text,
            "call 1: outcome\n  expected  \"done\"\n  found     \"a⟨U+202E⟩b⟨U+009B⟩\""
        );
        let long = Finding::differs("x", "y".repeat(10_000), None).to_string();
        assert!(
            long.chars().count() < 800 && long.ends_with("found     nothing"),
            "{long}"
        );
    }
}

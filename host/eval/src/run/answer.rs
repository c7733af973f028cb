//! An answer to the agent, against what is expected of it.

use serde_json::{Value, json};
use tollgate_runtime::{Card, Failure, RunReport, RunState};

use crate::fit::{differences, like};
use crate::report::Finding;
use crate::scenario::Expect;
use crate::value::resolve;

/// What a call came to, however it did.
pub(super) struct Answer {
    /// Every name of the outcome that fits; the first is the usual one.
    names: Vec<String>,
    output: Option<Value>,
    failure: Option<Failure>,
    card: Option<Value>,
}

impl Answer {
    /// What became of a run.
    pub(super) fn of(report: &RunReport, card: Option<Card>) -> Self {
        let kind = report.failure.as_ref().map(|failure| failure.kind.clone());
        let state = report.state.as_str().to_owned();
        let names = match (report.state, kind) {
            // That it failed says less than how.
            (RunState::Failed, Some(kind)) => vec![kind],
            (_, Some(kind)) if kind != state => vec![state, kind],
            _ => vec![state],
        };
        Self {
            names,
            output: report.output.clone(),
            failure: report.failure.clone(),
            card: card.map(|card| json!(card)),
        }
    }

    /// A call that became no run.
    pub(super) fn refused(failure: Failure) -> Self {
        Self {
            names: vec![failure.kind.clone()],
            output: None,
            failure: Some(failure),
            card: None,
        }
    }

    /// What is not as expected. The error is a sentence about the scenario.
    pub(super) fn findings(
        &self,
        name: &str,
        expected: &Expect,
        outputs: &[Option<Value>],
    ) -> Result<Vec<Finding>, String> {
        let mut findings = Vec::new();
        if !self.names.contains(&expected.outcome) {
            findings.push(Finding::differs(
                format!("{name}: outcome"),
                expected.outcome.clone(),
                Some(self.told()),
            ));
            // Everything else follows from that.
            return Ok(findings);
        }
        for (what, expected, found) in [
            ("output", &expected.output, &self.output),
            ("card", &expected.card, &self.card),
        ] {
            if let Some(expected) = expected {
                let expected = resolve(expected, outputs)?;
                let what = format!("{name}: {what}");
                match found {
                    Some(found) => findings.extend(differences(&what, &expected, found)),
                    None => findings.push(Finding::differs(what, expected, None)),
                }
            }
        }
        for pointer in &expected.absent {
            let there = self
                .output
                .as_ref()
                .and_then(|output| output.pointer(pointer));
            if let Some(there) = there {
                let what = format!("{name}: output {pointer} must not be there: {there}");
                findings.push(Finding::says(what));
            }
        }
        findings.extend(self.texts(name, expected));
        let whole = json!([self.told(), self.card]).to_string();
        for text in &expected.without {
            // As it stands in JSON, without the quotation marks.
            let quoted = Value::from(text.as_str()).to_string();
            if whole.contains(quoted.trim_matches('"')) {
                findings.push(Finding::says(format!(
                    "{name}: the answer must not hold `{text}`: {whole}"
                )));
            }
        }
        Ok(findings)
    }

    fn texts(&self, name: &str, expected: &Expect) -> Vec<Finding> {
        let failure = self.failure.as_ref();
        let texts = [
            (
                "message",
                &expected.message,
                failure.map(|one| one.message.clone()),
            ),
            (
                "hint",
                &expected.hint,
                failure.and_then(|one| one.hint.clone()),
            ),
            (
                "pointer",
                &expected.pointer,
                failure.and_then(|one| one.pointer.clone()),
            ),
        ];
        let mut findings = Vec::new();
        for (what, pattern, found) in texts {
            let Some(pattern) = pattern else { continue };
            if !found.as_deref().is_some_and(|found| like(pattern, found)) {
                findings.push(Finding::differs(
                    format!("{name}: {what}"),
                    pattern.clone(),
                    found.map(Value::from),
                ));
            }
        }
        findings
    }

    /// All that the agent is told.
    fn told(&self) -> Value {
        let mut told = json!({ "outcome": self.names.first() });
        for (name, value) in [
            ("output", self.output.clone()),
            (
                "failure",
                self.failure.as_ref().map(|failure| json!(failure)),
            ),
        ] {
            if let Some(value) = value {
                told[name] = value;
            }
        }
        told
    }
}

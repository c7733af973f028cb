//! What a record says, in words: the same for the terminal and the pages, so
//! that a person can follow a run from its trigger to its end, and back.

use serde_json::Value;

use crate::api::{LogLine, LogLink};

/// Facts for whoever checks a record rather than follows a story.
const TECHNICAL: [&str; 14] = [
    "batch",
    "by_host",
    "calls",
    "changed",
    "component",
    "delegation",
    "digest",
    "engine",
    "fuel",
    "kind",
    "manifest",
    "prior_version",
    "replayed",
    "send_by",
];

/// Facts that the sentence tells.
const TOLD: [&str; 21] = [
    "approver",
    "by",
    "call",
    "change",
    "connector",
    "continued_as",
    "decision",
    "delegator",
    "delivery",
    "deputy",
    "destination",
    "effect",
    "last",
    "on_behalf",
    "quorum",
    "state",
    "tool",
    "undoes",
    "until",
    "votes",
    "withheld",
];

/// What a caller wrote, and nobody checked.
const UNVERIFIED: [&str; 3] = ["reason", "trigger", "context"];

/// What a reader wants to know first. The rest follows as it was recorded.
const FIRST: [&str; 9] = [
    "trigger (unverified)",
    "context (unverified)",
    "reason (unverified)",
    "title",
    "rule",
    "rule_reason",
    "approvers",
    "input",
    "arguments",
];

/// A record in words. Texts are as they were recorded: whoever shows them makes
/// them safe to look at.
#[derive(Clone, Debug, PartialEq)]
pub struct Told {
    /// What happened, as a sentence without its subject.
    pub what: String,
    /// Why, and with which values, by name.
    pub details: Vec<(String, Value)>,
    /// For whoever checks the record.
    pub technical: Vec<(String, Value)>,
}

impl LogLine {
    /// The record in words.
    #[must_use]
    pub fn told(&self) -> Told {
        let mut told = Told {
            what: self.sentence(),
            details: Vec::new(),
            technical: Vec::new(),
        };
        for (name, value) in self.facts.as_object().into_iter().flatten() {
            if TECHNICAL.contains(&name.as_str()) {
                told.technical.push((name.clone(), value.clone()));
            } else if !TOLD.contains(&name.as_str()) {
                told.details.push((name.clone(), value.clone()));
            }
        }
        for (name, value) in self.values.as_object().into_iter().flatten() {
            match (self.stage.as_str(), name.as_str(), value) {
                // What the person was shown, part by part.
                ("approval.requested", "card", Value::Object(card)) => {
                    let known = ["approval", "approvers", "rule"];
                    let shown = card.iter().filter(|(name, value)| {
                        !known.contains(&name.as_str()) && !is_usual(name, value)
                    });
                    told.details
                        .extend(shown.map(|(name, value)| (name.clone(), value.clone())));
                }
                ("run.opened", name, value) if UNVERIFIED.contains(&name) => {
                    let name = format!("{name} (unverified)");
                    told.details.push((name, value.clone()));
                }
                _ => told.details.push((name.clone(), value.clone())),
            }
        }
        told.details.sort_by_key(|(name, _)| {
            FIRST
                .iter()
                .position(|first| first == name)
                .unwrap_or(FIRST.len())
        });
        for name in &self.erased {
            let gone = Value::from("erased, or pruned by the retention rule");
            told.details.push((name.clone(), gone));
        }
        told
    }

    fn fact(&self, name: &str) -> &str {
        let fact = self.facts.get(name).and_then(Value::as_str);
        fact.unwrap_or_default()
    }

    /// Which vote it was, and for whom.
    fn votes(&self) -> String {
        let number = |name: &str| self.facts.get(name).and_then(Value::as_u64).unwrap_or(1);
        let behalf = match self.fact("on_behalf") {
            "" => String::new(),
            delegator => format!(" for {delegator}"),
        };
        match number("quorum") {
            0 | 1 => behalf,
            quorum => format!("{behalf} ({} of {quorum} votes)", number("votes")),
        }
    }

    fn sentence(&self) -> String {
        let call = || {
            let (call, to, effect) = (
                self.fact("call"),
                self.fact("destination"),
                self.fact("effect"),
            );
            let place = self.position.map(|at| format!(" (call {at})"));
            let place = place.unwrap_or_default();
            match (to, effect) {
                ("", "") => format!("{call}{place}"),
                _ => format!("{call} on {to}, {effect}{place}"),
            }
        };
        match self.stage.as_str() {
            "case.opened" => format!("opened the case {}", self.case),
            "case.closed" => {
                let correct = match self.facts.get("correct").and_then(Value::as_bool) {
                    Some(true) => ", and found correct",
                    Some(false) => ", and found not correct",
                    None => "",
                };
                format!("ended the case: {}{correct}", self.fact("state"))
            }
            "workflow.changed" => {
                format!(
                    "{} the workflow {}",
                    self.fact("change"),
                    self.fact("workflow")
                )
            }
            "run.opened" => {
                let tool = format!("asked for {}.{}", self.fact("connector"), self.fact("tool"));
                match self.fact("undoes") {
                    "" => tool,
                    of => format!("{tool}, to take back {of}"),
                }
            }
            "call.denied" => format!("was refused: {}", call()),
            "secret.blocked" => {
                let of = match self.fact("call") {
                    "" => String::new(),
                    _ => format!(" of {}", call()),
                };
                format!("had a secret withheld in the {}{of}", self.fact("withheld"))
            }
            "approval.requested" => format!("has to wait for a decision: {}", call()),
            "approval.voted" => format!("said yes to the call{}", self.votes()),
            "approval.revoked" => "took the yes to the call back".to_owned(),
            "exception" => format!("let it through as an exception ({})", self.fact("kind")),
            "delegation.changed" => match self.fact("change") {
                "given" => format!(
                    "named {} as deputy for {} until {}",
                    self.fact("deputy"),
                    self.fact("approver"),
                    self.fact("until")
                ),
                _ => format!(
                    "ended that {} is deputy of {}",
                    self.fact("deputy"),
                    self.fact("delegator")
                ),
            },
            "run.edited" => format!(
                "changed the input; it goes on as {}",
                self.fact("continued_as")
            ),
            "drill.decided" => match self.fact("decision") {
                "approved" => "approved a drill, which should have been denied".to_owned(),
                "denied" | "edited" => "noticed a drill".to_owned(),
                _ => "got no decision on a drill in time".to_owned(),
            },
            "approval.decided" => match self.fact("decision") {
                "approved" => format!("approved the call{}", self.votes()),
                "denied" => "denied the call".to_owned(),
                "expired" => "got no decision in time".to_owned(),
                other => format!("decided: {other}"),
            },
            "call.intent" => format!("sends {}", call()),
            "call.outcome" if self.fact("effect") == "read" => format!("reads {}", call()),
            "call.outcome" => format!("got the answer of {}", call()),
            "call.in_doubt" => format!("does not know whether this happened: {}", call()),
            "handoff" => format!("asks people to look: {}", call()),
            "call.settled" => match self.fact("resolution") {
                "done" => format!("says that this happened: {}", call()),
                "not_done" => format!("says that this did not happen: {}", call()),
                // The host found out by itself.
                _ => format!("found out about {}", call()),
            },
            "handoff.resolved" => match self.fact("resolution") {
                "done" => format!("did what was handed to {}", self.fact("queue")),
                _ => format!("will not do what was handed to {}", self.fact("queue")),
            },
            "queue.delivered" => format!("told {} of it", self.fact("delivery")),
            "queue.delivery_failed" => match self.facts.get("last") {
                Some(Value::Bool(true)) => {
                    format!(
                        "could not tell {}, and tries no more",
                        self.fact("delivery")
                    )
                }
                _ => format!("could not tell {} yet", self.fact("delivery")),
            },
            "undo.planned" => "is about to be taken back".to_owned(),
            "undo.done" => match self.fact("outcome") {
                "" => format!("took the run back, by {}", self.fact("by")),
                _ => format!("took a part of the run back, by {}", self.fact("by")),
            },
            "run.closed" => format!("ended the run: {}", self.fact("state")),
            "manifest.changed" => format!("installed {}", self.fact("connector")),
            other => other.to_owned(),
        }
    }
}

/// Whether a part of a card says only what most cards say: nothing was there, one
/// yes is enough, it is no exception.
fn is_usual(name: &str, value: &Value) -> bool {
    match name {
        "quorum" => value.as_u64() == Some(1),
        "exception" => *value == Value::Bool(false),
        _ => value.is_null(),
    }
}

impl LogLink {
    /// In words, as a part of the line that names the linked run.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Undoes => "is to take this run back",
            Self::UndoneBy => "is the run that this one takes back",
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use crate::api::LogLine;

    fn line(stage: &str, facts: Value, values: Value) -> LogLine {
        LogLine {
            seq: 0,
            at: String::new(),
            stage: stage.to_owned(),
            case: "case-1".to_owned(),
            run: Some("run-1".to_owned()),
            principal: "bot".to_owned(),
            position: Some(2),
            facts,
            workflow: None,
            values,
            erased: vec!["reply".to_owned()],
            linked: None,
        }
    }

    #[test]
    fn a_record_is_told_with_its_reasons_and_without_its_digests() {
        let call = json!({"call": "sql.execute", "destination": "orders", "effect": "write", "rule": "limit", "fuel": 7});
        let told = line("call.intent", call, json!({"arguments": [1]})).told();
        assert_eq!(told.what, "sends sql.execute on orders, write (call 2)");
        let names: Vec<_> = told.details.iter().map(|(name, _)| name.as_str()).collect();
        assert_eq!(names, ["rule", "arguments", "reply"]);
        assert_eq!(told.technical, [("fuel".to_owned(), json!(7))]);
    }

    #[test]
    fn what_a_caller_wrote_is_marked_and_a_card_is_taken_apart() {
        let opened = json!({"connector": "db", "tool": "refund", "undoes": "run-0"});
        let told = line(
            "run.opened",
            opened,
            json!({"reason": "because", "input": {}}),
        )
        .told();
        assert_eq!(told.what, "asked for db.refund, to take back run-0");
        assert!(
            told.details
                .contains(&("reason (unverified)".to_owned(), json!("because")))
        );
        let card = json!({"card": {"title": "Refund 80.00", "approvers": ["x"], "prior": null, "quorum": 1, "exception": false}});
        let told = line("approval.requested", json!({}), card).told();
        assert_eq!(told.details[0], ("title".to_owned(), json!("Refund 80.00")));
        assert_eq!(told.details.len(), 2);
    }
}

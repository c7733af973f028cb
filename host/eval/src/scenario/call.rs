//! `[[call]]`: what the agent asks for, what a person decides, and what must
//! come of it.

use std::fmt;
use std::path::PathBuf;

use serde::Deserialize;
use serde::de::{self, Deserializer, IntoDeserializer as _, Visitor};
use serde_json::{Map, Value};

/// Outcomes that a call can have: how a run ends, the kinds of a failure, and
/// why a call becomes no run.
const OUTCOMES: &[&str] = &[
    "done",
    "held",
    "denied",
    "in_doubt",
    "invalid_input",
    "not_found",
    "conflict",
    "rejected",
    "limited",
    "unavailable",
    "failed",
    "diverged",
    "connector_fault",
    "erased",
    "unknown_tool",
    "key_reused",
    "unsettled",
    "not_allowed",
];

/// One call.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Call {
    /// The tool.
    pub(crate) tool: String,
    /// Its input.
    #[serde(default = "nothing")]
    pub(crate) input: Value,
    /// The agent's reason.
    pub(crate) reason: Option<String>,
    /// The agent's own key for this request.
    pub(crate) request_key: Option<String>,
    /// What its answer must be.
    #[serde(default)]
    pub(crate) expect: Expect,
    /// What somebody else does after that answer, and before a decision or an
    /// undo.
    #[serde(default)]
    pub(crate) meanwhile: Meanwhile,
    /// What people decide on it, where it is held; one after the other, where it is
    /// held again.
    #[serde(default, deserialize_with = "decisions")]
    pub(crate) approve: Vec<Approve>,
    /// What its answer must be after the last decision.
    pub(crate) then: Option<Expect>,
    /// Take it back afterwards.
    #[serde(default)]
    pub(crate) undo: bool,
    /// What must come of that: `undone`, `conflict`, `irreversible`, `held` or
    /// `nothing`.
    pub(crate) expect_undo: Option<String>,
}

fn nothing() -> Value {
    Value::Object(Map::new())
}

/// What an answer must be.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Expect {
    /// How it ends.
    #[serde(default = "done", deserialize_with = "outcome")]
    pub(crate) outcome: String,
    /// What must be in the output.
    pub(crate) output: Option<Value>,
    /// What must not be in the output, by JSON Pointer.
    #[serde(default)]
    pub(crate) absent: Vec<String>,
    /// Texts that must be nowhere in the answer.
    #[serde(default)]
    pub(crate) without: Vec<String>,
    /// The failure's message; `*` is any text.
    pub(crate) message: Option<String>,
    /// The failure's hint; `*` is any text.
    pub(crate) hint: Option<String>,
    /// The input value at fault, as JSON Pointer.
    pub(crate) pointer: Option<String>,
    /// What must be on the card that a person sees, where it is held.
    pub(crate) card: Option<Value>,
}

impl Default for Expect {
    fn default() -> Self {
        Self {
            outcome: done(),
            output: None,
            absent: Vec::new(),
            without: Vec::new(),
            message: None,
            hint: None,
            pointer: None,
            card: None,
        }
    }
}

impl Expect {
    /// A person's no, and nothing else.
    pub(crate) fn denied() -> Self {
        Self {
            outcome: "denied".to_owned(),
            ..Self::default()
        }
    }
}

fn done() -> String {
    "done".to_owned()
}

fn outcome<'de, D: Deserializer<'de>>(deserializer: D) -> Result<String, D::Error> {
    let outcome = String::deserialize(deserializer)?;
    if OUTCOMES.contains(&outcome.as_str()) {
        return Ok(outcome);
    }
    Err(de::Error::custom(format!(
        "there is no outcome `{outcome}`; there are: {}",
        OUTCOMES.join(", ")
    )))
}

/// What somebody else does.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Meanwhile {
    /// Statements in the only database that is granted.
    pub(crate) sql: Option<String>,
    /// A folder whose files are put over those in the only granted directory.
    pub(crate) files: Option<PathBuf>,
}

/// A person's decision.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Approve {
    /// Yes.
    Yes,
    /// No, for this reason.
    Deny(String),
}

fn decisions<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<Approve>, D::Error> {
    struct Decisions;

    impl<'de> Visitor<'de> for Decisions {
        type Value = Vec<Approve>;

        fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str("true, \"deny: reason\", or a list of these")
        }

        fn visit_bool<E: de::Error>(self, yes: bool) -> Result<Vec<Approve>, E> {
            Ok(vec![Approve::deserialize(yes.into_deserializer())?])
        }

        fn visit_str<E: de::Error>(self, text: &str) -> Result<Vec<Approve>, E> {
            Ok(vec![Approve::deserialize(text.into_deserializer())?])
        }

        fn visit_seq<A: de::SeqAccess<'de>>(self, mut list: A) -> Result<Vec<Approve>, A::Error> {
            let mut decisions = Vec::new();
            while let Some(decision) = list.next_element()? {
                decisions.push(decision);
            }
            if decisions.is_empty() {
                return Err(de::Error::custom("nobody decides anything; leave it out"));
            }
            Ok(decisions)
        }
    }

    deserializer.deserialize_any(Decisions)
}

impl<'de> Deserialize<'de> for Approve {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Decision;

        impl Visitor<'_> for Decision {
            type Value = Approve;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("true or \"deny: reason\"")
            }

            fn visit_bool<E: de::Error>(self, yes: bool) -> Result<Approve, E> {
                if yes {
                    Ok(Approve::Yes)
                } else {
                    Err(E::custom("a person who says no says why: `deny: reason`"))
                }
            }

            fn visit_str<E: de::Error>(self, text: &str) -> Result<Approve, E> {
                let reason = text.strip_prefix("deny:").map(str::trim);
                match reason.filter(|reason| !reason.is_empty()) {
                    Some(reason) => Ok(Approve::Deny(reason.to_owned())),
                    None => Err(E::custom("write true or `deny: reason`")),
                }
            }
        }

        deserializer.deserialize_any(Decision)
    }
}

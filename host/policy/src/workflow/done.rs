//! How one sees that a completed case is correct: a read of the system where the
//! result must stand, and what must be true of its answer.
//!
//! An agent that says "done" proves nothing. The read is made by the host, with the
//! case's own inputs, and what is not known to hold does not hold.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde_json::{Map, Value};

use crate::{Condition, Outcome, Rule, Rules, ToolFacts, ToolPattern};

/// One read, and what must be true of its output.
#[derive(Clone, Debug)]
pub struct DoneWhen {
    /// The connector.
    pub connector: String,
    /// Its tool.
    pub tool: String,
    /// The tool's input, by field.
    pub input: BTreeMap<String, Argument>,
    /// What must be true of the output: one row that allows it.
    pub(crate) holds: Rules,
}

/// Where a field of the read's input comes from.
#[derive(Clone, Debug, PartialEq)]
pub enum Argument {
    /// An input of the case.
    Case(String),
    /// This value.
    Value(Value),
    /// An object of such fields.
    Fields(BTreeMap<String, Argument>),
}

impl Argument {
    fn made(&self, inputs: &Map<String, Value>) -> Result<Value, String> {
        match self {
            Self::Value(value) => Ok(value.clone()),
            Self::Case(name) => inputs.get(name).cloned().ok_or_else(|| name.clone()),
            Self::Fields(fields) => made(fields, inputs),
        }
    }
}

fn made(fields: &BTreeMap<String, Argument>, inputs: &Map<String, Value>) -> Result<Value, String> {
    let mut object = Map::new();
    for (field, argument) in fields {
        object.insert(field.clone(), argument.made(inputs)?);
    }
    Ok(Value::Object(object))
}

impl DoneWhen {
    pub(crate) fn new(
        (connector, tool): (String, String),
        input: BTreeMap<String, Argument>,
        when: Vec<Condition>,
        line: usize,
    ) -> Self {
        let row = Rule {
            name: "done_when".to_owned(),
            tool: ToolPattern::Any,
            call: None,
            destination: None,
            effect: None,
            workflow: None,
            undo: None,
            otherwise: false,
            when,
            then: Outcome::Allow,
            reason: None,
            line,
        };
        Self {
            connector,
            tool,
            input,
            holds: Rules::new(Arc::from([row]), None),
        }
    }

    /// The read's input for a case with these inputs, or the input that it needs
    /// and that the case does not have.
    ///
    /// # Errors
    /// With the name of the missing input.
    pub fn input_of(&self, inputs: &Map<String, Value>) -> Result<Value, String> {
        made(&self.input, inputs)
    }

    /// Whether an output of the read shows a correct completion.
    #[must_use]
    pub fn holds(&self, output: &Value) -> bool {
        let facts = ToolFacts {
            tool: &self.tool,
            input: output,
            workflow: None,
            principal: "",
            undo: false,
            case: None,
        };
        self.holds.decide_tool(&facts).outcome == Outcome::Allow
    }
}

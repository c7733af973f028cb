//! What a tool is: a name, an input, an output, an effect, a way back.

use schemars::JsonSchema;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use crate::ToolError;
#[doc(inline)]
pub use crate::bindings::exports::tollgate::connector::tools::{
    Context, Effect, Outcome, Undo, UndoTerms,
};

/// One callable operation. `#[tool]` implements it beside the function; by hand
/// it is needed only by programs that make tools from something else.
pub trait Tool {
    /// Unique within the connector: 1 to 64 of `a-z 0-9 _`.
    const NAME: &'static str;
    /// What it takes; its schema is what the host checks before the connector
    /// is started.
    type Input: DeserializeOwned + JsonSchema;
    /// What it returns.
    type Output: Serialize + JsonSchema;

    /// Its title, description, effect and way back.
    fn describe() -> Description;

    /// Calls it.
    ///
    /// # Errors
    /// Whatever the tool answers.
    fn call(context: &Context, input: Self::Input) -> Result<Outcome, ToolError>;
}

/// What a caller and an operator read about a tool, schemas apart.
#[derive(Debug)]
pub struct Description {
    /// A short name for people.
    pub title: &'static str,
    /// What it does, when to use it, what its errors mean.
    pub text: &'static str,
    /// The highest class of effect that it needs.
    pub effect: Effect,
    /// How a call is taken back.
    pub undo: Undo,
    /// On what terms.
    pub terms: UndoTerms,
}

/// At any time, under no condition of its own; and the tool may be called by itself.
impl Default for UndoTerms {
    fn default() -> Self {
        Self {
            window: None,
            precondition: None,
            undo_only: false,
        }
    }
}

/// The input of a tool that takes none: an empty object.
#[derive(Debug, Default, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct NoInput {}

/// An output together with the input of the tool that takes the call back.
#[derive(Debug)]
pub struct Undoable<O, I> {
    pub(crate) output: O,
    pub(crate) inverse: Option<I>,
}

impl<O, I> Undoable<O, I> {
    /// The call did something, and calling the inverse tool with `inverse`
    /// takes it back.
    pub fn new(output: O, inverse: I) -> Self {
        Self {
            output,
            inverse: Some(inverse),
        }
    }

    /// The call changed nothing, so there is nothing to take back.
    pub fn unchanged(output: O) -> Self {
        Self {
            output,
            inverse: None,
        }
    }

    /// The output.
    pub fn output(&self) -> &O {
        &self.output
    }

    /// The inverse tool's input, unless nothing was changed.
    pub fn inverse(&self) -> Option<&I> {
        self.inverse.as_ref()
    }
}

//! What the attribute and [`connector!`](crate::connector!) expand to. Not for
//! authors: it changes without notice.

use serde::Serialize;

use crate::bindings::exports::tollgate::connector::tools::Inverse;
use crate::{Outcome, Tool, ToolError, Undoable};

pub use crate::connector::are_distinct;
pub use wit_bindgen;

/// The output type of a tool's result, so that the attribute need not guess it
/// from tokens.
pub trait Returned {
    /// What the function returns when all is well.
    type Ok;
}

impl<O, E> Returned for Result<O, E> {
    type Ok = O;
}

/// The two halves of [`Undoable`].
pub trait TakenBack {
    /// What the caller gets.
    type Output;
}

impl<O, I> TakenBack for Undoable<O, I> {
    type Output = O;
}

/// The outcome of a tool whose way back, if any, is the host's.
pub fn plain<O: Serialize, E: Into<ToolError>>(result: Result<O, E>) -> Result<Outcome, ToolError> {
    let output = json(&result.map_err(Into::into)?)?;
    Ok(Outcome {
        output,
        inverse: None,
    })
}

/// The outcome of a tool that another tool, `T`, takes back.
pub fn undoable<T, O, E>(result: Result<Undoable<O, T::Input>, E>) -> Result<Outcome, ToolError>
where
    T: Tool,
    T::Input: Serialize,
    O: Serialize,
    E: Into<ToolError>,
{
    let undoable = result.map_err(Into::into)?;
    let output = json(&undoable.output)?;
    let input = undoable.inverse.map(|input| json(&input)).transpose()?;
    let inverse = input.map(|input| Inverse {
        tool: T::NAME.to_owned(),
        input,
    });
    Ok(Outcome { output, inverse })
}

fn json<T: Serialize>(value: &T) -> Result<String, ToolError> {
    serde_json::to_string(value).map_err(|error| {
        ToolError::failed(format!("the output cannot be written as JSON: {error}"))
    })
}

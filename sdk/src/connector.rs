//! A connector: a list of tools, and the two functions that a host calls.
//!
//! There is no registry filled at start-up: a constructor that runs before
//! `describe` would cost every call, and a list that the author writes is one
//! that a reviewer can read.

#[doc(inline)]
pub use crate::bindings::exports::tollgate::connector::tools::Tool as Declaration;
use crate::bindings::exports::tollgate::connector::tools::{Guest, ToolError as Answer};
use crate::{Context, Outcome, Tool, ToolError, input, panic, schema};

/// What a host can ask of a connector. [`connector!`](crate::connector!) implements
/// it for a list of tools; a connector that makes its tools from something else,
/// as a document, implements the two functions and says `connector!(for Type)`.
pub trait Connector {
    /// The tools, in the order that a caller sees them.
    const TOOLS: &'static [Entry] = &[];

    /// The tools as the host is told of them. Calls no import: a connector that
    /// does is refused.
    #[must_use]
    fn describe() -> Vec<Declaration> {
        Self::TOOLS.iter().map(|tool| (tool.describe)()).collect()
    }

    /// Calls a tool; nothing where there is none of that name. `input` is JSON
    /// that fits the tool's input schema.
    fn call(context: &Context, tool: &str, input: &str) -> Option<Result<Outcome, ToolError>> {
        let entry = Self::TOOLS.iter().find(|entry| entry.name == tool)?;
        Some((entry.call)(context, input))
    }
}

/// One tool of a connector.
#[derive(Clone, Copy)]
pub struct Entry {
    name: &'static str,
    describe: fn() -> Declaration,
    call: fn(&Context, &str) -> Result<Outcome, ToolError>,
}

impl Entry {
    /// The entry of a tool.
    pub const fn of<T: Tool>() -> Self {
        Self {
            name: T::NAME,
            describe: describe::<T>,
            call: call::<T>,
        }
    }
}

/// Offers these tools to the host. Once a crate, at its root. `connector!(for Type)`
/// offers those of a [`Connector`] that was written by hand.
#[macro_export]
macro_rules! connector {
    (for $connector:ty) => {
        // The bindings take a name, and a type may have parameters.
        #[cfg(target_family = "wasm")]
        type ExportedConnector = $connector;

        #[cfg(target_family = "wasm")]
        $crate::bindings::export_connector!(ExportedConnector with_types_in $crate::bindings);
    };
    ($($tool:path),+ $(,)?) => {
        #[doc(hidden)]
        #[derive(Debug)]
        pub struct Connector;

        impl $crate::Connector for Connector {
            const TOOLS: &'static [$crate::Entry] = &[$($crate::Entry::of::<$tool>()),+];
        }

        const _: () = ::core::assert!(
            $crate::__macro::are_distinct(<Connector as $crate::Connector>::TOOLS),
            "two tools of this connector have the same name",
        );

        #[cfg(target_family = "wasm")]
        $crate::bindings::export_connector!(Connector with_types_in $crate::bindings);
    };
}

/// Whether no two tools share a name. Runs in the author's compiler.
#[doc(hidden)]
pub const fn are_distinct(tools: &[Entry]) -> bool {
    let mut left = 0;
    while left < tools.len() {
        let mut right = left + 1;
        while right < tools.len() {
            if same(tools[left].name.as_bytes(), tools[right].name.as_bytes()) {
                return false;
            }
            right += 1;
        }
        left += 1;
    }
    true
}

const fn same(left: &[u8], right: &[u8]) -> bool {
    if left.len() != right.len() {
        return false;
    }
    let mut at = 0;
    while at < left.len() {
        if left[at] != right[at] {
            return false;
        }
        at += 1;
    }
    true
}

fn describe<T: Tool>() -> Declaration {
    let description = T::describe();
    Declaration {
        name: T::NAME.to_owned(),
        title: description.title.to_owned(),
        description: description.text.to_owned(),
        input_schema: schema::of_input::<T::Input>(),
        output_schema: schema::of_output::<T::Output>(),
        effect: description.effect,
        undo: description.undo,
        terms: description.terms,
    }
}

fn call<T: Tool>(context: &Context, input: &str) -> Result<Outcome, ToolError> {
    T::call(context, input::parse(input)?)
}

impl<C: Connector> Guest for C {
    // No panic hook here: it calls an import, and a connector that calls one
    // while it is described is refused.
    fn describe() -> Vec<Declaration> {
        <C as Connector>::describe()
    }

    fn call(context: Context, tool: String, input: String) -> Result<Outcome, Answer> {
        panic::report_to_log();
        let answer = <C as Connector>::call(&context, &tool, &input);
        answer
            .ok_or(Answer::UnknownTool(tool))?
            .map_err(Answer::from)
    }
}

impl std::fmt::Debug for Entry {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_tuple("Entry").field(&self.name).finish()
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a failing unwrap is the test's failure")]
    #![expect(unreachable_pub, reason = "connector! belongs at a crate's root")]

    use super::*;
    use crate::prelude::*;
    use crate::{Effect, Undo};

    #[derive(Deserialize, JsonSchema)]
    struct Add {
        /// What to add.
        row: u32,
    }

    #[derive(Serialize, JsonSchema)]
    struct Added {
        row: u32,
    }

    #[derive(Serialize, Deserialize, JsonSchema)]
    struct Remove {
        row: u32,
    }

    /// Adds a row.
    ///
    /// Twice is an error.
    #[tool(title = "Add a row", effect = "write", undo = "remove")]
    fn add(context: &Context, input: Add) -> Result<Undoable<Added, Remove>, ToolError> {
        match context.undoes {
            None => Ok(Undoable::new(
                Added { row: input.row },
                Remove { row: input.row },
            )),
            Some(_) => Ok(Undoable::unchanged(Added { row: input.row })),
        }
    }

    /// Removes a row.
    #[tool(effect = "irreversible")]
    fn remove(input: Remove) -> Result<Added, ToolError> {
        Err(ToolError::not_found(format!("row {}", input.row)).hint("list the rows"))
    }

    /// Says how many.
    #[tool(name = "count_rows", effect = "read")]
    fn count() -> Result<Added, ToolError> {
        Ok(Added { row: 7 })
    }

    crate::connector!(add, remove, count);

    fn context() -> Context {
        Context {
            tenant: "t".into(),
            case_id: "c".into(),
            run: "r".into(),
            principal: "p".into(),
            undoes: None,
        }
    }

    fn run(tool: &str, input: &str) -> Result<Outcome, Answer> {
        <Connector as Guest>::call(context(), tool.into(), input.into())
    }

    #[test]
    fn a_connector_describes_its_tools_in_order() {
        let tools = <Connector as Guest>::describe();
        let names: Vec<&str> = tools.iter().map(|tool| tool.name.as_str()).collect();
        assert_eq!(names, ["add", "remove", "count_rows"]);
        assert_eq!(tools[0].title, "Add a row");
        assert_eq!(tools[0].description, "Adds a row.\n\nTwice is an error.");
        assert!(matches!(&tools[0].undo, Undo::Inverse(tool) if tool == "remove"));
        assert_eq!(tools[1].title, "Remove");
        assert!(matches!(tools[1].effect, Effect::Irreversible));
    }

    #[test]
    fn the_output_schema_of_an_undoable_tool_is_that_of_its_output() {
        let tools = <Connector as Guest>::describe();
        assert_eq!(tools[0].output_schema, tools[2].output_schema);
        let input: serde_json::Value = serde_json::from_str(&tools[0].input_schema).unwrap();
        assert_eq!(input["properties"]["row"]["description"], "What to add.");
        let empty: serde_json::Value = serde_json::from_str(&tools[2].input_schema).unwrap();
        assert_eq!(empty["additionalProperties"], false);
    }

    #[test]
    fn an_undoable_call_carries_its_inverse() {
        let outcome = run("add", r#"{"row":3}"#).unwrap();
        assert_eq!(outcome.output, r#"{"row":3}"#);
        let inverse = outcome.inverse.unwrap();
        assert_eq!(
            (inverse.tool.as_str(), inverse.input.as_str()),
            ("remove", r#"{"row":3}"#)
        );
    }

    #[test]
    fn a_call_that_changed_nothing_has_no_inverse() {
        let undoing = Context {
            undoes: Some("r0".into()),
            ..context()
        };
        let outcome = <Connector as Guest>::call(undoing, "add".into(), r#"{"row":3}"#.into());
        assert!(outcome.unwrap().inverse.is_none());
    }

    #[test]
    fn errors_reach_the_caller_by_kind() {
        assert!(
            matches!(run("nothing", "{}"), Err(Answer::UnknownTool(tool)) if tool == "nothing")
        );
        match run("add", r#"{"row":"three"}"#) {
            Err(Answer::InvalidInput(bad)) => assert_eq!(bad.pointer, "/row"),
            _ => panic!("a wrong type is the input's fault"),
        }
        match run("remove", r#"{"row":9}"#) {
            Err(Answer::NotFound(failure)) => assert_eq!(failure.hint.unwrap(), "list the rows"),
            _ => panic!("what is missing is not found"),
        }
    }

    #[test]
    fn two_tools_of_one_name_are_noticed() {
        assert!(are_distinct(<Connector as super::Connector>::TOOLS));
        assert!(!are_distinct(&[
            Entry::of::<add>(),
            Entry::of::<count>(),
            Entry::of::<add>()
        ]));
    }
}

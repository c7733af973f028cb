//! An API's description (OpenAPI 3.0 and 3.1) → the files of a connector.
//!
//! The description is read once, here, and what tools need of it is written down:
//! one operation, one tool. It is hostile input: it may be huge, point to other
//! files, or call a deletion a read. So nothing is fetched, references stay
//! within it, its effect classes come from the method, and the manifest that is
//! written beside it grants exactly its operations and holds what is not a read.
//!
//! It is read as plain JSON and not through typed crates, because each of those
//! knows one of the two versions, and refuses a whole description for one odd
//! operation; here that one is left out and named.

mod document;
mod manifest;
mod operation;
mod parameter;
mod schema;
mod security;

use std::collections::BTreeMap;

use tollgate_openapi::{Effect, Operation, Operations};

use document::Document;
pub use document::OpenApiError;

/// The destination's name in the manifest and in `operations.json`.
const DESTINATION: &str = "api";

/// Most operations of one connector: more tools than an agent can choose among.
pub const OPERATIONS_MAX: usize = 200;

/// What a person decides that the description cannot.
#[derive(Clone, Debug, Default)]
pub struct ApiOptions {
    /// The server's address, where the description has none, or another one.
    pub server: Option<String>,
    /// Effect classes by tool, where the method says something else: a search by
    /// `POST` is a read, a `PATCH` with a `GET` beside it can be put back.
    pub effects: BTreeMap<String, Effect>,
    /// The tools to make; all where it is empty.
    pub only: Vec<String>,
}

/// A connector made of a description.
#[derive(Clone, Debug)]
pub struct Api {
    /// What the connector is made of.
    pub operations: Operations,
    /// The sample manifest's part below `[grant]`, with rules.
    pub manifest: String,
    /// A table of the tools, for the README.
    pub tools: String,
    /// Operations that no tool was made of.
    pub skipped: Vec<Skipped>,
}

/// An operation that cannot be a tool.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Skipped {
    /// Method and path.
    pub operation: String,
    /// Why.
    pub why: String,
}

/// Make the parts of a connector of a description's text, JSON or YAML.
///
/// # Errors
///
/// When it is no description that can be read, or no operation is left.
pub fn api(text: &str, options: &ApiOptions) -> Result<Api, OpenApiError> {
    let document = Document::read(text)?;
    let base_url = document.base_url(options.server.as_deref())?;
    let mut skipped = Vec::new();
    let mut made: Vec<operation::Made> = Vec::new();
    for raw in document.operations() {
        match operation::make(&document, &raw, options) {
            Ok(operation) if is_wanted(&operation.operation, options) => made.push(operation),
            Ok(_) => {}
            Err(why) => skipped.push(Skipped {
                operation: format!("{} {}", raw.method, raw.path),
                why,
            }),
        }
    }
    name_apart(&mut made);
    check_options(&made, options)?;
    if made.is_empty() {
        return Err(OpenApiError::NoOperation {
            skipped: skipped.len(),
        });
    }
    if made.len() > OPERATIONS_MAX {
        return Err(OpenApiError::TooManyOperations { found: made.len() });
    }
    let security = security::credential(&document);
    Ok(Api {
        manifest: manifest::grant(&base_url, &made, security.as_ref()),
        tools: manifest::tools(&made),
        operations: Operations {
            about: document.about(),
            destination: DESTINATION.to_owned(),
            operations: made.into_iter().map(|made| made.operation).collect(),
        },
        skipped,
    })
}

fn is_wanted(operation: &Operation, options: &ApiOptions) -> bool {
    options.only.is_empty() || options.only.contains(&operation.name)
}

/// Two operations of one name get a number, in the order of the description.
fn name_apart(made: &mut [operation::Made]) {
    let mut seen: BTreeMap<String, u32> = BTreeMap::new();
    for made in made {
        let count = seen.entry(made.operation.name.clone()).or_default();
        *count += 1;
        if *count > 1 {
            let suffix = format!("_{count}");
            made.operation
                .name
                .truncate(operation::NAME_BYTES_MAX - suffix.len());
            made.operation.name.push_str(&suffix);
        }
    }
}

/// A misspelt name must not silently mean nothing.
fn check_options(made: &[operation::Made], options: &ApiOptions) -> Result<(), OpenApiError> {
    let named = options.effects.keys().chain(&options.only);
    for name in named {
        if !made.iter().any(|made| made.operation.name == *name) {
            return Err(OpenApiError::NoSuchTool {
                name: name.clone(),
                known: made
                    .iter()
                    .map(|made| made.operation.name.clone())
                    .collect(),
            });
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests;

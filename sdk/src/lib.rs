//! Write Tollgate connectors in Rust.
//!
//! A connector is a WebAssembly component that offers tools. An author writes
//! ordinary typed functions with one attribute each; the types give the JSON
//! Schemas, the doc comments the descriptions, and `tollgate build` makes the
//! component. A connector has no ambient authority: it reaches outside only
//! through the modules below, and the host judges and records each such call.
//!
//! ```
//! use tollgate_sdk::prelude::*;
//!
//! #[derive(Deserialize, JsonSchema)]
//! struct Greet {
//!     /// Whom to greet.
//!     name: String,
//! }
//!
//! #[derive(Serialize, JsonSchema)]
//! struct Greeting {
//!     text: String,
//! }
//!
//! /// Greets someone by name.
//! #[tool(title = "Greet", effect = "read")]
//! fn greet(input: Greet) -> Result<Greeting, ToolError> {
//!     Ok(Greeting { text: format!("Hello, {}", input.name) })
//! }
//!
//! connector!(greet);
//! # fn main() {}
//! ```
//!
//! Where things are:
//!
//! - [`tool`], [`connector!`], [`Tool`], [`Undoable`]: what a tool is
//! - [`ToolError`]: how a tool fails, so that a caller knows what it can do
//! - [`sql`], [`files`], [`kv`]: named databases, directories and stores
//! - [`http`], [`mail`], [`handoff`]: named servers, and queues that people own
//! - [`config`], [`clock`], [`random`], [`log`]: the surroundings
//! - [`text`]: bounds of what callers write and of what other systems hold
//! - [`Refusal`]: why the host did not perform a call
//!
//! Capability calls work inside a host only; a unit test on the author's own
//! machine covers the functions around them.

// The generated code and the attribute name this crate by its full path, in here
// and in connectors alike.
extern crate self as tollgate_sdk;

#[cfg(any(test, all(target_arch = "wasm32", feature = "arena")))]
mod arena;
#[doc(hidden)]
pub mod bindings;
mod connector;
mod error;
mod input;
mod panic;
mod refusal;
mod schema;
mod tool;

pub mod clock;
pub mod config;
pub mod files;
pub mod handoff;
pub mod http;
pub mod kv;
pub mod log;
pub mod mail;
pub mod prelude;
pub mod random;
pub mod sql;
pub mod text;

#[doc(hidden)]
pub mod __macro;

pub use connector::{Connector, Declaration, Entry};
pub use error::{Failure, ToolError};
pub use refusal::{Denial, Limit, Refusal, Rejection};
pub use tollgate_sdk_macros::tool;
pub use tool::{Context, Description, Effect, NoInput, Outcome, Tool, Undo, UndoTerms, Undoable};

/// The authors' guide, so that its examples are compiled.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Guide;

//! From an author's crate to one file, and back to what that file asks for.
//!
//! A connector travels as one component file. This crate makes it, reads it
//! without running or compiling it, and starts a new one. It knows files and
//! `cargo`, and no sandbox: who inspects a stranger's component must not need to
//! load it.
//!
//! | room | what it does |
//! |---|---|
//! | `build` | a crate → a component with its request embedded |
//! | `toolchain` | the programs that this needs: cargo, rustc, rustup |
//! | `project` | what a crate's `Cargo.toml` says about it |
//! | `inspect` | a component → its imports, request and digest |
//! | `section` | the custom section that carries the request |
//! | `openapi` | an API's description → what a connector is made of |
//! | `scaffold` | the files of a new connector |

mod build;
mod inspect;
mod openapi;
mod project;
mod scaffold;
mod section;
mod toolchain;

pub use build::{BuildError, BuildOptions, Built, Describe, build};
pub use inspect::{COMPONENT_BYTES_MAX, Inspection, PackageError, inspect, inspect_for};
pub use openapi::{Api, ApiOptions, OPERATIONS_MAX, OpenApiError, Skipped, api};
pub use scaffold::{ScaffoldError, scaffold, scaffold_api};
pub use section::embed;
pub use tollgate_openapi::Effect as DeclaredEffect;
pub use toolchain::Toolchain;

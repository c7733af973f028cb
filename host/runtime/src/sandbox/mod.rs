//! The sandbox: how a component becomes something that can be called, once,
//! with nothing but what the door gives it.
//!
//! `engine` holds the settings, `compile` makes native code in a process apart,
//! `guest` the shape of what a connector exports, `instance` one fresh instance
//! for one call, with its limits, and `slow_lane` keeps guests that compute for
//! long from standing in the way of those that do not.

pub(crate) mod compile;
pub(crate) mod engine;
pub(crate) mod guest;
pub(crate) mod instance;
mod slow_lane;

use std::io;
use std::time::Duration;

use thiserror::Error;

pub use compile::{COMPONENT_BYTES_MAX, Compiler, compile_child};
pub use engine::MEMORY_BYTES_MAX;

/// Why a component could not be made ready. None of these is an agent's fault.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum SandboxError {
    /// The engine does not start with these settings on this machine.
    #[error("the WebAssembly engine refused: {0}")]
    Engine(String),
    /// The bytes are no component, or one this engine does not accept. The
    /// connector's author has to build it again.
    #[error("the component does not compile: {0}")]
    DoesNotCompile(String),
    /// The compiler process did not run. The operator has to look at the host's
    /// installation.
    #[error("the compiler process did not run")]
    CompilerProcess(#[source] io::Error),
    /// The compiler did not end in time.
    #[error("compiling took longer than {0:?}")]
    CompilerTimeout(Duration),
    /// The component wants an import that the host does not offer.
    #[error("the component does not link: {0}")]
    DoesNotLink(String),
    /// An extension offers what it may not. Whoever built the host has to change
    /// it.
    #[error("the extension `{name}` cannot be offered: {problem}")]
    Extension {
        /// Its name.
        name: &'static str,
        /// What is wrong.
        problem: String,
    },
    /// `describe` failed or answered with something unusable.
    #[error("the connector's `describe` failed: {0}")]
    Describe(String),
}

impl SandboxError {
    pub(crate) fn engine(error: wasmtime::Error) -> Self {
        Self::Engine(format!("{error:#}"))
    }

    pub(crate) fn does_not_compile(error: wasmtime::Error) -> Self {
        Self::DoesNotCompile(format!("{error:#}"))
    }
}

//! What a connector exports, as Rust types. They mirror `wit/tools.wit`; the
//! linker refuses a component whose types differ.

use tollgate_policy::Effect;
use wasmtime::component::{ComponentType, Lift, Lower};

/// The exported interface and its two functions.
pub(crate) const TOOLS: &str = "tollgate:connector/tools@0.1.0";

#[expect(dead_code, reason = "guests make these values; they arrive by lifting")]
#[derive(Clone, Copy, Debug, ComponentType, Lift, Lower, PartialEq, Eq)]
#[component(enum)]
#[repr(u8)]
pub(crate) enum GuestEffect {
    #[component(name = "read")]
    Read,
    #[component(name = "write")]
    Write,
    #[component(name = "irreversible")]
    Irreversible,
}

impl From<GuestEffect> for Effect {
    fn from(effect: GuestEffect) -> Self {
        match effect {
            GuestEffect::Read => Self::Read,
            GuestEffect::Write => Self::Write,
            GuestEffect::Irreversible => Self::Irreversible,
        }
    }
}

#[derive(Clone, Debug, ComponentType, Lift, Lower)]
#[component(variant)]
pub(crate) enum GuestUndo {
    #[component(name = "none")]
    None,
    #[component(name = "inverse")]
    Inverse(String),
    #[component(name = "restore")]
    Restore,
    #[component(name = "compensate")]
    Compensate(String),
}

#[derive(Clone, Debug, ComponentType, Lift, Lower)]
#[component(record)]
pub(crate) struct GuestTerms {
    pub(crate) window: Option<u64>,
    pub(crate) precondition: Option<String>,
    #[component(name = "undo-only")]
    pub(crate) undo_only: bool,
}

#[derive(Clone, Debug, ComponentType, Lift, Lower)]
#[component(record)]
pub(crate) struct GuestTool {
    pub(crate) name: String,
    pub(crate) title: String,
    pub(crate) description: String,
    #[component(name = "input-schema")]
    pub(crate) input_schema: String,
    #[component(name = "output-schema")]
    pub(crate) output_schema: String,
    pub(crate) effect: GuestEffect,
    pub(crate) undo: GuestUndo,
    pub(crate) terms: GuestTerms,
}

#[derive(Clone, Debug, ComponentType, Lift, Lower)]
#[component(record)]
pub(crate) struct GuestContext {
    pub(crate) tenant: String,
    #[component(name = "case-id")]
    pub(crate) case_id: String,
    pub(crate) run: String,
    pub(crate) principal: String,
    pub(crate) undoes: Option<String>,
}

#[derive(Clone, Debug, ComponentType, Lift, Lower)]
#[component(record)]
pub(crate) struct GuestInverse {
    pub(crate) tool: String,
    pub(crate) input: String,
}

#[derive(Clone, Debug, ComponentType, Lift, Lower)]
#[component(record)]
pub(crate) struct GuestOutcome {
    pub(crate) output: String,
    pub(crate) inverse: Option<GuestInverse>,
}

#[derive(Clone, Debug, ComponentType, Lift, Lower)]
#[component(record)]
pub(crate) struct GuestFailure {
    pub(crate) message: String,
    pub(crate) hint: Option<String>,
}

#[derive(Clone, Debug, ComponentType, Lift, Lower)]
#[component(record)]
pub(crate) struct GuestBadInput {
    pub(crate) pointer: String,
    pub(crate) message: String,
}

#[derive(Clone, Debug, ComponentType, Lift, Lower)]
#[component(variant)]
pub(crate) enum GuestError {
    #[component(name = "unknown-tool")]
    UnknownTool(String),
    #[component(name = "invalid-input")]
    InvalidInput(GuestBadInput),
    #[component(name = "not-found")]
    NotFound(GuestFailure),
    #[component(name = "conflict")]
    Conflict(GuestFailure),
    #[component(name = "denied")]
    Denied(GuestFailure),
    #[component(name = "limited")]
    Limited(GuestFailure),
    #[component(name = "unavailable")]
    Unavailable(GuestFailure),
    #[component(name = "failed")]
    Failed(GuestFailure),
}

/// Parameters and result of `call`.
pub(crate) type CallParameters = (GuestContext, String, String);
pub(crate) type CallResult = (Result<GuestOutcome, GuestError>,);

//! The types that cross the edge of this crate: what a face (MCP, REST, page,
//! command line) hands in and gets back. They are plain data, serialisable, and
//! hold no credential, so that a face can show them as they are.

mod call;
mod card;
mod decision;
mod drill;
mod log;
mod replay;
mod undo;
mod verify;

pub use call::{
    Failure, Identified, Pending, Principal, PrincipalKind, RunReport, RunState, ToolCall, ToolInfo,
};
pub use card::{Card, Deputy, Vote};
pub use decision::{
    Batch, BatchDecision, BatchFilter, BatchItem, BatchReport, BatchSum, Delegation, NewDelegation,
};
pub use drill::{DrillResult, DrillTemplate, NewDrill, PlantedDrill};
pub use log::{LogFilter, LogLine, LogLink, LogPage, LogPlace};
pub use replay::{NotReplayable, ReplayProgress, ReplayReport, ReplaySummary, Replayed};
pub use undo::{Conflict, UndoField, UndoOptions, UndoReport, UndoStep};
pub use verify::VerifyReport;

//! The runtime of Tollgate: a connector's tool call, from an agent's request to
//! its recorded end.
//!
//! | room | what happens there |
//! |---|---|
//! | `host` | everything together; the face that servers and the command line see |
//! | `runs` | a tool call becomes a run; it goes on after a hold or a crash |
//! | `sandbox` | a component is compiled apart and called in a fresh instance |
//! | `door` | the one way out of the sandbox |
//! | `capability` | what lies behind the door, one file each |
//! | [`extend`] | how an embedder adds a capability of its own |
//! | `approvals`, `decisions` | what a person is shown, what a decision is bound to, who may take it |
//! | `drills` | requests that nobody should approve, planted to see who notices |
//! | `watch` | what the host does by itself: deadlines, runs to take up again |
//! | `undo` | taking a run back |
//! | `evidence` | checkpoints, exports, proofs of records, witnesses, verification |
//! | `destruction` | erasing what is sealed of a person, pruning what is old |
//! | `secrets` | what is put into requests and looked for in what comes back |
//! | `housekeeping` | what a serving host does for its journal by itself |
//! | `workflows` | the boundary that work happens inside, and its cases |
//! | `queue` | what a person has to settle |
//! | `logbook` | reading the journal: by run, by what runs came to, as records come |
//! | `journal` | the host's hand in the journal |
//! | `connectors` | what is installed |
//!
//! Nothing here prints, exits, or reads the environment: that is for binaries.

mod api;
mod approvals;
mod callbacks;
mod capability;
mod connectors;
mod decisions;
mod destruction;
mod door;
mod drills;
mod error;
mod evidence;
mod exact;
pub mod extend;
mod failure;
mod home;
mod host;
mod housekeeping;
mod identity;
mod journal;
mod logbook;
mod names;
mod queue;
mod runs;
mod sandbox;
mod secrets;
mod settings;
mod time;
mod triggers;
mod undo;
mod watch;
mod workflows;

pub use api::{
    Batch, BatchDecision, BatchFilter, BatchItem, BatchReport, BatchSum, Card, Conflict,
    Delegation, Deputy, DrillResult, DrillTemplate, Failure, Identified, LogFilter, LogLine,
    LogLink, LogPage, LogPlace, NewDelegation, NewDrill, NotReplayable, Pending, PlantedDrill,
    Principal, PrincipalKind, ReplayProgress, ReplayReport, ReplaySummary, Replayed, RunReport,
    RunState, ToolCall, ToolInfo, UndoField, UndoOptions, UndoReport, UndoStep, VerifyReport, Vote,
};
pub use callbacks::{
    Callback, CallbackError, CallbackOutcome, CallbackReport, CallbackScheme, CalledBack,
};
pub use destruction::erasure::{Erase, EraseError, ErasurePlan, ErasureReport};
pub use destruction::retention::PruneReport;
pub use error::{AuthError, CallError, DecideError, HostError, InstallError, JournalFault};
pub use evidence::EvidenceError;
pub use evidence::anchor::Anchored;
pub use evidence::checkpoints::CheckpointInfo;
pub use evidence::export::ExportReport;
pub use host::{Host, HostOptions, InstalledConnector, Registration, Role};
pub use identity::{Proof, ProvedBy, SignInError};
pub use logbook::{Follow, Told};
pub use queue::{ItemDelivery, QueueItem, QueueSummary, Resolution};
pub use sandbox::{COMPONENT_BYTES_MAX, Compiler, MEMORY_BYTES_MAX, SandboxError, compile_child};
pub use secrets::SecretInfo;
pub use settings::{
    NamedDatabase, OidcSettings, QueueSettings, SETTINGS_FILE, SecretEntry, SecretSource, Settings,
    SettingsError, StoreChoice,
};
pub use time::{NoMoment, length_ms, moment, rfc3339};
pub use tollgate_identity::oidc::{
    Answer as OidcAnswer, Begun as OidcBegun, Flow as OidcFlow, OidcError, PersonClaim,
    Provider as OidcProvider,
};
pub use tollgate_identity::password::{BYTES_MAX as PASSWORD_BYTES_MAX, PasswordError};
pub use tollgate_journal::{NotATenant, Tenant};
pub use tollgate_secrets::{SECRET_BYTES_MAX, SealedStore, Slot, Source};
pub use tollgate_store::{Clock, Location, ManualClock, SystemClock};
pub use triggers::{Delivered, Delivery, DeliveryError, Input, InputKind, InputSource, Trigger};
pub use workflows::{
    CaseClaim, CaseQuery, CaseReport, NewCase, WorkflowChange, WorkflowError, WorkflowInfo,
    WorkflowPlan,
};

//! Scenario suites for connectors: what is there, what a server says, what an
//! agent asks for, and what must come of it.
//!
//! Each scenario runs in a host of its own, in a temporary home: the real
//! sandbox, the real door, the real journal. Nothing in it is a stand-in but the
//! other side, which is a loopback server that says what the scenario says.
//!
//! | room | what it does |
//! |---|---|
//! | `suite` | finds the scenarios of a folder and runs them |
//! | `scenario` | a scenario as its author writes it |
//! | `connector` | builds and compiles each connector once |
//! | `manifest` | the connector's manifest, moved to where the scenario is alone |
//! | `secrets` | a value for each credential, which everybody may know |
//! | `server` | servers that say what the scenario says, and fail as it says |
//! | `mail` | mail servers that take what comes, and go no further |
//! | `state` | files, databases and stores, before and after |
//! | `run` | one scenario from its first call to its last look |
//! | `fit`, `value` | expected against found; what TOML cannot say |
//! | `report` | what came of it |

mod connector;
mod error;
mod fit;
mod mail;
mod manifest;
mod report;
mod run;
mod scenario;
mod secrets;
mod server;
mod state;
mod suite;
mod value;

pub use error::EvalError;
pub use report::{Finding, Outcome, Report, ScenarioReport};
pub use suite::{EvalOptions, evaluate};

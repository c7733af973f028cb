//! What replaying runs came to.

use serde::{Deserialize, Serialize};
use tollgate_journal::Tenant;

/// The result of re-executing a recorded run.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct ReplayReport {
    /// The run.
    pub run: String,
    /// Whether every call, its fuel and the result were repeated.
    pub identical: bool,
    /// How many recorded calls were answered.
    pub calls: u32,
    /// The first difference.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub difference: Option<String>,
}

/// What became of one run of a replay of many.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "replayed")]
pub enum Replayed {
    /// Every call, its fuel and the result were repeated.
    Identical {
        /// How many recorded calls were answered.
        calls: u32,
    },
    /// Something differs.
    Different {
        /// The first difference.
        difference: String,
    },
    /// There is nothing that a replay could repeat.
    NotReplayable {
        /// Why.
        why: NotReplayable,
    },
}

/// Why a run cannot be replayed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum NotReplayable {
    /// Its values were erased or pruned.
    Erased,
    /// A rule denied it before its connector was started.
    NeverStarted,
    /// The host put values back by itself; no connector was executed.
    ByHost,
    /// It has not ended.
    NotEnded,
    /// It was stopped by its deadline. That is time and not work: how far a connector
    /// gets until then is different each time.
    Deadline,
    /// Its deadline passed in the replay: this machine is busier now, or slower, than
    /// the one that it ran on.
    TooSlow,
}

impl NotReplayable {
    /// In words.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Erased => "its values were erased",
            Self::NeverStarted => "it was denied before its connector was started",
            Self::ByHost => "the host put values back; no connector was executed",
            Self::NotEnded => "it has not ended",
            Self::Deadline => "it was stopped by its deadline, and gets another way each time",
            Self::TooSlow => {
                "its deadline passed in the replay; replay it when this machine has less to do"
            }
        }
    }
}

/// The result of replaying many runs.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ReplaySummary {
    /// The tenant.
    pub tenant: Tenant,
    /// How many runs were looked at.
    pub runs: u64,
    /// How many were repeated exactly.
    pub identical: u64,
    /// How many differ, or could not be rebuilt.
    pub different: u64,
    /// The first differences, by run: at most 1000 are kept.
    pub differences: Vec<(String, String)>,
    /// How many could not be replayed, by reason.
    pub not_replayable: std::collections::BTreeMap<NotReplayable, u64>,
}

/// How far a replay of many runs has come.
#[derive(Clone, Debug)]
pub struct ReplayProgress<'a> {
    /// The run that was just replayed.
    pub run: &'a str,
    /// What became of it.
    pub replayed: &'a Replayed,
    /// How many records of the journal were gone through.
    pub records: u64,
    /// How many there were at the start.
    pub of: u64,
}

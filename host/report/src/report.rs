//! What a report says.

use serde::Serialize;
use serde_json::{Map, Value};

use crate::{ApprovalFigures, Figures, Week};

/// What stands for "outside of any workflow".
pub const NO_WORKFLOW: &str = "(none)";

/// A report of one tenant.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct Report {
    /// The version of this form.
    pub version: u32,
    /// The records it was computed from.
    pub records: u64,
    /// From when, Unix milliseconds.
    pub since_ms: u64,
    /// Until when.
    pub until_ms: u64,
    /// Each workflow that anything happened in, by name.
    pub workflows: Vec<WorkflowFigures>,
    /// Each approval that was asked for, by name, whatever workflow asked.
    pub approvals: Vec<ApprovalFigures>,
}

/// What happened in one workflow.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct WorkflowFigures {
    /// Its name; [`NO_WORKFLOW`] for what happened in none.
    pub workflow: String,
    /// What the same work took by hand, as the newest version of it says.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub baseline: Option<Baseline>,
    /// The whole time.
    pub total: Figures,
    /// Week by week, without gaps, from the first in which anything happened.
    pub weeks: Vec<WeekFigures>,
}

/// One week.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct WeekFigures {
    /// ISO 8601, for example `2026-W47`.
    pub week: Week,
    /// What happened in it.
    #[serde(flatten)]
    pub figures: Figures,
}

/// What a hand-off took by hand, from the workflow's file.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Baseline {
    /// Minutes of work, from the fewest to the most.
    pub minutes: (f64, f64),
    /// How often a person took it in hand.
    pub touches: f64,
    /// The target for the first response, in seconds.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub first_response_s: Option<f64>,
}

impl Baseline {
    /// From the facts of `workflow.changed`: `baseline_minutes_low` and `_high`,
    /// `baseline_touches`, `first_response_s`.
    pub(crate) fn of(facts: &Map<String, Value>) -> Option<Self> {
        let number = |name: &str| {
            let number = facts.get(name)?.as_f64()?;
            Some(number).filter(|number| number.is_finite() && *number >= 0.0)
        };
        let low = number("baseline_minutes_low")?;
        Some(Self {
            minutes: (low, number("baseline_minutes_high").unwrap_or(low).max(low)),
            touches: number("baseline_touches").unwrap_or(1.0).max(1.0),
            first_response_s: number("first_response_s"),
        })
    }

    /// The middle of the minutes.
    pub(crate) fn middle(&self) -> f64 {
        f64::midpoint(self.minutes.0, self.minutes.1)
    }
}

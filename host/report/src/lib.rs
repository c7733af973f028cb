//! Did hand-offs become fewer? Computed from the journal's leaves alone: no row
//! of a database, no sealed value and no key is needed, so that whoever has an
//! export gets the same figures as the host.
//!
//! A case belongs to the week in which it ended, a run, a decision and an item of
//! a queue likewise (ISO 8601 weeks, UTC). What happened later counts against that
//! week: a case that was taken back in March makes the completions of January
//! fewer. So a report of a past week may change, and says when it was computed.
//!
//! Nothing here is an estimate but two figures: the interval beside a rate
//! (Wilson's, 95 %) and the time saved, whose range says what it rests on.

mod case;
mod collect;
mod figures;
mod load;
mod plot;
mod rate;
mod report;
mod spread;
mod table;
mod week;

pub use collect::{Collector, Period};
pub use figures::{Approvals, Cases, Figures, Queue, Runs, TimeSaved};
pub use load::{ApprovalFigures, Drills, Load, WeekLoad};
pub use plot::{PlotError, plot};
pub use rate::Rate;
pub use report::{Baseline, NO_WORKFLOW, Report, WeekFigures, WorkflowFigures};
pub use spread::Spread;
pub use table::{Row, Table};
pub use week::Week;

#[cfg(test)]
mod tests;

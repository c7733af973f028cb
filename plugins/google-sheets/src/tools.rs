//! What callers see.

mod appending;
mod listing;
mod reading;
mod updating;

pub(crate) use appending::append_rows;
pub(crate) use listing::sheets;
pub(crate) use reading::{read_range, read_ranges};
pub(crate) use updating::{update_range, update_ranges};

use tollgate_sdk::ToolError;

use crate::area::Area;

/// Most cells that one call reads or writes. It bounds answers, requests and the
/// undo's copy of what was there.
const CELLS_MAX: u64 = 10_000;

/// Most ranges in one call.
const RANGES_MAX: usize = 20;

/// Whether these are few enough for one call.
fn check_size(areas: &[&Area], at: &str) -> Result<(), ToolError> {
    let cells = |area: &&Area| u64::from(area.rows()) * u64::from(area.columns());
    let all: u64 = areas.iter().map(cells).sum();
    if all <= CELLS_MAX {
        return Ok(());
    }
    Err(ToolError::limited(format!(
        "{at} has {all} cells, and one call takes {CELLS_MAX}"
    ))
    .hint("use several calls with fewer cells each"))
}

/// Whether there are few enough ranges, and at least one.
fn check_count(count: usize) -> Result<(), ToolError> {
    if (1..=RANGES_MAX).contains(&count) {
        return Ok(());
    }
    let message = format!("must have 1 to {RANGES_MAX} items and has {count}");
    Err(ToolError::invalid_input("/ranges", message))
}

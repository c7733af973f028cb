//! The connector `google-sheets`.
//!
//! Documents are named in the manifest, sheets and cells are typed parts of the
//! input: a caller writes no reference, no document id and, unless the operator
//! allows it, no formula. Sheets has no conditional writes and no idempotency
//! keys, so every write reads before, refuses what is not as expected, and keeps
//! what was there for its undo.
//!
//! - `settings`: what the operator fixed under `[config]`
//! - `area`: a rectangle of cells, and how Sheets writes it
//! - `cell`, `grid`: values, and how they are compared
//! - `api`: the requests, and what Google answers
//! - `plan`: a change, held against what is there
//! - `tools`: what callers see, one file each

mod api;
mod area;
mod cell;
mod grid;
mod plan;
mod settings;
mod tools;

tollgate_sdk::connector!(
    tools::sheets,
    tools::read_range,
    tools::read_ranges,
    tools::append_rows,
    tools::update_range,
    tools::update_ranges,
);

//! Spreadsheets for Tollgate: rows of `.xlsx` workbooks and `.csv` files, read
//! and changed so that a person who opens the file sees just the change.
//!
//! - `tools`: what a caller can do, one file each; the only room that reaches
//!   out, through `tollgate_sdk::files` and `config`
//! - [`Document`]: a file by one face, bytes in and bytes out
//! - [`Table`]: a header and its rows; how a row is found and compared
//! - `workbook`: `.xlsx`, edited part by part
//! - `delimited`: `.csv`, edited byte by byte
//! - [`Cell`], `calendar`, `reference`: values, dates, cell names
//! - [`Problem`]: all that can be wrong; `limits`: how much is too much

mod calendar;
mod cell;
mod delimited;
mod document;
mod limits;
mod problem;
mod reference;
mod table;
mod tools;
mod workbook;

pub use cell::Cell;
pub use document::{
    ColumnKind, Document, Format, NewColumn, Removed, SheetSummary, Written, create, sheets,
};
pub use problem::{Difference, Problem};
pub use table::{Column, Row, Table, Values};

tollgate_sdk::connector!(
    tools::list_files,
    tools::sheets,
    tools::read_rows,
    tools::append_row,
    tools::update_row,
    tools::remove_row,
    tools::create,
);

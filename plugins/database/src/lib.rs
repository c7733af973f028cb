//! The connector `database`.
//!
//! Reads are either named in the manifest (`lookup`) or written by the caller
//! (`query`); in both cases the host parses the statement and compares it with
//! the grant. Changes are named in the manifest only (`execute`, and `preview`, which takes back what it did): a caller
//! chooses among statements that an operator has read, and fills in values. An
//! ad-hoc write was refused on purpose, because an approver would have to read
//! SQL.
//!
//! - `named`: the queries and statements of the manifest
//! - `parameter`: values, from JSON to SQL
//! - `table`: results, from SQL to JSON
//! - `tools`: what callers see

mod named;
mod parameter;
mod table;
mod tools;

use tools::{execute, lookup, preview, query, statements};

tollgate_sdk::connector!(query, lookup, execute, preview, statements);

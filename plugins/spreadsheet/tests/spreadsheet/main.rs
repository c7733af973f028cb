//! The core from outside: bytes in, bytes out, judged by readers and writers
//! that are not ours.

#![expect(clippy::unwrap_used, reason = "tests")]

mod csv;
mod fixtures;
mod hostile;
mod interleaving;
mod removal;
mod workbook;

//! What the journal's proofs promise, to those who make them and to those who
//! doubt them.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod blobs;
mod keys;
mod large;
mod notes;
mod parsers;
mod proofs;
mod record_proofs;
mod support;
mod tampering;

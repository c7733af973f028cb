//! What the SQLite store promises, on real files.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod approvals;
mod erasure;
mod failures;
mod journal;
mod leases;
mod principals;
mod proofs;
mod queries;
mod queues;
mod runs;
mod support;
mod tampering;
mod values;

//! What a store promises: on SQLite files, and on a private PostgreSQL.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod approvals;
mod budgets;
mod deliveries;
mod erasure;
mod failures;
mod hosts;
mod journal;
mod leases;
mod outages;
mod placement;
mod principals;
mod proofs;
mod queries;
mod queues;
mod runs;
mod support;
mod tampering;
mod values;
mod votes;
mod workflows;

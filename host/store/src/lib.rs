//! Where Tollgate keeps its journal, runs, approvals, connectors and values.
//!
//! [`Store`] is the trait that the host is written against; [`SqliteStore`] keeps
//! everything in one SQLite file. Records enter by one path only,
//! [`Store::append`]: a submission's records and the changes that go with them
//! are durable together or not at all, and many submissions share one
//! transaction.
//!
//! | file | what |
//! |---|---|
//! | `store` | the trait |
//! | `submission` | what is written: [`Submission`], [`Change`], [`Appended`] |
//! | `rows` | what is read: [`RunRow`], [`ApprovalRow`], [`StoredRecord`], … |
//! | `error` | [`StoreError`], and [`Rejected`] for a condition that did not hold |
//! | `clock` | [`Clock`], by which expiry is judged |
//! | `key_ring` | the key ring's file, outside the database |
//! | `sqlite` | the SQLite store: opening, the writer task, changes, readers |

mod admission;
mod audit;
mod checkpoint;
mod clock;
mod error;
pub mod key_ring;
mod places;
mod postgres;
mod rows;
mod sqlite;
mod store;
mod submission;

pub use clock::{Clock, ManualClock, SystemClock};
pub use error::{Rejected, StoreError, Unavailable};
pub use postgres::{PostgresOptions, PostgresStore};
pub use rows::{
    ApprovalRow, ApprovalState, CheckpointRow, ClosedFilter, ClosedRun, ConnectorRow, Erasure,
    Event, EventKind, Head, KvEntry, PrincipalKind, PrincipalRow, QueueRow, QueueState,
    RecordFilter, RunRow, RunState, StoredRecord, TileRow,
};
pub use sqlite::{SqliteOptions, SqliteStore};
pub use store::Store;
pub use submission::{
    Appended, Change, Expected, SUBMISSION_BYTES_MAX, SUBMISSION_RECORDS_MAX, Submission, Verdict,
    kv_version,
};

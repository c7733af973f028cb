//! Where Tollgate keeps its journal, runs, approvals, connectors and values.
//!
//! [`Store`] is the trait that the host is written against; [`SqliteStore`] keeps
//! everything in one SQLite file, [`PostgresStore`] in one PostgreSQL database for
//! any number of hosts, [`RoutedStore`] tenants in different ones. Records enter by one path only,
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
//! | `open` | [`Location`]: which store, as an operator writes it |
//! | `decode`, `fault` | rows, and what went wrong, as every database tells them |
//! | `admission`, `audit`, `checkpoint`, `places` | what every store does alike: refusals before any database, verification, notes, numbering |
//! | `batching`, `heads`, `erasing`, `events` | the same: sharing transactions, where trees stand, what an erasure is about, of what others are told |
//! | `sqlite` | the SQLite store: opening, the writer task, changes, readers |
//! | `postgres` | the PostgreSQL store: the same rooms, and what hosts tell each other |
//! | `routed` | tenants placed on different stores |

mod admission;
mod audit;
mod batching;
mod checkpoint;
mod clock;
mod decode;
mod erasing;
mod error;
mod events;
mod fault;
mod heads;
pub mod key_ring;
mod open;
mod places;
mod postgres;
mod routed;
mod rows;
mod sqlite;
mod store;
mod submission;
mod waiting;

pub use clock::{Clock, ManualClock, SystemClock};
pub use error::{Rejected, StoreError, Unavailable};
pub use open::{Location, open_store};
pub use postgres::{PostgresOptions, PostgresStore};
pub use routed::RoutedStore;
pub use rows::{
    ApprovalRow, ApprovalState, CaseFilter, CaseRow, CaseRun, CaseState, CheckpointRow,
    ClosedFilter, ClosedRun, ConnectorRow, DelegationRow, DeliveryRow, DeliveryState, Erasure,
    Event, EventKind, Head, KvEntry, Looked, OidcName, PrincipalKind, PrincipalRow, QueuePlace,
    QueueRow, QueueState, RecordFilter, Renewed, RunRow, RunState, StoredRecord, TileRow, VoteRow,
    WorkflowRow,
};
pub use sqlite::{SqliteOptions, SqliteStore};
pub use store::Store;
pub use submission::{
    Appended, Change, Expected, OnBehalf, SUBMISSION_BYTES_MAX, SUBMISSION_RECORDS_MAX, Submission,
    Tried, Verdict, kv_version,
};
pub use waiting::Waiting;

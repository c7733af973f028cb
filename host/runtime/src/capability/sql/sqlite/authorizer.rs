//! The second wall: SQLite asks this, while it compiles a statement, about every
//! table, column and function that it really understood. It answers from the
//! same grant as the policy, and knows nothing of the policy's parser: what one
//! overlooks the other refuses.
//!
//! The host's own statements (transactions, the look at prior rows, putting rows
//! back) run on the same connection with the wall lowered, never while a guest's
//! statement is compiled.

use std::ffi::{CStr, c_char, c_int, c_void};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use libsqlite3_sys as ffi;
use sqlx::SqliteConnection;
use tollgate_policy::SqlGrant;

/// Virtual-machine steps of SQLite between two looks at the deadline; a few
/// hundred microseconds of work.
const STEPS_PER_LOOK: i32 = 10_000;

/// Row changes remembered for one statement. A statement that changes more is
/// rolled back before that by the grant's `max_rows`.
const CHANGES_MAX: usize = 100_000;

/// One connection's wall.
pub(super) struct Wall {
    grant: SqlGrant,
    started: Instant,
    /// Whether a statement of the host's own is being compiled.
    lowered: AtomicBool,
    /// Milliseconds after `started` at which a running statement is stopped.
    stop_after_ms: AtomicU64,
    /// Rows that the running statement changed: table and row id.
    changes: Mutex<Vec<(String, i64)>>,
}

impl Wall {
    pub(super) fn new(grant: SqlGrant) -> Arc<Self> {
        Arc::new(Self {
            grant,
            started: Instant::now(),
            lowered: AtomicBool::new(false),
            stop_after_ms: AtomicU64::new(u64::MAX),
            changes: Mutex::default(),
        })
    }

    /// Put the wall up on a connection, for as long as that lives.
    pub(super) async fn put_up(
        self: &Arc<Self>,
        connection: &mut SqliteConnection,
    ) -> Result<(), sqlx::Error> {
        let mut handle = connection.lock_handle().await?;
        let wall = Arc::clone(self);
        handle.set_progress_handler(STEPS_PER_LOOK, move || !wall.is_late());
        let wall = Arc::clone(self);
        handle.set_update_hook(move |change| {
            let mut changes = wall.changes.lock().unwrap_or_else(PoisonError::into_inner);
            if changes.len() < CHANGES_MAX {
                changes.push((change.table.to_ascii_lowercase(), change.rowid));
            }
        });
        let database = handle.as_raw_handle().as_ptr();
        set_authorizer(database, Arc::clone(self));
        let longest = self.grant.max_bytes.max(1 << 20).saturating_add(1 << 20);
        limit_length(database, i32::try_from(longest).unwrap_or(i32::MAX));
        Ok(())
    }

    /// The most rows that the grant lets a statement touch.
    pub(super) fn max_rows(&self) -> u64 {
        self.grant.max_rows
    }

    /// For the host's own statements. Guests' statements are compiled with the
    /// wall up.
    pub(super) fn lower(&self, lowered: bool) {
        self.lowered.store(lowered, Ordering::SeqCst);
    }

    /// Stop whatever runs on the connection after this long.
    pub(super) fn stop_after(&self, time: Duration) {
        let at = (self.started.elapsed() + time).as_millis();
        self.stop_after_ms
            .store(u64::try_from(at).unwrap_or(u64::MAX), Ordering::Relaxed);
    }

    /// The rows changed since the last call of this.
    pub(super) fn take_changes(&self) -> Vec<(String, i64)> {
        std::mem::take(&mut *self.changes.lock().unwrap_or_else(PoisonError::into_inner))
    }

    fn is_late(&self) -> bool {
        self.started.elapsed().as_millis() >= u128::from(self.stop_after_ms.load(Ordering::Relaxed))
    }

    /// Whether SQLite may do this. `through` names a view, a trigger or a common
    /// table expression that does it. A read through one is a read like any other
    /// of the table below; a write can only come from a trigger, which nobody
    /// granted.
    fn allows(&self, action: c_int, first: &str, second: &str, through: &str) -> bool {
        if self.lowered.load(Ordering::SeqCst) {
            return action != ffi::SQLITE_ATTACH && action != ffi::SQLITE_DETACH;
        }
        let writes = [ffi::SQLITE_INSERT, ffi::SQLITE_UPDATE, ffi::SQLITE_DELETE];
        if !through.is_empty() && writes.contains(&action) {
            return false;
        }
        let first = first.to_ascii_lowercase();
        let second = second.to_ascii_lowercase();
        let table = self.grant.table(&first);
        match action {
            ffi::SQLITE_SELECT => true,
            ffi::SQLITE_READ => table.is_some_and(|table| {
                // An empty column: the table is only counted.
                !table.read.is_empty() && (second.is_empty() || table.read.contains(&second))
                    || self.is_write_only(table, &second)
                    // The host compares it, in a subquery or condition of its own.
                    || table.tenant_column.as_ref() == Some(&second)
            }),
            // `LIKE` is an operator that SQLite carries out by a function.
            ffi::SQLITE_FUNCTION => second == "like" || self.grant.functions.contains(&second),
            ffi::SQLITE_INSERT => table.is_some_and(|table| !table.insert.is_empty()),
            ffi::SQLITE_UPDATE => table.is_some_and(|table| table.update.contains(&second)),
            ffi::SQLITE_DELETE => table.is_some_and(|table| table.delete),
            _ => false,
        }
    }

    /// SQLite asks about the row id of a table whose rows are removed without
    /// any condition, though nothing is read.
    fn is_write_only(&self, table: &tollgate_policy::TableGrant, column: &str) -> bool {
        table.delete && (column.is_empty() || column == "rowid")
    }
}

#[expect(
    unsafe_code,
    reason = "SQLite's authorizer is reached only through its C interface; sqlx has no wrapper for it"
)]
fn set_authorizer(database: *mut ffi::sqlite3, wall: Arc<Wall>) {
    // SAFETY: the handle is locked by the caller. The callback gets a strong
    // count of the wall that is never given back, so the pointer stays valid
    // for as long as SQLite may use it; a host opens a handful of connections
    // in its life.
    unsafe {
        ffi::sqlite3_set_authorizer(
            database,
            Some(authorize),
            Arc::into_raw(wall).cast_mut().cast::<c_void>(),
        );
    }
}

/// The longest text, blob or row that the connection makes or reads, bytes: a
/// long chain of `||` would otherwise build a gigabyte before any result is
/// counted (CWE-789).
#[expect(
    unsafe_code,
    reason = "SQLite's run-time limits are reached only through its C interface"
)]
fn limit_length(database: *mut ffi::sqlite3, bytes: c_int) {
    // SAFETY: the handle is locked by the caller; the call only sets a number.
    unsafe {
        ffi::sqlite3_limit(database, ffi::SQLITE_LIMIT_LENGTH, bytes);
    }
}

#[expect(
    unsafe_code,
    reason = "a callback that SQLite calls with C strings it owns"
)]
unsafe extern "C" fn authorize(
    wall: *mut c_void,
    action: c_int,
    first: *const c_char,
    second: *const c_char,
    _database: *const c_char,
    through: *const c_char,
) -> c_int {
    // SAFETY: SQLite passes null or a string that lives for this call.
    let text = |pointer: *const c_char| {
        if pointer.is_null() {
            ""
        } else {
            unsafe { CStr::from_ptr(pointer) }
                .to_str()
                .unwrap_or("\u{fffd}")
        }
    };
    // SAFETY: `set_authorizer` passed a wall that is never freed.
    let wall = unsafe { &*wall.cast::<Wall>() };
    if wall.allows(action, text(first), text(second), text(through)) {
        ffi::SQLITE_OK
    } else {
        ffi::SQLITE_DENY
    }
}

//! One lane for guests that compute for long.
//!
//! An ordinary call computes for microseconds. A guest in an endless loop would
//! otherwise hold a worker thread until its fuel ends, and as many of them as
//! there are threads would hold all of them: every other call would wait. So a
//! guest that has used up its slice leaves its thread and queues here; one at a
//! time goes on, for one slice, then queues again behind the others. Whoever has
//! not used up a slice never queues.

use std::sync::Arc;

use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// The lane. Cheap to clone.
#[derive(Clone, Debug)]
pub(super) struct SlowLane(Arc<Semaphore>);

/// Leave to compute for one slice; given back when dropped.
pub(super) type Slice = OwnedSemaphorePermit;

impl SlowLane {
    /// A lane that lets all worker threads but one be busy with long
    /// computations, and at least one guest go on.
    pub(super) fn new(worker_threads: usize) -> Self {
        Self(Arc::new(Semaphore::new(
            worker_threads.saturating_sub(1).max(1),
        )))
    }

    /// Wait in line for a slice, first come first served.
    pub(super) async fn queue(&self) -> Option<Slice> {
        Arc::clone(&self.0).acquire_owned().await.ok()
    }
}

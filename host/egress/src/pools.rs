//! Clients, one for each pool and destination, so that no connection is shared
//! across tenants, connectors, destinations or credentials.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::{OnceCell, Semaphore};
use tokio::time::Instant;

use crate::pace::Pace;
use crate::resolve::Resolver;
use crate::target::invalid;
use crate::{Destination, EgressError, Limits, Pool, client};

/// Highest rate: the times of so many requests are kept.
const MAX_RATE: u32 = 100_000;

/// All clients of a host.
pub(crate) struct Pools {
    most: usize,
    inner: Mutex<Inner>,
}

#[derive(Default)]
struct Inner {
    /// Usually one for each pool; more while runs under an older manifest end.
    entries: HashMap<Pool, Vec<Arc<Entry>>>,
    count: usize,
    /// Counts uses, and so orders them.
    clock: u64,
}

/// One client and what its requests share.
pub(crate) struct Entry {
    destination: Destination,
    /// A place for each connection.
    pub(crate) places: Semaphore,
    pace: Mutex<Pace>,
    client: OnceCell<reqwest::Client>,
    used: Mutex<u64>,
}

impl Entry {
    fn new(destination: &Destination) -> Self {
        Self {
            destination: destination.clone(),
            places: Semaphore::new(destination.connections as usize),
            pace: Mutex::new(Pace::new(destination.rate)),
            client: OnceCell::new(),
            used: Mutex::new(0),
        }
    }

    pub(crate) fn pace(&self) -> MutexGuard<'_, Pace> {
        self.pace.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The client. The first request makes it: reading the platform's roots takes
    /// a while.
    pub(crate) async fn client(
        &self,
        limits: &Limits,
        resolver: &Arc<dyn Resolver>,
    ) -> Result<&reqwest::Client, EgressError> {
        self.client
            .get_or_try_init(|| async {
                let destination = self.destination.clone();
                let (limits, resolver) = (limits.clone(), Arc::clone(resolver));
                tokio::task::spawn_blocking(move || client::build(&destination, &limits, resolver))
                    .await
                    .map_err(|_| invalid("the client could not be made"))?
            })
            .await
    }
}

impl Pools {
    pub(crate) fn new(most: usize) -> Self {
        Self {
            most,
            inner: Mutex::default(),
        }
    }

    /// The entry of a pool and destination, made where there is none.
    pub(crate) fn entry(&self, pool: &Pool, to: &Destination) -> Result<Arc<Entry>, EgressError> {
        if to.connections == 0 || to.connections as usize > Semaphore::MAX_PERMITS {
            return Err(invalid("the destination has no connections"));
        }
        if to.rate.is_some_and(|(most, _)| most > MAX_RATE) {
            return Err(invalid("the destination's rate is too high to be kept"));
        }
        let mut inner = self.inner.lock().unwrap_or_else(PoisonError::into_inner);
        inner.clock += 1;
        let now = inner.clock;
        let known = inner
            .entries
            .get(pool)
            .and_then(|entries| entries.iter().find(|entry| entry.destination == *to));
        if let Some(entry) = known {
            entry.mark(now);
            return Ok(Arc::clone(entry));
        }
        if inner.count >= self.most {
            inner.drop_oldest()?;
        }
        let entry = Arc::new(Entry::new(to));
        entry.mark(now);
        let entries = inner.entries.entry(pool.clone()).or_default();
        entries.push(Arc::clone(&entry));
        inner.count += 1;
        Ok(entry)
    }
}

impl Entry {
    fn mark(&self, now: u64) {
        *self.used.lock().unwrap_or_else(PoisonError::into_inner) = now;
    }

    fn used(&self) -> u64 {
        *self.used.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Inner {
    /// Drops the entry unused for longest. One in use stays, as does one whose rate
    /// or hold would be forgotten with it: a burst of pools must not be a way around
    /// a limit.
    fn drop_oldest(&mut self) -> Result<(), EgressError> {
        let now = Instant::now();
        let oldest = self
            .entries
            .iter()
            .flat_map(|(pool, entries)| entries.iter().map(move |entry| (pool, entry)))
            .filter(|(_, entry)| Arc::strong_count(entry) == 1 && entry.pace().at_rest(now))
            .min_by_key(|(_, entry)| entry.used())
            .map(|(pool, entry)| (pool.clone(), Arc::clone(entry)));
        let Some((pool, oldest)) = oldest else {
            return Err(EgressError::Busy {
                after: Duration::from_secs(1),
            });
        };
        if let Some(entries) = self.entries.get_mut(&pool) {
            entries.retain(|entry| !Arc::ptr_eq(entry, &oldest));
            if entries.is_empty() {
                self.entries.remove(&pool);
            }
        }
        self.count -= 1;
        Ok(())
    }
}

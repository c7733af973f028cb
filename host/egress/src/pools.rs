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
    /// Most clients that are kept.
    most: usize,
    /// Most clients, and most paces, of one tenant. The attack: one tenant has more
    /// destinations than the host keeps clients, and nobody else gets one.
    most_of_tenant: usize,
    inner: Mutex<Inner>,
}

#[derive(Default)]
struct Inner {
    tenants: HashMap<String, Tenant>,
    /// Clients of all tenants.
    count: usize,
    /// Counts uses, and so orders them.
    clock: u64,
}

/// What one tenant has.
#[derive(Default)]
struct Tenant {
    /// Usually one for each pool; more while runs under an older manifest end.
    clients: Vec<Arc<Entry>>,
    /// One for each pool, whatever becomes of its clients: a burst of pools, or
    /// another manifest, must not be a way around a limit.
    paces: HashMap<Pool, Arc<Mutex<Pace>>>,
}

/// One client and what its requests share.
pub(crate) struct Entry {
    pool: Pool,
    destination: Destination,
    /// A place for each connection.
    pub(crate) places: Semaphore,
    pace: Arc<Mutex<Pace>>,
    client: OnceCell<reqwest::Client>,
    used: Mutex<u64>,
}

impl Entry {
    fn new(pool: &Pool, destination: &Destination, pace: Arc<Mutex<Pace>>) -> Self {
        Self {
            pool: pool.clone(),
            destination: destination.clone(),
            places: Semaphore::new(destination.connections as usize),
            pace,
            client: OnceCell::new(),
            used: Mutex::new(0),
        }
    }

    pub(crate) fn pace(&self) -> MutexGuard<'_, Pace> {
        locked(&self.pace)
    }

    /// Lets one request go now, by the destination's rate.
    pub(crate) fn admit(&self, now: Instant) -> Result<(), EgressError> {
        let admitted = self.pace().admit_by(self.destination.rate, now);
        admitted.map_err(|after| EgressError::Busy { after })
    }

    /// Whether nobody has it but these pools.
    fn is_idle(self: &Arc<Self>) -> bool {
        Arc::strong_count(self) == 1
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
    pub(crate) fn new(most: usize, most_of_tenant: usize) -> Self {
        Self {
            most,
            most_of_tenant,
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
        let mut inner = locked(&self.inner);
        inner.clock += 1;
        let now = inner.clock;
        let tenant = inner.tenants.entry(pool.tenant.clone()).or_default();
        let known = tenant
            .clients
            .iter()
            .find(|entry| entry.pool == *pool && entry.destination == *to);
        if let Some(entry) = known {
            entry.mark(now);
            return Ok(Arc::clone(entry));
        }
        let pace = tenant.pace(pool, to, self.most_of_tenant)?;
        if tenant.clients.len() >= self.most_of_tenant {
            if !tenant.drop_oldest() {
                return Err(BUSY);
            }
            inner.count -= 1;
        } else if inner.count >= self.most {
            inner.drop_oldest();
        }
        let entry = Arc::new(Entry::new(pool, to, pace));
        entry.mark(now);
        let tenant = inner.tenants.entry(pool.tenant.clone()).or_default();
        tenant.clients.push(Arc::clone(&entry));
        inner.count += 1;
        Ok(entry)
    }
}

/// All that a tenant may have is in use; nobody knows for how long.
const BUSY: EgressError = EgressError::Busy {
    after: Duration::from_secs(1),
};

fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Entry {
    fn mark(&self, now: u64) {
        *self.used.lock().unwrap_or_else(PoisonError::into_inner) = now;
    }

    fn used(&self) -> u64 {
        *self.used.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Tenant {
    /// The pace of a pool. One that would forget nothing goes for another one's; a
    /// rate in use, or a hold, stays.
    fn pace(
        &mut self,
        pool: &Pool,
        to: &Destination,
        most: usize,
    ) -> Result<Arc<Mutex<Pace>>, EgressError> {
        if let Some(pace) = self.paces.get(pool) {
            return Ok(Arc::clone(pace));
        }
        if self.paces.len() >= most {
            let now = Instant::now();
            // Clients in use have theirs.
            let clients = &self.clients;
            self.paces.retain(|pool, pace| {
                let in_use = |entry: &Arc<Entry>| entry.pool == *pool && !entry.is_idle();
                clients.iter().any(in_use) || !locked(pace).at_rest(now)
            });
            let paces = &self.paces;
            self.clients.retain(|entry| paces.contains_key(&entry.pool));
        }
        if self.paces.len() >= most {
            return Err(BUSY);
        }
        let pace = Arc::new(Mutex::new(Pace::new(to.rate)));
        self.paces.insert(pool.clone(), Arc::clone(&pace));
        Ok(pace)
    }

    /// The client that is unused for longest, where one is not in use.
    fn oldest(&self) -> Option<(u64, usize)> {
        let clients = self.clients.iter().enumerate();
        clients
            .filter(|(_, entry)| entry.is_idle())
            .map(|(index, entry)| (entry.used(), index))
            .min()
    }

    fn drop_oldest(&mut self) -> bool {
        let oldest = self.oldest();
        if let Some((_, index)) = oldest {
            self.clients.swap_remove(index);
        }
        oldest.is_some()
    }
}

impl Inner {
    /// Drops the client unused for longest, of whichever tenant. Its limits stay.
    fn drop_oldest(&mut self) {
        let oldest = self
            .tenants
            .values_mut()
            .filter_map(|tenant| Some((tenant.oldest()?, tenant)))
            .min_by_key(|(oldest, _)| *oldest);
        if let Some((_, tenant)) = oldest
            && tenant.drop_oldest()
        {
            self.count -= 1;
        }
    }
}

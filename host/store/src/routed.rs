//! Tenants on different databases. Everything of a tenant is in one store, so that
//! what must be true together is committed together.

mod asking;

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use async_trait::async_trait;
use tokio::sync::broadcast::{self, error::RecvError};
use tokio::task::AbortHandle;
use tollgate_journal::{Hash, TamperReport, Tenant, Verified};

use crate::admission::component_digest;
use crate::{
    Appended, ApprovalRow, ApprovalState, CaseFilter, CaseRow, CheckpointRow, ClosedFilter,
    ClosedRun, ConnectorRow, DelegationRow, DeliveryRow, Erasure, Event, EventKind, Head, KvEntry,
    Looked, PrincipalRow, QueuePlace, QueueRow, QueueState, RecordFilter, Renewed, RunRow,
    RunState, Store, StoreError, StoredRecord, Submission, TileRow, Waiting, WorkflowRow,
};

/// Events that a slow listener may be behind.
const EVENTS_KEPT: usize = 1_024;

/// Several stores that look like one.
///
/// A store answers for the tenants that are placed there and for nobody else.
/// Whoever runs the database of one tenant could write rows there that name
/// another: a principal with that one's rights, a connector. Questions about all
/// tenants therefore drop what a store says about tenants of others.
pub struct RoutedStore {
    /// The default first, each once.
    stores: Arc<[Arc<dyn Store>]>,
    routes: Arc<Routes>,
    events: broadcast::Sender<Event>,
    forwarding: Vec<AbortHandle>,
    /// Where the next look for work begins, so that no store comes last always.
    turn: AtomicUsize,
}

/// Tenants that are not in the first store, with the index of theirs.
struct Routes(HashMap<String, usize>);

impl Routes {
    fn of(&self, tenant: &str) -> usize {
        self.0.get(tenant).copied().unwrap_or(0)
    }
}

impl std::fmt::Debug for RoutedStore {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("RoutedStore")
            .field("stores", &self.stores.len())
            .field("placed", &self.routes.0.len())
            .finish_non_exhaustive()
    }
}

impl Drop for RoutedStore {
    fn drop(&mut self) {
        for task in &self.forwarding {
            task.abort();
        }
    }
}

impl RoutedStore {
    /// Tenants in `placed` have their own store, which several may share by the
    /// same `Arc`; all others are in `default`. Needs a tokio runtime.
    #[must_use]
    pub fn new(default: Arc<dyn Store>, placed: HashMap<String, Arc<dyn Store>>) -> Self {
        let mut stores = vec![default];
        let mut routes = HashMap::with_capacity(placed.len());
        for (tenant, store) in placed {
            let known = stores.iter().position(|known| Arc::ptr_eq(known, &store));
            let index = known.unwrap_or_else(|| {
                stores.push(store);
                stores.len() - 1
            });
            routes.insert(tenant, index);
        }
        let routes = Arc::new(Routes(routes));
        let events = broadcast::channel(EVENTS_KEPT).0;
        let forward = |(index, store): (usize, &Arc<dyn Store>)| {
            let forwarding = forward(index, store.events(), routes.clone(), events.clone());
            tokio::spawn(forwarding).abort_handle()
        };
        let forwarding = stores.iter().enumerate().map(forward).collect();
        Self {
            stores: stores.into(),
            routes,
            events,
            forwarding,
            turn: AtomicUsize::new(0),
        }
    }

    fn store(&self, tenant: &Tenant) -> &Arc<dyn Store> {
        &self.stores[self.routes.of(tenant)]
    }

    /// What all stores say of their own tenants.
    async fn gather<T, F>(
        &self,
        ask: impl Fn(Arc<dyn Store>) -> F,
        tenant: impl Fn(&T) -> &str,
    ) -> Result<Vec<T>, StoreError>
    where
        T: Send + 'static,
        F: Future<Output = Result<Vec<T>, StoreError>> + Send + 'static,
    {
        let asked = self.ask_all(ask).await.or_failed()?;
        let own = |(index, rows): (usize, Vec<T>)| {
            let rows = rows.into_iter();
            let own: Vec<T> = rows.filter(|row| self.is_own(index, tenant(row))).collect();
            own
        };
        Ok(asked.into_iter().flat_map(own).collect())
    }

    fn is_own(&self, index: usize, tenant: &str) -> bool {
        let own = self.routes.of(tenant) == index;
        if !own {
            tracing::error!(
                tenant,
                store = index,
                "a store speaks of a tenant of another"
            );
        }
        own
    }
}

/// Pass a store's events on, those of its own tenants.
async fn forward(
    index: usize,
    mut from: broadcast::Receiver<Event>,
    routes: Arc<Routes>,
    to: broadcast::Sender<Event>,
) {
    loop {
        let event = match from.recv().await {
            Ok(event) => event,
            Err(RecvError::Lagged(_)) => Event {
                tenant: String::new(),
                what: EventKind::Missed,
            },
            Err(RecvError::Closed) => return,
        };
        if event.what == EventKind::Missed || routes.of(&event.tenant) == index {
            // Nobody may be listening.
            to.send(event).ok();
        }
    }
}

#[async_trait]
impl Store for RoutedStore {
    async fn append(&self, submission: Submission) -> Result<Appended, StoreError> {
        let store = self.store(&submission.tenant);
        store.append(submission).await
    }

    async fn claim_lapsed(
        &self,
        owner: &str,
        lease_ms: u64,
        limit: u32,
    ) -> Result<Vec<RunRow>, StoreError> {
        // One after another: what was claimed beyond the limit would lie idle
        // until its lease lapses.
        let begin = self.turn.fetch_add(1, Ordering::Relaxed);
        let (mut claimed, mut failed, mut answered) = (Vec::new(), None, false);
        for offset in 0..self.stores.len() {
            let index = begin.wrapping_add(offset) % self.stores.len();
            let rest = limit.saturating_sub(u32::try_from(claimed.len()).unwrap_or(limit));
            if rest == 0 {
                break;
            }
            match self.stores[index].claim_lapsed(owner, lease_ms, rest).await {
                Ok(rows) => {
                    answered = true;
                    let own = |row: &RunRow| self.is_own(index, &row.tenant);
                    claimed.extend(rows.into_iter().filter(own));
                }
                Err(error) => {
                    tracing::warn!(store = index, %error, "a store cannot be asked for work");
                    failed = Some(error);
                }
            }
        }
        match failed {
            Some(error) if !answered => Err(error),
            _ => Ok(claimed),
        }
    }

    async fn renew_leases(&self, owner: &str, lease_ms: u64) -> Result<Vec<Renewed>, StoreError> {
        let renew = |store: Arc<dyn Store>| {
            let owner = owner.to_owned();
            async move { store.renew_leases(&owner, lease_ms).await }
        };
        self.gather(renew, |renewed| &renewed.tenant).await
    }

    async fn due_approvals(&self, limit: u32) -> Result<Vec<ApprovalRow>, StoreError> {
        let due = |store: Arc<dyn Store>| async move { store.due_approvals(limit).await };
        let mut rows = self.gather(due, |row| &row.tenant).await?;
        rows.sort_by_key(|row| match row.state {
            ApprovalState::Pending => row.decide_by_ms,
            _ => row.execute_by_ms.unwrap_or(0),
        });
        rows.truncate(usize::try_from(limit).unwrap_or(usize::MAX));
        Ok(rows)
    }

    async fn due_deliveries(&self, limit: u32) -> Result<Vec<DeliveryRow>, StoreError> {
        let due = |store: Arc<dyn Store>| async move { store.due_deliveries(limit).await };
        let mut rows = self.gather(due, |row| &row.tenant).await?;
        rows.sort_by_key(|row| row.due_ms);
        rows.truncate(usize::try_from(limit).unwrap_or(usize::MAX));
        Ok(rows)
    }

    async fn connectors(&self, tenant: Option<&Tenant>) -> Result<Vec<ConnectorRow>, StoreError> {
        if let Some(one) = tenant {
            return self.store(one).connectors(tenant).await;
        }
        let all = |store: Arc<dyn Store>| async move { store.connectors(None).await };
        let mut rows = self.gather(all, |row| &row.tenant).await?;
        rows.sort_by(|a, b| (&a.tenant, &a.name).cmp(&(&b.tenant, &b.name)));
        Ok(rows)
    }

    async fn workflows(&self, tenant: Option<&Tenant>) -> Result<Vec<WorkflowRow>, StoreError> {
        if let Some(one) = tenant {
            return self.store(one).workflows(tenant).await;
        }
        let all = |store: Arc<dyn Store>| async move { store.workflows(None).await };
        let mut rows = self.gather(all, |row| &row.tenant).await?;
        rows.sort_by(|a, b| (&a.tenant, &a.name).cmp(&(&b.tenant, &b.name)));
        Ok(rows)
    }

    async fn due_cases(&self, limit: u32) -> Result<Vec<CaseRow>, StoreError> {
        let due = |store: Arc<dyn Store>| async move { store.due_cases(limit).await };
        let mut rows = self.gather(due, |row| &row.tenant).await?;
        rows.sort_by_key(|row| row.due_ms);
        rows.truncate(usize::try_from(limit).unwrap_or(usize::MAX));
        Ok(rows)
    }

    async fn component(&self, digest: &str) -> Result<Option<Vec<u8>>, StoreError> {
        let ask = |store: Arc<dyn Store>| {
            let digest = digest.to_owned();
            async move { store.component(&digest).await }
        };
        // Bytes that are not those of the digest, in the database of one tenant,
        // must not run for another.
        self.ask_until_found(ask, |_, bytes| component_digest(bytes) == digest)
            .await
    }

    async fn heads(&self) -> Result<Vec<Head>, StoreError> {
        let all = |store: Arc<dyn Store>| async move { store.heads().await };
        let mut heads = self.gather(all, |head| &head.tenant).await?;
        heads.sort_by(|a, b| a.tenant.cmp(&b.tenant));
        Ok(heads)
    }

    async fn principal_by_token_hash(
        &self,
        token_hash: &[u8; 32],
    ) -> Result<Option<PrincipalRow>, StoreError> {
        let token_hash = *token_hash;
        let ask =
            |store: Arc<dyn Store>| async move { store.principal_by_token_hash(&token_hash).await };
        // Whether a token counts that no other store knows is not known while a
        // store is away.
        self.ask_until_found(ask, |index, row: &PrincipalRow| {
            self.is_own(index, &row.tenant)
        })
        .await
    }

    fn events(&self) -> broadcast::Receiver<Event> {
        self.events.subscribe()
    }

    async fn close(&self) {
        for store in &*self.stores {
            store.close().await;
        }
    }

    // Of one tenant: its store answers.

    async fn records(
        &self,
        tenant: &Tenant,
        filter: &RecordFilter,
    ) -> Result<Vec<StoredRecord>, StoreError> {
        self.store(tenant).records(tenant, filter).await
    }

    async fn run(&self, tenant: &Tenant, run: &str) -> Result<Option<RunRow>, StoreError> {
        self.store(tenant).run(tenant, run).await
    }

    async fn runs(&self, tenant: &Tenant, states: &[RunState]) -> Result<Vec<RunRow>, StoreError> {
        self.store(tenant).runs(tenant, states).await
    }

    async fn run_of_request(
        &self,
        tenant: &Tenant,
        same: &str,
        ended_since_ms: Option<u64>,
    ) -> Result<Looked, StoreError> {
        self.store(tenant)
            .run_of_request(tenant, same, ended_since_ms)
            .await
    }

    async fn closed_runs(
        &self,
        tenant: &Tenant,
        filter: &ClosedFilter,
    ) -> Result<Vec<ClosedRun>, StoreError> {
        self.store(tenant).closed_runs(tenant, filter).await
    }

    async fn claim_run(
        &self,
        tenant: &Tenant,
        run: &str,
        owner: &str,
        lease_ms: u64,
    ) -> Result<RunRow, StoreError> {
        self.store(tenant)
            .claim_run(tenant, run, owner, lease_ms)
            .await
    }

    async fn approval(&self, tenant: &Tenant, id: &str) -> Result<Option<ApprovalRow>, StoreError> {
        self.store(tenant).approval(tenant, id).await
    }

    async fn approvals(
        &self,
        tenant: &Tenant,
        state: Option<ApprovalState>,
    ) -> Result<Vec<ApprovalRow>, StoreError> {
        self.store(tenant).approvals(tenant, state).await
    }

    async fn standing_denial(
        &self,
        tenant: &Tenant,
        asked: &str,
        run: &str,
    ) -> Result<Option<ApprovalRow>, StoreError> {
        let store = self.store(tenant);
        store.standing_denial(tenant, asked, run).await
    }

    async fn delegations(
        &self,
        tenant: &Tenant,
        at_ms: Option<u64>,
    ) -> Result<Vec<DelegationRow>, StoreError> {
        self.store(tenant).delegations(tenant, at_ms).await
    }

    async fn queue_items(
        &self,
        tenant: &Tenant,
        state: Option<QueueState>,
    ) -> Result<Vec<QueueRow>, StoreError> {
        self.store(tenant).queue_items(tenant, state).await
    }

    async fn queue_place(
        &self,
        tenant: &Tenant,
        fold: Option<&str>,
        most: u64,
    ) -> Result<QueuePlace, StoreError> {
        self.store(tenant).queue_place(tenant, fold, most).await
    }

    async fn queue_item(&self, tenant: &Tenant, id: &str) -> Result<Option<QueueRow>, StoreError> {
        self.store(tenant).queue_item(tenant, id).await
    }

    async fn budget_taken(&self, tenant: &Tenant, budget: &str) -> Result<u64, StoreError> {
        self.store(tenant).budget_taken(tenant, budget).await
    }

    async fn waiting(&self, tenant: &Tenant) -> Result<Waiting, StoreError> {
        self.store(tenant).waiting(tenant).await
    }

    async fn deliveries(
        &self,
        tenant: &Tenant,
        items: &[String],
    ) -> Result<Vec<DeliveryRow>, StoreError> {
        self.store(tenant).deliveries(tenant, items).await
    }

    async fn case(&self, tenant: &Tenant, case: &str) -> Result<Option<CaseRow>, StoreError> {
        self.store(tenant).case(tenant, case).await
    }

    async fn cases(
        &self,
        tenant: &Tenant,
        filter: &CaseFilter,
    ) -> Result<Vec<CaseRow>, StoreError> {
        self.store(tenant).cases(tenant, filter).await
    }

    async fn leaf_hashes(
        &self,
        tenant: &Tenant,
        from: u64,
        limit: u32,
    ) -> Result<Vec<Hash>, StoreError> {
        self.store(tenant).leaf_hashes(tenant, from, limit).await
    }

    async fn tile(
        &self,
        tenant: &Tenant,
        level: u8,
        index: u64,
    ) -> Result<Option<TileRow>, StoreError> {
        self.store(tenant).tile(tenant, level, index).await
    }

    async fn tile_count(&self, tenant: &Tenant, level: u8) -> Result<u64, StoreError> {
        self.store(tenant).tile_count(tenant, level).await
    }

    async fn checkpoints(
        &self,
        tenant: &Tenant,
        before: Option<u64>,
        limit: u32,
    ) -> Result<Vec<CheckpointRow>, StoreError> {
        self.store(tenant).checkpoints(tenant, before, limit).await
    }

    async fn sealed_count(&self, tenant: &Tenant, what: &Erasure) -> Result<u64, StoreError> {
        self.store(tenant).sealed_count(tenant, what).await
    }

    async fn connector(
        &self,
        tenant: &Tenant,
        name: &str,
    ) -> Result<Option<ConnectorRow>, StoreError> {
        self.store(tenant).connector(tenant, name).await
    }

    async fn kv_get(
        &self,
        tenant: &Tenant,
        connector: &str,
        store: &str,
        key: &str,
    ) -> Result<Option<KvEntry>, StoreError> {
        self.store(tenant)
            .kv_get(tenant, connector, store, key)
            .await
    }

    async fn kv_keys(
        &self,
        tenant: &Tenant,
        connector: &str,
        store: &str,
        prefix: &str,
        limit: u32,
    ) -> Result<Vec<String>, StoreError> {
        self.store(tenant)
            .kv_keys(tenant, connector, store, prefix, limit)
            .await
    }

    async fn verify(&self, tenant: &Tenant) -> Result<Result<Verified, TamperReport>, StoreError> {
        self.store(tenant).verify(tenant).await
    }

    async fn subject_key(
        &self,
        tenant: &Tenant,
        subject: &str,
    ) -> Result<Option<Vec<u8>>, StoreError> {
        self.store(tenant).subject_key(tenant, subject).await
    }

    async fn principals(&self, tenant: &Tenant) -> Result<Vec<PrincipalRow>, StoreError> {
        self.store(tenant).principals(tenant).await
    }
}

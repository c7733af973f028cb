//! A store whose writes fail, or wait, when told to.

use std::sync::atomic::{AtomicBool, AtomicI64, AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use tokio::sync::{broadcast, watch};
use tollgate_journal::{Hash, TamperReport, Tenant, Verified};
use tollgate_store::{
    Appended, ApprovalRow, ApprovalState, CaseFilter, CaseRow, Change, CheckpointRow, ClosedFilter,
    ClosedRun, ConnectorRow, DelegationRow, DeliveryRow, Erasure, Event, Head, KvEntry, Looked,
    PrincipalRow, QueuePlace, QueueRow, QueueState, RecordFilter, Renewed, RunRow, RunState, Store,
    StoreError, StoredRecord, Submission, TileRow, Unavailable, Waiting, WorkflowRow,
};

pub(crate) struct Faulty {
    inner: Arc<dyn Store>,
    /// How many more submissions with records go through; negative: all.
    left: AtomicI64,
    /// What has no records goes through in any case: an effect on a key.
    records_only: AtomicBool,
    /// How often the lease of one run was asked for.
    claimed: AtomicU64,
    /// What becomes of the next submission with records, whose answer is lost.
    lost: Mutex<Option<Lost>>,
    /// Whether claims of a run go through.
    claims: watch::Sender<bool>,
    /// Whether approvals and budgets may be used, and how many uses have come so far.
    uses: watch::Sender<bool>,
    using: watch::Sender<u64>,
    /// Claims that are being made now, and most of them at once.
    claiming: AtomicUsize,
    most_claiming: AtomicUsize,
}

/// A submission whose answer is lost: the connection broke during the commit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Lost {
    Kept,
    NotKept,
}

impl Faulty {
    pub(crate) fn new(inner: Arc<dyn Store>) -> Arc<Self> {
        Arc::new(Self {
            inner,
            left: AtomicI64::new(-1),
            records_only: AtomicBool::new(false),
            claimed: AtomicU64::new(0),
            lost: Mutex::default(),
            claims: watch::channel(true).0,
            uses: watch::channel(true).0,
            using: watch::channel(0).0,
            claiming: AtomicUsize::new(0),
            most_claiming: AtomicUsize::new(0),
        })
    }

    /// Let so many more submissions with records through.
    pub(crate) fn allow(&self, submissions: i64) {
        self.left.store(submissions, Ordering::SeqCst);
    }

    /// Let so many more submissions with records through, and all others.
    pub(crate) fn allow_records(&self, submissions: i64) {
        self.records_only.store(true, Ordering::SeqCst);
        self.allow(submissions);
    }

    pub(crate) fn repair(&self) {
        self.allow(-1);
    }

    pub(crate) fn claims(&self) -> u64 {
        self.claimed.load(Ordering::SeqCst)
    }

    /// Lose the answer to the next submission with records.
    pub(crate) fn lose(&self, what: Lost) {
        *self.lost.lock().unwrap() = Some(what);
    }

    /// Let claims of a run through, or make them wait.
    pub(crate) fn let_claims_through(&self, through: bool) {
        self.claims.send_replace(through);
    }

    /// Let approvals and budgets be used, or make their use wait.
    pub(crate) fn let_uses_through(&self, through: bool) {
        self.uses.send_replace(through);
    }

    /// Wait until somebody is about to use an approval.
    pub(crate) async fn is_used(&self) {
        self.are_used(1).await;
    }

    /// Wait until so many uses have come.
    pub(crate) async fn are_used(&self, count: u64) {
        let mut using = self.using.subscribe();
        using.wait_for(|uses| *uses >= count).await.unwrap();
    }

    /// Claims of a run that are being made now, and most of them at once so far.
    pub(crate) fn claiming(&self) -> (usize, usize) {
        let of = |count: &AtomicUsize| count.load(Ordering::SeqCst);
        (of(&self.claiming), of(&self.most_claiming))
    }

    fn is_away(&self) -> bool {
        self.left.load(Ordering::SeqCst) == 0
    }
}

fn unavailable() -> StoreError {
    StoreError::Unavailable {
        why: Unavailable::Full,
        path: "tollgate.db".into(),
        source: None,
    }
}

#[async_trait]
impl Store for Faulty {
    async fn append(&self, submission: Submission) -> Result<Appended, StoreError> {
        let uses = |change: &Change| {
            matches!(
                change,
                Change::ConsumeApproval { .. } | Change::TakeFromBudget { .. }
            )
        };
        if submission.changes.iter().any(uses) {
            self.using.send_modify(|uses| *uses += 1);
            let mut through = self.uses.subscribe();
            through.wait_for(|through| *through).await.unwrap();
        }
        let spared = submission.records.is_empty() && self.records_only.load(Ordering::SeqCst);
        if self.is_away() && !spared {
            return Err(unavailable());
        }
        if self.left.load(Ordering::SeqCst) > 0 && !submission.records.is_empty() {
            self.left.fetch_sub(1, Ordering::SeqCst);
        }
        let lost = match submission.records.is_empty() {
            true => None,
            false => self.lost.lock().unwrap().take(),
        };
        if lost != Some(Lost::NotKept) {
            let appended = self.inner.append(submission).await;
            if lost.is_none() {
                return appended;
            }
            appended.unwrap();
        }
        Err(StoreError::Unsettled {
            path: "tollgate.db".into(),
        })
    }

    async fn claim_run(
        &self,
        tenant: &Tenant,
        run: &str,
        owner: &str,
        lease_ms: u64,
    ) -> Result<RunRow, StoreError> {
        if self.is_away() {
            return Err(unavailable());
        }
        let now = self.claiming.fetch_add(1, Ordering::SeqCst) + 1;
        self.most_claiming.fetch_max(now, Ordering::SeqCst);
        let mut claims = self.claims.subscribe();
        claims.wait_for(|through| *through).await.unwrap();
        self.claiming.fetch_sub(1, Ordering::SeqCst);
        let claimed = self.inner.claim_run(tenant, run, owner, lease_ms).await;
        self.claimed.fetch_add(1, Ordering::SeqCst);
        claimed
    }

    async fn claim_lapsed(
        &self,
        owner: &str,
        lease_ms: u64,
        limit: u32,
    ) -> Result<Vec<RunRow>, StoreError> {
        if self.is_away() {
            return Err(unavailable());
        }
        self.inner.claim_lapsed(owner, lease_ms, limit).await
    }

    async fn renew_leases(&self, owner: &str, lease_ms: u64) -> Result<Vec<Renewed>, StoreError> {
        if self.is_away() {
            return Err(unavailable());
        }
        self.inner.renew_leases(owner, lease_ms).await
    }

    async fn records(
        &self,
        tenant: &Tenant,
        filter: &RecordFilter,
    ) -> Result<Vec<StoredRecord>, StoreError> {
        self.inner.records(tenant, filter).await
    }

    async fn run(&self, tenant: &Tenant, run: &str) -> Result<Option<RunRow>, StoreError> {
        self.inner.run(tenant, run).await
    }

    async fn runs(&self, tenant: &Tenant, states: &[RunState]) -> Result<Vec<RunRow>, StoreError> {
        self.inner.runs(tenant, states).await
    }

    async fn run_of_request(
        &self,
        tenant: &Tenant,
        same: &str,
        ended_since_ms: Option<u64>,
    ) -> Result<Looked, StoreError> {
        self.inner
            .run_of_request(tenant, same, ended_since_ms)
            .await
    }

    async fn closed_runs(
        &self,
        tenant: &Tenant,
        filter: &ClosedFilter,
    ) -> Result<Vec<ClosedRun>, StoreError> {
        self.inner.closed_runs(tenant, filter).await
    }

    async fn approval(&self, tenant: &Tenant, id: &str) -> Result<Option<ApprovalRow>, StoreError> {
        self.inner.approval(tenant, id).await
    }

    async fn approvals(
        &self,
        tenant: &Tenant,
        state: Option<ApprovalState>,
    ) -> Result<Vec<ApprovalRow>, StoreError> {
        self.inner.approvals(tenant, state).await
    }

    async fn standing_denial(
        &self,
        tenant: &Tenant,
        asked: &str,
        run: &str,
    ) -> Result<Option<ApprovalRow>, StoreError> {
        self.inner.standing_denial(tenant, asked, run).await
    }

    async fn delegations(
        &self,
        tenant: &Tenant,
        at_ms: Option<u64>,
    ) -> Result<Vec<DelegationRow>, StoreError> {
        self.inner.delegations(tenant, at_ms).await
    }

    async fn due_approvals(&self, limit: u32) -> Result<Vec<ApprovalRow>, StoreError> {
        self.inner.due_approvals(limit).await
    }

    async fn queue_items(
        &self,
        tenant: &Tenant,
        state: Option<QueueState>,
    ) -> Result<Vec<QueueRow>, StoreError> {
        self.inner.queue_items(tenant, state).await
    }

    async fn queue_place(
        &self,
        tenant: &Tenant,
        fold: Option<&str>,
        most: u64,
    ) -> Result<QueuePlace, StoreError> {
        self.inner.queue_place(tenant, fold, most).await
    }

    async fn queue_item(&self, tenant: &Tenant, id: &str) -> Result<Option<QueueRow>, StoreError> {
        self.inner.queue_item(tenant, id).await
    }

    async fn budget_taken(&self, tenant: &Tenant, budget: &str) -> Result<u64, StoreError> {
        self.inner.budget_taken(tenant, budget).await
    }

    async fn waiting(&self, tenant: &Tenant) -> Result<Waiting, StoreError> {
        self.inner.waiting(tenant).await
    }

    async fn deliveries(
        &self,
        tenant: &Tenant,
        items: &[String],
    ) -> Result<Vec<DeliveryRow>, StoreError> {
        self.inner.deliveries(tenant, items).await
    }

    async fn due_deliveries(&self, limit: u32) -> Result<Vec<DeliveryRow>, StoreError> {
        self.inner.due_deliveries(limit).await
    }

    async fn leaf_hashes(
        &self,
        tenant: &Tenant,
        from: u64,
        limit: u32,
    ) -> Result<Vec<Hash>, StoreError> {
        self.inner.leaf_hashes(tenant, from, limit).await
    }

    async fn tile(
        &self,
        tenant: &Tenant,
        level: u8,
        index: u64,
    ) -> Result<Option<TileRow>, StoreError> {
        self.inner.tile(tenant, level, index).await
    }

    async fn tile_count(&self, tenant: &Tenant, level: u8) -> Result<u64, StoreError> {
        self.inner.tile_count(tenant, level).await
    }

    async fn checkpoints(
        &self,
        tenant: &Tenant,
        before: Option<u64>,
        limit: u32,
    ) -> Result<Vec<CheckpointRow>, StoreError> {
        self.inner.checkpoints(tenant, before, limit).await
    }

    async fn sealed_count(&self, tenant: &Tenant, what: &Erasure) -> Result<u64, StoreError> {
        self.inner.sealed_count(tenant, what).await
    }

    fn events(&self) -> broadcast::Receiver<Event> {
        self.inner.events()
    }

    async fn connector(
        &self,
        tenant: &Tenant,
        name: &str,
    ) -> Result<Option<ConnectorRow>, StoreError> {
        self.inner.connector(tenant, name).await
    }

    async fn connectors(&self, tenant: Option<&Tenant>) -> Result<Vec<ConnectorRow>, StoreError> {
        self.inner.connectors(tenant).await
    }

    async fn workflows(&self, tenant: Option<&Tenant>) -> Result<Vec<WorkflowRow>, StoreError> {
        self.inner.workflows(tenant).await
    }

    async fn case(&self, tenant: &Tenant, case: &str) -> Result<Option<CaseRow>, StoreError> {
        self.inner.case(tenant, case).await
    }

    async fn cases(
        &self,
        tenant: &Tenant,
        filter: &CaseFilter,
    ) -> Result<Vec<CaseRow>, StoreError> {
        self.inner.cases(tenant, filter).await
    }

    async fn due_cases(&self, limit: u32) -> Result<Vec<CaseRow>, StoreError> {
        self.inner.due_cases(limit).await
    }

    async fn component(&self, digest: &str) -> Result<Option<Vec<u8>>, StoreError> {
        self.inner.component(digest).await
    }

    async fn kv_get(
        &self,
        tenant: &Tenant,
        connector: &str,
        store: &str,
        key: &str,
    ) -> Result<Option<KvEntry>, StoreError> {
        self.inner.kv_get(tenant, connector, store, key).await
    }

    async fn kv_keys(
        &self,
        tenant: &Tenant,
        connector: &str,
        store: &str,
        prefix: &str,
        limit: u32,
    ) -> Result<Vec<String>, StoreError> {
        self.inner
            .kv_keys(tenant, connector, store, prefix, limit)
            .await
    }

    async fn heads(&self) -> Result<Vec<Head>, StoreError> {
        self.inner.heads().await
    }

    async fn verify(&self, tenant: &Tenant) -> Result<Result<Verified, TamperReport>, StoreError> {
        self.inner.verify(tenant).await
    }

    async fn subject_key(
        &self,
        tenant: &Tenant,
        subject: &str,
    ) -> Result<Option<Vec<u8>>, StoreError> {
        self.inner.subject_key(tenant, subject).await
    }

    async fn principal_by_token_hash(
        &self,
        token_hash: &[u8; 32],
    ) -> Result<Option<PrincipalRow>, StoreError> {
        self.inner.principal_by_token_hash(token_hash).await
    }

    async fn principals(&self, tenant: &Tenant) -> Result<Vec<PrincipalRow>, StoreError> {
        self.inner.principals(tenant).await
    }

    async fn close(&self) {
        self.inner.close().await;
    }
}

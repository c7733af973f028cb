//! The trait that the host is written against. One write path; readers see what
//! was committed before they were called.

use async_trait::async_trait;
use tokio::sync::broadcast;
use tollgate_journal::{Hash, TamperReport, Tenant, Verified};

use crate::{
    Appended, ApprovalRow, ApprovalState, CaseFilter, CaseRow, Change, CheckpointRow, ClosedFilter,
    ClosedRun, ConnectorRow, DelegationRow, DeliveryRow, Erasure, Event, Head, KvEntry, Looked,
    PrincipalRow, QueuePlace, QueueRow, QueueState, RecordFilter, Rejected, Renewed, RunRow,
    RunState, StoreError, StoredRecord, Submission, TileRow, Waiting, WorkflowRow,
};

/// Where the host keeps everything.
///
/// What belongs to a tenant is asked for by tenant. Without one are
///
/// - work that a host does for all of them, whose rows say whose they are:
///   [`claim_lapsed`](Self::claim_lapsed), [`renew_leases`](Self::renew_leases),
///   [`due_approvals`](Self::due_approvals), [`due_deliveries`](Self::due_deliveries),
///   [`due_cases`](Self::due_cases), [`heads`](Self::heads), and what is loaded at a
///   start: [`connectors`](Self::connectors) and [`workflows`](Self::workflows) of
///   all;
/// - [`principal_by_token_hash`](Self::principal_by_token_hash), which is how a tenant
///   is known at all;
/// - [`component`](Self::component), by the digest of its bytes: tenants who pin the
///   same component have the same one, and who asks has the digest from a row of its
///   own tenant;
/// - [`events`](Self::events), which are hints to the host and reach nobody else.
#[async_trait]
pub trait Store: Send + Sync {
    /// Write records and changes. When this answers, they are durable.
    async fn append(&self, submission: Submission) -> Result<Appended, StoreError>;

    /// Records of a tenant, by place.
    async fn records(
        &self,
        tenant: &Tenant,
        filter: &RecordFilter,
    ) -> Result<Vec<StoredRecord>, StoreError>;

    /// One run.
    async fn run(&self, tenant: &Tenant, run: &str) -> Result<Option<RunRow>, StoreError>;

    /// Runs of a tenant in any of `states` (all when empty), newest first, at
    /// most 1000.
    async fn runs(&self, tenant: &Tenant, states: &[RunState]) -> Result<Vec<RunRow>, StoreError>;

    /// The run that a repeated request returns: the active one with this
    /// [`same`](RunRow::same), else, where `ended_since_ms` is given, the newest
    /// that had a request key and ended since. With it, when that was: see
    /// [`RunRow::looked_at`].
    async fn run_of_request(
        &self,
        tenant: &Tenant,
        same: &str,
        ended_since_ms: Option<u64>,
    ) -> Result<Looked, StoreError>;

    /// Runs that ended, by their last record; newest first.
    async fn closed_runs(
        &self,
        tenant: &Tenant,
        filter: &ClosedFilter,
    ) -> Result<Vec<ClosedRun>, StoreError>;

    /// Take a run's lease for `lease_ms` by the store's clock; the row has the
    /// fencing token. Refused with [`Leased`](Rejected::Leased) while another host
    /// has it.
    async fn claim_run(
        &self,
        tenant: &Tenant,
        run: &str,
        owner: &str,
        lease_ms: u64,
    ) -> Result<RunRow, StoreError>;

    /// Take the leases of at most `limit` runs, of any tenant, that nobody works
    /// on and somebody should: open ones whose lease lapsed, and held ones whose
    /// approval was decided. Hosts that ask at the same time get different runs.
    async fn claim_lapsed(
        &self,
        owner: &str,
        lease_ms: u64,
        limit: u32,
    ) -> Result<Vec<RunRow>, StoreError>;

    /// Prolong the leases of a host that have not lapsed. The answer is exactly
    /// those that last so long now; one that is not among them must be expected to
    /// lapse when it would have.
    async fn renew_leases(&self, owner: &str, lease_ms: u64) -> Result<Vec<Renewed>, StoreError>;

    /// One approval.
    async fn approval(&self, tenant: &Tenant, id: &str) -> Result<Option<ApprovalRow>, StoreError>;

    /// Approvals of a tenant in a state (all when `None`), oldest first, at most
    /// 1000.
    async fn approvals(
        &self,
        tenant: &Tenant,
        state: Option<ApprovalState>,
    ) -> Result<Vec<ApprovalRow>, StoreError>;

    /// Pending approvals whose decide-by has passed, and approved ones whose
    /// execute-by has, by the store's clock; of all tenants, soonest first. There is
    /// no bound beside `limit`.
    async fn due_approvals(&self, limit: u32) -> Result<Vec<ApprovalRow>, StoreError>;

    /// The denial of another run than this one that stands now, by the store's
    /// clock, for the same as [`asked`](ApprovalRow::asked); the one that stands
    /// longest.
    async fn standing_denial(
        &self,
        tenant: &Tenant,
        asked: &str,
        run: &str,
    ) -> Result<Option<ApprovalRow>, StoreError>;

    /// Delegations of a tenant, newest first, at most 1000: those that may still
    /// be in force at a time, or with `None` all.
    async fn delegations(
        &self,
        tenant: &Tenant,
        at_ms: Option<u64>,
    ) -> Result<Vec<DelegationRow>, StoreError>;

    /// Items of a tenant's queues in a state (all when `None`), oldest first, at
    /// most 1000.
    async fn queue_items(
        &self,
        tenant: &Tenant,
        state: Option<QueueState>,
    ) -> Result<Vec<QueueRow>, StoreError>;

    /// One item of a queue.
    async fn queue_item(&self, tenant: &Tenant, id: &str) -> Result<Option<QueueRow>, StoreError>;

    /// How much waits for people in a tenant: all of it, counted.
    async fn waiting(&self, tenant: &Tenant) -> Result<Waiting, StoreError>;

    /// The open item in which failures of this fold are counted, and whether the tenant
    /// has `most` open items or more.
    async fn queue_place(
        &self,
        tenant: &Tenant,
        fold: Option<&str>,
        most: u64,
    ) -> Result<QueuePlace, StoreError>;

    /// Deliveries of these items, by item and name.
    async fn deliveries(
        &self,
        tenant: &Tenant,
        items: &[String],
    ) -> Result<Vec<DeliveryRow>, StoreError>;

    /// Pending deliveries that are due and that no host has, by the store's clock; of
    /// all tenants, soonest first.
    async fn due_deliveries(&self, limit: u32) -> Result<Vec<DeliveryRow>, StoreError>;

    /// How often was taken from a budget, see
    /// [`TakeFromBudget`](Change::TakeFromBudget).
    async fn budget_taken(&self, tenant: &Tenant, budget: &str) -> Result<u64, StoreError>;

    /// Leaf hashes of a tenant's tree from a place on, at most 65 536.
    async fn leaf_hashes(
        &self,
        tenant: &Tenant,
        from: u64,
        limit: u32,
    ) -> Result<Vec<Hash>, StoreError>;

    /// A complete tile, where it was stored.
    async fn tile(
        &self,
        tenant: &Tenant,
        level: u8,
        index: u64,
    ) -> Result<Option<TileRow>, StoreError>;

    /// How many complete tiles of a level are stored, without a gap from 0.
    async fn tile_count(&self, tenant: &Tenant, level: u8) -> Result<u64, StoreError>;

    /// Checkpoints of a tenant, newest first: those of fewer than `before`
    /// records, where that is given.
    async fn checkpoints(
        &self,
        tenant: &Tenant,
        before: Option<u64>,
        limit: u32,
    ) -> Result<Vec<CheckpointRow>, StoreError>;

    /// How many records still have sealed values among those an erasure is about.
    async fn sealed_count(&self, tenant: &Tenant, what: &Erasure) -> Result<u64, StoreError>;

    /// What happens from now on, in this process and, where the store can tell,
    /// in others. A hint to look, never a fact to act on.
    fn events(&self) -> broadcast::Receiver<Event>;

    /// One connector.
    async fn connector(
        &self,
        tenant: &Tenant,
        name: &str,
    ) -> Result<Option<ConnectorRow>, StoreError>;

    /// Connectors of a tenant, or of all tenants, by name.
    async fn connectors(&self, tenant: Option<&Tenant>) -> Result<Vec<ConnectorRow>, StoreError>;

    /// Workflows of a tenant, or of all tenants, by name.
    async fn workflows(&self, tenant: Option<&Tenant>) -> Result<Vec<WorkflowRow>, StoreError>;

    /// One case.
    async fn case(&self, tenant: &Tenant, case: &str) -> Result<Option<CaseRow>, StoreError>;

    /// Cases of a tenant, newest first, at most 1000.
    async fn cases(&self, tenant: &Tenant, filter: &CaseFilter)
    -> Result<Vec<CaseRow>, StoreError>;

    /// Open cases of any tenant whose time has passed by the store's clock, or that a
    /// stop condition ends; at most `limit`.
    async fn due_cases(&self, limit: u32) -> Result<Vec<CaseRow>, StoreError>;

    /// A component's bytes.
    async fn component(&self, digest: &str) -> Result<Option<Vec<u8>>, StoreError>;

    /// The value of a key.
    async fn kv_get(
        &self,
        tenant: &Tenant,
        connector: &str,
        store: &str,
        key: &str,
    ) -> Result<Option<KvEntry>, StoreError>;

    /// Keys that begin with `prefix`, in order.
    async fn kv_keys(
        &self,
        tenant: &Tenant,
        connector: &str,
        store: &str,
        prefix: &str,
        limit: u32,
    ) -> Result<Vec<String>, StoreError>;

    /// Every tenant's tree.
    async fn heads(&self) -> Result<Vec<Head>, StoreError>;

    /// Recompute a tenant's tree from its stored leaves and compare it with the
    /// stored hashes and head, all as of one moment.
    async fn verify(&self, tenant: &Tenant) -> Result<Result<Verified, TamperReport>, StoreError>;

    /// A subject's wrapped key.
    async fn subject_key(
        &self,
        tenant: &Tenant,
        subject: &str,
    ) -> Result<Option<Vec<u8>>, StoreError>;

    /// Whose token this is, unless it was revoked.
    async fn principal_by_token_hash(
        &self,
        token_hash: &[u8; 32],
    ) -> Result<Option<PrincipalRow>, StoreError>;

    /// Principals of a tenant, revoked ones included, by identifier.
    async fn principals(&self, tenant: &Tenant) -> Result<Vec<PrincipalRow>, StoreError>;

    /// Finish what waits and close. What is called afterwards answers
    /// [`StoreError::Closed`].
    async fn close(&self);

    /// Write a principal.
    async fn put_principal(&self, row: PrincipalRow) -> Result<(), StoreError> {
        let tenant = row.tenant.clone();
        let changes = vec![Change::PutPrincipal(Box::new(row))];
        self.append(Submission {
            tenant,
            records: Vec::new(),
            changes,
        })
        .await
        .map(drop)
    }

    /// Keep `wrapped` as the subject's key unless it has one; the answer is the
    /// key that counts. Two callers who race agree on one key.
    async fn ensure_subject_key(
        &self,
        tenant: &Tenant,
        subject: &str,
        wrapped: Vec<u8>,
    ) -> Result<Vec<u8>, StoreError> {
        let changes = vec![Change::PutSubjectKey {
            subject: subject.to_owned(),
            wrapped: wrapped.clone(),
        }];
        let tenant_owned = tenant.to_owned();
        let written = self
            .append(Submission {
                tenant: tenant_owned,
                records: Vec::new(),
                changes,
            })
            .await;
        match written {
            Ok(_) => Ok(wrapped),
            Err(StoreError::Rejected(Rejected::SubjectKeyExists(_))) => {
                let stored = self.subject_key(tenant, subject).await?;
                stored.ok_or_else(|| StoreError::corrupt("a subject's key vanished"))
            }
            Err(error) => Err(error),
        }
    }
}

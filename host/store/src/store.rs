//! The trait that the host is written against. One write path; readers see what
//! was committed before they were called.

use async_trait::async_trait;
use tollgate_journal::{TamperReport, Verified};

use crate::{
    Appended, ApprovalRow, ApprovalState, Change, ConnectorRow, Head, KvEntry, PrincipalRow,
    RecordFilter, Rejected, RunKey, RunRow, RunState, StoreError, StoredRecord, Submission,
};

/// Where the host keeps everything.
#[async_trait]
pub trait Store: Send + Sync {
    /// Write records and changes. When this answers, they are durable.
    async fn append(&self, submission: Submission) -> Result<Appended, StoreError>;

    /// Records of a tenant, by place.
    async fn records(
        &self,
        tenant: &str,
        filter: &RecordFilter,
    ) -> Result<Vec<StoredRecord>, StoreError>;

    /// One run.
    async fn run(&self, tenant: &str, run: &str) -> Result<Option<RunRow>, StoreError>;

    /// Runs of a tenant in any of `states` (all when empty), newest first, at
    /// most 1000.
    async fn runs(&self, tenant: &str, states: &[RunState]) -> Result<Vec<RunRow>, StoreError>;

    /// The active run that a repeated call returns.
    async fn open_run_by_key(&self, key: &RunKey<'_>) -> Result<Option<RunRow>, StoreError>;

    /// One approval.
    async fn approval(&self, tenant: &str, id: &str) -> Result<Option<ApprovalRow>, StoreError>;

    /// Approvals of a tenant in a state (all when `None`), oldest first, at most
    /// 1000.
    async fn approvals(
        &self,
        tenant: &str,
        state: Option<ApprovalState>,
    ) -> Result<Vec<ApprovalRow>, StoreError>;

    /// One connector.
    async fn connector(&self, tenant: &str, name: &str)
    -> Result<Option<ConnectorRow>, StoreError>;

    /// Connectors of a tenant, or of all tenants, by name.
    async fn connectors(&self, tenant: Option<&str>) -> Result<Vec<ConnectorRow>, StoreError>;

    /// A component's bytes.
    async fn component(&self, digest: &str) -> Result<Option<Vec<u8>>, StoreError>;

    /// The value of a key.
    async fn kv_get(
        &self,
        tenant: &str,
        connector: &str,
        store: &str,
        key: &str,
    ) -> Result<Option<KvEntry>, StoreError>;

    /// Keys that begin with `prefix`, in order.
    async fn kv_keys(
        &self,
        tenant: &str,
        connector: &str,
        store: &str,
        prefix: &str,
        limit: u32,
    ) -> Result<Vec<String>, StoreError>;

    /// Every tenant's tree.
    async fn heads(&self) -> Result<Vec<Head>, StoreError>;

    /// Recompute a tenant's tree from its stored leaves and compare it with the
    /// stored hashes and head, all as of one moment.
    async fn verify(&self, tenant: &str) -> Result<Result<Verified, TamperReport>, StoreError>;

    /// A subject's wrapped key.
    async fn subject_key(&self, tenant: &str, subject: &str)
    -> Result<Option<Vec<u8>>, StoreError>;

    /// Whose token this is, unless it was revoked.
    async fn principal_by_token_hash(
        &self,
        token_hash: &[u8; 32],
    ) -> Result<Option<PrincipalRow>, StoreError>;

    /// Principals of a tenant, revoked ones included, by identifier.
    async fn principals(&self, tenant: &str) -> Result<Vec<PrincipalRow>, StoreError>;

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
        tenant: &str,
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

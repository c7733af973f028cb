//! A store that keeps nothing of the journal: what the door costs without it.

use std::collections::HashMap;
use std::sync::Mutex;

use tokio::sync::broadcast;
use tollgate_journal::{Hash, TamperReport, Tenant, Verified};
use tollgate_store::{
    Appended, ApprovalRow, ApprovalState, CaseFilter, CaseRow, Change, CheckpointRow, ClosedFilter,
    ClosedRun, ConnectorRow, DelegationRow, DeliveryRow, Erasure, Event, Head, KvEntry, Looked,
    PrincipalRow, QueuePlace, QueueRow, QueueState, RecordFilter, Rejected, Renewed, RunRow,
    RunState, Store, StoreError, StoredRecord, Submission, TileRow, Waiting, WorkflowRow,
};

#[derive(Default)]
pub(crate) struct Forgetful {
    keys: Mutex<HashMap<String, Vec<u8>>>,
}

#[async_trait::async_trait]
impl Store for Forgetful {
    async fn append(&self, submission: Submission) -> Result<Appended, StoreError> {
        for change in submission.changes {
            if let Change::PutSubjectKey { subject, wrapped } = change {
                self.keys.lock().unwrap().insert(subject, wrapped);
            }
        }
        Ok(Appended {
            first_seq: 0,
            count: submission.records.len() as u64,
        })
    }

    async fn records(&self, _: &Tenant, _: &RecordFilter) -> Result<Vec<StoredRecord>, StoreError> {
        Ok(Vec::new())
    }

    async fn run(&self, _: &Tenant, _: &str) -> Result<Option<RunRow>, StoreError> {
        Ok(None)
    }

    async fn runs(&self, _: &Tenant, _: &[RunState]) -> Result<Vec<RunRow>, StoreError> {
        Ok(Vec::new())
    }

    async fn run_of_request(
        &self,
        _: &Tenant,
        _: &str,
        _: Option<u64>,
    ) -> Result<Looked, StoreError> {
        Ok(Looked {
            first: None,
            count: 0,
        })
    }

    async fn closed_runs(
        &self,
        _: &Tenant,
        _: &ClosedFilter,
    ) -> Result<Vec<ClosedRun>, StoreError> {
        Ok(Vec::new())
    }

    async fn claim_run(
        &self,
        _: &Tenant,
        run: &str,
        _: &str,
        _: u64,
    ) -> Result<RunRow, StoreError> {
        Err(Rejected::NoSuchRun(run.to_owned()).into())
    }

    async fn claim_lapsed(&self, _: &str, _: u64, _: u32) -> Result<Vec<RunRow>, StoreError> {
        Ok(Vec::new())
    }

    async fn renew_leases(&self, _: &str, _: u64) -> Result<Vec<Renewed>, StoreError> {
        Ok(Vec::new())
    }

    async fn due_approvals(&self, _: u32) -> Result<Vec<ApprovalRow>, StoreError> {
        Ok(Vec::new())
    }

    async fn queue_items(
        &self,
        _: &Tenant,
        _: Option<QueueState>,
    ) -> Result<Vec<QueueRow>, StoreError> {
        Ok(Vec::new())
    }

    async fn queue_place(
        &self,
        _: &Tenant,
        _: Option<&str>,
        _: u64,
    ) -> Result<QueuePlace, StoreError> {
        Ok(QueuePlace::default())
    }

    async fn queue_item(&self, _: &Tenant, _: &str) -> Result<Option<QueueRow>, StoreError> {
        Ok(None)
    }

    async fn budget_taken(&self, _: &Tenant, _: &str) -> Result<u64, StoreError> {
        Ok(0)
    }

    async fn waiting(&self, _: &Tenant) -> Result<Waiting, StoreError> {
        Ok(Waiting::default())
    }

    async fn deliveries(&self, _: &Tenant, _: &[String]) -> Result<Vec<DeliveryRow>, StoreError> {
        Ok(Vec::new())
    }

    async fn due_deliveries(&self, _: u32) -> Result<Vec<DeliveryRow>, StoreError> {
        Ok(Vec::new())
    }

    async fn leaf_hashes(&self, _: &Tenant, _: u64, _: u32) -> Result<Vec<Hash>, StoreError> {
        Ok(Vec::new())
    }

    async fn tile(&self, _: &Tenant, _: u8, _: u64) -> Result<Option<TileRow>, StoreError> {
        Ok(None)
    }

    async fn tile_count(&self, _: &Tenant, _: u8) -> Result<u64, StoreError> {
        Ok(0)
    }

    async fn checkpoints(
        &self,
        _: &Tenant,
        _: Option<u64>,
        _: u32,
    ) -> Result<Vec<CheckpointRow>, StoreError> {
        Ok(Vec::new())
    }

    async fn sealed_count(&self, _: &Tenant, _: &Erasure) -> Result<u64, StoreError> {
        Ok(0)
    }

    fn events(&self) -> broadcast::Receiver<Event> {
        // Closed: nothing is ever told.
        broadcast::channel(1).1
    }

    async fn approval(&self, _: &Tenant, _: &str) -> Result<Option<ApprovalRow>, StoreError> {
        Ok(None)
    }

    async fn approvals(
        &self,
        _: &Tenant,
        _: Option<ApprovalState>,
    ) -> Result<Vec<ApprovalRow>, StoreError> {
        Ok(Vec::new())
    }

    async fn standing_denial(
        &self,
        _: &Tenant,
        _: &str,
        _: &str,
    ) -> Result<Option<ApprovalRow>, StoreError> {
        Ok(None)
    }

    async fn delegations(
        &self,
        _: &Tenant,
        _: Option<u64>,
    ) -> Result<Vec<DelegationRow>, StoreError> {
        Ok(Vec::new())
    }

    async fn connector(&self, _: &Tenant, _: &str) -> Result<Option<ConnectorRow>, StoreError> {
        Ok(None)
    }

    async fn connectors(&self, _: Option<&Tenant>) -> Result<Vec<ConnectorRow>, StoreError> {
        Ok(Vec::new())
    }

    async fn workflows(&self, _: Option<&Tenant>) -> Result<Vec<WorkflowRow>, StoreError> {
        Ok(Vec::new())
    }

    async fn case(&self, _: &Tenant, _: &str) -> Result<Option<CaseRow>, StoreError> {
        Ok(None)
    }

    async fn cases(&self, _: &Tenant, _: &CaseFilter) -> Result<Vec<CaseRow>, StoreError> {
        Ok(Vec::new())
    }

    async fn due_cases(&self, _: u32) -> Result<Vec<CaseRow>, StoreError> {
        Ok(Vec::new())
    }

    async fn component(&self, _: &str) -> Result<Option<Vec<u8>>, StoreError> {
        Ok(None)
    }

    async fn kv_get(
        &self,
        _: &Tenant,
        _: &str,
        _: &str,
        _: &str,
    ) -> Result<Option<KvEntry>, StoreError> {
        Ok(None)
    }

    async fn kv_keys(
        &self,
        _: &Tenant,
        _: &str,
        _: &str,
        _: &str,
        _: u32,
    ) -> Result<Vec<String>, StoreError> {
        Ok(Vec::new())
    }

    async fn heads(&self) -> Result<Vec<Head>, StoreError> {
        Ok(Vec::new())
    }

    async fn verify(&self, _: &Tenant) -> Result<Result<Verified, TamperReport>, StoreError> {
        Err(StoreError::Closed)
    }

    async fn subject_key(&self, _: &Tenant, subject: &str) -> Result<Option<Vec<u8>>, StoreError> {
        Ok(self.keys.lock().unwrap().get(subject).cloned())
    }

    async fn principal_by_token_hash(
        &self,
        _: &[u8; 32],
    ) -> Result<Option<PrincipalRow>, StoreError> {
        Ok(None)
    }

    async fn principals(&self, _: &Tenant) -> Result<Vec<PrincipalRow>, StoreError> {
        Ok(Vec::new())
    }

    async fn close(&self) {}
}

//! Pruning: sealed values older than the operator keeps them are destroyed.
//! Records, commitments and proofs stay, and so does everything of runs that are
//! not over yet.

use std::sync::Arc;
use std::time::Duration;

use serde::Serialize;
use tollgate_journal::{Stage, Tenant};
use tollgate_store::{Change, Erasure, RecordFilter};

use crate::error::CallError;
use crate::host::{Host, Inner};
use crate::journal::Saying;
use crate::time::rfc3339;

/// Places pruned by one transaction, so that calls do not wait long for it.
const PLACES_AT_ONCE: u64 = 10_000;

/// What pruning does, or would do.
#[derive(Clone, Debug, Serialize)]
pub struct PruneReport {
    /// Whose journal.
    pub tenant: Tenant,
    /// Values made before this are not kept, RFC 3339.
    pub before: String,
    /// The first place that is kept.
    pub first_kept: u64,
    /// Records whose values were destroyed, or with a dry run would be.
    pub records: u64,
    /// Nothing was changed.
    pub dry_run: bool,
}

impl Host {
    /// Destroy the sealed values of records older than `older_than`, except those
    /// of runs that are not over.
    ///
    /// # Errors
    ///
    /// When the store cannot be read or written.
    pub async fn prune(
        &self,
        tenant: &Tenant,
        older_than: Duration,
        by: &str,
        dry_run: bool,
    ) -> Result<PruneReport, CallError> {
        self.inner().prune(tenant, older_than, by, dry_run).await
    }
}

impl Inner {
    pub(crate) async fn prune(
        self: &Arc<Self>,
        tenant: &Tenant,
        older_than: Duration,
        by: &str,
        dry_run: bool,
    ) -> Result<PruneReport, CallError> {
        let store = &self.journal.store;
        let age = u64::try_from(older_than.as_millis()).unwrap_or(u64::MAX);
        let before_ms = self.journal.now_ms().saturating_sub(age);
        let first_kept = self.first_since(tenant, before_ms).await?;
        // From the first place, always: what an active run kept back before is
        // pruned once that run is over.
        let range = Erasure::Places(0, first_kept);
        let sealed = store.sealed_count(tenant, &range).await?;
        let report = PruneReport {
            tenant: tenant.to_owned(),
            before: rfc3339(before_ms),
            first_kept,
            records: sealed,
            dry_run,
        };
        if dry_run || sealed == 0 {
            return Ok(report);
        }
        let about = self.destroying(tenant, by).await?;
        let saying = Saying::new(Stage::ValuesPruned)
            .fact("from", 0)
            .fact("to", first_kept)
            .fact("before", report.before.as_str())
            .value(
                "reason",
                format!("older than {} s", older_than.as_secs()).into_bytes(),
            );
        // Said before it is done: a crash in between leaves values that are said
        // to be gone, never values gone without a word.
        let mut said = vec![self.journal.record(&about, saying)?];
        let mut from = 0;
        while from < first_kept {
            let to = first_kept.min(from + PLACES_AT_ONCE);
            let change = Change::Erase(Erasure::Places(from, to));
            self.journal
                .append(tenant, std::mem::take(&mut said), vec![change])
                .await?;
            from = to;
        }
        Ok(report)
    }

    /// The first place whose record was made at or after this time: everything
    /// before it is older. Hosts' clocks differ; where they do, what is a little
    /// older stays a little longer.
    async fn first_since(&self, tenant: &Tenant, ms: u64) -> Result<u64, CallError> {
        let filter = RecordFilter {
            since_ms: Some(ms),
            limit: Some(1),
            leaves_only: true,
            ..RecordFilter::default()
        };
        let store = &self.journal.store;
        if let Some(record) = store.records(tenant, &filter).await?.first() {
            return Ok(record.seq);
        }
        let heads = store.heads().await?;
        let head = heads.iter().find(|head| head.tenant == tenant);
        Ok(head.map_or(0, |head| head.count))
    }
}

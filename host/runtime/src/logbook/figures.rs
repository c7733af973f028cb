//! What became of hand-offs, counted from the journal's leaves. No value is opened,
//! so what was erased or pruned is counted like the rest.

use tollgate_journal::Tenant;
use tollgate_report::{Collector, Period, Report};
use tollgate_store::RecordFilter;

use crate::error::CallError;
use crate::host::{Host, Inner};

/// Leaves read at once.
const PAGE: u32 = 5_000;

impl Host {
    /// A tenant's figures by workflow and week. It reads the journal from its begin:
    /// what ended in the period may have begun before it.
    ///
    /// # Errors
    ///
    /// When the store cannot be read.
    pub async fn figures(&self, tenant: &Tenant, period: Period) -> Result<Report, CallError> {
        self.inner().figures(tenant, period).await
    }
}

impl Inner {
    async fn figures(&self, tenant: &Tenant, period: Period) -> Result<Report, CallError> {
        let mut collector = Collector::new(period);
        let mut filter = RecordFilter {
            leaves_only: true,
            limit: Some(PAGE),
            ..RecordFilter::default()
        };
        loop {
            let records = self.journal.read(tenant, &filter).await?;
            records
                .iter()
                .for_each(|record| collector.add(&record.leaf));
            filter.after_seq = records.last().map(|record| record.seq);
            if records.len() < PAGE as usize {
                return Ok(collector.finish());
            }
        }
    }
}

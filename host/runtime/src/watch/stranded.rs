//! Runs that cannot go on now: the store does not take records, or their connector
//! cannot be started. They are tried again, as many as there are places for.

use std::sync::Arc;
use std::time::{Duration, Instant};
use tollgate_journal::Tenant;

use super::TAKE_OVER;
use crate::host::Inner;

/// How long until a run is tried again whose connector cannot be started, and how many
/// leases that is at most.
const RETRY_LATER: Duration = Duration::from_secs(60);
const RETRY_LEASES: u32 = 4;

/// A run of this host that cannot go on now.
pub(super) struct Stranded {
    pub(super) tenant: Tenant,
    pub(super) run: String,
    /// Not tried again before.
    after: Instant,
}

impl Inner {
    /// Remember a run that cannot go on until the store takes records again.
    pub(crate) fn strand(&self, tenant: &Tenant, run: &str) {
        self.strand_for(tenant, run, Duration::ZERO);
    }

    /// Remember a run whose connector cannot be started: an operator has to look.
    pub(crate) fn strand_for_long(&self, tenant: &Tenant, run: &str) {
        let later = RETRY_LATER.min(self.lease * RETRY_LEASES);
        self.strand_for(tenant, run, later);
    }

    /// Remember a run that is left alone for this long.
    pub(crate) fn strand_for(&self, tenant: &Tenant, run: &str, time: Duration) {
        self.watching.stranded().push(Stranded {
            tenant: tenant.to_owned(),
            run: run.to_owned(),
            after: Instant::now() + time,
        });
    }

    /// Try stranded runs again, those that there are places for. One that cannot go
    /// on yet comes back, behind the others.
    pub(crate) fn settle_stranded(self: &Arc<Self>) {
        let now = Instant::now();
        let places = self.watching.places.free(TAKE_OVER);
        let due: Vec<Stranded> = self
            .watching
            .stranded()
            .extract_if(.., |stranded| stranded.after <= now)
            .take(places.len())
            .collect();
        for (stranded, place) in due.into_iter().zip(places) {
            self.resume_later(&stranded.tenant, &stranded.run, place);
        }
    }
}

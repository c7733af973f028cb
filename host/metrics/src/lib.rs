//! Figures of a running host, as Prometheus collects them. Each tenant has a registry
//! of its own, and what one is shown is made of that registry alone: there is nothing
//! to filter, and nothing to forget to filter.
//!
//! No value is ever a label. Labels are a tenant, the names of an installed connector
//! and its tools, an approval and a queue of an operator's files, and the words of
//! closed lists. [`label`] bounds them once more, and a tenant has at most
//! [`SERIES_MAX`] pairs of connector and tool: what comes after that is counted
//! together.
//!
//! What is counted are additions to atomic numbers and, for lengths of time, to a few
//! numbers under a lock that is held for nanoseconds. `benches/cost.rs` measures it.

mod label;
mod standing;
mod tenant;

use std::collections::HashMap;
use std::sync::{Arc, PoisonError, RwLock};

pub use label::label;
pub use standing::Standing;
pub use tenant::{Outcome, SERIES_MAX, Tenant};

/// The media type of what [`Tenant::text`] makes: OpenMetrics 1.0.
pub const CONTENT_TYPE: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";

/// The figures of all tenants.
#[derive(Default)]
pub struct Metrics {
    tenants: RwLock<HashMap<String, Arc<Tenant>>>,
}

impl Metrics {
    /// A tenant's figures. Tenants are few: an operator makes them.
    #[must_use]
    pub fn of(&self, tenant: &str) -> Arc<Tenant> {
        let known = self.tenants.read().unwrap_or_else(PoisonError::into_inner);
        if let Some(known) = known.get(tenant) {
            return Arc::clone(known);
        }
        drop(known);
        let mut tenants = self.tenants.write().unwrap_or_else(PoisonError::into_inner);
        let new = || Arc::new(Tenant::new(tenant));
        Arc::clone(tenants.entry(tenant.to_owned()).or_insert_with(new))
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn one_tenant_is_shown_nothing_of_another() {
        let metrics = Metrics::default();
        let second = Duration::from_secs(1);
        metrics
            .of("acme")
            .call("bank", "pay", Outcome::Done, second, 7);
        metrics
            .of("zeta")
            .call("canary", "sing", Outcome::Failed, second, 7);
        metrics.of("zeta").refused("denied");
        let text = metrics.of("acme").text(&Standing::default());
        assert!(text.contains("tenant=\"acme\""), "{text}");
        for theirs in ["zeta", "canary", "sing", "refusals_total{"] {
            assert!(!text.contains(theirs), "{theirs}: {text}");
        }
    }
}

//! What a face needs for those who look after a host: drills and metrics.

use async_trait::async_trait;
use tollgate_runtime::{NewDrill, PlantedDrill, Principal, PrincipalKind};

use super::{OPERATORS, Refusal};

/// The group whose services may read the metrics.
const METRICS: &str = "metrics";

/// Oversight, as faces see it.
#[async_trait]
pub trait Oversight: Send + Sync + 'static {
    /// Plant a request that nobody should approve. An operator's.
    async fn plant_drill(&self, who: &Principal, new: NewDrill) -> Result<PlantedDrill, Refusal>;
    /// The metrics of the caller's tenant, as OpenMetrics text. An operator's, or a
    /// service's that collects them.
    async fn metrics(&self, who: &Principal) -> Result<String, Refusal>;
}

/// The attack: an agent reads from the metrics what others do, and when nobody looks.
pub(crate) fn may_read_metrics(who: &Principal) -> Result<(), Refusal> {
    let is_in = |group: &str| who.groups.iter().any(|one| one == group);
    let may = match who.kind {
        PrincipalKind::Person => is_in(OPERATORS),
        PrincipalKind::Service => is_in(METRICS),
        PrincipalKind::Agent => false,
    };
    if may {
        return Ok(());
    }
    Err(
        Refusal::new("not_allowed", "only an operator reads the metrics").with_hint(format!(
            "Use the token of a service in the group `{METRICS}`, or of a person in `{OPERATORS}`."
        )),
    )
}

//! The host's drills and metrics.

use async_trait::async_trait;
use tollgate_runtime::{Host, NewDrill, PlantedDrill, Principal};

use crate::gatekeeper::{Oversight, Refusal, may_read_metrics, must_be_operator};

#[async_trait]
impl Oversight for Host {
    async fn plant_drill(&self, who: &Principal, new: NewDrill) -> Result<PlantedDrill, Refusal> {
        must_be_operator(who, "plants drills")?;
        Ok(Host::plant_drill(self, who, new).await?)
    }

    /// Of the caller's own tenant: a face has no way to name another.
    async fn metrics(&self, who: &Principal) -> Result<String, Refusal> {
        may_read_metrics(who)?;
        Ok(Host::metrics(self, &who.tenant).await?)
    }
}

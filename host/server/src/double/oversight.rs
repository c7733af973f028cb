//! Drills and metrics of the double.

use async_trait::async_trait;
use tollgate_runtime::{NewDrill, PlantedDrill, Principal, PrincipalKind};

use super::{Double, principal};
use crate::gatekeeper::{Oversight, Refusal, may_read_metrics, must_be_operator};

/// A person who looks after the host.
pub(super) fn olga() -> Principal {
    Principal {
        groups: vec!["operators".into()],
        ..principal("olga", PrincipalKind::Person)
    }
}

/// A service that collects metrics.
pub(super) fn scraper() -> Principal {
    Principal {
        groups: vec!["metrics".into()],
        ..principal("scraper", PrincipalKind::Service)
    }
}

impl Double {
    /// The drills that were planted.
    pub(crate) fn drills(&self) -> Vec<NewDrill> {
        self.state().drills.clone()
    }
}

#[async_trait]
impl Oversight for Double {
    async fn plant_drill(&self, who: &Principal, new: NewDrill) -> Result<PlantedDrill, Refusal> {
        must_be_operator(who, "plants drills")?;
        self.state().drills.push(new);
        Ok(PlantedDrill {
            approval: "apr-1".into(),
            kind: "finance".into(),
            run: "run-1".into(),
            title: "Refund 900000 cents".into(),
            approvers: vec!["group:finance".into()],
            decide_by: "2099-01-01T00:00:00Z".into(),
        })
    }

    async fn metrics(&self, who: &Principal) -> Result<String, Refusal> {
        may_read_metrics(who)?;
        Ok(format!("# of {}\n# EOF\n", who.tenant))
    }
}

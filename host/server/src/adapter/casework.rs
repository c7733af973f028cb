//! The host's workflows and cases.

use async_trait::async_trait;
use tollgate_policy::workflow::Workflow;
use tollgate_runtime::{
    CaseClaim, CaseQuery, CaseReport, Host, NewCase, Principal, WorkflowError, WorkflowInfo,
    WorkflowPlan,
};

use crate::gatekeeper::{Casework, Refusal, must_be_operator};

/// What only an operator does.
const CHANGES: &str = "changes workflows";

/// How messages name a file that came over the wire.
const FILE: &str = "workflow.toml";

#[async_trait]
impl Casework for Host {
    async fn workflows(&self, who: &Principal) -> Result<Vec<WorkflowInfo>, Refusal> {
        Ok(Host::workflows(self, &who.tenant).await?)
    }

    async fn workflow(&self, who: &Principal, name: &str) -> Result<WorkflowInfo, Refusal> {
        Ok(Host::workflow(self, &who.tenant, name).await?)
    }

    async fn install_workflow(
        &self,
        who: &Principal,
        text: &str,
        dry_run: bool,
        unbind: bool,
    ) -> Result<WorkflowPlan, Refusal> {
        must_be_operator(who, CHANGES)?;
        let read = Workflow::parse(FILE, text).map_err(WorkflowError::from)?;
        // The attack: the operator of one tenant writes another one's name into the
        // file.
        if read.tenant != who.tenant {
            return Err(Refusal::new(
                "not_allowed",
                "the workflow names another tenant than yours",
            ));
        }
        Ok(match dry_run {
            true => Host::plan_workflow(self, FILE, text).await?,
            false => Host::install_workflow(self, FILE, text, &who.name, unbind).await?,
        })
    }

    async fn remove_workflow(
        &self,
        who: &Principal,
        name: &str,
        unbind: bool,
    ) -> Result<WorkflowPlan, Refusal> {
        must_be_operator(who, CHANGES)?;
        Ok(Host::remove_workflow(self, &who.tenant, name, &who.name, unbind).await?)
    }

    async fn open_case(&self, who: &Principal, new: NewCase) -> Result<CaseReport, Refusal> {
        Ok(Host::open_case(self, who, new).await?)
    }

    async fn cases(&self, who: &Principal, query: CaseQuery) -> Result<Vec<CaseReport>, Refusal> {
        Ok(Host::cases(self, who, &query).await?)
    }

    async fn case(&self, who: &Principal, case: &str) -> Result<CaseReport, Refusal> {
        Ok(Host::case(self, who, case).await?)
    }

    async fn close_case(
        &self,
        who: &Principal,
        case: &str,
        claim: CaseClaim,
    ) -> Result<CaseReport, Refusal> {
        Ok(Host::close_case(self, who, case, claim).await?)
    }
}

impl From<WorkflowError> for Refusal {
    fn from(error: WorkflowError) -> Self {
        let kind = match &error {
            WorkflowError::Unknown { .. } => "unknown_workflow",
            WorkflowError::Unbinds(_) => "unbinds",
            WorkflowError::Journal(_) => "unavailable",
            _ => "invalid_input",
        };
        Self::new(kind, error.to_string())
    }
}

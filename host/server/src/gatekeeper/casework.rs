//! What a face needs of workflows and cases.

use async_trait::async_trait;
use tollgate_runtime::{
    CaseClaim, CaseQuery, CaseReport, NewCase, Principal, PrincipalKind, WorkflowInfo, WorkflowPlan,
};

use super::Refusal;

/// The group whose persons install and remove workflows, plant drills and read the
/// metrics over HTTP.
pub(crate) const OPERATORS: &str = "operators";

/// Workflows and cases, as faces see them.
#[async_trait]
pub trait Casework: Send + Sync + 'static {
    /// The tenant's workflows.
    async fn workflows(&self, who: &Principal) -> Result<Vec<WorkflowInfo>, Refusal>;
    /// One workflow.
    async fn workflow(&self, who: &Principal, name: &str) -> Result<WorkflowInfo, Refusal>;
    /// Install a workflow in the caller's tenant, or with `dry_run` say what that
    /// would change. `unbind` lets agents out of their last workflow.
    async fn install_workflow(
        &self,
        who: &Principal,
        text: &str,
        dry_run: bool,
        unbind: bool,
    ) -> Result<WorkflowPlan, Refusal>;
    /// Remove a workflow of the caller's tenant.
    async fn remove_workflow(
        &self,
        who: &Principal,
        name: &str,
        unbind: bool,
    ) -> Result<WorkflowPlan, Refusal>;
    /// Open a case.
    async fn open_case(&self, who: &Principal, new: NewCase) -> Result<CaseReport, Refusal>;
    /// Cases that `who` may see, newest first.
    async fn cases(&self, who: &Principal, query: CaseQuery) -> Result<Vec<CaseReport>, Refusal>;
    /// One case, with its inputs and runs.
    async fn case(&self, who: &Principal, case: &str) -> Result<CaseReport, Refusal>;
    /// Say that a case is over.
    async fn close_case(
        &self,
        who: &Principal,
        case: &str,
        claim: CaseClaim,
    ) -> Result<CaseReport, Refusal>;
}

/// The attack: an agent, or a person who only approves, widens the boundary that the
/// agent works in, or learns of other people's work. `does` says what only an operator
/// does.
pub(crate) fn must_be_operator(who: &Principal, does: &str) -> Result<(), Refusal> {
    let is_operator = who.groups.iter().any(|group| group == OPERATORS);
    if who.kind == PrincipalKind::Person && is_operator {
        return Ok(());
    }
    Err(
        Refusal::new("not_allowed", format!("only an operator {does}")).with_hint(format!(
            "An operator is a person in the group `{OPERATORS}`, or whoever runs this host in its home."
        )),
    )
}

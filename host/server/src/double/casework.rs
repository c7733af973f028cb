//! Workflows and cases of the host in memory: one workflow, and the cases that tests
//! open in it.

use async_trait::async_trait;
use serde_json::Value;
use tollgate_runtime::{
    CaseClaim, CaseQuery, CaseReport, NewCase, Principal, WorkflowInfo, WorkflowPlan,
};

use super::Double;
use crate::gatekeeper::{Casework, Refusal, must_be_operator};

fn unknown(what: &str) -> Refusal {
    Refusal::new("unknown_case", format!("there is no {what}"))
}

fn plan(who: &Principal, digest: Option<&str>) -> WorkflowPlan {
    WorkflowPlan {
        name: "refunds".into(),
        tenant: who.tenant.clone(),
        digest: digest.map(str::to_owned),
        replaces: None,
        changes: vec![],
        unbinds: vec![],
        missing: vec![],
    }
}

#[async_trait]
impl Casework for Double {
    async fn workflows(&self, _: &Principal) -> Result<Vec<WorkflowInfo>, Refusal> {
        Ok(vec![])
    }

    async fn workflow(&self, _: &Principal, _: &str) -> Result<WorkflowInfo, Refusal> {
        Err(unknown("workflow"))
    }

    async fn install_workflow(
        &self,
        who: &Principal,
        _: &str,
        _: bool,
        _: bool,
    ) -> Result<WorkflowPlan, Refusal> {
        must_be_operator(who, "changes workflows")?;
        Ok(plan(who, Some("sha256:5f")))
    }

    async fn remove_workflow(
        &self,
        who: &Principal,
        _: &str,
        _: bool,
    ) -> Result<WorkflowPlan, Refusal> {
        must_be_operator(who, "changes workflows")?;
        Ok(plan(who, None))
    }

    async fn open_case(&self, who: &Principal, new: NewCase) -> Result<CaseReport, Refusal> {
        let case = CaseReport {
            case: new.case.unwrap_or_else(|| "case-1".into()),
            workflow: new.workflow,
            state: "open".into(),
            opened_by: who.name.clone(),
            started_by: "person".into(),
            opened: "2027-01-15T08:00:00.000Z".into(),
            due: "2027-01-22T08:00:00.000Z".into(),
            closed: None,
            runs: 0,
            done: 0,
            failures: 0,
            denials: 0,
            correct: None,
            why: None,
            note: None,
            inputs: Some(Value::Object(new.inputs)),
            claimed: None,
            trigger: new.trigger,
            context: new.context,
            run_list: vec![],
        };
        self.state().cases.push(case.clone());
        Ok(case)
    }

    async fn cases(&self, _: &Principal, _: CaseQuery) -> Result<Vec<CaseReport>, Refusal> {
        Ok(self.state().cases.clone())
    }

    async fn case(&self, _: &Principal, case: &str) -> Result<CaseReport, Refusal> {
        let state = self.state();
        let found = state.cases.iter().find(|known| known.case == case);
        found.cloned().ok_or_else(|| unknown("case"))
    }

    async fn close_case(
        &self,
        who: &Principal,
        case: &str,
        claim: CaseClaim,
    ) -> Result<CaseReport, Refusal> {
        self.case(who, case).await?;
        let mut state = self.state();
        let found = state.cases.iter_mut().find(|known| known.case == case);
        let found = found.ok_or_else(|| unknown("case"))?;
        found.state = claim.state;
        found.note = claim.note;
        Ok(found.clone())
    }
}

//! Opening a case, and entering one: counted in the store, so that no host and no
//! two callers at once get past what a case may have.

use serde_json::{Map, Value};
use tollgate_journal::Stage;
use tollgate_journal::Tenant;
use tollgate_policy::workflow::{Workflow, check_inputs};
use tollgate_store::{CaseRow, CaseState, Change, Rejected};

use super::Within;
use crate::api::{Principal, PrincipalKind};
use crate::error::{CallError, JournalFault};
use crate::host::Inner;
use crate::journal::Saying;
use crate::names;
use crate::runs::Run;

/// A case that is to be opened.
pub(super) struct Opening<'a> {
    pub(super) tenant: &'a Tenant,
    pub(super) case: &'a str,
    pub(super) subject: &'a str,
    pub(super) workflow: &'a Workflow,
    pub(super) by: &'a str,
    /// `person`, `agent` or `trigger:<name>`.
    pub(super) started_by: String,
    /// The typed inputs, which are trusted.
    pub(super) inputs: Map<String, Value>,
    /// What an agent says they are.
    pub(super) claimed: Option<Map<String, Value>>,
    /// What started it, in the words of who says so.
    pub(super) trigger: Option<&'a str>,
    /// Where what it is about can be read, in the same words.
    pub(super) context: Option<&'a str>,
    pub(super) single: bool,
}

/// What opens a case, and whether the workflow lets it.
pub(super) fn started_by(
    workflow: &Workflow,
    kind: PrincipalKind,
    trigger: Option<&str>,
) -> Result<String, CallError> {
    let starts = &workflow.starts;
    let (word, may) = match (trigger, kind) {
        (Some(name), _) => (
            format!("trigger:{name}"),
            starts.triggers.iter().any(|known| known == name),
        ),
        (None, PrincipalKind::Person) => ("person".to_owned(), starts.person),
        (None, _) => ("agent".to_owned(), starts.agent),
    };
    match may {
        true => Ok(word),
        false => Err(CallError::NotAllowed(format!(
            "a case of `{}` is not opened by {}; name one that is open",
            workflow.name,
            match word.as_str() {
                "person" => "a person",
                "agent" => "an agent",
                trigger => trigger,
            }
        ))),
    }
}

impl Inner {
    /// Count a run into its case, which is opened where this is its first.
    pub(crate) async fn enter_case(
        &self,
        who: &Principal,
        run: &Run,
        within: &Within,
    ) -> Result<(), CallError> {
        let enter = Change::EnterCase {
            case: run.case.clone(),
            at_ms: self.journal.now_ms(),
        };
        if within.case.is_none() {
            let opening = opening_of(who, run, within)?;
            match self.open_case(opening, vec![enter.clone()]).await {
                // Another call of the same case was faster.
                Err(fault) if matches!(fault.rejected(), Some(Rejected::CaseExists(_))) => {
                    let row = self.journal.store.case(&run.tenant, &run.case).await?;
                    if row.is_some_and(|row| row.workflow != within.workflow.name) {
                        return Err(CallError::NotAllowed(format!(
                            "the case `{}` is of another workflow",
                            run.case
                        )));
                    }
                }
                opened => return opened.map_err(CallError::from),
            }
        }
        let entered = self.journal.append(&run.tenant, Vec::new(), vec![enter]);
        let Err(fault) = entered.await else {
            return Ok(());
        };
        let Some(Rejected::CaseNotOpen { state, .. }) = fault.rejected() else {
            return Err(fault.into());
        };
        let state = *state;
        if state == CaseState::Open {
            self.stop_if_due(&run.tenant, &run.case).await;
        }
        Err(CallError::CaseClosed {
            case: run.case.clone(),
            state: match state {
                CaseState::Open => "stopped",
                ended => ended.as_str(),
            }
            .to_owned(),
        })
    }

    /// Record a case and what goes with it.
    pub(super) async fn open_case(
        &self,
        opening: Opening<'_>,
        more: Vec<Change>,
    ) -> Result<(), JournalFault> {
        let (tenant, workflow) = (opening.tenant, opening.workflow);
        let about = self.journal.about(
            tenant,
            opening.case,
            None,
            opening.by,
            Some(&workflow.name),
            opening.subject,
        );
        let about = about.await?;
        let now = self.journal.now_ms();
        let open_for = u64::try_from(workflow.stop.duration.as_millis()).unwrap_or(u64::MAX);
        let row = CaseRow {
            tenant: tenant.to_owned(),
            case: opening.case.to_owned(),
            workflow: workflow.name.clone(),
            state: CaseState::Open,
            opened_by: opening.by.to_owned(),
            started_by: opening.started_by.clone(),
            single: opening.single,
            opened_ms: now,
            due_ms: now.saturating_add(open_for),
            closed_ms: None,
            runs: 0,
            done: 0,
            failures: 0,
            denials: 0,
            runs_max: workflow.stop.runs,
            failures_max: workflow.stop.failures,
            denials_max: workflow.stop.denials,
        };
        let mut saying = Saying::new(Stage::CaseOpened)
            .fact("workflow", workflow.name.as_str())
            .fact("workflow_digest", workflow.digest().to_string())
            .fact("handoff", workflow.handoff.as_str())
            .fact("mode", workflow.mode.as_str())
            .fact("opened_by", opening.by)
            .fact("started_by", opening.started_by)
            .value("inputs", canonical(opening.inputs).into_bytes());
        if let Some(claimed) = opening.claimed {
            saying = saying.value("claimed", canonical(claimed).into_bytes());
        }
        for (name, words) in [("trigger", opening.trigger), ("context", opening.context)] {
            if let Some(words) = words {
                saying = saying.value(name, words.as_bytes().to_vec());
            }
        }
        let record = self.journal.record(&about, saying)?;
        let mut changes = vec![Change::OpenCase(Box::new(row))];
        changes.extend(more);
        self.journal.append(tenant, vec![record], changes).await
    }
}

/// The case that a call opens by being its first.
fn opening_of<'a>(
    who: &Principal,
    run: &'a Run,
    within: &'a Within,
) -> Result<Opening<'a>, CallError> {
    let workflow = within.workflow.as_ref();
    let trigger = within.trigger.as_deref();
    let started_by = started_by(workflow, who.kind, trigger)?;
    // A delivery was verified, and its values typed: those of the names that the
    // workflow has are the case's. What else the call has is its tool's.
    let mut given = Map::new();
    if trigger.is_some()
        && let Value::Object(fields) = &run.input
    {
        let named = fields
            .iter()
            .filter(|(name, _)| workflow.inputs.contains_key(*name));
        given.extend(named.map(|(name, value)| (name.clone(), value.clone())));
    }
    // Nothing that an agent says is trusted, so of an agent nothing is asked.
    let inputs = match (trigger, who.kind) {
        (None, PrincipalKind::Agent | PrincipalKind::Service) => Map::new(),
        _ => check_inputs(&workflow.inputs, &given).map_err(|fault| CallError::InvalidInput {
            pointer: format!("/{}", fault.name),
            message: match trigger {
                Some(_) => fault.to_string(),
                None => format!("{fault}; open the case with its inputs first"),
            },
        })?,
    };
    Ok(Opening {
        tenant: &run.tenant,
        case: &run.case,
        subject: &run.subject,
        workflow,
        by: &run.principal,
        started_by,
        inputs,
        claimed: None,
        trigger: run.trigger.as_deref(),
        context: run.context.as_deref(),
        single: run.case.starts_with(names::OWN_CASE),
    })
}

/// Inputs in their one form. They were read from JSON, or checked: they have one.
pub(super) fn canonical(inputs: Map<String, Value>) -> String {
    let inputs = Value::Object(inputs);
    tollgate_policy::canonical(&inputs).unwrap_or_else(|_| inputs.to_string())
}

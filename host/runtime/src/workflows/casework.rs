//! Cases as faces see them: opened, listed, looked at, and said to be over.

use std::sync::Arc;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use tollgate_journal::Stage;
use tollgate_policy::workflow::{Workflow, check_inputs, inputs_from_text};
use tollgate_store::{CaseFilter, CaseRow, CaseState, RecordFilter, Rejected, RunState};

use super::boundary::visible;
use super::ending::Ended;
use super::opening::{Opening, started_by};
use crate::api::{Principal, PrincipalKind};
use crate::connectors::closest;
use crate::error::CallError;
use crate::host::{Host, Inner};
use crate::names;
use crate::time::rfc3339;

/// Longest note on the end of a case, characters.
const NOTE_CHARS_MAX: usize = 2_000;

/// A case that somebody wants opened.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct NewCase {
    /// The workflow.
    pub workflow: String,
    /// Its name; the host gives one where there is none.
    #[serde(default)]
    pub case: Option<String>,
    /// Its inputs, each of the type that the workflow declares.
    #[serde(default)]
    pub inputs: Map<String, Value>,
    /// The same as texts, for who has nothing else. One of both.
    #[serde(default)]
    pub texts: Vec<(String, String)>,
    /// What started it.
    #[serde(default)]
    pub trigger: Option<String>,
    /// Where what it is about can be read: the address or the name of a ticket, a document, a
    /// conversation.
    #[serde(default)]
    pub context: Option<String>,
}

/// Which cases to list.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CaseQuery {
    /// In this state.
    #[serde(default)]
    pub state: Option<String>,
    /// Of this workflow.
    #[serde(default)]
    pub workflow: Option<String>,
}

/// What somebody says of the end of a case.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CaseClaim {
    /// `completed`, `failed`, `escalated`, and of a person `denied`.
    pub state: String,
    /// In words.
    #[serde(default)]
    pub note: Option<String>,
}

/// One case.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct CaseReport {
    /// Its name.
    pub case: String,
    /// Its workflow.
    pub workflow: String,
    /// Where it stands.
    pub state: String,
    /// Who opened it.
    pub opened_by: String,
    /// What opened it: `person`, `agent`, `trigger:<name>`.
    pub started_by: String,
    /// When, RFC 3339.
    pub opened: String,
    /// When it ends as expired, RFC 3339.
    pub due: String,
    /// When it ended, RFC 3339.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub closed: Option<String>,
    /// How many runs it had, how many of them were done, failed, were denied.
    pub runs: u64,
    /// See `runs`.
    pub done: u64,
    /// See `runs`.
    pub failures: u64,
    /// See `runs`.
    pub denials: u64,
    /// Whether its completion was found to be correct.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub correct: Option<bool>,
    /// Why it ended, in a word.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub why: Option<String>,
    /// The words of who ended it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub note: Option<String>,
    /// Its typed, trusted inputs. Of a single case only, not in lists.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub inputs: Option<Value>,
    /// What its agent says they are.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub claimed: Option<Value>,
    /// What started it, in the words of who said so.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub trigger: Option<String>,
    /// Where what it is about can be read, in the words of who said so.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub context: Option<String>,
    /// Its runs, oldest first.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub run_list: Vec<CaseRunReport>,
}

/// One run of a case.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct CaseRunReport {
    /// Its name.
    pub run: String,
    /// `connector.tool`.
    pub tool: String,
    /// Who asked for it.
    pub principal: String,
    /// How it ended, where it has.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub state: Option<String>,
}

impl CaseReport {
    fn of(row: &CaseRow) -> Self {
        Self {
            case: row.case.clone(),
            workflow: row.workflow.clone(),
            state: row.state.as_str().to_owned(),
            opened_by: row.opened_by.clone(),
            started_by: row.started_by.clone(),
            opened: rfc3339(row.opened_ms),
            due: rfc3339(row.due_ms),
            closed: row.closed_ms.map(rfc3339),
            runs: row.runs,
            done: row.done,
            failures: row.failures,
            denials: row.denials,
            correct: None,
            why: None,
            note: None,
            inputs: None,
            claimed: None,
            trigger: None,
            context: None,
            run_list: Vec::new(),
        }
    }
}

impl Host {
    /// Open a case. Of a person the inputs are trusted, of an agent they are its own
    /// words.
    ///
    /// # Errors
    ///
    /// When the workflow is not there for this caller, is not started so, an input
    /// does not fit, or there is a case of that name.
    pub async fn open_case(&self, who: &Principal, new: NewCase) -> Result<CaseReport, CallError> {
        self.inner().open_case_for(who, new).await
    }

    /// Cases of the caller's tenant, newest first; of an agent, those of its
    /// workflows.
    ///
    /// # Errors
    ///
    /// When the store cannot be read, or there is no such state.
    pub async fn cases(
        &self,
        who: &Principal,
        query: &CaseQuery,
    ) -> Result<Vec<CaseReport>, CallError> {
        let inner = self.inner();
        let filter = CaseFilter {
            state: query.state.as_deref().map(state_named).transpose()?,
            workflow: query.workflow.clone(),
        };
        let known = inner.workflows_of(&who.tenant).await?;
        let rows = inner.journal.store.cases(&who.tenant, &filter).await?;
        let seen = |row: &&CaseRow| {
            who.kind == PrincipalKind::Person
                || known.get(&row.workflow).is_some_and(|w| w.binds(&who.name))
        };
        Ok(rows.iter().filter(seen).map(CaseReport::of).collect())
    }

    /// One case, with its inputs and runs.
    ///
    /// # Errors
    ///
    /// When there is none of that name for this caller.
    pub async fn case(&self, who: &Principal, case: &str) -> Result<CaseReport, CallError> {
        let row = self.inner().case_for(who, case).await?;
        self.inner().case_report(&row).await
    }

    /// Say that a case is over. The host makes the workflow's read and records
    /// whether the completion is correct.
    ///
    /// # Errors
    ///
    /// When there is none of that name for this caller, it is over already, or a run
    /// of it is not.
    pub async fn close_case(
        &self,
        who: &Principal,
        case: &str,
        claim: CaseClaim,
    ) -> Result<CaseReport, CallError> {
        self.inner().close_case_for(who, case, claim).await
    }
}

impl Inner {
    async fn open_case_for(&self, who: &Principal, new: NewCase) -> Result<CaseReport, CallError> {
        let known = self.workflows_of(&who.tenant).await?;
        let sight = known.sight(who);
        let visible = visible(&known, who, &sight, None);
        let found = visible.iter().find(|one| one.name == new.workflow);
        let workflow = found.ok_or_else(|| CallError::UnknownWorkflow {
            name: new.workflow.clone(),
            suggestion: closest(&new.workflow, visible.iter().map(|one| one.name.clone())),
        })?;
        let started_by = started_by(workflow, who.kind, None)?;
        let given = taken(workflow, &new)?;
        let case = match new.case {
            Some(case) if names::is_givable(&case) => case,
            Some(case) => return Err(invalid("/case", format!("`{case}` can be no case's name"))),
            None => names::new_case(),
        };
        let words = format!(
            "{case} {} {} {}",
            super::opening::canonical(given.clone()),
            new.trigger.as_deref().unwrap_or_default(),
            new.context.as_deref().unwrap_or_default()
        );
        let scanner = self.backends.secrets.scanner();
        if let Some(found) = scanner.find(&who.tenant, words.as_bytes()) {
            return Err(invalid(
                "",
                format!("the case has {found} in it; leave it out"),
            ));
        }
        let (inputs, claimed) = match who.kind {
            PrincipalKind::Person => (given, None),
            PrincipalKind::Agent | PrincipalKind::Service => (Map::new(), Some(given)),
        };
        let opening = Opening {
            tenant: &who.tenant,
            case: &case,
            subject: &format!("case:{case}"),
            workflow,
            by: &who.name,
            started_by,
            inputs,
            claimed,
            trigger: new.trigger.as_deref(),
            context: new.context.as_deref(),
            single: false,
        };
        self.open_case(opening, Vec::new())
            .await
            .map_err(|fault| match fault.rejected() {
                Some(Rejected::CaseExists(case)) => {
                    CallError::NotAllowed(format!("there is a case `{case}` already"))
                }
                _ => fault.into(),
            })?;
        let row = self.case_for(who, &case).await?;
        self.case_report(&row).await
    }

    async fn case_for(&self, who: &Principal, case: &str) -> Result<CaseRow, CallError> {
        let known = self.workflows_of(&who.tenant).await?;
        let row = self.journal.store.case(&who.tenant, case).await?;
        row.filter(|row| {
            who.kind == PrincipalKind::Person
                || known.get(&row.workflow).is_some_and(|w| w.binds(&who.name))
        })
        .ok_or_else(|| CallError::UnknownCase(case.to_owned()))
    }

    async fn case_report(&self, row: &CaseRow) -> Result<CaseReport, CallError> {
        let mut report = CaseReport::of(row);
        if let Some(opened) = self.case_record(row, Stage::CaseOpened).await? {
            report.inputs = opened.json("inputs");
            report.claimed = opened.json("claimed");
            report.trigger = opened.text("trigger").map(str::to_owned);
            report.context = opened.text("context").map(str::to_owned);
        }
        if let Some(closed) = self.case_record(row, Stage::CaseClosed).await? {
            report.correct = closed.leaf.facts.get("correct").and_then(Value::as_bool);
            report.why = closed.fact("why").map(str::to_owned);
            report.note = closed.text("note").map(str::to_owned);
        }
        report.run_list = self.runs_of_case(row).await?;
        Ok(report)
    }

    async fn runs_of_case(&self, row: &CaseRow) -> Result<Vec<CaseRunReport>, CallError> {
        let of = |stage| RecordFilter {
            case: Some(row.case.clone()),
            stage: Some(stage),
            leaves_only: true,
            ..RecordFilter::default()
        };
        let closed = self
            .journal
            .read(&row.tenant, &of(Stage::RunClosed))
            .await?;
        let opened = self
            .journal
            .read(&row.tenant, &of(Stage::RunOpened))
            .await?;
        let state = |run: &str| {
            let closed = closed
                .iter()
                .rfind(|one| one.leaf.run.as_deref() == Some(run))?;
            closed.fact("state").map(str::to_owned)
        };
        Ok(opened
            .iter()
            .map(|one| {
                let run = one.leaf.run.clone().unwrap_or_default();
                let fact = |name| one.fact(name).unwrap_or_default();
                CaseRunReport {
                    tool: format!("{}.{}", fact("connector"), fact("tool")),
                    principal: one.leaf.principal.clone(),
                    state: state(&run),
                    run,
                }
            })
            .collect())
    }

    async fn close_case_for(
        self: &Arc<Self>,
        who: &Principal,
        case: &str,
        claim: CaseClaim,
    ) -> Result<CaseReport, CallError> {
        let row = self.case_for(who, case).await?;
        let claimed = state_named(&claim.state)?;
        let may = match claimed {
            CaseState::Completed | CaseState::Failed | CaseState::Escalated => true,
            // An agent's no is a failure of its own, not a person's decision.
            CaseState::Denied => who.kind == PrincipalKind::Person,
            _ => false,
        };
        if !may {
            let message = format!("nobody can say that a case is {}", claim.state);
            return Err(invalid("/state", message));
        }
        if row.state != CaseState::Open {
            return Err(over(&row));
        }
        self.has_no_run_left(&row).await?;
        let note = claim
            .note
            .as_deref()
            .map(str::trim)
            .filter(|note| !note.is_empty());
        let note: Option<String> = note.map(|note| note.chars().take(NOTE_CHARS_MAX).collect());
        let scanner = self.backends.secrets.scanner();
        let words = note.as_deref().unwrap_or_default();
        if let Some(found) = scanner.find(&row.tenant, words.as_bytes()) {
            return Err(invalid(
                "/note",
                format!("the note has {found} in it; leave it out"),
            ));
        }
        let (state, why) = settled(claimed, &row);
        let correct = match state {
            CaseState::Completed => self.is_correct(&row).await,
            _ => None,
        };
        let ended = Ended {
            state,
            why,
            by: &who.name,
            note,
            correct,
        };
        let row = match self.end_case(&row, ended).await? {
            true => self.case_for(who, case).await?,
            false => return Err(over(&self.case_for(who, case).await?)),
        };
        self.case_report(&row).await
    }

    /// A case whose run waits for a person, or may have happened, is not over.
    async fn has_no_run_left(&self, row: &CaseRow) -> Result<(), CallError> {
        let going = [RunState::Open, RunState::Held, RunState::InDoubt];
        let runs = self.journal.store.runs(&row.tenant, &going).await?;
        match runs.iter().find(|run| run.case == row.case) {
            None => Ok(()),
            Some(run) => Err(CallError::NotAllowed(format!(
                "the run {} of this case is {}; the case ends after it",
                run.run,
                run.state.as_str()
            ))),
        }
    }
}

/// What a claim comes to. The attack: an agent whose calls were all refused says
/// that it is done, and the figures look well.
fn settled(claimed: CaseState, row: &CaseRow) -> (CaseState, &'static str) {
    match claimed {
        CaseState::Completed if row.done == 0 && row.denials > 0 => (CaseState::Denied, "denials"),
        CaseState::Completed if row.done == 0 && row.failures > 0 => {
            (CaseState::Failed, "failures")
        }
        claimed => (claimed, "said"),
    }
}

fn taken(workflow: &Workflow, new: &NewCase) -> Result<Map<String, Value>, CallError> {
    let inputs = match new.texts.is_empty() {
        true => check_inputs(&workflow.inputs, &new.inputs),
        false if new.inputs.is_empty() => {
            let texts = new.texts.iter();
            let texts = texts.map(|(name, text)| (name.as_str(), text.as_str()));
            inputs_from_text(&workflow.inputs, texts)
        }
        false => return Err(invalid("/texts", "give the inputs once")),
    };
    inputs.map_err(|fault| invalid(&format!("/inputs/{}", fault.name), fault.to_string()))
}

fn state_named(word: &str) -> Result<CaseState, CallError> {
    word.parse().map_err(|_| {
        let known: Vec<&str> = CaseState::ALL.iter().map(|state| state.as_str()).collect();
        let message = format!(
            "there is no state `{}` of a case; write one of {}",
            tollgate_policy::visible(word),
            known.join(", ")
        );
        invalid("/state", message)
    })
}

fn over(row: &CaseRow) -> CallError {
    CallError::CaseClosed {
        case: row.case.clone(),
        state: row.state.as_str().to_owned(),
    }
}

fn invalid(pointer: &str, message: impl Into<String>) -> CallError {
    CallError::InvalidInput {
        pointer: pointer.to_owned(),
        message: message.into(),
    }
}

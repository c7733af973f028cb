//! Runs: one tool call each, from the agent's request to its answer, across
//! holds, crashes and restarts.
//!
//! `open` turns a request into a run, `execute` carries one through the sandbox
//! and records what came of it, `resume` rebuilds one from its journal, `live`
//! knows which this process works on so that a repeated request finds the first
//! one, `lease` is a host's hold on one, `elsewhere` waits for other hosts, and
//! `replay` re-executes a past one with no effect.

mod drill;
mod edit;
mod elsewhere;
mod execute;
mod input;
mod lease;
mod live;
mod open;
mod provenance;
mod refused;
mod replay;
mod resume;
mod screen;

use std::sync::{Arc, OnceLock};

use serde_json::Value;
use tollgate_journal::{Closing, Tenant};
use tollgate_policy::{Digest, Manifest, ToolDecl};
use tollgate_store::{CaseRun, Change, RunRow, RunState};

pub(crate) use elsewhere::POLL;
pub(crate) use execute::{End, Start, ended};
pub(crate) use lease::{LEASE, Lease, awake_ms};
pub(crate) use live::{CASE_KEY, EDIT_KEY, Live, UNDO_KEY};
pub(crate) use open::Request;
pub(crate) use provenance::Read;
pub(crate) use resume::{Rebuilt, closing, opening, public, state_named};

use crate::names::OWN_CASE;
use crate::triggers::HOOK;

/// One tool call. Fixed when it opens; rebuilt from the journal to go on.
pub(crate) struct Run {
    pub(crate) tenant: Tenant,
    pub(crate) case: String,
    pub(crate) run: String,
    pub(crate) principal: String,
    pub(crate) workflow: Option<String>,
    pub(crate) connector: String,
    pub(crate) tool: Arc<ToolDecl>,
    pub(crate) tool_digest: Digest,
    pub(crate) component: Digest,
    pub(crate) manifest_digest: Digest,
    pub(crate) opened_under: Arc<Manifest>,
    pub(crate) input: Value,
    /// Canonical; what the guest gets.
    pub(crate) input_text: String,
    pub(crate) input_digest: Digest,
    pub(crate) request_key: Option<String>,
    pub(crate) reason: Option<String>,
    pub(crate) trigger: Option<String>,
    pub(crate) context: Option<String>,
    pub(crate) subject: String,
    /// The run that this one takes back, and how.
    pub(crate) undoes: Option<Undoes>,
    /// The held run whose input people changed to this one's.
    pub(crate) edits: Option<Edits>,
    pub(crate) opened_ms: u64,
    /// When the store was asked for the same request, as [`RunRow::looked_at`].
    pub(crate) looked_at: Option<u64>,
    /// [`Run::same`], once it was asked for.
    pub(crate) same: OnceLock<String>,
}

/// How a run takes another one back.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Undoes {
    pub(crate) run: String,
    /// By the host, which puts back captured values, instead of by the
    /// connector's inverse tool.
    pub(crate) by_host: bool,
    /// Member by member where the whole is not what was left any more.
    pub(crate) fields: bool,
    /// By a tool that leaves a trace: a person is always asked.
    pub(crate) compensates: bool,
}

/// Where a run's input comes from that people changed while another run was held.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Edits {
    pub(crate) run: String,
    /// Everybody who changed it since somebody asked, the last one last.
    pub(crate) authors: Vec<String>,
}

impl Run {
    /// Who wrote the input beside the requester.
    pub(crate) fn authors(&self) -> &[String] {
        self.edits.as_ref().map_or(&[], |edits| &edits.authors)
    }

    /// Digest of what a denial stands for: the same case, tool and input, whoever
    /// asks. Calls without a case of their own are all of one kind: a new name for
    /// each would make every denial worthless.
    pub(crate) fn asked(&self) -> String {
        let input = self.input_digest.to_string();
        let parts = [
            self.named_case().unwrap_or_default(),
            &self.connector,
            &self.tool.name,
            &input,
        ];
        Digest::of(serde_json::json!(parts).to_string().as_bytes()).to_string()
    }

    /// Whether a verified delivery opened it: kept from its opening on, whatever
    /// it does.
    pub(crate) fn is_triggered(&self) -> bool {
        let key = self.request_key.as_deref();
        key.is_some_and(|key| key.starts_with(HOOK))
    }

    /// Whether the host itself asked for it: only it can make such keys.
    pub(crate) fn is_of_host(&self) -> bool {
        let key = self.request_key.as_deref();
        key.is_some_and(|key| key.starts_with(CASE_KEY))
    }

    /// The caller's own name for the case, where it gave one.
    pub(crate) fn named_case(&self) -> Option<&str> {
        (!self.case.starts_with(OWN_CASE)).then_some(self.case.as_str())
    }

    /// Digest of what makes two requests the same: who asks for what in which
    /// case, by the caller's key where it gives one, else by the input. Undoing a
    /// run is one thing, whoever asks for it; only the host makes such keys.
    /// Computed once: a run is entered and left under it, and its row has it.
    pub(crate) fn same(&self) -> &str {
        self.same.get_or_init(|| self.digest_of_same())
    }

    fn digest_of_same(&self) -> String {
        let key = self.request_key.as_deref();
        let by_anybody = key.is_some_and(|key| key.starts_with(UNDO_KEY));
        let principal = if by_anybody { "" } else { &self.principal };
        let input = self.input_digest.to_string();
        let (kind, what) = key.map_or(("input", input.as_str()), |key| ("key", key));
        let parts = [
            principal,
            self.named_case().unwrap_or_default(),
            &self.connector,
            &self.tool.name,
            kind,
            what,
        ];
        Digest::of(serde_json::json!(parts).to_string().as_bytes()).to_string()
    }

    /// What finds the run by its end.
    pub(crate) fn closing(&self, state: crate::api::RunState) -> Closing {
        Closing {
            tool: format!("{}.{}", self.connector, self.tool.name),
            outcome: state.as_str().to_owned(),
            workflow: self.workflow.clone(),
        }
    }

    /// What its end adds to its case. Taking back, and what the host asks for, are no
    /// work of the case.
    pub(crate) fn leaving(&self, state: crate::api::RunState) -> Option<Change> {
        let counted = self.workflow.is_some() && self.undoes.is_none() && !self.is_of_host();
        counted.then(|| Change::LeaveCase {
            case: self.case.clone(),
            run: match state {
                crate::api::RunState::Done => CaseRun::Done,
                crate::api::RunState::Denied => CaseRun::Denied,
                _ => CaseRun::Failed,
            },
        })
    }

    /// The row that stands for the run beside the journal.
    pub(crate) fn row(&self, state: RunState, approval: Option<String>, now: u64) -> RunRow {
        RunRow {
            tenant: self.tenant.clone(),
            run: self.run.clone(),
            case: self.case.clone(),
            workflow: self.workflow.clone(),
            principal: self.principal.clone(),
            connector: self.connector.clone(),
            tool: self.tool.name.clone(),
            manifest_digest: self.manifest_digest.to_string(),
            component: self.component.to_string(),
            input_digest: self.input_digest.to_string(),
            request_key: self.request_key.clone(),
            same: self.same().to_owned(),
            looked_at: self.looked_at,
            state,
            approval,
            opened_ms: self.opened_ms,
            updated_ms: now,
            lease_owner: None,
            lease_until_ms: 0,
            lease_token: 0,
            sealed: None,
        }
    }
}

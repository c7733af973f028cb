//! From a request to a run: whatever can be refused without starting a guest is
//! refused here.

use std::future::Future;
use std::panic::AssertUnwindSafe;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use futures_util::FutureExt as _;
use serde_json::Value;
use tollgate_journal::{Prepared, Stage, Tenant};
use tollgate_policy::{CanonicalError, CaseFacts, Outcome, ToolFacts, canonical};
use tollgate_store::{RecordFilter, RunState as StoredState};

use super::execute::Start;
use super::live::Found;
use super::{CASE_KEY, Lease, Run, Undoes};
use crate::api::{Failure, Principal, RunReport, RunState, ToolCall};
use crate::connectors::{Installed, Tool, closest};
use crate::error::{CallError, JournalFault};
use crate::failure::FailureKind;
use crate::host::Inner;
use crate::journal::{About, Saying};
use crate::triggers::Accepted;
use crate::workflows::Within;
use crate::{names, time};

/// A tool call that is to become a run.
pub(crate) struct Request {
    pub(crate) call: ToolCall,
    pub(crate) undoes: Option<Undoes>,
    /// Told when the run is durable, where somebody wants to know before its end.
    pub(crate) accepted: Option<Accepted>,
}

/// Who waits for the run to be durable, and the case that it is counted into.
type Entry = (Option<Accepted>, Option<(Principal, Within)>);

impl Inner {
    /// Call a tool and go on until it is done, held or refused.
    pub(crate) async fn call(
        self: &Arc<Self>,
        who: &Principal,
        mut request: Request,
    ) -> Result<RunReport, CallError> {
        let accepted = request.accepted.take();
        // Before anything is looked for: what is outside is not there for its caller.
        let within = match request.undoes.is_some() || is_of_host(&request.call) {
            true => None,
            false => self.within(who, &request.call).await?,
        };
        if let Some(within) = &within {
            request.call.workflow = Some(within.workflow.name.clone());
        }
        let connector = &request.call.connector;
        let installed = self
            .connectors
            .get(&who.tenant, connector)
            .ok_or_else(|| self.unknown(who, &request.call))?;
        let tool = installed
            .tool(&request.call.tool)
            .ok_or_else(|| self.unknown(who, &request.call))?;
        self.carries_no_secret(who, &request.call)?;
        let mut run = self.identify(who, request, &installed, tool)?;
        let lease = match self.live.enter(&run) {
            Found::New(lease) => lease,
            Found::First(first) => {
                return self.first_of_here(&run.tenant, &first, accepted).await;
            }
            Found::KeyReused => {
                let key = run.request_key.clone().unwrap_or_default();
                return Err(CallError::KeyReused(key));
            }
        };
        // Entered first, so that of two callers in this process one finds the other.
        match self.first_of(&mut run).await {
            Ok(None) => {
                let entry = within.map(|within| (who.clone(), within));
                self.carry(Arc::new(run), installed, lease, (accepted, entry))
                    .await
            }
            Ok(Some(first)) => {
                self.live.leave(&run);
                if let Some(accepted) = accepted
                    && first.input_digest == run.input_digest.to_string()
                {
                    accepted.tell(&first.run, true);
                }
                self.repeated(&run, &first.run, &first.input_digest).await
            }
            Err(error) => {
                self.live.leave(&run);
                Err(error)
            }
        }
    }

    /// What the first run of a repeated request came to, which this process works
    /// on. One without a row may still come to nothing, and is no promise.
    async fn first_of_here(
        &self,
        tenant: &Tenant,
        first: &str,
        mut accepted: Option<Accepted>,
    ) -> Result<RunReport, CallError> {
        if accepted.is_some()
            && self.journal.store.run(tenant, first).await?.is_some()
            && let Some(accepted) = accepted.take()
        {
            accepted.tell(first, true);
        }
        self.live.settled(first).await;
        let report = self.settled_elsewhere(tenant, first).await?;
        if let Some(accepted) = accepted.filter(|_| report.state != RunState::Open) {
            accepted.tell(first, true);
        }
        Ok(report)
    }

    /// Carry an entered run on a task of its own: a caller that goes away does
    /// not stop it in the middle.
    pub(crate) async fn carry(
        self: &Arc<Self>,
        run: Arc<Run>,
        installed: Arc<Installed>,
        lease: Arc<Lease>,
        entry: Entry,
    ) -> Result<RunReport, CallError> {
        let inner = Arc::clone(self);
        let work = tokio::spawn(async move {
            let report = unpanicked(inner.opened(&run, &installed, &lease, entry)).await;
            inner.live.leave(&run);
            // A row that nobody works on: the end of the run, or that it is held,
            // could not be recorded.
            if lease.is_open() {
                inner.strand_for(&run.tenant, &run.run, lease.paused_for());
            }
            inner.changed();
            report
        });
        work.await
            .unwrap_or_else(|stopped| Err(CallError::Connector(stopped.to_string())))
    }

    async fn opened(
        self: &Arc<Self>,
        run: &Arc<Run>,
        installed: &Arc<Installed>,
        lease: &Arc<Lease>,
        (accepted, entry): Entry,
    ) -> Result<RunReport, CallError> {
        if let Some((who, within)) = &entry {
            self.enter_case(who, run, within).await?;
        }
        let boundary = self.boundary(run).await?;
        let about = self.about(run).await?;
        let opening = self.opening(run, &about).await?;
        if let Some(undoes) = &run.undoes
            && let Some(row) = self.journal.store.run(&run.tenant, &undoes.run).await?
            && row.state == StoredState::Undone
        {
            return Err(CallError::NotAllowed(
                "the run was taken back already".to_owned(),
            ));
        }
        let by_host = run.undoes.as_ref().is_some_and(|undoes| undoes.by_host);
        let case = self.case_facts(run, &installed.manifest).await?;
        if !by_host && let Some(failure) = tool_denied(run, installed, case.as_ref()) {
            return self.deny_tool(run, &about, opening, failure).await;
        }
        let start = Start {
            about,
            opening,
            recorded: Vec::new(),
            same_engine: true,
            approval: None,
            denial: None,
            committed: false,
            known: false,
            accepted,
            case,
            boundary,
        };
        self.execute(run, installed, start, lease).await
    }

    /// Everything about a run, with the key its values are sealed under.
    pub(crate) async fn about(&self, run: &Run) -> Result<About, JournalFault> {
        self.journal
            .about(
                &run.tenant,
                &run.case,
                Some(&run.run),
                &run.principal,
                run.workflow.as_deref(),
                &run.subject,
            )
            .await
    }

    pub(crate) fn unknown(&self, who: &Principal, call: &ToolCall) -> CallError {
        let name = format!("{}.{}", call.connector, call.tool);
        let known = self.connectors.of(&who.tenant);
        let names = known.iter().flat_map(|installed| {
            let connector = installed.manifest.connector.as_str();
            installed
                .tools
                .iter()
                .filter(|tool| self.sees(who, connector, &tool.decl.name))
                .map(move |tool| format!("{connector}.{}", tool.decl.name))
        });
        CallError::UnknownTool {
            suggestion: closest(&name, names),
            name,
        }
    }

    /// The attack: an agent that learnt a secret elsewhere has it recorded in the
    /// clear, shown on cards, or written where others read.
    pub(super) fn carries_no_secret(
        &self,
        who: &Principal,
        call: &ToolCall,
    ) -> Result<(), CallError> {
        let input = call.input.to_string();
        let words = [
            ("the input", Some(&input)),
            ("`case`", call.case.as_ref()),
            ("`workflow`", call.workflow.as_ref()),
            ("`trigger`", call.trigger.as_ref()),
            ("`reason`", call.reason.as_ref()),
            ("`request_key`", call.request_key.as_ref()),
            ("`subject`", call.subject.as_ref()),
        ];
        let scanner = self.backends.secrets.scanner();
        for (what, words) in words {
            let words = words.map_or("", String::as_str);
            if let Some(found) = scanner.find(&who.tenant, words.as_bytes()) {
                return Err(CallError::InvalidInput {
                    pointer: String::new(),
                    message: format!(
                        "{what} has {found} in it; the host puts secrets in by itself, leave it out"
                    ),
                });
            }
        }
        Ok(())
    }

    fn identify(
        &self,
        who: &Principal,
        request: Request,
        installed: &Installed,
        tool: &Tool,
    ) -> Result<Run, CallError> {
        let Request { call, undoes, .. } = request;
        let input_text = input(&call.input, installed, tool)?;
        for (name, given) in [
            ("case", &call.case),
            ("workflow", &call.workflow),
            ("request_key", &call.request_key),
            ("subject", &call.subject),
        ] {
            // The host names the case of a single call as it is named.
            if !is_of_host(&call)
                && given
                    .as_deref()
                    .is_some_and(|given| !names::is_givable(given))
            {
                return Err(CallError::InvalidInput {
                    pointer: String::new(),
                    message: format!(
                        "`{name}` is 1 to {} printable characters without quotes, and does not begin with `{}`",
                        names::GIVEN_BYTES_MAX,
                        names::OWN_CASE,
                    ),
                });
            }
        }
        let opened_ms = self.journal.now_ms();
        let case = call.case.unwrap_or_else(names::own_case);
        Ok(Run {
            tenant: who.tenant.clone(),
            subject: match &call.subject {
                Some(subject) => self.journal.subject_label(&who.tenant, subject),
                None if case.starts_with(names::OWN_CASE) => {
                    format!("day:{}", time::day(opened_ms))
                }
                None => format!("case:{case}"),
            },
            case,
            run: names::run(),
            principal: who.name.clone(),
            workflow: call.workflow,
            connector: call.connector,
            tool: Arc::clone(&tool.decl),
            tool_digest: tool.digest,
            component: installed.manifest.component,
            manifest_digest: installed.manifest_digest,
            opened_under: Arc::clone(&installed.manifest),
            input_digest: tollgate_policy::Digest::of(input_text.as_bytes()),
            // What rules and cards see is what the guest gets, to the letter.
            input: serde_json::from_str(&input_text).unwrap_or(call.input),
            input_text,
            request_key: call.request_key,
            reason: call.reason,
            trigger: call.trigger,
            undoes,
            edits: None,
            opened_ms,
            looked_at: None,
            same: OnceLock::new(),
        })
    }

    /// The records a run begins with.
    pub(crate) async fn opening(
        &self,
        run: &Run,
        about: &About,
    ) -> Result<Vec<Prepared>, JournalFault> {
        let mut records = Vec::new();
        // The case of a workflow has its record from when it was opened.
        if let Some(case) = run.named_case().filter(|_| run.workflow.is_none())
            && self.is_new_case(&run.tenant, case).await?
        {
            let mut saying = Saying::new(Stage::CaseOpened);
            if let Some(trigger) = &run.trigger {
                saying = saying.value("trigger", trigger.clone().into_bytes());
            }
            let mut about = about.clone();
            about.run = None;
            records.push(self.journal.record(&about, saying)?);
        }
        let mut saying = Saying::new(Stage::RunOpened)
            .fact("connector", run.connector.as_str())
            .fact("tool", run.tool.name.as_str())
            .fact("manifest", run.manifest_digest.to_string())
            .fact("component", run.component.to_string())
            .fact("engine", self.sandbox.fingerprint())
            .maybe("request_key", run.request_key.as_deref())
            .value("input", run.input_text.clone().into_bytes());
        if let Some(undoes) = &run.undoes {
            saying = saying
                .fact("undoes", undoes.run.as_str())
                .fact("by_host", undoes.by_host)
                .maybe("fields", undoes.fields.then_some(true))
                .maybe("compensates", undoes.compensates.then_some(true));
        }
        if let Some(edits) = &run.edits {
            saying = saying
                .fact("edits", edits.run.as_str())
                .fact("edited_by", edits.authors.clone());
        }
        for (name, words) in [("reason", &run.reason), ("trigger", &run.trigger)] {
            if let Some(words) = words {
                saying = saying.value(name, words.clone().into_bytes());
            }
        }
        records.push(self.journal.record(about, saying)?);
        Ok(records)
    }

    async fn is_new_case(&self, tenant: &Tenant, case: &str) -> Result<bool, JournalFault> {
        if !self.cases.first_seen(tenant, case) {
            return Ok(false);
        }
        let filter = RecordFilter {
            case: Some(case.to_owned()),
            limit: Some(1),
            ..RecordFilter::default()
        };
        let found = self.journal.store.records(tenant, &filter).await?;
        Ok(found.is_empty())
    }

    async fn deny_tool(
        self: &Arc<Self>,
        run: &Arc<Run>,
        about: &About,
        mut records: Vec<Prepared>,
        failure: (Option<String>, Failure),
    ) -> Result<RunReport, CallError> {
        let (rule, failure) = failure;
        let denied = Saying::new(Stage::CallDenied)
            .fact("call", format!("{}.{}", run.connector, run.tool.name))
            .maybe("rule", rule.as_deref());
        records.push(self.journal.record(about, denied)?);
        let closing = run.closing(RunState::Denied);
        let closed = Saying::new(Stage::RunClosed)
            .fact("tool", closing.tool.as_str())
            .fact("state", closing.outcome.as_str())
            .json("failure", &serde_json::json!(failure));
        let filing = match FailureKind::Denied.class() {
            Some(class) => self.filing_of(class, run).await?,
            None => None,
        };
        let closed = match &filing {
            Some(filing) => filing.facts(closed),
            None => closed,
        };
        let mut closed = self.journal.record(about, closed)?;
        closed.closing = Some(closing);
        let (hash, now) = (closed.hash, self.journal.now_ms());
        let changes = filing.map(|filing| filing.changes(&**run, hash, now));
        records.push(closed);
        let mut changes = changes.unwrap_or_default();
        changes.extend(run.leaving(RunState::Denied));
        self.journal.append(&run.tenant, records, changes).await?;
        self.settle_case(run, RunState::Denied).await;
        let denied = Ok(RunReport {
            failure: Some(failure),
            ..RunReport::of(run, RunState::Denied)
        });
        self.counted(run, &denied, Duration::ZERO, 0);
        denied
    }
}

/// Whether the host itself asks.
fn is_of_host(call: &ToolCall) -> bool {
    let key = call.request_key.as_deref();
    key.is_some_and(|key| key.starts_with(CASE_KEY))
}

/// A run's work; a panic in it is a fault of this program, and must leave the
/// run where others find it.
pub(super) async fn unpanicked<T>(
    work: impl Future<Output = Result<T, CallError>>,
) -> Result<T, CallError> {
    AssertUnwindSafe(work)
        .catch_unwind()
        .await
        .unwrap_or_else(|_| {
            tracing::error!("a run's work panicked");
            Err(CallError::Connector(
                "a fault in this program; its log says where".to_owned(),
            ))
        })
}

/// Canonical input that fits the tool's schema, or why not.
pub(super) fn input(
    value: &Value,
    installed: &Installed,
    tool: &Tool,
) -> Result<String, CallError> {
    let text = canonical(value).map_err(|error| CallError::InvalidInput {
        pointer: pointer(&error),
        message: error.to_string(),
    })?;
    let limit = installed.manifest.limits.input_bytes;
    if text.len() as u64 > limit {
        return Err(CallError::InvalidInput {
            pointer: String::new(),
            message: format!("the input has {} bytes, the limit is {limit}", text.len()),
        });
    }
    if tool.input.is_valid(value) {
        return Ok(text);
    }
    match tool.input.iter_errors(value).next() {
        None => Ok(text),
        Some(error) => Err(CallError::InvalidInput {
            pointer: error.instance_path().to_string(),
            message: format!("the input does not fit the schema: {error}"),
        }),
    }
}

fn pointer(error: &CanonicalError) -> String {
    match error {
        CanonicalError::InexactNumber { pointer, .. }
        | CanonicalError::DuplicateKey { pointer }
        | CanonicalError::TooDeep { pointer, .. } => pointer.clone(),
        _ => String::new(),
    }
}

/// Why the tool may not be called at all, where a rule denies it or none allows
/// it.
pub(super) fn tool_denied(
    run: &Run,
    installed: &Installed,
    case: Option<&CaseFacts>,
) -> Option<(Option<String>, Failure)> {
    // The attack: an agent that removes what others made, by the tool that is there
    // to remove what its own call made.
    if run.tool.terms.undo_only && run.undoes.is_none() {
        let failure = Failure {
            kind: "denied".into(),
            message: format!(
                "`{}` only takes another call back, and is not called by itself",
                run.tool.name
            ),
            hint: Some("take the run back: `tollgate undo RUN`".into()),
            pointer: None,
        };
        return Some((None, failure));
    }
    let manifest = &installed.manifest;
    let decision = manifest.compiled.decide_tool(&ToolFacts {
        tool: &run.tool.name,
        input: &run.input,
        workflow: run.workflow.as_deref(),
        principal: &run.principal,
        undo: run.undoes.is_some(),
        case,
    });
    if decision.outcome != Outcome::Deny {
        return None;
    }
    let rule = decision.rule.and_then(|index| manifest.rules.get(index));
    let failure = Failure {
        kind: FailureKind::Denied.as_str().to_owned(),
        message: match rule {
            Some(rule) => rule
                .reason
                .clone()
                .unwrap_or_else(|| format!("the rule `{}` denies this call", rule.name)),
            None => format!("no rule allows `{}` with this input", run.tool.name),
        },
        hint: rule.is_none().then(|| {
            format!(
                "an operator can allow it with [[rule]] tool = \"{}\", then = \"allow\"",
                run.tool.name
            )
        }),
        pointer: None,
    };
    Some((rule.map(|rule| rule.name.clone()), failure))
}

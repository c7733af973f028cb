//! From a request to a run: whatever can be refused without starting a guest is
//! refused here.

use std::future::Future;
use std::panic::AssertUnwindSafe;
use std::sync::{Arc, OnceLock};

use futures_util::FutureExt as _;
use tollgate_journal::{Prepared, Stage, Tenant};
use tollgate_store::{RecordFilter, RunState as StoredState};

use super::execute::Start;
use super::input::input;
use super::live::Found;
use super::refused::tool_denied;
use super::{CASE_KEY, Lease, Run, Undoes};
use crate::api::{Principal, RunReport, RunState, ToolCall};
use crate::connectors::{Installed, Tool, closest};
use crate::error::{CallError, JournalFault};
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
            context: call.context,
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
            for (name, words) in [("trigger", &run.trigger), ("context", &run.context)] {
                if let Some(words) = words {
                    saying = saying.value(name, words.clone().into_bytes());
                }
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
        for (name, words) in [
            ("reason", &run.reason),
            ("trigger", &run.trigger),
            ("context", &run.context),
        ] {
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

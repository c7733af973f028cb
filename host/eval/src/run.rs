//! One scenario: a host in a temporary home, the calls, and what came of them.

mod answer;

use std::path::{Path, PathBuf};
use std::sync::Arc;

use serde_json::Value;
use tempfile::TempDir;
use tollgate_policy::Manifest;
use tollgate_runtime::{
    CallError, Failure, Host, HostOptions, ManualClock, Principal, PrincipalKind, Role, RunReport,
    RunState, ToolCall, moment,
};

use crate::connector::{Workshop, explained};
use crate::mail::Offices;
use crate::manifest::Draft;
use crate::report::Finding;
use crate::scenario::{Approve, Call, Expect, Scenario};
use crate::secrets;
use crate::server::Servers;
use crate::state::State;
use crate::value::resolve;
use answer::Answer;

/// When a scenario begins, where it says nothing else: 2027-01-15T08:00:00Z.
const AT_MS: u64 = 1_800_000_000_000;

/// Who calls.
const AGENT: &str = "eval-agent";

/// A person of every group that may decide.
const PERSON: &str = "eval-person";

/// Run it. The answer is what was not as expected; the error says why it cannot
/// be run.
pub(crate) async fn run(
    folder: &Path,
    mut scenario: Scenario,
    workshop: &Workshop,
) -> Result<Vec<Finding>, String> {
    let crate_folder = crate_folder(folder, scenario.connector.as_deref())?;
    let connector = workshop.connector(&crate_folder).await?;
    let manifest = match &scenario.manifest {
        Some(path) => folder.join(path),
        None => crate_folder.join("manifest.toml"),
    };
    let mut draft = Draft::read(&manifest, &scenario.overrides, &connector.digest)?;
    let mut servers = Servers::new(folder, std::mem::take(&mut scenario.exchanges))?;
    let mut offices = Offices::new(std::mem::take(&mut scenario.mails));
    draft
        .serve(&mut servers, &mut offices, &scenario.down)
        .await?;
    let manifest = draft.finish()?;
    let home = TempDir::new().map_err(|error| format!("there is no temporary folder: {error}"))?;
    connector
        .prepare(home.path(), &manifest.text, &workshop.compiler)
        .await?;
    let mut state = State::of(folder, home.path(), &manifest);
    state.put(&scenario).await?;
    let at = match &scenario.at {
        Some(at) => moment(at, AT_MS).map_err(|error| format!("`at`: {error}"))?,
        None => AT_MS,
    };
    let host = Host::open(HostOptions {
        clock: Arc::new(ManualClock::at(at)),
        secrets: secrets::of(&manifest),
        ..HostOptions::new(home.path(), workshop.compiler.clone(), Role::Serve)
    })
    .await
    .map_err(|error| explained(&error))?;
    let installed = host
        .install(
            "the scenario's manifest",
            &manifest.text,
            &connector.bytes,
            "eval",
        )
        .await;
    let mut session = Session {
        host: &host,
        manifest: &manifest,
        state: &state,
        outputs: Vec::new(),
        runs: Vec::new(),
        findings: Vec::new(),
    };
    let went = match installed {
        Ok(_) => session.all(&scenario.calls).await,
        Err(error) => Err(explained(&error)),
    };
    let mut findings = std::mem::take(&mut session.findings);
    // Also where a step could not be made: hosts and stores are closed.
    host.shutdown().await;
    went?;
    findings.extend(state.findings(&scenario).await?);
    findings.extend(servers.findings());
    findings.extend(offices.findings());
    Ok(findings)
}

/// The crate that a scenario is for.
fn crate_folder(folder: &Path, written: Option<&Path>) -> Result<PathBuf, String> {
    let here = folder
        .canonicalize()
        .map_err(|error| format!("{}: {error}", folder.display()))?;
    if let Some(written) = written {
        return Ok(here.join(written));
    }
    let above = here
        .ancestors()
        .find(|one| one.join("Cargo.toml").is_file());
    above.map(Path::to_owned).ok_or_else(|| {
        "there is no Cargo.toml here or above; name the crate with `connector = \"…\"`".to_owned()
    })
}

/// The calls of a scenario, one after the other.
struct Session<'a> {
    host: &'a Host,
    manifest: &'a Manifest,
    state: &'a State,
    /// What each call answered, for `$output`.
    outputs: Vec<Option<Value>>,
    runs: Vec<String>,
    findings: Vec<Finding>,
}

impl Session<'_> {
    async fn all(&mut self, calls: &[Call]) -> Result<(), String> {
        for (index, call) in calls.iter().enumerate() {
            let name = format!("call {} ({})", index + 1, call.tool);
            let output = self.one(&name, call).await;
            self.outputs
                .push(output.map_err(|said| format!("{name}: {said}"))?);
        }
        self.replayed().await;
        Ok(())
    }

    async fn one(&mut self, name: &str, call: &Call) -> Result<Option<Value>, String> {
        let request = ToolCall {
            connector: self.manifest.connector.clone(),
            tool: call.tool.clone(),
            input: resolve(&call.input, &self.outputs)?,
            reason: call.reason.clone(),
            request_key: call.request_key.clone(),
            ..ToolCall::default()
        };
        let agent = self.principal(AGENT, PrincipalKind::Agent, Vec::new());
        let mut report = match self.host.call(&agent, request).await {
            Ok(report) => report,
            Err(error) => {
                let answer = Answer::refused(Failure::from(&error));
                self.judge(name, &call.expect, &answer)?;
                self.state.change(&call.meanwhile).await?;
                if !call.approve.is_empty() || call.undo {
                    self.say(format!(
                        "{name}: it became no run to decide on or take back"
                    ));
                }
                return Ok(None);
            }
        };
        self.runs.push(report.run.clone());
        let answer = self.answer(&report).await?;
        self.judge(name, &call.expect, &answer)?;
        self.state.change(&call.meanwhile).await?;
        for decision in &call.approve {
            report = match self.decide(name, decision, report).await? {
                Some(report) => report,
                None => return Ok(None),
            };
        }
        if let Some(decision) = call.approve.last() {
            let after = format!("{name} after the decision");
            let expected = call.then.as_ref();
            let answer = self.answer(&report).await?;
            match (expected, decision) {
                (Some(expected), _) => self.judge(&after, expected, &answer)?,
                (None, Approve::Yes) => self.judge(&after, &Expect::default(), &answer)?,
                (None, Approve::Deny(_)) => self.judge(&after, &Expect::denied(), &answer)?,
            }
        } else if call.then.is_some() {
            return Err("`then` is for what is decided on: add `approve`".to_owned());
        }
        if call.undo {
            self.undo(name, call, &agent, &report).await;
        } else if call.expect_undo.is_some() {
            return Err("`expect_undo` is for what is taken back: add `undo = true`".to_owned());
        }
        Ok(report.output)
    }

    /// A run's answer, with the card where it is held.
    async fn answer(&self, report: &RunReport) -> Result<Answer, String> {
        let card = match &report.pending {
            None => None,
            Some(pending) => {
                let person = self.decider(&pending.approvers);
                let card = self.host.card(&person, &pending.approval).await;
                Some(card.map_err(|error| format!("there is no card: {error}"))?)
            }
        };
        Ok(Answer::of(report, card))
    }

    fn judge(&mut self, name: &str, expected: &Expect, answer: &Answer) -> Result<(), String> {
        let findings = answer.findings(name, expected, &self.outputs)?;
        self.findings.extend(findings);
        Ok(())
    }

    /// Decide on a held run. The answer is nothing where it is not held.
    async fn decide(
        &mut self,
        name: &str,
        decision: &Approve,
        report: RunReport,
    ) -> Result<Option<RunReport>, String> {
        let Some(pending) = report
            .pending
            .as_ref()
            .filter(|_| report.state == RunState::Held)
        else {
            self.say(format!(
                "{name}: it is not held, so there is nothing to decide: it is {}",
                report.state.as_str()
            ));
            return Ok(None);
        };
        let person = self.decider(&pending.approvers);
        let card = self.host.card(&person, &pending.approval).await;
        let card = card.map_err(|error| format!("there is no card: {error}"))?;
        let id = &pending.approval;
        let decided = match decision {
            Approve::Yes => self.host.approve(&person, id, &card.digest).await,
            Approve::Deny(reason) => self.host.deny(&person, id, &card.digest, reason).await,
        };
        decided
            .map(Some)
            .map_err(|error| format!("the decision was not taken: {error}"))
    }

    async fn undo(&mut self, name: &str, call: &Call, agent: &Principal, report: &RunReport) {
        let wanted = call.expect_undo.as_deref().unwrap_or("undone");
        let name = format!("{name}: undo");
        match self.host.undo(agent, &report.run, false).await {
            Err(error) => self.say(format!("{name} was refused: {error}")),
            Ok(undone) if undone.outcome == wanted => {}
            Ok(undone) => {
                let found = serde_json::to_value(&undone).unwrap_or_default();
                self.findings
                    .push(Finding::differs(name, wanted, Some(found)));
            }
        }
    }

    /// A tool must do the same when it is told the same: else no held call of it
    /// could be resumed. So each run that has ended is replayed.
    async fn replayed(&mut self) {
        for run in std::mem::take(&mut self.runs) {
            let agent = self.principal(AGENT, PrincipalKind::Agent, Vec::new());
            let report = match self.host.run(&agent, &run).await {
                Ok(report) => report,
                Err(error) => {
                    self.say(format!("the run {run} cannot be looked up: {error}"));
                    continue;
                }
            };
            if matches!(
                report.state,
                RunState::Open | RunState::Held | RunState::InDoubt
            ) {
                continue;
            }
            let tenant = &self.manifest.tenant;
            let said = match self.host.replay(tenant, &run).await {
                // It was denied before its connector was started.
                Err(CallError::NotAllowed(_)) if report.state == RunState::Denied => continue,
                Err(error) => format!("{} cannot be replayed: {error}", report.tool),
                Ok(replay) if replay.identical => continue,
                Ok(replay) => format!(
                    "{} does not do the same again when it is told the same: {}",
                    report.tool,
                    replay.difference.unwrap_or_default()
                ),
            };
            self.say(said);
        }
    }

    fn say(&mut self, said: String) {
        self.findings.push(Finding::says(said));
    }

    /// Somebody who may decide, as the approvers are written on a card.
    fn decider(&self, approvers: &[String]) -> Principal {
        let names = |kind: &str| -> Vec<String> {
            let approvers = approvers.iter();
            approvers
                .filter_map(|one| one.strip_prefix(kind).map(str::to_owned))
                .collect()
        };
        let person = names("person:").into_iter().next();
        let name = person.unwrap_or_else(|| PERSON.to_owned());
        self.principal(&name, PrincipalKind::Person, names("group:"))
    }

    fn principal(&self, name: &str, kind: PrincipalKind, groups: Vec<String>) -> Principal {
        Principal {
            identified: Default::default(),
            tenant: self.manifest.tenant.clone(),
            name: name.to_owned(),
            kind,
            groups,
        }
    }
}

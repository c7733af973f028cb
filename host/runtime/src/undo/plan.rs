//! What an undo would do, call by call, without doing it. What is there is looked at
//! as a restore would; nothing is changed, held or recorded.

use std::sync::{Arc, OnceLock};

use serde_json::Value;
use tollgate_policy::{CallFacts, Effect, ToolFacts, UndoDecl};

use super::execute::foresee;
use super::fields::merge;
use super::overlay::{after, is_left};
use super::step::Step;
use super::{By, shown, summary};
use crate::api::{Principal, UndoOptions, UndoReport, UndoStep};
use crate::capability::restore::Restoring;
use crate::door::{Door, Foreseen, Judged, Seen};
use crate::error::CallError;
use crate::host::Inner;
use crate::runs::{Rebuilt, Run, Start, Undoes};

impl Inner {
    /// What putting back would come to.
    pub(super) async fn plan_by_host(
        self: &Arc<Self>,
        who: &Principal,
        rebuilt: &Rebuilt,
        steps: &[Step],
        options: UndoOptions,
    ) -> Result<UndoReport, CallError> {
        let door = self.planning(who, rebuilt, By::Host, options).await?;
        let now_ms = self.journal.now_ms();
        let mut undone: Vec<(String, Restoring)> = Vec::new();
        let mut reports: Vec<UndoStep> = Vec::new();
        let mut stopped: Option<String> = None;
        for step in steps {
            let fixed = step.settled().or_else(|| {
                stopped
                    .as_ref()
                    .map(|_| "not_reached")
                    .or_else(|| step.obstacle(now_ms))
            });
            let report = match (&step.restoring, fixed) {
                (Some(restoring), None) => {
                    let foreseen = foresee(&door, &step.call, restoring.clone()).await;
                    let foreseen =
                        foreseen.unwrap_or_else(|ending| Foreseen::refused(ending.to_string()));
                    planned(&door, step, restoring, foreseen, options, &mut undone)
                }
                (_, fixed) => step.report(fixed.unwrap_or("irreversible")),
            };
            let goes_on = ["planned", "not_needed", "not_reached", "undone", "partly"];
            if !goes_on.contains(&report.outcome.as_str()) {
                stopped.get_or_insert_with(|| report.outcome.clone());
            }
            reports.push(report);
        }
        let nothing = reports.iter().all(|step| step.outcome != "planned");
        let outcome = match &stopped {
            Some(stopped) => stopped.as_str(),
            None if nothing => "nothing",
            None => "planned",
        };
        Ok(summary(&rebuilt.run.run, outcome, reports, None))
    }

    /// What calling the inverse tool would come to, as far as it is known before it
    /// is called: its own calls are judged when they are made.
    pub(super) async fn plan_by_connector(
        self: &Arc<Self>,
        who: &Principal,
        rebuilt: &Rebuilt,
        step: UndoStep,
        (tool, input): (&str, &Value),
    ) -> Result<UndoReport, CallError> {
        let by = By::Tool(tool, input);
        let door = self
            .planning(who, rebuilt, by, UndoOptions::default())
            .await?;
        let case = self.case_facts(&rebuilt.run, door.manifest()).await?;
        let facts = ToolFacts {
            tool,
            input,
            workflow: rebuilt.run.workflow.as_deref(),
            principal: &who.name,
            undo: true,
            case: case.as_ref(),
        };
        let rules = &door.manifest().compiled;
        let mut judged = door.judged(&rules.decide_tool(&facts));
        let compensates = matches!(rebuilt.run.tool.undo, UndoDecl::Compensate(_));
        if compensates && !judged.denied && judged.approval.is_none() {
            let call = CallFacts {
                call: "",
                destination: "",
                identity: None,
                effect: Effect::Irreversible,
                egress: false,
                args: &Value::Null,
            };
            judged = door.judged(&rules.decide_call(&facts, &call));
        }
        let denied = judged.denied;
        let step = with_rules(step, judged);
        let outcome = if denied { "denied" } else { "planned" };
        let step = UndoStep {
            outcome: outcome.to_owned(),
            ..step
        };
        Ok(summary(&rebuilt.run.run, outcome, vec![step], None))
    }

    /// The door of a run that is never opened.
    async fn planning(
        self: &Arc<Self>,
        who: &Principal,
        rebuilt: &Rebuilt,
        by: By<'_>,
        options: UndoOptions,
    ) -> Result<Arc<Door>, CallError> {
        let original = &rebuilt.run;
        let installed = self.connectors.get(&original.tenant, &original.connector);
        let installed = installed.unwrap_or_else(|| Arc::clone(&rebuilt.installed));
        let (name, input) = match by {
            By::Host => (original.tool.name.as_str(), &original.input),
            By::Tool(tool, input) => (tool, input),
        };
        let tool = installed.tool(name).ok_or_else(|| {
            CallError::NotAllowed(format!(
                "the connector that is installed now has no tool `{name}` to take it back with"
            ))
        })?;
        let run = Run {
            tenant: original.tenant.clone(),
            case: original.case.clone(),
            run: original.run.clone(),
            principal: who.name.clone(),
            workflow: original.workflow.clone(),
            connector: original.connector.clone(),
            tool: Arc::clone(&tool.decl),
            tool_digest: tool.digest,
            component: installed.manifest.component,
            manifest_digest: installed.manifest_digest,
            opened_under: Arc::clone(&installed.manifest),
            input: input.clone(),
            input_text: input.to_string(),
            input_digest: original.input_digest,
            request_key: None,
            reason: None,
            trigger: None,
            context: original.context.clone(),
            subject: original.subject.clone(),
            undoes: Some(Undoes {
                run: original.run.clone(),
                by_host: matches!(by, By::Host),
                fields: options.fields,
                compensates: matches!(original.tool.undo, UndoDecl::Compensate(_)),
            }),
            edits: None,
            opened_ms: self.journal.now_ms(),
            looked_at: None,
            same: OnceLock::new(),
        };
        let case = self.case_facts(&run, &run.opened_under).await?;
        let boundary = self.boundary(&run).await?;
        let start = Start {
            about: rebuilt.about.clone(),
            opening: Vec::new(),
            recorded: Vec::new(),
            same_engine: true,
            approval: None,
            denial: None,
            committed: false,
            known: false,
            accepted: None,
            case,
            boundary,
        };
        Ok(self.door(&Arc::new(run), start, false))
    }
}

fn with_rules(step: UndoStep, judged: Judged) -> UndoStep {
    UndoStep {
        rule: judged.rule,
        held_by: judged.approval,
        approvers: judged.approvers,
        ..step
    }
}

/// One call of the plan; what would be put back goes to `undone`.
fn planned(
    door: &Door,
    step: &Step,
    restoring: &Restoring,
    foreseen: Foreseen,
    options: UndoOptions,
    undone: &mut Vec<(String, Restoring)>,
) -> UndoStep {
    let with = |report: UndoStep| with_rules(report, foreseen.judged.clone());
    if foreseen.judged.denied {
        return with(step.report("denied"));
    }
    let now = match foreseen.seen {
        Seen::Unchanged(now) | Seen::Changed(now) => now,
        Seen::Unclear(ref why) => {
            undone.push((step.call.clone(), restoring.clone()));
            return with(UndoStep {
                note: Some(why.clone()),
                ..step.report("planned")
            });
        }
        Seen::Refused(ref why) => {
            return with(UndoStep {
                note: Some(why.clone()),
                ..step.report("denied")
            });
        }
    };
    let now = after(&step.call, restoring, now, undone);
    let manifest = door.manifest();
    let three = shown::conflict(manifest, &step.call, restoring, now.clone());
    if is_left(&step.call, restoring, &now) {
        undone.push((step.call.clone(), restoring.clone()));
        return with(UndoStep {
            conflict: Some(three),
            ..step.report("planned")
        });
    }
    let merged = options
        .fields
        .then(|| merge(&step.call, restoring, &now))
        .flatten();
    match merged {
        Some(merged) => {
            undone.push((step.call.clone(), merged.restoring(restoring)));
            let fields = shown::fields(manifest, &step.call, restoring, merged.fields);
            with(UndoStep {
                conflict: Some(three),
                fields,
                ..step.report("planned")
            })
        }
        None => with(UndoStep {
            conflict: Some(three),
            ..step.report("conflict")
        }),
    }
}

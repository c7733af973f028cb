//! Planting a drill. What the rules would not hold cannot be one: a card that no
//! call could have brought up would tell what it is.

use serde_json::Value;
use tollgate_policy::{CallFacts, Effect, Manifest, Outcome, ToolFacts, canonical, visible};
use tollgate_store::{Change, PrincipalKind as StoredKind, RunState as StoredState};

use super::Nature;
use super::template::{check, of_card, unfit};
use crate::api::{DrillTemplate, NewDrill, PlantedDrill, Principal, PrincipalKind};
use crate::approvals::{Hold, HoldRequest};
use crate::door::Prior;
use crate::error::{CallError, DecideError};
use crate::host::{Host, Inner};
use crate::queue::announce;
use crate::runs::Run;
use crate::time::rfc3339;

/// Longest text in a template that a card shows beside its values, bytes.
const WORDS_BYTES_MAX: usize = 4_000;

impl Host {
    /// Plant a request that nobody should approve. Whether `who` may is for the
    /// caller to know: it is an operator's.
    ///
    /// # Errors
    ///
    /// When no person plants it, the template does not fit what is installed, the
    /// rules would not hold such a call, or it would come to another approval than the
    /// one that is named.
    pub async fn plant_drill(
        &self,
        who: &Principal,
        new: NewDrill,
    ) -> Result<PlantedDrill, CallError> {
        self.inner().plant_drill(who, new).await
    }
}

impl Inner {
    async fn plant_drill(&self, who: &Principal, new: NewDrill) -> Result<PlantedDrill, CallError> {
        // The attack: an agent that plants drills until nobody believes a card.
        if who.kind != PrincipalKind::Person {
            return Err(CallError::NotAllowed(DecideError::NotAPerson.to_string()));
        }
        check(&new)?;
        let template = match (new.template, &new.like) {
            (Some(template), _) => template,
            (None, like) => self.like(who, like.as_deref().unwrap_or_default()).await?,
        };
        let template = super::template::changed(template, &new.set)?;
        self.is_asker(who, &template.requester).await?;
        for (pointer, words) in [
            ("/template/reason", &template.reason),
            ("/template/trigger", &template.trigger),
            ("/template/context", &template.context),
        ] {
            if words
                .as_ref()
                .is_some_and(|words| words.len() > WORDS_BYTES_MAX)
            {
                let message = format!("it has more than {WORDS_BYTES_MAX} bytes");
                return Err(unfit(pointer, message));
            }
        }
        let nature = Nature::drill(&who.name).ok_or_else(|| {
            CallError::NotAllowed("your name is too long to be sealed".to_owned())
        })?;
        let run = self.drill_run(who, &template)?;
        let hold = held(&run, &template, new.approval.as_deref())?.planted(nature);
        let now = self.journal.now_ms();
        let row = hold.row(&run, now);
        let planted = PlantedDrill {
            approval: row.id.clone(),
            kind: row.approval.clone(),
            run: row.run.clone(),
            title: hold.title().to_owned(),
            approvers: row.approvers.clone(),
            decide_by: rfc3339(row.decide_by_ms),
        };
        // All as at the door, and in one transaction: what announces it is the same.
        let about = self.about(&run).await?;
        let mut records = self.opening(&run, &about).await?;
        records.push(self.journal.record(&about, hold.saying())?);
        let mut changes = announce(self.backends.queues.notifications(&run.tenant), &row);
        let held = run.row(StoredState::Held, Some(row.id.clone()), now);
        changes.push(Change::PutApproval(Box::new(row)));
        changes.push(Change::PutRun(Box::new(held)));
        self.journal.append(&run.tenant, records, changes).await?;
        self.changed();
        Ok(planted)
    }

    /// The template that a call gives which was held before.
    async fn like(&self, who: &Principal, approval: &str) -> Result<DrillTemplate, CallError> {
        let gone = || {
            unfit(
                "/like",
                format!("there is no approval `{}`", visible(approval)),
            )
        };
        let row = self.journal.store.approval(&who.tenant, approval).await?;
        let row = row.ok_or_else(gone)?;
        let shown = self.read_back(&row.tenant, &row.run).await?;
        let card = crate::approvals::card(&row, &shown.run, &shown.records);
        Ok(of_card(card, shown.run.workflow.clone(), row.position))
    }

    /// The attack: a person is made to seem to ask, who then may not decide, or is
    /// blamed. And what seems to be asked by nobody that there is would be noticed.
    async fn is_asker(&self, who: &Principal, name: &str) -> Result<(), CallError> {
        let known = self.journal.store.principals(&who.tenant).await?;
        let found = known.iter().find(|known| known.name == name);
        match found {
            Some(known) if known.kind != StoredKind::Person && known.revoked_ms.is_none() => Ok(()),
            _ => Err(unfit(
                "/template/requester",
                format!(
                    "`{}` is no agent or service of this tenant, and nobody else seems to ask",
                    visible(name)
                ),
            )),
        }
    }
}

/// The hold that the gate would make of such a call, or why it would make none.
fn held(run: &Run, template: &DrillTemplate, wanted: Option<&str>) -> Result<Hold, CallError> {
    let manifest: &Manifest = &run.opened_under;
    if !template.arguments.is_object() {
        return Err(unfit("/template/arguments", "the arguments are no object"));
    }
    if let Some(odd) = tollgate_policy::unforeseen_argument(&template.call, &template.arguments) {
        let message = format!(
            "`{}` has no argument `{}` of this type",
            visible(&template.call),
            visible(&odd)
        );
        return Err(unfit("/template/arguments", message));
    }
    let text = canonical(&template.arguments)
        .map_err(|error| unfit("/template/arguments", error.to_string()))?;
    let of_tool = ToolFacts {
        tool: &run.tool.name,
        input: &run.input,
        workflow: run.workflow.as_deref(),
        principal: &run.principal,
        undo: false,
        case: None,
    };
    let of_call = CallFacts {
        call: &template.call,
        destination: &template.destination,
        identity: None,
        effect: template.effect,
        egress: template.effect == Effect::Read,
        args: &template.arguments,
    };
    let decision = manifest.compiled.decide_call(&of_tool, &of_call);
    let not_held = |what: &str| {
        unfit(
            "/template",
            format!("the rules {what} such a call, so no card of it could come up"),
        )
    };
    let index = match decision.outcome {
        Outcome::Require(index) => index,
        Outcome::Allow => return Err(not_held("allow")),
        Outcome::Deny => return Err(not_held("deny")),
    };
    let approval = manifest
        .approvals
        .get(index)
        .ok_or_else(|| not_held("do not hold"))?;
    if let Some(wanted) = wanted.filter(|wanted| *wanted != approval.name) {
        let message = format!(
            "the rules hold it for `{}`, not for `{}`",
            approval.name,
            visible(wanted)
        );
        return Err(unfit("/approval", message));
    }
    let rule = decision.rule.and_then(|rule| manifest.rules.get(rule));
    let prior = template.prior.as_ref().map(shown_prior);
    let request = HoldRequest {
        run,
        approval,
        rule: manifest.decided_by(&decision).to_owned(),
        rule_reason: rule.and_then(|rule| rule.reason.clone()),
        position: template.position,
        call: &template.call,
        destination: &template.destination,
        identity: &template.destination,
        effect: template.effect,
        arguments: &template.arguments,
        arguments_text: &text,
        prior: prior.as_ref(),
    };
    Ok(request.prepare())
}

fn shown_prior(value: &Value) -> Prior {
    Prior {
        value: value.clone(),
        version: String::new(),
    }
}

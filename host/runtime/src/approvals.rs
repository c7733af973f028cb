//! Holding a call for a person, and what the person is shown.
//!
//! A card is rendered by the host from typed values; the digest that a decision
//! is bound to covers the rendering and everything that will be sent. It is
//! computed again from the bytes about to be sent when the run goes on, so a
//! change of any of them voids the decision.

use serde_json::{Value, json};
use tollgate_journal::Stage;
use tollgate_policy::{Approval, Binding, Digest, Effect};
use tollgate_store::{ApprovalRow, ApprovalState, VoteRow};

use crate::api::{Card, Pending, Vote};
use crate::door::Prior;
use crate::drills::{self, NATURE, Nature};
use crate::journal::{OpenRecord, Saying};
use crate::names;
use crate::runs::Run;
use crate::time::rfc3339;

/// A call that a rule holds, before it is made durable.
pub(crate) struct HoldRequest<'a> {
    pub(crate) run: &'a Run,
    pub(crate) approval: &'a Approval,
    pub(crate) rule: String,
    pub(crate) rule_reason: Option<String>,
    pub(crate) position: u32,
    pub(crate) call: &'a str,
    pub(crate) destination: &'a str,
    pub(crate) identity: &'a str,
    pub(crate) effect: Effect,
    pub(crate) arguments: &'a Value,
    pub(crate) arguments_text: &'a str,
    pub(crate) prior: Option<&'a Prior>,
}

/// A hold, ready to be recorded, and what an approval of it is bound to.
pub(crate) struct Hold {
    pub(crate) id: String,
    pub(crate) digest: String,
    pub(crate) position: u32,
    name: String,
    rule: String,
    approvers: Vec<String>,
    decide_within_ms: u64,
    execute_within_ms: u64,
    quorum: u32,
    deny_stands_ms: u64,
    exception: bool,
    call: String,
    destination: String,
    effect: Effect,
    rendering: Value,
    nature: Nature,
    /// What a denial of it stands for, where that is nothing that a call asks for.
    asked: Option<String>,
}

impl HoldRequest<'_> {
    pub(crate) fn prepare(self) -> Hold {
        let approval = self.approval;
        let title = match &approval.title {
            Some(title) => title.render(&self.run.principal, &self.run.input, Some(self.arguments)),
            None => format!("{} on {}", self.call, self.destination),
        };
        let rendering = json!({
            "title": title,
            "arguments": self.arguments,
            "prior": self.prior.map(|prior| &prior.value),
            // Who may decide is part of what was decided under.
            "approval": approval.name,
            "approvers": approval.approvers.iter().map(ToString::to_string).collect::<Vec<_>>(),
            "quorum": approval.quorum,
            "exception": approval.exception,
            "rule": self.rule,
            "rule_reason": self.rule_reason,
        });
        let binding = Binding {
            tenant: &self.run.tenant,
            case: &self.run.case,
            run: &self.run.run,
            position: self.position,
            component: &self.run.component,
            tool: &self.run.tool_digest,
            call: self.call,
            args: &Digest::of(self.arguments_text.as_bytes()),
            effect: self.effect,
            destination: self.identity,
            prior_version: self.prior.map(|prior| prior.version.as_str()),
            rule: &self.rule,
            rendering: &Digest::of(rendering.to_string().as_bytes()),
            idempotency_key: &names::call(&self.run.run, self.position),
            input: &self.run.input_digest,
        };
        Hold {
            id: names::approval(),
            digest: binding.digest().to_string(),
            position: self.position,
            name: approval.name.clone(),
            rule: self.rule,
            approvers: approval.approvers.iter().map(ToString::to_string).collect(),
            decide_within_ms: millis(approval.decide_within),
            execute_within_ms: millis(approval.execute_within),
            quorum: approval.quorum,
            deny_stands_ms: millis(approval.deny_stands),
            exception: approval.exception,
            call: self.call.to_owned(),
            destination: self.destination.to_owned(),
            effect: self.effect,
            rendering,
            nature: Nature::default(),
            asked: None,
        }
    }
}

impl Hold {
    /// The same as a drill: its approval admits no call, and a denial of it stands for
    /// none.
    pub(crate) fn planted(self, nature: Nature) -> Self {
        let digest = drills::digest(&self.digest);
        Self {
            asked: Some(digest.clone()),
            digest,
            nature,
            ..self
        }
    }

    /// The heading of its card.
    pub(crate) fn title(&self) -> &str {
        self.rendering["title"].as_str().unwrap_or_default()
    }

    /// The record of the request. The card is read back from it.
    pub(crate) fn saying(&self) -> Saying {
        Saying::new(Stage::ApprovalRequested)
            .at(self.position)
            .fact("approval", self.id.as_str())
            .fact("kind", self.name.as_str())
            .fact("rule", self.rule.as_str())
            .fact("call", self.call.as_str())
            .fact("destination", self.destination.as_str())
            .fact("effect", self.effect.as_str())
            .fact("digest", self.digest.as_str())
            .fact("approvers", self.approvers.clone())
            .fact("quorum", self.quorum)
            .maybe("exception", self.exception.then_some(true))
            .json("card", &self.rendering)
            .value(NATURE, self.nature.bytes())
    }

    pub(crate) fn row(&self, run: &Run, now: u64) -> ApprovalRow {
        ApprovalRow {
            tenant: run.tenant.clone(),
            id: self.id.clone(),
            run: run.run.clone(),
            case: run.case.clone(),
            connector: run.connector.clone(),
            tool: run.tool.name.clone(),
            principal: run.principal.clone(),
            position: self.position,
            approval: self.name.clone(),
            rule: self.rule.clone(),
            approvers: self.approvers.clone(),
            digest: self.digest.clone(),
            state: ApprovalState::Pending,
            created_ms: now,
            decide_by_ms: now.saturating_add(self.decide_within_ms),
            execute_within_ms: self.execute_within_ms,
            execute_by_ms: None,
            decided_by: None,
            decided_ms: None,
            consumed_ms: None,
            quorum: self.quorum,
            excluded: run.authors().to_vec(),
            votes: Vec::new(),
            asked: self.asked.clone().unwrap_or_else(|| run.asked()),
            deny_stands_ms: self.deny_stands_ms,
            denied_until_ms: None,
            exception: self.exception,
            card: None,
        }
    }
}

fn millis(duration: std::time::Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}

/// The record of an approval's request among its run's records.
pub(crate) fn requested<'a>(records: &'a [OpenRecord], id: &str) -> Option<&'a OpenRecord> {
    records.iter().find(|record| {
        record.leaf.stage == Stage::ApprovalRequested && record.fact("approval") == Some(id)
    })
}

/// The card of an approval, from its row and its run's records.
pub(crate) fn card(row: &ApprovalRow, run: &Run, records: &[OpenRecord]) -> Card {
    let request = requested(records, &row.id);
    let rendering = request
        .and_then(|record| record.json("card"))
        .unwrap_or(Value::Null);
    let fact = |name: &str| {
        request
            .and_then(|record| record.fact(name))
            .unwrap_or_default()
            .to_owned()
    };
    Card {
        approval: row.id.clone(),
        kind: row.approval.clone(),
        state: state_name(row),
        run: row.run.clone(),
        case: row.case.clone(),
        connector: row.connector.clone(),
        tool: row.tool.clone(),
        title: rendering["title"].as_str().unwrap_or_default().to_owned(),
        call: fact("call"),
        destination: fact("destination"),
        effect: match fact("effect").as_str() {
            "read" => Effect::Read,
            "write" => Effect::Write,
            _ => Effect::Irreversible,
        },
        input: run.input.clone(),
        arguments: rendering["arguments"].clone(),
        prior: Some(rendering["prior"].clone()).filter(|prior| !prior.is_null()),
        requester: row.principal.clone(),
        agent_reason: run.reason.clone(),
        agent_trigger: run.trigger.clone(),
        agent_context: run.context.clone(),
        rule: row.rule.clone(),
        rule_reason: rendering["rule_reason"].as_str().map(str::to_owned),
        approvers: row.approvers.clone(),
        quorum: row.quorum,
        votes: row.votes.iter().map(shown_vote).collect(),
        deputies: Vec::new(),
        exception: row.exception,
        edited_by: row.excluded.clone(),
        edits: run.edits.as_ref().map(|edits| edits.run.clone()),
        decide_by: rfc3339(row.decide_by_ms),
        execute_within_s: row.execute_within_ms / 1_000,
        digest: row.digest.clone(),
        decided_by: row.decided_by.clone(),
        denial_reason: denial(records, &row.id),
        drill: drills::result(records, &row.id),
    }
}

fn shown_vote(vote: &VoteRow) -> Vote {
    Vote {
        by: vote.voter.clone(),
        on_behalf: vote.on_behalf.clone(),
        at: rfc3339(vote.at_ms),
    }
}

/// A person's words on a denied approval, among its run's records.
pub(crate) fn denial(records: &[OpenRecord], id: &str) -> Option<String> {
    records
        .iter()
        .rfind(|record| {
            matches!(
                record.leaf.stage,
                Stage::ApprovalDecided | Stage::DrillDecided
            ) && record.fact("approval") == Some(id)
                && matches!(record.fact("decision"), Some("denied" | "withdrawn"))
        })
        .and_then(|record| record.text("reason"))
        .map(str::to_owned)
}

/// What an asker is told of whom the same was denied to before.
pub(crate) fn stands(row: &ApprovalRow, records: &[OpenRecord]) -> String {
    let until = row.denied_until_ms.map(rfc3339).unwrap_or_default();
    let why = denial(records, &row.id);
    format!(
        "{} denied the same in {}: {}; that stands until {until}, and nobody is asked again",
        row.decided_by.as_deref().unwrap_or_default(),
        row.run,
        why.as_deref().unwrap_or("the reason was erased"),
    )
}

/// What a held run waits for.
pub(crate) fn pending(row: &ApprovalRow, records: &[OpenRecord]) -> Pending {
    Pending {
        approval: row.id.clone(),
        approvers: row.approvers.clone(),
        decide_by: rfc3339(row.decide_by_ms),
        title: requested(records, &row.id)
            .and_then(|record| record.json("card"))
            .and_then(|card| card["title"].as_str().map(str::to_owned))
            .unwrap_or_default(),
        quorum: row.quorum,
        votes: u32::try_from(row.votes.len()).unwrap_or(u32::MAX),
    }
}

/// The state's name for people and JSON.
pub(crate) fn state_name(row: &ApprovalRow) -> String {
    match row.state {
        ApprovalState::Pending => "pending",
        ApprovalState::Approved => "approved",
        ApprovalState::Denied => "denied",
        ApprovalState::Expired => "expired",
        ApprovalState::Voided => "void",
        ApprovalState::Consumed => "used",
        _ => "unknown",
    }
    .to_owned()
}

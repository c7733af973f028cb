//! A host in memory, for the tests of the faces. It keeps the rules that a face
//! must show (who may decide, what a digest binds) and has no sandbox.

mod casework;
mod items;
mod oversight;
mod sign_in;

use std::collections::HashMap;
use std::sync::Mutex;
use std::time::Duration;

use async_trait::async_trait;
use serde_json::{Value, json};
use tollgate_policy::Effect;
use tollgate_report::{Period, Report};
use tollgate_runtime::{
    Batch, BatchDecision, BatchFilter, BatchItem, BatchReport, BatchSum, CallbackOutcome,
    CallbackReport, CalledBack, Card, CaseReport, Delegation, Delivered, Delivery, Failure,
    LogFilter, LogLine, LogPage, LogPlace, NewDelegation, NewDrill, Pending, Principal,
    PrincipalKind, QueueItem, QueueSummary, Resolution, RunReport, RunState, Tenant, ToolCall,
    ToolInfo, UndoOptions, UndoReport, UndoStep, Vote,
};

use crate::gatekeeper::{Gatekeeper, Refusal};

pub(crate) use items::doubtful;
pub(crate) use sign_in::{CODE, PASSWORD, STATE};

pub(crate) const AGENT: &str = "token-of-bot";
pub(crate) const SERVICE: &str = "token-of-cron";
pub(crate) const MIRA: &str = "token-of-mira";
pub(crate) const PAUL: &str = "token-of-paul";
pub(crate) const OLGA: &str = "token-of-olga";
pub(crate) const SCRAPER: &str = "token-of-scraper";
pub(crate) const DIGEST: &str = "sha256:5f";

#[derive(Default)]
pub(crate) struct Double {
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    calls: Vec<ToolCall>,
    runs: HashMap<String, RunReport>,
    cards: Vec<Card>,
    items: Vec<QueueItem>,
    cases: Vec<CaseReport>,
    /// What persons said became of calls in doubt, with the reply.
    resolutions: Vec<(Resolution, String, Option<Value>)>,
    lines: Vec<LogLine>,
    filters: Vec<LogFilter>,
    periods: Vec<Period>,
    figures: Report,
    revoked: Vec<String>,
    deliveries: Vec<Delivery>,
    delegations: Vec<Delegation>,
    /// What people said beside a no, in words.
    said: Vec<String>,
    drills: Vec<NewDrill>,
    /// Whether a key is registered for everybody.
    signs: bool,
}

impl Double {
    fn state(&self) -> std::sync::MutexGuard<'_, State> {
        self.state
            .lock()
            .expect("no test panics while it holds the lock")
    }

    /// The calls that reached the host.
    pub(crate) fn calls(&self) -> Vec<ToolCall> {
        self.state().calls.clone()
    }

    /// The webhooks that reached the host.
    pub(crate) fn deliveries(&self) -> Vec<Delivery> {
        self.state().deliveries.clone()
    }

    pub(crate) fn revoke(&self, token: &str) {
        self.state().revoked.push(token.to_owned());
    }

    fn is_revoked(&self, name: &str) -> bool {
        self.state().revoked.iter().any(|revoked| revoked == name)
    }

    /// From now on everybody's decisions count only with a signature.
    pub(crate) fn register_keys(&self) {
        self.state().signs = true;
    }

    pub(crate) fn edit_card(&self, edit: impl FnOnce(&mut Card)) {
        edit(self.state().cards.last_mut().expect("a call was held"));
    }

    /// Put a call in doubt into the queue.
    pub(crate) fn doubt(&self, item: QueueItem) {
        self.state().items.push(item);
    }

    /// What was said about calls in doubt.
    pub(crate) fn resolutions(&self) -> Vec<(Resolution, String, Option<Value>)> {
        self.state().resolutions.clone()
    }

    /// What the log has, whatever is asked for.
    pub(crate) fn record(&self, line: LogLine) {
        self.state().lines.push(line);
    }

    /// The last question to the log.
    pub(crate) fn asked(&self) -> LogFilter {
        self.state()
            .filters
            .last()
            .cloned()
            .expect("the log was read")
    }

    /// What people said beside a no.
    pub(crate) fn said(&self) -> Vec<String> {
        self.state().said.clone()
    }

    pub(crate) fn card_state(&self) -> String {
        self.state()
            .cards
            .last()
            .expect("a call was held")
            .state
            .clone()
    }

    fn decide(
        &self,
        who: &Principal,
        approval: &str,
        digest: &str,
        decide: impl FnOnce(&mut Card, &mut RunReport),
    ) -> Result<RunReport, Refusal> {
        let mut state = self.state();
        let State { runs, cards, .. } = &mut *state;
        let card = cards
            .iter_mut()
            .find(|card| card.approval == approval)
            .ok_or_else(|| Refusal::new("not_found", "there is no such approval"))?;
        let refused = |kind: &'static str, message: &str| Err(Refusal::new(kind, message));
        match () {
            () if who.kind != PrincipalKind::Person => refused("not_a_person", "not a person"),
            () if who.name == card.requester => {
                refused("requester", "whoever asked for a call cannot decide on it")
            }
            () if card.state != "pending" => refused("already_decided", "this was decided before"),
            () if card.digest != digest => refused("changed", "the call is not what was shown"),
            () => {
                let run = runs.get_mut(&card.run).expect("a card has a run");
                card.decided_by = Some(who.name.clone());
                run.pending = None;
                decide(card, run);
                Ok(run.clone())
            }
        }
    }
}

pub(crate) fn principal(name: &str, kind: PrincipalKind) -> Principal {
    Principal {
        identified: Default::default(),
        tenant: Tenant::default(),
        name: name.into(),
        kind,
        groups: vec![],
    }
}

fn tool(name: &str, effect: Effect, output_schema: Value) -> ToolInfo {
    ToolInfo {
        connector: "database".into(),
        name: name.into(),
        title: format!("Title of {name}"),
        description: format!("Does {name}."),
        input_schema: json!({
            "type": "object",
            "properties": {"order": {"type": "string"}},
            "additionalProperties": false,
        }),
        output_schema,
        effect,
        undoable: effect == Effect::Write,
    }
}

fn report(number: usize, call: &ToolCall, who: &Principal) -> RunReport {
    RunReport {
        run: format!("run-{number}"),
        case: call.case.clone().unwrap_or_else(|| "case-new".into()),
        connector: call.connector.clone(),
        tool: call.tool.clone(),
        principal: who.name.clone(),
        state: RunState::Done,
        output: None,
        failure: None,
        pending: None,
        continued_as: None,
    }
}

fn card(run: &RunReport, call: &ToolCall) -> Card {
    Card {
        approval: format!("approval-of-{}", run.run),
        kind: "finance".into(),
        state: "pending".into(),
        run: run.run.clone(),
        case: run.case.clone(),
        connector: run.connector.clone(),
        tool: run.tool.clone(),
        title: "Refund 8000 cents for order 7".into(),
        call: "sql.execute".into(),
        destination: "orders".into(),
        effect: Effect::Irreversible,
        input: call.input.clone(),
        arguments: json!({"statement": "UPDATE orders SET refunded = ? WHERE id = ?", "parameters": [8000, 7]}),
        prior: Some(json!([{"id": 7, "refunded": 0}])),
        requester: run.principal.clone(),
        agent_reason: call.reason.clone(),
        agent_trigger: call.trigger.clone(),
        agent_context: call.context.clone(),
        rule: "refund-limit".into(),
        rule_reason: Some("refunds over 50.00 need finance".into()),
        approvers: vec!["group:finance".into()],
        quorum: 1,
        votes: vec![],
        deputies: vec![],
        exception: false,
        edited_by: vec![],
        edits: None,
        decide_by: "2099-01-01T00:00:00Z".into(),
        execute_within_s: 3_600,
        digest: DIGEST.into(),
        decided_by: None,
        denial_reason: None,
        drill: None,
    }
}

/// A record of `run-1`.
pub(crate) fn line(seq: u64, stage: &str) -> LogLine {
    LogLine {
        seq,
        at: "2026-11-22T14:05:00.123Z".into(),
        stage: stage.into(),
        case: "case-1".into(),
        run: Some("run-1".into()),
        principal: "bot".into(),
        position: None,
        facts: json!({}),
        workflow: None,
        values: json!({}),
        erased: vec![],
        linked: None,
    }
}

#[async_trait]
impl Gatekeeper for Double {
    async fn authenticate(&self, token: &str) -> Result<Principal, Refusal> {
        if self.is_revoked(token) {
            return Err(Refusal::new("revoked", "this token was revoked"));
        }
        match token {
            AGENT => Ok(principal("bot", PrincipalKind::Agent)),
            SERVICE => Ok(principal("cron", PrincipalKind::Service)),
            MIRA => Ok(principal("mira", PrincipalKind::Person)),
            PAUL => Ok(principal("paul", PrincipalKind::Person)),
            OLGA => Ok(oversight::olga()),
            SCRAPER => Ok(oversight::scraper()),
            "store-is-gone" => Err(Refusal::new("unavailable", "the store cannot be read")),
            _ => Err(Refusal::new("unknown", "nobody has this token")),
        }
    }

    fn tools(&self, _who: &Principal) -> Vec<ToolInfo> {
        let total = json!({
            "type": "object",
            "properties": {"total": {"type": "integer"}},
            "required": ["total"],
            "additionalProperties": false,
        });
        vec![
            tool("lookup", Effect::Read, total.clone()),
            tool("list", Effect::Read, json!({"type": "array"})),
            tool("note", Effect::Write, total.clone()),
            tool("refund", Effect::Irreversible, total),
            tool("not a name", Effect::Read, json!({})),
        ]
    }

    async fn call(&self, who: &Principal, call: ToolCall) -> Result<RunReport, Refusal> {
        let mut state = self.state();
        let mut run = report(state.runs.len() + 1, &call, who);
        match call.tool.as_str() {
            "lookup" => run.output = Some(json!({"total": 80})),
            "list" => run.output = Some(json!([1, 2])),
            "note" => {
                run.state = RunState::Failed;
                run.failure = Some(Failure {
                    kind: "conflict".into(),
                    message: "row 7 was changed by somebody".into(),
                    hint: Some("Read it again and repeat.".into()),
                    pointer: None,
                });
            }
            "refund" => {
                let card = card(&run, &call);
                run.state = RunState::Held;
                run.pending = Some(Pending {
                    approval: card.approval.clone(),
                    approvers: card.approvers.clone(),
                    decide_by: card.decide_by.clone(),
                    title: card.title.clone(),
                    quorum: card.quorum,
                    votes: 0,
                });
                state.cards.push(card);
            }
            "forbidden" => {
                return Err(
                    Refusal::new("denied", "no rule allows this").with_hint("Ask the operator.")
                );
            }
            other => {
                return Err(
                    Refusal::new("unknown_tool", format!("there is no tool `{other}`"))
                        .with_hint("Did you mean `lookup`?"),
                );
            }
        }
        state.calls.push(call);
        state.runs.insert(run.run.clone(), run.clone());
        Ok(run)
    }

    async fn deliver(&self, trigger: &str, delivery: Delivery) -> Result<Delivered, Refusal> {
        // Before the lock is taken, which a panic would poison.
        assert_ne!(trigger, "panics", "a fault of the host");
        let mut state = self.state();
        let repeated = state.deliveries.iter().any(|one| one.body == delivery.body);
        state.deliveries.push(delivery);
        match trigger {
            "orders" => Ok(Delivered::Run {
                run: "run-1".into(),
                repeated,
            }),
            "slack" => Ok(Delivered::Challenge("word".into())),
            "busy" => Err(Refusal::new("limited", "too many")),
            "away" => Err(Refusal::new("unavailable", "send it again")),
            "reused" => Err(Refusal::new("key_reused", "another payload")),
            "unfit" => Err(Refusal::new("malformed", "the payload has no `/order/id`")
                .with_pointer("/order/id")),
            _ => Err(Refusal::new(
                "not_verified",
                "this delivery is not verified",
            )),
        }
    }

    async fn call_back(&self, callback: &str, request: Delivery) -> Result<CalledBack, Refusal> {
        self.state().deliveries.push(request);
        match callback {
            "slack" => Ok(CalledBack::Told("Denied.".into())),
            "program" => Ok(CalledBack::Taken(CallbackReport {
                approval: "apr-1".into(),
                decision: "approved".into(),
                outcome: CallbackOutcome::Voted,
                votes: Some(1),
                quorum: 2,
            })),
            kind => Err(Refusal::new(kind.to_owned(), "no decision is taken")),
        }
    }

    async fn run(&self, _who: &Principal, run: &str) -> Result<RunReport, Refusal> {
        let found = self.state().runs.get(run).cloned();
        found.ok_or_else(|| Refusal::new("not_found", format!("there is no run `{run}`")))
    }

    async fn wait(
        &self,
        who: &Principal,
        run: &str,
        _timeout: Duration,
    ) -> Result<RunReport, Refusal> {
        self.run(who, run).await
    }

    async fn cards(&self, _who: &Principal, all: bool) -> Result<Vec<Card>, Refusal> {
        let mut cards = self.state().cards.clone();
        cards.retain(|card| all || card.state == "pending");
        Ok(cards)
    }

    async fn card(&self, _who: &Principal, approval: &str) -> Result<Card, Refusal> {
        let cards = self.state().cards.clone();
        cards
            .into_iter()
            .find(|card| card.approval == approval)
            .ok_or_else(|| Refusal::new("not_found", "there is no such approval"))
    }

    async fn approve(
        &self,
        who: &Principal,
        approval: &str,
        digest: &str,
        reason: Option<&str>,
        _signature: Option<&str>,
    ) -> Result<RunReport, Refusal> {
        let said = format!("{} approved {approval} because {reason:?}", who.name);
        self.state().said.push(said);
        self.decide(who, approval, digest, |card, run| {
            let vote = Vote {
                by: who.name.clone(),
                on_behalf: None,
                at: "2026-11-22T14:05:00.123Z".into(),
            };
            card.votes.push(vote);
            if card.votes.len() as u32 >= card.quorum {
                card.state = "used".into();
                run.state = RunState::Done;
                run.output = Some(json!({"total": 0}));
            }
        })
    }

    async fn revoke(
        &self,
        who: &Principal,
        approval: &str,
        _signature: Option<&str>,
    ) -> Result<RunReport, Refusal> {
        let mut state = self.state();
        let State {
            runs, cards, said, ..
        } = &mut *state;
        let card = cards.iter_mut().find(|card| card.approval == approval);
        let card = card.ok_or_else(|| Refusal::new("not_found", "there is no such approval"))?;
        let before = card.votes.len();
        card.votes.retain(|vote| vote.by != who.name);
        if card.votes.len() == before {
            return Err(Refusal::new("no_vote", "you have no vote on this"));
        }
        card.state = "pending".into();
        said.push(format!("{} took {approval} back", who.name));
        Ok(runs[&card.run].clone())
    }

    async fn edit(
        &self,
        who: &Principal,
        approval: &str,
        digest: &str,
        input: &Value,
        signature: Option<&str>,
    ) -> Result<RunReport, Refusal> {
        let by = &who.name;
        let said = format!("{by} changed {approval} to {input}, signed {signature:?}");
        let run = self.decide(who, approval, digest, |card, _| card.state = "void".into())?;
        self.state().said.push(said);
        Ok(RunReport {
            run: "run-edited".into(),
            ..run
        })
    }

    async fn must_sign(&self, _who: &Principal) -> Result<bool, Refusal> {
        Ok(self.state().signs)
    }

    async fn batch(&self, who: &Principal, filter: &BatchFilter) -> Result<Batch, Refusal> {
        let items = self.cards(who, false).await?;
        Ok(Batch {
            approval: filter.approval.clone(),
            sum: filter.sum.as_ref().map(|field| BatchSum {
                field: field.clone(),
                total: "16000".into(),
                without: 1,
            }),
            items,
            digest: DIGEST.into(),
        })
    }

    async fn decide_batch(
        &self,
        who: &Principal,
        decision: &BatchDecision,
    ) -> Result<BatchReport, Refusal> {
        let said = format!("{} decided {decision:?}", who.name);
        self.state().said.push(said);
        let item = |approval: &String| BatchItem {
            approval: approval.clone(),
            outcome: match decision.veto.get(approval) {
                Some(_) => "denied".into(),
                None => "approved".into(),
            },
            run: None,
            failure: None,
        };
        Ok(BatchReport {
            digest: decision.digest.clone(),
            items: decision.items.iter().map(item).collect(),
        })
    }

    async fn delegations(&self, _who: &Principal, _all: bool) -> Result<Vec<Delegation>, Refusal> {
        Ok(self.state().delegations.clone())
    }

    async fn delegate(&self, who: &Principal, new: &NewDelegation) -> Result<Delegation, Refusal> {
        if new.deputy == who.name {
            return Err(Refusal::new("no_deputy", "you decide for yourself already"));
        }
        let given = Delegation {
            id: "dep-1".into(),
            delegator: who.name.clone(),
            deputy: new.deputy.clone(),
            approver: new.approver.clone(),
            from: "2026-11-22T00:00:00Z".into(),
            until: "2026-11-24T00:00:00Z".into(),
            state: "in_force".into(),
        };
        self.state().delegations.push(given.clone());
        Ok(given)
    }

    async fn end_delegation(&self, _who: &Principal, id: &str) -> Result<(), Refusal> {
        let mut state = self.state();
        let found = state.delegations.iter_mut().find(|one| one.id == id);
        let found = found.ok_or_else(|| Refusal::new("not_found", "there is none"))?;
        found.state = "ended".into();
        Ok(())
    }

    async fn deny(
        &self,
        who: &Principal,
        approval: &str,
        digest: &str,
        reason: &str,
        _signature: Option<&str>,
    ) -> Result<RunReport, Refusal> {
        self.decide(who, approval, digest, |card, run| {
            card.state = "denied".into();
            card.denial_reason = Some(reason.into());
            run.state = RunState::Denied;
            run.failure = Some(Failure {
                kind: "rejected".into(),
                message: format!("a person said no: {reason}"),
                hint: None,
                pointer: None,
            });
        })
    }

    async fn undo(
        &self,
        _who: &Principal,
        run: &str,
        options: UndoOptions,
    ) -> Result<UndoReport, Refusal> {
        Ok(UndoReport {
            run: run.into(),
            undo_run: None,
            outcome: if options.plan { "planned" } else { "undone" }.into(),
            steps: vec![UndoStep {
                position: Some(2),
                action: "put back what `sql.execute` replaced on `orders`".into(),
                outcome: if options.plan { "planned" } else { "undone" }.into(),
                held_by: Some("finance".into()),
                approvers: vec!["group:finance".into()],
                note: options.fields.then(|| "<b>by fields</b>".into()),
                ..UndoStep::default()
            }],
        })
    }

    async fn figures(&self, _who: &Principal, period: Period) -> Result<Report, Refusal> {
        let mut state = self.state();
        state.periods.push(period);
        Ok(state.figures.clone())
    }

    async fn log(&self, _who: &Principal, filter: LogFilter) -> Result<LogPage, Refusal> {
        let mut state = self.state();
        let full = filter.limit == Some(1);
        state.filters.push(filter);
        Ok(LogPage {
            next: state
                .lines
                .last()
                .filter(|_| full)
                .map(|line| LogPlace::After(line.seq)),
            lines: state.lines.clone(),
        })
    }

    async fn queue(&self, _who: &Principal, all: bool) -> Result<Vec<QueueItem>, Refusal> {
        let mut items = self.state().items.clone();
        items.retain(|item| all || item.state == "open");
        Ok(items)
    }

    async fn queues(&self, _who: &Principal) -> Result<Vec<QueueSummary>, Refusal> {
        let state = self.state();
        let open = |item: &&QueueItem| item.state == "open";
        Ok(vec![QueueSummary {
            name: "failures".into(),
            owner: "group:operators".into(),
            classes: vec!["in_doubt".into()],
            deliveries: Vec::new(),
            open: state.items.iter().filter(open).count() as u64,
            dead: 0,
            oldest: None,
        }])
    }

    async fn queue_item(&self, _who: &Principal, id: &str) -> Result<QueueItem, Refusal> {
        let items = self.state().items.clone();
        let found = items.into_iter().find(|item| item.id == id);
        found.ok_or_else(|| Refusal::new("unknown_approval", "there is no such item"))
    }

    async fn resolve(
        &self,
        who: &Principal,
        id: &str,
        resolution: Resolution,
        note: &str,
        reply: Option<Value>,
    ) -> Result<RunReport, Refusal> {
        let mut state = self.state();
        let item = state
            .items
            .iter_mut()
            .find(|item| item.id == id)
            .ok_or_else(|| Refusal::new("unknown_approval", "there is no such item"))?;
        let refused = |kind: &'static str, message: &str| Err(Refusal::new(kind, message));
        match () {
            () if who.kind != PrincipalKind::Person => return refused("not_a_person", "no person"),
            () if who.name == item.principal => {
                return refused("requester", "whoever asked for a call cannot settle it");
            }
            () if item.state != "open" => {
                return refused("already_decided", "this was settled before");
            }
            () => {}
        }
        item.state = "resolved".into();
        item.resolved_by = Some(who.name.clone());
        item.note = Some(note.into());
        let done = resolution == Resolution::Done;
        item.resolution = Some(if done { "done" } else { "not_done" }.into());
        let call = ToolCall {
            connector: item.connector.clone(),
            tool: item.tool.clone(),
            ..ToolCall::default()
        };
        let mut run = report(1, &call, who);
        run.state = if done {
            RunState::Done
        } else {
            RunState::Failed
        };
        state.resolutions.push((resolution, note.into(), reply));
        Ok(run)
    }
}

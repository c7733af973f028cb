//! What follows a call: people decide, runs are taken back and repeated, cases are
//! opened and closed, and all of it over the faces too.

use reqwest::Method;
use serde_json::{Value, json};
use tollgate_runtime::{CaseClaim, NewCase, Resolution, RunState};

use crate::calls::{asked, came};
use crate::canary::Kind;
use crate::chance::Chance;
use crate::tenant::{Tenant, keep};
use crate::world::{World, whole};

impl World {
    /// A call that waits for a person, who looks at its card and decides.
    pub(crate) async fn held(&self, tenant: &Tenant, chance: &mut Chance) -> String {
        let number = chance.below(1_000_000_000);
        let text = format!("{} {number}", tenant.words.of(Kind::Input));
        let call = match chance.below(2) {
            0 => {
                let input = json!({"destination": "desk", "method": "POST", "path": ["payments"],
                    "json": {"to": text}});
                asked(tenant, chance, "caller", "pay", input)
            }
            _ => {
                let path = format!("sent-{number}.txt");
                let input = json!({"key": "key-1", "path": path, "text": text});
                asked(tenant, chance, "hostile", "send", input)
            }
        };
        let tool = call.tool.clone();
        let (report, came) = self.called(tenant, &tenant.agent, call).await;
        let Some(report) = report.filter(|report| report.state == RunState::Held) else {
            return came;
        };
        let approval = report.pending.as_ref().unwrap().approval.clone();
        let card = self.host.card(&tenant.mira, &approval).await;
        tenant.is_shown("cards", &card);
        let digest = card.unwrap().digest;
        {
            let mut known = tenant.known.lock().unwrap();
            keep(&mut known.approvals, (approval.clone(), digest.clone()));
        }
        let host = &self.host;
        let because = tenant.words.of(Kind::Approval);
        let no = tenant.words.of(Kind::Denial);
        let (tried, decided) = match chance.below(7) {
            0..=2 => {
                let decided = host.approve_because(&tenant.mira, &approval, &digest, Some(because));
                ("approved", decided.await)
            }
            3 => (
                "denied",
                host.deny(&tenant.noor, &approval, &digest, no).await,
            ),
            4 => {
                let input = match tool.as_str() {
                    "pay" => json!({"destination": "desk", "method": "POST",
                        "path": ["payments"], "json": {"to": "nobody"}}),
                    _ => {
                        json!({"key": "key-2", "path": format!("edited-{number}.txt"), "text": text})
                    }
                };
                (
                    "edited",
                    host.edit(&tenant.noor, &approval, &digest, &input).await,
                )
            }
            5 => {
                let digest = "0".repeat(64);
                (
                    "changed",
                    host.approve(&tenant.mira, &approval, &digest).await,
                )
            }
            _ => return "left".to_owned(),
        };
        tenant.is_shown("decisions", &decided);
        match decided {
            Ok(report) => {
                tenant.remembers(&report);
                format!("{tried}: {}", report.state.as_str())
            }
            Err(error) => format!("{tried}: {}", error.kind()),
        }
    }

    /// A write without a key whose answer is lost: a person says what became of it.
    pub(crate) async fn in_doubt(&self, tenant: &Tenant, chance: &mut Chance) -> String {
        let word = tenant.words.of(Kind::Input);
        let input = json!({"destination": "desk", "method": "POST", "path": ["notes"],
            "json": {"fault": "torn", "said": format!("{word} {}", chance.below(1_000_000))}});
        let call = asked(tenant, chance, "caller", "create", input);
        let (report, came) = self.called(tenant, &tenant.agent, call).await;
        let Some(report) = report.filter(|report| report.state == RunState::InDoubt) else {
            return came;
        };
        let items = self.host.queue(&tenant.mira, false).await;
        tenant.is_shown("queue", &items);
        let items = items.unwrap();
        let Some(item) = items.iter().find(|item| item.run == report.run) else {
            return "in doubt, and in no queue".to_owned();
        };
        self.resolved(tenant, &item.id, chance).await
    }

    async fn resolved(&self, tenant: &Tenant, item: &str, chance: &mut Chance) -> String {
        keep(&mut tenant.known.lock().unwrap().items, item.to_owned());
        let resolution = *chance.one(&[Resolution::Done, Resolution::NotDone]);
        let note = tenant.words.of(Kind::Note);
        let resolved = self
            .host
            .resolve(&tenant.mira, item, resolution, note, None);
        let resolved = resolved.await;
        tenant.is_shown("decisions", &resolved);
        match resolved {
            Ok(report) => format!("resolved: {}", report.state.as_str()),
            Err(error) => format!("resolved: {}", error.kind()),
        }
    }

    /// People look at their queues and end what is in them.
    pub(crate) async fn queue_worked_on(&self, tenant: &Tenant, chance: &mut Chance) -> String {
        tenant.is_shown("queue", &self.host.queues(&tenant.mira).await);
        let items = self.host.queue(&tenant.mira, false).await;
        tenant.is_shown("queue", &items);
        let mut came = "empty".to_owned();
        // As many as keep the queues from growing.
        for item in items.unwrap().iter().take(20) {
            came = self.resolved(tenant, &item.id, chance).await;
        }
        came
    }

    /// A run that did something is taken back, or its plan is looked at.
    pub(crate) async fn undone(&self, tenant: &Tenant, chance: &mut Chance) -> String {
        let writes = tenant.known.lock().unwrap().writes.clone();
        if writes.is_empty() {
            return "nothing yet".to_owned();
        }
        // The newest are most likely to be as they were left.
        let newest = &writes[writes.len().saturating_sub(20)..];
        let run = chance.one(newest);
        let plan = chance.below(3) == 0;
        let undone = self.host.undo(&tenant.agent, run, plan).await;
        tenant.is_shown("undo", &undone);
        match undone {
            Ok(report) => report.outcome,
            Err(error) => error.kind().to_owned(),
        }
    }

    pub(crate) async fn replayed(&self, tenant: &Tenant, chance: &mut Chance) -> String {
        let runs = tenant.known.lock().unwrap().runs.clone();
        if runs.is_empty() {
            return "nothing yet".to_owned();
        }
        let run = chance.one(&runs);
        let replayed = self.host.replay(tenant.name(), run).await;
        tenant.is_shown("replay", &replayed);
        match replayed {
            Ok(report) if report.identical => "identical".to_owned(),
            Ok(report) => {
                let of_run = self.host.run(&tenant.mira, run).await.unwrap();
                panic!(
                    "{of_run:?} is no longer what it was: {:?}",
                    report.difference
                );
            }
            Err(error) => error.kind().to_owned(),
        }
    }

    /// How far runs have come, asked by an agent and by a person.
    pub(crate) async fn looked_at(&self, tenant: &Tenant, chance: &mut Chance) -> String {
        let runs = tenant.known.lock().unwrap().runs.clone();
        if runs.is_empty() {
            return "nothing yet".to_owned();
        }
        let run = chance.one(&runs);
        let who = *chance.one(&[&tenant.agent, &tenant.mira]);
        let report = self.host.run(who, run).await;
        tenant.is_shown("results", &report);
        report.map_or_else(|error| error.kind().to_owned(), |report| came(&report))
    }

    /// A case of a workflow, from its opening to its end.
    pub(crate) async fn casework(&self, tenant: &Tenant, chance: &mut Chance) -> String {
        let word = tenant.words.of(Kind::Case);
        let new = NewCase {
            workflow: "counting".to_owned(),
            inputs: json!({"key": word}).as_object().unwrap().clone(),
            ..NewCase::default()
        };
        let who = *chance.one(&[&tenant.clerk, &tenant.mira]);
        let opened = self.host.open_case(who, new).await;
        tenant.is_shown("cases", &opened);
        let opened = match opened {
            Ok(opened) => opened,
            Err(error) => return error.kind().to_owned(),
        };
        keep(&mut tenant.known.lock().unwrap().cases, opened.case.clone());
        let mut call = asked(tenant, chance, "hostile", "echo", json!({"value": word}));
        call.case = Some(opened.case.clone());
        self.called(tenant, &tenant.clerk, call).await;
        let claim = CaseClaim {
            state: "completed".to_owned(),
            note: Some(format!("that is it: {word}")),
        };
        let closed = self
            .host
            .close_case(&tenant.clerk, &opened.case, claim)
            .await;
        tenant.is_shown("cases", &closed);
        closed.map_or_else(|error| error.kind().to_owned(), |closed| closed.state)
    }

    /// A call as a program makes it.
    pub(crate) async fn over_rest(&self, tenant: &Tenant, chance: &mut Chance) -> String {
        let value = json!({"value": tenant.words.of(Kind::Input)});
        let (connector, tool, input) = match chance.below(4) {
            0 => ("hostile", "config_value", json!({"key": "key"})),
            1 => (
                "hostile",
                "panics",
                json!({"message": tenant.words.of(Kind::Panic)}),
            ),
            2 => ("hostile", "no_such_tool", value),
            _ => ("hostile", "echo", value),
        };
        let call = json!({"connector": connector, "tool": tool, "input": input,
            "case": format!("case-{}", chance.below(12)), "reason": tenant.words.of(Kind::Reason)});
        let sent = self.request(Method::POST, "/v1/calls", &tenant.agent_token);
        let answer = sent.json(&call).send().await.unwrap();
        let status = answer.status();
        tenant.reads("rest", whole(answer).await);
        status.as_u16().to_string()
    }

    /// A call, or the list of tools, as an agent's client makes it.
    pub(crate) async fn over_mcp(&self, tenant: &Tenant, chance: &mut Chance) -> String {
        let runs = tenant.known.lock().unwrap().runs.clone();
        let (method, parameters) = match chance.below(4) {
            0 => ("tools/list", json!({})),
            1 if !runs.is_empty() => {
                let run = json!({"run": chance.one(&runs)});
                (
                    "tools/call",
                    json!({"name": "tollgate.run", "arguments": run}),
                )
            }
            2 => {
                let key =
                    json!({"key": "key", "_tollgate": {"reason": tenant.words.of(Kind::Reason)}});
                (
                    "tools/call",
                    json!({"name": "hostile.config_value", "arguments": key}),
                )
            }
            _ => {
                let id = (1 + chance.below(8)).to_string();
                let ask = json!({"destination": "desk", "method": "GET", "path": ["tickets", id]});
                (
                    "tools/call",
                    json!({"name": "caller.read", "arguments": ask}),
                )
            }
        };
        let text = self.mcp(&tenant.agent_token, method, parameters).await;
        tenant.reads("mcp", &text);
        let body = text.split_once('\n').map_or("", |(_, body)| body);
        let body: Value = serde_json::from_str(body).unwrap_or_default();
        match (&body["error"], &body["result"]) {
            (Value::Null, Value::Null) => "no answer".to_owned(),
            (Value::Null, result) if result["isError"] == true => format!("{method}: error"),
            (Value::Null, _) => format!("{method}: done"),
            _ => format!("{method}: protocol error"),
        }
    }

    pub(crate) async fn mcp(&self, token: &str, method: &str, parameters: Value) -> String {
        let message = json!({"jsonrpc": "2.0", "id": 1, "method": method, "params": parameters});
        let sent = self.request(Method::POST, "/mcp", token);
        let sent = sent.header("accept", "application/json, text/event-stream");
        whole(sent.json(&message).send().await.unwrap()).await
    }
}

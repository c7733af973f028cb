//! The mix of calls: ordinary ones and every kind of fault, of both tenants at once,
//! under names that both use.

use std::collections::BTreeMap;
use std::sync::Mutex;

use serde_json::{Value, json};
use tollgate_runtime::{Principal, RunReport, RunState, ToolCall};

use crate::canary::Kind;
use crate::chance::Chance;
use crate::tenant::{Tenant, keep};
use crate::world::World;

/// What calls came to, by what they tried.
#[derive(Default)]
pub(crate) struct Counts(Mutex<BTreeMap<(&'static str, String), u64>>);

impl Counts {
    pub(crate) fn add(&self, tried: &'static str, came: String) {
        *self.0.lock().unwrap().entry((tried, came)).or_default() += 1;
    }

    pub(crate) fn all(&self) -> BTreeMap<(&'static str, String), u64> {
        self.0.lock().unwrap().clone()
    }

    /// How often a fault was met: what was tried, and a part of what it came to.
    pub(crate) fn met(&self, tried: &str, came: &str) -> u64 {
        let all = self.all();
        let met = all
            .iter()
            .filter(|((t, c), _)| *t == tried && c.contains(came));
        met.map(|(_, count)| count).sum()
    }
}

/// What is tried, and how often in relation to others.
const MIX: &[(u64, &str)] = &[
    (20, "kv"),
    (16, "file"),
    (12, "sql"),
    (8, "config"),
    (10, "request key"),
    (12, "http read"),
    (8, "http write"),
    (6, "http create"),
    (5, "hand over"),
    (3, "server error"),
    (1, "server silent"),
    (2, "answer torn"),
    (2, "credential echoed"),
    (2, "trap"),
    (2, "panic"),
    (1, "endless"),
    (1, "too much memory"),
    (2, "bad answer"),
    (2, "written, then trapped"),
    (6, "not granted"),
    (3, "not valid"),
    (2, "denied by a rule"),
    (10, "held"),
    (2, "in doubt"),
    (8, "undo"),
    (5, "replay"),
    (6, "look"),
    (4, "case"),
    (6, "rest"),
    (6, "mcp"),
    (2, "queue"),
];

/// What is tried at this place of a list of all.
pub(crate) fn one_of_all(at: u64) -> Option<&'static str> {
    Some(MIX.get(usize::try_from(at).ok()?)?.1)
}

/// What is tried, by weight.
pub(crate) fn by_chance(chance: &mut Chance) -> &'static str {
    let mut at = chance.below(MIX.iter().map(|(weight, _)| weight).sum());
    for (weight, tried) in MIX {
        if at < *weight {
            return tried;
        }
        at -= weight;
    }
    unreachable!("a number below the sum of all weights")
}

impl World {
    /// One call of one tenant.
    pub(crate) async fn step(
        &self,
        tenant: &Tenant,
        tried: &'static str,
        chance: &mut Chance,
        counts: &Counts,
    ) {
        let came = match tried {
            "held" => self.held(tenant, chance).await,
            "in doubt" => self.in_doubt(tenant, chance).await,
            "undo" => self.undone(tenant, chance).await,
            "replay" => self.replayed(tenant, chance).await,
            "look" => self.looked_at(tenant, chance).await,
            "case" => self.casework(tenant, chance).await,
            "rest" => self.over_rest(tenant, chance).await,
            "mcp" => self.over_mcp(tenant, chance).await,
            "queue" => self.queue_worked_on(tenant, chance).await,
            _ => {
                let (connector, tool, input) = input(tried, tenant, chance);
                let call = asked(tenant, chance, connector, tool, input);
                let call = match tried {
                    "request key" => ToolCall {
                        request_key: Some(call.input["value"]["key"].as_str().unwrap().to_owned()),
                        case: None,
                        ..call
                    },
                    _ => call,
                };
                self.called(tenant, &tenant.agent, call).await.1
            }
        };
        counts.add(tried, came);
    }

    /// A call, searched and remembered; with what it came to, in a word or two.
    pub(crate) async fn called(
        &self,
        tenant: &Tenant,
        who: &Principal,
        call: ToolCall,
    ) -> (Option<RunReport>, String) {
        let writes = is_write(&call);
        let result = self.host.call(who, call).await;
        tenant.is_shown("results", &result);
        match result {
            Ok(report) => {
                tenant.remembers(&report);
                let came = came(&report);
                if writes && report.state == RunState::Done {
                    keep(&mut tenant.known.lock().unwrap().writes, report.run.clone());
                }
                (Some(report), came)
            }
            Err(error) => (None, error.kind().to_owned()),
        }
    }
}

/// What a report says, in a word or two.
pub(crate) fn came(report: &RunReport) -> String {
    if let Some(failure) = &report.failure {
        return failure.kind.clone();
    }
    let output = report.output.as_ref();
    let error = output.and_then(|output| output["error"].as_str());
    let refused = output.filter(|output| output["done"] == false);
    let refused = refused.and_then(|output| output["answer"].as_str());
    match error.or(refused) {
        Some(text) => text.chars().take_while(|c| c.is_alphanumeric()).collect(),
        None => report.state.as_str().to_owned(),
    }
}

/// Whether there may be something to take back.
fn is_write(call: &ToolCall) -> bool {
    let verb = call.input["verb"].as_str();
    match call.tool.as_str() {
        "try_kv" | "try_file" => matches!(verb, Some("set" | "write" | "delete" | "remove")),
        "try_sql" => call.input["execute"] == true,
        "change" | "create" | "hand_over" => true,
        _ => false,
    }
}

/// A call with what an agent may say with it: the same case names in all tenants.
pub(crate) fn asked(
    tenant: &Tenant,
    chance: &mut Chance,
    connector: &str,
    tool: &str,
    input: Value,
) -> ToolCall {
    let reason = format!("because {}", tenant.words.of(Kind::Reason));
    ToolCall {
        connector: connector.to_owned(),
        tool: tool.to_owned(),
        input,
        case: (chance.below(3) > 0).then(|| format!("case-{}", chance.below(12))),
        trigger: (chance.below(3) == 0).then(|| reason.clone()),
        reason: Some(reason),
        subject: (chance.below(4) == 0).then(|| "ada@example.com".to_owned()),
        ..ToolCall::default()
    }
}

fn input(tried: &str, tenant: &Tenant, chance: &mut Chance) -> (&'static str, &'static str, Value) {
    let word = |kind| tenant.words.of(kind);
    let number = chance.below(1_000_000);
    let key = format!("key-{}", chance.below(12));
    let path = format!("folder/file-{}.txt", chance.below(12));
    let text = |kind| format!("{} {number}", word(kind));
    let get = |path: &str| json!({"destination": "desk", "method": "GET", "path": [path]});
    match tried {
        "kv" => {
            let verb = *chance.one(&["set", "set", "get", "keys", "delete"]);
            let key = if verb == "keys" { "key-".into() } else { key };
            let set =
                json!({"verb": verb, "store": "scratch", "key": key, "value": text(Kind::Kv)});
            ("hostile", "try_kv", set)
        }
        "file" => {
            let verb = *chance.one(&["write", "write", "read", "list", "remove"]);
            let path = *chance.one(&[path.as_str(), "given.txt"]);
            // What was given stays for the end.
            let verb = match (verb, path) {
                ("write" | "remove", "given.txt") => "read",
                _ => verb,
            };
            let file =
                json!({"verb": verb, "directory": "box", "path": path, "text": text(Kind::File)});
            ("hostile", "try_file", file)
        }
        "sql" => {
            let (statement, execute) = *chance.one(&[
                (
                    "SELECT id, customer, status FROM orders ORDER BY id LIMIT 20",
                    false,
                ),
                ("SELECT count(*) FROM orders WHERE customer <> ?", false),
                (
                    "SELECT id, customer FROM orders WHERE 1 = 1 OR status = ? LIMIT 9",
                    false,
                ),
                ("UPDATE orders SET status = ? WHERE id < 20", true),
                (
                    "INSERT INTO orders (customer, status) VALUES (?, 'new')",
                    true,
                ),
                (
                    "DELETE FROM orders WHERE status = 'new' AND id > 10 AND customer <> ?",
                    true,
                ),
                ("DELETE FROM orders WHERE status = 'new' AND id > 40", true),
            ]);
            let parameters: Vec<_> = statement.matches('?').map(|_| text(Kind::Row)).collect();
            let sql = json!({"database": "orders", "statement": statement,
                "parameters": parameters, "execute": execute});
            ("hostile", "try_sql", sql)
        }
        "config" => ("hostile", "config_value", json!({"key": "key"})),
        "request key" => {
            let key = format!("request-{}", chance.below(40));
            let value = json!({"value": {"key": key, "said": word(Kind::Input)}});
            ("hostile", "echo", value)
        }
        "http read" => {
            let id = (1 + chance.below(10)).to_string();
            let ask = json!({"destination": "desk", "method": "GET", "path": ["tickets", id]});
            ("caller", "read", ask)
        }
        "http write" => {
            let id = (1 + chance.below(8)).to_string();
            let ask = json!({"destination": "desk", "method": "PATCH", "path": ["tickets", id],
                "json": {"status": text(Kind::Input)}});
            ("caller", "change", ask)
        }
        "http create" => {
            let ask = json!({"destination": "desk", "method": "POST", "path": ["tickets"],
                "json": {"subject": text(Kind::Input)}});
            ("caller", "create", ask)
        }
        "hand over" => {
            let handed = text(Kind::Handoff);
            let item = json!({"queue": "refunds", "summary": handed, "reason": handed,
                "details": {"order": handed}});
            ("handover", "hand_over", item)
        }
        "server error" => ("caller", "read", get("broken")),
        "server silent" => ("caller", "read", get("silent")),
        "answer torn" => ("caller", "read", get("torn")),
        "credential echoed" => ("caller", "read", get("echo")),
        "trap" => ("hostile", "traps", json!({})),
        "panic" => ("hostile", "panics", json!({"message": text(Kind::Panic)})),
        "endless" => ("hostile", "spin", json!({})),
        "too much memory" => ("hostile", "memory_bomb", json!({"amount": 4_000})),
        "bad answer" => {
            let tool = *chance.one(&["bad_json", "bad_shape"]);
            ("hostile", tool, json!({}))
        }
        "written, then trapped" => ("hostile", "write_then_trap", json!({"key": key})),
        "not granted" => not_granted(chance, &text(Kind::Input)),
        "not valid" => match chance.below(3) {
            0 => ("hostile", "try_kv", json!({"verb": text(Kind::Input)})),
            1 => (
                "hostile",
                "no_such_tool",
                json!({"value": text(Kind::Input)}),
            ),
            _ => ("nobody", "echo", json!({"value": text(Kind::Input)})),
        },
        "denied by a rule" => ("hostile", "issue", json!({"number": text(Kind::Input)})),
        other => panic!("nothing is tried as {other}"),
    }
}

fn not_granted(chance: &mut Chance, word: &str) -> (&'static str, &'static str, Value) {
    match chance.below(5) {
        0 => {
            let outside = json!({"verb": "write", "directory": "box", "path": format!("../{word}"), "text": word});
            ("hostile", "try_file", outside)
        }
        1 => {
            let other = json!({"verb": "write", "directory": "safe", "path": word, "text": word});
            ("hostile", "try_file", other)
        }
        2 => {
            let other = json!({"verb": "set", "store": "safe", "key": "key-1", "value": word});
            ("hostile", "try_kv", other)
        }
        3 => {
            let other = json!({"database": "orders", "execute": true, "parameters": [word],
                "statement": "UPDATE orders SET tenant = ?"});
            ("hostile", "try_sql", other)
        }
        _ => {
            let other = json!({"destination": "desk", "method": "DELETE", "path": ["tickets", "1"],
                "json": {"said": word}});
            ("caller", "change", other)
        }
    }
}

//! One hand-off from start to end, on real data, through a real MCP connection:
//! a customer asks for a refund over the limit. The agent looks the order up
//! (allowed), notes the case in a workbook (allowed, and undoable), and asks for
//! the refund (held). A person approves; the journal is verified; the workbook
//! row is taken back.

mod agent;
mod scene;

use std::io::IsTerminal as _;
use std::path::Path;
use std::sync::Arc;

use anyhow::{Context as _, bail};
use serde_json::{Value, json};
use tokio::net::TcpListener;
use tollgate_runtime::{Host, Principal, PrincipalKind, Role, RunReport, RunState};
use tollgate_server::{FaceOptions, Gatekeeper, router, serve};

use crate::arguments::{Demo, Home};
use crate::exit::Exit;
use crate::output;
use crate::remote::Client;
use crate::serve::options;
use agent::Agent;

const CASE: &str = "ticket-4711";

pub(crate) async fn run(demo: &Demo, as_json: bool) -> anyhow::Result<Exit> {
    let interactive =
        !demo.yes && std::io::stdin().is_terminal() && std::io::stderr().is_terminal();
    let folder = scene::folder(demo.folder.as_deref())?;
    say(
        "1",
        "Building the bundled connectors and some data to work on",
    );
    let connectors = scene::build_connectors()?;
    scene::make_data(&folder).await?;

    say(
        "2",
        "Starting a host on loopback, with its store in one file",
    );
    let host = Host::open(options(&Home::at(&folder), Role::Serve)?).await?;
    for connector in &connectors {
        let bar = output::busy(format!("compiling {}", connector.name));
        let installed = host
            .install(
                &connector.manifest_name,
                &connector.manifest,
                &connector.component,
                "demo",
            )
            .await;
        bar.finish_and_clear();
        installed.with_context(|| format!("cannot install {}", connector.name))?;
    }
    let agent_token = host
        .add_principal(&principal("desk-agent", PrincipalKind::Agent, &[]))
        .await?;
    let mira_token = host
        .add_principal(&principal("mira", PrincipalKind::Person, &["finance"]))
        .await?;
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    let url = format!("http://{}", listener.local_addr()?);
    let gatekeeper: Arc<dyn Gatekeeper> = Arc::new(host.clone());
    let routes = router(gatekeeper, &FaceOptions::at(&url))?;
    let (stop, stopped) = tokio::sync::oneshot::channel::<()>();
    let server = tokio::spawn(serve(listener, routes, async {
        let _ = stopped.await;
    }));

    let scene = Scene {
        host: &host,
        folder: &folder,
        url: &url,
        agent_token: &agent_token,
        mira_token: &mira_token,
    };
    let played = scene.play(interactive).await;
    let _ = stop.send(());
    server.await??;
    host.shutdown().await;
    let summary = played?;
    if as_json {
        output::json(&summary);
    }
    Ok(if summary["ok"] == true {
        Exit::Success
    } else {
        Exit::Failure
    })
}

struct Scene<'a> {
    host: &'a Host,
    folder: &'a Path,
    url: &'a str,
    agent_token: &'a str,
    mira_token: &'a str,
}

impl Scene<'_> {
    async fn play(&self, interactive: bool) -> anyhow::Result<Value> {
        let agent = Agent::connect(self.url, self.agent_token, CASE).await?;
        say(
            "3",
            &format!(
                "The agent connects over MCP at {}/mcp and sees {} tools",
                self.url,
                agent.tools().await?
            ),
        );

        let order = agent
            .call(
                "database.lookup",
                json!({ "query": "order", "params": { "order_id": 1042 } }),
                "find the customer's order",
            )
            .await?;
        let found = &order.content["rows"][0];
        say("4", &format!("It looks up order 1042: allowed. {found}"));

        let noted = agent
            .call(
                "spreadsheet.append_row",
                json!({ "file": "tracker.xlsx", "key": "case", "values": {
                    "case": CASE, "order": 1042, "customer": found["customer"], "status": "refund asked",
                }}),
                "note the case in the tracker",
            )
            .await?;
        say(
            "5",
            &format!(
                "It notes the case in the workbook: allowed, and undoable. Row {}",
                noted.content["row"]
            ),
        );

        let refund = json!({ "statement": "refund", "params": { "order_id": 1042, "amount_cents": 12900, "reason": "arrived broken" } });
        let held = agent
            .call(
                "database.execute",
                refund.clone(),
                "the customer sent photos of the damage",
            )
            .await?;
        if held.state != "held" {
            bail!("the refund was not held: {}", held.content);
        }
        let again = agent
            .call(
                "database.execute",
                refund,
                "the customer sent photos of the damage",
            )
            .await?;
        let pending = &held.content["_tollgate"]["pending"];
        say(
            "6",
            &format!(
                "It asks for a refund of 129.00: held, until {} decides on “{}”",
                text(&pending["approvers"][0]),
                text(&pending["title"])
            ),
        );
        say(
            " ",
            &format!("Asking again gives the same run: {}", again.run == held.run),
        );

        let approval = pending["approval"]
            .as_str()
            .context("a held call names its approval")?;
        let decided = if interactive {
            self.wait_for_a_person(approval, &held.run).await?
        } else {
            say(
                "7",
                "Mira of finance, a person with a credential of her own, approves it",
            );
            let mira = Client::new(self.url, self.mira_token.to_owned())?;
            let card = mira.card(approval).await?;
            output::note(format!("     what she sees: {}", card.title));
            mira.approve(approval, &card.digest).await?
        };
        say(
            "8",
            &format!(
                "The run goes on from the held call: {}",
                decided.state.as_str()
            ),
        );
        let seen = agent
            .call(
                "tollgate.run",
                json!({ "run": held.run }),
                "what became of it",
            )
            .await?;

        let refunds = scene::refunds(self.folder).await?;
        say("9", &format!("Refunds in the database: {refunds}"));
        self.finish(&agent, &noted, &held, decided, &seen, refunds)
            .await
    }

    async fn wait_for_a_person(&self, approval: &str, run: &str) -> anyhow::Result<RunReport> {
        let token_file = self.folder.join("mira.token");
        scene::write_private(&token_file, self.mira_token)?;
        say("7", "Now it is your turn: you are Mira of finance");
        output::note(format!("     page:     {}/approvals/{approval}", self.url));
        output::note(format!("     token:    {}", self.mira_token));
        output::note("     or, in another terminal:");
        output::note(format!(
            "     {} approve {approval} --url {} --token-file {}",
            program(),
            self.url,
            token_file.display()
        ));
        let bar = output::busy("waiting for your decision (Ctrl-C ends the demo)");
        let mira = Client::new(self.url, self.mira_token.to_owned())?;
        let report = loop {
            let report = mira.run(run, 60).await?;
            if !matches!(report.state, RunState::Held | RunState::Open) {
                break report;
            }
        };
        bar.finish_and_clear();
        Ok(report)
    }

    async fn finish(
        &self,
        agent: &Agent,
        noted: &agent::Answer,
        held: &agent::Answer,
        decided: RunReport,
        seen: &agent::Answer,
        refunds: i64,
    ) -> anyhow::Result<Value> {
        let verified = self.host.verify("default").await?;
        say(
            "10",
            &format!(
                "The journal: {} records, {}",
                verified.records,
                verified
                    .problem
                    .as_deref()
                    .unwrap_or("every one fits its tree")
            ),
        );
        let replayed = self.host.replay("default", &noted.run).await?;
        say(
            "11",
            &format!(
                "Replaying the workbook call from the journal, with no effect: {}",
                match &replayed.difference {
                    None => "identical",
                    Some(difference) => difference,
                }
            ),
        );
        let mira = Client::new(self.url, self.mira_token.to_owned())?;
        let undone = mira.undo(&noted.run, false).await?;
        let left = agent
            .call(
                "spreadsheet.read_rows",
                json!({ "file": "tracker.xlsx" }),
                "check the tracker",
            )
            .await?;
        let rows = left.content["rows"].as_array().map_or(0, Vec::len);
        say(
            "12",
            &format!(
                "The workbook row is taken back: {}; rows left: {rows}",
                undone.outcome
            ),
        );
        output::note("");
        output::note("Look at it yourself:");
        output::note(format!(
            "  the workbook       {}",
            self.folder.join("data/tracker/tracker.xlsx").display()
        ));
        output::note(format!(
            "  the whole story    {} log --home {} --case {CASE}",
            program(),
            self.folder.display()
        ));
        output::note(format!(
            "  the refund alone   {} log --home {} --run {}",
            program(),
            self.folder.display(),
            held.run
        ));
        let approved = decided.state == RunState::Done;
        let ok = verified.problem.is_none()
            && replayed.identical
            && undone.outcome == "undone"
            && (!approved || refunds == 1)
            && (approved || refunds == 0);
        Ok(json!({
            "ok": ok,
            "folder": self.folder,
            "refund_run": held.run,
            "refund_state": decided.state,
            "agent_sees": seen.state,
            "refunds": refunds,
            "records": verified.records,
            "root": verified.root,
            "verified": verified.problem.is_none(),
            "replay_identical": replayed.identical,
            "undo": undone.outcome,
            "tracker_rows": rows,
        }))
    }
}

fn principal(name: &str, kind: PrincipalKind, groups: &[&str]) -> Principal {
    Principal {
        tenant: "default".to_owned(),
        name: name.to_owned(),
        kind,
        groups: groups.iter().map(|group| (*group).to_owned()).collect(),
    }
}

/// A text out of JSON, without its quotation marks.
fn text(value: &Value) -> &str {
    value.as_str().unwrap_or_default()
}

/// This program as it can be typed here: it may not be on the path.
fn program() -> String {
    let Ok(program) = std::env::current_exe() else {
        return "tollgate".to_owned();
    };
    let here = std::env::current_dir().unwrap_or_default();
    let short = program.strip_prefix(here).unwrap_or(&program);
    short.display().to_string()
}

fn say(step: &str, what: &str) {
    output::note(format!("{step:>3}  {what}"));
}

/// A connector, built, with its manifest pinned to the component.
struct Connector {
    name: &'static str,
    manifest_name: String,
    manifest: String,
    component: Vec<u8>,
}

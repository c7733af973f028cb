//! One hand-off from start to end, over four systems, through a real MCP
//! connection: a customer writes to the support desk that the order arrived
//! broken. The agent reads the ticket, finds the customer in the CRM and the order
//! in the database, notes the case in a workbook, and asks for a refund over the
//! limit (held). A person approves; the agent writes back to desk and CRM. The
//! journal is verified and replayed, and what can be taken back is taken back.
//!
//! Nothing needs to be installed: desk and CRM are small servers of the demo's own
//! (`desk`, `crm`) that speak the requests of the story. With `--desk` a real
//! Request Tracker takes the place of the first.
//!
//! - `connectors`, `scene`, `systems`: what is there before the curtain rises
//! - `agent`, `story`, `ending`: what is played

mod agent;
mod connectors;
mod crm;
mod desk;
mod ending;
mod scene;
mod story;
mod systems;

use std::io::IsTerminal as _;
use std::path::Path;
use std::sync::Arc;

use anyhow::Context as _;
use serde_json::Value;
use tokio::net::TcpListener;
use tollgate_runtime::{Host, Principal, PrincipalKind, Role};
use tollgate_server::{FaceOptions, Gatekeeper, router, serve};

use crate::arguments::{Demo, Home};
use crate::exit::Exit;
use crate::output;
use crate::remote::Client;
use crate::serve::options;
use agent::Agent;
use connectors::Connector;
use story::{Steps, Story};
use systems::Systems;

pub(crate) async fn run(demo: &Demo, as_json: bool) -> anyhow::Result<Exit> {
    let is_interactive =
        !demo.yes && std::io::stdin().is_terminal() && std::io::stderr().is_terminal();
    let folder = scene::folder(demo.folder.as_deref())?;
    let steps = Steps::default();
    steps.say("Building the bundled connectors");
    let mut connectors = connectors::build()?;

    let systems = Systems::start(&folder, demo).await?;
    tell_systems(&steps, &systems);
    scene::make_data(&folder).await?;
    scene::settings(&folder, [&systems.desk, &systems.crm])?;
    connectors::point(&mut connectors, &systems).await?;

    let host = Host::open(options(&Home::at(&folder), Role::Serve)?).await?;
    let played = host_it(&host, &connectors, &systems, &folder, steps, is_interactive).await;
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

fn tell_systems(steps: &Steps, systems: &Systems) {
    steps.say("Four systems, with one customer's broken order in them");
    if systems.is_stand_in {
        steps.more(format!(
            "support desk  {}  a stand-in for Request Tracker",
            systems.desk.url
        ));
    } else {
        steps.more(format!(
            "support desk  {}  your Request Tracker",
            systems.desk.url
        ));
    }
    steps.more(format!(
        "CRM           {}  a stand-in for HubSpot",
        systems.crm.url
    ));
    steps.more("database      SQLite, orders and refunds");
    steps.more("workbook      tracker.xlsx");
    steps.more("A stand-in knows the requests of this story only.");
    if systems.is_stand_in {
        steps.more("Nothing leaves this machine. To use your own Request Tracker 5, give");
        steps.more("--desk URL --desk-token-file FILE.");
    }
}

/// Serve the host while the story is played.
async fn host_it(
    host: &Host,
    connectors: &[Connector],
    systems: &Systems,
    folder: &Path,
    steps: Steps,
    is_interactive: bool,
) -> anyhow::Result<Value> {
    install(host, connectors).await?;
    let agent_token = host
        .add_principal(&principal("desk-agent", PrincipalKind::Agent, &[]))
        .await?;
    let mira = principal("mira", PrincipalKind::Person, &["finance", "support"]);
    let mira_token = host.add_principal(&mira).await?;
    scene::write_private(&folder.join("mira.token"), &mira_token)?;
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    let url = format!("http://{}", listener.local_addr()?);
    let gatekeeper: Arc<dyn Gatekeeper> = Arc::new(host.clone());
    let routes = router(gatekeeper, &FaceOptions::at(&url))?;
    let (stop, stopped) = tokio::sync::oneshot::channel::<()>();
    let server = tokio::spawn(serve(listener, routes, async {
        let _ = stopped.await;
    }));

    let played = async {
        let ticket = systems.ticket_comes_in().await?;
        let agent = Agent::connect(&url, &agent_token, &format!("ticket-{ticket}")).await?;
        steps.say(format!(
            "A host on loopback; the agent connects over MCP at {url}/mcp and sees {} tools",
            agent.tools().await?
        ));
        let story = Story {
            systems,
            folder,
            url: &url,
            mira: Client::new(&url, mira_token.clone())?,
            mira_token: &mira_token,
            agent,
            ticket: &ticket,
            is_interactive,
            steps,
        };
        let runs = story.play().await?;
        story.end(host, &runs).await
    };
    let played = played.await;
    let _ = stop.send(());
    server.await??;
    played
}

async fn install(host: &Host, connectors: &[Connector]) -> anyhow::Result<()> {
    for connector in connectors {
        let bar = output::busy(format!("compiling {}", connector.name));
        let name = connector.manifest_name();
        let installed = host.install(&name, &connector.manifest, &connector.component, "demo");
        let installed = installed.await;
        bar.finish_and_clear();
        installed.with_context(|| format!("cannot install {}", connector.name))?;
    }
    Ok(())
}

fn principal(name: &str, kind: PrincipalKind, groups: &[&str]) -> Principal {
    Principal {
        identified: Default::default(),
        tenant: "default".to_owned(),
        name: name.to_owned(),
        kind,
        groups: groups.iter().map(|group| (*group).to_owned()).collect(),
    }
}

/// A text out of JSON, without its quotation marks, safe to print: others wrote it.
fn text(value: &Value) -> String {
    tollgate_policy::visible(value.as_str().unwrap_or_default())
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

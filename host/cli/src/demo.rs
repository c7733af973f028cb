//! One hand-off from start to end, over four systems, through a real MCP
//! connection: a customer writes to the support desk that the order arrived
//! broken. A person opens a case of a workflow for it. The agent reads the ticket,
//! finds the customer in the CRM and the order in the database, and notes the case in
//! a workbook. It does as the customer's text says, and asks for the money of somebody
//! else's order too: denied, and in the desk for people to look at. It asks for a
//! refund over the limit: two people must say yes, a third changes the amount, and
//! they say yes anew. The agent writes back to desk and CRM, and the case ends. The
//! journal is verified and replayed, what can be taken back is taken back, and the
//! figures of it all are drawn.
//!
//! Nothing needs to be installed: desk and CRM are small servers of the demo's own
//! (`desk`, `crm`) that speak the requests of the story. With `--desk` a real
//! Request Tracker takes the place of the first.
//!
//! | file | what |
//! |---|---|
//! | `scene`, `connectors`, `systems` | what is there before the curtain rises |
//! | `place`, `stand_in`, `desk`, `crm` | systems that are reached over HTTP |
//! | `people`, `agent` | who takes part |
//! | `story` | the order of the acts, and what each leaves for the next |
//! | `workflow`, `looking`, `failing`, `quorum`, `deciding`, `answering` | the acts |
//! | `ending`, `undoing`, `secrets`, `report` | what can be checked afterwards |
//! | `steps`, `words` | how it is told |

mod agent;
mod answering;
mod connectors;
mod crm;
mod deciding;
mod desk;
mod ending;
mod failing;
mod looking;
mod people;
mod place;
mod quorum;
mod report;
mod scene;
mod secrets;
mod stand_in;
mod steps;
mod story;
mod systems;
mod undoing;
mod words;
mod workflow;

use std::io::IsTerminal as _;
use std::path::Path;
use std::sync::Arc;

use anyhow::Context as _;
use serde_json::Value;
use tokio::net::TcpListener;
use tollgate_runtime::{Host, PrincipalKind, Role};
use tollgate_server::{FaceOptions, Gatekeeper, router, serve};

use crate::arguments::{Demo, Home};
use crate::exit::Exit;
use crate::output;
use crate::serve::options;
use agent::Agent;
use connectors::Connector;
use people::{People, principal};
use steps::Steps;
use story::Story;
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
    scene::settings(&folder, [&systems.desk, &systems.crm], &systems.queue)?;
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
    workflow::install(host, folder).await?;
    let agent = principal(workflow::AGENT, PrincipalKind::Agent, &[]);
    let agent_token = host.add_principal(&agent).await?;
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
        let case = format!("ticket-{ticket}");
        let agent = Agent::connect(&url, &agent_token, &case).await?;
        steps.say(format!(
            "A host on loopback; the agent connects over MCP at {url}/mcp"
        ));
        steps.more(format!(
            "it sees {} tools: those of its workflow, and the host's own",
            agent.tools().await?
        ));
        let story = Story {
            host,
            systems,
            folder,
            url: &url,
            people: People::arrive(host, &url, folder).await?,
            agent,
            ticket: &ticket,
            case,
            is_interactive,
            steps,
        };
        story.play().await
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

//! The stage of the demo: its folder, with settings and tokens, an order database
//! and a workbook.

use std::fs;
use std::io::Write as _;
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, bail};
use rust_xlsxwriter::{Format, Workbook};
use serde_json::Value;
use sqlx::sqlite::SqliteConnectOptions;
use sqlx::{ConnectOptions as _, Connection as _, SqliteConnection};
use tollgate_policy::queue::FailureClass;

use super::place::Place;

/// The customer's address.
pub(super) const CUSTOMER: &str = "lindqvist@example.com";

/// The customer's order.
pub(super) const ORDER: u64 = 1042;

/// An order of somebody else.
pub(super) const OTHER_ORDER: u64 = 1041;

/// The folder to work in; it must be empty.
pub(super) fn folder(wanted: Option<&Path>) -> anyhow::Result<PathBuf> {
    let folder = match wanted {
        Some(folder) => folder.to_owned(),
        None => std::env::temp_dir().join(format!("tollgate-demo-{}", std::process::id())),
    };
    if folder.is_dir() && fs::read_dir(&folder)?.next().is_some() {
        bail!("{} is not empty; name another folder", folder.display());
    }
    fs::create_dir_all(folder.join("data/tracker"))
        .with_context(|| format!("cannot make {}", folder.display()))?;
    Ok(folder.canonicalize()?)
}

/// The settings of the host: a slot for each credential, which names the file that
/// holds it and the only place that it may go to; and where failures go.
pub(super) fn settings(folder: &Path, places: [&Place; 2], desk_queue: &str) -> anyhow::Result<()> {
    let mut settings = String::new();
    for place in places {
        let file = quoted(&place.token_file.display().to_string());
        settings.push_str(&format!(
            "[[secret]]\nname = \"{}-token\"\norigin = \"{}\"\nheader = \"authorization\"\nfile = {file}\n\n",
            place.name,
            place.origin()?
        ));
    }
    settings.push_str(&queues(desk_queue));
    fs::write(folder.join("tollgate.toml"), settings)?;
    Ok(())
}

/// What a rule refused becomes a ticket of the support desk. Everything else that may
/// fail waits in a queue of its own.
fn queues(desk_queue: &str) -> String {
    let refused = FailureClass::Denied;
    let others = FailureClass::ALL.iter().filter(|class| **class != refused);
    let others: Vec<String> = others.map(|class| quoted(class.as_str())).collect();
    format!(
        r#"# What a rule refused to an agent: support looks, in its own desk.
[[queue]]
name = "support"
owner = "group:support"
classes = ["{refused}"]

[[queue.delivery]]
name = "desk"
connector = "support-desk"
tool = "create_ticket"
standing = {{ by = "person:mira", call = "http.send", destination = "desk" }}

[queue.delivery.input]
subject = "Refused to an agent: {{connector}}.{{tool}}"
text = "Case {{case}}, run {{run}}. Item {{id}} of the queue {{queue}}. Record {{record}}."
queue = {}
allow_duplicate = true

# Whatever else may fail.
[[queue]]
name = "rest"
owner = "group:support"
classes = [{}]
"#,
        quoted(desk_queue),
        others.join(", ")
    )
}

/// A JSON text is a TOML text too.
fn quoted(text: &str) -> String {
    Value::from(text).to_string()
}

/// An order database and a tracker workbook, small and real.
pub(super) async fn make_data(folder: &Path) -> anyhow::Result<()> {
    let mut orders = open(folder, true).await?;
    for statement in [
        "CREATE TABLE orders (id INTEGER PRIMARY KEY, customer TEXT NOT NULL, status TEXT NOT NULL, total_cents INTEGER NOT NULL)",
        "CREATE TABLE refunds (id INTEGER PRIMARY KEY, order_id INTEGER NOT NULL REFERENCES orders(id), amount_cents INTEGER NOT NULL CHECK (amount_cents > 0), reason TEXT NOT NULL)",
        "INSERT INTO orders VALUES (1041, 'Okafor', 'shipped', 4900), (1042, 'Lindqvist', 'delivered', 12900), (1043, 'Tanaka', 'open', 2500)",
    ] {
        sqlx::query(statement).execute(&mut orders).await?;
    }
    orders.close().await?;
    workbook(&folder.join("data/tracker/tracker.xlsx"))
}

fn workbook(path: &Path) -> anyhow::Result<()> {
    let mut workbook = Workbook::new();
    let bold = Format::new().set_bold();
    let sheet = workbook.add_worksheet();
    sheet.set_name("cases")?;
    for (column, name) in (0..).zip(["case", "order", "customer", "status"]) {
        sheet.write_with_format(0, column, name, &bold)?;
    }
    sheet.write(1, 0, "ticket-4702")?;
    sheet.write(1, 1, 1041)?;
    sheet.write(1, 2, "Okafor")?;
    sheet.write(1, 3, "closed")?;
    workbook.save(path)?;
    Ok(())
}

async fn open(folder: &Path, create: bool) -> anyhow::Result<SqliteConnection> {
    Ok(SqliteConnectOptions::new()
        .filename(folder.join("data/orders.db"))
        .create_if_missing(create)
        .connect()
        .await?)
}

/// How many refunds there are, and how many cents they are together: asked of the
/// database itself, not of Tollgate.
pub(super) async fn refunds(folder: &Path) -> anyhow::Result<(i64, i64)> {
    let mut orders = open(folder, false).await?;
    let found = sqlx::query_as("SELECT count(*), coalesce(sum(amount_cents), 0) FROM refunds")
        .fetch_one(&mut orders)
        .await?;
    orders.close().await?;
    Ok(found)
}

/// A file that only this account can read.
pub(super) fn write_private(path: &Path, text: &str) -> anyhow::Result<()> {
    let mut file = fs::OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(0o600)
        .open(path)?;
    Ok(file.write_all(text.as_bytes())?)
}

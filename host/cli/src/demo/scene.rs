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

use super::place::Place;

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
/// holds it and the only place that it may go to.
pub(super) fn settings(folder: &Path, places: [&Place; 2]) -> anyhow::Result<()> {
    let mut settings = String::new();
    for place in places {
        // A JSON text is a TOML text too.
        let file = Value::from(place.token_file.display().to_string());
        settings.push_str(&format!(
            "[[secret]]\nname = \"{}-token\"\norigin = \"{}\"\nheader = \"authorization\"\nfile = {file}\n\n",
            place.name,
            place.origin()?
        ));
    }
    fs::write(folder.join("tollgate.toml"), settings)?;
    Ok(())
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

/// How many refunds there are: asked of the database itself, not of Tollgate.
pub(super) async fn refunds(folder: &Path) -> anyhow::Result<i64> {
    let mut orders = open(folder, false).await?;
    let count = sqlx::query_scalar("SELECT count(*) FROM refunds")
        .fetch_one(&mut orders)
        .await?;
    orders.close().await?;
    Ok(count)
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

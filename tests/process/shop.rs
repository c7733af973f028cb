//! A home with the database connector, a few orders, and the people of a small
//! shop. It is installed once, by the program, and copied for each test.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::LazyLock;

use reqwest::{Method, StatusCode};
use serde_json::{Value, json};
use sqlx::sqlite::SqliteConnectOptions;
use sqlx::{ConnectOptions as _, Connection as _, SqliteConnection};
use tempfile::TempDir;
use tollgate_tests::component;

use crate::program::{self, Ended, Running};

/// Refunds over 50.00 need somebody of finance.
pub(crate) const MANIFEST: &str = include_str!("shop.toml");

/// Tokens of those who are there.
#[derive(Clone, Debug)]
pub(crate) struct People {
    pub(crate) agent: String,
    pub(crate) service: String,
    /// Of finance.
    pub(crate) mira: String,
    /// Of finance too.
    pub(crate) omar: String,
    /// Of nothing.
    pub(crate) rosa: String,
}

/// A home of its own.
pub(crate) struct Shop {
    folder: TempDir,
    pub(crate) people: People,
}

/// A host that serves a shop.
pub(crate) struct Open {
    pub(crate) process: Running,
    pub(crate) url: String,
}

static FURNISHED: LazyLock<Shop> = LazyLock::new(Shop::furnish);

impl Shop {
    pub(crate) fn new() -> Self {
        let furnished = &*FURNISHED;
        let shop = Self {
            folder: tempfile::tempdir().unwrap(),
            people: furnished.people.clone(),
        };
        copy(&furnished.home(), &shop.home());
        shop
    }

    fn furnish() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let home = folder.path().join("home");
        fs::create_dir_all(home.join("data")).unwrap();
        make_orders(&home.join("data/orders.db"));
        let manifest = folder.path().join("database.toml");
        fs::write(&manifest, MANIFEST).unwrap();
        let install = ["install", "--pin", "--home"].map(Into::into);
        let component = component("plugins/database").path.clone();
        let arguments: Vec<PathBuf> = install
            .into_iter()
            .chain([home.clone(), manifest, component])
            .collect();
        program::run(&mut program::command(arguments)).exits(0);
        let token = |name: &str, kind: &str, group: Option<&str>| {
            let mut command = program::command(["principal", name, "--kind", kind, "--home"]);
            command.arg(&home);
            if let Some(group) = group {
                command.args(["--group", group]);
            }
            program::run(&mut command).exits(0).stdout.trim().to_owned()
        };
        let people = People {
            agent: token("desk-agent", "agent", None),
            service: token("night-job", "service", None),
            mira: token("mira", "person", Some("finance")),
            omar: token("omar", "person", Some("finance")),
            rosa: token("rosa", "person", None),
        };
        Self { folder, people }
    }

    pub(crate) fn home(&self) -> PathBuf {
        self.folder.path().join("home")
    }

    /// Run the program on this home.
    pub(crate) fn run(&self, arguments: &[&str]) -> Ended {
        program::run(program::command(arguments).arg("--home").arg(self.home()))
    }

    /// The token of one more who is there.
    pub(crate) fn register(&self, name: &str, kind: &str, group: &str) -> String {
        let registered = self.run(&["principal", name, "--kind", kind, "--group", group]);
        registered.exits(0).stdout.trim().to_owned()
    }

    /// Serve it on a free port of the loopback address.
    pub(crate) fn open(&self) -> Open {
        let mut command = program::command(["serve", "--listen", "127.0.0.1:0", "--home"]);
        let mut process = Running::start(command.arg(self.home()));
        let url = process.url();
        Open { process, url }
    }

    /// Refunds there are: asked of the database itself.
    pub(crate) fn refunds(&self) -> i64 {
        refunds_in(&self.home().join("data/orders.db"))
    }

    /// Records in the journal: asked of the store itself.
    pub(crate) async fn records(&self) -> SqliteConnection {
        connection(&self.home().join("tollgate.db"), false).await
    }

    /// The database that the connector writes to.
    pub(crate) async fn orders(&self) -> SqliteConnection {
        connection(&self.home().join("data/orders.db"), false).await
    }

    /// The program finds no fault with the journal.
    pub(crate) fn verifies(&self) {
        let verified = self.run(&["verify", "--json"]).exits(0).json();
        assert!(verified.get("problem").is_none(), "{verified}");
        assert!(verified["records"].as_u64().unwrap() > 0, "{verified}");
    }
}

/// Refunds in a database.
pub(crate) fn refunds_in(path: &Path) -> i64 {
    blocking(count(path, "SELECT count(*) FROM refunds"))
}

impl Open {
    /// Run the program as somebody, against this host.
    pub(crate) fn run(&self, token: &str, arguments: &[&str]) -> Ended {
        let mut command = program::command(arguments);
        program::run(
            command
                .args(["--url", &self.url])
                .env("TOLLGATE_TOKEN", token),
        )
    }

    /// A request with a token.
    pub(crate) fn request(
        &self,
        token: &str,
        method: Method,
        path: &str,
    ) -> reqwest::RequestBuilder {
        http()
            .request(method, format!("{}{path}", self.url))
            .bearer_auth(token)
    }

    pub(crate) async fn get(&self, token: &str, path: &str) -> Answer {
        answered(self.request(token, Method::GET, path)).await
    }

    pub(crate) async fn post(&self, token: &str, path: &str, body: &Value) -> Answer {
        self.post_text(token, path, &body.to_string()).await
    }

    pub(crate) async fn post_text(&self, token: &str, path: &str, body: &str) -> Answer {
        let request = self
            .request(token, Method::POST, path)
            .body(body.to_owned());
        answered(request.header("content-type", "application/json")).await
    }

    /// A refund over the limit, asked for: the answer of the held run.
    pub(crate) async fn hold(&self, token: &str, cents: u32) -> Value {
        let call = json!({ "connector": "database", "tool": "execute", "input": refund(cents) });
        let answer = self.post(token, "/v1/calls", &call).await;
        assert_eq!(answer.status, StatusCode::ACCEPTED, "{answer:?}");
        assert_eq!(answer.body["state"], "held", "{answer:?}");
        answer.body
    }

    /// The card of a held run, as `token` sees it.
    pub(crate) async fn card(&self, token: &str, held: &Value) -> Value {
        let path = format!("/v1/approvals/{}", approval(held));
        let answer = self.get(token, &path).await;
        assert_eq!(answer.status, StatusCode::OK, "{answer:?}");
        answer.body
    }
}

/// An answer over REST.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: StatusCode,
    pub(crate) body: Value,
}

pub(crate) async fn answered(request: reqwest::RequestBuilder) -> Answer {
    let response = request.send().await.unwrap();
    let status = response.status();
    let bytes = response.bytes().await.unwrap();
    Answer {
        status,
        body: serde_json::from_slice(&bytes).unwrap_or_default(),
    }
}

/// A client that follows nothing and uses no proxy of the machine's.
pub(crate) fn http() -> reqwest::Client {
    reqwest::Client::builder()
        .no_proxy()
        .redirect(reqwest::redirect::Policy::none())
        .build()
        .unwrap()
}

/// The tool input of a refund.
pub(crate) fn refund(cents: u32) -> Value {
    json!({ "statement": "refund", "params": { "order_id": 1042, "amount_cents": cents, "reason": "arrived broken" } })
}

pub(crate) fn approval(held: &Value) -> &str {
    held["pending"]["approval"].as_str().unwrap()
}

pub(crate) async fn counted(connection: &mut SqliteConnection, table: &'static str) -> i64 {
    let query = match table {
        "records" => "SELECT count(*) FROM records",
        _ => "SELECT count(*) FROM refunds",
    };
    sqlx::query_scalar(query)
        .fetch_one(connection)
        .await
        .unwrap()
}

async fn count(path: &Path, query: &'static str) -> i64 {
    let mut open = connection(path, false).await;
    let count = sqlx::query_scalar(query)
        .fetch_one(&mut open)
        .await
        .unwrap();
    open.close().await.unwrap();
    count
}

async fn connection(path: &Path, create: bool) -> SqliteConnection {
    SqliteConnectOptions::new()
        .filename(path)
        .create_if_missing(create)
        .busy_timeout(std::time::Duration::from_secs(30))
        .connect()
        .await
        .unwrap()
}

fn make_orders(path: &Path) {
    blocking(async {
        let mut orders = connection(path, true).await;
        for statement in [
            "CREATE TABLE orders (id INTEGER PRIMARY KEY, customer TEXT NOT NULL, status TEXT NOT NULL, total_cents INTEGER NOT NULL)",
            "CREATE TABLE refunds (id INTEGER PRIMARY KEY, order_id INTEGER NOT NULL REFERENCES orders(id), amount_cents INTEGER NOT NULL CHECK (amount_cents > 0), reason TEXT NOT NULL)",
            "INSERT INTO orders VALUES (1041, 'Okafor', 'shipped', 4900), (1042, 'Lindqvist', 'delivered', 12900)",
        ] {
            sqlx::query(statement).execute(&mut orders).await.unwrap();
        }
        orders.close().await.unwrap();
    });
}

/// Wait for `work`, also inside another runtime's test.
fn blocking<T: Send>(work: impl Future<Output = T> + Send) -> T {
    std::thread::scope(|scope| {
        let alone = || {
            tokio::runtime::Builder::new_current_thread()
                .enable_all()
                .build()
                .unwrap()
                .block_on(work)
        };
        scope.spawn(alone).join().unwrap()
    })
}

fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    fs::set_permissions(to, fs::metadata(from).unwrap().permissions()).unwrap();
    for entry in fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        let target = to.join(entry.file_name());
        if entry.file_type().unwrap().is_dir() {
            copy(&entry.path(), &target);
        } else {
            fs::copy(entry.path(), target).unwrap();
        }
    }
}

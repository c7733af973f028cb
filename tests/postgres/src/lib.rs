//! A private PostgreSQL for tests: made in a temporary folder, reachable only by
//! a socket in that folder, stopped with the process that started it.
//!
//! ```no_run
//! # async fn test() {
//! use tollgate_test_postgres::PrivatePostgres;
//!
//! let Some(server) = PrivatePostgres::shared().await else { return };
//! let url = server.create_database().await;
//! # }
//! ```
//!
//! Where PostgreSQL is not installed the answer is `None`, said loudly on standard
//! error, and the test passes without having tested anything; with
//! `TOLLGATE_REQUIRE_POSTGRES=1` that is a failure.
//!
//! Everything here panics when it fails: there is no test without its server.

mod install;

use std::io::{BufRead, BufReader, Write};
use std::os::unix::process::CommandExt;
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use sqlx::postgres::PgConnection;
use sqlx::{AssertSqlSafe, Connection, Executor};
use tempfile::TempDir;
use tokio::sync::OnceCell;

use self::install::{Account, Programs};

/// The superuser of every private server.
const USER: &str = "tollgate";

const SUPERVISOR: &str = include_str!("supervisor.sh");

/// How a private server is set up.
#[derive(Debug, Clone, Default)]
pub struct Settings {
    /// A commit waits for the disk. Without it a test is faster, and a server
    /// that is stopped the hard way may lose its last commits only with the
    /// machine's power, never with the process.
    pub durable: bool,
    /// More settings, by name, e.g. `("max_connections", "20")`.
    pub more: Vec<(&'static str, &'static str)>,
}

/// A running, or stopped, private server. Dropping it stops the server and
/// removes the folder; so does the end of the process, in whatever way.
#[derive(Debug)]
pub struct PrivatePostgres(Arc<Server>);

#[derive(Debug)]
struct Server {
    programs: Programs,
    account: Option<Account>,
    folder: TempDir,
    password: String,
    options: String,
    running: Mutex<Option<Running>>,
    databases: AtomicU32,
}

#[derive(Debug)]
struct Running {
    supervisor: Child,
    commands: ChildStdin,
}

impl PrivatePostgres {
    /// A server of one's own that does not wait for the disk.
    pub async fn start() -> Option<Self> {
        Self::start_with(&Settings::default()).await
    }

    /// A server of one's own.
    pub async fn start_with(settings: &Settings) -> Option<Self> {
        let programs = Programs::find_or_say_skipped()?;
        let settings = settings.clone();
        let server = blocking(move || Server::make(programs, &settings)).await;
        Some(Self(Arc::new(server)))
    }

    /// The one server that tests of this process share, each with a database of
    /// its own. Never stop it.
    pub async fn shared() -> Option<&'static Self> {
        static SHARED: OnceCell<Option<PrivatePostgres>> = OnceCell::const_new();
        SHARED.get_or_init(Self::start).await.as_ref()
    }

    /// The URL of the maintenance database.
    #[must_use]
    pub fn url(&self) -> String {
        self.0.url("postgres")
    }

    /// Make an empty database; the answer is its URL.
    pub async fn create_database(&self) -> String {
        let number = self.0.databases.fetch_add(1, Ordering::SeqCst);
        let name = format!("test_{number}");
        self.execute(&format!("CREATE DATABASE {name}")).await;
        self.0.url(&name)
    }

    /// Run statements in the maintenance database, as a superuser.
    pub async fn execute(&self, sql: &str) {
        execute(&self.url(), sql).await;
    }

    /// Start after a [`stop`](Self::stop): same data, same URL.
    pub async fn resume(&self) {
        let server = self.0.clone();
        blocking(move || server.start()).await;
    }

    /// Stop at once, as a crash would: connections break in the middle of what
    /// they do, and the next start recovers from the log.
    pub async fn stop(&self) {
        self.stop_by("immediate").await;
    }

    /// Stop in order: connections are ended, everything is written.
    pub async fn shut_down(&self) {
        self.stop_by("fast").await;
    }

    /// [`stop`](Self::stop) and [`resume`](Self::resume).
    pub async fn restart(&self) {
        self.stop().await;
        self.resume().await;
    }

    async fn stop_by(&self, mode: &'static str) {
        let server = self.0.clone();
        blocking(move || server.stop(mode)).await;
    }
}

/// Run statements in the database of a URL.
pub async fn execute(url: &str, sql: &str) {
    let mut connection = PgConnection::connect(url)
        .await
        .unwrap_or_else(|error| panic!("cannot connect to the private PostgreSQL: {error}"));
    connection
        .execute(AssertSqlSafe(sql.to_owned()))
        .await
        .unwrap_or_else(|error| panic!("`{sql}`: {error}"));
    connection.close().await.ok();
}

async fn blocking<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> T {
    match tokio::task::spawn_blocking(work).await {
        Ok(done) => done,
        Err(error) => std::panic::resume_unwind(error.into_panic()),
    }
}

impl Server {
    fn make(programs: Programs, settings: &Settings) -> Self {
        let account = install::account_if_root();
        // A socket's path may have 107 bytes; folders of test runners are long.
        let folder = tempfile::Builder::new().prefix("tollgate-pg-").tempdir();
        let folder = folder.unwrap_or_else(|error| panic!("no temporary folder: {error}"));
        if let Some(account) = &account {
            account.give(folder.path());
        }
        let mut secret = [0; 16];
        getrandom::fill(&mut secret).unwrap_or_else(|error| panic!("no randomness: {error}"));
        let server = Self {
            options: options(folder.path(), settings),
            programs,
            account,
            folder,
            password: hex::encode(secret),
            running: Mutex::new(None),
            databases: AtomicU32::new(0),
        };
        server.init();
        server.start();
        server
    }

    fn url(&self, database: &str) -> String {
        let (password, socket) = (&self.password, self.folder.path().display());
        format!("postgres://{USER}:{password}@localhost/{database}?host={socket}")
    }

    fn command(&self, program: &std::path::Path) -> Command {
        let mut command = Command::new(program);
        command.current_dir(self.folder.path()).env_remove("PGDATA");
        if let Some(account) = &self.account {
            command.uid(account.uid).gid(account.gid);
        }
        command
    }

    fn init(&self) {
        // Whoever reaches the socket's folder may connect: its mode keeps
        // everybody else out. No sync: a machine that fails fails the test.
        let mut initdb = self.command(&self.programs.initdb);
        initdb.args(["--no-sync", "--no-instructions", "--auth=trust"]);
        initdb.args(["--encoding=UTF8", "--locale=C", "--username", USER, "-D"]);
        let done = initdb.arg(self.folder.path().join("data")).output();
        let done = done.unwrap_or_else(|error| panic!("initdb: {error}"));
        let said = String::from_utf8_lossy(&done.stderr);
        assert!(done.status.success(), "initdb: {said}");
    }

    fn start(&self) {
        let mut running = self.running.lock().unwrap_or_else(PoisonError::into_inner);
        if running.is_some() {
            return;
        }
        let mut supervisor = self.command("/bin/sh".as_ref());
        supervisor.args(["-c", SUPERVISOR, "supervisor"]);
        supervisor
            .arg(&self.programs.pg_ctl)
            .arg(self.folder.path());
        // A group of its own: an interrupt from the keyboard is for the tests;
        // the supervisor learns of it by its pipe.
        let started = supervisor
            .arg(&self.options)
            .process_group(0)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn();
        let mut supervisor = started.unwrap_or_else(|error| panic!("/bin/sh: {error}"));
        let (commands, said) = (supervisor.stdin.take(), supervisor.stdout.take());
        let (Some(commands), Some(said)) = (commands, said) else {
            panic!("a supervisor without pipes");
        };
        let mut line = String::new();
        BufReader::new(said).read_line(&mut line).ok();
        if line.trim() != "ready" {
            supervisor.wait().ok();
            let log = std::fs::read_to_string(self.folder.path().join("log"));
            panic!("PostgreSQL did not start: {}", log.unwrap_or_default());
        }
        *running = Some(Running {
            supervisor,
            commands,
        });
    }

    fn stop(&self, mode: &str) {
        let mut running = self.running.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(mut open) = running.take() {
            writeln!(open.commands, "{mode}").ok();
            open.supervisor.wait().ok();
        }
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.stop("immediate");
    }
}

fn options(folder: &std::path::Path, settings: &Settings) -> String {
    let mut options = format!(
        "-c listen_addresses='' -c unix_socket_directories={} -c max_connections=300",
        folder.display()
    );
    if !settings.durable {
        options.push_str(" -c fsync=off -c full_page_writes=off");
    }
    for (name, value) in &settings.more {
        options.push_str(&format!(" -c {name}='{value}'"));
    }
    options
}

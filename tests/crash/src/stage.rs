//! Homes, ledgers and processes of a test. Native code is made once in a test
//! process, and copied with the keys that authenticate it.

use std::fs;
use std::io::Write as _;
use std::os::unix::fs::PermissionsExt as _;
use std::os::unix::process::ExitStatusExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::OnceLock;

use rustix::process::{Pid, Signal, WaitOptions, kill_process, waitpid};
use tempfile::TempDir;
use tollgate_package::BuildOptions;
use tollgate_runtime::{Compiler, HostOptions, Role, SETTINGS_FILE};
use tollgate_test_postgres::PrivatePostgres;
use tollgate_tests::{Component, pinned, workspace};

use crate::arrivals;
use crate::counter::Counter;
use crate::effects::{self, INTERFACE};
use crate::job::{Answer, Job, Schedule};
use crate::life;
use crate::points::Strike;

/// What the guest is granted.
pub const MANIFEST: &str = r#"
connector = "effects"
component = "here"

[extension.effects.main]

[grant.kv.notes]
max_bytes = "1MiB"

[[rule]]
name = "make"
tool = ["make", "look", "fail"]
then = "allow"

[[rule]]
name = "ask"
tool = "ask"
then = { require = "boss" }

[approval.boss]
approvers = ["group:boss"]
decide_within = "1h"
execute_within = "10m"
"#;

/// A lease that lasts for a test of one process.
pub const LEASE_MS: u64 = 60_000;

/// The guest, built once in a test process.
///
/// # Panics
/// When it does not build.
#[must_use]
pub fn guest() -> &'static Component {
    static GUEST: OnceLock<Component> = OnceLock::new();
    GUEST.get_or_init(|| {
        let options = BuildOptions {
            extensions: vec![INTERFACE.to_owned()],
            ..BuildOptions::new(workspace().join("tests/guests/effects"))
        };
        let built = tollgate_package::build(&options)
            .unwrap_or_else(|error| panic!("the guest does not build: {error}"));
        let bytes = fs::read(&built.path).unwrap_or_else(|error| panic!("{error}"));
        Component {
            path: built.path,
            digest: built.digest,
            bytes,
        }
    })
}

/// A home in which the guest is installed.
fn template() -> &'static Path {
    static TEMPLATE: OnceLock<TempDir> = OnceLock::new();
    let folder = TEMPLATE.get_or_init(|| {
        let folder = folder();
        let runtime = tokio::runtime::Runtime::new().unwrap_or_else(|error| panic!("{error}"));
        runtime.block_on(install(folder.path(), None));
        folder
    });
    folder.path()
}

/// Install the guest in an empty database.
///
/// # Panics
/// When it cannot be installed.
pub async fn install_on(database: &str) {
    let home = tokio::task::spawn_blocking(|| {
        let home = folder();
        copy(template(), home.path()).map(|()| home)
    });
    match home.await {
        Ok(Ok(home)) => install(home.path(), Some(database)).await,
        other => panic!("no home: {other:?}"),
    }
}

async fn install(home: &Path, database: Option<&str>) {
    let counter = Counter::new(home.join("unused"));
    let options = HostOptions {
        extensions: vec![effects::extension(counter)],
        ..HostOptions::new(home, Compiler::InProcess, Role::Operate)
    };
    let host = match life::open_with(options, database).await {
        Ok(host) => host,
        Err(error) => panic!("{error}"),
    };
    let manifest = pinned(MANIFEST, guest());
    let installed = host
        .install("manifest.toml", &manifest, &guest().bytes, "operator")
        .await;
    if let Err(error) = installed {
        panic!("{error}");
    }
    host.shutdown().await;
}

fn folder() -> TempDir {
    TempDir::new().unwrap_or_else(|error| panic!("no temporary folder: {error}"))
}

/// A home, a ledger, and the processes that live there one after the other.
#[derive(Debug)]
pub struct Stage {
    folder: TempDir,
    database: Option<String>,
    lives: u32,
}

/// How a life ended.
#[derive(Debug)]
pub enum End {
    /// Killed, as it was told.
    Killed,
    /// By itself.
    Answered(Box<Answer>),
}

impl Default for Stage {
    fn default() -> Self {
        Self::new()
    }
}

impl Stage {
    /// An empty home in which the guest is installed.
    ///
    /// # Panics
    /// When files cannot be copied.
    #[must_use]
    pub fn new() -> Self {
        let stage = Self {
            folder: folder(),
            database: None,
            lives: 0,
        };
        stage.add_home("home");
        stage
    }

    /// The same, where what fails is [delivered](arrivals::settings) in these ways.
    ///
    /// # Panics
    /// When the settings cannot be written.
    #[must_use]
    pub fn delivering(self, kinds: &[&str]) -> Self {
        let file = self.home().join(SETTINGS_FILE);
        let written = fs::write(&file, arrivals::settings(kinds))
            .and_then(|()| fs::set_permissions(&file, fs::Permissions::from_mode(0o600)));
        if let Err(error) = written {
            panic!("no settings: {error}");
        }
        self
    }

    /// The same, with the records in this database, where the guest is
    /// [installed](install_on).
    #[must_use]
    pub fn on(database: String) -> Self {
        Self {
            database: Some(database),
            ..Self::new()
        }
    }

    /// One more home, with the same keys, for one more host.
    ///
    /// # Panics
    /// When files cannot be copied.
    pub fn add_home(&self, name: &str) -> PathBuf {
        let home = self.folder.path().join(name);
        if let Err(error) = copy(template(), &home) {
            panic!("the home cannot be copied: {error}");
        }
        home
    }

    /// Another stage, on a file, that is as this one is now. No process may live on
    /// it.
    ///
    /// # Panics
    /// When files cannot be copied.
    #[must_use]
    pub fn fork(&self) -> Self {
        let stage = Self {
            folder: folder(),
            database: None,
            lives: self.lives,
        };
        if let Err(error) = copy(self.folder.path(), stage.folder.path()) {
            panic!("the stage cannot be copied: {error}");
        }
        stage
    }

    /// The same with the records in this database, a [copy](copy_of) of this
    /// stage's.
    ///
    /// # Panics
    /// When files cannot be copied.
    #[must_use]
    pub fn fork_on(&self, database: String) -> Self {
        Self {
            database: Some(database),
            ..self.fork()
        }
    }

    /// The host's folder.
    #[must_use]
    pub fn home(&self) -> PathBuf {
        self.folder.path().join("home")
    }

    /// The ledger.
    #[must_use]
    pub fn ledger(&self) -> Counter {
        Counter::new(self.folder.path().join("ledger"))
    }

    /// What the next life is told.
    #[must_use]
    pub fn job(&self, schedules: &[Schedule], strike: Option<Strike>) -> Job {
        Job {
            home: self.home(),
            database: self.database.clone(),
            ledger: self.folder.path().join("ledger"),
            answer: self.folder.path().join(format!("answer-{}", self.lives)),
            lease_ms: LEASE_MS,
            strike,
            schedules: schedules.to_vec(),
            performs: schedules
                .iter()
                .filter(|schedule| self.lives == 0 || schedule.asks_again)
                .map(|schedule| schedule.name.clone())
                .collect(),
            lies: false,
        }
    }

    /// Start a process and wait for its end.
    ///
    /// # Panics
    /// When it ends in another way than it was told.
    pub fn live(&mut self, program: &str, schedules: &[Schedule], strike: Option<Strike>) -> End {
        let job = self.job(schedules, strike);
        self.lives += 1;
        end(start(program, &job), &job)
    }
}

/// Start a process.
///
/// # Panics
/// When it does not start.
#[must_use]
pub fn start(program: &str, job: &Job) -> Child {
    let path = job.answer.with_extension("job");
    let text = serde_json::to_vec(job).unwrap_or_else(|error| panic!("{error}"));
    fs::write(&path, text).unwrap_or_else(|error| panic!("{error}"));
    Command::new(program)
        .arg(path)
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap_or_else(|error| panic!("{program} does not start: {error}"))
}

/// Wait until a process stands still, as it was told.
///
/// # Panics
/// When it ends instead.
pub fn stopped(child: &Child) {
    let status = waitpid(Some(Pid::from_child(child)), WaitOptions::UNTRACED);
    let stopped = matches!(&status, Ok(Some((_, status))) if status.stopped());
    assert!(stopped, "it was to stand still: {status:?}");
}

/// Wake it.
///
/// # Panics
/// When it is gone.
pub fn wake(child: &mut Child) {
    if let Some(mut said) = child.stdin.take() {
        said.write_all(b".")
            .unwrap_or_else(|error| panic!("it cannot be told to go on: {error}"));
    }
    if let Err(error) = kill_process(Pid::from_child(child), Signal::CONT) {
        panic!("it cannot be woken: {error}");
    }
}

/// Wait for its end.
///
/// # Panics
/// When it ends in another way than it was told.
#[must_use]
pub fn end(child: Child, job: &Job) -> End {
    let output = child
        .wait_with_output()
        .unwrap_or_else(|error| panic!("{error}"));
    if job.strike.is_some() && output.status.signal() == Some(9) {
        return End::Killed;
    }
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{}: {said}", output.status);
    let answer = fs::read(&job.answer).unwrap_or_else(|error| panic!("no answer: {error}"));
    match serde_json::from_slice(&answer) {
        Ok(answer) => End::Answered(Box::new(answer)),
        Err(error) => panic!("its answer cannot be read: {error}"),
    }
}

/// A folder and all in it.
fn copy(from: &Path, to: &Path) -> std::io::Result<()> {
    fs::create_dir_all(to)?;
    for entry in fs::read_dir(from)? {
        let entry = entry?;
        let target = to.join(entry.file_name());
        if entry.file_type()?.is_dir() {
            copy(&entry.path(), &target)?;
        } else {
            fs::copy(entry.path(), target)?;
        }
    }
    Ok(())
}

/// A database like this one, which nobody may be connected to.
///
/// # Panics
/// When it cannot be made.
pub async fn copy_of(server: &PrivatePostgres, database: &str, number: usize) -> String {
    let (from, name) = (name_of(database), format!("copy_{number}"));
    let sql = format!("CREATE DATABASE {name} TEMPLATE {from}");
    server.execute(&sql).await;
    database.replacen(&format!("/{from}"), &format!("/{name}"), 1)
}

/// The database's name in its URL.
fn name_of(url: &str) -> &str {
    let path = url.split('?').next().unwrap_or_default();
    path.rsplit('/').next().unwrap_or_default()
}

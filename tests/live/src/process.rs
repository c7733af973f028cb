//! A server's process: in a temporary folder, under a supervisor, so that it ends
//! with the test in whatever way the test ends.

use std::fs::File;
use std::io::{BufRead, BufReader};
use std::os::unix::fs::chown;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, Command, Stdio};
use std::time::{Duration, Instant};

use tempfile::TempDir;
use tokio::sync::watch;

use crate::error::{Error, Result, tail};
use crate::judge::Judge;
use crate::wait;

const SUPERVISOR: &str = include_str!("supervisor.sh");

/// How long a server may take until it answers.
const DEADLINE: Duration = Duration::from_secs(90);

/// The account of servers that refuse to run as root.
const NOBODY: (u32, u32) = (65534, 65534);

/// A temporary folder of one server.
#[derive(Debug)]
pub(crate) struct Folder {
    folder: TempDir,
    account: Option<(u32, u32)>,
}

impl Folder {
    /// A folder that belongs to whoever runs the test.
    pub(crate) fn new() -> Result<Self> {
        let folder = tempfile::Builder::new().prefix("tollgate-live-").tempdir();
        let folder = folder.map_err(Error::file(std::env::temp_dir()))?;
        Ok(Self {
            folder,
            account: None,
        })
    }

    /// A folder of the account `nobody`, if this is root: for servers that refuse
    /// root. All commands run as that account.
    pub(crate) fn for_an_ordinary_account() -> Result<Self> {
        let mut folder = Self::new()?;
        if rustix::process::geteuid().is_root() {
            folder.account = Some(NOBODY);
            folder.give(folder.path())?;
        }
        Ok(folder)
    }

    pub(crate) fn path(&self) -> &Path {
        self.folder.path()
    }

    pub(crate) fn join(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// Write a file that the server's account owns.
    pub(crate) fn write(&self, name: &str, content: impl AsRef<[u8]>) -> Result<PathBuf> {
        let path = self.join(name);
        std::fs::write(&path, content).map_err(Error::file(&path))?;
        self.give(&path)?;
        Ok(path)
    }

    fn give(&self, path: &Path) -> Result<()> {
        match self.account {
            Some((uid, gid)) => chown(path, Some(uid), Some(gid)).map_err(Error::file(path)),
            None => Ok(()),
        }
    }

    /// A command in this folder, by the server's account.
    pub(crate) fn command(&self, program: impl AsRef<Path>) -> Command {
        let mut command = Command::new(program.as_ref());
        command.current_dir(self.path()).env("HOME", self.path());
        if let Some((uid, gid)) = self.account {
            command.uid(uid).gid(gid);
        }
        command
    }

    /// Run a step of the set-up to its end; the answer is what it wrote.
    pub(crate) fn run(&self, command: &mut Command) -> Result<String> {
        let done = command.stdin(Stdio::null()).output();
        let done = done.map_err(|error| Error::Command {
            command: format!("{command:?}"),
            said: error.to_string(),
        })?;
        let (out, err) = (
            String::from_utf8_lossy(&done.stdout),
            String::from_utf8_lossy(&done.stderr),
        );
        if done.status.success() {
            return Ok(out.into_owned());
        }
        Err(Error::Command {
            command: format!("{command:?}"),
            said: format!("{}\n{}\n{}", done.status, tail(&out), tail(&err)),
        })
    }
}

/// A running server. Dropping it ends the server's process group and removes its
/// folder; so does the end of this process.
#[derive(Debug)]
pub(crate) struct Process {
    system: &'static str,
    supervisor: Child,
    /// The server's process id, and that of its group.
    group: u32,
    commands: Option<ChildStdin>,
    /// How the server ended, once it has.
    exited: watch::Receiver<Option<String>>,
    folder: Folder,
    took: Duration,
}

impl Process {
    /// Start `command` in its folder and wait until `is_ready` says so.
    pub(crate) async fn start<F, A>(
        system: &'static str,
        folder: Folder,
        command: &Command,
        is_ready: F,
    ) -> Result<Self>
    where
        F: Fn() -> A,
        A: Future<Output = bool>,
    {
        let begun = Instant::now();
        let mut process = Self::spawn(system, folder, command)?;
        let mut exited = process.exited.clone();
        let ready = wait::until(DEADLINE, async || is_ready().await.then_some(()));
        let failed = tokio::select! {
            biased;
            how = exited.wait_for(Option::is_some) => {
                Some(how.ok().and_then(|how| how.clone()).unwrap_or_default())
            }
            ready = ready => ready.is_none().then(|| format!("no answer in {DEADLINE:?}")),
        };
        if let Some(reason) = failed {
            return Err(process.not_ready(reason));
        }
        process.took = begun.elapsed();
        Ok(process)
    }

    /// Start a server whose set-up needs nothing else: `prepare` it beside the
    /// runtime, and wait until `GET path` succeeds. The process and its origin.
    pub(crate) async fn serve(
        system: &'static str,
        prepare: fn() -> Result<(Folder, Command, u16)>,
        path: &str,
    ) -> Result<(Self, String)> {
        let (folder, command, port) = crate::blocking(prepare).await?;
        let origin = format!("http://127.0.0.1:{port}");
        let judge = Judge::new(&origin, Vec::new())?;
        let process = Self::start(system, folder, &command, || judge.is_up(path)).await?;
        Ok((process, origin))
    }

    fn spawn(system: &'static str, folder: Folder, command: &Command) -> Result<Self> {
        let mut supervisor = folder.command("/bin/sh");
        supervisor.args(["-c", SUPERVISOR, "supervisor"]);
        supervisor.arg(folder.path()).arg(folder.join("log"));
        supervisor
            .arg(command.get_program())
            .args(command.get_args());
        for (name, value) in command.get_envs() {
            match value {
                Some(value) => supervisor.env(name, value),
                None => supervisor.env_remove(name),
            };
        }
        if let Some(place) = command.get_current_dir() {
            supervisor.current_dir(place);
        }
        folder.write("log", "")?;
        // A group of its own: an interrupt from the keyboard is for the tests, and
        // the supervisor learns of their end by its pipe.
        let spawned = supervisor
            .process_group(0)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn();
        let mut supervisor = spawned.map_err(Error::file("/bin/sh"))?;
        let (exits, exited) = watch::channel(None);
        let mut group = 0;
        if let Some(said) = supervisor.stdout.take() {
            let mut said = BufReader::new(said);
            let mut line = String::new();
            said.read_line(&mut line).map_err(Error::file("/bin/sh"))?;
            let pid = line.trim().strip_prefix("pid ").map(str::parse);
            group = pid.and_then(|pid| pid.ok()).unwrap_or_default();
            std::thread::spawn(move || {
                let mut line = String::new();
                said.read_line(&mut line).ok();
                exits.send(Some(format!("it {}", line.trim()))).ok();
            });
        }
        Ok(Self {
            system,
            group,
            commands: supervisor.stdin.take(),
            supervisor,
            exited,
            folder,
            took: Duration::ZERO,
        })
    }

    fn not_ready(&self, reason: String) -> Error {
        Error::NotReady {
            system: self.system,
            reason,
            log: tail(&self.log()),
        }
    }

    /// Everything that the server wrote.
    pub(crate) fn log(&self) -> String {
        let log = std::fs::read(self.folder.join("log")).unwrap_or_default();
        String::from_utf8_lossy(&log).into_owned()
    }

    /// What the server needed.
    pub(crate) fn needs(&self) -> crate::Needs {
        crate::Needs {
            start: self.took,
            resident_bytes: self.resident_bytes(),
        }
    }

    /// The resident memory of the server's processes in bytes.
    fn resident_bytes(&self) -> u64 {
        let processes = std::fs::read_dir("/proc").into_iter().flatten().flatten();
        let processes = processes.map(|entry| entry.path());
        processes
            .filter(|process| group_of(process) == Some(self.group))
            .filter_map(|process| resident(&process))
            .sum()
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        // The supervisor reads the end of its input.
        drop(self.commands.take());
        self.supervisor.wait().ok();
    }
}

fn group_of(process: &Path) -> Option<u32> {
    let stat = std::fs::read_to_string(process.join("stat")).ok()?;
    // pid (name) state parent group: a name may have blanks and parentheses.
    let (_, after) = stat.rsplit_once(')')?;
    after.split_whitespace().nth(2)?.parse().ok()
}

fn resident(process: &Path) -> Option<u64> {
    let status = File::open(process.join("status")).ok()?;
    let mut lines = BufReader::new(status).lines().map_while(|line| line.ok());
    let line = lines.find(|line| line.starts_with("VmRSS:"))?;
    let kibibytes: u64 = line.split_whitespace().nth(1)?.parse().ok()?;
    Some(kibibytes * 1024)
}

/// A port of the loopback address that was free a moment ago: for servers that
/// cannot say which one they chose.
pub(crate) fn free_port() -> Result<u16> {
    let listener = std::net::TcpListener::bind(("127.0.0.1", 0));
    let port = listener.and_then(|listener| listener.local_addr());
    Ok(port.map_err(Error::file("127.0.0.1:0"))?.port())
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

    use super::*;

    fn members(group: u32) -> usize {
        let processes = std::fs::read_dir("/proc").unwrap().flatten();
        let of_group = |entry: &std::fs::DirEntry| group_of(&entry.path()) == Some(group);
        processes.filter(of_group).count()
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn a_server_ends_with_all_that_it_started() {
        let folder = Folder::new().unwrap();
        let (place, mark) = (folder.path().to_owned(), folder.join("ready"));
        let mut server = folder.command("/bin/sh");
        // Neither of the two ends by a polite signal.
        server.args(["-c", "trap '' TERM; sleep 1000 & touch ready; wait"]);
        let is_ready = || std::future::ready(mark.is_file());
        let server = Process::start("sh", folder, &server, is_ready)
            .await
            .unwrap();
        let group = server.group;
        assert_eq!(members(group), 2);
        assert!(server.needs().resident_bytes > 0);
        drop(server);
        let gone = async || (members(group) == 0).then_some(());
        let gone = wait::until(Duration::from_secs(10), gone).await;
        assert!(gone.is_some(), "a process of {group} is left");
        assert!(!place.exists());
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn a_server_that_ends_before_it_is_ready_says_what_it_wrote() {
        let folder = Folder::new().unwrap();
        let mut server = folder.command("/bin/sh");
        server.args(["-c", "echo no such setting >&2; exit 3"]);
        let is_ready = || std::future::ready(false);
        let error = Process::start("sh", folder, &server, is_ready)
            .await
            .unwrap_err();
        let said = error.to_string();
        assert!(said.contains("it exited 3"), "{said}");
        assert!(said.contains("no such setting"), "{said}");
    }
}

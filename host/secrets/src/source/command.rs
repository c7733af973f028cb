//! A value that a program writes: a password manager's or a vault's client.

use std::process::Stdio;
use std::time::Duration;

use async_trait::async_trait;
use rustix::process::{Pid, Signal, kill_process_group};
use tokio::io::AsyncReadExt as _;
use tokio::process::{Child, Command};
use zeroize::Zeroizing;

use super::{SECRET_BYTES_MAX, Source, checked, room};
use crate::SourceError;

/// How long a program may take.
const WITHIN: Duration = Duration::from_secs(10);

/// What a program gets of the host's environment: enough to find itself and its
/// own settings. Not the rest: it may hold other secrets.
const ENVIRONMENT: &[&str] = &["PATH", "HOME", "USER", "LANG", "XDG_RUNTIME_DIR"];

/// A program whose standard output is the value. It is started with its arguments
/// as they are; no shell reads them.
pub struct CommandSource {
    program: String,
    arguments: Vec<String>,
    within: Duration,
}

impl CommandSource {
    /// A program and its arguments. Nothing where there is not even a program.
    #[must_use]
    pub fn new(argv: &[String]) -> Option<Self> {
        let (program, arguments) = argv.split_first()?;
        (!program.is_empty()).then(|| Self {
            program: program.clone(),
            arguments: arguments.to_vec(),
            within: WITHIN,
        })
    }

    fn failed(&self, what: impl Into<String>) -> SourceError {
        SourceError::Command {
            program: self.program.clone(),
            what: what.into(),
        }
    }

    async fn finish(&self, child: &mut Child) -> Result<Zeroizing<Vec<u8>>, SourceError> {
        let mut value = room();
        if let Some(output) = child.stdout.take() {
            let read = output
                .take(SECRET_BYTES_MAX as u64 + 1)
                .read_to_end(&mut value)
                .await;
            read.map_err(|_| self.failed("cannot be read from"))?;
        }
        if value.len() > SECRET_BYTES_MAX {
            return Err(SourceError::TooLong);
        }
        let status = child.wait().await;
        match status.map_err(|_| self.failed("cannot be waited for"))? {
            // Output before a failure is no value.
            status if !status.success() => Err(self.failed(format!("failed: {status}"))),
            _ => checked(value),
        }
    }
}

/// Ends a program and whatever it started when it is given up.
struct Group(Option<Pid>);

impl Drop for Group {
    fn drop(&mut self) {
        if let Some(group) = self.0 {
            kill_process_group(group, Signal::KILL).ok();
        }
    }
}

#[async_trait]
impl Source for CommandSource {
    async fn read(&self) -> Result<Zeroizing<Vec<u8>>, SourceError> {
        let mut command = Command::new(&self.program);
        command
            .args(&self.arguments)
            .env_clear()
            .envs(
                ENVIRONMENT
                    .iter()
                    .filter_map(|name| Some((name, std::env::var_os(name)?))),
            )
            .current_dir("/")
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            // What it complains of may quote the value.
            .stderr(Stdio::null())
            .process_group(0)
            .kill_on_drop(true);
        let child = command.spawn();
        let mut child = child.map_err(|error| {
            let kind = error.kind();
            self.failed(format!("cannot be started: {kind}"))
        })?;
        let id = child.id().and_then(|id| i32::try_from(id).ok());
        let mut group = Group(id.and_then(Pid::from_raw));
        let finished = tokio::time::timeout(self.within, self.finish(&mut child)).await;
        let finished = finished.unwrap_or_else(|_| {
            Err(self.failed(format!("took longer than {} ms", self.within.as_millis())))
        });
        if child.id().is_none() {
            // It has ended, and its number may be another's soon.
            group.0 = None;
        }
        finished
    }

    fn describe(&self) -> String {
        // Its arguments are the operator's, and may be what nobody should see.
        format!("command {}", self.program)
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

    use super::*;

    fn source(argv: &[&str]) -> CommandSource {
        let argv: Vec<String> = argv.iter().map(|part| (*part).to_owned()).collect();
        CommandSource::new(&argv).unwrap()
    }

    async fn said(argv: &[&str]) -> String {
        source(argv).read().await.unwrap_err().to_string()
    }

    #[tokio::test]
    async fn what_a_program_writes_is_the_value_and_no_shell_reads_its_arguments() {
        let value = source(&["printf", "%s\n", "$(id) `id` ;x"]).read().await;
        assert_eq!(value.unwrap().as_slice(), b"$(id) `id` ;x");
        assert!(CommandSource::new(&[]).is_none());
        assert!(CommandSource::new(&[String::new()]).is_none());
    }

    #[tokio::test]
    async fn a_failure_is_told_without_what_the_program_said() {
        let failed = said(&[
            "sh",
            "-c",
            "echo canary-value; echo canary-value >&2; exit 3",
        ])
        .await;
        assert_eq!(failed, "the program `sh` failed: exit status: 3");
        let missing = said(&["/nothing/here", "canary-value"]).await;
        assert_eq!(
            missing,
            "the program `/nothing/here` cannot be started: entity not found"
        );
        let endless = said(&["cat", "/dev/zero"]).await;
        assert!(endless.contains("more than"), "{endless}");
    }

    #[tokio::test]
    async fn a_program_gets_a_small_environment_and_no_input() {
        let environment = source(&["env"]).read().await.unwrap();
        let environment = String::from_utf8(environment.to_vec()).unwrap();
        for line in environment.lines() {
            let name = line.split('=').next().unwrap();
            assert!(ENVIRONMENT.contains(&name), "{name}");
        }
        let nothing = source(&["cat"]).read().await;
        assert!(matches!(nothing, Err(SourceError::Empty)));
    }

    #[tokio::test]
    async fn a_program_that_hangs_is_ended_with_what_it_started() {
        let folder = tempfile::tempdir().unwrap();
        let pipe = folder.path().join("pipe");
        let made = std::process::Command::new("mkfifo").arg(&pipe).status();
        assert!(made.unwrap().success());
        let script = format!("sleep 600 >{} & wait", pipe.display());
        let mut hanging = source(&["sh", "-c", &script]);
        hanging.within = Duration::from_millis(500);
        // Reads to its end once nobody has it open for writing any more.
        let open = tokio::task::spawn_blocking(move || std::fs::read(pipe));
        let failed = hanging.read().await.unwrap_err().to_string();
        assert_eq!(failed, "the program `sh` took longer than 500 ms");
        assert_eq!(open.await.unwrap().unwrap(), b"");
    }
}

//! What `tollgate decide` says of the calls of a suite.

use std::ffi::OsStr;
use std::fs;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use serde::Deserialize;

/// A suite as `export.py` wrote it.
#[derive(Debug)]
pub(crate) struct Suite {
    pub(crate) name: String,
    pub(crate) tasks: Tasks,
    folder: PathBuf,
    calls: String,
    ids: Vec<Id>,
    /// The tool of each line.
    called: Vec<String>,
}

/// What the lines were made of.
#[derive(Debug, Deserialize)]
pub(crate) struct Tasks {
    pub(crate) suite: String,
    pub(crate) package: String,
    pub(crate) benchmark: String,
    pub(crate) user_tasks: Vec<String>,
    pub(crate) injection_tasks: Vec<InjectionTask>,
    /// Calls that the suite's own environment refused.
    pub(crate) errors: Vec<String>,
    /// Pairs of a task and an attack whose text no call of the task has read.
    pub(crate) unread: Vec<(String, String)>,
}

#[derive(Debug, Deserialize)]
pub(crate) struct InjectionTask {
    pub(crate) id: String,
    pub(crate) goal: String,
    /// How many calls its authors say carry it out. None: nothing can be judged.
    pub(crate) calls: usize,
}

/// Whose call a line is.
#[derive(Clone, Debug, Deserialize, PartialEq, Eq)]
pub(crate) struct Id {
    pub(crate) by: By,
    pub(crate) task: String,
    pub(crate) injection: Option<String>,
}

#[derive(Clone, Copy, Debug, Deserialize, PartialEq, Eq)]
#[serde(rename_all = "lowercase")]
pub(crate) enum By {
    /// What the task needs.
    User,
    /// What the attack asks for.
    Injection,
}

#[derive(Clone, Copy, Debug, Deserialize, PartialEq, Eq)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Outcome {
    Allow,
    Require,
    Deny,
}

/// One line of `tollgate decide --json`.
#[derive(Debug, Deserialize)]
pub(crate) struct Verdict {
    pub(crate) id: Id,
    pub(crate) outcome: Outcome,
    pub(crate) approval: Option<String>,
    pub(crate) rule: String,
}

#[derive(Deserialize)]
struct Line {
    id: Id,
    tool: String,
}

#[derive(Deserialize)]
struct Tool {
    name: String,
    effect: String,
}

impl Suite {
    pub(crate) fn open(folder: &Path) -> Self {
        let read = |name: &str| fs::read_to_string(folder.join(name)).unwrap();
        let calls = read("calls.jsonl");
        let line = |line| serde_json::from_str::<Line>(line).unwrap();
        let lines = calls.lines().map(line).map(|line| (line.id, line.tool));
        let (ids, called) = lines.unzip();
        let tasks: Tasks = serde_json::from_str(&read("tasks.json")).unwrap();
        Self {
            name: folder.file_name().unwrap().to_str().unwrap().to_owned(),
            tasks,
            folder: folder.to_owned(),
            ids,
            called,
            calls,
        }
    }

    pub(crate) fn file(&self, name: &str) -> PathBuf {
        self.folder.join(name)
    }

    /// The calls of a task on a day without an attack.
    pub(crate) fn calls_alone(&self, task: &str) -> usize {
        let is_its = |id: &&Id| id.task == task && id.injection.is_none();
        self.ids.iter().filter(is_its).count()
    }

    /// One verdict for each call, in their order.
    pub(crate) fn judge(&self, manifest: &Path, tools: &str) -> Vec<Verdict> {
        let tools = self.file(tools);
        let arguments = [
            "--manifest".as_ref(),
            manifest.as_os_str(),
            "--schemas".as_ref(),
            tools.as_os_str(),
        ];
        let said = decide(&arguments, &self.calls);
        let read =
            |line| serde_json::from_str(line).unwrap_or_else(|error| panic!("{error}: {line}"));
        let verdicts: Vec<Verdict> = said.lines().map(read).collect();
        let judged: Vec<&Id> = verdicts.iter().map(|verdict| &verdict.id).collect();
        assert_eq!(judged, self.ids.iter().collect::<Vec<_>>());
        self.what_is_irreversible_waits(&tools, &verdicts);
        verdicts
    }

    /// Whatever its input and whoever asks.
    fn what_is_irreversible_waits(&self, tools: &Path, verdicts: &[Verdict]) {
        let tools = fs::read_to_string(tools).unwrap();
        let tools: Vec<Tool> = serde_json::from_str(&tools).unwrap();
        for (called, verdict) in self.called.iter().zip(verdicts) {
            let tool = tools.iter().find(|tool| tool.name == *called).unwrap();
            let waits = tool.effect != "irreversible" || verdict.outcome != Outcome::Allow;
            assert!(waits, "{called}: {verdict:?}");
        }
    }
}

/// Run the program on these lines; what it says of them.
pub(crate) fn decide(arguments: &[&OsStr], calls: &str) -> String {
    let mut command = Command::new(env!("CARGO_BIN_EXE_tollgate"));
    command
        .args(["decide", "--json", "--calls", "-"])
        .args(arguments);
    command.stdin(Stdio::piped()).stdout(Stdio::piped());
    let mut child = command.spawn().unwrap();
    let mut stdin = child.stdin.take().unwrap();
    let calls = calls.to_owned();
    // A program that stops early closes its end; its status tells.
    let feeding = std::thread::spawn(move || drop(stdin.write_all(calls.as_bytes())));
    let done = child.wait_with_output().unwrap();
    feeding.join().unwrap();
    let said = String::from_utf8(done.stdout).unwrap();
    assert!(done.status.success(), "{said}");
    said
}

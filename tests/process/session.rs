//! A session at the terminal: what was typed and answered, kept for snapshots.
//! Ports, paths, names, digests and times are hidden there.

use std::path::PathBuf;

use tempfile::TempDir;
use tollgate_tests::workspace;

use crate::program::{self, Ended};

/// What differs from one run of the tests to the next.
pub(crate) const HIDDEN: [(&str, &str); 10] = [
    (r"sha256:[0-9a-f]{64}", "sha256:[DIGEST]"),
    (r"\b[0-9a-f]{64}\b", "[HASH]"),
    (
        r"\b(run|apr|case|auto|que|item)-[0-9a-f]{8}-[0-9a-f-]{27}",
        "$1-[ID]",
    ),
    (r"tgt_\[HASH\]|tgt_[0-9a-f]{64}", "[TOKEN]"),
    (r"127\.0\.0\.1:\d+", "127.0.0.1:[PORT]"),
    (r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z", "[TIME]"),
    (r"\d{5,7} bytes", "[SIZE] bytes"),
    (r#""size":\d+"#, r#""size":[SIZE]"#),
    (r"fuel \d+", "fuel [FUEL]"),
    (r"wasmtime \d+, settings [0-9a-f]{16}", "[ENGINE]"),
];

/// A folder to work in, and a record of what was typed and answered.
pub(crate) struct Session {
    pub(crate) folder: TempDir,
    pub(crate) said: String,
}

impl Session {
    pub(crate) fn new() -> Self {
        Self {
            folder: tempfile::tempdir().unwrap(),
            said: String::new(),
        }
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    pub(crate) fn run(&mut self, arguments: &[&str]) -> Ended {
        self.run_as(None, arguments)
    }

    pub(crate) fn run_as(&mut self, token: Option<&str>, arguments: &[&str]) -> Ended {
        let mut command = program::command(arguments);
        command.current_dir(self.folder.path());
        if let Some(token) = token {
            command.env("TOLLGATE_TOKEN", token);
        }
        let ended = program::run(&mut command);
        self.note(arguments, &ended);
        ended
    }

    fn note(&mut self, arguments: &[&str], ended: &Ended) {
        let typed: Vec<_> = arguments.iter().map(|word| quoted(word)).collect();
        self.said
            .push_str(&format!("$ tollgate {}\n", typed.join(" ")));
        self.said.push_str(&ended.stdout);
        if !ended.stderr.is_empty() {
            self.said
                .push_str(&format!("--- standard error\n{}", ended.stderr));
        }
        self.said.push_str(&format!("[exit {}]\n\n", ended.code));
    }

    /// Everything so far, without what differs from machine to machine.
    pub(crate) fn shown(&self) -> String {
        let here = self.folder.path().canonicalize().unwrap();
        let text = self.said.replace(&here.display().to_string(), "[FOLDER]");
        let text = text.replace(&self.folder.path().display().to_string(), "[FOLDER]");
        text.replace(&workspace().display().to_string(), "[WORKSPACE]")
    }
}

fn quoted(word: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || "-_./:=".contains(c);
    if !word.is_empty() && word.chars().all(plain) {
        word.to_owned()
    } else {
        format!("'{}'", tollgate_policy::visible(word))
    }
}

macro_rules! shows {
    ($name:literal, $text:expr) => {
        let mut settings = insta::Settings::clone_current();
        for (pattern, instead) in $crate::session::HIDDEN {
            settings.add_filter(pattern, instead);
        }
        settings.set_prepend_module_to_snapshot(false);
        settings.set_omit_expression(true);
        settings.bind(|| insta::assert_snapshot!($name, $text));
    };
}

pub(crate) use shows;

pub(crate) fn first_word(text: &str) -> String {
    text.split_whitespace().next().unwrap().to_owned()
}

pub(crate) fn approval_in(text: &str) -> String {
    text.split("tollgate approve ")
        .nth(1)
        .unwrap()
        .trim()
        .to_owned()
}

//! A ledger outside of the host. Every effect that really happens is one line,
//! appended before the caller is answered; it outlives whoever asked for it. It
//! keeps to what real systems promise: it does a request once for each
//! idempotency key, finds an entry by its reference, and compares versions, each
//! only for the kind of write that is said to have it.

use std::fs::{File, OpenOptions};
use std::io::{self, Read as _, Seek as _, Write as _};
use std::path::PathBuf;

use rustix::fs::{FlockOperation, flock};
use serde::{Deserialize, Serialize};

/// The version of an entry that is not there.
pub const ABSENT: &str = "0";

/// A value that the ledger takes without answering: the first request is done,
/// and its answer lost.
pub const LOST: &str = "lost";

/// A value whose first request is lost on its way: nothing is done, and nothing
/// answered.
pub const UNSENT: &str = "unsent";

/// A value that never arrives, however often it is sent.
pub const SILENT: &str = "silent";

/// What a write lets its caller find out.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Kind {
    /// The same key is done once.
    Idempotent,
    /// It can be looked up.
    Readable,
    /// It is done only to the expected version.
    Conditional,
    /// Nothing.
    Blind,
    /// Puts back an earlier entry, if the present one is the one that was written.
    Restore,
}

/// One request as it arrived.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Line {
    /// The caller's reference: run and position.
    pub reference: String,
    /// The caller's idempotency key; only [`Kind::Idempotent`] heeds it.
    pub once: String,
    /// Of what kind.
    pub kind: Kind,
    /// The entry.
    pub key: String,
    /// What it became; nothing where it was removed.
    pub value: Option<String>,
    /// Its version from then on.
    pub version: String,
    /// Whether anything was done: not for a repeated or lost request.
    pub effect: bool,
}

/// An entry as it is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    /// Nothing where there is none.
    pub value: Option<String>,
    /// [`ABSENT`] where there never was one.
    pub version: String,
}

/// What is asked of the ledger.
#[derive(Clone, Debug)]
pub struct Asked {
    /// The caller's reference.
    pub reference: String,
    /// The caller's idempotency key.
    pub once: String,
    /// Of what kind.
    pub kind: Kind,
    /// The entry.
    pub key: String,
    /// What it shall become.
    pub value: Option<String>,
    /// The version it must have, where the kind compares.
    pub expected: Option<String>,
    /// The version it gets; the reference where it is nothing.
    pub version: Option<String>,
}

/// What the ledger answers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Answer {
    /// Done, now or by an earlier request with the same key.
    Done(Line),
    /// The entry is not as expected.
    Conflict(Entry),
    /// There is no answer.
    Silence,
}

/// The ledger's file.
#[derive(Clone, Debug)]
pub struct Counter(PathBuf);

impl Counter {
    /// The ledger in this file, which is made when it is first written.
    #[must_use]
    pub fn new(path: impl Into<PathBuf>) -> Self {
        Self(path.into())
    }

    /// Every request that arrived.
    ///
    /// # Errors
    /// When the file cannot be read, or a line is damaged.
    pub fn lines(&self) -> io::Result<Vec<Line>> {
        read(&mut self.open()?)
    }

    /// What really happened.
    ///
    /// # Errors
    /// When the file cannot be read, or a line is damaged.
    pub fn effects(&self) -> io::Result<Vec<Line>> {
        let lines = self.lines()?;
        Ok(lines.into_iter().filter(|line| line.effect).collect())
    }

    /// An entry as it is now.
    ///
    /// # Errors
    /// When the file cannot be read.
    pub fn entry(&self, key: &str) -> io::Result<Entry> {
        Ok(entry(&self.lines()?, key))
    }

    /// The effect with this reference.
    ///
    /// # Errors
    /// When the file cannot be read.
    pub fn find(&self, reference: &str) -> io::Result<Option<Line>> {
        let effects = self.effects()?;
        Ok(effects.into_iter().find(|line| line.reference == reference))
    }

    /// Ask for a write.
    ///
    /// # Errors
    /// When the file cannot be read or written.
    pub fn ask(&self, asked: Asked) -> io::Result<Answer> {
        let mut file = self.open()?;
        flock(&file, FlockOperation::LockExclusive)?;
        let lines = read(&mut file)?;
        let is_first = lines.iter().all(|line| line.reference != asked.reference);
        let done = lines
            .iter()
            .find(|line| line.effect && line.once == asked.once);
        if let (Kind::Idempotent, Some(done)) = (asked.kind, done) {
            let repeated = Line {
                effect: false,
                ..done.clone()
            };
            write(&mut file, &repeated)?;
            return Ok(Answer::Done(done.clone()));
        }
        let now = entry(&lines, &asked.key);
        if asked
            .expected
            .as_ref()
            .is_some_and(|expected| *expected != now.version)
        {
            return Ok(Answer::Conflict(now));
        }
        let value = asked.value.as_deref();
        let unsent = is_first && value == Some(UNSENT) || value == Some(SILENT);
        let lost = is_first && value == Some(LOST);
        let line = Line {
            version: asked.version.unwrap_or_else(|| asked.reference.clone()),
            reference: asked.reference,
            once: asked.once,
            kind: asked.kind,
            key: asked.key,
            value: asked.value,
            effect: !unsent,
        };
        write(&mut file, &line)?;
        Ok(if unsent || lost {
            Answer::Silence
        } else {
            Answer::Done(line)
        })
    }

    fn open(&self) -> io::Result<File> {
        OpenOptions::new()
            .create(true)
            .read(true)
            .append(true)
            .open(&self.0)
    }
}

fn entry(lines: &[Line], key: &str) -> Entry {
    let last = lines
        .iter()
        .rev()
        .find(|line| line.effect && line.key == key);
    last.map_or(
        Entry {
            value: None,
            version: ABSENT.to_owned(),
        },
        |line| Entry {
            value: line.value.clone(),
            version: line.version.clone(),
        },
    )
}

fn read(file: &mut File) -> io::Result<Vec<Line>> {
    let mut text = String::new();
    file.rewind()?;
    file.read_to_string(&mut text)?;
    text.lines()
        .map(|line| serde_json::from_str(line).map_err(io::Error::other))
        .collect()
}

/// One call of the operating system for the whole line: a process that is killed
/// leaves all of it or nothing.
fn write(file: &mut File, line: &Line) -> io::Result<()> {
    let mut text = serde_json::to_vec(line).map_err(io::Error::other)?;
    text.push(b'\n');
    file.write_all(&text)
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]
    use super::*;

    fn asked(kind: Kind, reference: &str, value: &str) -> Asked {
        Asked {
            reference: reference.to_owned(),
            once: reference.to_owned(),
            kind,
            key: "k".to_owned(),
            value: Some(value.to_owned()),
            expected: None,
            version: None,
        }
    }

    #[test]
    fn only_a_write_with_an_idempotency_key_is_done_once() {
        let folder = tempfile::tempdir().unwrap();
        let counter = Counter::new(folder.path().join("ledger"));
        for kind in [Kind::Idempotent, Kind::Readable, Kind::Blind] {
            let reference = format!("{kind:?}");
            for _ in 0..2 {
                counter.ask(asked(kind, &reference, "v")).unwrap();
            }
        }
        let effects = counter.effects().unwrap();
        let kinds: Vec<Kind> = effects.iter().map(|line| line.kind).collect();
        // The ledger doubles what it may double: otherwise no test could fail.
        let doubled = [
            Kind::Idempotent,
            Kind::Readable,
            Kind::Readable,
            Kind::Blind,
            Kind::Blind,
        ];
        assert_eq!(kinds, doubled);
        assert_eq!(counter.lines().unwrap().len(), 6);
    }

    #[test]
    fn a_condition_is_held_against_the_entry_as_it_is() {
        let folder = tempfile::tempdir().unwrap();
        let counter = Counter::new(folder.path().join("ledger"));
        let expecting = |reference: &str, version: &str| Asked {
            expected: Some(version.to_owned()),
            ..asked(Kind::Conditional, reference, "v")
        };
        let first = counter.ask(expecting("a/0", ABSENT)).unwrap();
        assert!(matches!(first, Answer::Done(_)), "{first:?}");
        let again = counter.ask(expecting("a/0", ABSENT)).unwrap();
        assert!(matches!(again, Answer::Conflict(_)), "{again:?}");
        assert_eq!(counter.entry("k").unwrap().version, "a/0");
        assert_eq!(counter.effects().unwrap().len(), 1);
    }

    #[test]
    fn a_lost_answer_is_a_done_effect_and_a_lost_request_is_none() {
        let folder = tempfile::tempdir().unwrap();
        let counter = Counter::new(folder.path().join("ledger"));
        for (value, effects) in [(LOST, 1), (UNSENT, 1)] {
            let silent = counter.ask(asked(Kind::Idempotent, value, value)).unwrap();
            assert_eq!(silent, Answer::Silence, "{value}");
            assert_eq!(counter.effects().unwrap().len(), effects, "{value}");
        }
        let sent = counter
            .ask(asked(Kind::Idempotent, UNSENT, UNSENT))
            .unwrap();
        assert!(matches!(sent, Answer::Done(_)), "{sent:?}");
        assert_eq!(counter.effects().unwrap().len(), 2);
    }
}

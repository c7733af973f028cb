//! A scenario as its author writes it: `scenario.toml` and the files beside it.
//!
//! A key that is not known is an error with its line and column: an expectation
//! that is misspelt would otherwise expect nothing.

mod call;
mod exchange;
mod mail;

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use serde::Deserialize;
use serde_json::Value;

pub(crate) use call::{Approve, Call, Expect, Meanwhile};
pub(crate) use exchange::{Body, Exchange, Fault, RequestLine, Times};
pub(crate) use mail::{ExpectMail, MailFault};

/// The file that makes a folder a scenario.
pub(crate) const SCENARIO_FILE: &str = "scenario.toml";

/// The longest scenario that is read, bytes.
const FILE_BYTES_MAX: u64 = 4 << 20;

/// One scenario.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Scenario {
    /// What it shows, in a sentence.
    pub(crate) about: String,
    /// Folder of the connector's crate; the nearest one upwards by default.
    pub(crate) connector: Option<PathBuf>,
    /// The manifest; the connector's own `manifest.toml` by default.
    pub(crate) manifest: Option<PathBuf>,
    /// Keys of the manifest that are others here. Tables are merged, everything
    /// else is replaced.
    #[serde(default, rename = "override")]
    pub(crate) overrides: toml::Table,
    /// The time of the host's clock, RFC 3339.
    pub(crate) at: Option<String>,
    /// Destinations at which nobody listens.
    #[serde(default)]
    pub(crate) down: Vec<String>,
    /// Folders whose files are there before; `files` by default.
    pub(crate) files: Option<Sources>,
    /// SQL that makes the database; `database.sql` by default.
    pub(crate) database: Option<Sources>,
    /// More SQL, after the files.
    pub(crate) sql: Option<String>,
    /// What servers are asked, and say.
    #[serde(default, rename = "exchange")]
    pub(crate) exchanges: Vec<Exchange>,
    /// What mail servers are given, in order.
    #[serde(default, rename = "mail")]
    pub(crate) mails: Vec<ExpectMail>,
    /// The calls, in order.
    #[serde(rename = "call")]
    pub(crate) calls: Vec<Call>,
    /// What files hold afterwards.
    #[serde(default)]
    pub(crate) expect_files: Vec<ExpectFile>,
    /// What databases hold afterwards.
    #[serde(default)]
    pub(crate) expect_rows: Vec<ExpectRows>,
    /// What stores hold afterwards.
    #[serde(default)]
    pub(crate) expect_kv: Vec<ExpectKv>,
}

/// Files beside the scenario: for the only directory or database that is
/// granted, or by the grant's name.
#[derive(Debug, Deserialize)]
#[serde(untagged)]
pub(crate) enum Sources {
    /// One, for the only grant.
    One(PathBuf),
    /// Several, one over the other.
    Several(Vec<PathBuf>),
    /// By the grant's name.
    Named(BTreeMap<String, Vec<PathBuf>>),
}

/// What a file must hold.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct ExpectFile {
    /// Its path in the granted directory.
    pub(crate) path: PathBuf,
    /// The grant's name, where there are several.
    pub(crate) directory: Option<String>,
    /// Its whole text.
    pub(crate) text: Option<String>,
    /// A text's shape; `*` is any text.
    pub(crate) like: Option<String>,
    /// It must not be there.
    #[serde(default)]
    pub(crate) absent: bool,
    /// It must be, byte for byte, as it was before the first call.
    #[serde(default)]
    pub(crate) unchanged: bool,
}

/// What a query must find.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct ExpectRows {
    /// The query, made by the scenario and not by the connector.
    pub(crate) query: String,
    /// The grant's name, where there are several.
    pub(crate) database: Option<String>,
    /// All rows, in their order; each names the columns that matter.
    pub(crate) rows: Vec<Value>,
}

/// What a key must hold.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct ExpectKv {
    /// The store.
    pub(crate) store: String,
    /// The key.
    pub(crate) key: String,
    /// Its text.
    pub(crate) text: Option<String>,
    /// Its JSON.
    pub(crate) json: Option<Value>,
    /// It must not be there.
    #[serde(default)]
    pub(crate) absent: bool,
}

impl Scenario {
    /// The scenario of a folder. The error is a sentence with the place.
    pub(crate) fn read(folder: &Path) -> Result<Self, String> {
        let path = folder.join(SCENARIO_FILE);
        let text = read_text(&path)?;
        let scenario: Self = toml::from_str(&text).map_err(|error| {
            let at = error.span().map_or(0, |span| span.start);
            let (line, column) = place(&text, at);
            let problem = error.message().trim().replace('\n', "; ");
            format!("{}:{line}:{column}: {problem}", path.display())
        })?;
        if scenario.calls.is_empty() {
            return Err(format!("{}: there is no [[call]]", path.display()));
        }
        Ok(scenario)
    }
}

/// A file's text, where it is no larger than is reasonable.
pub(crate) fn read_text(path: &Path) -> Result<String, String> {
    let failed = |error: std::io::Error| format!("{} cannot be read: {error}", path.display());
    let size = fs::metadata(path).map_err(failed)?.len();
    if size > FILE_BYTES_MAX {
        return Err(format!(
            "{} has {size} bytes; {FILE_BYTES_MAX} is the most",
            path.display()
        ));
    }
    fs::read_to_string(path).map_err(failed)
}

/// Line and column of a byte offset, counted from 1.
pub(crate) fn place(text: &str, offset: usize) -> (usize, usize) {
    let before = text.get(..offset).unwrap_or(text);
    let line = before.matches('\n').count() + 1;
    let column = before.rsplit('\n').next().unwrap_or_default();
    (line, column.chars().count() + 1)
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests")]

    use super::*;

    fn read(text: &str) -> Result<Scenario, String> {
        let folder = tempfile::tempdir().unwrap();
        fs::write(folder.path().join(SCENARIO_FILE), text).unwrap();
        let here = folder.path().display().to_string();
        Scenario::read(folder.path()).map_err(|said| said.replace(&here, "HERE"))
    }

    #[test]
    fn a_scenario_is_read() {
        let scenario = read(
            r#"about = "stale"
            files = "../shared"
            database = { orders = ["a.sql", "b.sql"] }
            [override.limits]
            calls = 3
            [[exchange]]
            request = "PATCH /rest/1?b=2&a=1"
            headers = { if-match = "\"abc\"" }
            body = { title = "x" }
            status = 412
            answer = { error = "stale" }
            times = "any"
            [[exchange]]
            request = "GET /x"
            fault = "close-after-request"
            [[call]]
            tool = "update"
            input = { id = "1" }
            expect = { outcome = "conflict", message = "*stale*" }
            [[call]]
            tool = "refund"
            expect = { outcome = "held" }
            approve = "deny: too much"
            then = { outcome = "denied" }
            [[call]]
            tool = "several"
            expect = { outcome = "held" }
            approve = [true, "deny: enough"]
            "#,
        )
        .unwrap();
        assert_eq!(scenario.exchanges[0].times, Times::Any);
        assert_eq!(scenario.exchanges[1].times, Times::Exactly(1));
        assert_eq!(
            scenario.calls[1].approve,
            [Approve::Deny("too much".to_owned())]
        );
        assert_eq!(
            scenario.calls[2].approve,
            [Approve::Yes, Approve::Deny("enough".to_owned())]
        );
        assert_eq!(scenario.calls[0].expect.outcome, "conflict");
    }

    #[test]
    fn what_is_not_known_is_an_error_with_its_place() {
        let call = "[[call]]\ntool = \"x\"\n";
        for (text, place, words) in [
            ("abuot = \"x\"\n".to_owned(), "1:1", "unknown field `abuot`"),
            (
                format!("about = \"x\"\n{call}expect = {{ outcom = \"done\" }}\n"),
                "4:12",
                "unknown field `outcom`",
            ),
            (
                format!("about = \"x\"\n{call}aprove = true\n"),
                "4:1",
                "unknown field `aprove`",
            ),
            (
                format!("about = \"x\"\n{call}approve = \"no\"\n"),
                "4:11",
                "`deny: ",
            ),
            (
                format!("about = \"x\"\n{call}approve = []\n"),
                "4:11",
                "leave it out",
            ),
            (
                format!("about = \"x\"\n{call}expect = {{ outcome = \"dnoe\" }}\n"),
                "4:22",
                "`dnoe`",
            ),
            (
                format!("about = \"x\"\n{call}[[exchange]]\nrequest = \"FETCH x\"\n"),
                "5:11",
                "METHOD /path",
            ),
            (
                format!("about = \"x\"\n{call}[[exchange]]\nrequest = \"GET /\"\ntimes = 0\n"),
                "6:9",
                "\"any\"",
            ),
            (
                format!(
                    "about = \"x\"\n{call}[[exchange]]\nrequest = \"GET /\"\nfault = \"sloow\"\n"
                ),
                "6:9",
                "unknown variant `sloow`",
            ),
            ("about = \"x\"\n".to_owned(), "1:1", "missing field `call`"),
        ] {
            let said = read(&text).unwrap_err();
            assert!(
                said.starts_with(&format!("HERE/scenario.toml:{place}: ")),
                "{text}: {said}"
            );
            assert!(said.contains(words), "{text}: {said}");
        }
    }
}

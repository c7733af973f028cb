//! `decide`: what the rules of a manifest say of calls that were written down.
//! Nothing is run and nothing is kept.

use std::fs::{self, File};
use std::io::{self, BufRead, BufReader};
use std::path::Path;

use anyhow::Context as _;
use serde::Deserialize;
use serde_json::{Value, json};
use tollgate_policy::recorded::{Judge, RecordedCall, Verdict};
use tollgate_policy::{Effect, ToolDecl, UndoDecl, UndoTerms};

use crate::arguments::Decide;
use crate::exit::Exit;
use crate::output;
use crate::reviewer::read_manifest;

/// The longest line, in bytes: as long as the largest input that can be granted
/// with room for the rest.
const LINE_BYTES_MAX: u64 = 4 << 20;

pub(crate) fn decide(decide: &Decide, as_json: bool) -> anyhow::Result<Exit> {
    let manifest = read_manifest(&decide.manifest)?;
    let tools = tools(decide)?;
    if let Some(tools) = &tools {
        manifest.check(&decide.manifest.display().to_string(), tools)?;
    }
    let mut judge = Judge::new(&manifest, tools.as_deref());
    let mut lines = Lines::open(&decide.calls)?;
    let mut told = Told::new(as_json);
    while let Some((number, line)) = lines.next()? {
        let said = line.and_then(|line| {
            let call = RecordedCall::parse(&line)?;
            let verdict = judge.judge(&call)?;
            Ok((call, verdict))
        });
        told.tell(number, said);
    }
    Ok(told.finish())
}

/// The lines of a file with their numbers, without empty ones.
struct Lines {
    reader: Box<dyn BufRead>,
    place: String,
    number: u64,
}

/// A line, or why it is none.
type Line = Result<String, String>;

impl Lines {
    fn open(path: &Path) -> anyhow::Result<Self> {
        let reader: Box<dyn BufRead> = if path == Path::new("-") {
            Box::new(BufReader::new(io::stdin()))
        } else {
            let file =
                File::open(path).with_context(|| format!("cannot read {}", path.display()))?;
            Box::new(BufReader::new(file))
        };
        Ok(Self {
            reader,
            place: path.display().to_string(),
            number: 0,
        })
    }

    fn next(&mut self) -> anyhow::Result<Option<(u64, Line)>> {
        loop {
            let mut bytes = Vec::new();
            let mut part = io::Read::take(&mut self.reader, LINE_BYTES_MAX + 1);
            let read = part
                .read_until(b'\n', &mut bytes)
                .with_context(|| format!("cannot read {}", self.place))?;
            if read == 0 {
                return Ok(None);
            }
            self.number += 1;
            if bytes.len() as u64 > LINE_BYTES_MAX {
                self.skip_rest(&bytes)?;
                let error = format!("the line is longer than {LINE_BYTES_MAX} bytes");
                return Ok(Some((self.number, Err(error))));
            }
            let line = String::from_utf8(bytes).map_err(|_| "the line is no UTF-8".to_owned());
            if line.as_ref().is_ok_and(|line| line.trim().is_empty()) {
                continue;
            }
            return Ok(Some((self.number, line)));
        }
    }

    fn skip_rest(&mut self, start: &[u8]) -> anyhow::Result<()> {
        if start.last() == Some(&b'\n') {
            return Ok(());
        }
        self.reader
            .skip_until(b'\n')
            .map(|_| ())
            .with_context(|| format!("cannot read {}", self.place))
    }
}

/// What was told so far.
struct Told {
    as_json: bool,
    allowed: u64,
    held: u64,
    denied: u64,
    mistakes: u64,
}

impl Told {
    const fn new(as_json: bool) -> Self {
        Self {
            as_json,
            allowed: 0,
            held: 0,
            denied: 0,
            mistakes: 0,
        }
    }

    fn tell(&mut self, number: u64, said: Result<(RecordedCall, Verdict), String>) {
        match said {
            Ok((call, verdict)) => {
                match verdict.outcome {
                    "allow" => self.allowed += 1,
                    "require" => self.held += 1,
                    _ => self.denied += 1,
                }
                if self.as_json {
                    output::line(with_line(number, json!(verdict)).to_string());
                } else {
                    output::line(row(number, &call, &verdict));
                }
            }
            Err(error) => {
                self.mistakes += 1;
                if self.as_json {
                    output::line(json!({ "line": number, "error": error }).to_string());
                } else {
                    output::line(format!("{number:>6}  error    {error}"));
                }
            }
        }
    }

    fn finish(self) -> Exit {
        let Self {
            allowed,
            held,
            denied,
            mistakes,
            ..
        } = self;
        if !self.as_json {
            output::line(format!(
                "{allowed} allowed, {held} held, {denied} denied, {mistakes} no calls"
            ));
        }
        match mistakes {
            0 => Exit::Success,
            _ => Exit::Failure,
        }
    }
}

fn with_line(number: u64, verdict: Value) -> Value {
    let Value::Object(members) = verdict else {
        return verdict;
    };
    let first = [("line".to_owned(), json!(number))];
    Value::Object(first.into_iter().chain(members).collect())
}

fn row(number: u64, call: &RecordedCall, verdict: &Verdict) -> String {
    let what = match &call.call {
        Some(import) => format!("{} {import}", call.tool),
        None => call.tool.clone(),
    };
    let approval = verdict
        .approval
        .as_ref()
        .map(|approval| format!(" for {approval}"))
        .unwrap_or_default();
    let why = match (&verdict.reason, verdict.why.first()) {
        (Some(reason), _) => format!(": {reason}"),
        (None, Some(why)) => format!(": {why}"),
        (None, None) => String::new(),
    };
    format!(
        "{number:>6}  {:<7}  {what}  by {}{approval}{why}",
        verdict.outcome, verdict.rule
    )
}

/// The tools that rules are compared with, where they are given.
fn tools(decide: &Decide) -> anyhow::Result<Option<Vec<ToolDecl>>> {
    if let Some(path) = &decide.component {
        let bytes = fs::read(path).with_context(|| format!("cannot read {}", path.display()))?;
        let found =
            tollgate_package::inspect(&bytes).with_context(|| path.display().to_string())?;
        let request = found.request.with_context(|| {
            format!(
                "{} does not say which tools it has; build it with `tollgate build`",
                path.display()
            )
        })?;
        return Ok(Some(request.tools));
    }
    let Some(path) = &decide.schemas else {
        return Ok(None);
    };
    let text =
        fs::read_to_string(path).with_context(|| format!("cannot read {}", path.display()))?;
    let tools: Vec<Schema> =
        serde_json::from_str(&text).with_context(|| path.display().to_string())?;
    Ok(Some(tools.into_iter().map(ToolDecl::from).collect()))
}

/// A tool as outside suites know it.
#[derive(Deserialize)]
struct Schema {
    name: String,
    #[serde(alias = "inputSchema")]
    input_schema: Value,
    /// What is unknown is the worst case.
    #[serde(default = "worst")]
    effect: Effect,
}

const fn worst() -> Effect {
    Effect::Irreversible
}

impl From<Schema> for ToolDecl {
    fn from(schema: Schema) -> Self {
        Self {
            title: schema.name.clone(),
            description: String::new(),
            name: schema.name,
            input_schema: schema.input_schema,
            output_schema: Value::Bool(true),
            effect: schema.effect,
            undo: UndoDecl::None,
            terms: UndoTerms::default(),
        }
    }
}

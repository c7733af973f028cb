//! What is known of a run's case, for rules that ask where a value came from.
//!
//! Everything comes from the journal: the trusted inputs that the case was opened
//! with, and what its runs have read since. Only reads count, and of them only
//! those whose fields say where a value stands: JSON that a server answered, and
//! columns of one table. The attack: an agent writes a value somewhere and reads
//! it back, or has a server echo it. What a write answers is never known; which
//! systems and fields can be trusted is the operator's word, in the rule.

use std::collections::BTreeMap;

use serde_json::Value;
use tollgate_journal::{Stage, Tenant};
use tollgate_policy::{CaseFacts, Dialect, Effect, Manifest, parse_exact, plain_columns};
use tollgate_store::RecordFilter;

use super::Run;
use crate::error::JournalFault;
use crate::host::Inner;
use crate::journal::OpenRecord;

/// Most records of a case that are looked at. What later ones say is unknown.
const RECORDS_MAX: u32 = 10_000;

impl Inner {
    /// What is known of a run's case. Nothing where no rule asks: then nothing is
    /// read.
    pub(crate) async fn case_facts(
        &self,
        run: &Run,
        manifest: &Manifest,
    ) -> Result<Option<CaseFacts>, JournalFault> {
        if !manifest.asks_for_case() {
            return Ok(None);
        }
        // A case without a name has this run only, which is found without a search.
        let own = run.named_case().is_none();
        let filter = RecordFilter {
            case: Some(run.case.clone()),
            run: own.then(|| run.run.clone()),
            limit: Some(RECORDS_MAX),
            ..RecordFilter::default()
        };
        let records = self.journal.read(&run.tenant, &filter).await?;
        Ok(Some(self.facts_of(&run.tenant, &records)))
    }

    fn facts_of(&self, tenant: &Tenant, records: &[OpenRecord]) -> CaseFacts {
        let mut facts = inputs(records);
        if records.len() >= RECORDS_MAX as usize {
            facts.cut();
        }
        let mut connectors = BTreeMap::new();
        for record in records {
            let Some(run) = record.leaf.run.as_deref() else {
                continue;
            };
            match record.leaf.stage {
                Stage::RunOpened => {
                    connectors.insert(run, record.fact("connector").unwrap_or_default());
                }
                Stage::CallOutcome if record.fact("effect") == Some(Effect::Read.as_str()) => {
                    if record.gone {
                        facts.cut();
                    }
                    let connector = connectors.get(run).copied().unwrap_or_default();
                    let installed = self.connectors.get(tenant, connector);
                    if let (Some(installed), Some(read)) = (installed, Recorded::of(record)) {
                        read.tell(connector, &installed.manifest, &mut facts);
                    }
                }
                _ => {}
            }
        }
        facts
    }
}

/// The inputs that the case was opened with. Only what opened it counts: a case
/// that an agent named first has no trusted inputs, whatever is said later.
fn inputs(records: &[OpenRecord]) -> CaseFacts {
    let mut opened = records
        .iter()
        .filter(|record| record.leaf.stage == Stage::CaseOpened);
    let Some(first) = opened.next() else {
        return CaseFacts::default();
    };
    let inputs = first.json("inputs");
    let mut facts = match inputs.as_ref().and_then(Value::as_object) {
        Some(inputs) => CaseFacts::new(inputs),
        None => CaseFacts::default(),
    };
    if first.gone {
        facts.cut();
    }
    facts
}

/// A read and what it answered.
pub(crate) struct Read<'a> {
    pub(crate) call: &'a str,
    pub(crate) destination: &'a str,
    /// As they are recorded.
    pub(crate) arguments: &'a Value,
    /// The recorded reply.
    pub(crate) reply: &'a Value,
}

/// A read that was recorded.
struct Recorded {
    call: String,
    destination: String,
    arguments: Value,
    reply: Value,
}

impl Read<'_> {
    /// Add what was read.
    pub(crate) fn tell(&self, connector: &str, manifest: &Manifest, facts: &mut CaseFacts) {
        let system = format!("{connector}.{}", self.destination);
        // A reply that is no answer says nothing of the system.
        let Some(answer) = self.reply.get("Ok") else {
            return;
        };
        match self.call {
            "http.send" => json_content(answer, &system, facts),
            "sql.query" => {
                let grant = manifest.grant.sql.get(self.destination);
                if let Some(grant) = grant {
                    rows(self.arguments, answer, grant.dialect, &system, facts);
                }
            }
            _ => {}
        }
    }
}

impl Recorded {
    fn of(record: &OpenRecord) -> Option<Self> {
        Some(Self {
            call: record.fact("call")?.to_owned(),
            destination: record.fact("destination")?.to_owned(),
            arguments: record.json("arguments")?,
            reply: record.json("reply")?,
        })
    }

    fn tell(&self, connector: &str, manifest: &Manifest, facts: &mut CaseFacts) {
        let read = Read {
            call: &self.call,
            destination: &self.destination,
            arguments: &self.arguments,
            reply: &self.reply,
        };
        read.tell(connector, manifest, facts);
    }
}

/// JSON that a server answered in full, with success.
fn json_content(answer: &Value, system: &str, facts: &mut CaseFacts) {
    let is_success = answer
        .get("status")
        .and_then(Value::as_u64)
        .is_some_and(|status| (200..300).contains(&status));
    let is_whole = answer.get("truncated") == Some(&Value::Bool(false));
    let text = answer.pointer("/body/text").and_then(Value::as_str);
    let content = text.and_then(|text| parse_exact(text).ok());
    if let Some(content) = content.filter(|_| is_success && is_whole) {
        facts.read(system, &content);
    }
}

/// Columns of one table, as the statement names them.
fn rows(arguments: &Value, answer: &Value, dialect: Dialect, system: &str, facts: &mut CaseFacts) {
    let statement = arguments.get("statement").and_then(Value::as_str);
    let Some(plain) = statement.and_then(|text| plain_columns(text, dialect)) else {
        return;
    };
    let names = answer.get("columns").and_then(Value::as_array);
    let rows = answer.get("rows").and_then(Value::as_array);
    let (Some(names), Some(rows)) = (names, rows) else {
        return;
    };
    let columns: Vec<Option<String>> = plain.columns.unwrap_or_else(|| {
        let name = |name: &Value| match dialect {
            Dialect::Sqlite => name.as_str().map(str::to_lowercase),
            Dialect::Postgres => name.as_str().map(str::to_owned),
        };
        names.iter().map(name).collect()
    });
    // Another number of values than columns: which is which cannot be told.
    if columns.len() != names.len() {
        return;
    }
    for row in rows.iter().filter_map(Value::as_array) {
        for (column, value) in columns.iter().zip(row) {
            if let Some(column) = column {
                facts.read_field(system, &format!("{}.{column}", plain.table), value);
            }
        }
    }
}

#[cfg(test)]
mod tests;

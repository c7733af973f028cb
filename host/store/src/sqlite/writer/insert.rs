//! The records of a transaction: numbered, put into their tenants' trees, and
//! written in one statement together with the new heads.

use std::collections::BTreeMap;

use sqlx::sqlite::{SqliteArguments, SqliteConnection};
use sqlx::{Arguments, AssertSqlSafe, Executor};
use tollgate_journal::{Blob, Prepared};

use super::heads::{OpenHead, OpenHeads};
use super::{Answers, Done, Waiting, Work};
use crate::Appended;
use crate::audit::is_named;
use crate::sqlite::changes::stored_ms;
use crate::sqlite::fault::{Fault, is_unique_violation};
use crate::sqlite::{SEQ_BITS, SPAN_BITS};

/// Records of one INSERT: 12 columns times this stay below SQLite's 32 766
/// parameters, and texts stay few enough to keep prepared.
const INSERT_RECORDS_MAX: usize = 256;
const RECORD_COLUMNS: usize = 12;

/// Large values of one INSERT. They are rare, so the texts are few.
const INSERT_BLOBS_MAX: usize = 64;

/// Earliest and latest time of the records of a span.
type Times = (i64, i64);

/// The records of a transaction with their places.
#[derive(Default)]
pub(super) struct Insert {
    records: Vec<(i64, Prepared)>,
    bytes: u64,
}

impl Insert {
    /// About how many bytes it writes.
    pub(super) const fn bytes(&self) -> u64 {
        self.bytes
    }

    /// Number a submission's records and put them into the tenant's tree.
    pub(super) fn take(
        &mut self,
        head: &mut OpenHead,
        records: &mut Vec<Prepared>,
    ) -> Result<Appended, Fault> {
        let tree = &mut head.cached.frontier;
        let appended = Appended {
            first_seq: tree.count(),
            count: records.len() as u64,
        };
        if tree.count() + appended.count >= 1 << SEQ_BITS {
            return Err(Fault::corrupt(
                "a tenant has more records than one store can number",
            ));
        }
        for record in records.drain(..) {
            // Both parts are below their bounds, checked above and in `new_head`.
            let place = (head.cached.tenant_id << SEQ_BITS) | tree.count() as i64;
            tree.push(record.hash);
            self.bytes += (record.bytes() + 200) as u64;
            self.records.push((place, record));
        }
        Ok(appended)
    }
}

/// Undo [`Insert::take`] for another attempt.
pub(super) fn give_back(batch: &mut [Waiting], insert: Insert, answers: &Answers) {
    let mut records = insert.records.into_iter().map(|(_, record)| record);
    for (waiting, answer) in batch.iter_mut().zip(answers) {
        if let (Work::Write(submission, _), Ok(Done::Appended(appended))) =
            (&mut waiting.work, answer)
        {
            let count = usize::try_from(appended.count).unwrap_or(usize::MAX);
            submission.records.extend(records.by_ref().take(count));
        }
    }
}

/// Insert all records, write the heads that grew, and commit: one round trip,
/// and one more where there are large values.
pub(super) async fn finish(
    connection: &mut SqliteConnection,
    mut insert: Insert,
    heads: &OpenHeads,
) -> Result<(), Fault> {
    if insert.records.is_empty() {
        connection.execute("COMMIT").await?;
        return Ok(());
    }
    keep_blobs(connection, &mut insert.records).await?;
    let grown: Vec<_> = heads
        .iter()
        .filter_map(|(tenant, head)| head.as_ref().ok().map(|head| (tenant, head)))
        .filter(|(_, head)| head.has_grown())
        .collect();
    let spans = spans(&insert.records, 2 * grown.len());
    let text = finish_text(insert.records.len(), spans.len(), grown.len());
    let mut arguments = SqliteArguments::default();
    arguments.reserve(
        insert.records.len() * RECORD_COLUMNS + spans.len() * 3 + grown.len() * 5,
        0,
    );
    for (place, record) in insert.records {
        bind_record(&mut arguments, place, record)?;
    }
    for (span, (first, last)) in spans {
        arguments.add(span)?;
        arguments.add(first)?;
        arguments.add(last)?;
    }
    for (tenant, head) in grown {
        arguments.add(head.cached.tenant_id)?;
        arguments.add(tenant.as_str())?;
        arguments.add(head.cached.frontier.count() as i64)?;
        arguments.add(head.cached.root.to_vec())?;
        arguments.add(head.cached.frontier.to_bytes())?;
    }
    match sqlx::query_with(AssertSqlSafe(text), arguments)
        .execute(connection)
        .await
    {
        // Only places can collide: somebody else put records beyond the head.
        Err(error) if is_unique_violation(&error) => {
            Err(Fault::corrupt("there are records beyond a tenant's head"))
        }
        Err(error) => Err(error.into()),
        Ok(_) => Ok(()),
    }
}

/// The spans that the records are in, with their times. At least `least`, the
/// first one repeated: then nearly every transaction has the same text.
fn spans(records: &[(i64, Prepared)], least: usize) -> Vec<(i64, Times)> {
    let mut spans = BTreeMap::<i64, Times>::new();
    for (place, record) in records {
        let at_ms = stored_ms(record.at_ms);
        let (first, last) = spans.entry(place >> SPAN_BITS).or_insert((at_ms, at_ms));
        (*first, *last) = (at_ms.min(*first), at_ms.max(*last));
    }
    let mut spans: Vec<_> = spans.into_iter().collect();
    if let Some(&first) = spans.first() {
        while spans.len() < least {
            spans.push(first);
        }
    }
    spans
}

/// Keep the large values that the records refer to: each once per tenant.
async fn keep_blobs(
    connection: &mut SqliteConnection,
    records: &mut [(i64, Prepared)],
) -> Result<(), Fault> {
    let mut blobs: Vec<(i64, Blob)> = Vec::new();
    for (place, record) in records {
        blobs.extend(record.blobs.drain(..).map(|blob| (*place, blob)));
    }
    while !blobs.is_empty() {
        let some = blobs.split_off(blobs.len().saturating_sub(INSERT_BLOBS_MAX));
        let mut text = "INSERT INTO blobs (tenant_id, id, sealed) VALUES ".to_owned();
        push_rows(&mut text, "(?,?,?)", some.len());
        text.push_str(
            " ON CONFLICT DO NOTHING; INSERT INTO blob_uses (tenant_id, id, place) VALUES ",
        );
        push_rows(&mut text, "(?,?,?)", some.len());
        text.push_str(" ON CONFLICT DO NOTHING");
        let mut arguments = SqliteArguments::default();
        let uses: Vec<_> = some.iter().map(|(place, blob)| (*place, blob.id)).collect();
        for (place, blob) in some {
            arguments.add(place >> SEQ_BITS)?;
            arguments.add(blob.id.to_vec())?;
            arguments.add(blob.sealed)?;
        }
        for (place, id) in uses {
            arguments.add(place >> SEQ_BITS)?;
            arguments.add(id.to_vec())?;
            arguments.add(place)?;
        }
        sqlx::query_with(AssertSqlSafe(text), arguments)
            .execute(&mut *connection)
            .await?;
    }
    Ok(())
}

fn bind_record(arguments: &mut SqliteArguments, place: i64, record: Prepared) -> Result<(), Fault> {
    let (tool, outcome, workflow) = match record.closing {
        Some(closing) => (Some(closing.tool), Some(closing.outcome), closing.workflow),
        None => (None, None, None),
    };
    let subject = record.subject;
    arguments.add(place)?;
    arguments.add(record.run)?;
    arguments.add(record.case)?;
    arguments.add(i32::from(record.stage.code()))?;
    arguments.add(stored_ms(record.at_ms))?;
    arguments.add(is_named(&subject).then_some(subject))?;
    arguments.add(tool)?;
    arguments.add(outcome)?;
    arguments.add(workflow)?;
    arguments.add(record.hash.to_vec())?;
    arguments.add(record.leaf)?;
    arguments.add(record.sealed)?;
    Ok(())
}

fn finish_text(records: usize, spans: usize, heads: usize) -> String {
    const INTO: &str = "INSERT INTO records (place, run, case_id, stage, at_ms, subject, tool, \
                        outcome, workflow, hash, leaf, sealed) VALUES ";
    let mut text = String::with_capacity(1024 + records * 26 + spans * 8 + heads * 12);
    let mut rest = records;
    while rest > 0 {
        let rows = rest.min(INSERT_RECORDS_MAX);
        text.push_str(INTO);
        push_rows(&mut text, "(?,?,?,?,?,?,?,?,?,?,?,?)", rows);
        text.push(';');
        rest -= rows;
    }
    text.push_str("INSERT INTO spans (span, first_ms, last_ms) VALUES ");
    push_rows(&mut text, "(?,?,?)", spans);
    text.push_str(
        " ON CONFLICT (span) DO UPDATE SET first_ms = min(first_ms, excluded.first_ms), \
         last_ms = max(last_ms, excluded.last_ms);",
    );
    text.push_str("INSERT INTO tenants (tenant_id, tenant, count, root, frontier) VALUES ");
    push_rows(&mut text, "(?,?,?,?,?)", heads);
    text.push_str(
        " ON CONFLICT (tenant_id) DO UPDATE SET count = excluded.count, \
         root = excluded.root, frontier = excluded.frontier; COMMIT",
    );
    text
}

fn push_rows(text: &mut String, row: &str, rows: usize) {
    for index in 0..rows {
        if index > 0 {
            text.push(',');
        }
        text.push_str(row);
    }
}

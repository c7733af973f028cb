//! Text files of separated values.
//!
//! Edits are made in the bytes: a record is inserted, replaced or cut out, and
//! everything else stays as it was, whatever quoting, line ends or mark the
//! file came with. Writing the file anew through a csv writer was refused: it
//! would change lines that nobody asked to change.
//!
//! Every value is text here. To guess numbers would turn the account `007` into
//! `7`.

use std::ops::Range;

use csv::{ByteRecord, ReaderBuilder};

use crate::cell::Cell;
use crate::limits;
use crate::problem::Problem;
use crate::table::{Assignment, Table};

/// The one sheet of a csv file, in answers.
pub(crate) const SHEET: &str = "csv";

const BOM: &str = "\u{FEFF}";

/// A csv file, understood.
#[derive(Debug)]
pub(crate) struct Delimited {
    text: String,
    delimiter: u8,
    records: Vec<Record>,
    table: Table,
}

/// Where a record lies in the text, without its line end, and its raw fields.
#[derive(Debug)]
struct Record {
    span: Range<usize>,
    fields: Vec<String>,
}

impl Delimited {
    pub(crate) fn open(bytes: Vec<u8>) -> Result<Self, Problem> {
        let text = decode(bytes)?;
        let delimiter = detect_delimiter(&text);
        let records = read(&text, delimiter)?;
        let rows = records
            .iter()
            .zip(1..)
            .map(|(record, number)| (number, cells(record)));
        let table = Table::build(SHEET, rows)?;
        Ok(Self {
            text,
            delimiter,
            records,
            table,
        })
    }

    pub(crate) fn table(&self) -> &Table {
        &self.table
    }

    /// Add a record below everything. The answer has the values as they read.
    pub(crate) fn append(
        &self,
        values: &Assignment,
    ) -> Result<(Vec<u8>, u32, Assignment), Problem> {
        let row = u32::try_from(self.records.len() + 1).unwrap_or(u32::MAX);
        bounded(
            "the file has no row left",
            u64::from(row),
            u64::from(limits::ROWS),
        )?;
        let width = self.records.first().map_or(0, |header| header.fields.len());
        let mut fields = vec![String::new(); width];
        let written = self.fill(&mut fields, values)?;
        let end = self
            .records
            .last()
            .map_or(self.text.len(), |record| record.span.end);
        let line = format!("{}{}", self.line_end(), self.line(&fields));
        let text = splice(&self.text, end..end, &line);
        self.confirm(&text, self.records.len() + 1, self.records.len(), &fields)?;
        Ok((text.into_bytes(), row, written))
    }

    /// Write some fields of a record. The answer has the values as they read.
    pub(crate) fn set(
        &self,
        row: u32,
        values: &Assignment,
    ) -> Result<(Vec<u8>, Assignment), Problem> {
        let (index, record) = self.record(row)?;
        let mut fields = record.fields.clone();
        let written = self.fill(&mut fields, values)?;
        let text = splice(&self.text, record.span.clone(), &self.line(&fields));
        self.confirm(&text, self.records.len(), index, &fields)?;
        Ok((text.into_bytes(), written))
    }

    /// Cut a record out, with the line end that belongs to it.
    pub(crate) fn remove(&self, row: u32) -> Result<Vec<u8>, Problem> {
        let (index, record) = self.record(row)?;
        let span = record.span.clone();
        let after = line_end_at(&self.text, span.end);
        let last = index + 1 == self.records.len();
        let cut = match index.checked_sub(1).map(|i| self.records[i].span.end) {
            Some(before) if last => before + line_end_at(&self.text, before)..span.end + after,
            _ => span.start..span.end + after,
        };
        let cut = if last && after == 0 {
            trim_line_end(&self.text, cut)
        } else {
            cut
        };
        Ok(splice(&self.text, cut, "").into_bytes())
    }

    fn record(&self, row: u32) -> Result<(usize, &Record), Problem> {
        let index = usize::try_from(row).ok().and_then(|row| row.checked_sub(1));
        index
            .and_then(|index| Some((index, self.records.get(index)?)))
            .ok_or_else(|| Problem::Corrupt(format!("it has no record {row}")))
    }

    fn fill(&self, fields: &mut Vec<String>, values: &Assignment) -> Result<Assignment, Problem> {
        values
            .iter()
            .map(|(place, cell)| {
                let index = self.table.columns[*place].index as usize;
                if fields.len() <= index {
                    fields.resize(index + 1, String::new());
                }
                let shown = cell.shown();
                fields[index] = disarm(&shown);
                Ok((*place, Cell::text(shown)))
            })
            .collect()
    }

    fn line(&self, fields: &[String]) -> String {
        line(fields, char::from(self.delimiter))
    }

    fn line_end(&self) -> &'static str {
        let header_end = self.records.first().map_or(0, |record| record.span.end);
        if self.text[header_end..].starts_with("\r\n") {
            "\r\n"
        } else {
            "\n"
        }
    }

    /// Read what would be written. A quote that somebody left open swallows all
    /// that comes after it, and only this shows it.
    fn confirm(
        &self,
        text: &str,
        count: usize,
        index: usize,
        fields: &[String],
    ) -> Result<(), Problem> {
        let records = read(text, self.delimiter)?;
        if records.len() == count && records.get(index).is_some_and(|r| r.fields == fields) {
            return Ok(());
        }
        Err(Problem::Corrupt(
            "a quote is not closed, so the rows cannot be told apart".to_owned(),
        ))
    }
}

/// A new file with a header.
pub(crate) fn create(columns: &[String]) -> Vec<u8> {
    let fields: Vec<String> = columns.iter().map(|name| disarm(name)).collect();
    format!("{}\n", line(&fields, ',')).into_bytes()
}

fn decode(bytes: Vec<u8>) -> Result<String, Problem> {
    let text = String::from_utf8(bytes).map_err(|_| Problem::Unsupported {
        what: "the csv file is not UTF-8 text".to_owned(),
        advice: "save it again as csv with the character set UTF-8",
    })?;
    if text.contains('\0') {
        return Err(Problem::Corrupt(
            "a csv file holds no zero bytes".to_owned(),
        ));
    }
    Ok(text)
}

/// The separator that the header line uses most, outside quotes.
fn detect_delimiter(text: &str) -> u8 {
    let mut quoted = false;
    let mut counts = [(b',', 0), (b';', 0), (b'\t', 0)];
    for byte in text.trim_start_matches(BOM).trim_start().bytes() {
        match byte {
            b'"' => quoted = !quoted,
            b'\n' if !quoted => break,
            _ if quoted => {}
            _ => counts
                .iter_mut()
                .filter(|(d, _)| *d == byte)
                .for_each(|(_, n)| *n += 1),
        }
    }
    counts
        .iter()
        .rev()
        .max_by_key(|(_, n)| *n)
        .map_or(b',', |(d, _)| *d)
}

fn read(text: &str, delimiter: u8) -> Result<Vec<Record>, Problem> {
    let skip = if text.starts_with(BOM) { BOM.len() } else { 0 };
    let mut reader = ReaderBuilder::new()
        .has_headers(false)
        .flexible(true)
        .delimiter(delimiter)
        .from_reader(&text.as_bytes()[skip..]);
    let mut records: Vec<Record> = Vec::new();
    let mut raw = ByteRecord::new();
    let mut cells = 0;
    while reader
        .read_byte_record(&mut raw)
        .map_err(|e| Problem::Corrupt(e.to_string()))?
    {
        let start =
            skip + usize::try_from(raw.position().map_or(0, csv::Position::byte)).unwrap_or(0);
        let end = skip + usize::try_from(reader.position().byte()).unwrap_or(0);
        cells += raw.len() as u64;
        bounded("the file has too many cells", cells, limits::CELLS)?;
        bounded(
            "the file has too many rows",
            records.len() as u64 + 1,
            u64::from(limits::ROWS),
        )?;
        bounded(
            "a row has too many columns",
            raw.len() as u64,
            u64::from(limits::COLUMNS),
        )?;
        let fields = raw
            .iter()
            .map(|f| String::from_utf8_lossy(f).into_owned())
            .collect();
        records.push(Record {
            span: content(text, start..end),
            fields,
        });
    }
    Ok(records)
}

fn bounded(what: &'static str, actual: u64, limit: u64) -> Result<(), Problem> {
    if actual > limit {
        Err(Problem::TooLarge {
            what,
            actual,
            limit,
        })
    } else {
        Ok(())
    }
}

/// A record's bytes without blank lines before it and its line end.
fn content(text: &str, span: Range<usize>) -> Range<usize> {
    let ends = |c: char| matches!(c, '\r' | '\n');
    let body = text[span.clone()].trim_start_matches(ends);
    let start = span.end - body.len();
    start..start + body.trim_end_matches(ends).len()
}

/// The length of the line end that begins there.
fn line_end_at(text: &str, at: usize) -> usize {
    match text.as_bytes().get(at..).unwrap_or_default() {
        [b'\r', b'\n', ..] => 2,
        [b'\r' | b'\n', ..] => 1,
        _ => 0,
    }
}

/// Widen a cut at the end of a file that has no line end there, by the one
/// before it: appending had added that.
fn trim_line_end(text: &str, cut: Range<usize>) -> Range<usize> {
    let before = &text[..cut.start];
    let kept = before
        .strip_suffix("\r\n")
        .or_else(|| before.strip_suffix(['\n', '\r']));
    kept.map_or(cut.start, str::len)..cut.end
}

fn cells(record: &Record) -> Vec<(u32, Cell)> {
    record
        .fields
        .iter()
        .zip(0..)
        .map(|(field, index)| (index, Cell::text(rearm(field))))
        .collect()
}

fn line(fields: &[String], delimiter: char) -> String {
    let quoted: Vec<String> = fields.iter().map(|field| quote(field)).collect();
    quoted.join(delimiter.encode_utf8(&mut [0; 4]))
}

/// Quote what any reader could split, not only one that uses our separator:
/// text with `;=` in it must not become a formula where a semicolon separates.
fn quote(field: &str) -> String {
    let splits = |c: char| matches!(c, ',' | ';' | '\t' | '|' | '"' | '\r' | '\n' | '\'');
    if !field.contains(splits) && field.trim() == field {
        return field.to_owned();
    }
    format!("\"{}\"", field.replace('"', "\"\""))
}

/// Whether a spreadsheet program could take the text for a formula (CSV
/// injection, CWE-1236), by its first character, wide forms included.
fn is_formula(text: &str) -> bool {
    text.starts_with(['=', '+', '-', '@', '\t', '\r', '\n', '＝', '＋', '－', '＠'])
}

/// Put an apostrophe before text that could be taken for a formula. Numbers
/// stay: `-5` calculates nothing. [`rearm`] takes it away again, also from text
/// that came with apostrophes of its own.
fn disarm(text: &str) -> String {
    if is_formula(text.trim_start_matches(['\'', ' '])) && text.parse::<f64>().is_err() {
        return format!("'{text}");
    }
    text.to_owned()
}

fn rearm(field: &str) -> &str {
    match field.strip_prefix('\'') {
        Some(rest) if disarm(rest) != rest => rest,
        _ => field,
    }
}

fn splice(text: &str, range: Range<usize>, with: &str) -> String {
    let mut out = String::with_capacity(text.len() + with.len());
    out.push_str(&text[..range.start]);
    out.push_str(with);
    out.push_str(&text[range.end..]);
    out
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests")]
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn text_that_looks_like_a_formula_is_disarmed_and_reads_back_as_it_was() {
        for text in [
            "=1+1",
            "+49 170 1",
            "-a",
            "@x",
            "\tx",
            "'=1",
            "''=1",
            " =1",
            "＝1",
            "=HYPERLINK(\"x\";\"y\")",
        ] {
            let field = disarm(text);
            assert!(field.starts_with('\''), "{text:?}");
            assert_eq!(rearm(&field), text);
        }
        for text in ["-5", "+5", "1e9", "plain", "'quoted'", "a=b"] {
            assert_eq!(disarm(text), text);
            assert_eq!(rearm(text), text);
        }
    }

    #[test]
    fn a_number_with_a_sign_is_not_disarmed_but_infinity_written_out_is() {
        assert_eq!(disarm("-1.5"), "-1.5");
        assert_eq!(disarm("-cmd|' /C calc'!A0"), "'-cmd|' /C calc'!A0");
    }

    #[test]
    fn the_separator_of_the_header_counts_outside_quotes() {
        assert_eq!(detect_delimiter("a;b;\"c,,,,\"\n1,2,3,4"), b';');
        assert_eq!(detect_delimiter("a\tb"), b'\t');
        assert_eq!(detect_delimiter("single"), b',');
    }

    proptest! {
        #[test]
        fn any_text_survives_disarming(text in "['=+@\\- a1]{0,6}") {
            let field = disarm(&text);
            prop_assert_eq!(rearm(&field), &text);
        }

        #[test]
        fn any_append_and_its_removal_leave_the_bytes_as_they_were(
            rows in proptest::collection::vec(("[a-z=\",;'\n ]{1,6}", "[a-z]{0,3}"), 0..5),
            crlf: bool, closed: bool, value in "[a-z=+,;\"'\n]{1,8}",
        ) {
            let end = if crlf { "\r\n" } else { "\n" };
            let mut lines = vec!["id,name".to_owned()];
            lines.extend(rows.iter().map(|(a, b)| line(&[a.clone(), b.clone()], ',')));
            let mut text = lines.join(end);
            if closed { text.push_str(end); }
            let file = Delimited::open(text.clone().into_bytes()).unwrap();
            let (bytes, _, _) = file.append(&vec![(0, Cell::text(value.clone()))]).unwrap();
            let file = Delimited::open(bytes).unwrap();
            let row = file.table().rows.last().unwrap();
            prop_assert_eq!(&row.cells[0], &Cell::text(value));
            prop_assert_eq!(String::from_utf8(file.remove(row.number).unwrap()).unwrap(), text);
        }
    }
}

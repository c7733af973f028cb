//! The zip around a workbook's parts.
//!
//! Parts that an edit does not touch are copied as they are, compressed bytes
//! and all: charts, pictures, comments and whatever this connector has never
//! heard of come out as they went in.

use std::collections::BTreeMap;
use std::io::{Cursor, Read, Write};

use zip::result::ZipError;
use zip::write::SimpleFileOptions;
use zip::{ZipArchive, ZipWriter};

use crate::limits;
use crate::problem::Problem;

/// Parts to write instead of those of the same name.
pub(super) type Changes = BTreeMap<String, String>;

/// A workbook's zip, checked against bombs.
pub(super) struct Package {
    archive: ZipArchive<Cursor<Vec<u8>>>,
    names: Vec<String>,
    unfolded: u64,
}

impl std::fmt::Debug for Package {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Package")
            .field("names", &self.names)
            .finish_non_exhaustive()
    }
}

/// The magic of a compound file: what Office writes when it encrypts, and what
/// it wrote before 2007.
const COMPOUND_FILE: &[u8] = &[0xD0, 0xCF, 0x11, 0xE0];

/// Of 9. A level of 6, as is usual, costs three times the instructions for a
/// tenth less.
const COMPRESSION: i64 = 3;

impl Package {
    /// Read the directory of the zip. Nothing is unfolded yet.
    pub(super) fn open(bytes: Vec<u8>) -> Result<Self, Problem> {
        if bytes.starts_with(COMPOUND_FILE) {
            return Err(Problem::Encrypted);
        }
        if !bytes.starts_with(b"PK\x03\x04") {
            return Err(Problem::Corrupt(
                "it is no workbook: it does not begin as a zip".to_owned(),
            ));
        }
        let mut archive = ZipArchive::new(Cursor::new(bytes)).map_err(damaged)?;
        check_directory(&mut archive)?;
        let names = archive
            .file_names()
            .map(|name| name.map(|name| name.into_owned()).map_err(damaged))
            .collect::<Result<_, _>>()?;
        Ok(Self {
            archive,
            names,
            unfolded: 0,
        })
    }

    pub(super) fn names(&self) -> &[String] {
        &self.names
    }

    /// The name as the zip has it: part names are the same in any case.
    pub(super) fn find(&self, part: &str) -> Option<&str> {
        let exact = self.names.iter().find(|name| *name == part);
        exact
            .or_else(|| {
                self.names
                    .iter()
                    .find(|name| name.eq_ignore_ascii_case(part))
            })
            .map(String::as_str)
    }

    /// A part's text.
    pub(super) fn read(&mut self, part: &str) -> Result<String, Problem> {
        self.read_optional(part)?
            .ok_or_else(|| Problem::Corrupt(format!("the part `{part}` is missing")))
    }

    /// A part's text, where there is such a part.
    ///
    /// The directory may lie about sizes, so the reading itself is bounded too.
    pub(super) fn read_optional(&mut self, part: &str) -> Result<Option<String>, Problem> {
        let Some(name) = self.find(part).map(str::to_owned) else {
            return Ok(None);
        };
        let left = limits::UNFOLDED_BYTES.saturating_sub(self.unfolded);
        let entry = self.archive.by_name(&name).map_err(damaged)?;
        let mut bytes = Vec::new();
        entry
            .take(left + 1)
            .read_to_end(&mut bytes)
            .map_err(|e| Problem::Corrupt(format!("the part `{part}` cannot be unfolded: {e}")))?;
        if bytes.len() as u64 > left {
            return Err(bomb(self.unfolded + bytes.len() as u64));
        }
        self.unfolded += bytes.len() as u64;
        String::from_utf8(bytes)
            .map(Some)
            .map_err(|_| Problem::Corrupt(format!("the part `{part}` is not UTF-8")))
    }

    /// The same workbook with some parts replaced.
    pub(super) fn rewrite(&mut self, changes: &Changes) -> Result<Vec<u8>, Problem> {
        let mut out = ZipWriter::new(Cursor::new(Vec::new()));
        for index in 0..self.archive.len() {
            let entry = self.archive.by_index_raw(index).map_err(damaged)?;
            match changes.get(entry.name().map_err(damaged)?.as_ref()) {
                None => out.raw_copy_file(entry).map_err(unwritten)?,
                Some(text) => {
                    let name = entry.name().map_err(damaged)?.into_owned();
                    write_part(&mut out, &name, text)?;
                }
            }
        }
        Ok(out.finish().map_err(unwritten)?.into_inner())
    }
}

/// A new zip of these parts, in this order.
pub(super) fn pack(parts: &[(&str, String)]) -> Result<Vec<u8>, Problem> {
    let mut out = ZipWriter::new(Cursor::new(Vec::new()));
    for (name, text) in parts {
        write_part(&mut out, name, text)?;
    }
    Ok(out.finish().map_err(unwritten)?.into_inner())
}

fn write_part(out: &mut ZipWriter<Cursor<Vec<u8>>>, name: &str, text: &str) -> Result<(), Problem> {
    let options = SimpleFileOptions::default()
        .compression_method(zip::CompressionMethod::Deflated)
        .compression_level(Some(COMPRESSION));
    out.start_file(name, options).map_err(unwritten)?;
    out.write_all(text.as_bytes())
        .map_err(|e| Problem::Corrupt(format!("the part `{name}` cannot be packed: {e}")))
}

/// Zip bombs (CWE-409): too many entries, entries over one another so that the
/// same bytes unfold again and again, and two entries of one name, of which a
/// spreadsheet program and this connector could each see another. The sizes
/// themselves are counted as parts are read, for pictures are only copied.
fn check_directory(archive: &mut ZipArchive<Cursor<Vec<u8>>>) -> Result<(), Problem> {
    let entries = archive.len() as u64;
    if entries > limits::ZIP_ENTRIES {
        let what = "the workbook has too many parts";
        return Err(Problem::TooLarge {
            what,
            actual: entries,
            limit: limits::ZIP_ENTRIES,
        });
    }
    if archive.has_duplicate_names() {
        return Err(Problem::Corrupt("two parts have the same name".to_owned()));
    }
    if archive.has_overlapping_entries().map_err(damaged)? {
        return Err(Problem::Corrupt("its parts overlap".to_owned()));
    }
    for index in 0..archive.len() {
        if archive.by_index_raw(index).map_err(damaged)?.encrypted() {
            return Err(Problem::Encrypted);
        }
    }
    Ok(())
}

fn bomb(actual: u64) -> Problem {
    let what = "the workbook unfolds to too many bytes";
    Problem::TooLarge {
        what,
        actual,
        limit: limits::UNFOLDED_BYTES,
    }
}

#[expect(clippy::needless_pass_by_value, reason = "for map_err")]
fn damaged(error: ZipError) -> Problem {
    Problem::Corrupt(format!("its zip cannot be read: {error}"))
}

#[expect(clippy::needless_pass_by_value, reason = "for map_err")]
fn unwritten(error: ZipError) -> Problem {
    Problem::Corrupt(format!("its zip cannot be written again: {error}"))
}

//! Verifying what somebody handed over, `verify --export` and `verify --record`:
//! no host, no database, no network, only files and a key. The files are hostile
//! until they verify.

use std::fs::{self, File};
use std::io::{self, ErrorKind, Read as _};
use std::path::{Path, PathBuf};

use anyhow::Context as _;
use serde_json::{Value, json};
use tollgate_journal::{
    ExportCheck, ExportError, ExportReader, ExportVerified, NOTE_BYTES_MAX, RECORD_PROOF_BYTES_MAX,
    RecordProof, SignedNote, VerifiedRecord, VerifiedSignature, VerifierKey, verify_export,
};

use crate::arguments::Verify;
use crate::exit::Exit;
use crate::output;
use crate::proof::read_key;

/// Files of a folder.
struct Folder(PathBuf);

impl ExportReader for Folder {
    fn read(&self, path: &str, limit: u64) -> io::Result<Option<Vec<u8>>> {
        match File::open(self.0.join(path)) {
            Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
            file => {
                let mut bytes = Vec::new();
                file?.take(limit).read_to_end(&mut bytes)?;
                Ok(Some(bytes))
            }
        }
    }
}

pub(crate) fn export(folder: &Path, verify: &Verify, as_json: bool) -> anyhow::Result<Exit> {
    anyhow::ensure!(folder.is_dir(), "{} is no folder", folder.display());
    let key = key(verify)?;
    let outside: Vec<SignedNote> = verify
        .checkpoints
        .iter()
        .map(|file| read_note(file))
        .collect::<anyhow::Result<_>>()?;
    let witnesses = witnesses(verify)?;
    let check = ExportCheck {
        log_key: &key,
        outside: &outside,
        witnesses: &witnesses,
    };
    let bar = output::busy("verifying");
    let mut told = |records: u64| bar.set_message(format!("verifying: {records} records"));
    let verified = verify_export(&Folder(folder.to_owned()), &check, &mut told);
    bar.finish_and_clear();
    match verified {
        Ok(verified) => {
            say_export(&key, &verified, as_json);
            Ok(Exit::Success)
        }
        Err(ExportError::Tampered(report)) => {
            if as_json {
                output::json(&json!({
                    "log": key.name(),
                    "problem": report.to_string(),
                    "first_bad": { "from": report.first_bad.start, "to": report.first_bad.end },
                }));
            } else {
                output::line(format!("{}: {report}", key.name()));
            }
            Ok(Exit::Failure)
        }
        Err(error) => Err(error.into()),
    }
}

fn say_export(key: &VerifierKey, verified: &ExportVerified, as_json: bool) {
    let head = &verified.checkpoint.checkpoint;
    let root = hex::encode(head.root);
    if as_json {
        output::json(&json!({
            "log": key.name(),
            "records": head.size,
            "root": root,
            "whole_to": verified.whole_to,
            "truncation_excluded": verified.whole_to == Some(head.size),
            "cosigned": verified.cosigned.iter().map(cosigned).collect::<Vec<_>>(),
        }));
        return;
    }
    output::line(format!(
        "{}: {} records, every one is the one that was signed; root {root}",
        key.name(),
        head.size
    ));
    output::line(match verified.whole_to {
        Some(whole) if whole == head.size => {
            "nothing is missing: a checkpoint that you have counts as many".to_owned()
        }
        Some(whole) => format!(
            "the first {whole} records are those of a checkpoint that you have; whether the log was cut after its record {} cannot be told",
            head.size.saturating_sub(1)
        ),
        None => "whether the last records are missing cannot be told: give a checkpoint that you got elsewhere with --checkpoint".to_owned(),
    });
    for signature in &verified.cosigned {
        output::line(witnessed(signature));
    }
}

fn cosigned(signature: &VerifiedSignature) -> Value {
    json!({ "witness": signature.name, "seen_s": signature.time_s })
}

fn witnessed(signature: &VerifiedSignature) -> String {
    let seen = signature
        .time_s
        .map(|s| format!(" at {s} s after 1970"))
        .unwrap_or_default();
    format!("the witness {} saw the checkpoint{seen}", signature.name)
}

pub(crate) fn record(file: &Path, verify: &Verify, as_json: bool) -> anyhow::Result<Exit> {
    let key = key(verify)?;
    let witnesses = witnesses(verify)?;
    let bytes = read(file, RECORD_PROOF_BYTES_MAX)?;
    let verified = RecordProof::from_json(&bytes)
        .and_then(|proof| proof.verify(&key))
        .with_context(|| file.display().to_string())?;
    let seen = verified.checkpoint.cosignatures(&witnesses)?;
    say_record(&key, &verified, &seen, &bytes, as_json)?;
    Ok(Exit::Success)
}

fn say_record(
    key: &VerifierKey,
    verified: &VerifiedRecord,
    seen: &[VerifiedSignature],
    bytes: &[u8],
    as_json: bool,
) -> anyhow::Result<()> {
    let leaf: Value = serde_json::from_str(&RecordProof::from_json(bytes)?.leaf)?;
    let disclosed: serde_json::Map<String, Value> = verified
        .disclosed
        .iter()
        .map(|value| (value.name.clone(), readable(&value.bytes)))
        .collect();
    let records = verified.checkpoint.checkpoint.size;
    if as_json {
        output::json(&json!({
            "log": key.name(),
            "place": verified.place,
            "records": records,
            "record": leaf,
            "disclosed": disclosed,
            "cosigned": seen.iter().map(cosigned).collect::<Vec<_>>(),
        }));
        return Ok(());
    }
    output::line(format!(
        "record {} of {}, in its checkpoint of {records} records",
        verified.place,
        key.name()
    ));
    output::line(output::pretty(&leaf));
    for (name, value) in &disclosed {
        output::line(format!("disclosed, as the record commits to it: {name}"));
        output::line(output::pretty(value));
    }
    seen.iter()
        .for_each(|signature| output::line(witnessed(signature)));
    Ok(())
}

/// JSON where it is JSON, else text.
fn readable(bytes: &[u8]) -> Value {
    serde_json::from_slice(bytes)
        .unwrap_or_else(|_| Value::String(String::from_utf8_lossy(bytes).into_owned()))
}

fn key(verify: &Verify) -> anyhow::Result<VerifierKey> {
    read_key(verify.key.as_deref().unwrap_or_default())
}

fn witnesses(verify: &Verify) -> anyhow::Result<Vec<VerifierKey>> {
    verify.witnesses.iter().map(|key| read_key(key)).collect()
}

fn read_note(file: &Path) -> anyhow::Result<SignedNote> {
    let bytes = read(file, NOTE_BYTES_MAX)?;
    SignedNote::parse(&bytes).with_context(|| file.display().to_string())
}

fn read(file: &Path, limit: usize) -> anyhow::Result<Vec<u8>> {
    let cannot = || format!("cannot read {}", file.display());
    let size = fs::metadata(file).with_context(cannot)?.len();
    anyhow::ensure!(
        size <= limit as u64,
        "{} is too large to be that",
        file.display()
    );
    fs::read(file).with_context(cannot)
}

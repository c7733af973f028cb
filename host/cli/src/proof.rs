//! Giving others what they can hold against the host: `checkpoint`, `key`,
//! `export`, `prove-record`, `anchor`. They open the store beside a running host.

use std::fs;
use std::path::Path;

use anyhow::Context as _;
use serde_json::json;
use tollgate_journal::VerifierKey;
use tollgate_runtime::{Anchored, Host};

use crate::arguments::{Anchor, Export, Home, OfTenant, ProveRecord};
use crate::exit::Exit;
use crate::output;
use crate::serve::existing;
use crate::witness;

pub(crate) async fn checkpoint(home: &Home, of: &OfTenant, as_json: bool) -> anyhow::Result<Exit> {
    let host = Host::open(existing(home)?).await?;
    let signed = host.checkpoint(&of.tenant).await;
    host.shutdown().await;
    let signed = signed?;
    if as_json {
        output::json(&signed);
    } else {
        // To the byte: it goes into a file that verifies.
        output::text(&signed.note);
        output::note(format!(
            "{} records; keep this where the host cannot change it",
            signed.records
        ));
    }
    Ok(Exit::Success)
}

pub(crate) async fn key(home: &Home, of: &OfTenant, as_json: bool) -> anyhow::Result<Exit> {
    let host = Host::open(existing(home)?).await?;
    let key = host.log_key(&of.tenant);
    host.shutdown().await;
    let key = key?;
    if as_json {
        output::json(&json!({ "tenant": of.tenant, "key": key.to_string() }));
    } else {
        output::line(key.to_string());
    }
    Ok(Exit::Success)
}

pub(crate) async fn export(home: &Home, export: &Export, as_json: bool) -> anyhow::Result<Exit> {
    let host = Host::open(existing(home)?).await?;
    let bar = output::busy(format!("exporting {}", export.of.tenant));
    let mut told = |records: u64| bar.set_message(format!("exporting: {records} records"));
    let exported = host
        .export(&export.of.tenant, &export.folder, &mut told)
        .await;
    bar.finish_and_clear();
    host.shutdown().await;
    let exported = exported?;
    if as_json {
        output::json(&exported);
        return Ok(Exit::Success);
    }
    output::line(format!(
        "{}: {} records, {} of them new; root {}",
        exported.folder.display(),
        exported.records,
        exported.new_records,
        exported.root
    ));
    output::line(format!("key: {}", exported.key));
    output::note("hand the key over by another way than the folder");
    Ok(Exit::Success)
}

pub(crate) async fn prove_record(home: &Home, prove: &ProveRecord) -> anyhow::Result<Exit> {
    let host = Host::open(existing(home)?).await?;
    let proof = host
        .prove_record(&prove.of.tenant, prove.place, &prove.disclose)
        .await;
    host.shutdown().await;
    let proof = proof?;
    output::text(&proof.to_json());
    output::note(match proof.disclosed.len() {
        0 => "no value is disclosed".to_owned(),
        count => format!("{count} values are in it for whoever gets it to read"),
    });
    Ok(Exit::Success)
}

pub(crate) async fn anchor(home: &Home, anchor: &Anchor, as_json: bool) -> anyhow::Result<Exit> {
    let key = read_key(&anchor.witness_key)?;
    let host = Host::open(existing(home)?).await?;
    let anchored = anchored(&host, anchor, &key).await;
    host.shutdown().await;
    let anchored = anchored?;
    if as_json {
        output::json(&anchored);
        return Ok(Exit::Success);
    }
    output::line(format!(
        "{} saw the checkpoint of {} records{}",
        anchored.witness,
        anchored.records,
        anchored
            .seen
            .map(|seen| format!(" at {seen}"))
            .unwrap_or_default()
    ));
    output::text(&anchored.note);
    Ok(Exit::Success)
}

async fn anchored(host: &Host, anchor: &Anchor, key: &VerifierKey) -> anyhow::Result<Anchored> {
    let cosignature = match (&anchor.cosignature, &anchor.witness) {
        (Some(file), _) => {
            fs::read_to_string(file).with_context(|| format!("cannot read {}", file.display()))?
        }
        (None, Some(url)) => witness::cosign(host, &anchor.of.tenant, url).await?,
        (None, None) => {
            anyhow::bail!("name a file with --cosignature or an address with --witness")
        }
    };
    Ok(host
        .anchor(&anchor.of.tenant, &cosignature, key, &anchor.by.by)
        .await?)
}

/// A public key, or a file that has one on its first line.
pub(crate) fn read_key(given: &str) -> anyhow::Result<VerifierKey> {
    if let Ok(key) = given.parse() {
        return Ok(key);
    }
    if !Path::new(given).is_file() {
        let why = given.parse::<VerifierKey>().err();
        let why = why.map(|why| why.to_string()).unwrap_or_default();
        anyhow::bail!(
            "{} is no key and no file with one: {why}",
            tollgate_policy::visible(given)
        );
    }
    let text = fs::read_to_string(given).with_context(|| format!("cannot read {given}"))?;
    let line = text.lines().next().unwrap_or_default().trim();
    line.parse().with_context(|| given.to_owned())
}

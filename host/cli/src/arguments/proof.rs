//! What can be typed after the commands that prove, anchor and destroy.

use std::path::PathBuf;

use clap::{ArgGroup, Args};
use tollgate_runtime::Tenant;

use super::who::{By, OfTenant};

#[derive(Debug, Args)]
pub(crate) struct Export {
    /// An empty folder, or one with an earlier export of the same journal.
    pub(crate) folder: PathBuf,
    #[command(flatten)]
    pub(crate) of: OfTenant,
}

#[derive(Debug, Args)]
pub(crate) struct Verify {
    /// Only this tenant.
    #[arg(long, conflicts_with_all = ["export", "record"])]
    pub(crate) tenant: Option<Tenant>,
    /// An exported journal. Needs no host, no database and no network.
    #[arg(
        long,
        value_name = "FOLDER",
        requires = "key",
        conflicts_with = "record"
    )]
    pub(crate) export: Option<PathBuf>,
    /// A record's proof. Needs no host, no database and no network.
    #[arg(long, value_name = "FILE", requires = "key")]
    pub(crate) record: Option<PathBuf>,
    /// The log's public key, or a file with it, as its operator gave it to you.
    #[arg(long, value_name = "KEY")]
    pub(crate) key: Option<String>,
    /// With --export: a checkpoint of the log that you got earlier or elsewhere;
    /// may be given more than once. Without one, nobody can tell whether the last
    /// records are missing.
    #[arg(long = "checkpoint", value_name = "FILE", requires = "export")]
    pub(crate) checkpoints: Vec<PathBuf>,
    /// The public key of a witness whose cosignature counts, or a file with it;
    /// may be given more than once.
    #[arg(long = "witness", value_name = "KEY", requires = "key")]
    pub(crate) witnesses: Vec<String>,
}

#[derive(Debug, Args)]
pub(crate) struct ProveRecord {
    /// Its place in the journal, as the log shows it.
    pub(crate) place: u64,
    /// Sealed values to show with it, by name. Whoever gets the file reads them,
    /// and can prove that they were in the record.
    #[arg(long, value_name = "NAMES", value_delimiter = ',')]
    pub(crate) disclose: Vec<String>,
    #[command(flatten)]
    pub(crate) of: OfTenant,
}

#[derive(Debug, Args)]
#[command(group(ArgGroup::new("how").required(true).args(["cosignature", "witness"])))]
pub(crate) struct Anchor {
    /// The witness's public key, or a file with it, as it publishes it.
    #[arg(long, value_name = "KEY")]
    pub(crate) witness_key: String,
    /// A file with its cosignature of a checkpoint.
    #[arg(long, value_name = "FILE")]
    pub(crate) cosignature: Option<PathBuf>,
    /// Address of a witness that speaks <https://c2sp.org/tlog-witness>.
    #[arg(long, value_name = "URL")]
    pub(crate) witness: Option<String>,
    #[command(flatten)]
    pub(crate) of: OfTenant,
    #[command(flatten)]
    pub(crate) by: By,
}

#[derive(Debug, Args)]
#[command(group(ArgGroup::new("what").required(true).args(["subject", "case", "run"])))]
pub(crate) struct Erase {
    /// Everything of a data subject: as callers name it, or its label in the log.
    #[arg(long, value_name = "ID")]
    pub(crate) subject: Option<String>,
    /// Everything of a hand-off.
    #[arg(long, value_name = "NAME")]
    pub(crate) case: Option<String>,
    /// The values of one run.
    #[arg(long)]
    pub(crate) run: Option<String>,
    /// Why. It is recorded, sealed.
    #[arg(long)]
    pub(crate) reason: String,
    /// Do not ask. What is erased cannot be brought back.
    #[arg(long)]
    pub(crate) yes: bool,
    #[command(flatten)]
    pub(crate) of: OfTenant,
    #[command(flatten)]
    pub(crate) by: By,
}

#[derive(Debug, Args)]
pub(crate) struct Prune {
    /// Values older than this: a number and `d`, `h`, `m` or `s`, for example 90d.
    #[arg(long, value_name = "AGE", value_parser = age)]
    pub(crate) older_than: std::time::Duration,
    /// Only say how much it would be.
    #[arg(long)]
    pub(crate) dry_run: bool,
    /// The tenant; all of them by default.
    #[arg(long)]
    pub(crate) tenant: Option<Tenant>,
    #[command(flatten)]
    pub(crate) by: By,
}

/// An age as people write it. Nought is refused: it would be everything.
pub(crate) fn age(text: &str) -> Result<std::time::Duration, String> {
    let what = "write a number and d, h, m or s, for example 90d";
    let unit = text.chars().last().ok_or(what)?;
    let seconds: u64 = match unit {
        'd' => 86_400,
        'h' => 3_600,
        'm' => 60,
        's' => 1,
        _ => return Err(what.to_owned()),
    };
    let number: u64 = text[..text.len() - unit.len_utf8()]
        .parse()
        .map_err(|_| what)?;
    match number.checked_mul(seconds) {
        Some(0) => Err("an age of nothing would be everything".to_owned()),
        Some(seconds) => Ok(std::time::Duration::from_secs(seconds)),
        None => Err("that is longer than anything is kept".to_owned()),
    }
}

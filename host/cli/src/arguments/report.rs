//! Arguments of `report`.

use std::path::PathBuf;

use clap::Args;

use super::OfTenant;

/// What became of hand-offs.
#[derive(Args, Debug)]
pub(crate) struct Report {
    #[command(flatten)]
    pub(crate) of: OfTenant,
    /// From when on: `12w` ago, a day, or RFC 3339.
    #[arg(long, value_name = "TIME")]
    pub(crate) since: Option<String>,
    /// Before when.
    #[arg(long, value_name = "TIME")]
    pub(crate) until: Option<String>,
    /// Only this workflow.
    #[arg(long, value_name = "NAME")]
    pub(crate) workflow: Option<String>,
    /// How many of the newest weeks stand in columns.
    #[arg(long, value_name = "N", default_value_t = 4)]
    pub(crate) weeks: usize,
    /// Write a plot of each workflow into this folder.
    #[arg(long, value_name = "FOLDER")]
    pub(crate) svg: Option<PathBuf>,
}

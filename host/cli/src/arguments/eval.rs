//! Running scenarios.

use std::path::PathBuf;

use clap::Args;

pub(crate) const EXAMPLE: &str = "\
Example:
  tollgate eval plugins/database/evals
  tollgate eval plugins/database/evals --only 'stale-*'

A scenario is a folder with a `scenario.toml`:

  about = \"An order that does not exist is an empty answer, not an error\"
  database = \"../orders.sql\"

  [[call]]
  tool = \"lookup\"
  input = { query = \"order\", params = { order_id = 9 } }
  expect = { outcome = \"done\", output = { rows = [] } }

All keys stand in sdk/EVALS.md.";

#[derive(Debug, Args)]
pub(crate) struct Eval {
    /// Folder with scenarios, or one of them.
    #[arg(default_value = "evals")]
    pub(crate) folder: PathBuf,
    /// Only scenarios of this name; `*` is any text.
    #[arg(long, value_name = "NAME")]
    pub(crate) only: Option<String>,
    /// A component to use, instead of building the connector.
    #[arg(long, value_name = "FILE")]
    pub(crate) component: Option<PathBuf>,
}

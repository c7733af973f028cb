//! What can be typed after `tollgate decide`.

use std::path::PathBuf;

use clap::Args;

pub(crate) const EXAMPLE: &str = "\
One JSON object a line:
  {\"tool\": \"refund\", \"input\": {\"order\": 7, \"amount\": 50}, \"inputs\": {\"order\": 7}}
`tool` must be there. Of the case: tenant, workflow, principal, case, run, at_ms,
inputs (its trusted inputs), read ([{system, field, value}]). Of an import call
that the tool makes: call, destination, identity, effect, args. `id` comes back.
A line with `args` for whose destination nothing is granted is denied by `(grant)`;
what is granted of a destination (statements, routes, recipients) is not judged.

Exit codes:
  0  every line was judged, whatever was decided
  1  a file cannot be read, the manifest has a fault, or a line is no call;
     lines that are calls are judged all the same
  2  the arguments cannot be understood

Example:
  tollgate decide --manifest manifest.toml --calls calls.jsonl --json";

#[derive(Debug, Args)]
pub(crate) struct Decide {
    /// The manifest whose rules decide. Its lists' files lie beside it.
    #[arg(long, value_name = "FILE")]
    pub(crate) manifest: PathBuf,
    /// Calls, one JSON object a line; `-` for standard input.
    #[arg(long, value_name = "FILE")]
    pub(crate) calls: PathBuf,
    /// The component: rules are compared with its tools, and their declared effects
    /// count where a line has none.
    #[arg(long, value_name = "FILE")]
    pub(crate) component: Option<PathBuf>,
    /// The same without a component: a JSON list of tools, each with `name`,
    /// `input_schema` and where it is known `effect`.
    #[arg(long, value_name = "FILE", conflicts_with = "component")]
    pub(crate) schemas: Option<PathBuf>,
}

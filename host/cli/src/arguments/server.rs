//! How a running host is reached, as typed.

use std::path::PathBuf;

use clap::Args;

/// How a running host is reached.
#[derive(Clone, Debug, Args)]
pub(crate) struct Server {
    /// Address of a running host.
    #[arg(
        long,
        global = true,
        env = "TOLLGATE_URL",
        default_value = "http://127.0.0.1:7878",
        value_name = "URL"
    )]
    pub(crate) url: String,
    /// File with your token; or put the token into TOLLGATE_TOKEN. A token on
    /// the command line would be seen by everybody on the machine.
    #[arg(long, global = true, env = "TOLLGATE_TOKEN_FILE", value_name = "FILE")]
    pub(crate) token_file: Option<PathBuf>,
}

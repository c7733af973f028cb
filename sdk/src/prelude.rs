//! What nearly every connector uses: `use tollgate_sdk::prelude::*;`

pub use schemars::JsonSchema;
pub use serde::{Deserialize, Serialize};

pub use crate::{
    Context, NoInput, ToolError, Undoable, clock, config, connector, files, handoff, http, kv, log,
    mail, random, sql, tool,
};

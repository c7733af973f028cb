//! The channels that can be used.

use tollgate_sdk::prelude::*;

use crate::granted;
use crate::message::Channel;
use crate::service;

#[derive(Serialize, JsonSchema)]
pub(crate) struct Channels {
    /// The channels that can be used.
    channels: Vec<Channel>,
    /// Names that the operator granted and the service did not show: the account
    /// is not in them, or they are gone.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    missing: Vec<String>,
}

/// Lists the channels that can be read and posted to: those that the operator has
/// named, at most 20. Their names are what the other tools take as `channel`.
#[tool(title = "List channels", effect = "read")]
pub(crate) fn list_channels() -> Result<Channels, ToolError> {
    let granted = granted::all()?;
    let channels = service::open()?.channels(&granted)?;
    let is_shown = |name: &str| channels.iter().any(|channel| channel.channel == name);
    let missing = granted.into_iter().map(|known| known.name);
    Ok(Channels {
        missing: missing.filter(|name| !is_shown(name)).collect(),
        channels,
    })
}

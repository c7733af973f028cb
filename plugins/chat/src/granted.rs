//! The channels that the operator names, `[config.channels]`: a name for callers,
//! and the service's id.
//!
//! This gives callers names and good errors. What holds a connector to its
//! channels is the host: routes of the manifest with the room in them (Matrix), or
//! a rule that denies every other channel (Slack, where it is a parameter).

use std::collections::BTreeMap;

use tollgate_sdk::prelude::*;

/// The most channels. Each costs requests in `list_channels` and `find_user`.
const CHANNELS_MAX: usize = 20;

/// A channel that may be read and posted to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Granted {
    /// What callers call it.
    pub(crate) name: String,
    /// What the service calls it.
    pub(crate) id: String,
}

/// All of them, by name.
pub(crate) fn all() -> Result<Vec<Granted>, ToolError> {
    read(config::require("channels")?)
}

/// The one of this name.
pub(crate) fn channel(name: &str) -> Result<Granted, ToolError> {
    pick(all()?, name)
}

fn read(named: BTreeMap<String, String>) -> Result<Vec<Granted>, ToolError> {
    if named.is_empty() || named.len() > CHANNELS_MAX {
        return Err(ToolError::failed(format!(
            "[config.channels] names {} channels; 1 to {CHANNELS_MAX} can be used",
            named.len()
        ))
        .hint("the operator must change the manifest"));
    }
    let granted = named.into_iter().map(|(name, id)| Granted { name, id });
    Ok(granted.collect())
}

fn pick(granted: Vec<Granted>, name: &str) -> Result<Granted, ToolError> {
    let mut all = granted.into_iter();
    all.find(|channel| channel.name == name).ok_or_else(|| {
        ToolError::denied("this channel is not one that the operator has named")
            .hint("`list_channels` names those that can be used")
    })
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a failing unwrap is the test's failure")]

    use super::*;

    fn named(names: &[&str]) -> BTreeMap<String, String> {
        let named = names
            .iter()
            .map(|name| ((*name).to_owned(), format!("C{name}")));
        named.collect()
    }

    #[test]
    fn only_a_named_channel_can_be_used() {
        let granted = read(named(&["support", "status"])).unwrap();
        assert_eq!(pick(granted.clone(), "support").unwrap().id, "Csupport");
        // The id is the service's; a caller who knows another one gets nowhere.
        for other in ["Csupport", "general", "", "Support"] {
            let error = pick(granted.clone(), other).unwrap_err();
            assert!(matches!(error, ToolError::Denied(_)), "{other}");
        }
    }

    #[test]
    fn no_channels_and_too_many_are_the_operators_to_change() {
        let many: Vec<String> = (0..=CHANNELS_MAX).map(|i| i.to_string()).collect();
        let many: Vec<&str> = many.iter().map(String::as_str).collect();
        assert!(read(named(&[])).is_err() && read(named(&many)).is_err());
        assert!(read(named(&many[1..])).is_ok());
    }
}

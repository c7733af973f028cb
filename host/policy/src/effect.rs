//! The three classes of effect. The host assigns them; a connector's claim can
//! only raise one. More classes were refused: an operator has to know by heart
//! what each one means.

use serde::{Deserialize, Serialize};

/// What a call may do outside, from least to most.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Effect {
    /// Changes nothing outside.
    Read,
    /// Changes something that can be put back.
    Write,
    /// Cannot be put back: money, contracts, messages to people outside.
    Irreversible,
}

impl Effect {
    /// All classes, from least to most.
    pub const ALL: [Self; 3] = [Self::Read, Self::Write, Self::Irreversible];

    /// The name used in manifests, records and rules.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Read => "read",
            Self::Write => "write",
            Self::Irreversible => "irreversible",
        }
    }

    /// The class of that name.
    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|effect| effect.as_str() == name)
    }
}

impl std::fmt::Display for Effect {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::Effect;

    #[test]
    fn classes_are_ordered_from_least_to_most() {
        assert!(Effect::Read < Effect::Write && Effect::Write < Effect::Irreversible);
    }

    #[test]
    fn the_serialized_name_is_the_displayed_name() {
        for effect in Effect::ALL {
            let json = serde_json::to_string(&effect).expect("a unit variant serializes");
            assert_eq!(json, format!("\"{effect}\""));
            assert_eq!(Effect::from_name(effect.as_str()), Some(effect));
        }
        assert_eq!(Effect::from_name("READ"), None);
    }
}

//! Who is there.

use tollgate_sdk::prelude::*;

use crate::granted;
use crate::message::Person;
use crate::service::{self, Sought};

#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct FindUser {
    /// The account's address, such as `ada@example.com`. Slack only.
    #[serde(default)]
    #[schemars(length(min = 3, max = 254))]
    email: Option<String>,
    /// A part of the name or of the id, at least 2 characters. Matrix only.
    #[serde(default)]
    #[schemars(length(min = 2, max = 80))]
    name: Option<String>,
    /// With `name`: only members of this channel. Without it, members of all
    /// granted channels.
    #[serde(default)]
    #[schemars(length(min = 1, max = 80))]
    channel: Option<String>,
}

#[derive(Serialize, JsonSchema)]
pub(crate) struct People {
    /// Who fits. More than one is not known apart by this: ask which is meant.
    people: Vec<Person>,
    /// Whether there are more; give a longer name.
    has_more: bool,
}

/// Finds people by address (Slack) or by a part of their name (Matrix, among the
/// members of granted channels). Give one of `email` and `name`.
#[tool(title = "Find people", effect = "read")]
pub(crate) fn find_user(input: FindUser) -> Result<People, ToolError> {
    let service = service::open()?;
    let found = match (&input.email, &input.name) {
        (Some(email), None) => service.find(Sought::Email(address(email)?))?,
        (None, Some(name)) if name.trim().chars().count() < 2 => {
            return Err(ToolError::invalid_input(
                "/name",
                "has fewer than 2 characters",
            ));
        }
        (None, Some(name)) => {
            let channels = match &input.channel {
                Some(channel) => vec![granted::channel(channel)?],
                None => granted::all()?,
            };
            service.find(Sought::Name(name.trim(), &channels))?
        }
        _ => {
            return Err(ToolError::invalid_input(
                "",
                "has none or both of `email` and `name`; give one",
            ));
        }
    };
    Ok(People {
        people: found.people,
        has_more: found.has_more,
    })
}

fn address(text: &str) -> Result<&str, ToolError> {
    let is_plain = text.len() <= 254
        && text.split('@').count() == 2
        && !text.contains(|c: char| c.is_whitespace() || c.is_control());
    if is_plain {
        return Ok(text);
    }
    Err(ToolError::invalid_input("/email", "is no address"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_has_one_at_sign_and_no_space() {
        assert!(address("ada+desk@example.com").is_ok());
        for bad in ["ada", "a@b@c", "a b@c", "a\n@b"] {
            assert!(address(bad).is_err(), "{bad:?}");
        }
    }
}

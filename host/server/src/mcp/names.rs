//! Names of tools on the wire.

/// The connector part of the host's own tools.
pub(super) const HOST: &str = "tollgate";

/// Longest name the protocol admits, in characters.
const NAME_MAX: usize = 128;

/// How tools are listed. Calls are understood in both forms.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum ToolNames {
    /// `connector.tool`.
    #[default]
    Dotted,
    /// `connector__tool`, for clients that admit no dot.
    Underscored,
}

impl ToolNames {
    /// The name on the wire, or nothing where it would break the protocol's rule.
    pub(super) fn join(self, connector: &str, tool: &str) -> Option<String> {
        let separator = match self {
            Self::Dotted => ".",
            Self::Underscored => "__",
        };
        let name = format!("{connector}{separator}{tool}");
        (fits(&name) && split(&name) == Some((connector, tool))).then_some(name)
    }
}

/// Connector and tool of a name in either form.
pub(super) fn split(name: &str) -> Option<(&str, &str)> {
    let end = name.find(['.', '_'])?;
    let (connector, rest) = name.split_at(end);
    let tool = rest.strip_prefix('.').or_else(|| rest.strip_prefix("__"))?;
    (!connector.is_empty() && !tool.is_empty()).then_some((connector, tool))
}

fn fits(name: &str) -> bool {
    name.len() <= NAME_MAX
        && name
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-' | b'.'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_forms_name_the_same_tool() {
        assert_eq!(split("order-db.look_up"), Some(("order-db", "look_up")));
        assert_eq!(split("order-db__look_up"), Some(("order-db", "look_up")));
        assert_eq!(split("db.a.b"), Some(("db", "a.b")));
        assert_eq!(split("db.__x"), Some(("db", "__x")));
    }

    #[test]
    fn what_is_no_name_is_none() {
        for name in ["", "db", ".x", "db.", "__x", "db_x", "db__"] {
            assert_eq!(split(name), None, "{name}");
        }
    }

    #[test]
    fn a_listed_name_is_always_callable() {
        assert_eq!(ToolNames::Dotted.join("db", "x").as_deref(), Some("db.x"));
        assert_eq!(
            ToolNames::Underscored.join("db", "x").as_deref(),
            Some("db__x")
        );
        assert_eq!(ToolNames::Dotted.join("db", "löschen"), None);
        assert_eq!(ToolNames::Dotted.join("d_b", "x"), None);
        assert_eq!(ToolNames::Dotted.join("db", &"x".repeat(126)), None);
    }
}

//! What a connector's author asks for. It is embedded in the component when
//! it is built, in the custom section [`Request::SECTION`], and comes from
//! strangers: it is checked here and grants nothing by itself.

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::{CanonicalError, Digest, Effect, canonical, parse_exact};

/// Which imports a component may have beside the capabilities.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Profile {
    /// No WASI import at all: the import list is the capability list.
    #[default]
    Sealed,
    /// WASI clocks, randomness and a mute command line as well, each behind the
    /// door.
    Wasi,
}

impl Profile {
    /// The name used in manifests and requests.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Sealed => "sealed",
            Self::Wasi => "wasi",
        }
    }
}

/// What a component asks for, as its author built it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Request {
    /// The imports it really has, for example `sql.query`.
    pub imports: Vec<String>,
    /// The profile it was built for.
    #[serde(default)]
    pub profile: Profile,
    /// Its tools.
    pub tools: Vec<ToolDecl>,
    /// Name and version of the SDK that built it.
    pub sdk: String,
}

/// One tool as its author describes it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ToolDecl {
    /// Unique within the connector: 1 to 64 of `a-z 0-9 _`.
    pub name: String,
    /// A short name for people.
    pub title: String,
    /// What it does and when to use it.
    pub description: String,
    /// JSON Schema of the input.
    pub input_schema: Value,
    /// JSON Schema of the output.
    pub output_schema: Value,
    /// The highest class of effect the tool needs, by the author's word.
    pub effect: Effect,
    /// How a call is taken back.
    pub undo: UndoDecl,
    /// On what terms.
    #[serde(default)]
    pub terms: UndoTerms,
}

/// On what terms a call of a tool is taken back, by its author's word.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct UndoTerms {
    /// For how many seconds after the call; no bound where nothing is said. The
    /// operator's row may say less.
    pub window_s: Option<u64>,
    /// Under what condition, in one sentence. The inverse tool checks it.
    pub precondition: Option<String>,
    /// Whether the tool is only for taking another call back.
    #[serde(default)]
    pub undo_only: bool,
}

/// How a completed call of a tool is taken back.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum UndoDecl {
    /// There is no way back.
    None,
    /// By calling this tool of the same connector.
    Inverse(String),
    /// By the host, which puts back the values it captured.
    Restore,
    /// By calling this tool of the same connector, which leaves a trace: the call
    /// stays irreversible, and its compensation always asks a person.
    Compensate(String),
}

impl UndoDecl {
    /// The name used in records and plans.
    #[must_use]
    pub const fn as_str(&self) -> &'static str {
        match self {
            Self::None => "none",
            Self::Inverse(_) => "inverse",
            Self::Restore => "restore",
            Self::Compensate(_) => "compensate",
        }
    }

    /// The tool that takes a call back, where one does.
    #[must_use]
    pub fn tool(&self) -> Option<&str> {
        match self {
            Self::Inverse(tool) | Self::Compensate(tool) => Some(tool),
            Self::None | Self::Restore => None,
        }
    }
}

/// Why an embedded request is not used.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum RequestError {
    /// Larger than [`Request::BYTES_MAX`].
    #[error(
        "the component's embedded request has {bytes} bytes, more than the {} allowed; its author must shorten descriptions or schemas",
        Request::BYTES_MAX
    )]
    TooLarge {
        /// Its size.
        bytes: usize,
    },
    /// Not strict JSON.
    #[error("the component's embedded request is not exact JSON; rebuild it with `tollgate build`")]
    Json(#[from] CanonicalError),
    /// JSON of another shape.
    #[error("the component's embedded request has another shape; rebuild it with `tollgate build`")]
    Shape(#[from] serde_json::Error),
    /// A tool or import that cannot be named so, or twice.
    #[error("the component's embedded request names {what}; its author must rename it")]
    Name {
        /// What is wrong with which name.
        what: String,
    },
}

impl Request {
    /// The custom section of a component that holds the request as JSON.
    pub const SECTION: &'static str = "tollgate:request";

    /// The largest request that is read, in bytes. Bundled connectors need less
    /// than 16 KiB for their schemas; a mebibyte leaves room for a hundred
    /// large tools and still cannot hurt the host.
    pub const BYTES_MAX: usize = 1 << 20;

    /// Read the bytes of the custom section, and check every name in them.
    ///
    /// # Errors
    /// When it is too large, not exact JSON, of another shape, or names tools
    /// or imports in a way that cannot be told apart or written in a manifest.
    pub fn parse(bytes: &[u8]) -> Result<Self, RequestError> {
        if bytes.len() > Self::BYTES_MAX {
            return Err(RequestError::TooLarge { bytes: bytes.len() });
        }
        let text = std::str::from_utf8(bytes).map_err(|_| CanonicalError::NotUtf8)?;
        let request: Self = serde_json::from_value(parse_exact(text)?)?;
        request.check_names()?;
        Ok(request)
    }

    /// The tool of that name.
    #[must_use]
    pub fn tool(&self, name: &str) -> Option<&ToolDecl> {
        self.tools.iter().find(|tool| tool.name == name)
    }

    fn check_names(&self) -> Result<(), RequestError> {
        let refuse = |what: String| Err(RequestError::Name { what });
        for (i, tool) in self.tools.iter().enumerate() {
            if !ToolDecl::is_name(&tool.name) {
                let name = crate::visible(&tool.name);
                return refuse(format!(
                    "the tool `{name}`, which is not 1 to 64 of `a-z 0-9 _`"
                ));
            }
            if self.tools[..i].iter().any(|other| other.name == tool.name) {
                return refuse(format!("the tool `{}` twice", tool.name));
            }
        }
        for tool in &self.tools {
            if let Some(inverse) = tool.undo.tool()
                && self.tool(inverse).is_none()
            {
                let inverse = crate::visible(inverse);
                return refuse(format!(
                    "`{inverse}` as the inverse of `{}`, but has no such tool",
                    tool.name
                ));
            }
        }
        let odd = |name: &&String| {
            !name.bytes().all(|b| matches!(b, b'a'..=b'z' | b'0'..=b'9' | b'.' | b'-' | b'_' | b':' | b'/' | b'@' | b'#'))
        };
        match self.imports.iter().find(odd) {
            Some(name) => refuse(format!(
                "the import `{}`, which has characters no import has",
                crate::visible(name)
            )),
            None => Ok(()),
        }
    }
}

impl ToolDecl {
    /// Whether a tool can have this name.
    #[must_use]
    pub fn is_name(name: &str) -> bool {
        (1..=64).contains(&name.len())
            && name
                .bytes()
                .all(|b| matches!(b, b'a'..=b'z' | b'0'..=b'9' | b'_'))
    }

    /// The digest of this descriptor. An approval is bound to it, so that a tool
    /// whose words or schemas changed is another tool.
    ///
    /// # Errors
    /// When a schema holds a number that canonical JSON cannot carry exactly.
    pub fn digest(&self) -> Result<Digest, CanonicalError> {
        let mut value = serde_json::json!({
            "name": self.name,
            "title": self.title,
            "description": self.description,
            "input_schema": self.input_schema,
            "output_schema": self.output_schema,
            "effect": self.effect.as_str(),
            "undo": match &self.undo {
                UndoDecl::None => Value::from("none"),
                UndoDecl::Restore => Value::from("restore"),
                UndoDecl::Inverse(tool) => serde_json::json!({ "inverse": tool }),
                UndoDecl::Compensate(tool) => serde_json::json!({ "compensate": tool }),
            },
        });
        // A tool without terms is the one that it was before there were any.
        if self.terms != UndoTerms::default() {
            value["terms"] = serde_json::json!({
                "window_s": self.terms.window_s,
                "precondition": self.terms.precondition,
                "undo_only": self.terms.undo_only,
            });
        }
        Ok(Digest::of_parts(
            "tollgate tool v1",
            &[canonical(&value)?.as_bytes()],
        ))
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]
    use super::*;
    use serde_json::json;

    fn tool(name: &str, undo: &Value) -> Value {
        json!({ "name": name, "title": "T", "description": "D", "input_schema": {"type": "object"},
                "output_schema": {}, "effect": "write", "undo": undo })
    }

    fn request(tools: &[Value]) -> String {
        json!({ "imports": ["sql.query"], "tools": tools, "sdk": "tollgate-sdk 0.1.0" }).to_string()
    }

    #[test]
    fn a_request_reads_back_and_is_sealed_by_default() {
        let text = request(&[
            tool("add", &json!({"inverse": "remove"})),
            tool("remove", &json!("none")),
        ]);
        let request = Request::parse(text.as_bytes()).unwrap();
        assert_eq!(request.profile, Profile::Sealed);
        assert_eq!(
            request.tool("add").unwrap().undo,
            UndoDecl::Inverse("remove".to_owned())
        );
        let again = serde_json::to_vec(&request).unwrap();
        assert_eq!(Request::parse(&again).unwrap(), request);
    }

    #[test]
    fn hostile_requests_are_refused() {
        for text in [
            request(&[tool("Add", &json!("none"))]),
            request(&[tool("", &json!("none"))]),
            request(&[tool("a\u{202e}b", &json!("none"))]),
            request(&[tool(&"a".repeat(65), &json!("none"))]),
            request(&[tool("a", &json!("none")), tool("a", &json!("none"))]),
            request(&[tool("a", &json!({"inverse": "b"}))]),
            request(&[tool("a", &json!({"compensate": "b"}))]),
            request(&[tool("a", &json!("sometimes"))]),
            request(&[]).replace("sql.query", "sql.query\\n"),
            request(&[]).replace("\"sdk\"", "\"imports\":[],\"sdk\""),
            "[]".to_owned(),
            String::new(),
        ] {
            assert!(Request::parse(text.as_bytes()).is_err(), "{text}");
        }
        assert!(Request::parse(&[0xff, 0xfe]).is_err());
        assert!(matches!(
            Request::parse(&vec![b' '; Request::BYTES_MAX + 1]),
            Err(RequestError::TooLarge { .. })
        ));
    }

    #[test]
    fn a_changed_word_makes_another_tool() {
        let parse = |value: Value| serde_json::from_value::<ToolDecl>(value).unwrap();
        let one = parse(tool("a", &json!("none")));
        let mut two = one.clone();
        two.description.push('!');
        assert_ne!(one.digest().unwrap(), two.digest().unwrap());
        two = one.clone();
        two.undo = UndoDecl::Restore;
        assert_ne!(one.digest().unwrap(), two.digest().unwrap());
        two = one.clone();
        two.terms.undo_only = true;
        assert_ne!(one.digest().unwrap(), two.digest().unwrap());
    }
}

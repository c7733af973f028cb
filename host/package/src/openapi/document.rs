//! The description as JSON, with its references.

use serde_json::{Map, Value};

/// The longest description that is read, bytes.
const DOCUMENT_BYTES_MAX: usize = 8 << 20;

/// How many references may follow each other.
const REFERENCES_MAX: usize = 16;

/// Methods that can be tools, in the order they are made.
const METHODS: [&str; 6] = ["get", "head", "post", "put", "patch", "delete"];

/// Why no connector can be made of a description.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum OpenApiError {
    /// It is too long.
    #[error("the description has more than {DOCUMENT_BYTES_MAX} bytes")]
    TooLong,
    /// It is neither JSON nor YAML.
    #[error("the description is neither JSON nor YAML: {0}")]
    Syntax(String),
    /// It is no OpenAPI 3.
    #[error("this is no OpenAPI 3 description: {0}")]
    NotOpenApi(String),
    /// It names no server.
    #[error("{0}; give the server's address with --server https://…")]
    NoServer(String),
    /// Nothing in it can be a tool.
    #[error("no operation of the description can be a tool ({skipped} were looked at)")]
    NoOperation {
        /// How many could not.
        skipped: usize,
    },
    /// There are more than an agent can choose among.
    #[error(
        "the description has {found} operations, more than {}; choose with --only NAME",
        super::OPERATIONS_MAX
    )]
    TooManyOperations {
        /// How many.
        found: usize,
    },
    /// An option names no tool.
    #[error("there is no tool `{name}`; there are: {}", known.join(", "))]
    NoSuchTool {
        /// The name.
        name: String,
        /// The tools that are there.
        known: Vec<String>,
    },
}

/// One operation as it stands in the description.
pub(super) struct Raw<'a> {
    /// In upper case.
    pub(super) method: String,
    pub(super) path: &'a str,
    /// What holds for all operations of the path.
    pub(super) shared: &'a Map<String, Value>,
    pub(super) operation: &'a Map<String, Value>,
}

/// A description.
pub(super) struct Document {
    root: Value,
}

impl Document {
    pub(super) fn read(text: &str) -> Result<Self, OpenApiError> {
        if text.len() > DOCUMENT_BYTES_MAX {
            return Err(OpenApiError::TooLong);
        }
        let root: Value = if text.trim_start().starts_with('{') {
            serde_json::from_str(text).map_err(|error| OpenApiError::Syntax(error.to_string()))?
        } else {
            // Its reader bounds aliases and depth.
            serde_saphyr::from_str(text).map_err(|error| OpenApiError::Syntax(error.to_string()))?
        };
        let not = |why: &str| OpenApiError::NotOpenApi(why.to_owned());
        match root["openapi"].as_str() {
            Some(version) if version.starts_with("3.") => {}
            Some(version) => return Err(not(&format!("it says openapi: {version}"))),
            None if root.get("swagger").is_some() => {
                return Err(not("it is Swagger 2; convert it first"));
            }
            None => return Err(not("it has no `openapi`")),
        }
        if !root["paths"].is_object() {
            return Err(not("it has no `paths`"));
        }
        Ok(Self { root })
    }

    /// Title and version.
    pub(super) fn about(&self) -> String {
        let text = |name: &str| self.root["info"][name].as_str().unwrap_or_default();
        super::operation::one_line(&format!("{} {}", text("title"), text("version")), 200)
    }

    /// Where its paths begin.
    pub(super) fn base_url(&self, given: Option<&str>) -> Result<String, OpenApiError> {
        let own = self.root["servers"][0]["url"].as_str();
        let url = match (given, own) {
            (Some(given), _) => given,
            (None, Some(own)) => own,
            (None, None) => {
                return Err(OpenApiError::NoServer(
                    "the description names no server".to_owned(),
                ));
            }
        };
        let is_address = url.starts_with("https://") || url.starts_with("http://");
        if !is_address
            || url.contains(['{', '"', '\\', '#', '?'])
            || url.chars().any(char::is_control)
        {
            return Err(OpenApiError::NoServer(format!(
                "`{}` is no address of a server",
                tollgate_policy::visible(url)
            )));
        }
        Ok(url.trim_end_matches('/').to_owned())
    }

    pub(super) fn operations(&self) -> impl Iterator<Item = Raw<'_>> {
        let paths = self.root["paths"].as_object().into_iter().flatten();
        paths.flat_map(|(path, item)| {
            let item = self.resolve(item).ok().and_then(Value::as_object);
            METHODS.iter().filter_map(move |method| {
                let shared = item?;
                let operation = shared.get(*method)?.as_object()?;
                Some(Raw {
                    method: method.to_ascii_uppercase(),
                    path,
                    shared,
                    operation,
                })
            })
        })
    }

    /// What a value is, where it is a reference within the description.
    pub(super) fn resolve<'a>(&'a self, value: &'a Value) -> Result<&'a Value, String> {
        let mut value = value;
        for _ in 0..REFERENCES_MAX {
            let Some(reference) = value.get("$ref").and_then(Value::as_str) else {
                return Ok(value);
            };
            value = self.at(reference)?;
        }
        Err("its references go in a circle".to_owned())
    }

    /// What a reference points to. Only within the description: nothing is
    /// fetched.
    pub(super) fn at(&self, reference: &str) -> Result<&Value, String> {
        let pointer = reference
            .strip_prefix('#')
            .ok_or_else(|| format!("it refers to another file, `{reference}`"))?;
        self.root
            .pointer(pointer)
            .ok_or_else(|| format!("`{reference}` is not in the description"))
    }

    pub(super) fn root(&self) -> &Value {
        &self.root
    }
}

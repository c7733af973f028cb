//! The credential that a description asks for, as the manifest's table.

use serde_json::Value;

use super::document::Document;
use super::manifest::quoted;

/// Lines below `[grant.http.api.credential]`, and the place in the host's
/// settings.
pub(super) struct Credential {
    pub(super) lines: Vec<String>,
    pub(super) place: String,
}

/// The first scheme that a host can serve. Which of several is used is the
/// operator's to change.
pub(super) fn credential(document: &Document) -> Option<Credential> {
    let schemes = document.root()["components"]["securitySchemes"].as_object()?;
    schemes
        .values()
        .filter_map(|scheme| document.resolve(scheme).ok())
        .find_map(of)
}

fn of(scheme: &Value) -> Option<Credential> {
    let text = |name: &str| scheme[name].as_str().unwrap_or_default();
    let header = |name: &str, format: Option<&str>| Credential {
        lines: [
            Some(format!("header = {}", quoted(name))),
            format.map(|format| format!("format = {}", quoted(format))),
        ]
        .into_iter()
        .flatten()
        .collect(),
        place: format!("header = {}", quoted(name)),
    };
    match text("type") {
        "http" if text("scheme").eq_ignore_ascii_case("bearer") => {
            Some(header("authorization", Some("Bearer {}")))
        }
        "http" if text("scheme").eq_ignore_ascii_case("basic") => Some(Credential {
            lines: vec!["user = \"USER\"".to_owned()],
            place: "header = \"authorization\"".to_owned(),
        }),
        "apiKey" if text("in") == "header" => {
            Some(header(&text("name").to_ascii_lowercase(), None))
        }
        "apiKey" if text("in") == "query" => {
            let place = format!("query = {}", quoted(text("name")));
            Some(Credential {
                lines: vec![place.clone()],
                place,
            })
        }
        "oauth2" => {
            let flow = scheme["flows"].get("clientCredentials")?;
            let url = flow["tokenUrl"].as_str()?;
            Some(Credential {
                lines: vec![format!(
                    "oauth = {{ token_url = {}, client_id = \"CLIENT\", scopes = [] }}",
                    quoted(url)
                )],
                place: "oauth = true".to_owned(),
            })
        }
        _ => None,
    }
}

//! Endpoints, as `[config] endpoints` has them.

use std::collections::BTreeMap;

use tollgate_sdk::prelude::*;

/// One endpoint.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Endpoint {
    /// The `[grant.http.NAME]` it is reached by.
    pub(crate) destination: String,
    /// The path below the grant's `base_url`, for example `/hooks/tollgate`.
    pub(crate) path: String,
    /// The types of events it takes; any where the manifest names none.
    #[serde(default)]
    pub(crate) events: Option<Vec<String>>,
    /// A text that its answer has where it took the event; any 200 to 299 is believed
    /// where the manifest names none.
    #[serde(default)]
    pub(crate) confirms: Option<String>,
    /// What it is for, in a sentence.
    #[serde(default)]
    pub(crate) about: Option<String>,
}

/// All endpoints, by name.
pub(crate) fn all() -> Result<BTreeMap<String, Endpoint>, ToolError> {
    Ok(config::require("endpoints")?)
}

/// The endpoint of this name, which takes events of this type.
pub(crate) fn find<'a>(
    endpoints: &'a BTreeMap<String, Endpoint>,
    name: &str,
    event_type: &str,
) -> Result<&'a Endpoint, ToolError> {
    let endpoint = endpoints.get(name).ok_or_else(|| {
        let known = list(endpoints.keys());
        let message = format!("there is no endpoint of this name; the manifest names {known}");
        ToolError::invalid_input("/endpoint", message)
    })?;
    match &endpoint.events {
        Some(types) if !types.iter().any(|known| known == event_type) => {
            let known = list(types.iter());
            let message =
                format!("the endpoint `{name}` takes no event of this type; it takes {known}");
            Err(ToolError::invalid_input("/event_type", message))
        }
        _ => Ok(endpoint),
    }
}

impl Endpoint {
    /// Whether this answer says that the event was taken.
    pub(crate) fn is_confirmed_by(&self, answer: &[u8]) -> bool {
        let answer = String::from_utf8_lossy(answer);
        let confirms = self.confirms.as_deref();
        confirms.is_none_or(|words| answer.contains(words))
    }

    /// The segments of its path.
    pub(crate) fn segments(&self) -> impl Iterator<Item = &str> {
        self.path.strip_prefix('/').unwrap_or(&self.path).split('/')
    }
}

fn list<'a>(names: impl Iterator<Item = &'a String>) -> String {
    let names: Vec<_> = names.map(|name| format!("`{name}`")).collect();
    match names.is_empty() {
        true => "none".to_owned(),
        false => names.join(", "),
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a failing unwrap is the test's failure")]

    use serde_json::json;

    use super::*;

    fn endpoints() -> BTreeMap<String, Endpoint> {
        let endpoints = json!({
            "erp": {"destination": "erp", "path": "/hooks/orders", "events": ["order.paid"]},
            "audit": {"destination": "audit", "path": "in"},
        });
        serde_json::from_value(endpoints).unwrap()
    }

    #[test]
    fn only_named_endpoints_get_only_the_events_they_take() {
        let endpoints = endpoints();
        let erp = find(&endpoints, "erp", "order.paid").unwrap();
        assert_eq!(erp.segments().collect::<Vec<_>>(), ["hooks", "orders"]);
        let audit = find(&endpoints, "audit", "anything").unwrap();
        assert_eq!(audit.segments().collect::<Vec<_>>(), ["in"]);
        for (name, event, at) in [
            ("none", "order.paid", "/endpoint"),
            ("erp", "order.lost", "/event_type"),
        ] {
            let Err(ToolError::InvalidInput { pointer, .. }) = find(&endpoints, name, event) else {
                panic!("{name} {event}");
            };
            assert_eq!(pointer, at);
        }
    }

    #[test]
    fn an_answer_without_the_word_is_not_believed() {
        let mut endpoint = endpoints().remove("erp").unwrap();
        assert!(endpoint.is_confirmed_by(b""));
        endpoint.confirms = Some("\"taken\":true".to_owned());
        assert!(endpoint.is_confirmed_by(b"{\"taken\":true}"));
        for other in [&b""[..], b"starting up", b"{\"taken\":false}", &[0xff]] {
            assert!(!endpoint.is_confirmed_by(other));
        }
    }

    #[test]
    fn a_misspelt_key_is_no_endpoint() {
        let misspelt = json!({"destination": "a", "path": "/", "event": ["x"]});
        assert!(serde_json::from_value::<Endpoint>(misspelt).is_err());
    }
}

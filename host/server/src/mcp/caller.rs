//! How a caller ties a call to a hand-off: from `_meta`, or from the reserved
//! argument. All of it is the caller's word; the host records it as such.

use rmcp::model::JsonObject;
use serde_json::{Value, json};
use tollgate_runtime::Failure;

/// The reserved argument.
pub(super) const ARGUMENT: &str = "_tollgate";

/// Longest identifier (case, workflow, request key), in bytes. They become keys.
const NAME_MAX_BYTES: usize = 128;

/// Longest free text (trigger, context, reason), in bytes. A person reads it on a card.
const WORDS_MAX_BYTES: usize = 4 * 1024;

/// What a caller says about a call.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Caller {
    pub(super) case: Option<String>,
    pub(super) workflow: Option<String>,
    pub(super) trigger: Option<String>,
    pub(super) context: Option<String>,
    pub(super) reason: Option<String>,
    pub(super) request_key: Option<String>,
    pub(super) subject: Option<String>,
}

struct Field {
    meta: &'static str,
    argument: &'static str,
    max_bytes: usize,
    says: &'static str,
}

const FIELDS: [Field; 7] = [
    Field {
        meta: "dev.tollgate/case",
        argument: "case",
        max_bytes: NAME_MAX_BYTES,
        says: "Your name for the case (hand-off) this call belongs to; use the same for all its calls.",
    },
    Field {
        meta: "dev.tollgate/workflow",
        argument: "workflow",
        max_bytes: NAME_MAX_BYTES,
        says: "The workflow the case belongs to.",
    },
    Field {
        meta: "dev.tollgate/trigger",
        argument: "trigger",
        max_bytes: WORDS_MAX_BYTES,
        says: "What started this hand-off.",
    },
    Field {
        meta: "dev.tollgate/context",
        argument: "context",
        max_bytes: WORDS_MAX_BYTES,
        says: "Where what the hand-off is about can be read: the address or name of a ticket, a document, a conversation.",
    },
    Field {
        meta: "dev.tollgate/reason",
        argument: "reason",
        max_bytes: WORDS_MAX_BYTES,
        says: "Why you make this call, in a sentence. Shown to the person who approves.",
    },
    Field {
        meta: "dev.tollgate/request-key",
        argument: "request_key",
        max_bytes: NAME_MAX_BYTES,
        says: "Your own key for this request: repeating it does not repeat a call that is open or held.",
    },
    Field {
        meta: "dev.tollgate/subject",
        argument: "subject",
        max_bytes: NAME_MAX_BYTES,
        says: "Whom the data is about, by your own identifier for that person: what is recorded of this call can be erased for them.",
    },
];

impl Caller {
    /// Read what is said, and take the reserved argument out of `arguments`.
    pub(super) fn take(meta: &JsonObject, arguments: &mut JsonObject) -> Result<Self, Failure> {
        let argument = match arguments.remove(ARGUMENT) {
            None | Some(Value::Null) => JsonObject::new(),
            Some(Value::Object(fields)) => fields,
            Some(_) => return Err(invalid("", "is not an object")),
        };
        if let Some(unknown) = argument.keys().find(|key| !is_known(key)) {
            return Err(invalid(
                &format!("/{}", escaped(unknown)),
                "is no field of it",
            ));
        }
        let [
            case,
            workflow,
            trigger,
            context,
            reason,
            request_key,
            subject,
        ] = FIELDS.map(|field| field.read(meta, &argument));
        Ok(Self {
            case: case?,
            workflow: workflow?,
            trigger: trigger?,
            context: context?,
            reason: reason?,
            request_key: request_key?,
            subject: subject?,
        })
    }
}

impl Field {
    /// The client program's word before the model's.
    fn read(&self, meta: &JsonObject, argument: &JsonObject) -> Result<Option<String>, Failure> {
        if let Some(value) = meta.get(self.meta) {
            return self.text(value, self.meta);
        }
        match argument.get(self.argument) {
            None | Some(Value::Null) => Ok(None),
            Some(value) => self.text(value, &format!("/{}", self.argument)),
        }
    }

    fn text(&self, value: &Value, place: &str) -> Result<Option<String>, Failure> {
        let Value::String(text) = value else {
            return Err(invalid(place, "is not text"));
        };
        if text.len() > self.max_bytes {
            let what = format!("is longer than {} bytes", self.max_bytes);
            return Err(invalid(place, &what));
        }
        Ok((!text.is_empty()).then(|| text.clone()))
    }
}

/// JSON Schema of the reserved argument.
pub(super) fn schema() -> Value {
    let properties: JsonObject = FIELDS
        .iter()
        .map(|field| {
            let schema = json!({
                "type": "string",
                "maxLength": field.max_bytes,
                "description": field.says,
            });
            (field.argument.to_owned(), schema)
        })
        .collect();
    json!({
        "type": "object",
        "description": "About this call, for the record; not part of the tool's input.",
        "properties": properties,
        "additionalProperties": false,
    })
}

fn is_known(key: &str) -> bool {
    FIELDS.iter().any(|field| field.argument == key)
}

/// As JSON Pointer (RFC 6901) wants it.
fn escaped(key: &str) -> String {
    key.replace('~', "~0").replace('/', "~1")
}

fn invalid(place: &str, what: &str) -> Failure {
    let known: Vec<_> = FIELDS.iter().map(|field| field.argument).collect();
    let (message, pointer) = match place.strip_prefix("dev.") {
        Some(_) => (format!("`{place}` of `_meta` {what}"), None),
        None => (
            format!("`/{ARGUMENT}{place}` {what}"),
            Some(format!("/{ARGUMENT}{place}")),
        ),
    };
    Failure {
        kind: "invalid_input".into(),
        message,
        hint: Some(format!(
            "`{ARGUMENT}` is an object with any of these texts: {}.",
            known.join(", ")
        )),
        pointer,
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests")]

    use super::*;

    fn object(value: Value) -> JsonObject {
        value.as_object().unwrap().clone()
    }

    #[test]
    fn the_reserved_argument_never_reaches_the_host() {
        let mut arguments = object(json!({
            "order": 7,
            "_tollgate": {"case": "c-1", "reason": "the customer asked", "request_key": "k", "subject": "customer-9"},
        }));
        let caller = Caller::take(&JsonObject::new(), &mut arguments).unwrap();
        assert_eq!(arguments, object(json!({"order": 7})));
        assert_eq!(caller.case.as_deref(), Some("c-1"));
        assert_eq!(caller.reason.as_deref(), Some("the customer asked"));
        assert_eq!(caller.request_key.as_deref(), Some("k"));
        assert_eq!(caller.subject.as_deref(), Some("customer-9"));
        assert_eq!(caller.workflow, None);
    }

    #[test]
    fn the_client_program_is_heard_before_the_model() {
        let meta = object(json!({
            "dev.tollgate/case": "from-program",
            "dev.tollgate/workflow": "refunds",
        }));
        let mut arguments = object(json!({"_tollgate": {"case": "from-model", "trigger": "t"}}));
        let caller = Caller::take(&meta, &mut arguments).unwrap();
        assert_eq!(caller.case.as_deref(), Some("from-program"));
        assert_eq!(caller.workflow.as_deref(), Some("refunds"));
        assert_eq!(caller.trigger.as_deref(), Some("t"));
    }

    #[test]
    fn what_is_malformed_is_named_with_its_place() {
        let cases = [
            (json!("x"), "/_tollgate"),
            (json!({"cas": "x"}), "/_tollgate/cas"),
            (json!({"a/b": "x"}), "/_tollgate/a~1b"),
            (json!({"case": 7}), "/_tollgate/case"),
            (json!({"case": "x".repeat(129)}), "/_tollgate/case"),
        ];
        for (said, pointer) in cases {
            let mut arguments = object(json!({"_tollgate": said}));
            let failure = Caller::take(&JsonObject::new(), &mut arguments).unwrap_err();
            assert_eq!(failure.kind, "invalid_input");
            assert_eq!(failure.pointer.as_deref(), Some(pointer));
        }
        let meta = object(json!({"dev.tollgate/case": {}}));
        let failure = Caller::take(&meta, &mut JsonObject::new()).unwrap_err();
        assert!(failure.message.contains("`dev.tollgate/case` of `_meta`"));
    }
}

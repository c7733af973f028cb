//! Values that the operator fixed in the manifest. They come from the manifest
//! the run opened under, so that a change of it never changes a held run.

use serde_json::json;
use tollgate_policy::Effect;

use super::Backends;
use crate::door::{Described, Imported, Next, Operation, Performed, Prior, Refusal, Scope};

pub(crate) struct Get;

impl Operation for Get {
    const CALL: &'static str = "config.get";
    type Arguments = (String,);
    type Reply = Result<Option<String>, Refusal>;
    type Plan = String;

    fn describe((key,): (String,), _: &Scope<'_>) -> Described<String, Self::Reply> {
        Described {
            destination: "config".into(),
            identity: "config".into(),
            effect: Effect::Read,
            arguments: json!({ "key": key }),
            next: Next::Perform(key),
        }
    }

    fn refuse(refusal: Refusal) -> Self::Reply {
        Err(refusal)
    }

    async fn perform(
        key: String,
        _: Option<&Prior>,
        scope: &Scope<'_>,
        _: &Backends,
    ) -> Performed<Self::Reply> {
        let value = scope.opened_under.config.get(&key);
        Performed::answered(Ok(value.map(ToString::to_string)))
    }
}

impl Imported for Get {
    const INTERFACE: &'static str = "tollgate:connector/config@0.1.0";
    const FUNCTION: &'static str = "get";
    type Results = (Self::Reply,);
    fn results(reply: Self::Reply) -> Self::Results {
        (reply,)
    }
}

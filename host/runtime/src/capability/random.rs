//! Randomness from the operating system. Each draw is a record, so a replayed
//! guest draws what it drew then.

use serde_json::json;
use tollgate_policy::Effect;

use super::Backends;
use crate::door::{
    Described, Immediate, Imported, Next, Operation, Performed, Prior, Refusal, Scope,
};
use crate::exact::Base64;

/// Bytes a guest may draw at once. Keys and identifiers need 32.
pub(crate) const DRAW_BYTES_MAX: u32 = 4096;

pub(crate) struct Bytes;

impl Operation for Bytes {
    const CALL: &'static str = "random.bytes";
    type Arguments = (u32,);
    type Reply = Result<Base64, Refusal>;
    type Plan = u32;

    fn describe((count,): (u32,), scope: &Scope<'_>) -> Described<u32, Self::Reply> {
        Described {
            destination: "random".into(),
            identity: "random".into(),
            effect: Effect::Read,
            arguments: json!({ "count": count }),
            next: if !scope.manifest.grant.random {
                Next::Refuse(Refusal::not_granted(
                    "the manifest does not grant randomness",
                    "[grant]\nrandom = true",
                ))
            } else if count > DRAW_BYTES_MAX {
                Next::Refuse(Refusal::limited("random_bytes", DRAW_BYTES_MAX.into()))
            } else {
                Next::Perform(count)
            },
        }
    }

    fn refuse(refusal: Refusal) -> Self::Reply {
        Err(refusal)
    }

    async fn perform(
        count: u32,
        _: Option<&Prior>,
        scope: &Scope<'_>,
        backends: &Backends,
    ) -> Performed<Self::Reply> {
        Performed::answered(Self::perform_now(count, scope, backends))
    }
}

impl Immediate for Bytes {
    fn perform_now(count: u32, _: &Scope<'_>, _: &Backends) -> Self::Reply {
        let mut bytes = vec![0; count as usize];
        match getrandom::fill(&mut bytes) {
            Ok(()) => Ok(Base64(bytes)),
            Err(error) => Err(Refusal::outside(format!(
                "the operating system gave no randomness: {error}"
            ))),
        }
    }
}

impl Imported for Bytes {
    const INTERFACE: &'static str = "tollgate:connector/random@0.1.0";
    const FUNCTION: &'static str = "bytes";
    type Results = (Result<Vec<u8>, Refusal>,);
    fn results(reply: Self::Reply) -> Self::Results {
        (reply.map(|Base64(bytes)| bytes),)
    }
}

//! The wall clock. A reading is a record like any other, so a replayed guest
//! reads the time it read then.

use serde::{Deserialize, Serialize};
use serde_json::json;
use tollgate_policy::Effect;
use wasmtime::component::{ComponentType, Lift, Lower};

use super::Backends;
use crate::door::{
    Described, Immediate, Imported, Next, Operation, Performed, Prior, Refusal, Scope,
};

#[derive(Clone, Copy, Debug, ComponentType, Lift, Lower, Serialize, Deserialize)]
#[component(record)]
pub(crate) struct Instant {
    pub(crate) seconds: u64,
    pub(crate) nanoseconds: u32,
}

pub(crate) struct Now;

impl Operation for Now {
    const CALL: &'static str = "clock.now";
    type Arguments = ();
    type Reply = Result<Instant, Refusal>;
    type Plan = ();

    fn describe((): (), scope: &Scope<'_>) -> Described<(), Self::Reply> {
        Described {
            destination: "clock".into(),
            identity: "clock".into(),
            effect: Effect::Read,
            arguments: json!({}),
            next: if scope.manifest.grant.clock {
                Next::Perform(())
            } else {
                Next::Refuse(Refusal::not_granted(
                    "the manifest does not grant the clock",
                    "[grant]\nclock = true",
                ))
            },
        }
    }

    fn refuse(refusal: Refusal) -> Self::Reply {
        Err(refusal)
    }

    async fn perform(
        (): (),
        _: Option<&Prior>,
        scope: &Scope<'_>,
        backends: &Backends,
    ) -> Performed<Self::Reply> {
        Performed::answered(Self::perform_now((), scope, backends))
    }
}

impl Immediate for Now {
    fn perform_now((): (), _: &Scope<'_>, backends: &Backends) -> Self::Reply {
        let ms = backends.clock.now_ms();
        Ok(Instant {
            seconds: ms / 1_000,
            nanoseconds: u32::try_from(ms % 1_000).unwrap_or(0) * 1_000_000,
        })
    }
}

impl Imported for Now {
    const INTERFACE: &'static str = "tollgate:connector/clock@0.1.0";
    const FUNCTION: &'static str = "now";
    type Results = (Self::Reply,);
    fn results(reply: Self::Reply) -> Self::Results {
        (reply,)
    }
}

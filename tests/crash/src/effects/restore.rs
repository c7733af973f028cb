//! Putting back what a write replaced.

use serde_json::Value;
use tollgate_policy::Effect;
use tollgate_runtime::extend::{
    Backends, Described, Looked, Next, Operation, Performed, Prior, Recovery, Refusal,
    RestoreFailure, Restored, Restoring, Scope,
};

use super::write::seen;
use super::{Plan, ask, described, entry, image, prior_of, reference, written};
use crate::counter::{Answer, Asked, Kind};

/// Put back what a write replaced.
#[derive(Debug)]
pub struct Restore;

impl Operation for Restore {
    const CALL: &'static str = "effects.restore";
    const RECOVERY: Recovery = Recovery::Conditional;
    type Arguments = Restoring;
    type Reply = Restored;
    type Plan = (String, Restoring);

    fn describe(restoring: Restoring, scope: &Scope<'_>) -> Described<Self::Plan, Restored> {
        let reference = reference(scope);
        let plan = Plan {
            reference: reference.clone(),
            once: String::new(),
            key: String::new(),
            value: String::new(),
            expected: None,
        };
        let arguments = restoring.arguments();
        let ledger = restoring.destination.clone();
        let described = described(scope, ledger, Effect::Write, arguments, plan);
        Described {
            destination: described.destination,
            identity: described.identity,
            effect: described.effect,
            arguments: described.arguments,
            next: match described.next {
                Next::Refuse(refusal) => Next::Refuse(refusal),
                _ => Next::Perform((reference, restoring)),
            },
        }
    }

    fn refuse(refusal: Refusal) -> Restored {
        Err(RestoreFailure::Refused(refusal))
    }

    async fn prior(
        (_, restoring): &Self::Plan,
        _: &Scope<'_>,
        backends: &Backends,
    ) -> Result<Option<Prior>, Restored> {
        let key = text(&restoring.written, "key").unwrap_or_default();
        let entry = entry(backends, &key).map_err(|why| Err(RestoreFailure::Failed(why)))?;
        if Some(&entry.version) != text(&restoring.written, "version").as_ref() {
            let now = image(&key, entry.value.as_deref(), &entry.version);
            return Err(Err(RestoreFailure::Conflict(now)));
        }
        Ok(Some(prior_of(&key, &entry)))
    }

    async fn perform(
        (reference, restoring): Self::Plan,
        _: Option<&Prior>,
        _: &Scope<'_>,
        backends: &Backends,
    ) -> Performed<Restored> {
        let asked = Asked {
            once: reference.clone(),
            reference,
            kind: Kind::Restore,
            key: text(&restoring.written, "key").unwrap_or_default(),
            value: text(&restoring.before, "value"),
            expected: text(&restoring.written, "version"),
            version: text(&restoring.before, "version"),
        };
        match ask(backends, asked) {
            Ok(Answer::Done(line)) => Performed::Known {
                written: Some(written(&line)),
                reply: Ok(()),
            },
            Ok(Answer::Conflict(now)) => Performed::answered(Err(RestoreFailure::Conflict(image(
                "",
                now.value.as_deref(),
                &now.version,
            )))),
            Ok(Answer::Silence) => Performed::Unknown("the ledger did not answer".to_owned()),
            Err(why) => Performed::Unknown(why),
        }
    }

    async fn look(
        (reference, restoring): &Self::Plan,
        prior: Option<&Prior>,
        _: &Scope<'_>,
        backends: &Backends,
    ) -> Looked<Restored> {
        let key = text(&restoring.written, "key").unwrap_or_default();
        match seen(backends, reference, &key, prior) {
            Ok(Looked::Happened { written, .. }) => Looked::Happened {
                reply: Ok(()),
                written,
            },
            Ok(Looked::NotHappened) => Looked::NotHappened,
            Ok(Looked::Unclear { found, why }) => Looked::Unclear { found, why },
            Err(why) => Looked::unclear(why),
        }
    }
}

fn text(image: &Value, field: &str) -> Option<String> {
    image[field].as_str().map(str::to_owned)
}

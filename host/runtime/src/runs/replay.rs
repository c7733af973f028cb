//! Re-executing a past run with its recorded answers, to prove that the recorded
//! calls are what this component does with them. Nothing is performed, nothing
//! is recorded.

use serde_json::Value;

use super::execute::{End, Start};
use crate::api::{ReplayReport, RunState};
use crate::error::{CallError, Stop};
use crate::host::Inner;
use std::sync::Arc;

impl Inner {
    /// Replay a run and say the first difference, if there is one.
    pub(crate) async fn replay(
        self: &Arc<Self>,
        tenant: &str,
        run: &str,
    ) -> Result<ReplayReport, CallError> {
        let rebuilt = self.rebuild(tenant, run).await?;
        if rebuilt
            .run
            .undoes
            .as_ref()
            .is_some_and(|undoes| undoes.by_host)
        {
            return Err(CallError::NotAllowed(
                "this run put values back and executed no connector; there is nothing to replay"
                    .to_owned(),
            ));
        }
        if rebuilt
            .closing()
            .is_some_and(|closing| !closing.leaf.facts.contains_key("fuel"))
        {
            return Err(CallError::NotAllowed(
                "this run was denied before its connector was started; there is nothing to replay"
                    .to_owned(),
            ));
        }
        let recorded = rebuilt.recorded();
        let calls = u32::try_from(recorded.len()).unwrap_or(u32::MAX);
        let same_engine = rebuilt.same_engine(self.sandbox.fingerprint());
        let start = Start {
            about: rebuilt.about.clone(),
            opening: Vec::new(),
            recorded,
            same_engine,
            approval: None,
            denial: None,
            committed: false,
            known: false,
        };
        let door = self.door(&rebuilt.run, start, true);
        let returned = self
            .run_guest(&rebuilt.run, &rebuilt.installed, &door)
            .await;
        let unfinished = matches!(
            &returned.result,
            Err(Stop::Ending(crate::error::Ending::ReplayedToEnd))
        );
        let fuel = returned.fuel;
        let end = self.end(&rebuilt.run, &rebuilt.installed, &door, returned);
        let (_, replayed) = door.calls();
        let difference = match rebuilt.closing() {
            // A run that is held or open has no end to compare with.
            None => (!unfinished).then(|| "the run ended, and its record has no end".to_owned()),
            Some(closing) => {
                if replayed < calls {
                    Some(format!(
                        "the journal has {calls} calls, the run made {replayed}"
                    ))
                } else if unfinished {
                    Some("the run makes more calls than the journal has".to_owned())
                } else {
                    let then = closing.leaf.facts.get("fuel").and_then(Value::as_u64);
                    differs(&end, closing.json("output"), closing.json("failure")).or_else(|| {
                        (same_engine && then != Some(fuel)).then(|| {
                            format!("fuel used was {}, now {fuel}", then.unwrap_or_default())
                        })
                    })
                }
            }
        };
        Ok(ReplayReport {
            run: run.to_owned(),
            identical: difference.is_none(),
            calls: replayed,
            difference,
        })
    }
}

fn differs(end: &End, output: Option<Value>, failure: Option<Value>) -> Option<String> {
    let now = match end {
        End::Done { output, .. } => (Some(output.clone()), None),
        End::Failed(RunState::Failed | RunState::Denied, failure) => {
            (None, serde_json::to_value(failure).ok())
        }
        _ => (None, None),
    };
    if now.0 != output {
        return Some("the output differs".to_owned());
    }
    // A person's decision is not repeated by a replay; only whether it failed is.
    (now.1.is_some() != failure.is_some()).then(|| "the failure differs".to_owned())
}

//! What a call with an intent came to, as it is recorded and as the guest hears it:
//! without a secret, and within the run's limits. That it happened is never
//! withheld.

use serde_json::Value;
use tollgate_journal::Stage;

use super::leaks::{REPLY, WRITTEN};
use super::perform::{encode, with_facts};
use super::{Door, Operation, Passing, Refusal};
use crate::journal::Saying;

/// The fact that tells what is not in a record because it was too large.
pub(super) const CUT: &str = "cut";

impl Door {
    /// The reply for the guest, and what is to be recorded of what was written.
    pub(super) async fn outcome<O: Operation>(
        &self,
        passing: &Passing,
        reply: O::Reply,
        written: Option<&Value>,
    ) -> (O::Reply, Saying) {
        let saying = with_facts::<O>(passing.saying(Stage::CallOutcome), &reply)
            .fact("changed", written.is_some());
        let (reply, saying) = self.answered::<O>(saying, reply, written.is_some()).await;
        let Some(written) = written else {
            return (reply, saying);
        };
        let (bytes, found) = self.scanned(written.to_string().into_bytes()).await;
        let saying = match found {
            Some(found) => self.withheld(saying, WRITTEN, &found),
            // It cannot be taken back by the host then, and the record says why.
            None if bytes.len() as u64 > self.bytes_left() => cut(saying, WRITTEN, "journal_bytes"),
            None => {
                self.state().bytes += bytes.len() as u64;
                saying.value("written", bytes)
            }
        };
        (reply, saying)
    }

    /// A reply for the guest and the record, or what stands for one with a secret or
    /// beyond a limit. The attack: a server that answers every write with as much as
    /// it can send, until the journal's disk is full.
    pub(super) async fn answered<O: Operation>(
        &self,
        saying: Saying,
        reply: O::Reply,
        changed: bool,
    ) -> (O::Reply, Saying) {
        let did = if changed {
            "the call was made; its answer"
        } else {
            "the call's answer"
        };
        let bytes = encode(&reply);
        let size = bytes.len() as u64;
        let limits = &self.manifest.limits;
        let passed = if size > limits.reply_bytes {
            Some(("reply_bytes", limits.reply_bytes))
        } else if size > self.bytes_left() {
            Some(("journal_bytes", limits.journal_bytes))
        } else {
            None
        };
        let (saying, why) = if let Some((limit, allowed)) = passed {
            let why = format!(
                "{did} has {size} bytes, which the limit `{limit}` of {allowed} does not allow, \
                 and was withheld"
            );
            (cut(saying, REPLY, limit), why)
        } else {
            let (bytes, found) = self.scanned(bytes).await;
            let Some(found) = found else {
                self.state().bytes += size;
                return (reply, saying.value("reply", bytes));
            };
            let why = format!("{did} contained {found} and was withheld");
            (self.withheld(saying, REPLY, &found), why)
        };
        let reply = O::refuse(Refusal::outside(why));
        let bytes = encode(&reply);
        self.state().bytes += bytes.len() as u64;
        (reply, saying.value("reply", bytes))
    }
}

fn cut(saying: Saying, what: &str, limit: &str) -> Saying {
    saying.fact(CUT, what).fact("limit", limit)
}

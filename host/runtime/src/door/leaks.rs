//! Secrets at the door: no call carries a live value out, and no reply brings one
//! to the guest or into the journal.
//!
//! The attacks: a server that answers with the request's headers in its error
//! page; a file or a row that somebody put a token into; a guest that learnt a
//! value elsewhere and writes it where others read. What a call that was made did
//! is recorded all the same: only what it answered is withheld.

use std::sync::Arc;

use tokio::task::JoinError;
use tollgate_journal::Stage;
use tollgate_secrets::{Encoding, Found};

use super::gate::Admission;
use super::perform::encode;
use super::{Door, Operation, Passing, Prior, Refusal};
use crate::error::Ending;
use crate::journal::Saying;

/// What a record says of what is not in it.
pub(crate) const ARGUMENTS: &str = "arguments";
pub(crate) const REPLY: &str = "reply";
pub(crate) const WRITTEN: &str = "written";
pub(crate) const PRIOR: &str = "prior";
pub(crate) const OUTPUT: &str = "output";

/// From how many bytes on a scan has a thread of its own.
const ASIDE_FROM: usize = 64 * 1024;

/// Do work on this many bytes without keeping a worker of the runtime from the runs
/// that wait for it. The attack: a server whose answers are megabytes of what has to
/// be decoded again and again, so that every tenant waits.
async fn aside<T: Send + 'static>(
    size: usize,
    work: impl FnOnce() -> T + Send + 'static,
) -> Result<T, JoinError> {
    if size > ASIDE_FROM {
        tokio::task::spawn_blocking(work).await
    } else {
        Ok(work())
    }
}

impl Door {
    /// The live secret in these bytes, of any tenant.
    pub(crate) fn secret_in(&self, bytes: &[u8]) -> Option<Found> {
        self.backends
            .secrets
            .scanner()
            .find(&self.run.tenant, bytes)
    }

    /// The same for what may be large, with the bytes handed back.
    pub(crate) async fn scanned(&self, bytes: Vec<u8>) -> (Vec<u8>, Option<Found>) {
        let scanner = Arc::clone(self.backends.secrets.scanner());
        let tenant = self.run.tenant.clone();
        let size = bytes.len();
        let bytes = Arc::new(bytes);
        let scanned = Arc::clone(&bytes);
        let found = aside(size, move || scanner.find(&tenant, &scanned)).await;
        // Nobody else has them any more, else they are copied.
        let bytes = Arc::unwrap_or_clone(bytes);
        // A scan that did not end has not said that there is no secret.
        let unknown = Found {
            name: None,
            encoding: Encoding::Nested,
        };
        (bytes, found.unwrap_or(Some(unknown)))
    }

    /// The secret that a call carries out in its arguments, or in its destination,
    /// which may be a guest's words too.
    pub(super) async fn secret_in_arguments(&self, passing: &Passing) -> Option<Found> {
        let (_, found) = self.scanned(passing.text.clone().into_bytes()).await;
        found.or_else(|| self.secret_in(passing.destination.as_bytes()))
    }

    /// The refusal of a call that carries a secret out, recorded without its
    /// arguments and without its destination.
    pub(super) fn withhold_arguments<O: Operation>(
        &self,
        passing: &Passing,
        found: &Found,
    ) -> Result<O::Reply, Ending> {
        let reply = O::refuse(Refusal::outside(format!(
            "the call's arguments have {found} in them; the host puts secrets in by itself"
        )));
        let saying = Saying::new(Stage::SecretBlocked)
            .at(passing.position)
            .fact("call", passing.call)
            .fact("effect", passing.effect.as_str())
            .maybe("fuel", passing.fuel);
        let bytes = encode(&reply);
        let size = bytes.len() as u64;
        self.push_saying(
            size,
            self.withheld(saying, ARGUMENTS, found)
                .value("reply", bytes),
        )?;
        Ok(reply)
    }

    /// The refusal of a write that would record, and show on a card, what it
    /// replaces, where that is a secret or more than the run may record.
    pub(super) async fn withhold_prior<O: Operation>(
        &self,
        passing: &Passing,
        prior: Option<&Prior>,
    ) -> Result<Option<O::Reply>, Ending> {
        let Some(prior) = prior else { return Ok(None) };
        let value = prior.value.to_string().into_bytes();
        let limit = self.manifest.limits.journal_bytes;
        if value.len() as u64 > self.bytes_left() {
            let reply = O::refuse(Refusal::limited("journal_bytes", limit));
            self.record_reply::<O>(passing, Stage::LimitHit, &reply, None)?;
            return Ok(Some(reply));
        }
        let (_, found) = self.scanned(value).await;
        let found = found.or_else(|| self.secret_in(prior.version.as_bytes()));
        let Some(found) = found else { return Ok(None) };
        let refusal = Refusal::outside(format!(
            "what the call would replace has {found} in it; nothing was changed"
        ));
        self.block::<O>(passing, PRIOR, &found, refusal, None)
            .map(Some)
    }

    /// The refusal that a guest gets instead of a reply, recorded with the call.
    pub(super) fn withhold_reply<O: Operation>(
        &self,
        passing: &Passing,
        found: &Found,
        admission: &Admission,
    ) -> Result<O::Reply, Ending> {
        let refusal = Refusal::outside(format!("the answer contained {found}; it was withheld"));
        self.block::<O>(passing, REPLY, found, refusal, admission.rule.as_deref())
    }

    fn block<O: Operation>(
        &self,
        passing: &Passing,
        what: &str,
        found: &Found,
        refusal: Refusal,
        rule: Option<&str>,
    ) -> Result<O::Reply, Ending> {
        let reply = O::refuse(refusal);
        let bytes = encode(&reply);
        let size = (passing.text.len() + bytes.len()) as u64;
        let saying = self
            .withheld(passing.saying(Stage::SecretBlocked), what, found)
            .maybe("rule", rule)
            .value("arguments", passing.text.clone().into_bytes())
            .value("reply", bytes);
        self.push_saying(size, saying)?;
        Ok(reply)
    }

    /// Record that something of the run itself was withheld.
    pub(crate) fn note_withheld(&self, what: &str, found: &Found) -> Result<(), Ending> {
        let saying = self.withheld(Saying::new(Stage::SecretBlocked), what, found);
        self.push_saying(0, saying)
    }

    /// Words about this run for its tenant, without any secret.
    pub(crate) fn clean(&self, words: &str) -> String {
        let scanner = self.backends.secrets.scanner();
        scanner.scrub_for(&self.run.tenant, words).into_owned()
    }

    pub(super) fn withheld(&self, saying: Saying, what: &str, found: &Found) -> Saying {
        self.state().blocked = true;
        saying
            .fact("withheld", what)
            .maybe("secret", found.name.as_deref())
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests")]

    use std::thread;

    use super::*;

    #[tokio::test]
    async fn what_is_large_is_scanned_on_a_thread_of_its_own() {
        let ran_on = async |size| aside(size, || thread::current().id()).await.unwrap();
        let worker = thread::current().id();
        assert_eq!(ran_on(ASIDE_FROM).await, worker);
        assert_ne!(ran_on(ASIDE_FROM + 1).await, worker);
    }
}

//! Secrets at the door: no call carries a live value out, and no reply brings one
//! to the guest or into the journal.
//!
//! The attacks: a server that answers with the request's headers in its error
//! page; a file or a row that somebody put a token into; a guest that learnt a
//! value elsewhere and writes it where others read. What a call that was made did
//! is recorded all the same: only what it answered is withheld.

use serde_json::Value;
use tollgate_journal::Stage;
use tollgate_secrets::Found;

use super::gate::Admission;
use super::perform::with_facts;
use super::{Door, Operation, Passing, Prior, Refusal, encode};
use crate::error::Ending;
use crate::journal::Saying;

/// What a record says of what is not in it.
pub(crate) const ARGUMENTS: &str = "arguments";
pub(crate) const REPLY: &str = "reply";
pub(crate) const WRITTEN: &str = "written";
pub(crate) const PRIOR: &str = "prior";
pub(crate) const OUTPUT: &str = "output";

impl Door {
    /// The live secret in these bytes, of any tenant.
    pub(crate) fn secret_in(&self, bytes: &[u8]) -> Option<Found> {
        self.backends
            .secrets
            .scanner()
            .find(&self.run.tenant, bytes)
    }

    /// The refusal of a call that carries a secret out, recorded without its
    /// arguments and without its destination, which may be a guest's words too.
    pub(super) fn withhold_arguments<O: Operation>(
        &self,
        passing: &Passing,
    ) -> Result<Option<O::Reply>, Ending> {
        let found = self
            .secret_in(passing.text.as_bytes())
            .or_else(|| self.secret_in(passing.destination.as_bytes()));
        let Some(found) = found else { return Ok(None) };
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
            self.withheld(saying, ARGUMENTS, &found)
                .value("reply", bytes),
        )?;
        Ok(Some(reply))
    }

    /// The refusal of a write that would record, and show on a card, what it
    /// replaces.
    pub(super) fn withhold_prior<O: Operation>(
        &self,
        passing: &Passing,
        prior: Option<&Prior>,
    ) -> Result<Option<O::Reply>, Ending> {
        let Some(found) = prior.and_then(|prior| {
            self.secret_in(prior.value.to_string().as_bytes())
                .or_else(|| self.secret_in(prior.version.as_bytes()))
        }) else {
            return Ok(None);
        };
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

    /// What a call with an intent came to, without any secret: the reply for the
    /// guest, and what is to be recorded. That it happened is never withheld.
    pub(super) fn outcome<O: Operation>(
        &self,
        passing: &Passing,
        reply: O::Reply,
        written: Option<&Value>,
    ) -> (O::Reply, Saying) {
        let saying = with_facts::<O>(passing.saying(Stage::CallOutcome), &reply)
            .fact("changed", written.is_some());
        let (reply, saying) = self.answered::<O>(saying, reply, written.is_some());
        let Some(written) = written else {
            return (reply, saying);
        };
        let saying = match self.secret_in(written.to_string().as_bytes()) {
            Some(found) => self.withheld(saying, WRITTEN, &found),
            None => saying.json("written", written),
        };
        (reply, saying)
    }

    /// A reply for the guest and the record, or what stands for one with a secret.
    pub(super) fn answered<O: Operation>(
        &self,
        saying: Saying,
        mut reply: O::Reply,
        changed: bool,
    ) -> (O::Reply, Saying) {
        let mut saying = saying;
        let mut bytes = encode(&reply);
        if let Some(found) = self.secret_in(&bytes) {
            let did = if changed {
                "the call was made; its answer"
            } else {
                "the call's answer"
            };
            reply = O::refuse(Refusal::outside(format!(
                "{did} contained {found} and was withheld"
            )));
            bytes = encode(&reply);
            saying = self.withheld(saying, REPLY, &found);
        }
        (reply, saying.value("reply", bytes))
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

    fn withheld(&self, saying: Saying, what: &str, found: &Found) -> Saying {
        self.state().blocked = true;
        saying
            .fact("withheld", what)
            .maybe("secret", found.name.as_deref())
    }
}

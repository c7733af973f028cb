//! What a person types whose decisions are signed. A page has no private key, and asks
//! for none: it says which command signs, with what was read on the page in it.
//!
//! The attack: what is signed is another call than the one that was read. So each
//! command carries the digest of the card, or of the list, on the page.

use tollgate_policy::visible;
use tollgate_runtime::{Batch, Card, Principal, Tenant};

/// Commands for one held call.
pub(super) struct CardCommands {
    pub(super) approve: String,
    pub(super) deny: String,
    pub(super) edit: String,
    pub(super) revoke: String,
}

impl CardCommands {
    pub(super) fn new(card: &Card, who: &Principal) -> Self {
        let (id, digest) = (visible(&card.approval), visible(&card.digest));
        let reason = if card.exception { " --reason TEXT" } else { "" };
        let signed = signed(who);
        Self {
            approve: format!("tollgate approve {id} --digest {digest}{reason}{signed}"),
            // A no needs no digest: whatever it is by then does not happen.
            deny: format!("tollgate deny {id} --reason TEXT{signed}"),
            edit: format!("tollgate edit {id} --digest {digest} --input FILE{signed}"),
            revoke: format!("tollgate revoke {id}{signed}"),
        }
    }
}

/// The command for many held calls.
pub(super) fn batch_command(batch: &Batch, who: &Principal) -> String {
    let (kind, digest) = (visible(&batch.approval), visible(&batch.digest));
    let sum = batch.sum.as_ref();
    let sum = sum.map(|sum| format!(" --sum {}", visible(&sum.field)));
    let exception = batch.items.iter().any(|card| card.exception);
    let reason = if exception { " --reason TEXT" } else { "" };
    format!(
        "tollgate approve --batch {kind}{} --digest {digest}{reason}{}",
        sum.unwrap_or_default(),
        signed(who)
    )
}

fn signed(who: &Principal) -> String {
    match who.tenant == Tenant::default() {
        true => " --key KEY_FILE".to_owned(),
        false => format!(" --tenant {} --key KEY_FILE", visible(&who.tenant)),
    }
}

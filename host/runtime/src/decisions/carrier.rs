//! The request that carried a decision, where that was no credential of the person's
//! own: a signed callback.
//!
//! The attack: a yes is taken back, and the request that carried it is sent once more.
//! That it was taken is kept with the decision, in one transaction, so two hosts that
//! get it at the same time take it once. It stays as long as the journal does.

use tollgate_store::{Change, Expected, kv_version};

/// Where it is kept. No connector's name has a colon, as a channel's has: none reads
/// or removes it.
const STORE: &str = "taken";

/// A request that carries a decision, and serves once.
#[derive(Clone, Copy)]
pub(crate) struct Carrier<'a> {
    /// Which way it came, for the record: `callback:` and a name.
    pub(crate) channel: &'a str,
    /// What it is called among the requests of that way.
    pub(crate) request: &'a str,
}

impl Carrier<'_> {
    /// That it is taken; refused where it was before.
    pub(super) fn taken(self, at_ms: u64) -> Change {
        let value = at_ms.to_string().into_bytes();
        Change::SetKv {
            connector: self.channel.to_owned(),
            store: STORE.to_owned(),
            key: self.request.to_owned(),
            version: kv_version(&value, self.request, 0),
            value,
            expected: Expected::Absent,
            quota: u64::MAX,
        }
    }
}

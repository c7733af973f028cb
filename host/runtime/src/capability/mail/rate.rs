//! How many messages may leave in a time: the operator's rate, for each
//! connector's destination.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;
use tollgate_journal::Tenant;

use tokio::time::Instant;
use tollgate_egress::Pace;
use tollgate_policy::mail::MailGrant;

use crate::door::Scope;

/// Destinations that are remembered before those at rest are forgotten.
const REMEMBERED: usize = 1_024;

/// What a count is for. A changed rate begins a new one.
type Key = (Tenant, String, String, u32, Duration);

/// The times of messages of this process.
#[derive(Debug, Default)]
pub(crate) struct Rates(Mutex<HashMap<Key, Pace>>);

impl Rates {
    /// Let one message go now, or say in how many seconds to ask again.
    pub(super) fn admit(&self, grant: &MailGrant, scope: &Scope<'_>) -> Result<(), u32> {
        let Some((most, window)) = grant.rate else {
            return Ok(());
        };
        let key = (
            scope.tenant.clone(),
            scope.connector.to_owned(),
            grant.name.clone(),
            most,
            window,
        );
        let now = Instant::now();
        let mut paces = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if paces.len() >= REMEMBERED {
            paces.retain(|_, pace| !pace.at_rest(now));
        }
        let pace = paces.entry(key).or_insert_with(|| Pace::new(grant.rate));
        pace.admit(now).map_err(|after| {
            let seconds = after.as_millis().div_ceil(1_000);
            u32::try_from(seconds).unwrap_or(u32::MAX).max(1)
        })
    }
}

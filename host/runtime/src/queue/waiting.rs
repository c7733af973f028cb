//! Waiting until an item has been sent to where its owner looks.

use std::time::Duration;

use super::QueueItem;
use crate::api::Principal;
use crate::error::DecideError;
use crate::host::Host;
use crate::runs::POLL;

impl Host {
    /// Like [`Host::queue_item`], after waiting up to `timeout` while one of its
    /// deliveries has neither arrived nor failed for the last time.
    ///
    /// # Errors
    ///
    /// When there is no such item for this principal, or it is not a person.
    pub async fn wait_delivered(
        &self,
        who: &Principal,
        id: &str,
        timeout: Duration,
    ) -> Result<QueueItem, DecideError> {
        let end = tokio::time::Instant::now() + timeout;
        loop {
            // Asked for before the look: what ends in between is heard.
            let changed = self.inner().watching.changed.notified();
            let item = self.queue_item(who, id).await?;
            let now = tokio::time::Instant::now();
            let is_on_its_way = item.deliveries.iter().any(|one| one.state == "pending");
            if !is_on_its_way || now >= end {
                return Ok(item);
            }
            // Another host's events may not come here.
            let _ = tokio::time::timeout_at(end.min(now + POLL), changed).await;
        }
    }
}

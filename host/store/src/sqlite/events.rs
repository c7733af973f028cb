//! What others are told after a commit: that there is something to look at.

use tokio::sync::broadcast;

use crate::events::told;
use crate::{Change, Event};

/// Tell of the changes of a submission that was committed.
pub(super) fn tell(events: &broadcast::Sender<Event>, tenant: &str, changes: &[Change]) {
    if events.receiver_count() == 0 {
        return;
    }
    for what in changes.iter().filter_map(told) {
        let tenant = tenant.to_owned();
        // Whoever listened may be gone by now.
        events.send(Event { tenant, what }).ok();
    }
}

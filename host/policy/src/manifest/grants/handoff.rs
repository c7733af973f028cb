//! `[grant.handoff.NAME]`.

use super::super::{HandoffGrant, error::Faults, keys::Keys, limits};

/// The host's queue of calls in doubt.
const IN_DOUBT: &str = "in_doubt";

pub(super) fn read(name: &str, mut keys: Keys<'_, '_>, faults: &mut Faults<'_>) -> HandoffGrant {
    // The attack: an item of a connector's that stands among the host's own.
    if name == IN_DOUBT {
        faults.add(
            keys.at,
            format!("the queue `{IN_DOUBT}` is the host's own"),
            "choose another name for the queue",
        );
    }
    let max_open = keys.count_within(
        "max_open",
        limits::HANDOFF_OPEN,
        limits::HANDOFF_OPEN_MAX,
        faults,
    );
    let max_bytes = keys.bytes_within(
        "max_bytes",
        limits::HANDOFF_BYTES,
        limits::HANDOFF_BYTES_MAX,
        faults,
    );
    keys.finish(faults);
    HandoffGrant {
        name: name.to_owned(),
        max_open,
        max_bytes,
    }
}

//! `[grant.handoff.NAME]`.

use super::super::{HandoffGrant, error::Faults, keys::Keys, limits};

pub(super) fn read(name: &str, mut keys: Keys<'_, '_>, faults: &mut Faults<'_>) -> HandoffGrant {
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

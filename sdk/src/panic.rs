//! A panic reaches the operator's log with its message and place. Without this
//! it shows as `unreachable` only, because a guest has no standard error.

/// Sends panics to the log. A connector traps right after.
#[cfg(target_family = "wasm")]
pub(crate) fn report_to_log() {
    std::panic::set_hook(Box::new(|info| {
        let payload = info.payload();
        let message = payload
            .downcast_ref::<&str>()
            .copied()
            .or_else(|| payload.downcast_ref::<String>().map(String::as_str))
            .unwrap_or("a panic without a message");
        let place = info.location().map(ToString::to_string).unwrap_or_default();
        crate::bindings::tollgate::connector::log::panic(message, &place);
    }));
}

/// Outside a host the standard hook is the right one.
#[cfg(not(target_family = "wasm"))]
pub(crate) fn report_to_log() {}

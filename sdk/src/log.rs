//! Lines for the operator.
//!
//! They are shown as text from the connector. A line beyond the run's budget is
//! dropped, one beyond 4 KiB is cut; neither is an error. Outside a host lines
//! go nowhere, so that code with log lines can be unit-tested.

#[doc(inline)]
pub use crate::bindings::tollgate::connector::log::Level;
#[doc(inline)]
pub use crate::{
    __log_debug as debug, __log_error as error, __log_info as info, __log_warn as warn,
};

/// Writes one line.
#[cfg(target_family = "wasm")]
pub fn emit(level: Level, message: &str) {
    crate::bindings::tollgate::connector::log::emit(level, message);
}

/// Writes one line.
#[cfg(not(target_family = "wasm"))]
pub fn emit(_level: Level, _message: &str) {}

/// Detail for the connector's author. Takes what `format!` takes.
#[doc(hidden)]
#[macro_export]
macro_rules! __log_debug {
    ($($line:tt)+) => { $crate::log::emit($crate::log::Level::Debug, &::std::format!($($line)+)) };
}

/// What happened. Takes what `format!` takes.
#[doc(hidden)]
#[macro_export]
macro_rules! __log_info {
    ($($line:tt)+) => { $crate::log::emit($crate::log::Level::Info, &::std::format!($($line)+)) };
}

/// Something an operator may want to look at. Takes what `format!` takes.
#[doc(hidden)]
#[macro_export]
macro_rules! __log_warn {
    ($($line:tt)+) => { $crate::log::emit($crate::log::Level::Warn, &::std::format!($($line)+)) };
}

/// Something failed. Takes what `format!` takes.
#[doc(hidden)]
#[macro_export]
macro_rules! __log_error {
    ($($line:tt)+) => { $crate::log::emit($crate::log::Level::Error, &::std::format!($($line)+)) };
}

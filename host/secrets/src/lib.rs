//! Secrets that guests never hold: where they come from, where they may go, and
//! how they are found again where they should not be.

mod secret;
mod slot;

pub use secret::Secret;
pub use slot::Slot;

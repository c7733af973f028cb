//! Randomness fit for cryptography. Each draw is recorded, and the same when a
//! run is replayed.

use crate::Refusal;
use crate::bindings::tollgate::connector::random as wire;

/// That many random bytes, at most 4096.
///
/// # Errors
/// The manifest does not grant randomness, or a limit is reached.
pub fn bytes(count: u32) -> Result<Vec<u8>, Refusal> {
    wire::bytes(count).map_err(Refusal::from)
}

/// A random number.
///
/// # Errors
/// The manifest does not grant randomness, or a limit is reached.
pub fn u64() -> Result<u64, Refusal> {
    let drawn = bytes(8)?;
    Ok(drawn.iter().fold(0, |number, byte| {
        (number << 8) | core::primitive::u64::from(*byte)
    }))
}

//! Secrets that guests never hold: where they come from, where they may go, and
//! how they are found again where they should not be.
//!
//! ```text
//! settings ─▶ Slot + Source ─▶ Secrets::get (tenant, origin and place agree?) ─▶ Secret
//!                                   │                                             │
//!                                   └──▶ Scanner: all live values ◀── replies,    └─▶ put into
//!                                        in their usual encodings     arguments,      the request
//!                                                                     messages
//! ```

mod error;
pub mod oauth;
mod origin;
mod placement;
mod scanner;
mod secret;
mod secrets;
pub mod signature;
mod slot;
mod source;
mod store;

pub use error::{SecretError, SlotError, SourceError};
pub use origin::origin_of;
pub use placement::{Manner, PlacementError, RequestParts, put_in};
pub use scanner::{Encoding, Found, Scanner};
pub use secret::Secret;
pub use secrets::{Secrets, words};
pub use slot::Slot;
pub use source::{
    CommandSource, EnvironmentSource, FileSource, SECRET_BYTES_MAX, SECRET_BYTES_MIN, Source,
};
pub use store::{SealedStore, StoreSource, is_name};

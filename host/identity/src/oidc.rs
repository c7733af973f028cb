//! A relying party of OpenID Connect: authorization code flow with PKCE, one provider.
//!
//! ```text
//! begin ─▶ address at the provider, Flow (state, nonce, PKCE) ──▶ kept for one browser
//!                                                                      │
//! finish ◀── the provider's answer, and that Flow, which is used up ◀──┘
//!    └─▶ iss (RFC 9207) ─▶ code and PKCE for an ID token ─▶ its signature, iss, aud,
//!        exp, iat, nonce ─▶ Person
//! ```
//!
//! Of the provider's answer only the ID token is looked at, once. Its access token is
//! let go: nobody can lose what is not kept. The protocol and the signatures are the
//! crate `openidconnect`'s; what may be reached, and what is taken, is decided here.
//!
//! The attacks, each with a test:
//! * *Login CSRF*: a victim's browser is sent back with the attacker's code. The state
//!   belongs to the browser that began (the pages keep the [`Flow`] under its cookie).
//! * *Code injection*: a code that was stolen from another browser. The provider binds it
//!   to the PKCE challenge of that one, and its ID token has another nonce
//!   (RFC 9700, 2.1.1 and 4.5).
//! * *Replay* of an answer: a [`Flow`] is used up by [`RelyingParty::finish`].
//! * *Mix-up*: the answer of another provider. `iss` of the answer, where there is one
//!   or the provider announces it (RFC 9207), the discovery document and the ID token
//!   all name the issuer of the settings, to the letter.
//! * *A forged ID token*: no signature, one by the client's secret (HS256), or by a key of
//!   an algorithm that nobody asked for. Three algorithms are taken, all of them with a
//!   public key that the provider's address serves.
//! * *A provider that leads inwards*: its endpoints are reached through the same wall as
//!   everything else, and an exception for the issuer's own address is one for no other.

mod client;
mod error;
mod flow;
mod metadata;
mod person;
mod wire;

pub use client::{Provider, RelyingParty};
pub use error::OidcError;
pub use flow::{Answer, Begun, Flow};
pub use person::{Person, PersonClaim};

#[cfg(test)]
mod tests;

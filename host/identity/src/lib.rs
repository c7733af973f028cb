//! How a person proves who they are at the pages: by a provider of OpenID Connect, or
//! by a password. Tokens are older than both and need nothing of this.
//!
//! What is here ends with a name that was proved. Whose name it is, and what that one
//! may do, is the host's to say: from what the operator registered, and anew with each
//! request.

pub mod oidc;
pub mod password;

//! The connector `webhook`.
//!
//! It sends events to endpoints that the operator names, signed as Standard
//! Webhooks says (<https://www.standardwebhooks.com>). The signature and the
//! delivery's id are the host's: the connector holds no key, and an event that is
//! sent again after a lost answer has the same id, by which its receiver knows it.
//!
//! An event that has left cannot be called back, so `deliver` declares itself
//! irreversible, and a person looks at every one.
//!
//! - `endpoint`: what the manifest says of each endpoint
//! - `event`: what is sent
//! - `tools`: what callers see

mod endpoint;
mod event;
mod tools;

use tools::{deliver, endpoints};

tollgate_sdk::connector!(deliver, endpoints);

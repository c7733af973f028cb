//! How requests leave the host: checked addresses, pinned connections, bounded
//! answers.
//!
//! [`Egress::send`] walks through the files in this order: `target` (what is asked
//! for stays below the grant), `pools` and `pace` (whose connection, how many, how
//! fast), `client` (nothing goes elsewhere), `resolve`, `address` and `ranges` (the
//! wall), `outbound` (was it sent?), `answer` (how much is read), `failure` (what is
//! told), `retry` (when again). [`Egress::send_mail`] shares the wall; the rest of it
//! is in `mail`.

mod address;
mod answer;
mod client;
mod egress;
mod failure;
mod limits;
mod mail;
mod outbound;
mod pace;
mod pools;
mod ranges;
mod request;
mod resolve;
mod retry;
mod target;

pub use address::judge;
pub use egress::Egress;
pub use limits::Limits;
pub use mail::{Address, Envelope, Mail, MailError, MailSecurity, MailServer};
pub use pace::Pace;
pub use request::{Destination, EgressError, Incoming, Method, Outgoing, Pool};
pub use resolve::{Resolver, SystemResolver, checked_addresses};
pub use retry::retry_after;

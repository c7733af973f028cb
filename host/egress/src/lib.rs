//! How requests leave the host: checked addresses, pinned connections, bounded
//! answers.

mod request;

pub use request::{Destination, EgressError, Incoming, Method, Outgoing, Pool};

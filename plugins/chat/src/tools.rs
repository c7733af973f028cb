//! What callers see.

pub(crate) mod channels;
pub(crate) mod deleting;
pub(crate) mod history;
pub(crate) mod people;
pub(crate) mod posting;

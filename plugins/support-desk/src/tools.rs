//! What callers see: one file for each idea.

pub(crate) mod commenting;
pub(crate) mod creating;
pub(crate) mod escalating;
pub(crate) mod reading;
pub(crate) mod searching;
pub(crate) mod updating;
pub(crate) mod withdrawing;

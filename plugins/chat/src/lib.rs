//! The connector `chat`.
//!
//! One set of tools for channels, whatever service keeps them: Slack (Web API)
//! and Matrix (client-server API v3). Which one is the operator's choice, `kind`
//! under `[config]`; so are the channels, by name, under `[config.channels]`.
//!
//! - `service`: what a service can do, and which one is meant
//! - `granted`: the channels that the operator names
//! - `message`: what a channel, a message and a person are here
//! - `mention`: words that wake up everybody, made harmless
//! - `text`: bounds of what is asked for and what comes back
//! - `slack`, `matrix`: one service each
//! - `tools`: what callers see
//!
//! A message was written by somebody else. It is returned as data, cut where it
//! is long, and decides nothing.

mod granted;
mod matrix;
mod mention;
mod message;
mod service;
mod slack;
mod text;
mod tools;

use tools::channels::list_channels;
use tools::deleting::delete_message;
use tools::history::channel_history;
use tools::people::find_user;
use tools::posting::post_message;

tollgate_sdk::connector!(
    list_channels,
    channel_history,
    find_user,
    post_message,
    delete_message
);

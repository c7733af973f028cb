//! The connector `support-desk`.
//!
//! One set of tools for tickets, whatever desk keeps them: Request Tracker 5
//! (REST2), Roundup 2 (REST) and Zendesk (Ticketing API). Which one is the
//! operator's choice, `kind` under `[config]`. A desk that cannot do something
//! says so; nothing is imitated by halves.
//!
//! - `ticket`: what a ticket is here, and how two readings of it are compared
//! - `value`: the value of a field
//! - `desk`: what a desk can do, and which one is meant
//! - `request_tracker`, `roundup`, `zendesk`: one desk each
//! - `page`, `text`: bounds of what is asked for and what comes back
//! - `tools`: what callers see
//!
//! Text of a ticket was written by strangers. It is returned as data, cut where
//! it is long, and decides nothing.

mod desk;
mod page;
mod request_tracker;
mod text;
mod ticket;
mod tools;
mod value;

use tools::commenting::{comment, reply};
use tools::creating::create_ticket;
use tools::escalating::escalate;
use tools::reading::{get_ticket, list_comments};
use tools::searching::search_tickets;
use tools::updating::update_ticket;
use tools::withdrawing::withdraw_comment;

tollgate_sdk::connector!(
    search_tickets,
    get_ticket,
    list_comments,
    comment,
    reply,
    update_ticket,
    create_ticket,
    escalate,
    withdraw_comment
);

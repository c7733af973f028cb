//! Conversations. A ticket's history is a list of transactions, of which some
//! are messages; the text of each is asked for by itself.

use serde_json::Value as Json;
use tollgate_sdk::prelude::*;

use super::answer::{List, Named, person, plain};
use crate::desk::DESTINATION;
use crate::page::{Page, Window};
use crate::text;
use crate::ticket::{Audience, Entry};

/// Transactions that are read for a key, newest ones included: ten pages.
const PAGES_FOR_A_KEY: u32 = 10;

/// The largest page.
const PAGE_SIZE: u32 = 100;

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct Transaction {
    #[serde(rename = "id")]
    id: Json,
    #[serde(rename = "Type")]
    of_type: Option<String>,
    creator: Option<Named>,
    created: Option<String>,
    data: Option<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct Attachment {
    content: Option<String>,
    content_type: Option<String>,
    filename: Option<String>,
}

/// A page of a conversation.
pub(super) fn entries(ticket: &str, window: Window<'_>) -> Result<Page<Entry>, ToolError> {
    let number = window.number()?;
    let list = transactions(ticket, window.size, number)?;
    // There is no mark of the last page: rows that the account may not see are
    // left out, and the total is null. A page without any row is past the end.
    let next = (!list.items.is_empty()).then(|| (number + 1).to_string());
    let messages = list
        .items
        .into_iter()
        .filter_map(|one| Some((audience(&one)?, one)));
    let items = messages.map(|(audience, one)| {
        let path = ["transaction", &plain(&one.id), "attachments"];
        let parts: List<Attachment> = http::get(DESTINATION, path)
            .query("fields", "Content,ContentType,Filename")
            .send()?
            .success()?
            .json()?;
        Ok(entry(audience, one, parts.items))
    });
    Ok(Page {
        items: items.collect::<Result<_, ToolError>>()?,
        next,
        total: None,
    })
}

fn transactions(ticket: &str, size: u32, page: u32) -> Result<List<Transaction>, ToolError> {
    http::get(DESTINATION, ["ticket", ticket, "history"])
        .query("fields", "Type,Creator,Created,Data")
        .query("per_page", size)
        .query("page", page)
        .send()?
        .success()?
        .json()
}

/// The comment whose subject is a key.
pub(super) fn by_key(ticket: &str, key: &str) -> Result<Option<String>, ToolError> {
    for page in 1..=PAGES_FOR_A_KEY {
        let list = transactions(ticket, PAGE_SIZE, page)?;
        if list.items.is_empty() {
            return Ok(None);
        }
        if let Some(found) = list.items.iter().find(|one| is_under(one, key)) {
            return Ok(Some(plain(&found.id)));
        }
    }
    Err(ToolError::limited(format!(
        "ticket {ticket} has more than {} events, too many to look for a key",
        PAGES_FOR_A_KEY * PAGE_SIZE
    ))
    .hint("read the last comments, and call without `key` and with `version`"))
}

fn is_under(transaction: &Transaction, key: &str) -> bool {
    let is_comment = transaction.of_type.as_deref() == Some("Comment");
    is_comment && transaction.data.as_deref().map(str::trim_end) == Some(key)
}

fn audience(transaction: &Transaction) -> Option<Audience> {
    match transaction.of_type.as_deref()? {
        "Comment" => Some(Audience::Internal),
        "Create" | "Correspond" => Some(Audience::Public),
        _ => None,
    }
}

/// The plain text of a message where it has one, else its HTML; other parts are
/// named.
pub(super) fn entry(audience: Audience, one: Transaction, parts: Vec<Attachment>) -> Entry {
    let files = parts.iter().filter_map(|part| part.filename.clone());
    let files: Vec<String> = files.filter(|name| !name.is_empty()).take(50).collect();
    let is = |part: &Attachment, wanted: &str| {
        let is_file = part.filename.as_ref().is_some_and(|name| !name.is_empty());
        let kind = part.content_type.as_deref().unwrap_or_default();
        !is_file && kind.eq_ignore_ascii_case(wanted)
    };
    let of = |wanted| parts.iter().find(|part| is(part, wanted));
    let (part, is_html) = match of("text/plain") {
        Some(part) => (Some(part), false),
        None => (of("text/html"), true),
    };
    let is_html = is_html && part.is_some();
    let (text, is_cut) = text::cut(
        part.and_then(|part| part.content.clone())
            .unwrap_or_default(),
    );
    Entry {
        id: plain(&one.id),
        audience,
        author: one.creator.as_ref().and_then(person),
        created: one.created,
        text,
        is_html,
        is_cut,
        files,
    }
}

//! The resource that a write changes, looked at with `GET`: before, so that it can
//! be put back; after, to see what became of it; and where it is not known whether
//! the write happened.

use serde_json::{Value, json};
use tollgate_policy::Digest;
use tollgate_policy::http::HttpGrant;

use super::asked::Asked;
use super::exchange::{Again, Exchange, Message};
use super::members::{members, resource};
use super::wire::{Answer, Content, Field, HttpError};
use super::{content, message};
use crate::door::Prior;

/// How to look at what a write changes.
#[derive(Clone, Debug)]
pub(super) struct Resource {
    look: Message,
    /// The same as a guest would ask for it.
    asked: Value,
    /// Where in the answer it is.
    at: String,
    /// What the write sets, where it is JSON.
    sent: Option<Value>,
    /// What a restore has to know of the request.
    request: Value,
}

/// What is there.
pub(super) struct Seen {
    pub(super) answer: Answer,
    /// What the write sets, as it is now; nothing where not all of it is there.
    pub(super) members: Option<Value>,
    pub(super) etag: Option<String>,
}

impl Resource {
    /// How to look at what this request changes; nothing where no row grants the
    /// `GET`. The query is that of the request where the row has it, else none.
    pub(super) fn of(asked: &Asked, grant: &HttpGrant, at: &str) -> Option<Self> {
        let mut read = asked.to_read();
        if !read.query.is_empty() && read.judge(grant).is_err() {
            read.query.clear();
        }
        let judged = read.judge(grant).ok()?;
        // A row can make more of a `GET` than reading, and then it is no look. One
        // that can carry data out is a guest's to ask for, and a rule's to allow.
        if judged.egress || judged.effect > tollgate_policy::Effect::Read || judged.target.has_key()
        {
            return None;
        }
        let look = message::of(&read, &judged, grant, "").ok()?;
        Some(Self {
            asked: read.arguments(Some((&judged, &look))),
            look,
            at: at.to_owned(),
            sent: asked.body.as_ref().and_then(content::json),
            request: json!({
                "method": asked.method.to_string(),
                "path": asked.path,
                "query": asked.query,
                "content_type": asked.body.as_ref().map(|body| &body.content_type),
            }),
        })
    }

    /// Look at it.
    pub(super) async fn look(&self, exchange: &Exchange<'_>) -> Result<Seen, HttpError> {
        let answer = exchange.send(&self.look, Again::Read).await?;
        let whole = answer.is_success() && !answer.truncated;
        let text = answer.body.text().filter(|_| whole);
        let members = match (text, &self.sent) {
            (Some(text), Some(sent)) => {
                resource(text, &self.at).and_then(|there| members(sent, &there))
            }
            _ => None,
        };
        let etag = answer.header("etag").filter(|_| whole).map(str::to_owned);
        Ok(Seen {
            answer,
            members,
            etag,
        })
    }

    /// What the answer to a write itself shows of what the write sets.
    pub(super) fn shown_in(&self, answer: &Answer) -> Option<Value> {
        let text = answer.body.text().filter(|_| !answer.truncated)?;
        members(self.sent.as_ref()?, &resource(text, &self.at)?)
    }

    /// The look as the rules see it.
    pub(super) fn asked(&self) -> &Value {
        &self.asked
    }

    /// What stands for the lost answer to a write that is found done: the members
    /// that it sent, where the server has them, and nothing else of what is there.
    pub(super) fn as_answered(&self, members: &Value) -> Answer {
        let names = self.at.strip_prefix('/').into_iter();
        let names = names.flat_map(|names| names.rsplit('/'));
        let whole = names.fold(
            members.clone(),
            |inner, name| json!({ name.replace("~1", "/").replace("~0", "~"): inner }),
        );
        Answer {
            status: 200,
            headers: vec![Field {
                name: "content-type".to_owned(),
                value: "application/json".to_owned(),
            }],
            body: Content::of(whole.to_string().into_bytes()),
            truncated: false,
            attempts: 0,
        }
    }

    /// What the write sets.
    pub(super) fn sent(&self) -> Option<&Value> {
        self.sent.as_ref()
    }

    /// What is there, for the record: the request, and the members that it sets.
    pub(super) fn image(&self, members: &Value, etag: Option<&str>) -> Value {
        let mut image = self.request.clone();
        image["members"] = members.clone();
        image["etag"] = json!(etag);
        image
    }

    /// What a write would replace.
    pub(super) fn prior(&self, seen: &Seen) -> Option<Prior> {
        let members = seen.members.as_ref()?;
        Some(Prior {
            version: match &seen.etag {
                // A digest: what a server calls a version is no public fact.
                Some(etag) => Digest::of(etag.as_bytes()).to_string(),
                None => Digest::of(members.to_string().as_bytes()).to_string(),
            },
            value: self.image(members, seen.etag.as_deref()),
        })
    }
}

/// The request that puts the members of `before` back over what `written` tells.
/// Both are this host's own records.
pub(super) fn putting_back(before: &Value, written: &Value) -> Option<Asked> {
    let text = |name: &str| written[name].as_str();
    let method = match text("method")? {
        "PUT" => tollgate_policy::http::HttpMethod::Put,
        "PATCH" => tollgate_policy::http::HttpMethod::Patch,
        "POST" => tollgate_policy::http::HttpMethod::Post,
        _ => return None,
    };
    let query: Vec<Field> = serde_json::from_value(written["query"].clone()).ok()?;
    let members = before
        .get("members")
        .filter(|members| members.is_object())?;
    Some(Asked {
        method,
        path: serde_json::from_value(written["path"].clone()).ok()?,
        query,
        headers: Vec::new(),
        body: Some(super::wire::Body {
            content_type: text("content_type")?.to_owned(),
            bytes: members.to_string().into_bytes(),
        }),
    })
}

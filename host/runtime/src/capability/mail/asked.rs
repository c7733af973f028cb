//! A message as a guest asks for it: judged, and written down for rules, record
//! and card.

use serde_json::{Value, json};
use tollgate_policy::Digest;
use tollgate_policy::mail::{
    JudgedMail, MailAddress, MailAttachment, MailGrant, MailRefusal, MailRequest,
};

use super::wire::Message;
use crate::exact::Base64;

/// Whether the grant covers it.
pub(super) fn judge(message: &Message, grant: &MailGrant) -> Result<JudgedMail, MailRefusal> {
    let [to, cc, bcc] = [&message.to, &message.cc, &message.bcc]
        .map(|list| list.iter().map(String::as_str).collect::<Vec<_>>());
    let files = message.attachments.iter().map(|file| MailAttachment {
        name: &file.name,
        content_type: &file.content_type,
        bytes: file.bytes.len() as u64,
    });
    let files: Vec<_> = files.collect();
    grant.judge(&MailRequest {
        to: &to,
        cc: &cc,
        bcc: &bcc,
        reply_to: message.reply_to.as_deref(),
        subject: &message.subject,
        text_bytes: message.text.len() as u64,
        html_bytes: message.html.as_ref().map(|html| html.len() as u64),
        attachments: &files,
        in_reply_to: message.in_reply_to.as_deref(),
    })
}

/// The whole message as JSON. Names are in the order of the alphabet wherever a
/// person reads them: who gets it and what it says come before what is long.
pub(super) fn arguments(message: &Message, granted: Option<(&JudgedMail, &MailGrant)>) -> Value {
    let mut arguments = json!({
        "to": message.to,
        "cc": message.cc,
        "bcc": message.bcc,
        "subject": message.subject,
        "text": message.text,
        "with_files": files(message),
    });
    if let Some((judged, grant)) = granted {
        // As they will be sent: what is approved is these very addresses.
        arguments["from"] = json!(grant.from.as_str());
        arguments["to"] = addresses(&judged.to);
        arguments["cc"] = addresses(&judged.cc);
        arguments["bcc"] = addresses(&judged.bcc);
    }
    for (name, value) in [
        ("reply_to", &message.reply_to),
        ("in_reply_to", &message.in_reply_to),
        ("with_html", &message.html),
    ] {
        if let Some(value) = value {
            arguments[name] = json!(value);
        }
    }
    arguments
}

/// Files with their content: an approval is bound to the bytes, and whoever
/// decides can look at them.
fn files(message: &Message) -> Value {
    let files = message.attachments.iter().map(|file| {
        json!({
            "name": file.name,
            "content_type": file.content_type,
            "size": file.bytes.len(),
            "digest": Digest::of(&file.bytes).to_string(),
            "base64": Base64::text(&file.bytes),
        })
    });
    files.collect()
}

fn addresses(list: &[MailAddress]) -> Value {
    list.iter().map(MailAddress::as_str).collect()
}

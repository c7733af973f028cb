//! Sending one message.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use tollgate_sdk::mail::{Attachment, Message};
use tollgate_sdk::prelude::*;

/// The destination where `[config]` names none.
const DESTINATION: &str = "mail";

#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct SendMail {
    /// Addresses, such as `ada@example.com`, without names. The manifest says who
    /// may be written to.
    #[schemars(length(min = 1, max = 50))]
    to: Vec<String>,
    /// Addresses that get a copy and are seen by all.
    #[serde(default)]
    #[schemars(length(max = 50))]
    cc: Vec<String>,
    /// Addresses that get a copy and are seen by nobody.
    #[serde(default)]
    #[schemars(length(max = 50))]
    bcc: Vec<String>,
    /// One line.
    #[schemars(length(min = 1, max = 250))]
    subject: String,
    /// The message as plain text.
    #[schemars(length(min = 1))]
    text: String,
    /// The same as HTML, where the manifest allows HTML. The text stays what the
    /// approver reads first, so both must say the same.
    #[serde(default)]
    html: Option<String>,
    /// Where answers go, where that is not the sender.
    #[serde(default)]
    reply_to: Option<String>,
    /// The `Message-ID` of the message that this one answers, such as
    /// `<20260101.1@example.com>`.
    #[serde(default)]
    in_reply_to: Option<String>,
    /// Files that go with it, where the manifest allows files.
    #[serde(default)]
    #[schemars(length(max = 10))]
    attachments: Vec<File>,
}

#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct File {
    /// The file's name, without a path.
    #[schemars(length(min = 1, max = 120))]
    name: String,
    /// The media type, such as `text/csv`.
    content_type: String,
    /// The content, in base64.
    content: String,
}

#[derive(Serialize, JsonSchema)]
pub(crate) struct Sent {
    /// The message's `Message-ID`. It is the same when the same call is made
    /// again, so that a mailbox can show one of two.
    message_id: String,
    /// The server's words on taking it. Taken is not delivered: a message that
    /// cannot be delivered comes back to the sender.
    answer: String,
}

/// Sends one message. It cannot be called back, so a person may have to approve
/// it first. Each address must be one that the manifest allows; the sender is
/// always the manifest's. An error says whether the server refused the message
/// for good (`denied`: check the addresses) or for now (`unavailable`: try later).
#[tool(title = "Send mail", effect = "irreversible")]
pub(crate) fn send_mail(input: SendMail) -> Result<Sent, ToolError> {
    let destination: Option<String> = config::get("destination")?;
    let destination = destination.as_deref().unwrap_or(DESTINATION);
    let message = message(input)?;
    let receipt = mail::send(destination, &message)?;
    Ok(Sent {
        message_id: receipt.message_id,
        answer: receipt.answer,
    })
}

fn message(input: SendMail) -> Result<Message, ToolError> {
    let files = input.attachments.into_iter().enumerate();
    let attachments = files.map(|(index, file)| attachment(index, file));
    Ok(Message {
        to: input.to,
        cc: input.cc,
        bcc: input.bcc,
        reply_to: input.reply_to,
        subject: input.subject,
        text: input.text,
        html: input.html,
        attachments: attachments.collect::<Result<_, _>>()?,
        in_reply_to: input.in_reply_to,
    })
}

fn attachment(index: usize, file: File) -> Result<Attachment, ToolError> {
    let bytes = STANDARD.decode(&file.content).map_err(|error| {
        let pointer = format!("/attachments/{index}/content");
        ToolError::invalid_input(pointer, format!("is not base64: {error}"))
    })?;
    Ok(Attachment {
        name: file.name,
        content_type: file.content_type,
        bytes,
    })
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a failing unwrap is the test's failure")]

    use serde_json::json;

    use super::*;

    fn input(more: serde_json::Value) -> SendMail {
        let mut input = json!({"to": ["ada@example.com"], "subject": "s", "text": "t"});
        let (input, more) = (input.as_object_mut().unwrap(), more);
        input.extend(more.as_object().unwrap().clone());
        serde_json::from_value(json!(input)).unwrap()
    }

    #[test]
    fn a_message_needs_an_address_a_subject_and_a_text() {
        let message = message(input(json!({}))).unwrap();
        assert_eq!(message.to, ["ada@example.com"]);
        assert!(message.cc.is_empty() && message.html.is_none() && message.attachments.is_empty());
    }

    #[test]
    fn a_file_that_is_no_base64_is_pointed_at() {
        let file = |content: &str| json!({"name": "a.csv", "content_type": "text/csv", "content": content});
        let good = message(input(json!({"attachments": [file("YQ==")]}))).unwrap();
        assert_eq!(good.attachments[0].bytes, b"a");
        let bad = message(input(json!({"attachments": [file("YQ=="), file("%%")]})));
        let Err(ToolError::InvalidInput { pointer, .. }) = bad else {
            panic!("not base64");
        };
        assert_eq!(pointer, "/attachments/1/content");
    }
}

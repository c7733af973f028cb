//! Whether a message is granted.

use super::{MailAddress, MailGrant, MailRefusal};
use crate::http::fields::is_media_type;

/// The longest subject, in bytes. A line has at most 998 (RFC 5322, 2.1.1);
/// encoded words need up to three bytes for one.
const SUBJECT_BYTES_MAX: usize = 300;

/// The longest `Message-ID` that is answered, in bytes.
const MESSAGE_ID_BYTES_MAX: usize = 250;

/// The longest name of a file, in bytes.
const FILE_NAME_BYTES_MAX: usize = 255;

/// The most files of one message. Each has headers of its own.
const ATTACHMENTS_MAX: usize = 50;

/// A message as a guest asks for it, as far as a judgement needs it.
#[derive(Clone, Copy, Debug)]
pub struct MailRequest<'a> {
    /// Recipients.
    pub to: &'a [&'a str],
    /// Recipients of a copy.
    pub cc: &'a [&'a str],
    /// Recipients of a copy that the others do not see.
    pub bcc: &'a [&'a str],
    /// Where answers go, if not to the sender.
    pub reply_to: Option<&'a str>,
    /// The subject.
    pub subject: &'a str,
    /// How many bytes the text has.
    pub text_bytes: u64,
    /// How many bytes the HTML has, where there is some.
    pub html_bytes: Option<u64>,
    /// The files.
    pub attachments: &'a [MailAttachment<'a>],
    /// The `Message-ID` that this one answers.
    pub in_reply_to: Option<&'a str>,
}

/// A file that goes with a message.
#[derive(Clone, Copy, Debug)]
pub struct MailAttachment<'a> {
    /// Its name.
    pub name: &'a str,
    /// Its media type.
    pub content_type: &'a str,
    /// How many bytes it has.
    pub bytes: u64,
}

/// A message that may be sent: its addresses, checked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct JudgedMail {
    /// Recipients.
    pub to: Vec<MailAddress>,
    /// Recipients of a copy.
    pub cc: Vec<MailAddress>,
    /// Recipients of a copy that the others do not see.
    pub bcc: Vec<MailAddress>,
    /// Where answers go, if not to the sender.
    pub reply_to: Option<MailAddress>,
}

impl MailGrant {
    /// Judge a message.
    ///
    /// # Errors
    /// With the first thing that cannot be sent or is not granted.
    pub fn judge(&self, request: &MailRequest<'_>) -> Result<JudgedMail, MailRefusal> {
        self.count(request)?;
        let mut seen = Vec::new();
        let to = self.recipients("to", request.to, &mut seen)?;
        let cc = self.recipients("cc", request.cc, &mut seen)?;
        let bcc = self.recipients("bcc", request.bcc, &mut seen)?;
        let reply_to = request
            .reply_to
            .map(|text| self.reply_to(text))
            .transpose()?;
        headers(request)?;
        self.content(request)?;
        Ok(JudgedMail {
            to,
            cc,
            bcc,
            reply_to,
        })
    }

    /// Before any address is read, so that a long list costs nothing.
    fn count(&self, request: &MailRequest<'_>) -> Result<(), MailRefusal> {
        let found = (request.to.len() + request.cc.len() + request.bcc.len()) as u64;
        if found == 0 {
            return Err(MailRefusal::NoRecipient);
        }
        if found > self.max_recipients {
            return Err(MailRefusal::TooManyRecipients {
                destination: self.name.clone(),
                found,
                max: self.max_recipients,
            });
        }
        Ok(())
    }

    fn recipients(
        &self,
        field: &'static str,
        list: &[&str],
        seen: &mut Vec<MailAddress>,
    ) -> Result<Vec<MailAddress>, MailRefusal> {
        let mut read = Vec::with_capacity(list.len());
        for (i, text) in list.iter().enumerate() {
            let index = i + 1;
            let address = MailAddress::parse(text).ok_or(MailRefusal::Address { field, index })?;
            if !self.anyone && !self.to.iter().any(|pattern| pattern.matches(&address)) {
                let destination = self.name.clone();
                return Err(MailRefusal::RecipientNotGranted {
                    destination,
                    address,
                });
            }
            if seen.contains(&address) {
                return Err(MailRefusal::Repeated { address });
            }
            seen.push(address.clone());
            read.push(address);
        }
        Ok(read)
    }

    /// The attack: a granted recipient is asked to answer to somebody else.
    fn reply_to(&self, text: &str) -> Result<MailAddress, MailRefusal> {
        let (field, index) = ("reply-to", 1);
        let address = MailAddress::parse(text).ok_or(MailRefusal::Address { field, index })?;
        if address == self.from || self.reply_to.contains(&address) {
            return Ok(address);
        }
        let destination = self.name.clone();
        Err(MailRefusal::ReplyToNotGranted {
            destination,
            address,
        })
    }

    fn content(&self, request: &MailRequest<'_>) -> Result<(), MailRefusal> {
        let destination = || self.name.clone();
        if request.html_bytes.is_some() && !self.html {
            let destination = destination();
            return Err(MailRefusal::HtmlNotGranted { destination });
        }
        if !request.attachments.is_empty() && !self.attachments {
            let destination = destination();
            return Err(MailRefusal::AttachmentNotGranted { destination });
        }
        for (i, attachment) in request.attachments.iter().enumerate() {
            if let Some(what) = attachment.fault(i) {
                return Err(MailRefusal::Attachment { index: i + 1, what });
            }
        }
        let files = request
            .attachments
            .iter()
            .map(|attachment| attachment.bytes);
        let texts = [request.text_bytes, request.html_bytes.unwrap_or(0)];
        let bytes = texts.into_iter().chain(files).fold(0, u64::saturating_add);
        if bytes > self.max_size {
            return Err(MailRefusal::TooLarge {
                destination: destination(),
                bytes,
                max: self.max_size,
            });
        }
        Ok(())
    }
}

/// The attack: a line break in a subject that begins a `Bcc:` (CWE-93).
fn headers(request: &MailRequest<'_>) -> Result<(), MailRefusal> {
    let subject = request.subject;
    if subject.len() > SUBJECT_BYTES_MAX || !is_line(subject) {
        return Err(MailRefusal::Header {
            field: "subject",
            instead: "write one line of at most 300 bytes, without control characters",
        });
    }
    if request.in_reply_to.is_some_and(|id| !is_message_id(id)) {
        return Err(MailRefusal::Header {
            field: "in-reply-to",
            instead: "write one Message-ID, as <id@example.com>",
        });
    }
    Ok(())
}

/// Without controls and the two line breaks of Unicode.
fn is_line(text: &str) -> bool {
    !text.contains(|c: char| c.is_control() || matches!(c, '\u{2028}' | '\u{2029}'))
}

/// `<left@right>` in visible ASCII (RFC 5322, 3.6.4).
fn is_message_id(text: &str) -> bool {
    let plain = |b: u8| b.is_ascii_graphic() && !matches!(b, b'<' | b'>' | b'@' | b'"' | b'\\');
    let inside = text
        .strip_prefix('<')
        .and_then(|text| text.strip_suffix('>'));
    text.len() <= MESSAGE_ID_BYTES_MAX
        && inside
            .and_then(|inside| inside.split_once('@'))
            .is_some_and(|(left, right)| {
                [left, right]
                    .iter()
                    .all(|part| !part.is_empty() && part.bytes().all(plain))
            })
}

impl MailAttachment<'_> {
    fn fault(&self, index: usize) -> Option<&'static str> {
        let kind = self.content_type.to_ascii_lowercase();
        let name = self.name;
        if index >= ATTACHMENTS_MAX {
            Some("a message has at most 50 files")
        } else if !(1..=FILE_NAME_BYTES_MAX).contains(&name.len())
            || !is_line(name)
            || name.contains(['/', '\\', '"', ':'])
            || name.starts_with('.')
        {
            Some(
                "write a file's name of 1 to 255 bytes, without a path, quotation marks and a leading dot",
            )
        } else if !is_media_type(&kind) {
            Some("write a media type such as `text/csv`")
        } else if kind.starts_with("multipart/") || kind.starts_with("message/") {
            // Such a part is read as a message of its own, with headers of its own.
            Some("a part that has parts of its own is not sent; write `application/octet-stream`")
        } else {
            None
        }
    }
}

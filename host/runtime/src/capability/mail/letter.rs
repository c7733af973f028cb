//! The message as it goes over the wire: headers and parts, made by lettre.
//!
//! Nothing of a guest's is written into a header by hand. What lettre is given
//! was judged before: subjects are one line, addresses are plain.

use std::time::{Duration, SystemTime};

use lettre::message::header::{ContentDisposition, ContentTransferEncoding, ContentType};
use lettre::message::{Body, Mailbox, MultiPart, SinglePart};
use tollgate_egress::{Address, Envelope, Mail};
use tollgate_policy::Digest;
use tollgate_policy::mail::{JudgedMail, MailAddress, MailGrant};

use super::wire::{Attachment, Message};

/// A message that may be sent.
#[derive(Clone, Debug)]
pub(super) struct Letter {
    envelope: Envelope,
    from: Mailbox,
    to: Vec<Mailbox>,
    cc: Vec<Mailbox>,
    reply_to: Option<Mailbox>,
    /// The same for every attempt at the call, so that a mailbox shows one of two.
    pub(super) message_id: String,
    boundary: String,
    message: Message,
}

impl Letter {
    /// From a judged message. The error says what cannot be sent.
    ///
    /// `key` names the call; `arguments` is all that is asked for.
    pub(super) fn of(
        message: Message,
        judged: &JudgedMail,
        grant: &MailGrant,
        key: (&str, u32),
        arguments: &str,
    ) -> Result<Self, String> {
        let from = address(&grant.from)?;
        let (to, cc, bcc) = (
            addresses(&judged.to)?,
            addresses(&judged.cc)?,
            addresses(&judged.bcc)?,
        );
        let receivers = [&to, &cc, &bcc].into_iter().flatten().cloned().collect();
        let envelope = Envelope::new(Some(from.clone()), receivers)
            .map_err(|_| "it has no receiver".to_owned())?;
        let reply_to = judged.reply_to.as_ref().map(address).transpose()?;
        for file in &message.attachments {
            content_type(file)?;
        }
        let (run, position) = key;
        Ok(Self {
            envelope,
            from: mailbox(from),
            // Who gets a blind copy stands in the envelope and nowhere else.
            to: to.into_iter().map(mailbox).collect(),
            cc: cc.into_iter().map(mailbox).collect(),
            reply_to: reply_to.map(mailbox),
            message_id: format!("<{run}.{position}@{}>", grant.from.domain()),
            // The attack: text with the border of the next part in it. A border
            // is the digest of all the text.
            boundary: Digest::of(format!("{run}/{position} {arguments}").as_bytes())
                .to_string()
                .replace(':', "-"),
            message,
        })
    }

    /// What is sent at this time.
    pub(super) fn mail(&self, now_ms: u64) -> Result<Mail, String> {
        let mut builder = lettre::Message::builder()
            .from(self.from.clone())
            .subject(self.message.subject.as_str())
            .message_id(Some(self.message_id.clone()))
            .date(SystemTime::UNIX_EPOCH + Duration::from_millis(now_ms))
            .envelope(self.envelope.clone());
        for to in &self.to {
            builder = builder.to(to.clone());
        }
        for cc in &self.cc {
            builder = builder.cc(cc.clone());
        }
        if let Some(reply_to) = &self.reply_to {
            builder = builder.reply_to(reply_to.clone());
        }
        if let Some(id) = &self.message.in_reply_to {
            builder = builder.in_reply_to(id.clone()).references(id.clone());
        }
        let built = match self.parts()? {
            Parts::One(part) => builder.singlepart(part),
            Parts::Several(parts) => builder.multipart(parts),
        };
        let built = built.map_err(|error| format!("it cannot be written: {error}"))?;
        Ok(Mail {
            envelope: self.envelope.clone(),
            content: built.formatted(),
        })
    }

    fn parts(&self) -> Result<Parts, String> {
        let text = SinglePart::plain(lines(&self.message.text));
        let texts = match &self.message.html {
            None => Parts::One(text),
            Some(html) => Parts::Several(
                MultiPart::alternative()
                    .boundary(format!("{}-text", self.boundary))
                    .singlepart(text)
                    .singlepart(SinglePart::html(lines(html))),
            ),
        };
        if self.message.attachments.is_empty() {
            return Ok(texts);
        }
        let mixed = MultiPart::mixed().boundary(self.boundary.clone());
        let mut mixed = match texts {
            Parts::One(text) => mixed.singlepart(text),
            Parts::Several(texts) => mixed.multipart(texts),
        };
        for file in &self.message.attachments {
            mixed = mixed.singlepart(part(file)?);
        }
        Ok(Parts::Several(mixed))
    }
}

enum Parts {
    One(SinglePart),
    Several(MultiPart),
}

/// A file, byte for byte: in base64, whatever it holds.
fn part(file: &Attachment) -> Result<SinglePart, String> {
    let encoding = ContentTransferEncoding::Base64;
    let body = Body::new_with_encoding(file.bytes.clone(), encoding)
        .map_err(|_| format!("the file `{}` cannot be encoded", file.name))?;
    Ok(SinglePart::builder()
        .header(content_type(file)?)
        .header(ContentDisposition::attachment(&file.name))
        .body(body))
}

fn content_type(file: &Attachment) -> Result<ContentType, String> {
    ContentType::parse(&file.content_type)
        .map_err(|_| format!("`{}` is no media type", file.content_type))
}

/// The attack: a line end of its own kind (a CR or an LF alone), which some
/// servers take for the end of the message (CVE-2023-51764). lettre writes CR LF
/// for each LF.
fn lines(text: &str) -> String {
    text.replace("\r\n", "\n").replace('\r', "\n")
}

fn mailbox(address: Address) -> Mailbox {
    Mailbox::new(None, address)
}

fn addresses(list: &[MailAddress]) -> Result<Vec<Address>, String> {
    list.iter().map(address).collect()
}

fn address(address: &MailAddress) -> Result<Address, String> {
    address
        .as_str()
        .parse()
        .map_err(|_| format!("`{address}` is no address that can be sent to"))
}

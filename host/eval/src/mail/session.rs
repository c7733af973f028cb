//! One connection of a mail server (RFC 5321), as far as a host that sends needs
//! it.

use std::io;

use tokio::io::{AsyncBufReadExt as _, AsyncReadExt as _, AsyncWriteExt as _, BufReader};
use tokio::net::TcpStream;

use super::{Script, letter};
use crate::report::Finding;
use crate::scenario::{ExpectMail, MailFault};

/// The longest message that is read, bytes.
const CONTENT_BYTES_MAX: u64 = 64 << 20;

/// The longest line of a command, bytes; RFC 5321, 4.5.3.1.4 asks for 512.
const LINE_BYTES_MAX: u64 = 4 << 10;

/// A message on its way in.
#[derive(Default)]
struct Incoming<'a> {
    expected: Option<(usize, &'a ExpectMail)>,
    to: Vec<String>,
}

impl Incoming<'_> {
    fn fault(&self) -> Option<MailFault> {
        self.expected.and_then(|(_, expected)| expected.fault)
    }

    /// The scenario's words, or the usual ones.
    fn words(&self, usual: &str) -> String {
        let own = self.expected.and_then(|(_, one)| one.answer.as_deref());
        format!("{}\r\n", own.unwrap_or(usual))
    }
}

/// Talk to a client until it or the script ends the connection.
pub(super) async fn talk(stream: TcpStream, script: &Script, destination: &str) -> io::Result<()> {
    let mut stream = BufReader::new(stream);
    stream.write_all(b"220 mail.example ready\r\n").await?;
    let mut incoming = Incoming::default();
    loop {
        let mut line = Vec::new();
        let mut bounded = (&mut stream).take(LINE_BYTES_MAX);
        if bounded.read_until(b'\n', &mut line).await? == 0 || !line.ends_with(b"\r\n") {
            return Ok(());
        }
        let line = String::from_utf8_lossy(&line).trim_end().to_owned();
        let verb = line.split([' ', ':']).next().unwrap_or_default();
        let answer = match verb.to_ascii_uppercase().as_str() {
            "EHLO" => "250-mail.example\r\n250-8BITMIME\r\n250 SIZE\r\n".to_owned(),
            "HELO" | "RSET" | "NOOP" => "250 ok\r\n".to_owned(),
            "MAIL" => {
                incoming = Incoming {
                    expected: script.next(destination),
                    to: Vec::new(),
                };
                match incoming.fault() {
                    Some(MailFault::Defer) => incoming.words("451 4.3.0 try again later"),
                    _ => "250 ok\r\n".to_owned(),
                }
            }
            "RCPT" => {
                incoming.to.push(address(&line));
                match incoming.fault() {
                    Some(MailFault::RejectRecipient) => incoming.words("550 5.1.1 no such mailbox"),
                    _ => "250 ok\r\n".to_owned(),
                }
            }
            "DATA" if incoming.fault() == Some(MailFault::Close) => return Ok(()),
            "DATA" => {
                stream.write_all(b"354 go on\r\n").await?;
                let Some(content) = content(&mut stream).await? else {
                    return Ok(());
                };
                script.note(judged(&incoming, destination, &content));
                match incoming.fault() {
                    Some(MailFault::CloseAfterContent) => return Ok(()),
                    Some(MailFault::RejectContent) => incoming.words("554 5.6.0 not taken"),
                    _ => incoming.words("250 2.0.0 taken"),
                }
            }
            "QUIT" => {
                stream.write_all(b"221 bye\r\n").await?;
                return Ok(());
            }
            _ => "502 not here\r\n".to_owned(),
        };
        stream.write_all(answer.as_bytes()).await?;
        stream.flush().await?;
    }
}

/// What is between angle brackets.
fn address(line: &str) -> String {
    let inside = line
        .split_once('<')
        .and_then(|(_, rest)| rest.split_once('>'));
    inside.map_or(line, |(inside, _)| inside).to_owned()
}

/// Everything up to the line with a dot alone, with the dots of transparency
/// taken away (RFC 5321, 4.5.2). Nothing where the client goes before.
async fn content(stream: &mut BufReader<TcpStream>) -> io::Result<Option<Vec<u8>>> {
    let mut content = Vec::new();
    loop {
        let mut line = Vec::new();
        let left = CONTENT_BYTES_MAX.saturating_sub(content.len() as u64);
        let mut bounded = (&mut *stream).take(left);
        if bounded.read_until(b'\n', &mut line).await? == 0 {
            return Ok(None);
        }
        if line == b".\r\n" {
            return Ok(Some(content));
        }
        content.extend_from_slice(line.strip_prefix(b".").unwrap_or(&line));
    }
}

fn judged(incoming: &Incoming<'_>, destination: &str, content: &[u8]) -> Vec<Finding> {
    match incoming.expected {
        Some((at, expected)) => letter::findings(at, expected, &incoming.to, content),
        None => {
            let what = format!("`{destination}` was given a message that is no [[mail]]");
            let mut finding = Finding::says(what);
            finding.found = Some(letter::told(&incoming.to, content));
            vec![finding]
        }
    }
}

//! A message that came, against what was expected of it.

use mailparse::{DispositionType, MailHeaderMap as _, ParsedMail};
use serde_json::{Value, json};

use crate::fit::like;
use crate::report::Finding;
use crate::scenario::ExpectMail;

/// What is not as expected.
pub(super) fn findings(
    at: usize,
    expected: &ExpectMail,
    to: &[String],
    content: &[u8],
) -> Vec<Finding> {
    let name = format!("mail {}", at + 1);
    let mail = match mailparse::parse_mail(content) {
        Ok(mail) => mail,
        Err(error) => return vec![Finding::says(format!("{name} cannot be read: {error}"))],
    };
    let mut findings = Vec::new();
    if let Some(wanted) = &expected.to {
        let sorted = |list: &[String]| {
            let mut list = list.to_vec();
            list.sort();
            list
        };
        if sorted(wanted) != sorted(to) {
            let what = format!("{name}: to");
            findings.push(Finding::differs(what, wanted.clone(), Some(json!(to))));
        }
    }
    let mut compare = |what: String, pattern: &str, found: Option<String>| {
        if !found.as_deref().is_some_and(|found| like(pattern, found)) {
            findings.push(Finding::differs(what, pattern, found.map(Value::from)));
        }
    };
    let header = |name: &str| mail.headers.get_first_value(name);
    if let Some(pattern) = &expected.subject {
        compare(format!("{name}: subject"), pattern, header("subject"));
    }
    for (header_name, pattern) in &expected.headers {
        let what = format!("{name}: header `{header_name}`");
        compare(what, pattern, header(header_name));
    }
    for (kind, pattern) in [
        ("text/plain", &expected.text),
        ("text/html", &expected.html),
    ] {
        if let Some(pattern) = pattern {
            compare(format!("{name}: {kind}"), pattern, text(&mail, kind));
        }
    }
    for (file, pattern) in &expected.files {
        let what = format!("{name}: file `{file}`");
        compare(what, pattern, attached(&mail, file));
    }
    for absent in &expected.absent {
        if header(absent).is_some() {
            let what = format!("{name}: the header `{absent}` must not be there");
            findings.push(Finding::says(what));
        }
    }
    findings
}

/// A message for a person.
pub(super) fn told(to: &[String], content: &[u8]) -> Value {
    let mail = mailparse::parse_mail(content).ok();
    let subject = mail.and_then(|mail| mail.headers.get_first_value("subject"));
    json!({ "to": to, "subject": subject })
}

/// The first part of this kind that is no file, with line ends as TOML has them.
fn text(mail: &ParsedMail<'_>, kind: &str) -> Option<String> {
    let part = mail.parts().find(|part| {
        part.ctype.mimetype == kind
            && part.get_content_disposition().disposition != DispositionType::Attachment
    })?;
    let text = part.get_body().ok()?.replace("\r\n", "\n");
    Some(text.trim_end_matches('\n').to_owned())
}

/// The content of the file of this name.
fn attached(mail: &ParsedMail<'_>, name: &str) -> Option<String> {
    let part = mail.parts().find(|part| {
        let disposition = part.get_content_disposition();
        disposition
            .params
            .get("filename")
            .is_some_and(|found| found == name)
    })?;
    let bytes = part.get_body_raw().ok()?;
    Some(String::from_utf8_lossy(&bytes).into_owned())
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests")]

    use super::*;

    const MAIL: &[u8] = b"Subject: =?utf-8?b?R3LDvMOfZQ==?=\r\nTo: a@x.example\r\nMIME-Version: 1.0\r\nContent-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\nContent-Type: text/plain; charset=utf-8\r\nContent-Transfer-Encoding: quoted-printable\r\n\r\nGr=C3=BC=C3=9Fe\r\nfrom=\r\n us\r\n--b\r\nContent-Type: text/csv\r\nContent-Disposition: attachment; filename=a.csv\r\nContent-Transfer-Encoding: base64\r\n\r\naWQsbmFtZQ==\r\n--b--\r\n";

    fn expected(toml: &str) -> ExpectMail {
        toml::from_str(toml).unwrap()
    }

    fn said(toml: &str) -> Vec<String> {
        let to = ["b@x.example".to_owned(), "a@x.example".to_owned()];
        let found = findings(0, &expected(toml), &to, MAIL);
        found.into_iter().map(|finding| finding.what).collect()
    }

    #[test]
    fn a_message_is_decoded_before_it_is_compared() {
        let none: [&str; 0] = [];
        assert_eq!(
            said(
                "to = [\"a@x.example\", \"b@x.example\"]\nsubject = \"Grüße\"\ntext = \"Grüße\\nfrom us\"\nheaders = { to = \"*@x.example\" }\nabsent = [\"bcc\"]\nfiles = { \"a.csv\" = \"id,name\" }"
            ),
            none
        );
    }

    #[test]
    fn each_difference_is_named() {
        assert_eq!(
            said(
                "to = [\"a@x.example\"]\nsubject = \"x\"\ntext = \"Gruesse\"\nhtml = \"*\"\nheaders = { cc = \"*\" }\nabsent = [\"To\"]\nfiles = { \"b.csv\" = \"*\" }"
            ),
            [
                "mail 1: to",
                "mail 1: subject",
                "mail 1: header `cc`",
                "mail 1: text/plain",
                "mail 1: text/html",
                "mail 1: file `b.csv`",
                "mail 1: the header `To` must not be there",
            ]
        );
    }
}

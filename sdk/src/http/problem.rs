//! What an error status means for a caller, and what the server said about it.
//!
//! Servers answer errors as JSON of many shapes, as HTML, or as nothing. The
//! words are theirs: they are cut, made one line, and never decide anything.

use serde_json::Value;

use super::Response;
use crate::ToolError;
use crate::text::shortened;

/// Longest quotation of a server, characters.
const WORDS_MAX: usize = 300;

/// Members that hold words for people, in the order they are looked for:
/// RFC 9457 has `detail` and `title`; the others are common.
const MEMBERS: [&str; 9] = [
    "message",
    "detail",
    "error_description",
    "msg",
    "errmsg",
    "description",
    "error",
    "title",
    "reason",
];

/// Members that hold a list of errors, or one.
const LISTS: [&str; 3] = ["errors", "error", "details"];

pub(super) fn of(response: &Response, words: Option<&str>) -> ToolError {
    let status = response.status();
    let said = words.map_or_else(String::new, |words| format!(": {words}"));
    let message = |what: &str| format!("{what} (status {status}){said}");
    match status {
        400 | 422 => {
            ToolError::invalid_input("", message("the server does not accept the request"))
        }
        401 => ToolError::denied(message("the server does not accept the credential"))
            .hint("asking again does not help; the operator must check the secret"),
        402 | 403 | 451 => ToolError::denied(message("the server does not allow it")).hint(
            "asking again does not help; the account behind the credential has no right to it",
        ),
        404 | 410 => ToolError::not_found(message("the server has no such thing")),
        409 | 412 | 423 | 428 => {
            ToolError::conflict(message("it is not as expected on the server"))
                .hint("read it again")
        }
        413 | 414 | 431 => {
            ToolError::limited(message("the request is too large for the server")).hint("send less")
        }
        408 | 425 | 429 | 500 | 502..=504 => {
            let hint = match response.header("retry-after") {
                Some(after) if after.bytes().all(|b| b.is_ascii_digit()) => {
                    format!("try again in {after} s")
                }
                _ => "try again later".to_owned(),
            };
            ToolError::unavailable(message("the server cannot do it now")).hint(hint)
        }
        300..=399 => ToolError::failed(message("the server points to another address"))
            .hint("redirects are not followed; the operator must set the final `base_url`"),
        _ => ToolError::failed(message("the server answered with an error")),
    }
}

/// What the server said, for a person to read.
pub(super) fn words(response: &Response) -> Option<String> {
    let text = String::from_utf8_lossy(response.body());
    let words = match serde_json::from_str::<Value>(&text) {
        Ok(value) => in_json(&value)?,
        Err(_) if looks_like_html(response, &text) => title(&text)?.to_owned(),
        Err(_) => text.trim().to_owned(),
    };
    let words = readable(&words);
    (!words.is_empty()).then_some(words)
}

fn in_json(value: &Value) -> Option<String> {
    match value {
        Value::String(words) => Some(words.clone()),
        Value::Array(list) => {
            let found: Vec<String> = list.iter().take(5).filter_map(in_json).collect();
            (!found.is_empty()).then(|| found.join("; "))
        }
        Value::Object(members) => {
            let text = |name: &&str| members.get(*name).and_then(Value::as_str);
            let own = MEMBERS.iter().find_map(text).map(str::to_owned);
            let listed = LISTS
                .iter()
                .filter_map(|name| members.get(*name))
                .filter(|list| !list.is_string())
                .find_map(in_json);
            match (own, listed) {
                (Some(own), Some(listed)) if !own.contains(&listed) => {
                    Some(format!("{own}: {listed}"))
                }
                (own, listed) => own.or(listed),
            }
        }
        _ => None,
    }
}

fn looks_like_html(response: &Response, text: &str) -> bool {
    let declared = response.header("content-type");
    declared.is_some_and(|declared| declared.to_ascii_lowercase().contains("html"))
        || text.trim_start().starts_with('<')
}

/// What stands in the page's `<title>`.
fn title(page: &str) -> Option<&str> {
    let lower = page.to_ascii_lowercase();
    let open = lower.find("<title")?;
    let start = open + lower.get(open..)?.find('>')? + 1;
    let end = start + lower.get(start..)?.find("</title")?;
    page.get(start..end)
}

/// One line of limited length, without control and direction characters.
pub(super) fn readable(words: &str) -> String {
    let odd = |c: char| matches!(c, '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2060}'..='\u{2069}' | '\u{feff}');
    let clean: String = words
        .chars()
        .map(|c| if c.is_control() { ' ' } else { c })
        .filter(|c| !odd(*c))
        .collect();
    let line = clean.split_whitespace().collect::<Vec<_>>().join(" ");
    shortened(&line, WORDS_MAX)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::bindings::tollgate::connector::http as wire;

    fn answer(status: u16, content_type: &str, body: &str) -> Response {
        Response(wire::Response {
            status,
            headers: vec![
                wire::Field {
                    name: "content-type".into(),
                    value: content_type.into(),
                },
                wire::Field {
                    name: "retry-after".into(),
                    value: "30".into(),
                },
            ],
            body: body.as_bytes().to_vec(),
            truncated: false,
        })
    }

    fn said(body: &str) -> String {
        words(&answer(400, "application/json", body)).unwrap_or_default()
    }

    #[test]
    fn words_are_found_in_what_servers_answer() {
        for (body, expected) in [
            (r#"{"message":"No such ticket"}"#, "No such ticket"),
            (r#"{"error":{"msg":"stale","status":412}}"#, "stale"),
            (
                r#"{"title":"Bad","detail":"name is missing"}"#,
                "name is missing",
            ),
            (
                r#"{"error":"RecordInvalid","details":{"base":[{"description":"Status is closed"}]}}"#,
                "RecordInvalid",
            ),
            (
                r#"{"message":"Property values were not valid","errors":[{"message":"x does not exist"}]}"#,
                "Property values were not valid: x does not exist",
            ),
            (r#"["one","two"]"#, "one; two"),
            ("  plain words\r\n", "plain words"),
            ("", ""),
            ("[]", ""),
        ] {
            assert_eq!(said(body), expected, "{body}");
        }
    }

    #[test]
    fn a_page_gives_its_title_and_nothing_else() {
        let page =
            "<!doctype html><html><head><TITLE>500 Oh\u{202e} no</TITLE></head><script>x</script>";
        assert_eq!(
            words(&answer(500, "text/html", page)).unwrap_or_default(),
            "500 Oh no"
        );
        assert_eq!(words(&answer(500, "text/html", "<html><body>x")), None);
    }

    #[test]
    fn a_flood_of_words_is_cut() {
        let words = said(&format!("{{\"message\":\"{}\"}}", "é".repeat(10_000)));
        assert_eq!(words.chars().count(), WORDS_MAX + 1);
    }

    #[test]
    fn each_status_says_what_to_do_next() {
        let kind = |status| match answer(status, "text/plain", "x").problem() {
            ToolError::InvalidInput { .. } => "input",
            ToolError::NotFound(_) => "not-found",
            ToolError::Conflict(_) => "conflict",
            ToolError::Denied(_) => "denied",
            ToolError::Limited(_) => "limited",
            ToolError::Unavailable(_) => "unavailable",
            ToolError::Failed(_) => "failed",
        };
        for (status, expected) in [
            (400, "input"),
            (401, "denied"),
            (403, "denied"),
            (404, "not-found"),
            (409, "conflict"),
            (410, "not-found"),
            (412, "conflict"),
            (413, "limited"),
            (415, "failed"),
            (422, "input"),
            (429, "unavailable"),
            (500, "unavailable"),
            (501, "failed"),
            (503, "unavailable"),
            (302, "failed"),
        ] {
            assert_eq!(kind(status), expected, "{status}");
        }
        let ToolError::Unavailable(failure) = answer(429, "text/plain", "slow down").problem()
        else {
            panic!("429 is temporary");
        };
        assert_eq!(failure.hint.as_deref(), Some("try again in 30 s"));
    }
}

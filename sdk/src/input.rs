//! Inputs, from JSON to the author's type.
//!
//! An error names the value at fault by JSON Pointer. The pointer is found by
//! walking the text up to the place where the parser stopped; wrapping the
//! deserialiser to track its path would be exact in more cases, and would
//! double the code of every input type in the component.

use serde::de::DeserializeOwned;

use crate::ToolError;

/// Parses an input.
pub(crate) fn parse<T: DeserializeOwned>(text: &str) -> Result<T, ToolError> {
    serde_json::from_str(text).map_err(|error| explain(text, &error))
}

fn explain(text: &str, error: &serde_json::Error) -> ToolError {
    let read = offset(text, error.line(), error.column());
    // The place is in the pointer; a caller has no use for a line and a column.
    let mut message = error.to_string();
    let place = format!(" at line {} column {}", error.line(), error.column());
    if message.ends_with(&place) {
        message.truncate(message.len() - place.len());
    }
    ToolError::invalid_input(pointer(&text.as_bytes()[..read]), message)
}

/// How many bytes the parser had read. Lines and columns count from one.
fn offset(text: &str, line: usize, column: usize) -> usize {
    let before: usize = text
        .split_inclusive('\n')
        .take(line.saturating_sub(1))
        .map(str::len)
        .sum();
    (before + column).min(text.len())
}

/// One object or array that is open where the text ends.
enum Open {
    Object { key: String, reads_key: bool },
    Array { index: usize },
}

/// The JSON Pointer (RFC 6901) of the value that is being read where `read`
/// ends.
fn pointer(read: &[u8]) -> String {
    let mut open: Vec<Open> = Vec::new();
    let mut at = 0;
    while at < read.len() {
        match read[at] {
            b'{' => open.push(Open::Object {
                key: String::new(),
                reads_key: true,
            }),
            b'[' => open.push(Open::Array { index: 0 }),
            b'}' | b']' => drop(open.pop()),
            b',' => next(open.last_mut()),
            b':' => colon(open.last_mut()),
            b'"' => {
                let end = string_end(read, at + 1);
                name(open.last_mut(), &read[at + 1..end]);
                at = end;
            }
            _ => {}
        }
        at += 1;
    }
    open.iter().filter_map(token).collect()
}

fn string_end(read: &[u8], start: usize) -> usize {
    let mut at = start;
    while at < read.len() && read[at] != b'"' {
        at += if read[at] == b'\\' { 2 } else { 1 };
    }
    at.min(read.len())
}

fn next(open: Option<&mut Open>) {
    match open {
        Some(Open::Object { reads_key, .. }) => *reads_key = true,
        Some(Open::Array { index }) => *index += 1,
        None => {}
    }
}

fn colon(open: Option<&mut Open>) {
    if let Some(Open::Object { reads_key, .. }) = open {
        *reads_key = false;
    }
}

fn name(open: Option<&mut Open>, raw: &[u8]) {
    if let Some(Open::Object {
        key,
        reads_key: true,
    }) = open
    {
        *key = unescape(raw);
    }
}

/// A key as it was meant; one that ends in the middle stays as it is written.
fn unescape(raw: &[u8]) -> String {
    let quoted = [b"\"", raw, b"\""].concat();
    let text = std::str::from_utf8(&quoted).unwrap_or_default();
    serde_json::from_str(text).unwrap_or_else(|_| text.to_owned())
}

/// One step of a pointer, with `~` and `/` escaped (RFC 6901).
fn token(open: &Open) -> Option<String> {
    let mut step = String::from("/");
    match open {
        Open::Object { key, .. } if key.is_empty() => return None,
        Open::Object { key, .. } => key.chars().for_each(|letter| match letter {
            '~' => step.push_str("~0"),
            '/' => step.push_str("~1"),
            other => step.push(other),
        }),
        Open::Array { index } => step.push_str(&index.to_string()),
    }
    Some(step)
}

#[cfg(test)]
mod tests {
    use serde::Deserialize;

    use super::*;

    #[derive(Debug, Deserialize)]
    #[serde(deny_unknown_fields)]
    #[expect(dead_code, reason = "only parsing is tested")]
    struct Order {
        #[serde(default)]
        rows: Vec<Row>,
        #[serde(default, rename = "a/b~c")]
        odd: u8,
    }

    #[derive(Debug, Deserialize)]
    #[expect(dead_code, reason = "only parsing is tested")]
    struct Row {
        count: u32,
        name: String,
    }

    fn fault(text: &str) -> (String, String) {
        match parse::<Order>(text) {
            Err(ToolError::InvalidInput { pointer, message }) => (pointer, message),
            other => panic!("{text} is not an order: {other:?}"),
        }
    }

    #[test]
    fn a_wrong_type_is_pointed_at() {
        let (pointer, message) = fault(r#"{"rows":[{"count":1,"name":"a"},{"count":"x"}]}"#);
        assert_eq!(pointer, "/rows/1/count");
        assert_eq!(message, "invalid type: string \"x\", expected u32");
    }

    #[test]
    fn a_missing_field_is_pointed_at_by_its_object() {
        let (pointer, message) = fault(r#"{"rows":[{"count":1}]}"#);
        assert_eq!(pointer, "/rows/0");
        assert_eq!(message, "missing field `name`");
    }

    #[test]
    fn an_unknown_field_is_pointed_at() {
        assert_eq!(fault(r#"{"rows":[],"extra":1}"#).0, "/extra");
    }

    #[test]
    fn a_pointer_is_escaped() {
        assert_eq!(fault(r#"{"a/b~c":300}"#).0, "/a~1b~0c");
    }

    #[test]
    fn broken_text_is_no_panic() {
        for text in [
            "",
            "{",
            "[",
            "\"",
            r#"{"rows":[{"na\"#,
            "}}]]",
            "{\"rows\"\n:\n7}",
            "nul",
        ] {
            fault(text);
        }
    }
}

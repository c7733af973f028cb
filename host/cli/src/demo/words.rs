//! What is printed: others' texts made safe, and this program's own name.

use serde_json::Value;

/// A text out of JSON, without its quotation marks, safe to print: others wrote it.
pub(super) fn text(value: &Value) -> String {
    tollgate_policy::visible(value.as_str().unwrap_or_default())
}

/// This program as it can be typed here: it may not be on the path.
pub(super) fn program() -> String {
    let Ok(program) = std::env::current_exe() else {
        return "tollgate".to_owned();
    };
    let here = std::env::current_dir().unwrap_or_default();
    let short = program.strip_prefix(here).unwrap_or(&program);
    short.display().to_string()
}

/// An amount in the shop's currency.
pub(super) fn money(cents: i64) -> String {
    format!("{}.{:02}", cents / 100, cents % 100)
}

/// Text in lines that a terminal shows whole, broken between words.
pub(super) fn wrapped(text: &str, width: usize) -> Vec<String> {
    let mut lines: Vec<String> = Vec::new();
    for word in text.split_whitespace() {
        match lines.last_mut() {
            Some(line) if line.chars().count() + 1 + word.chars().count() <= width => {
                line.push(' ');
                line.push_str(word);
            }
            _ => lines.push(word.to_owned()),
        }
    }
    lines
}

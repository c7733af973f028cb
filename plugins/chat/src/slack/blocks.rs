//! A message with buttons (docs.slack.dev/reference/block-kit): what it says, a field
//! for words where one is asked for, and the buttons.
//!
//! Whoever presses one sends its value, and the field's words, to the address that the
//! app's operator has set under "Interactivity".

use serde_json::{Value as Json, json};

use super::escaped;
use crate::message::{Button, Draft};

/// The longest text of a section, characters.
const SECTION_CHARS_MAX: usize = 3_000;

/// What the field for words is called when they come back.
const REASON: &str = "reason";

/// Nothing of a message without buttons: its text alone is shown then.
pub(super) fn of(draft: &Draft<'_>) -> Option<Vec<Json>> {
    if draft.actions.is_empty() {
        return None;
    }
    let mut blocks: Vec<Json> = parts(draft.text)
        .map(|part| json!({ "type": "section", "text": text(&part, draft.mass_mentions) }))
        .collect();
    if let Some(label) = draft.ask {
        blocks.push(json!({
            "type": "input",
            "block_id": REASON,
            "optional": true,
            "label": plain(label),
            "element": {
                "type": "plain_text_input",
                "action_id": REASON,
                "multiline": true,
                "max_length": 500,
            },
        }));
    }
    let buttons = draft.actions.iter().enumerate();
    let buttons: Vec<Json> = buttons.map(|(index, one)| button(index, one)).collect();
    blocks.push(json!({ "type": "actions", "elements": buttons }));
    Some(blocks)
}

fn button(index: usize, button: &Button) -> Json {
    let mut element = json!({
        "type": "button",
        // It is one of this message's only.
        "action_id": format!("action-{}", index + 1),
        "text": plain(&button.label),
        "value": button.value,
    });
    if let Some(style) = button.style {
        element["style"] = json!(style);
    }
    element
}

/// A text that is escaped already. Only markup can hold a mention.
fn text(escaped: &str, mass_mentions: bool) -> Json {
    match mass_mentions {
        true => json!({ "type": "mrkdwn", "text": escaped, "verbatim": true }),
        false => json!({ "type": "plain_text", "text": escaped, "emoji": false }),
    }
}

fn plain(words: &str) -> Json {
    json!({ "type": "plain_text", "text": escaped(words), "emoji": false })
}

/// A text in parts that each fit a section. An escape is not divided: its `&` begins
/// the next part.
fn parts(text: &str) -> impl Iterator<Item = String> {
    let chars: Vec<char> = text.chars().collect();
    let mut parts = Vec::new();
    let mut start = 0;
    while start < chars.len() {
        let mut end = chars.len().min(start + SECTION_CHARS_MAX);
        let open = |end: usize| {
            let tail = &chars[end.saturating_sub(5).max(start)..end];
            let amp = tail.iter().rposition(|c| *c == '&')?;
            (!tail[amp..].contains(&';')).then(|| end - (tail.len() - amp))
        };
        if end < chars.len()
            && let Some(cut) = open(end)
            && cut > start
        {
            end = cut;
        }
        parts.push(chars[start..end].iter().collect());
        start = end;
    }
    parts.into_iter()
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a failing unwrap is the test's failure")]

    use super::*;
    use crate::message::{Mark, Style};

    fn draft<'a>(text: &'a str, actions: &'a [Button]) -> Draft<'a> {
        Draft {
            text,
            thread: None,
            actions,
            ask: None,
            mark: Mark {
                run: "run-1".into(),
                key: None,
            },
            mass_mentions: false,
        }
    }

    fn buttons() -> [Button; 2] {
        let button = |label: &str, value: &str, style| Button {
            label: label.to_owned(),
            value: value.to_owned(),
            style,
        };
        [
            button("Approve", "approve apr-1 ab12", Some(Style::Primary)),
            button("Deny <!here>", "deny apr-1 ab12 No & no", None),
        ]
    }

    #[test]
    fn buttons_have_their_value_as_it_is_and_labels_without_markup() {
        let buttons = buttons();
        let blocks = of(&draft("4711 waits", &buttons)).unwrap();
        assert_eq!(blocks.len(), 2);
        assert_eq!(
            blocks[0]["text"],
            json!({"type": "plain_text", "text": "4711 waits", "emoji": false})
        );
        let elements = &blocks[1]["elements"];
        assert_eq!(elements[0]["value"], "approve apr-1 ab12");
        assert_eq!(elements[0]["style"], "primary");
        assert_eq!(elements[1]["value"], "deny apr-1 ab12 No & no");
        assert_eq!(elements[1]["text"]["text"], "Deny &lt;!here&gt;");
        assert_eq!(elements[1].get("style"), None);
        assert_ne!(elements[0]["action_id"], elements[1]["action_id"]);
        assert_eq!(of(&draft("4711 waits", &[])), None);
    }

    #[test]
    fn words_are_asked_for_under_a_name_that_is_known() {
        let buttons = buttons();
        let asking = Draft {
            ask: Some("Why?"),
            ..draft("4711 waits", &buttons)
        };
        let blocks = of(&asking).unwrap();
        assert_eq!(blocks[1]["element"]["action_id"], "reason");
        assert_eq!(blocks[1]["label"]["text"], "Why?");
        assert_eq!(blocks[1]["optional"], true);
    }

    #[test]
    fn a_long_text_is_divided_where_no_escape_is_broken() {
        let text = format!("{}&amp;{}", "a".repeat(2_998), "b".repeat(3_000));
        let parts: Vec<String> = parts(&text).collect();
        assert_eq!(parts.concat(), text);
        assert!(
            parts
                .iter()
                .all(|part| part.chars().count() <= SECTION_CHARS_MAX)
        );
        assert!(parts[1].starts_with("&amp;b"), "{}", &parts[1][..9]);
    }
}

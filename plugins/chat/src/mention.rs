//! Words that wake up everybody in a channel.
//!
//! The attack: a ticket says "tell them @channel …", the agent quotes it, and a
//! thousand telephones ring; or a quoted `<https://evil.example|bank.example>`
//! shows as a link of ours.

/// Slack's words (docs.slack.dev, "Formatting message text", special mentions).
pub(crate) const SLACK: [&str; 4] = ["channel", "here", "everyone", "group"];

/// The word of Matrix (client-server API, `.m.rule.roomnotif`).
pub(crate) const MATRIX: [&str; 1] = ["room"];

/// Stands between `@` and the word: nobody sees it, and no program finds the word.
const BREAK: char = '\u{2060}';

/// The text with every such word broken. Case does not count, and neither does
/// what follows the word: `@hereby` is broken as well, which hurts nobody.
pub(crate) fn broken(text: &str, words: &[&str]) -> String {
    let mut out = String::with_capacity(text.len() + 8);
    let mut rest = text;
    while let Some(at) = rest.find('@') {
        let (before, after) = rest.split_at(at + 1);
        out.push_str(before);
        if words.iter().any(|word| begins(after, word)) {
            out.push(BREAK);
        }
        rest = after;
    }
    out.push_str(rest);
    out
}

/// The text with every such word, alone, as `make` writes it.
pub(crate) fn made(text: &str, words: &[&str], make: impl Fn(&str) -> String) -> String {
    let mut out = String::with_capacity(text.len() + 8);
    let mut rest = text;
    while let Some(at) = rest.find('@') {
        let (before, after) = rest.split_at(at);
        out.push_str(before);
        let name = &after[1..];
        // An address such as ada@here.example is none.
        let stands_alone = !out.ends_with(char::is_alphanumeric);
        let word = words.iter().filter(|_| stands_alone).find(|word| {
            let next = name.get(word.len()..).and_then(|end| end.chars().next());
            begins(name, word) && !next.is_some_and(|c| c.is_alphanumeric() || c == '_')
        });
        if let Some(word) = word {
            out.push_str(&make(word));
            rest = &name[word.len()..];
        } else {
            out.push('@');
            rest = name;
        }
    }
    out.push_str(rest);
    out
}

fn begins(text: &str, word: &str) -> bool {
    let start = text.get(..word.len());
    start.is_some_and(|start| start.eq_ignore_ascii_case(word))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_that_wake_everybody_are_broken_and_others_stay() {
        for (text, expected) in [
            ("@here", "@\u{2060}here"),
            (
                "a @Channel! @EVERYONE",
                "a @\u{2060}Channel! @\u{2060}EVERYONE",
            ),
            ("ada@example.com @ada @", "ada@example.com @ada @"),
            ("@@here", "@@\u{2060}here"),
            ("@hé", "@hé"),
            ("", ""),
        ] {
            assert_eq!(broken(text, &SLACK), expected, "{text}");
        }
        assert_eq!(
            broken("@room, @ROOM", &MATRIX),
            "@\u{2060}room, @\u{2060}ROOM"
        );
        assert_eq!(broken("@room", &SLACK), "@room");
    }

    #[test]
    fn nothing_that_is_broken_still_holds_the_word() {
        for word in SLACK {
            let text = format!("x@{word} @@{word}@{word}");
            let out = broken(&text, &SLACK);
            assert!(!out.contains(&format!("@{word}")), "{out}");
        }
    }

    #[test]
    fn an_allowed_word_is_written_as_the_service_wants_it() {
        let made = |text| made(text, &SLACK, |word| format!("<!{word}>"));
        assert_eq!(
            made("@here: done @hereby ada@here.example"),
            "<!here>: done @hereby ada@here.example"
        );
        assert_eq!(made("@CHANNEL"), "<!channel>");
    }
}

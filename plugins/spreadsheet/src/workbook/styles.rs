//! Which cell styles show a date.
//!
//! A date is a number whose format shows it as one; nothing else tells them
//! apart.

use std::collections::HashMap;

use quick_xml::events::{BytesStart, Event};

use super::xml::{Walker, attribute, local};
use crate::problem::Problem;

/// For each cell style of the workbook, whether it shows a date or a time.
#[derive(Debug, Default)]
pub(super) struct Styles {
    dates: Vec<bool>,
}

impl Styles {
    pub(super) fn read(part: &str, text: &str) -> Result<Self, Problem> {
        let mut walker = Walker::new(part, text);
        let mut formats: HashMap<u32, bool> = HashMap::new();
        let mut dates = Vec::new();
        let mut in_cell_styles = false;
        while let Some(step) = walker.next()? {
            match step.event {
                Event::Start(e) if local(&e) == "cellXfs" => in_cell_styles = true,
                Event::End(e) if e.local_name().into_inner() == "cellXfs" => in_cell_styles = false,
                Event::Start(e) | Event::Empty(e) => match local(&e) {
                    "numFmt" => drop(number(&e, "numFmtId").map(|id| {
                        formats.insert(
                            id,
                            attribute(&e, "formatCode").is_some_and(|code| shows_date(&code)),
                        )
                    })),
                    "xf" if in_cell_styles => dates.push(is_date(number(&e, "numFmtId"), &formats)),
                    _ => {}
                },
                _ => {}
            }
        }
        Ok(Self { dates })
    }

    pub(super) fn is_date(&self, style: Option<u32>) -> bool {
        let place = style
            .and_then(|style| usize::try_from(style).ok())
            .unwrap_or(0);
        self.dates.get(place).copied().unwrap_or(false)
    }
}

fn number(element: &BytesStart<'_>, name: &str) -> Option<u32> {
    attribute(element, name)?.parse().ok()
}

/// The built-in formats of dates and times, those of East Asia included;
/// `[h]:mm:ss` (46) is a length of time and stays a number.
fn is_date(format: Option<u32>, formats: &HashMap<u32, bool>) -> bool {
    let Some(id) = format else { return false };
    formats
        .get(&id)
        .copied()
        .unwrap_or(matches!(id, 14..=22 | 27..=36 | 45 | 47 | 50..=58))
}

/// Whether a format has a letter of a date outside quotes, escapes and
/// brackets. Lengths of time such as `[h]:mm` are numbers.
fn shows_date(code: &str) -> bool {
    let positive = code.split(';').next().unwrap_or_default();
    let mut chars = positive.chars();
    let mut found = false;
    while let Some(c) = chars.next() {
        match c {
            '"' => drop(chars.find(|c| *c == '"')),
            '\\' | '_' | '*' => drop(chars.next()),
            '[' => {
                let inner: String = chars.by_ref().take_while(|c| *c != ']').collect();
                if !inner.is_empty()
                    && inner
                        .chars()
                        .all(|c| matches!(c.to_ascii_lowercase(), 'h' | 'm' | 's'))
                {
                    return false;
                }
            }
            'd' | 'D' | 'm' | 'M' | 'y' | 'Y' | 'h' | 'H' | 's' | 'S' => found = true,
            'G' | 'g' if positive.to_ascii_lowercase().contains("general") => return false,
            _ => {}
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dates_are_told_from_numbers_by_their_format() {
        for code in [
            "yyyy-mm-dd",
            "[$-407]d. mmmm yyyy;@",
            "dd/mm/yy hh:mm",
            "h:mm AM/PM",
            "\"day\" d",
        ] {
            assert!(shows_date(code), "{code}");
        }
        for code in [
            "General",
            "0.00",
            "#,##0 \"days\"",
            "[Red]0",
            "[h]:mm:ss",
            "0\\d",
            "_-* #,##0",
            "@",
        ] {
            assert!(!shows_date(code), "{code}");
        }
    }
}

//! What every part needs of XML: attributes, text, and edits by byte range.
//!
//! Parts are edited where they lie. To parse them into a tree and write the
//! tree was refused: it keeps only what the tree has a place for.

use std::borrow::Cow;
use std::ops::Range;

use quick_xml::Reader;
use quick_xml::XmlVersion;
use quick_xml::escape::resolve_predefined_entity;
use quick_xml::events::{BytesRef, BytesStart, Event};

use crate::problem::Problem;

/// Events of a part, each with the bytes it stands in.
pub(super) struct Walker<'a> {
    reader: Reader<&'a [u8]>,
    part: &'a str,
}

/// One tag or piece of text.
pub(super) struct Step<'a> {
    pub(super) event: Event<'a>,
    pub(super) span: Range<usize>,
}

impl<'a> Walker<'a> {
    pub(super) fn new(part: &'a str, text: &'a str) -> Self {
        Self {
            reader: Reader::from_str(text),
            part,
        }
    }

    /// The next event, or nothing at the end.
    ///
    /// Entity bombs and external entities (CWE-776, CWE-611) need a document
    /// type, and no part of a workbook has one.
    pub(super) fn next(&mut self) -> Result<Option<Step<'a>>, Problem> {
        let start = self.at();
        match self.reader.read_event() {
            Ok(Event::Eof) => Ok(None),
            Ok(Event::DocType(_)) => Err(self.broken("it declares a document type")),
            Ok(event) => Ok(Some(Step {
                event,
                span: start..self.at(),
            })),
            Err(error) => Err(self.broken(&error.to_string())),
        }
    }

    /// The next event where the part may not end.
    pub(super) fn inside(&mut self) -> Result<Step<'a>, Problem> {
        self.next()?.ok_or_else(|| self.broken("it ends too early"))
    }

    /// The text up to the end of the element that was just opened, without that
    /// of elements in it.
    pub(super) fn text(&mut self) -> Result<String, Problem> {
        let mut text = String::new();
        let mut depth = 0;
        loop {
            match self.inside()?.event {
                Event::Start(_) => depth += 1,
                Event::End(_) if depth == 0 => return Ok(text),
                Event::End(_) => depth -= 1,
                Event::Text(t) if depth == 0 => text.push_str(&t.xml10_content()),
                Event::CData(t) if depth == 0 => text.push_str(&t.xml10_content()),
                Event::GeneralRef(r) if depth == 0 => self.resolve(&r, &mut text)?,
                _ => {}
            }
        }
    }

    /// Everything up to the end of the element that was just opened.
    pub(super) fn skip(&mut self) -> Result<(), Problem> {
        self.text().map(drop)
    }

    /// Only the five entities of XML and numbered characters: a part that names
    /// others has declared them somewhere, and is refused.
    fn resolve(&self, reference: &BytesRef<'_>, text: &mut String) -> Result<(), Problem> {
        let character = reference
            .resolve_char_ref()
            .map_err(|e| self.broken(&e.to_string()))?;
        if let Some(character) = character {
            text.push(character);
            return Ok(());
        }
        let known = resolve_predefined_entity(reference)
            .ok_or_else(|| self.broken("it names an entity that XML does not have"))?;
        text.push_str(known);
        Ok(())
    }

    pub(super) fn broken(&self, why: &str) -> Problem {
        Problem::Corrupt(format!("the part `{}`: {why}", self.part))
    }

    fn at(&self) -> usize {
        usize::try_from(self.reader.buffer_position()).unwrap_or(usize::MAX)
    }
}

/// An element's name without its prefix.
pub(super) fn local<'e>(element: &'e BytesStart<'_>) -> &'e str {
    element.local_name().into_inner()
}

/// The attribute of that name, whatever its prefix.
pub(super) fn attribute(element: &BytesStart<'_>, name: &str) -> Option<String> {
    let [value] = attributes(element, [name]);
    value.map(Cow::into_owned)
}

/// Several attributes in one pass, by their names without prefix. The first of
/// a name counts.
pub(super) fn attributes<'e, const N: usize>(
    element: &'e BytesStart<'_>,
    names: [&str; N],
) -> [Option<Cow<'e, str>>; N] {
    let mut found = [const { None }; N];
    for attribute in element.attributes().with_checks(false).flatten() {
        let name = attribute.key.local_name().into_inner();
        let place = names.iter().position(|wanted| *wanted == name);
        if let Some(place) = place.filter(|place| found[*place].is_none()) {
            found[place] = attribute.normalized_value(XmlVersion::Implicit1_0).ok();
        }
    }
    found
}

/// Text made fit to stand in an element or a quoted attribute.
pub(super) fn escape(text: &str) -> String {
    quick_xml::escape::escape(text).into_owned()
}

/// One byte range and what takes its place.
pub(super) type Edit = (Range<usize>, String);

/// Apply edits that do not overlap.
pub(super) fn splice(text: &str, mut edits: Vec<Edit>) -> String {
    edits.sort_by_key(|(range, _)| (range.start, range.end));
    let added: usize = edits.iter().map(|(_, with)| with.len()).sum();
    let mut out = String::with_capacity(text.len() + added);
    let mut at = 0;
    for (range, with) in edits {
        out.push_str(&text[at..range.start]);
        out.push_str(&with);
        at = range.end;
    }
    out.push_str(&text[at..]);
    out
}

/// The byte range of an attribute's value within a tag that begins at `at`.
/// Values are stepped over whole, so one that looks like an attribute is none.
pub(super) fn value_range(tag: &str, at: usize, name: &str) -> Option<Range<usize>> {
    let mut rest = tag.find(char::is_whitespace)?;
    loop {
        rest += tag[rest..].find(|c: char| !c.is_whitespace())?;
        let equals = rest + tag[rest..].find('=')?;
        let open = equals + 1 + tag[equals + 1..].find(['"', '\''])?;
        let quote = char::from(tag.as_bytes()[open]);
        let close = open + 1 + tag[open + 1..].find(quote)?;
        if tag[rest..equals].trim_end() == name {
            return Some(at + open + 1..at + close);
        }
        rest = close + 1;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_attribute_is_found_by_its_whole_name_and_not_inside_a_value() {
        let tag = r#"<x:c prompt=' ref="no"' xr:ref="no" sqref="no" ref = "B2" t="s"/>"#;
        let range = value_range(tag, 100, "ref").map(|r| r.start - 100..r.end - 100);
        assert_eq!(range.and_then(|r| tag.get(r)), Some("B2"));
        assert_eq!(value_range("<row/>", 0, "r"), None);
        assert_eq!(value_range("<row spans=\"1:3\">", 0, "r"), None);
    }

    #[test]
    fn edits_apply_in_any_order() {
        let edits = vec![
            (4..5, "E".to_owned()),
            (0..0, ">".to_owned()),
            (1..3, String::new()),
        ];
        assert_eq!(splice("abcde", edits), ">adE");
    }
}

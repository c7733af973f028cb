//! Reads the keys of one TOML table, with a fault for each that is missing,
//! unknown, or of another type.

use std::time::Duration;

use toml::{
    Spanned,
    de::{DeTable, DeValue},
};

use super::{error::Faults, limits, units};
use crate::visible;

/// A value and where it stands.
pub(super) type Node<'t> = Spanned<DeValue<'t>>;

/// One table while it is read.
pub(super) struct Keys<'n, 't> {
    table: &'n DeTable<'t>,
    /// How messages name the table, for example `[limits]`.
    pub(super) place: String,
    /// Where the table stands.
    pub(super) at: usize,
    known: Vec<&'static str>,
}

impl<'n, 't> Keys<'n, 't> {
    pub(super) fn new(table: &'n DeTable<'t>, at: usize, place: impl Into<String>) -> Self {
        Self {
            table,
            place: place.into(),
            at,
            known: Vec::new(),
        }
    }

    /// The table at a node, or a fault.
    pub(super) fn of(
        node: &'n Node<'t>,
        place: impl Into<String>,
        faults: &mut Faults<'_>,
    ) -> Option<Self> {
        let place = place.into();
        match node.get_ref() {
            DeValue::Table(table) => Some(Self::new(table, start(node), place)),
            _ => {
                wrong(node, &place, "a table", faults);
                None
            }
        }
    }

    /// The value of a key that the table may have.
    pub(super) fn get(&mut self, key: &'static str) -> Option<&'n Node<'t>> {
        self.known.push(key);
        self.table
            .iter()
            .find(|(name, _)| name.get_ref() == key)
            .map(|(_, node)| node)
    }

    /// Whether a key stands in the table.
    pub(super) fn has(&self, key: &str) -> bool {
        self.table.keys().any(|name| name.get_ref() == key)
    }

    /// Every key with its place and value, in the file's order.
    pub(super) fn entries(&self) -> Vec<(&'n str, usize, &'n Node<'t>)> {
        let entries = self.table.iter();
        let mut entries: Vec<_> = entries
            .map(|(name, node)| (name.get_ref().as_ref(), name.span().start, node))
            .collect();
        entries.sort_by_key(|(_, at, _)| *at);
        entries
    }

    /// The value of a key that the table must have.
    pub(super) fn need(
        &mut self,
        key: &'static str,
        example: &str,
        faults: &mut Faults<'_>,
    ) -> Option<&'n Node<'t>> {
        let found = self.get(key);
        if found.is_none() {
            faults.add(
                self.at,
                format!("{} has no `{key}`", self.place),
                format!("add `{key} = {example}`"),
            );
        }
        found
    }

    /// Faults for every key that nobody asked for.
    pub(super) fn finish(self, faults: &mut Faults<'_>) {
        for name in self.table.keys() {
            let key = name.get_ref().as_ref();
            if !self.known.contains(&key) {
                let message = format!("unknown key `{}` in {}", visible(key), self.place);
                faults.add(name.span().start, message, did_you_mean(key, &self.known));
            }
        }
    }

    pub(super) fn text(&mut self, key: &'static str, faults: &mut Faults<'_>) -> Option<String> {
        let node = self.get(key)?;
        text(node, key, faults).map(str::to_owned)
    }

    pub(super) fn flag(
        &mut self,
        key: &'static str,
        default: bool,
        faults: &mut Faults<'_>,
    ) -> bool {
        let Some(node) = self.get(key) else {
            return default;
        };
        match node.get_ref() {
            DeValue::Boolean(flag) => *flag,
            _ => {
                wrong(node, key, "true or false", faults);
                default
            }
        }
    }

    pub(super) fn count(
        &mut self,
        key: &'static str,
        default: u64,
        faults: &mut Faults<'_>,
    ) -> u64 {
        let Some(node) = self.get(key) else {
            return default;
        };
        match integer(node)
            .and_then(|i| u64::try_from(i).ok())
            .filter(|i| *i > 0)
        {
            Some(count) => count,
            None => {
                wrong(node, key, "a whole number above 0", faults);
                default
            }
        }
    }

    /// A count of at most so many.
    pub(super) fn count_within(
        &mut self,
        key: &'static str,
        default: u64,
        max: u64,
        faults: &mut Faults<'_>,
    ) -> u64 {
        let count = self.count(key, default, faults);
        if count <= max {
            return count;
        }
        if let Some(node) = self.get(key) {
            faults.add(
                start(node),
                format!("`{key}` is the number {count}, which is out of range"),
                format!("write at most {max}"),
            );
        }
        default
    }

    /// A size of at most so many bytes.
    pub(super) fn bytes_within(
        &mut self,
        key: &'static str,
        default: u64,
        max: u64,
        faults: &mut Faults<'_>,
    ) -> u64 {
        let is_within = |size: &u64| *size > 0 && *size <= max;
        self.unit(key, default, units::bytes, is_within, faults)
    }

    /// The texts of a list that may not be long.
    pub(super) fn short_texts(
        &mut self,
        key: &'static str,
        faults: &mut Faults<'_>,
    ) -> Vec<(usize, String)> {
        let mut found = self.texts(key, faults);
        if let Some((at, _)) = found.get(limits::LIST_MAX) {
            faults.add(
                *at,
                format!("`{key}` has {} entries", found.len()),
                format!("write at most {}", limits::LIST_MAX),
            );
            found.truncate(limits::LIST_MAX);
        }
        found
    }

    pub(super) fn bytes(
        &mut self,
        key: &'static str,
        default: u64,
        faults: &mut Faults<'_>,
    ) -> u64 {
        self.unit(key, default, units::bytes, |size| *size > 0, faults)
    }

    pub(super) fn duration(
        &mut self,
        key: &'static str,
        default: Duration,
        max: Duration,
        faults: &mut Faults<'_>,
    ) -> Duration {
        self.unit(
            key,
            default,
            units::duration,
            |time| !time.is_zero() && *time <= max,
            faults,
        )
    }

    fn unit<T>(
        &mut self,
        key: &'static str,
        default: T,
        read: impl Fn(&str) -> Result<T, &'static str>,
        is_within: impl Fn(&T) -> bool,
        faults: &mut Faults<'_>,
    ) -> T {
        let Some(node) = self.get(key) else {
            return default;
        };
        let shown = match node.get_ref() {
            DeValue::String(text) => format!("\"{}\"", visible(text)),
            _ => described(node),
        };
        let text = node.get_ref().as_str().unwrap_or_default();
        match read(text) {
            Ok(value) if is_within(&value) => return value,
            Ok(_) => faults.add(
                start(node),
                format!("`{key}` is {shown}, which is out of range"),
                "write a positive value within the documented bound",
            ),
            Err(hint) => faults.add(start(node), format!("`{key}` is {shown}"), hint),
        }
        default
    }

    /// The texts of a list; empty where there is none.
    pub(super) fn texts(
        &mut self,
        key: &'static str,
        faults: &mut Faults<'_>,
    ) -> Vec<(usize, String)> {
        let Some(node) = self.get(key) else {
            return Vec::new();
        };
        let DeValue::Array(items) = node.get_ref() else {
            wrong(node, key, "a list of texts", faults);
            return Vec::new();
        };
        let mut found: Vec<(usize, String)> = Vec::new();
        for item in items.iter() {
            let Some(text) = text(item, key, faults) else {
                continue;
            };
            if found.iter().any(|(_, other)| other == text) {
                faults.add(
                    start(item),
                    format!("`{}` stands twice in `{key}`", visible(text)),
                    "remove one of them",
                );
            }
            found.push((start(item), text.to_owned()));
        }
        found
    }

    /// The tables of an array of tables; none where there is none.
    pub(super) fn tables(
        &mut self,
        key: &'static str,
        place: &str,
        faults: &mut Faults<'_>,
    ) -> Vec<Self> {
        let Some(node) = self.get(key) else {
            return Vec::new();
        };
        let DeValue::Array(items) = node.get_ref() else {
            faults.add(
                start(node),
                format!("{place} is {}, not a list of tables", described(node)),
                format!("write [[{}]] above each", place.trim_matches(['[', ']'])),
            );
            return Vec::new();
        };
        items
            .iter()
            .filter_map(|item| Keys::of(item, place, faults))
            .collect()
    }

    /// The named tables below a key, in the file's order.
    pub(super) fn named(
        &mut self,
        key: &'static str,
        place: &str,
        faults: &mut Faults<'_>,
    ) -> Vec<(String, Self)> {
        let Some(node) = self.get(key) else {
            return Vec::new();
        };
        let DeValue::Table(table) = node.get_ref() else {
            wrong(node, place, "a table of named tables", faults);
            return Vec::new();
        };
        let mut entries: Vec<_> = table.iter().collect();
        entries.sort_by_key(|(name, _)| name.span().start);
        let mut found = Vec::new();
        for (name, node) in entries {
            let text = name.get_ref().as_ref();
            check_name(text, name.span().start, place, faults);
            if let Some(keys) = Keys::of(node, format!("[{place}.{}]", visible(text)), faults) {
                found.push((text.to_owned(), keys));
            }
        }
        found
    }
}

/// Where a node begins.
pub(super) fn start(node: &Node<'_>) -> usize {
    node.span().start
}

/// A fault for a value of another type.
pub(super) fn wrong(node: &Node<'_>, key: &str, expected: &str, faults: &mut Faults<'_>) {
    faults.add(
        start(node),
        format!("`{key}` is {}", described(node)),
        format!("write {expected}"),
    );
}

fn described(node: &Node<'_>) -> String {
    match node.get_ref() {
        DeValue::String(_) => "a text".to_owned(),
        DeValue::Integer(number) => format!("the number {number}"),
        DeValue::Float(number) => format!("the number {number}"),
        DeValue::Boolean(flag) => flag.to_string(),
        DeValue::Datetime(_) => "a date or time".to_owned(),
        DeValue::Array(_) => "a list".to_owned(),
        DeValue::Table(_) => "a table".to_owned(),
    }
}

/// The text of a node, or a fault.
pub(super) fn text<'n>(node: &'n Node<'_>, key: &str, faults: &mut Faults<'_>) -> Option<&'n str> {
    let text = node.get_ref().as_str();
    if text.is_none() {
        wrong(node, key, "a text in quotation marks", faults);
    }
    text
}

/// The whole number of a node.
pub(super) fn integer(node: &Node<'_>) -> Option<i64> {
    let number = node.get_ref().as_integer()?;
    i64::from_str_radix(number.as_str(), number.radix()).ok()
}

/// A fault unless the name can stand in commands, records and addresses.
pub(super) fn check_name(name: &str, at: usize, what: &str, faults: &mut Faults<'_>) {
    let plain = |b: u8| matches!(b, b'a'..=b'z' | b'0'..=b'9' | b'-' | b'_');
    if !(1..=64).contains(&name.len()) || !name.bytes().all(plain) {
        let message = format!("`{}` cannot be the name of {what}", visible(name));
        faults.add(at, message, "write 1 to 64 of a-z, 0-9, `-` and `_`");
    }
}

/// Advice for a name that is not among the known ones.
pub(crate) fn did_you_mean(name: &str, known: &[&str]) -> String {
    let near = known.iter().map(|known| (distance(name, known), known));
    let near = near
        .filter(|(distance, known)| *distance <= known.chars().count().div_ceil(3))
        .min();
    match near {
        Some((_, known)) => format!("did you mean `{known}`?"),
        None if known.is_empty() => "remove it".to_owned(),
        None => format!(
            "write one of {}",
            known
                .iter()
                .map(|k| format!("`{k}`"))
                .collect::<Vec<_>>()
                .join(", ")
        ),
    }
}

/// Edits between two names; a transposition counts as one.
fn distance(a: &str, b: &str) -> usize {
    let (a, b): (Vec<char>, Vec<char>) =
        (a.chars().take(64).collect(), b.chars().take(64).collect());
    let mut rows = vec![(0..=b.len()).collect::<Vec<_>>()];
    for i in 1..=a.len() {
        let mut row = vec![i];
        for j in 1..=b.len() {
            let change = rows[i - 1][j - 1] + usize::from(a[i - 1] != b[j - 1]);
            let mut best = change.min(rows[i - 1][j] + 1).min(row[j - 1] + 1);
            if i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1] {
                best = best.min(rows[i - 2][j - 2] + 1);
            }
            row.push(best);
        }
        rows.push(row);
    }
    rows[a.len()][b.len()]
}

#[cfg(test)]
mod tests {
    use super::did_you_mean;

    #[test]
    fn the_nearest_name_is_offered_and_a_far_one_is_not() {
        let known = ["fuel", "memory", "deadline"];
        assert_eq!(did_you_mean("fule", &known), "did you mean `fuel`?");
        assert_eq!(did_you_mean("memroy", &known), "did you mean `memory`?");
        assert_eq!(
            did_you_mean("xyz", &known),
            "write one of `fuel`, `memory`, `deadline`"
        );
        assert_eq!(did_you_mean("x", &[]), "remove it");
    }
}

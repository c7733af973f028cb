//! A reader of OpenMetrics text that forgives nothing (OpenMetrics 1.0, "Text format").

use std::collections::{BTreeMap, BTreeSet};

/// Labels of a sample, in their order.
pub(crate) type Labels = Vec<(String, String)>;

/// What a host tells of itself.
#[derive(Debug, Default)]
pub(crate) struct Exposition {
    /// By name, without the suffixes of its samples.
    pub(crate) families: BTreeMap<String, Family>,
}

#[derive(Debug, Default)]
pub(crate) struct Family {
    pub(crate) kind: String,
    pub(crate) unit: Option<String>,
    pub(crate) help: String,
    /// Name, labels and value, as they stand.
    pub(crate) samples: Vec<(String, Labels, f64)>,
}

impl Exposition {
    /// Read it, or the test ends.
    pub(crate) fn read(text: &str) -> Self {
        let body = text.strip_suffix("# EOF\n").expect("ends with # EOF");
        assert!(!body.contains("# EOF"), "it ends twice");
        let (mut read, mut now) = (Self::default(), None::<String>);
        let mut seen = BTreeSet::new();
        for line in body.lines() {
            if let Some(told) = line.strip_prefix("# ") {
                let mut words = told.splitn(3, ' ');
                let (what, name) = (words.next().unwrap(), words.next().unwrap());
                let rest = words.next().unwrap_or_default().to_owned();
                if now.as_deref() != Some(name) {
                    let family = read.families.insert(name.to_owned(), Family::default());
                    assert!(family.is_none(), "{name} is in two places");
                    now = Some(name.to_owned());
                }
                let family = read.families.get_mut(name).unwrap();
                match what {
                    "TYPE" => family.kind = rest,
                    "HELP" => family.help = rest,
                    "UNIT" => {
                        assert!(name.ends_with(&format!("_{rest}")), "{line}");
                        family.unit = Some(rest);
                    }
                    _ => panic!("no such description: {line}"),
                }
                continue;
            }
            let (name, labels, value) = sample(line);
            assert!(seen.insert((name.clone(), labels.clone())), "twice: {line}");
            let of = now.as_deref().expect("a family before its samples");
            let family = read.families.get_mut(of).unwrap();
            let suffixes: &[&str] = match family.kind.as_str() {
                "counter" => &["_total", "_created"],
                "gauge" => &[""],
                "histogram" => &["_bucket", "_count", "_sum", "_created"],
                other => panic!("{of} is of no kind that we have: {other}"),
            };
            let suffix = name.strip_prefix(of);
            assert!(suffix.is_some_and(|end| suffixes.contains(&end)), "{line}");
            family.samples.push((name, labels, value));
        }
        read.families.values().for_each(Family::is_sound);
        read
    }

    /// The value of the one sample of this name with these labels among its own.
    pub(crate) fn value(&self, name: &str, labels: &[(&str, &str)]) -> Option<f64> {
        let all = self.families.values().flat_map(|family| &family.samples);
        let mut found = all.filter(|(sample, has, _)| {
            let has = |(name, value): &(&str, &str)| {
                has.iter()
                    .any(|(key, is)| (key.as_str(), is.as_str()) == (*name, *value))
            };
            sample == name && labels.iter().all(has)
        });
        let one = found.next().map(|(_, _, value)| *value);
        assert!(found.next().is_none(), "{name} {labels:?} is more than one");
        one
    }

    /// Every name and value of a label.
    pub(crate) fn labels(&self) -> BTreeSet<(String, String)> {
        let all = self.families.values().flat_map(|family| &family.samples);
        all.flat_map(|(_, labels, _)| labels.iter().cloned())
            .collect()
    }
}

impl Family {
    /// Counters do not fall below nothing, and a histogram's buckets are cumulative and
    /// end with all.
    fn is_sound(&self) {
        assert!(!self.kind.is_empty() && !self.help.is_empty(), "{self:?}");
        assert!(self.samples.iter().all(|(_, _, value)| *value >= 0.0));
        let mut buckets: BTreeMap<Labels, Vec<(f64, f64)>> = BTreeMap::new();
        let mut counts = BTreeMap::new();
        for (name, labels, value) in &self.samples {
            let mut labels = labels.clone();
            if name.ends_with("_bucket") {
                let at = labels.iter().position(|(name, _)| name == "le").unwrap();
                let le = number(&labels.remove(at).1);
                buckets.entry(labels).or_default().push((le, *value));
            } else if name.ends_with("_count") {
                counts.insert(labels, *value);
            }
        }
        for (labels, of) in buckets {
            let grows = |pair: &[(f64, f64)]| pair[0].0 < pair[1].0 && pair[0].1 <= pair[1].1;
            assert!(of.windows(2).all(grows), "{labels:?}: {of:?}");
            let (le, all) = of.last().unwrap();
            assert!(le.is_infinite(), "{labels:?}");
            assert!((all - counts[&labels]).abs() < f64::EPSILON, "{labels:?}");
        }
    }
}

fn number(text: &str) -> f64 {
    match text {
        "+Inf" => f64::INFINITY,
        text => text.parse().unwrap_or_else(|_| panic!("no number: {text}")),
    }
}

/// A sample's name, labels and value.
fn sample(line: &str) -> (String, Labels, f64) {
    let end = line.find(['{', ' ']).expect("a name and a value");
    let (name, mut rest) = line.split_at(end);
    let plain = |c: char| c.is_ascii_alphanumeric() || c == '_' || c == ':';
    assert!(!name.is_empty() && name.chars().all(plain), "{line}");
    let mut labels = Labels::new();
    if let Some(inside) = rest.strip_prefix('{') {
        rest = inside;
        while !rest.starts_with('}') {
            let (label, after) = rest.split_once("=\"").expect("a label and its value");
            assert!(label.chars().all(plain) && !label.is_empty(), "{line}");
            let (value, after) = quoted(after);
            assert!(labels.iter().all(|(name, _)| name != label), "{line}");
            labels.push((label.to_owned(), value));
            rest = after.strip_prefix(',').unwrap_or(after);
        }
        rest = &rest[1..];
    }
    let value = rest.strip_prefix(' ').expect("a space before the value");
    (name.to_owned(), labels, number(value))
}

/// A quoted text up to its closing quote, and what comes after.
fn quoted(text: &str) -> (String, &str) {
    let (mut value, mut signs) = (String::new(), text.char_indices());
    while let Some((at, sign)) = signs.next() {
        match sign {
            '"' => return (value, &text[at + 1..]),
            '\\' => match signs.next().unwrap().1 {
                'n' => value.push('\n'),
                sign @ ('"' | '\\') => value.push(sign),
                other => panic!("no such escape: {other}"),
            },
            sign => value.push(sign),
        }
    }
    panic!("a label's value does not end: {text}")
}

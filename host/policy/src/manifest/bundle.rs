//! Files that lists stand in, written into the manifest before it is installed.
//!
//! What is installed is one text: its digest covers every list, a held run finds
//! its lists as they were, and another host needs no file. A manifest that names
//! files to be read later was refused for these three reasons.

use std::fmt::Write as _;

use toml::de::{DeTable, DeValue};

use super::{
    ManifestErrors,
    error::Faults,
    keys::{Keys, Node, start, text, wrong},
    limits,
};
use crate::{clean_path, visible};

/// Reads a file beside the manifest, of at most so many bytes.
pub type ReadList<'a> = dyn FnMut(&str, usize) -> Result<Vec<u8>, String> + 'a;

/// The manifest with `values = […]` where a list has `file = "…"`: one value a
/// line of the file, without empty lines and those that begin with `#`. Lines of
/// the manifest keep their numbers. A text that is no TOML comes back as it is:
/// reading it tells why.
///
/// # Errors
/// For each file that cannot be read or used.
pub fn bundle_lists(
    file_name: &str,
    source: &str,
    read: &mut ReadList<'_>,
) -> Result<String, ManifestErrors> {
    let mut faults = Faults::new(file_name, source);
    let (table, errors) = DeTable::parse_recoverable(source);
    if !errors.is_empty() || source.len() > limits::MANIFEST_BYTES_MAX {
        return Ok(source.to_owned());
    }
    let mut found = Vec::new();
    let lists = table.get_ref().iter();
    for (_, node) in lists.filter(|(name, _)| name.get_ref() == "list") {
        let DeValue::Table(lists) = node.get_ref() else {
            continue;
        };
        for (name, node) in lists.iter() {
            let DeValue::Table(list) = node.get_ref() else {
                continue;
            };
            let keys = Keys::new(list, start(node), visible(name.get_ref()));
            for (key, at, value) in keys.entries() {
                if key != "file" {
                    continue;
                }
                if keys.has("values") {
                    faults.add(
                        at,
                        "a list stands in the manifest or in a file",
                        "leave `values` or `file` out",
                    );
                }
                if let Some(values) = values(value, read, &mut faults) {
                    found.push((at..value.span().end, values));
                }
            }
        }
    }
    if !faults.is_empty() {
        return Err(faults.finish());
    }
    found.sort_by_key(|(span, _)| std::cmp::Reverse(span.start));
    let mut whole = source.to_owned();
    for (span, values) in found {
        whole.replace_range(span, &values);
    }
    Ok(whole)
}

fn values(node: &Node<'_>, read: &mut ReadList<'_>, faults: &mut Faults<'_>) -> Option<String> {
    let path = text(node, "file", faults)?;
    // The attack: a manifest from elsewhere names `/etc/passwd` or `../keys`, and
    // what it finds shows in the installed manifest.
    if let Err(refusal) = clean_path(path) {
        faults.add(
            start(node),
            format!(
                "`{}` is no file beside the manifest: {refusal}",
                visible(path)
            ),
            "write a path below the manifest's folder",
        );
        return None;
    }
    let bytes = match read(path, limits::LIST_BYTES_MAX) {
        Ok(bytes) if bytes.len() <= limits::LIST_BYTES_MAX => bytes,
        Ok(_) => {
            faults.add(
                start(node),
                format!("`{}` is larger than 256 KiB", visible(path)),
                "keep a list of what is allowed, not a copy of a database",
            );
            return None;
        }
        Err(problem) => {
            faults.add(
                start(node),
                format!("`{}` cannot be read: {}", visible(path), visible(&problem)),
                "put the file beside the manifest",
            );
            return None;
        }
    };
    let Ok(content) = String::from_utf8(bytes) else {
        wrong(node, "file", "the name of a text in UTF-8", faults);
        return None;
    };
    let mut written = String::from("values = [");
    let lines = content.lines().enumerate();
    let lines = lines.map(|(n, line)| (n, line.trim()));
    for (n, line) in lines.filter(|(_, line)| !line.is_empty() && !line.starts_with('#')) {
        if visible(line) != line {
            faults.add(
                start(node),
                format!(
                    "line {} of `{}` has characters that cannot be seen: {}",
                    n + 1,
                    visible(path),
                    visible(line)
                ),
                "write each value as it looks",
            );
            return None;
        }
        let quoted = serde_json::Value::from(line);
        let comma = if written.ends_with('[') { "" } else { ", " };
        // Writing to a text cannot fail.
        let _ = write!(written, "{comma}{quoted}");
    }
    written.push(']');
    Some(written)
}

//! A checkpoint that is put again may bring more signatures and nothing else.

/// One note with the signatures of both, in the order they came, or `None` when
/// they are notes of different texts. Two witnesses who cosign at the same time
/// each know only their own signature: neither may remove the other's.
///
/// A signed note is a text, an empty line, and one line for each signature:
/// <https://c2sp.org/signed-note>.
pub(crate) fn merged(stored: &str, new: &str) -> Option<String> {
    let (text, old) = stored.rsplit_once("\n\n")?;
    let (new_text, more) = new.rsplit_once("\n\n")?;
    if text != new_text {
        return None;
    }
    let mut note = stored.to_owned();
    if !note.ends_with('\n') {
        note.push('\n');
    }
    for line in more.lines() {
        if !old.lines().any(|known| known == line) {
            note.push_str(line);
            note.push('\n');
        }
    }
    Some(note)
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

    use super::merged;

    #[test]
    fn cosignatures_add_up_whoever_comes_first() {
        let own = "acme\n3\nroot\n\n— log AAAA\n";
        let (one, two) = (format!("{own}— w1 BBBB\n"), format!("{own}— w2 CCCC\n"));
        let both = merged(&one, &two).unwrap();
        assert_eq!(both, format!("{own}— w1 BBBB\n— w2 CCCC\n"));
        assert_eq!(merged(&both, own).unwrap(), both);
    }

    #[test]
    fn another_text_is_another_checkpoint() {
        let own = "acme\n3\nroot\n\n— log AAAA\n";
        assert_eq!(merged(own, "acme\n3\nfork\n\n— log AAAA\n"), None);
        assert_eq!(merged(own, "no note"), None);
    }
}

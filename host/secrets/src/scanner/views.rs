//! The same bytes with encodings taken off: JSON escapes, percent-encoding, line
//! breaks, base64 and hex.
//!
//! The attack: a server answers with the secret in a form that nobody listed:
//! every second letter percent-encoded, `\u0061` for an `a`, the JSON text of an
//! answer in a member of another JSON text, a file's bytes that are themselves
//! base64. So decoding is done instead of listing. All of it is bounded: a few
//! passes over the bytes for ordinary data, at most some seventy for data made to
//! be slow, and none that grows.

use std::borrow::Cow;

use base64::Engine as _;
use base64::alphabet::STANDARD;
use base64::engine::general_purpose::{GeneralPurpose, NO_PAD};

/// How often escapes are taken off: JSON in JSON in a form.
const ROUNDS: usize = 3;

/// How often base64 or hex is: a file's bytes in base64, in the record's JSON.
const DEPTH: usize = 2;

/// The shortest run of letters that can be eight bytes in base64.
const RUN_MIN: usize = 11;

/// The first answer that `see` has for any view of these bytes. It is told whether
/// something was decoded.
pub(super) fn first<T>(bytes: &[u8], see: &mut dyn FnMut(&[u8], bool) -> Option<T>) -> Option<T> {
    look(bytes, DEPTH, see)
}

fn look<T>(bytes: &[u8], depth: usize, see: &mut dyn FnMut(&[u8], bool) -> Option<T>) -> Option<T> {
    let found = see(bytes, depth < DEPTH);
    if found.is_some() {
        return found;
    }
    let view = match unescaped(bytes, see) {
        Ok(view) => view,
        Err(found) => return Some(found),
    };
    if let Some(joined) = without_line_breaks(&view) {
        let found = see(&joined, true).or_else(|| below(&joined, depth, see));
        if found.is_some() {
            return found;
        }
    }
    let found = below(&view, depth, see);
    if found.is_some() || matches!(view, Cow::Borrowed(_)) {
        return found;
    }
    below(bytes, depth, see)
}

/// Show every view below JSON escapes and percent-encoding. The last one has none
/// left; the error is what was found before.
pub(super) fn unescaped<'a, T>(
    bytes: &'a [u8],
    see: &mut dyn FnMut(&[u8], bool) -> Option<T>,
) -> Result<Cow<'a, [u8]>, T> {
    let mut view = Cow::Borrowed(bytes);
    for _ in 0..ROUNDS {
        let mut is_plain = true;
        let mut show = |view: &[u8]| see(view, true).map_or(Ok(()), Err);
        if let Some(next) = without_escapes(&view) {
            is_plain = false;
            show(&next)?;
            view = Cow::Owned(next);
        }
        // In a form a space is `+`; elsewhere `+` is itself.
        if let Some(form) = with_spaces(&view) {
            show(&without_percents(&form).unwrap_or(form))?;
        }
        if let Some(next) = without_percents(&view) {
            is_plain = false;
            show(&next)?;
            view = Cow::Owned(next);
        }
        if is_plain {
            break;
        }
    }
    Ok(view)
}

/// Look at what base64 and hex in these bytes stand for.
fn below<T>(
    bytes: &[u8],
    depth: usize,
    see: &mut dyn FnMut(&[u8], bool) -> Option<T>,
) -> Option<T> {
    let depth = depth.checked_sub(1)?;
    let decoded = decoded_runs(bytes);
    if decoded.is_empty() {
        return None;
    }
    look(&decoded, depth, see)
}

/// Without JSON's escapes (RFC 8259, 7), also outside of strings. What is none
/// stays as it is.
fn without_escapes(bytes: &[u8]) -> Option<Vec<u8>> {
    if !bytes.contains(&b'\\') {
        return None;
    }
    let mut out = Vec::with_capacity(bytes.len());
    let mut rest = bytes;
    while let Some((&byte, after)) = rest.split_first() {
        rest = after;
        if byte != b'\\' {
            out.push(byte);
            continue;
        }
        let Some((&escaped, after)) = rest.split_first() else {
            out.push(byte);
            break;
        };
        rest = after;
        match escaped {
            b'"' | b'\\' | b'/' => out.push(escaped),
            b'b' => out.push(0x08),
            b'f' => out.push(0x0c),
            b'n' => out.push(b'\n'),
            b'r' => out.push(b'\r'),
            b't' => out.push(b'\t'),
            b'u' => match code_point(after) {
                Some((character, used)) => {
                    rest = &after[used..];
                    let mut buffer = [0; 4];
                    out.extend_from_slice(character.encode_utf8(&mut buffer).as_bytes());
                }
                None => out.extend_from_slice(b"\\u"),
            },
            _ => out.extend_from_slice(&[byte, escaped]),
        }
    }
    Some(out)
}

/// The character of four hex digits, or of a pair of surrogates, and how many
/// bytes that took.
fn code_point(digits: &[u8]) -> Option<(char, usize)> {
    let unit = |bytes: &[u8]| {
        let bytes = bytes.get(..4)?;
        let mut unit = [0; 2];
        hex::decode_to_slice(bytes, &mut unit).ok()?;
        Some(u16::from_be_bytes(unit))
    };
    let high = unit(digits)?;
    if let Some(character) = char::from_u32(high.into()) {
        return Some((character, 4));
    }
    let low = unit(digits.get(4..)?.strip_prefix(b"\\u")?)?;
    let pair = char::decode_utf16([high, low]).next()?.ok()?;
    Some((pair, 10))
}

/// Percent-decoded (RFC 3986, 2.1), in either case. What is no `%` and two hex
/// digits stays as it is.
fn without_percents(bytes: &[u8]) -> Option<Vec<u8>> {
    if !bytes.contains(&b'%') {
        return None;
    }
    Some(percent_encoding::percent_decode(bytes).collect())
}

fn with_spaces(bytes: &[u8]) -> Option<Vec<u8>> {
    let space = |byte: &u8| if *byte == b'+' { b' ' } else { *byte };
    bytes
        .contains(&b'+')
        .then(|| bytes.iter().map(space).collect())
}

/// Base64 in mail is broken into lines (RFC 2045, 6.8).
fn without_line_breaks(bytes: &[u8]) -> Option<Vec<u8>> {
    let is_break = |byte: &u8| matches!(byte, b'\r' | b'\n');
    let kept = bytes.iter().copied().filter(|byte| !is_break(byte));
    bytes.iter().any(is_break).then(|| kept.collect())
}

/// Whether a byte is a letter of base64, of either alphabet.
pub(super) fn is_base64(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"+/-_".contains(&byte)
}

/// What every long run of base64 letters, or of hex digits, stands for.
fn decoded_runs(bytes: &[u8]) -> Vec<u8> {
    let config = NO_PAD.with_decode_allow_trailing_bits(true);
    let engine = GeneralPurpose::new(&STANDARD, config);
    let mut decoded = Vec::new();
    for run in bytes.split(|byte| !is_base64(*byte)) {
        if run.len() < RUN_MIN {
            continue;
        }
        if run.iter().all(u8::is_ascii_hexdigit)
            && let Ok(bytes) = hex::decode(&run[..run.len() & !1])
        {
            decoded.extend(bytes);
            decoded.push(0);
        }
        let standard: Vec<u8> = run
            .iter()
            .map(|byte| match byte {
                b'-' => b'+',
                b'_' => b'/',
                other => *other,
            })
            .collect();
        // One letter after whole groups is no byte.
        let whole = standard.len() - usize::from(standard.len() % 4 == 1);
        if let Ok(bytes) = engine.decode(&standard[..whole]) {
            decoded.extend(bytes);
            decoded.push(0);
        }
    }
    decoded
}

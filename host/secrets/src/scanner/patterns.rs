//! What a value looks like.

use base64::Engine as _;
use base64::alphabet::{Alphabet, STANDARD, URL_SAFE};
use base64::engine::general_purpose::{GeneralPurpose, NO_PAD};
use zeroize::Zeroizing;

use super::{Encoding, views};
use crate::source::SECRET_BYTES_MIN;

/// Everything that is looked for in plain sight for one value. What lies below
/// escapes or further encodings is found by decoding, not by patterns: there are
/// too many ways to write it.
pub(super) fn of(value: &[u8]) -> Vec<(Zeroizing<Vec<u8>>, Encoding)> {
    let mut all = vec![(Zeroizing::new(value.to_vec()), Encoding::Plain)];
    for alphabet in [&STANDARD, &URL_SAFE] {
        for before in 0..3 {
            all.push((base64(value, alphabet, before), Encoding::Base64));
        }
    }
    all.push((Zeroizing::new(hex::encode(value).into()), Encoding::Hex));
    all.push((
        Zeroizing::new(hex::encode_upper(value).into()),
        Encoding::Hex,
    ));
    // As Node.js writes a buffer in JSON, and Rust bytes for debugging.
    for separator in [",", ", "] {
        let numbers: Vec<String> = value.iter().map(u8::to_string).collect();
        let text = Zeroizing::new(numbers.join(separator).into_bytes());
        all.push((text, Encoding::Numbers));
    }
    // A value may itself look escaped, as `a%41`. Where one more layer is taken off
    // a text than was put on, it is this that is left of it.
    views::unescaped(value, &mut |view, _| {
        if view.len() >= SECRET_BYTES_MIN {
            all.push((Zeroizing::new(view.to_vec()), Encoding::Plain));
        }
        None::<()>
    })
    .ok();
    all.sort_by(|a, b| a.0.cmp(&b.0));
    all.dedup_by(|a, b| a.0 == b.0);
    all
}

/// The letters of base64 that a value alone decides, with this many bytes (modulo
/// three) before it: three bytes make four letters, so a value begins at one of
/// three places, and its first and last letters may have bits of its neighbours.
fn base64(value: &[u8], alphabet: &Alphabet, before: usize) -> Zeroizing<Vec<u8>> {
    let mut padded = Zeroizing::new(vec![0; before]);
    padded.reserve_exact(value.len());
    padded.extend_from_slice(value);
    let letters = Zeroizing::new(GeneralPurpose::new(alphabet, NO_PAD).encode(&*padded));
    let own = (before * 8).div_ceil(6)..padded.len() * 8 / 6;
    Zeroizing::new(letters.as_bytes()[own].to_vec())
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

    use super::*;

    #[test]
    fn base64_of_a_value_is_the_same_at_its_place_whatever_is_around_it() {
        let engine = GeneralPurpose::new(&STANDARD, NO_PAD);
        let value = b"a value of its own";
        for before in 0..3 {
            let own = base64(value, &STANDARD, before);
            let own = std::str::from_utf8(&own).unwrap().to_owned();
            assert!(own.len() >= value.len() * 8 / 6 - 2);
            for around in [0x00, 0xff, b'x'] {
                for after in 0..3 {
                    let (left, right) = (vec![around; before + 3], vec![around; after]);
                    let whole = [left.as_slice(), value, &right].concat();
                    assert!(engine.encode(whole).contains(&own), "{before} {after}");
                }
            }
        }
    }
}

//! Words that are in one tenant's data and nowhere else, and the search for them.
//!
//! A word is looked for in two halves, so that a text that was cut is found too, and
//! each half in every form that servers, logs and debuggers give to text.

use std::fmt::Write as _;

use aho_corasick::{AhoCorasick, AhoCorasickBuilder};
use base64::Engine as _;
use base64::prelude::{BASE64_STANDARD, BASE64_URL_SAFE};

use crate::chance::Chance;

/// Where a tenant's words are planted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Kind {
    /// The tenant's own name: that somebody else is a customer is nobody's business.
    Name,
    /// A credential, which not even its own tenant ever sees.
    Credential,
    Config,
    Kv,
    File,
    Row,
    /// What the tenant's server answers.
    Answer,
    Input,
    /// The agent's words on a call.
    Reason,
    /// A person's words on a yes.
    Approval,
    /// A person's words on a no.
    Denial,
    Handoff,
    /// A person's words on an item of a queue.
    Note,
    /// The input of a case, and the words on its end.
    Case,
    /// What a connector says as it panics.
    Panic,
}

use Kind::{
    Answer, Approval, Case, Config, Credential, Denial, File, Handoff, Input, Kv, Name, Note,
    Panic, Reason, Row,
};

pub(crate) const KINDS: [Kind; 15] = [
    Name, Credential, Config, Kv, File, Row, Answer, Input, Reason, Approval, Denial, Handoff,
    Note, Case, Panic,
];

const HALF: usize = 12;

/// One tenant's words, one of each kind.
#[derive(Clone, Debug)]
pub(crate) struct Canaries(Vec<String>);

impl Canaries {
    pub(crate) fn new(chance: &mut Chance) -> Self {
        Self(KINDS.map(|_| chance.word(2 * HALF)).into())
    }

    pub(crate) fn of(&self, kind: Kind) -> &str {
        &self.0[kind as usize]
    }
}

/// A word that was found where it must not be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Found {
    /// Whose it is, by the number of the tenant.
    pub(crate) whose: usize,
    pub(crate) kind: Kind,
    /// How it was written.
    pub(crate) form: &'static str,
}

/// A search for words in all their forms.
pub(crate) struct Detector {
    automaton: AhoCorasick,
    meanings: Vec<Found>,
}

impl Detector {
    /// A search for all words that `wanted` names, of these tenants.
    pub(crate) fn new(all: &[Canaries], wanted: impl Fn(usize, Kind) -> bool) -> Self {
        let (mut patterns, mut meanings) = (Vec::new(), Vec::new());
        for (whose, canaries) in all.iter().enumerate() {
            for kind in KINDS.into_iter().filter(|kind| wanted(whose, *kind)) {
                let (first, second) = canaries.of(kind).split_at(HALF);
                for (form, text) in forms(first).into_iter().chain(forms(second)) {
                    patterns.push(text);
                    meanings.push(Found { whose, kind, form });
                }
            }
        }
        let automaton = AhoCorasickBuilder::new()
            .ascii_case_insensitive(true)
            .build(patterns)
            .unwrap();
        Self {
            automaton,
            meanings,
        }
    }

    /// The first word in a text.
    pub(crate) fn first(&self, text: &[u8]) -> Option<&Found> {
        let found = self.automaton.find(text)?;
        Some(&self.meanings[found.pattern().as_usize()])
    }

    /// All words in a text.
    pub(crate) fn all<'a>(&'a self, text: &'a [u8]) -> impl Iterator<Item = &'a Found> {
        let found = self.automaton.find_iter(text);
        found.map(|one| &self.meanings[one.pattern().as_usize()])
    }
}

/// A half of a word as programs write it.
fn forms(half: &str) -> Vec<(&'static str, String)> {
    let each = |write: fn(&mut String, u8)| {
        half.bytes().fold(String::new(), |mut text, byte| {
            write(&mut text, byte);
            text
        })
    };
    let listed = |between: &str| {
        let numbers: Vec<String> = half.bytes().map(|byte| byte.to_string()).collect();
        numbers.join(between)
    };
    let mut forms = vec![
        ("plain", half.to_owned()),
        ("backwards", half.chars().rev().collect()),
        ("hex", hex::encode(half)),
        (
            "percent",
            each(|text, byte| write!(text, "%{byte:02x}").unwrap()),
        ),
        (
            "escaped",
            each(|text, byte| write!(text, "\\u{byte:04x}").unwrap()),
        ),
        (
            "hex escaped",
            each(|text, byte| write!(text, "\\x{byte:02x}").unwrap()),
        ),
        (
            "entities",
            each(|text, byte| write!(text, "&#{byte};").unwrap()),
        ),
        ("numbers", listed(", ")),
        ("numbers, close", listed(",")),
    ];
    for before in 0..3 {
        // Six bits a letter: only letters that hold nothing of what stands around.
        let (from, to) = (
            (before * 8_usize).div_ceil(6),
            (before + half.len()) * 8 / 6,
        );
        let text = format!("{}{half}", "\0".repeat(before));
        let standard = BASE64_STANDARD.encode(&text);
        let for_urls = BASE64_URL_SAFE.encode(&text);
        forms.push(("base64", standard[from..to].to_owned()));
        if standard[from..to] != for_urls[from..to] {
            forms.push(("base64url", for_urls[from..to].to_owned()));
        }
    }
    forms
}

/// A blind search would find no crossing either.
#[test]
fn every_word_is_found_in_every_form_and_cut_and_nothing_else_is() {
    let mut chance = Chance::of(7);
    let all = [(); 2].map(|()| Canaries::new(&mut chance));
    let foreign = Detector::new(&all, |whose, _| whose == 1);
    for kind in KINDS {
        let word = all[1].of(kind);
        let mut planted = vec![
            format!("before{word}after"),
            word[..word.len() - 3].to_owned(),
            word[5..].to_owned(),
            word.to_uppercase(),
            format!("{:?}", word.as_bytes()),
            serde_json::to_string(word.as_bytes()).unwrap(),
        ];
        planted.extend(forms(&word[..HALF]).into_iter().map(|(_, text)| text));
        for before in ["", "a", "ab", "abc", "Bearer "] {
            planted.push(BASE64_STANDARD.encode(format!("{before}{word}tail")));
            planted.push(BASE64_URL_SAFE.encode(format!("{before}{word}")));
            planted.push(hex::encode_upper(format!("{before}{word}")));
        }
        for text in planted {
            let found = foreign
                .first(text.as_bytes())
                .unwrap_or_else(|| panic!("{text}"));
            assert_eq!((found.whose, found.kind), (1, kind), "{text}");
        }
        let own = all[0].of(kind);
        for text in [
            own.to_owned(),
            BASE64_STANDARD.encode(own),
            format!("{:?}", own.as_bytes()),
        ] {
            assert_eq!(foreign.first(text.as_bytes()), None, "{text}");
        }
    }
}

//! What an approval is bound to.
//!
//! The attack: get one call approved and send another (other arguments, another
//! destination, another component, the same call twice). Everything that
//! identifies the call goes into one digest, which is computed again from what
//! is about to be sent. There is no "ignore this field": a field added here
//! voids approvals in flight, and that is right.

use serde::Serialize;

use crate::{Digest, Effect};

/// Separates approval digests from all others.
const DOMAIN: &str = "tollgate approval v1";

/// One exact call, as the person who approves it means it.
#[derive(Clone, Copy, Debug)]
pub struct Binding<'a> {
    /// Customer, account or business unit.
    pub tenant: &'a str,
    /// The hand-off the call belongs to.
    pub case: &'a str,
    /// The tool call it belongs to.
    pub run: &'a str,
    /// Which import call of the run it is, counted from 0.
    pub position: u32,
    /// The component that makes it.
    pub component: &'a Digest,
    /// The descriptor of the tool that was called.
    pub tool: &'a Digest,
    /// The import, for example `sql.execute`.
    pub call: &'a str,
    /// The canonical arguments of the import call.
    pub args: &'a Digest,
    /// The class the host gave it.
    pub effect: Effect,
    /// The resolved identity of what it goes to.
    pub destination: &'a str,
    /// The version of what it replaces, where there is one.
    pub prior_version: Option<&'a str>,
    /// The name of the rule that asked for the approval.
    pub rule: &'a str,
    /// What the approver was shown.
    pub rendering: &'a Digest,
    /// The key that keeps the call from being performed twice.
    pub idempotency_key: &'a str,
    /// The canonical input of the tool call.
    pub input: &'a Digest,
}

/// The canonical order: keys of a JSON object sorted as RFC 8785 wants it. The
/// fields of this struct stand in that order, so that writing it is canonical.
#[derive(Serialize)]
struct Sorted<'a> {
    args: &'a Digest,
    call: &'a str,
    case: &'a str,
    component: &'a Digest,
    destination: &'a str,
    effect: Effect,
    idempotency_key: &'a str,
    input: &'a Digest,
    position: u32,
    prior_version: Option<&'a str>,
    rendering: &'a Digest,
    rule: &'a str,
    run: &'a str,
    tenant: &'a str,
    tool: &'a Digest,
}

impl Binding<'_> {
    /// The digest that an approval carries.
    #[must_use]
    pub fn digest(&self) -> Digest {
        Digest::of_parts(DOMAIN, &[self.canonical().as_bytes()])
    }

    fn canonical(&self) -> String {
        let Self {
            tenant,
            case,
            run,
            position,
            component,
            tool,
            call,
            args,
            ..
        } = *self;
        let Self {
            effect,
            destination,
            prior_version,
            rule,
            rendering,
            ..
        } = *self;
        let Self {
            idempotency_key,
            input,
            ..
        } = *self;
        let sorted = Sorted {
            args,
            call,
            case,
            component,
            destination,
            effect,
            idempotency_key,
            input,
            position,
            prior_version,
            rendering,
            rule,
            run,
            tenant,
            tool,
        };
        serde_json::to_string(&sorted).expect("strings, digests and a small integer serialize")
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]
    use super::*;
    use proptest::prelude::*;
    use proptest::test_runner::{RngAlgorithm, TestRng, TestRunner};

    /// An owned binding, so that one field can be changed at a time.
    #[derive(Clone, Debug)]
    struct Owned {
        texts: [String; 8],
        digests: [[u8; 32]; 5],
        position: u32,
        effect: Effect,
        prior: Option<String>,
    }

    impl Owned {
        fn with<T>(&self, then: impl FnOnce(&Binding<'_>) -> T) -> T {
            let [tenant, case, run, call, destination, rule, key, _] = &self.texts;
            let [component, tool, args, rendering, input] = self.digests.map(Digest::from_bytes);
            then(&Binding {
                tenant,
                case,
                run,
                position: self.position,
                component: &component,
                tool: &tool,
                call,
                args: &args,
                effect: self.effect,
                destination,
                prior_version: self.prior.as_deref(),
                rule,
                rendering: &rendering,
                idempotency_key: key,
                input: &input,
            })
        }

        fn digest(&self) -> Digest {
            self.with(|binding| binding.digest())
        }

        /// Every binding that differs in one field.
        fn mutants(&self) -> Vec<Self> {
            let mut all = Vec::new();
            let mut push = |change: &dyn Fn(&mut Self)| {
                let mut mutant = self.clone();
                change(&mut mutant);
                all.push(mutant);
            };
            for i in 0..7 {
                push(&|m| m.texts[i].push('x'));
                push(&|m| m.texts[i].insert(0, '"'));
            }
            for i in 0..5 {
                push(&|m| m.digests[i][31] ^= 1);
            }
            push(&|m| m.position ^= 1);
            push(&|m| {
                m.effect = if m.effect == Effect::Read {
                    Effect::Write
                } else {
                    Effect::Read
                }
            });
            push(&|m| {
                m.prior = m
                    .prior
                    .as_ref()
                    .map_or(Some(String::new()), |p| Some(format!("{p}x")))
            });
            push(&|m| m.prior = m.prior.as_ref().map_or(Some("null".to_owned()), |_| None));
            all
        }
    }

    fn owned() -> impl Strategy<Value = Owned> {
        with_texts(any::<[String; 8]>())
    }

    /// The same with short texts of what a careless encoding would confuse: ten
    /// thousand of them are made in seconds.
    fn short() -> impl Strategy<Value = Owned> {
        with_texts(proptest::array::uniform8(r#"[ab"\\,:{}ü]{0,6}"#))
    }

    fn with_texts(texts: impl Strategy<Value = [String; 8]>) -> impl Strategy<Value = Owned> {
        (
            texts,
            any::<[[u8; 32]; 5]>(),
            any::<u32>(),
            0..3_usize,
            any::<Option<String>>(),
        )
            .prop_map(|(texts, digests, position, effect, prior)| Owned {
                texts,
                digests,
                position,
                effect: Effect::ALL[effect],
                prior,
            })
    }

    /// Approved calls whose every field is mutated.
    const APPROVED: u32 = 10_000;

    /// Everything that identifies a call, mutated one field at a time, in 10 000
    /// random calls. A failure names the seed; `TOLLGATE_SEED` repeats it.
    #[test]
    fn every_one_field_mutation_of_ten_thousand_approved_calls_voids_the_approval() {
        let seed: u64 = match std::env::var("TOLLGATE_SEED") {
            Ok(seed) => seed.parse().unwrap(),
            Err(_) => {
                let now = std::time::SystemTime::now();
                let since = now.duration_since(std::time::UNIX_EPOCH).unwrap();
                since.as_secs() ^ u64::from(since.subsec_nanos()) << 20
            }
        };
        let mut bytes = [0; 32];
        bytes[..8].copy_from_slice(&seed.to_le_bytes());
        let config = ProptestConfig {
            cases: APPROVED,
            failure_persistence: None,
            ..ProptestConfig::default()
        };
        let rng = TestRng::from_seed(RngAlgorithm::ChaCha, &bytes);
        let mutations = std::cell::Cell::new(0_u64);
        let outcome = TestRunner::new_with_rng(config, rng).run(&short(), |binding| {
            let digest = binding.digest();
            prop_assert_eq!(binding.clone().digest(), digest);
            for mutant in binding.mutants() {
                prop_assert_ne!(mutant.digest(), digest, "{:?}", mutant);
                mutations.set(mutations.get() + 1);
            }
            Ok(())
        });
        assert!(outcome.is_ok(), "seed {seed}: {}", outcome.unwrap_err());
        assert!(mutations.get() >= u64::from(APPROVED) * FIELDS);
    }

    /// A field that is added to a binding and not mutated here would make the test
    /// above say less than it does.
    const FIELDS: u64 = 15;

    #[test]
    fn every_field_of_a_binding_is_mutated() {
        let simplest = Owned {
            texts: Default::default(),
            digests: [[0; 32]; 5],
            position: 0,
            effect: Effect::Read,
            prior: None,
        };
        let fields = |owned: &Owned| {
            let text = owned.with(|binding| binding.canonical());
            let value: serde_json::Value = serde_json::from_str(&text).unwrap();
            value.as_object().unwrap().clone()
        };
        let before = fields(&simplest);
        assert_eq!(before.len() as u64, FIELDS);
        let mutants: Vec<_> = simplest.mutants().iter().map(&fields).collect();
        for (name, value) in &before {
            let touched = mutants.iter().any(|mutant| mutant[name] != *value);
            assert!(touched, "`{name}` is never mutated");
        }
    }

    proptest! {
        #[test]
        fn moving_text_between_two_fields_voids_an_approval(binding in owned(), i in 0..7_usize, j in 0..7_usize) {
            let mut moved = binding.clone();
            moved.texts.swap(i, j);
            prop_assert_eq!(moved.digest() == binding.digest(), binding.texts[i] == binding.texts[j]);
        }

        #[test]
        fn the_written_form_is_canonical(binding in owned()) {
            let text = binding.with(|binding| binding.canonical());
            let value = serde_json::from_str(&text).unwrap();
            prop_assert_eq!(crate::canonical(&value).unwrap(), text);
        }
    }
}

//! Schedules and blows drawn from a seed. The same seed gives the same schedules,
//! and the same blows as far as the same points are reached: how many commits
//! the schedules of one process share is a matter of timing.

use std::collections::BTreeMap;

use crate::job::{Action, Cards, Doubts, Schedule, Step, Tool};
use crate::points::{Blow, Strike};

/// SplitMix64 (Steele, Lea, Flood 2014): small, and the same on every machine.
#[derive(Clone, Debug)]
pub struct Random(u64);

impl Random {
    /// From a seed.
    #[must_use]
    pub fn new(seed: u64) -> Self {
        Self(seed)
    }

    /// The next 64 bits.
    pub fn bits(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    /// A number below `end`.
    pub fn below(&mut self, end: usize) -> usize {
        // The bias of a remainder is of no matter here.
        usize::try_from(self.bits() % (end as u64).max(1)).unwrap_or(0)
    }

    /// One of them.
    pub fn one<T: Clone>(&mut self, of: &[T]) -> T {
        of[self.below(of.len())].clone()
    }

    /// True once in `n`.
    pub fn once_in(&mut self, n: usize) -> bool {
        self.below(n) == 0
    }
}

/// A schedule of that name.
#[must_use]
pub fn schedule(random: &mut Random, name: &str) -> Schedule {
    let mut actions = Vec::new();
    for _ in 0..=random.below(2) {
        let tool = random.one(&[
            Tool::Make,
            Tool::Make,
            Tool::Ask,
            Tool::Ask,
            Tool::Look,
            Tool::Fail,
        ]);
        let call = actions.len();
        actions.push(Action::Call(tool, steps(random, tool, name)));
        if tool == Tool::Ask && !random.once_in(3) {
            actions.push(if random.once_in(4) {
                Action::Deny(call)
            } else {
                Action::Approve(call)
            });
        }
        if tool != Tool::Look && random.once_in(4) {
            actions.push(Action::Undo(call));
        }
    }
    Schedule {
        name: name.to_owned(),
        actions,
        asks_again: random.once_in(2),
        cards: random.one(&[Cards::Approve, Cards::Approve, Cards::Deny, Cards::Leave]),
        doubts: random.one(&[Doubts::Settle, Doubts::Settle, Doubts::Leave]),
    }
}

fn steps(random: &mut Random, tool: Tool, name: &str) -> Vec<Step> {
    let kinds: &[&str] = if tool == Tool::Look {
        &["read"]
    } else {
        &[
            "read",
            "idempotent",
            "readable",
            "conditional",
            "blind",
            "note",
        ]
    };
    let mut steps = Vec::new();
    for _ in 0..=random.below(3) {
        let kind = random.one(kinds);
        // Few entries, so that steps, runs and undos meet on one.
        let key = format!("{name}-{}", random.below(2));
        steps.push(match random.below(12) {
            0 => Step::lost(kind, &key),
            1 => Step::unsent(kind, &key),
            _ => Step::new(kind, &key, &format!("v{}", random.below(1_000))),
        });
    }
    steps
}

/// Where the next life ends: at one of the points that the same life reached when
/// nothing struck it. Points near an effect are drawn more often, and early hits
/// too: how often a late one comes is a matter of timing. Nothing where no point
/// was reached.
#[must_use]
pub fn strike(random: &mut Random, reached: &BTreeMap<String, u32>) -> Option<Strike> {
    let all: Vec<(&String, u32)> = reached
        .iter()
        .filter(|(_, hits)| **hits > 0)
        .map(|(point, hits)| (point, *hits))
        .collect();
    let near: Vec<(&String, u32)> = all
        .iter()
        .copied()
        .filter(|(point, _)| point.starts_with("door::") || point.starts_with("effect::"))
        .collect();
    let among = if near.is_empty() || random.once_in(2) {
        all
    } else {
        near
    };
    if among.is_empty() {
        return None;
    }
    let (point, hits) = random.one(&among);
    let most = if random.once_in(2) { hits.min(2) } else { hits };
    Some(Strike {
        point: point.to_owned(),
        hit: 1 + u32::try_from(random.below(most as usize)).unwrap_or(0),
        blow: Blow::Kill,
    })
}

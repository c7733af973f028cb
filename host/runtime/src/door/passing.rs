//! A call on its way through the door, as rules, records and cards see it.

use serde_json::Value;
use tollgate_journal::Stage;
use tollgate_policy::{Digest, Effect};

use super::{Described, Next, Operation, Recovery, UndoFacts};
use crate::error::Ending;
use crate::journal::Saying;

/// Longest name of a destination in a record, bytes.
const DESTINATION_BYTES_MAX: usize = 256;

/// A call on its way through the door.
pub(super) struct Passing {
    pub(super) call: &'static str,
    pub(super) position: u32,
    pub(super) fuel: Option<u64>,
    pub(super) destination: String,
    pub(super) identity: String,
    pub(super) effect: Effect,
    /// Whether a read carries words of the guest's out.
    pub(super) egress: bool,
    pub(super) arguments: Value,
    /// Canonical form of `arguments`; what is recorded and compared.
    pub(super) text: String,
    /// How a write is taken back, and until when.
    pub(super) undo: UndoFacts,
}

/// What comes next for a call of this operation.
pub(super) type NextOf<O> = Next<<O as Operation>::Plan, <O as Operation>::Reply>;

impl Passing {
    pub(super) fn new<O: Operation>(
        position: u32,
        fuel: Option<u64>,
        described: Described<O::Plan, O::Reply>,
    ) -> Result<(Self, NextOf<O>), Ending> {
        // Capabilities write integers beyond 2^53 and bytes as text, so this
        // fails only for a fault in one of them.
        let text = tollgate_policy::canonical(&described.arguments).map_err(|error| {
            Ending::HostFault(format!("{} has no canonical form: {error}", O::CALL))
        })?;
        // No grant has a name this long; it stands in public facts, which are
        // bounded, and is refused in any case.
        let mut destination = described.destination;
        if destination.len() > DESTINATION_BYTES_MAX {
            destination.truncate(destination.floor_char_boundary(DESTINATION_BYTES_MAX));
        }
        let passing = Self {
            call: O::CALL,
            position,
            fuel,
            destination,
            identity: described.identity,
            effect: described.effect,
            egress: false,
            arguments: described.arguments,
            text,
            undo: UndoFacts::default(),
        };
        Ok((passing, described.next))
    }

    /// What its destination resolves to, for a record: no server's name is public.
    pub(super) fn identity_digest(&self) -> String {
        Digest::of(self.identity.as_bytes()).to_string()
    }

    /// Whether it is recorded before it is made: a write, and a read that carries
    /// words out. An approval makes the same of any call.
    pub(super) fn needs_intent(&self) -> bool {
        self.effect > Effect::Read || self.egress
    }

    /// What can be done where its outcome is not known. A read is made again.
    pub(super) fn recovery<O: Operation>(&self, plan: &O::Plan) -> Recovery {
        if self.effect == Effect::Read {
            Recovery::Repeatable
        } else {
            O::recovery(plan)
        }
    }

    pub(super) fn saying(&self, stage: Stage) -> Saying {
        Saying::new(stage)
            .at(self.position)
            .fact("call", self.call)
            .fact("destination", self.destination.as_str())
            .fact("effect", self.effect.as_str())
            .maybe("fuel", self.fuel)
    }
}

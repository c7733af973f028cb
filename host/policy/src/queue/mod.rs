//! Whose work a failure is: each class goes to one named queue with an owner, and
//! from there to where that owner looks.

mod class;
mod notify;
mod template;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;

use serde_json::json;

pub use class::FailureClass;
pub use notify::{ANNOUNCEMENT, Notification, Notifications};
pub use template::{ApprovalField, InputTemplate, ItemField, TemplateField};

use crate::{Approver, Digest, canonical};

/// The queue that takes everything where an operator has said nothing.
pub const FAILURES: &str = "failures";

/// The group that owns it, and that sees every queue.
pub const OPERATORS: &str = "operators";

/// How often a delivery is tried where nothing is said.
pub const ATTEMPTS: u32 = 8;

/// Work of one kind of people.
#[derive(Clone, Debug, PartialEq)]
pub struct Queue {
    /// Its name, unique in the tenant.
    pub name: String,
    /// Who sees and resolves its items.
    pub owner: Approver,
    /// What goes there.
    pub classes: Vec<FailureClass>,
    /// Where its items are sent.
    pub deliveries: Vec<Delivery>,
}

/// One place where people look: a call of an installed connector's tool, with what it
/// says of an item, or of an approval.
#[derive(Clone, Debug, PartialEq)]
pub struct Delivery<F = ItemField> {
    /// Its name, unique in the queue, or among a tenant's notifications.
    pub name: String,
    /// Installed name of the connector.
    pub connector: String,
    /// The tool.
    pub tool: String,
    /// Its input.
    pub input: InputTemplate<F>,
    /// How often it is tried.
    pub attempts: u32,
    /// What the operator has approved once for all of its sendings.
    pub standing: Option<Standing>,
}

/// An approval for exactly one template and one destination. It stands in the place
/// of the one that an irreversible call needs at least, and of nothing else: a rule
/// that denies denies, and one that asks for an approval asks.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Standing {
    /// Who approved it, for the record.
    pub by: Approver,
    /// The import call, for example `http.send`.
    pub call: String,
    /// The destination's name in the manifest.
    pub destination: String,
}

/// What is sent where and how often, whatever it is about.
#[derive(Clone, Copy, Debug)]
pub struct Definition<'a> {
    /// Installed name of the connector.
    pub connector: &'a str,
    /// The tool.
    pub tool: &'a str,
    /// How often it is tried.
    pub attempts: u32,
    /// What the operator has approved once for all of its sendings.
    pub standing: Option<&'a Standing>,
    /// What that approval is bound to.
    pub digest: Digest,
}

impl<F: TemplateField> Delivery<F> {
    /// All but the template and the name.
    #[must_use]
    pub fn definition(&self) -> Definition<'_> {
        Definition {
            connector: &self.connector,
            tool: &self.tool,
            attempts: self.attempts,
            standing: self.standing.as_ref(),
            digest: self.digest(),
        }
    }

    /// What a standing approval is bound to: any change of tool, template or
    /// destination gives another one.
    #[must_use]
    pub fn digest(&self) -> Digest {
        let standing = self
            .standing
            .as_ref()
            .map(|standing| json!([standing.by.to_string(), standing.call, standing.destination]));
        let what = json!({
            "connector": self.connector,
            "tool": self.tool,
            "input": self.input.written(),
            "standing": standing,
        });
        // Its numbers came through TOML: those that JSON does not hold exactly were
        // refused there.
        let text = canonical(&what).unwrap_or_else(|_| what.to_string());
        Digest::of(text.as_bytes())
    }
}

/// Where a tenant's failures go. Every class has its place.
#[derive(Clone, Debug, PartialEq)]
pub struct Queues {
    queues: Vec<Queue>,
    /// An index into `queues`; nothing where nobody needs to know.
    of: BTreeMap<FailureClass, Option<usize>>,
}

/// Why queues are no mapping.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum MappingError {
    /// A class has no queue.
    #[error(
        "no queue takes the class `{0}`; add `\"{0}\"` to the `classes` of the [[queue]] whose owner must know of it"
    )]
    Unmapped(FailureClass),
    /// A class has two.
    #[error("two queues take the class `{0}`; a failure is one owner's")]
    Twice(FailureClass),
}

impl Default for Queues {
    /// One queue for everything, owned by `group:operators`.
    fn default() -> Self {
        let queue = Queue {
            name: FAILURES.to_owned(),
            owner: Approver::Group(OPERATORS.to_owned()),
            classes: FailureClass::ALL.to_vec(),
            deliveries: Vec::new(),
        };
        let of = FailureClass::ALL.iter().map(|class| (*class, Some(0)));
        Self {
            of: of.collect(),
            queues: vec![queue],
        }
    }
}

impl Queues {
    /// A mapping of all classes. `nobodys` are those that nobody needs to know of.
    ///
    /// # Errors
    ///
    /// When a class has no place, or two.
    pub fn new(queues: Vec<Queue>, nobodys: &[FailureClass]) -> Result<Self, MappingError> {
        let taken = queues
            .iter()
            .enumerate()
            .flat_map(|(index, queue)| queue.classes.iter().map(move |class| (class, Some(index))));
        let mut of = BTreeMap::new();
        for (class, place) in taken.chain(nobodys.iter().map(|class| (class, None))) {
            if of.insert(*class, place).is_some() {
                return Err(MappingError::Twice(*class));
            }
        }
        match FailureClass::ALL
            .iter()
            .find(|class| !of.contains_key(class))
        {
            Some(class) => Err(MappingError::Unmapped(*class)),
            None => Ok(Self { queues, of }),
        }
    }

    /// Where a class goes; nothing where nobody needs to know.
    #[must_use]
    pub fn of_class(&self, class: FailureClass) -> Option<&Queue> {
        let index = self.of.get(&class).copied().flatten()?;
        self.queues.get(index)
    }

    /// The queue of this name.
    #[must_use]
    pub fn named(&self, name: &str) -> Option<&Queue> {
        self.queues.iter().find(|queue| queue.name == name)
    }

    /// Whose an item is that is in the queue `name` as `class`: a connector names
    /// queues of its own, which may have no owner of theirs.
    #[must_use]
    pub fn responsible(&self, name: &str, class: Option<FailureClass>) -> Option<&Queue> {
        let named = self.named(name);
        named.or_else(|| self.of_class(class.unwrap_or(FailureClass::Failed)))
    }

    /// A delivery by its full name, `queue/delivery`.
    #[must_use]
    pub fn delivery(&self, name: &str) -> Option<(&Queue, &Delivery)> {
        let (queue, delivery) = name.split_once('/')?;
        let queue = self.named(queue)?;
        let mut deliveries = queue.deliveries.iter();
        let found = deliveries.find(|known| known.name == delivery)?;
        Some((queue, found))
    }

    /// All queues, as the operator wrote them.
    #[must_use]
    pub fn all(&self) -> &[Queue] {
        &self.queues
    }

    /// The classes that nobody needs to know of.
    pub fn nobodys(&self) -> impl Iterator<Item = FailureClass> {
        let places = self.of.iter();
        places.filter_map(|(class, place)| place.is_none().then_some(*class))
    }
}

//! Who hears of a pending approval: calls of installed connectors' tools, as queues
//! have them. An announcement says that somebody is asked, and where to sign in; by
//! itself it decides nothing.

use super::{ApprovalField, Delivery};

/// How the full name of an announcement begins. No queue's name has a colon.
pub const ANNOUNCEMENT: &str = "notify:";

/// One place where those who decide look.
#[derive(Clone, Debug, PartialEq)]
pub struct Notification {
    /// The approval's name in manifests; all of them where there is none.
    pub approval: Option<String>,
    /// Where it is sent.
    pub delivery: Delivery<ApprovalField>,
}

/// The announcements of a tenant.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Notifications(Vec<Notification>);

impl Notifications {
    /// In the operator's order, each with a name of its own.
    #[must_use]
    pub const fn new(all: Vec<Notification>) -> Self {
        Self(all)
    }

    /// The full names of those that announce this approval.
    pub fn of_approval<'a>(&'a self, approval: &'a str) -> impl Iterator<Item = String> + 'a {
        let of = self.0.iter().filter(move |one| {
            let named = one.approval.as_deref();
            named.is_none_or(|named| named == approval)
        });
        of.map(|one| format!("{ANNOUNCEMENT}{}", one.delivery.name))
    }

    /// One by its full name.
    #[must_use]
    pub fn named(&self, name: &str) -> Option<&Notification> {
        let name = name.strip_prefix(ANNOUNCEMENT)?;
        self.0.iter().find(|one| one.delivery.name == name)
    }
}

//! How much waits for people.

/// What waits in a tenant, counted.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Waiting {
    /// Pending approvals by what they ask for.
    pub approvals: Vec<(String, u64)>,
    /// Open items by queue.
    pub items: Vec<(String, u64)>,
}

impl Waiting {
    /// From rows of what it is, whose it is, and how many.
    pub(crate) fn of(rows: Vec<(String, String, i64)>) -> Self {
        let mut waiting = Self::default();
        for (what, name, count) in rows {
            let of_it = match what.as_str() {
                "approval" => &mut waiting.approvals,
                _ => &mut waiting.items,
            };
            of_it.push((name, u64::try_from(count).unwrap_or_default()));
        }
        waiting
    }
}

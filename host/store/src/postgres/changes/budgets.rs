//! Turns of those who take from a budget.

use super::{Applied, Applying};
use crate::Rejected;
use crate::places::stored_ms;

impl Applying<'_> {
    pub(super) async fn take_from_budget(&mut self, budget: &str, seen: u64) -> Applied {
        const TAKE: &str = "
            INSERT INTO budgets AS b (tenant_id, name, taken) SELECT $1, $2, $3 + 1
            WHERE $3 = 0 OR EXISTS (SELECT 1 FROM budgets WHERE tenant_id = $1 AND name = $2)
            ON CONFLICT (tenant_id, name) DO UPDATE SET taken = b.taken + 1 WHERE b.taken = $3";
        let take = self
            .of_tenant(TAKE)
            .bind(budget.to_owned())
            .bind(stored_ms(seen));
        Ok(match self.changed(take).await? {
            true => Ok(()),
            false => Err(Rejected::BudgetMoved(budget.to_owned())),
        })
    }
}

//! Turns of those who take from a budget.

use sqlx::Arguments;
use sqlx::sqlite::SqliteArguments;

use super::{Applied, Applying, arguments, stored_ms};
use crate::Rejected;

impl Applying<'_> {
    pub(super) async fn take_from_budget(&mut self, budget: &str, seen: u64) -> Applied {
        const TAKE: &str = "
            INSERT INTO budgets (tenant_id, name, taken) SELECT ?1, ?2, ?3 + 1
            WHERE ?3 = 0 OR EXISTS (SELECT 1 FROM budgets WHERE tenant_id = ?1 AND name = ?2)
            ON CONFLICT (tenant_id, name) DO UPDATE SET taken = taken + 1 WHERE taken = ?3";
        let arguments = arguments![self.tenant_id, budget, stored_ms(seen)];
        Ok(match self.changed(TAKE, arguments).await? {
            true => Ok(()),
            false => Err(Rejected::BudgetMoved(budget.to_owned())),
        })
    }
}

//! Deliveries of items: which host tries one, and what it came to.

use super::{Applied, Applying};
use crate::places::stored_ms;
use crate::{DeliveryRow, Rejected, Tried};

impl Applying<'_> {
    /// One that is there stays as it is: it may be under way.
    pub(super) async fn put_delivery(&mut self, row: &DeliveryRow) -> Applied {
        const PUT: &str = "
            INSERT INTO deliveries (tenant_id, item, name, state, attempts, due_ms,
                claimed_until_ms)
            VALUES ($1, $2, $3, 'pending', 0, $4, 0)
            ON CONFLICT DO NOTHING";
        let put = self
            .of_tenant(PUT)
            .bind(row.item.clone())
            .bind(row.name.clone())
            .bind(self.now);
        self.changed(put).await?;
        Ok(Ok(()))
    }

    pub(super) async fn claim_delivery(
        &mut self,
        item: &str,
        name: &str,
        attempts: u32,
        owner: &str,
        for_ms: u64,
    ) -> Applied {
        const CLAIM: &str = "
            UPDATE deliveries SET claimed_by = $5, claimed_until_ms = $6
            WHERE tenant_id = $1 AND item = $2 AND name = $3 AND attempts = $4
                AND state = 'pending' AND due_ms <= $7
                AND (claimed_by IS NULL OR claimed_until_ms < $7)";
        let claim = self
            .of_tenant(CLAIM)
            .bind(item.to_owned())
            .bind(name.to_owned())
            .bind(i64::from(attempts))
            .bind(owner.to_owned())
            .bind(self.now.saturating_add(stored_ms(for_ms)))
            .bind(self.now);
        let claimed = self.changed(claim).await?;
        Ok(taken(claimed, item, name))
    }

    pub(super) async fn settle_delivery(
        &mut self,
        item: &str,
        name: &str,
        attempts: u32,
        tried: Tried,
        run: Option<&str>,
    ) -> Applied {
        const SETTLE: &str = "
            UPDATE deliveries SET state = $5, attempts = $6, due_ms = $7, claimed_by = NULL,
                claimed_until_ms = 0, run = coalesce($8, run)
            WHERE tenant_id = $1 AND item = $2 AND name = $3 AND attempts = $4
                AND state = 'pending'";
        let (state, tries, after_ms) = tried.becomes(attempts);
        let settle = self
            .of_tenant(SETTLE)
            .bind(item.to_owned())
            .bind(name.to_owned())
            .bind(i64::from(attempts))
            .bind(state.as_str())
            .bind(i64::from(tries))
            .bind(self.now.saturating_add(stored_ms(after_ms)))
            .bind(run.map(str::to_owned));
        let settled = self.changed(settle).await?;
        Ok(taken(settled, item, name))
    }
}

fn taken(changed: bool, item: &str, name: &str) -> Result<(), Rejected> {
    match changed {
        true => Ok(()),
        false => Err(Rejected::delivery_taken(item, name)),
    }
}

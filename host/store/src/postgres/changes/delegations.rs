//! Who decides for whom.

use super::{Applied, Applying};
use crate::places::stored_ms;
use crate::postgres::fault::Fault;
use crate::{DelegationRow, OnBehalf, Rejected};

impl Applying<'_> {
    pub(super) async fn put_delegation(&mut self, row: &DelegationRow) -> Applied {
        const PUT: &str = "
            INSERT INTO delegations (tenant_id, id, delegator, deputy, approver, from_ms,
                until_ms, created_ms)
            VALUES ($1, $2, $3, $4, $5, $6, $7, $8) ON CONFLICT DO NOTHING";
        let put = self
            .of_tenant(PUT)
            .bind(row.id.clone())
            .bind(row.delegator.clone())
            .bind(row.deputy.clone())
            .bind(row.approver.clone())
            .bind(stored_ms(row.from_ms))
            .bind(stored_ms(row.until_ms))
            .bind(stored_ms(row.created_ms));
        Ok(if self.changed(put).await? {
            Ok(())
        } else {
            Err(Rejected::DelegationExists(row.id.clone()))
        })
    }

    pub(super) async fn end_delegation(&mut self, id: &str, by: &str, at_ms: u64) -> Applied {
        const END: &str = "
            UPDATE delegations SET ended_ms = $4, ended_by = $3
            WHERE tenant_id = $1 AND id = $2 AND ended_ms IS NULL AND until_ms >= $4";
        let end = self
            .of_tenant(END)
            .bind(id.to_owned())
            .bind(by.to_owned())
            .bind(self.later(at_ms));
        Ok(if self.changed(end).await? {
            Ok(())
        } else {
            Err(Rejected::NoDelegation(id.to_owned()))
        })
    }

    pub(super) async fn is_in_force(
        &mut self,
        for_whom: &OnBehalf,
        deputy: &str,
        now_ms: u64,
    ) -> Result<bool, Fault> {
        const IN_FORCE: &str = "
            SELECT 1 FROM delegations WHERE tenant_id = $1 AND id = $2 AND delegator = $3
                AND deputy = $4 AND from_ms <= $5 AND until_ms >= $5 AND ended_ms IS NULL";
        let in_force = self
            .of_tenant(IN_FORCE)
            .bind(for_whom.delegation.clone())
            .bind(for_whom.delegator.clone())
            .bind(deputy.to_owned())
            .bind(stored_ms(now_ms));
        Ok(self.row(in_force).await?.is_some())
    }
}

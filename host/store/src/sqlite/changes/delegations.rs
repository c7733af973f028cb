//! Who decides for whom.

use sqlx::Arguments;
use sqlx::sqlite::SqliteArguments;

use super::{Applied, Applying, arguments, stored_ms};
use crate::sqlite::fault::Fault;
use crate::{DelegationRow, OnBehalf, Rejected};

impl Applying<'_> {
    pub(super) async fn put_delegation(&mut self, row: &DelegationRow) -> Applied {
        const PUT: &str = "
            INSERT INTO delegations (tenant_id, id, delegator, deputy, approver, from_ms,
                until_ms, created_ms)
            VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8) ON CONFLICT DO NOTHING";
        let arguments = arguments![
            self.tenant_id,
            row.id.as_str(),
            row.delegator.as_str(),
            row.deputy.as_str(),
            row.approver.as_str(),
            stored_ms(row.from_ms),
            stored_ms(row.until_ms),
            stored_ms(row.created_ms),
        ];
        Ok(if self.changed(PUT, arguments).await? {
            Ok(())
        } else {
            Err(Rejected::DelegationExists(row.id.clone()))
        })
    }

    pub(super) async fn end_delegation(&mut self, id: &str, by: &str, at_ms: u64) -> Applied {
        const END: &str = "
            UPDATE delegations SET ended_ms = ?4, ended_by = ?3
            WHERE tenant_id = ?1 AND id = ?2 AND ended_ms IS NULL AND until_ms >= ?4";
        let now = stored_ms(self.later(at_ms));
        let arguments = arguments![self.tenant_id, id, by, now];
        Ok(if self.changed(END, arguments).await? {
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
            SELECT 1 FROM delegations WHERE tenant_id = ?1 AND id = ?2 AND delegator = ?3
                AND deputy = ?4 AND from_ms <= ?5 AND until_ms >= ?5 AND ended_ms IS NULL";
        let arguments = arguments![
            self.tenant_id,
            for_whom.delegation.as_str(),
            for_whom.delegator.as_str(),
            deputy,
            stored_ms(now_ms),
        ];
        Ok(self.row(IN_FORCE, arguments).await?.is_some())
    }
}

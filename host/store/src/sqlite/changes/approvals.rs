//! Approvals: decided once, used once, in time.

use sqlx::sqlite::SqliteArguments;
use sqlx::{Arguments, Row};

use super::{Applied, Applying, arguments, read_ms, stored_ms, to_json};
use crate::sqlite::fault::Fault;
use crate::{ApprovalRow, ApprovalState, Rejected, Verdict};

/// What says why an approval did not change.
struct ApprovalNow {
    state: ApprovalState,
    principal: String,
    digest: String,
    decide_by_ms: u64,
    execute_by_ms: u64,
    decided_by: Option<String>,
}

impl Applying<'_> {
    pub(super) async fn put_approval(&mut self, row: &ApprovalRow) -> Applied {
        const PUT: &str = "
            INSERT INTO approvals (tenant_id, id, run, case_id, connector, tool, principal,
                position, approval, rule, approvers, digest, state, created_ms, decide_by_ms,
                execute_within_ms, card)
            VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, 'pending', ?13, ?14, ?15, ?16)
            ON CONFLICT DO NOTHING";
        let arguments = arguments![
            self.tenant_id,
            row.id.as_str(),
            row.run.as_str(),
            row.case.as_str(),
            row.connector.as_str(),
            row.tool.as_str(),
            row.principal.as_str(),
            i64::from(row.position),
            row.approval.as_str(),
            row.rule.as_str(),
            to_json(&row.approvers),
            row.digest.as_str(),
            stored_ms(row.created_ms),
            stored_ms(row.decide_by_ms),
            stored_ms(row.execute_within_ms),
            row.card.as_deref(),
        ];
        let put = self.changed(PUT, arguments).await?;
        Ok(if put {
            Ok(())
        } else {
            Err(Rejected::ApprovalExists(row.id.clone()))
        })
    }

    pub(super) async fn decide_approval(
        &mut self,
        id: &str,
        verdict: &Verdict,
        by: &str,
        at_ms: u64,
    ) -> Applied {
        // That the requester does not decide is the server's rule; it is checked
        // here again because a fault there would make every gate worthless.
        const DECIDE: &str = "
            UPDATE approvals SET state = ?3, decided_by = ?4, decided_ms = ?5,
                execute_by_ms = ?6 + execute_within_ms
            WHERE tenant_id = ?1 AND id = ?2 AND state = 'pending' AND decide_by_ms >= ?5
              AND principal <> ?4";
        let now_ms = self.later(at_ms);
        let (state, from) = match verdict {
            Verdict::Approved => (ApprovalState::Approved, Some(stored_ms(now_ms))),
            Verdict::Denied => (ApprovalState::Denied, None),
        };
        let now = stored_ms(now_ms);
        let arguments = arguments![self.tenant_id, id, state.as_str(), by, now, from];
        if self.changed(DECIDE, arguments).await? {
            self.make_ready(id).await?;
            return Ok(Ok(()));
        }
        let Some(found) = self.approval(id).await? else {
            return Ok(Err(Rejected::NoSuchApproval(id.to_owned())));
        };
        Ok(Err(match found.state {
            ApprovalState::Pending if found.principal == by => Rejected::OwnRequest,
            ApprovalState::Pending | ApprovalState::Expired => Rejected::Expired {
                limit_ms: found.decide_by_ms,
                now_ms,
            },
            state => Rejected::AlreadyDecided {
                state,
                by: found.decided_by,
            },
        }))
    }

    pub(super) async fn consume_approval(&mut self, id: &str, digest: &str, at_ms: u64) -> Applied {
        const CONSUME: &str = "
            UPDATE approvals SET state = 'consumed', consumed_ms = ?4
            WHERE tenant_id = ?1 AND id = ?2 AND state = 'approved' AND digest = ?3
              AND execute_by_ms >= ?4";
        let now_ms = self.later(at_ms);
        let arguments = arguments![self.tenant_id, id, digest, stored_ms(now_ms)];
        if self.changed(CONSUME, arguments).await? {
            return Ok(Ok(()));
        }
        let Some(found) = self.approval(id).await? else {
            return Ok(Err(Rejected::NoSuchApproval(id.to_owned())));
        };
        Ok(Err(match found.state {
            ApprovalState::Consumed => Rejected::AlreadyConsumed,
            ApprovalState::Approved if found.digest != digest => Rejected::DigestMismatch,
            ApprovalState::Approved => Rejected::Expired {
                limit_ms: found.execute_by_ms,
                now_ms,
            },
            state => Rejected::NotApproved { state },
        }))
    }

    pub(super) async fn expire_approval(&mut self, id: &str, at_ms: u64) -> Applied {
        const EXPIRE: &str = "
            UPDATE approvals SET state = 'expired'
            WHERE tenant_id = ?1 AND id = ?2
              AND ((state = 'pending' AND decide_by_ms < ?3)
                OR (state = 'approved' AND execute_by_ms < ?3))";
        let now = stored_ms(at_ms.min(self.now_ms));
        if self
            .changed(EXPIRE, arguments![self.tenant_id, id, now])
            .await?
        {
            self.make_ready(id).await?;
            return Ok(Ok(()));
        }
        let Some(found) = self.approval(id).await? else {
            return Ok(Err(Rejected::NoSuchApproval(id.to_owned())));
        };
        Ok(Err(match found.state {
            ApprovalState::Pending => Rejected::NotExpired {
                limit_ms: found.decide_by_ms,
            },
            ApprovalState::Approved => Rejected::NotExpired {
                limit_ms: found.execute_by_ms,
            },
            state => Rejected::AlreadyDecided {
                state,
                by: found.decided_by,
            },
        }))
    }

    pub(super) async fn void_approval(&mut self, id: &str) -> Applied {
        const VOID: &str = "
            UPDATE approvals SET state = 'voided'
            WHERE tenant_id = ?1 AND id = ?2 AND state IN ('pending', 'approved')";
        if self.changed(VOID, arguments![self.tenant_id, id]).await? {
            self.make_ready(id).await?;
            return Ok(Ok(()));
        }
        Ok(Err(match self.approval(id).await? {
            Some(found) => Rejected::AlreadyDecided {
                state: found.state,
                by: found.decided_by,
            },
            None => Rejected::NoSuchApproval(id.to_owned()),
        }))
    }

    async fn approval(&mut self, id: &str) -> Result<Option<ApprovalNow>, Fault> {
        const NOW: &str = "
            SELECT state, principal, digest, decide_by_ms, execute_by_ms, decided_by
            FROM approvals WHERE tenant_id = ?1 AND id = ?2";
        let Some(row) = self.row(NOW, arguments![self.tenant_id, id]).await? else {
            return Ok(None);
        };
        let execute_by: Option<i64> = row.try_get(4)?;
        Ok(Some(ApprovalNow {
            state: ApprovalState::from_stored(row.try_get(0)?)?,
            principal: row.try_get(1)?,
            digest: row.try_get(2)?,
            decide_by_ms: read_ms(row.try_get(3)?),
            execute_by_ms: read_ms(execute_by.unwrap_or(0)),
            decided_by: row.try_get(5)?,
        }))
    }
}

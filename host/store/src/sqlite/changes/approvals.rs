//! Approvals: decided once, used once, in time.

use sqlx::sqlite::SqliteArguments;
use sqlx::{Arguments, Row};

use super::votes::{Yes, denial, has_a_vote, may_decide, votes};
use super::{Applied, Applying, arguments, read_ms, stored_ms, to_json};
use crate::sqlite::fault::Fault;
use crate::{ApprovalRow, ApprovalState, Rejected, Verdict};

/// What says why an approval did not change.
pub(super) struct ApprovalNow {
    pub(super) state: ApprovalState,
    pub(super) principal: String,
    digest: String,
    pub(super) decide_by_ms: u64,
    execute_by_ms: u64,
    pub(super) decided_by: Option<String>,
    pub(super) quorum: u32,
    pub(super) votes: u32,
}

/// A small count as stored.
fn few(stored: i64) -> u32 {
    u32::try_from(stored).unwrap_or(u32::MAX)
}

impl Applying<'_> {
    pub(super) async fn put_approval(&mut self, row: &ApprovalRow) -> Applied {
        const PUT: &str = "
            INSERT INTO approvals (tenant_id, id, run, case_id, connector, tool, principal,
                position, approval, rule, approvers, digest, state, created_ms, decide_by_ms,
                execute_within_ms, card, quorum, excluded, asked, deny_stands_ms, exception)
            VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, 'pending', ?13, ?14, ?15,
                ?16, ?17, ?18, ?19, ?20, ?21)
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
            i64::from(row.quorum),
            to_json(&row.excluded),
            row.asked.as_str(),
            stored_ms(row.deny_stands_ms),
            row.exception,
        ];
        if !self.changed(PUT, arguments).await? {
            return Ok(Err(Rejected::ApprovalExists(row.id.clone())));
        }
        self.exclude(row).await?;
        Ok(Ok(()))
    }

    pub(super) async fn decide_approval(&mut self, said: &Yes<'_>, verdict: &Verdict) -> Applied {
        // That the requester does not decide is the server's rule; it is checked
        // here again because a fault there would make every gate worthless.
        const DECIDE: &str = concat!(
            "UPDATE approvals AS a SET state = ?6, decided_by = ?3, decided_ms = ?5,
                execute_by_ms = iif(?6 = 'approved', ?5 + execute_within_ms, NULL),
                denied_until_ms = iif(?6 = 'denied', ?5 + deny_stands_ms, NULL)
            WHERE ",
            may_decide!(),
            " AND (?6 = 'denied' OR ",
            has_a_vote!(),
            " AND 1 + ",
            votes!(),
            " >= a.quorum)"
        );
        let state = match verdict {
            Verdict::Approved => ApprovalState::Approved,
            Verdict::Denied => ApprovalState::Denied,
        };
        let arguments = self.of_yes(said, Some(state.as_str()))?;
        if !self.changed(DECIDE, arguments).await? {
            return self.why_not(said).await;
        }
        if state == ApprovalState::Approved {
            self.cast(said).await?;
        }
        self.make_ready(said.id).await?;
        Ok(Ok(()))
    }

    pub(super) async fn consume_approval(&mut self, id: &str, digest: &str, at_ms: u64) -> Applied {
        // The votes are counted again by their own rows: an approval that was made
        // an approved one in any other way than by its people is worth nothing.
        const CONSUME: &str = concat!(
            "UPDATE approvals AS a SET state = 'consumed', consumed_ms = ?4
            WHERE a.tenant_id = ?1 AND a.id = ?2 AND state = 'approved' AND digest = ?3
              AND execute_by_ms >= ?4 AND ",
            votes!(),
            " >= a.quorum AND NOT EXISTS (SELECT 1 ",
            denial!(),
            ")"
        );
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
            ApprovalState::Approved if found.execute_by_ms < now_ms => Rejected::Expired {
                limit_ms: found.execute_by_ms,
                now_ms,
            },
            ApprovalState::Approved if found.votes >= found.quorum => Rejected::DenialStands {
                approval: self.denied_as(id, now_ms).await?,
            },
            ApprovalState::Approved => Rejected::QuorumMissing {
                votes: found.votes,
                quorum: found.quorum,
            },
            state => Rejected::NotApproved { state },
        }))
    }

    /// The denial that stands against an approval.
    async fn denied_as(&mut self, id: &str, now_ms: u64) -> Result<String, Fault> {
        const DENIED: &str = concat!(
            "SELECT (SELECT d.id ",
            denial!(),
            " LIMIT 1) FROM approvals AS a WHERE a.tenant_id = ?1 AND a.id = ?2 AND ?3 IS NULL"
        );
        let none: Option<&str> = None;
        let arguments = arguments![self.tenant_id, id, none, stored_ms(now_ms)];
        let found = self.row(DENIED, arguments).await?;
        let found: Option<Option<String>> = found.map(|row| row.try_get(0)).transpose()?;
        Ok(found.flatten().unwrap_or_default())
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

    pub(super) async fn withdraw_approval(&mut self, id: &str) -> Applied {
        const WITHDRAW: &str = "
            UPDATE approvals SET state = 'expired'
            WHERE tenant_id = ?1 AND id = ?2 AND state IN ('pending', 'approved')";
        if self
            .changed(WITHDRAW, arguments![self.tenant_id, id])
            .await?
        {
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

    pub(super) async fn approval(&mut self, id: &str) -> Result<Option<ApprovalNow>, Fault> {
        const NOW: &str = concat!(
            "SELECT state, principal, digest, decide_by_ms, execute_by_ms, decided_by, quorum, ",
            votes!(),
            " FROM approvals AS a WHERE a.tenant_id = ?1 AND a.id = ?2"
        );
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
            quorum: few(row.try_get(6)?),
            votes: few(row.try_get(7)?),
        }))
    }
}

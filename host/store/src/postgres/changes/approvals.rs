//! Approvals.

use sqlx::Row;

use super::votes::{Yes, denial, has_a_vote, may_decide, votes};
use super::{Applied, Applying, to_json};
use crate::places::{read_ms, stored_ms};
use crate::postgres::fault::Fault;
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

/// After an approval is pending no longer: the held run that waits for it waits
/// for nobody any more.
macro_rules! and_ready {
    ($($change:expr),+ $(,)?) => {
        concat!(
            "WITH changed AS (",
            $($change,)+
            " RETURNING tenant_id, id), ready AS (
                UPDATE runs AS r SET ready = TRUE FROM changed AS c
                WHERE r.tenant_id = c.tenant_id AND r.approval = c.id AND r.state = 'held'
                  AND r.run = (SELECT a.run FROM approvals AS a
                      WHERE a.tenant_id = c.tenant_id AND a.id = c.id))
            SELECT 1 FROM changed"
        )
    };
}

impl Applying<'_> {
    pub(super) async fn put_approval(&mut self, row: &ApprovalRow) -> Applied {
        const PUT: &str = "
            INSERT INTO approvals (tenant_id, id, run, case_id, connector, tool, principal,
                position, approval, rule, approvers, digest, state, created_ms, decide_by_ms,
                execute_within_ms, card, quorum, excluded, asked, deny_stands_ms, exception)
            VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, 'pending', $13, $14, $15,
                $16, $17, $18, $19, $20, $21)
            ON CONFLICT DO NOTHING";
        let put = self
            .of_tenant(PUT)
            .bind(row.id.clone())
            .bind(row.run.clone())
            .bind(row.case.clone())
            .bind(row.connector.clone())
            .bind(row.tool.clone())
            .bind(row.principal.clone())
            .bind(i64::from(row.position))
            .bind(row.approval.clone())
            .bind(row.rule.clone())
            .bind(to_json(&row.approvers))
            .bind(row.digest.clone())
            .bind(stored_ms(row.created_ms))
            .bind(stored_ms(row.decide_by_ms))
            .bind(stored_ms(row.execute_within_ms))
            .bind(row.card.clone())
            .bind(i64::from(row.quorum))
            .bind(to_json(&row.excluded))
            .bind(row.asked.clone())
            .bind(stored_ms(row.deny_stands_ms))
            .bind(i64::from(row.exception));
        if !self.changed(put).await? {
            return Ok(Err(Rejected::ApprovalExists(row.id.clone())));
        }
        self.exclude(row).await?;
        Ok(Ok(()))
    }

    pub(super) async fn decide_approval(&mut self, said: &Yes<'_>, verdict: &Verdict) -> Applied {
        // That the requester does not decide is the server's rule; it is checked
        // here again because a fault there would make every gate worthless. A time
        // beyond the last that can be kept means that one.
        const DECIDE: &str = and_ready!(
            "UPDATE approvals AS a SET state = $7, decided_by = $3, decided_ms = $5,
                execute_by_ms = CASE WHEN $7 = 'approved'
                    THEN least($5::numeric + execute_within_ms, 9223372036854775807)::bigint END,
                denied_until_ms = CASE WHEN $7 = 'denied'
                    THEN least($5::numeric + deny_stands_ms, 9223372036854775807)::bigint END
            WHERE ",
            may_decide!(),
            " AND ($7 = 'denied' OR ",
            has_a_vote!(),
            " AND 1 + ",
            votes!(),
            " >= a.quorum)"
        );
        let state = match verdict {
            Verdict::Approved => ApprovalState::Approved,
            Verdict::Denied => ApprovalState::Denied,
        };
        let decide = self.of_yes(DECIDE, said).bind(state.as_str());
        if self.row(decide).await?.is_none() {
            return self.why_not(said).await;
        }
        if state == ApprovalState::Approved {
            self.cast(said).await?;
        }
        Ok(Ok(()))
    }

    pub(super) async fn consume_approval(&mut self, id: &str, digest: &str, at_ms: u64) -> Applied {
        // The votes are counted again by their own rows: an approval that was made
        // an approved one in any other way than by its people is worth nothing.
        const CONSUME: &str = concat!(
            "UPDATE approvals AS a SET state = 'consumed', consumed_ms = $4
            WHERE a.tenant_id = $1 AND a.id = $2 AND state = 'approved' AND digest = $3
              AND execute_by_ms >= $4 AND ",
            votes!(),
            " >= a.quorum AND NOT EXISTS (SELECT ",
            denial!(),
            " AND d.denied_until_ms >= $4)"
        );
        let now = self.later(at_ms);
        let consume = self.of_tenant(CONSUME).bind(id.to_owned());
        if self
            .changed(consume.bind(digest.to_owned()).bind(now))
            .await?
        {
            return Ok(Ok(()));
        }
        let Some(found) = self.approval(id).await? else {
            return Ok(Err(Rejected::NoSuchApproval(id.to_owned())));
        };
        Ok(Err(match found.state {
            ApprovalState::Consumed => Rejected::AlreadyConsumed,
            ApprovalState::Approved if found.digest != digest => Rejected::DigestMismatch,
            ApprovalState::Approved if found.execute_by_ms < read_ms(now) => Rejected::Expired {
                limit_ms: found.execute_by_ms,
                now_ms: read_ms(now),
            },
            ApprovalState::Approved if found.votes >= found.quorum => Rejected::DenialStands {
                approval: self.denied_as(id, now).await?,
            },
            ApprovalState::Approved => Rejected::QuorumMissing {
                votes: found.votes,
                quorum: found.quorum,
            },
            state => Rejected::NotApproved { state },
        }))
    }

    /// The denial that stands against an approval.
    async fn denied_as(&mut self, id: &str, now: i64) -> Result<String, Fault> {
        const DENIED: &str = concat!(
            "SELECT d.id FROM approvals AS a CROSS JOIN LATERAL (SELECT d.id ",
            denial!(),
            " AND d.denied_until_ms >= $3 LIMIT 1) AS d WHERE a.tenant_id = $1 AND a.id = $2"
        );
        let denied = self.of_tenant(DENIED).bind(id.to_owned()).bind(now);
        let found = self.row(denied).await?;
        let found: Option<String> = found.map(|row| row.try_get(0)).transpose()?;
        Ok(found.unwrap_or_default())
    }

    pub(super) async fn expire_approval(&mut self, id: &str, at_ms: u64) -> Applied {
        const EXPIRE: &str = and_ready!(
            "UPDATE approvals SET state = 'expired'
            WHERE tenant_id = $1 AND id = $2
              AND ((state = 'pending' AND decide_by_ms < $3)
                OR (state = 'approved' AND execute_by_ms < $3))"
        );
        let now = stored_ms(at_ms).min(self.now);
        let expire = self.of_tenant(EXPIRE).bind(id.to_owned()).bind(now);
        if self.row(expire).await?.is_some() {
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
        const WITHDRAW: &str = and_ready!(
            "UPDATE approvals SET state = 'expired'
            WHERE tenant_id = $1 AND id = $2 AND state IN ('pending', 'approved')"
        );
        let withdraw = self.of_tenant(WITHDRAW).bind(id.to_owned());
        if self.row(withdraw).await?.is_some() {
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
        const VOID: &str = and_ready!(
            "UPDATE approvals SET state = 'voided'
            WHERE tenant_id = $1 AND id = $2 AND state IN ('pending', 'approved')"
        );
        let void = self.of_tenant(VOID).bind(id.to_owned());
        if self.row(void).await?.is_some() {
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
            " FROM approvals AS a WHERE a.tenant_id = $1 AND a.id = $2"
        );
        let now = self.of_tenant(NOW).bind(id.to_owned());
        let Some(row) = self.row(now).await? else {
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

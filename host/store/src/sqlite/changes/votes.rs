//! Who says yes to a held call: each person once, never the requester, and a
//! deputy only while the delegation is in force.

use sqlx::sqlite::SqliteArguments;
use sqlx::{Arguments, Row};

use super::{Applied, Applying, arguments, stored_ms, to_json};
use crate::sqlite::fault::Fault;
use crate::{ApprovalRow, ApprovalState, OnBehalf, Rejected};

/// What a person says of an approval.
pub(super) struct Yes<'a> {
    pub(super) id: &'a str,
    by: &'a str,
    on_behalf: Option<&'a OnBehalf>,
    at_ms: u64,
}

impl<'a> Yes<'a> {
    pub(super) const fn new(
        id: &'a str,
        by: &'a str,
        on_behalf: Option<&'a OnBehalf>,
        at_ms: u64,
    ) -> Self {
        Self {
            id,
            by,
            on_behalf,
            at_ms,
        }
    }

    fn delegator(&self) -> Option<&'a str> {
        self.on_behalf.map(|for_whom| for_whom.delegator.as_str())
    }
}

/// Of approval `a`, with `?1` tenant, `?2` approval, `?3` who, `?4` for whom, `?5`
/// now and `?7` the delegation: whether that person may decide on it.
macro_rules! may_decide {
    () => {
        "a.tenant_id = ?1 AND a.id = ?2 AND a.state = 'pending' AND a.decide_by_ms >= ?5
            AND a.principal <> ?3 AND a.principal IS NOT ?4
            AND (?4 IS NULL OR EXISTS (SELECT 1 FROM delegations AS d
                WHERE d.tenant_id = ?1 AND d.id = ?7 AND d.delegator = ?4 AND d.deputy = ?3
                  AND d.from_ms <= ?5 AND d.until_ms >= ?5 AND d.ended_ms IS NULL))"
    };
}
pub(super) use may_decide;

/// Whether neither that person nor the one it is a deputy of is used up.
macro_rules! has_a_vote {
    () => {
        "NOT EXISTS (SELECT 1 FROM approval_votes AS v WHERE v.tenant_id = ?1
            AND v.approval = ?2 AND (v.person = ?3 OR v.person = ?4))"
    };
}
pub(super) use has_a_vote;

/// How many people said yes to exactly what approval `a` is about.
macro_rules! votes {
    () => {
        "(SELECT count(DISTINCT v.voter) FROM approval_votes AS v
            WHERE v.tenant_id = a.tenant_id AND v.approval = a.id AND v.digest = a.digest)"
    };
}
pub(super) use votes;

/// Denials of the same as approval `a` that stand at `?4`.
macro_rules! denial {
    () => {
        "FROM approvals AS d WHERE d.tenant_id = a.tenant_id AND d.state = 'denied'
            AND d.asked = a.asked AND d.run <> a.run AND d.denied_until_ms >= ?4"
    };
}
pub(super) use denial;

impl Applying<'_> {
    /// A yes that is not the last one needed.
    pub(super) async fn vote_approval(&mut self, yes: &Yes<'_>) -> Applied {
        // The last one is another change, with another record: an approval that
        // has its votes is approved.
        const VOTE: &str = concat!(
            "INSERT INTO approval_votes (tenant_id, approval, person, voter, digest, at_ms)
            SELECT a.tenant_id, a.id, p.person, ?3, a.digest, ?5
            FROM approvals AS a JOIN (SELECT ?3 AS person UNION SELECT ?4) AS p
                ON p.person IS NOT NULL
            WHERE ?6 IS NULL AND ",
            may_decide!(),
            " AND ",
            has_a_vote!(),
            " AND 1 + ",
            votes!(),
            " < a.quorum"
        );
        let arguments = self.of_yes(yes, None)?;
        if self.changed(VOTE, arguments).await? {
            return Ok(Ok(()));
        }
        self.why_not(yes).await
    }

    /// The rows of a yes whose conditions were checked.
    pub(super) async fn cast(&mut self, yes: &Yes<'_>) -> Result<(), Fault> {
        const CAST: &str = "
            INSERT INTO approval_votes (tenant_id, approval, person, voter, digest, at_ms)
            SELECT a.tenant_id, a.id, p.person, ?3, a.digest, ?5
            FROM approvals AS a JOIN (SELECT ?3 AS person UNION SELECT ?4) AS p
                ON p.person IS NOT NULL
            WHERE a.tenant_id = ?1 AND a.id = ?2";
        let now = stored_ms(self.later(yes.at_ms));
        let arguments = arguments![self.tenant_id, yes.id, yes.by, yes.delegator(), now];
        self.changed(CAST, arguments).await?;
        Ok(())
    }

    /// Those who may not vote on a new approval.
    pub(super) async fn exclude(&mut self, row: &ApprovalRow) -> Result<(), Fault> {
        const EXCLUDE: &str = "
            INSERT INTO approval_votes (tenant_id, approval, person, voter, digest, at_ms)
            SELECT DISTINCT ?1, ?2, value, NULL, ?3, ?4 FROM json_each(?5)";
        if row.excluded.is_empty() {
            return Ok(());
        }
        let arguments = arguments![
            self.tenant_id,
            row.id.as_str(),
            row.digest.as_str(),
            stored_ms(row.created_ms),
            to_json(&row.excluded),
        ];
        self.changed(EXCLUDE, arguments).await?;
        Ok(())
    }

    /// What the marks of `may_decide!` mean; `?6` is the statement's own.
    pub(super) fn of_yes(
        &self,
        yes: &Yes<'_>,
        state: Option<&'static str>,
    ) -> Result<SqliteArguments, Fault> {
        let now = stored_ms(self.later(yes.at_ms));
        let delegation = yes.on_behalf.map(|for_whom| for_whom.delegation.as_str());
        Ok(arguments![
            self.tenant_id,
            yes.id,
            yes.by,
            yes.delegator(),
            now,
            state,
            delegation,
        ])
    }

    /// Why a decision was not taken.
    pub(super) async fn why_not(&mut self, yes: &Yes<'_>) -> Applied {
        const USED: &str = "
            SELECT person, voter FROM approval_votes
            WHERE tenant_id = ?1 AND approval = ?2 AND (person = ?3 OR person = ?4)
            ORDER BY voter IS NULL DESC LIMIT 1";
        let now_ms = self.later(yes.at_ms);
        let Some(found) = self.approval(yes.id).await? else {
            return Ok(Err(Rejected::NoSuchApproval(yes.id.to_owned())));
        };
        let over = Rejected::Expired {
            limit_ms: found.decide_by_ms,
            now_ms,
        };
        match found.state {
            ApprovalState::Pending if found.decide_by_ms >= now_ms => {}
            ApprovalState::Pending | ApprovalState::Expired => return Ok(Err(over)),
            state => {
                return Ok(Err(Rejected::AlreadyDecided {
                    state,
                    by: found.decided_by,
                }));
            }
        }
        if found.principal == yes.by || Some(found.principal.as_str()) == yes.delegator() {
            return Ok(Err(Rejected::OwnRequest));
        }
        let arguments = arguments![self.tenant_id, yes.id, yes.by, yes.delegator()];
        if let Some(used) = self.row(USED, arguments).await? {
            let voter: Option<String> = used.try_get(1)?;
            return Ok(Err(match voter {
                Some(voter) => Rejected::AlreadyVoted {
                    person: used.try_get(0)?,
                    voter,
                },
                None => Rejected::OwnRequest,
            }));
        }
        if let Some(for_whom) = yes.on_behalf
            && !self.is_in_force(for_whom, yes.by, now_ms).await?
        {
            let delegation = for_whom.delegation.clone();
            return Ok(Err(Rejected::NoDelegation(delegation)));
        }
        Ok(Err(Rejected::VotesChanged {
            votes: found.votes,
            quorum: found.quorum,
        }))
    }

    /// A yes is taken back; whoever prepares to act on it finds none.
    pub(super) async fn revoke_vote(&mut self, id: &str, by: &str) -> Applied {
        const REVOKE: &str = "
            UPDATE approvals SET state = 'pending', decided_by = NULL, decided_ms = NULL,
                execute_by_ms = NULL
            WHERE tenant_id = ?1 AND id = ?2 AND state IN ('pending', 'approved')
              AND EXISTS (SELECT 1 FROM approval_votes AS v WHERE v.tenant_id = ?1
                AND v.approval = ?2 AND v.person = ?3 AND v.voter IS NOT NULL)";
        const REMOVE: &str = "
            DELETE FROM approval_votes WHERE tenant_id = ?1 AND approval = ?2
                AND voter = (SELECT v.voter FROM approval_votes AS v
                    WHERE v.tenant_id = ?1 AND v.approval = ?2 AND v.person = ?3)";
        const WAITS: &str = "
            UPDATE runs SET ready = 0 WHERE tenant_id = ?1 AND state = 'held' AND approval = ?2";
        if self
            .changed(REVOKE, arguments![self.tenant_id, id, by])
            .await?
        {
            self.changed(REMOVE, arguments![self.tenant_id, id, by])
                .await?;
            self.changed(WAITS, arguments![self.tenant_id, id]).await?;
            return Ok(Ok(()));
        }
        Ok(Err(match self.approval(id).await? {
            None => Rejected::NoSuchApproval(id.to_owned()),
            Some(found) => match found.state {
                ApprovalState::Consumed => Rejected::AlreadyConsumed,
                ApprovalState::Pending | ApprovalState::Approved => Rejected::NoVote(by.to_owned()),
                state => Rejected::AlreadyDecided {
                    state,
                    by: found.decided_by,
                },
            },
        }))
    }
}

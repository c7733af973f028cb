//! Runs and their leases.

use std::collections::HashMap;

use sqlx::Row;
use sqlx::postgres::{PgConnection, PgRow};

use super::{Applied, Applying};
use crate::heads::OpenHeads;
use crate::places::{lease_until_ms, stored_ms};
use crate::postgres::fault::Fault;
use crate::{Change, Rejected, RunRow, RunState, Submission};

/// A run's lease as stored, its row locked.
struct Lease {
    owner: Option<String>,
    token: i64,
    until_ms: i64,
}

impl Lease {
    fn of(row: &PgRow) -> Result<Self, Fault> {
        Ok(Self {
            owner: row.try_get("lease_owner")?,
            token: row.try_get("lease_token")?,
            until_ms: row.try_get("lease_until_ms")?,
        })
    }
}

/// The leases that submissions of a transaction ask about, read and locked in one
/// statement: nearly every submission of a run that writes asks.
pub(in crate::postgres) struct Leases(HashMap<(i64, String), Lease>);

impl Leases {
    pub(in crate::postgres) async fn of(
        connection: &mut PgConnection,
        submissions: impl Iterator<Item = &Submission>,
        heads: &OpenHeads,
    ) -> Result<Self, Fault> {
        // Locked until the end of the transaction: no other host can take the
        // lease over between this look and the commit, and read the journal
        // without what is about to be written.
        const LEASES: &str = "
            SELECT r.tenant_id, r.run, r.lease_owner, r.lease_token, r.lease_until_ms
            FROM runs AS r
            WHERE (r.tenant_id, r.run) IN (SELECT * FROM unnest($1::bigint[], $2::text[]))
            ORDER BY r.tenant_id, r.run FOR UPDATE";
        let (mut tenants, mut runs) = (Vec::new(), Vec::new());
        for submission in submissions {
            let Some(Ok(head)) = heads.get(submission.tenant.as_str()) else {
                continue;
            };
            for change in &submission.changes {
                if let Change::HoldsRun { run, .. } = change {
                    tenants.push(head.tenant_id());
                    runs.push(run.as_str());
                }
            }
        }
        if runs.is_empty() {
            return Ok(Self(HashMap::new()));
        }
        let select = sqlx::query(LEASES).bind(tenants).bind(runs);
        let rows = select.fetch_all(connection).await?;
        let lease = |row: &PgRow| Ok(((row.try_get(0)?, row.try_get(1)?), Lease::of(row)?));
        Ok(Self(rows.iter().map(lease).collect::<Result<_, Fault>>()?))
    }

    /// The run's row was changed: what was read before does not count any more.
    fn forget(&mut self, tenant_id: i64, run: &str) {
        self.0.remove(&(tenant_id, run.to_owned()));
    }
}

impl Applying<'_> {
    pub(super) async fn put_run(&mut self, row: &RunRow) -> Applied {
        // Refused before the unique index would end the transaction of everybody in
        // it: a run that becomes active while another of the same request is, or
        // after one that ended since the look for equal ones. Without the latter, two
        // hosts asked at once would both do it, the second just after the first.
        const PUT: &str = "
            INSERT INTO runs AS r (tenant_id, run, case_id, workflow, principal, connector, tool,
                manifest_digest, component, input_digest, request_key, same, state, approval,
                opened_ms, updated_ms, lease_owner, lease_until_ms, lease_token, sealed, ended_at, ready)
            SELECT $1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16,
                CASE WHEN $13 = 'open' THEN $17 END, CASE WHEN $13 = 'open' THEN $18 ELSE 0 END,
                $19, $20, $21, $13 = 'held' AND EXISTS (
                    SELECT FROM approvals AS a
                    WHERE a.tenant_id = $1 AND a.id = $14 AND a.state <> 'pending')
            WHERE $13 NOT IN ('open', 'held', 'in_doubt')
               OR EXISTS (SELECT FROM runs AS own WHERE own.tenant_id = $1 AND own.run = $2
                    AND own.state IN ('open', 'held', 'in_doubt'))
               OR NOT EXISTS (
                SELECT FROM runs AS other WHERE other.tenant_id = $1 AND other.same = $12
                    AND other.run <> $2 AND other.state IN ('open', 'held', 'in_doubt'))
               AND NOT EXISTS (
                SELECT FROM runs AS other WHERE other.tenant_id = $1 AND other.same = $12
                    AND other.run <> $2 AND other.ended_at > $22 AND other.state <> 'undone')
            ON CONFLICT (tenant_id, run) DO UPDATE SET
                workflow = excluded.workflow, manifest_digest = excluded.manifest_digest,
                component = excluded.component, state = excluded.state,
                approval = excluded.approval, updated_ms = excluded.updated_ms,
                sealed = excluded.sealed, ended_at = excluded.ended_at, ready = excluded.ready,
                lease_owner = CASE WHEN excluded.state = 'open' THEN r.lease_owner END,
                lease_until_ms = CASE WHEN excluded.state = 'open' THEN r.lease_until_ms ELSE 0 END";
        self.leases.forget(self.tenant_id, &row.run);
        let put = self
            .of_tenant(PUT)
            .bind(row.run.clone())
            .bind(row.case.clone())
            .bind(row.workflow.clone())
            .bind(row.principal.clone())
            .bind(row.connector.clone())
            .bind(row.tool.clone())
            .bind(row.manifest_digest.clone())
            .bind(row.component.clone())
            .bind(row.input_digest.clone())
            .bind(row.request_key.clone())
            .bind(row.same.clone())
            .bind(row.state.as_str())
            .bind(row.approval.clone())
            .bind(stored_ms(row.opened_ms))
            .bind(stored_ms(row.updated_ms))
            .bind(row.lease_owner.clone())
            .bind(lease_until_ms(row, self.now))
            .bind(stored_ms(row.lease_token))
            .bind(row.sealed.clone())
            .bind((!row.state.is_active()).then_some(self.count))
            .bind(row.looked_at.map(stored_ms));
        if self.changed(put).await? {
            return Ok(Ok(()));
        }
        const FIRST: &str = "
            SELECT run, state, input_digest FROM runs WHERE tenant_id = $1 AND same = $2
                AND run <> $3 AND (state IN ('open', 'held', 'in_doubt')
                    OR (ended_at > $4 AND state <> 'undone'))
            ORDER BY state IN ('open', 'held', 'in_doubt') DESC, ended_at DESC LIMIT 1";
        let first = self
            .of_tenant(FIRST)
            .bind(row.same.clone())
            .bind(row.run.clone())
            .bind(row.looked_at.map(stored_ms));
        let first = self.row(first).await?;
        let first = first.ok_or_else(|| Fault::corrupt("a run was refused without another"))?;
        let state = RunState::from_stored(first.try_get(1)?)?;
        Ok(Err(Rejected::RunExists {
            run: first.try_get(0)?,
            state,
            input_digest: first.try_get(2)?,
        }))
    }

    pub(super) async fn holds_run(&mut self, run: &str, owner: &str, token: u64) -> Applied {
        const LEASE: &str = "
            SELECT lease_owner, lease_token, lease_until_ms FROM runs
            WHERE tenant_id = $1 AND run = $2 FOR UPDATE";
        let held = |lease: &Lease, now| {
            lease.owner.as_deref() == Some(owner)
                && lease.token == stored_ms(token)
                && lease.until_ms >= now
        };
        let known = self.leases.0.get(&(self.tenant_id, run.to_owned()));
        let holds = match known.map(|lease| held(lease, self.now)) {
            Some(holds) => holds,
            None => {
                let lease = self.of_tenant(LEASE).bind(run.to_owned());
                let Some(row) = self.row(lease).await? else {
                    return Ok(Err(Rejected::NoSuchRun(run.to_owned())));
                };
                held(&Lease::of(&row)?, self.now)
            }
        };
        Ok(if holds {
            Ok(())
        } else {
            Err(Rejected::LeaseLost)
        })
    }

    pub(super) async fn release_run(&mut self, run: &str, owner: &str, token: u64) -> Applied {
        const RELEASE: &str = "
            UPDATE runs SET lease_owner = NULL, lease_until_ms = 0
            WHERE tenant_id = $1 AND run = $2 AND lease_owner = $3 AND lease_token = $4";
        self.leases.forget(self.tenant_id, run);
        let release = self
            .of_tenant(RELEASE)
            .bind(run.to_owned())
            .bind(owner.to_owned())
            .bind(stored_ms(token));
        self.changed(release).await?;
        Ok(Ok(()))
    }
}

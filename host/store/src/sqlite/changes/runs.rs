//! Runs and their leases inside a submission.

use sqlx::sqlite::SqliteArguments;
use sqlx::{Arguments, Row};

use super::{Applied, Applying, arguments, stored_ms};
use crate::places::lease_until_ms;
use crate::sqlite::fault::Fault;
use crate::sqlite::leases::Holder;
use crate::{Rejected, RunRow, RunState};

impl Applying<'_> {
    pub(super) async fn put_run(&mut self, row: &RunRow) -> Applied {
        // Refused: a run that becomes active while another of the same request is,
        // or after one that ended since the look for equal ones. Without the latter, two
        // hosts asked at once would both do it, the second just after the first.
        const PUT: &str = "
            INSERT INTO runs (tenant_id, run, case_id, workflow, principal, connector, tool,
                manifest_digest, component, input_digest, request_key, same, state, approval,
                opened_ms, updated_ms, lease_owner, lease_until_ms, lease_token, sealed, ended_at, ready)
            SELECT ?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15, ?16,
                iif(?13 = 'open', ?17, NULL), iif(?13 = 'open', ?18, 0), ?19, ?20,
                ?21,
                ?13 = 'held' AND EXISTS (SELECT 1 FROM approvals AS a
                    WHERE a.tenant_id = ?1 AND a.id = ?14 AND a.state <> 'pending')
            WHERE ?13 NOT IN ('open', 'held', 'in_doubt')
               OR EXISTS (SELECT 1 FROM runs AS own WHERE own.tenant_id = ?1 AND own.run = ?2
                    AND own.state IN ('open', 'held', 'in_doubt'))
               OR NOT EXISTS (
                SELECT 1 FROM runs AS other WHERE other.tenant_id = ?1 AND other.same = ?12
                    AND other.run <> ?2 AND other.state IN ('open', 'held', 'in_doubt'))
               AND NOT EXISTS (
                SELECT 1 FROM runs AS other WHERE other.tenant_id = ?1 AND other.same = ?12
                    AND other.run <> ?2 AND other.ended_at > ?22 AND other.state <> 'undone')
            ON CONFLICT (tenant_id, run) DO UPDATE SET
                workflow = excluded.workflow, manifest_digest = excluded.manifest_digest,
                component = excluded.component, state = excluded.state,
                approval = excluded.approval, updated_ms = excluded.updated_ms,
                sealed = excluded.sealed, ended_at = excluded.ended_at, ready = excluded.ready,
                lease_owner = iif(excluded.state = 'open', lease_owner, NULL),
                lease_until_ms = iif(excluded.state = 'open', lease_until_ms, 0)";
        let arguments = arguments![
            self.tenant_id,
            row.run.as_str(),
            row.case.as_str(),
            row.workflow.as_deref(),
            row.principal.as_str(),
            row.connector.as_str(),
            row.tool.as_str(),
            row.manifest_digest.as_str(),
            row.component.as_str(),
            row.input_digest.as_str(),
            row.request_key.as_deref(),
            row.same.as_str(),
            row.state.as_str(),
            row.approval.as_deref(),
            stored_ms(row.opened_ms),
            stored_ms(row.updated_ms),
            row.lease_owner.as_deref(),
            lease_until_ms(row, stored_ms(self.now_ms)),
            stored_ms(row.lease_token),
            row.sealed.as_deref(),
            (!row.state.is_active()).then_some(stored_ms(self.count)),
            row.looked_at.map(stored_ms),
        ];
        if self.changed(PUT, arguments).await? {
            return Ok(Ok(()));
        }
        const FIRST: &str = "
            SELECT run, state, input_digest FROM runs WHERE tenant_id = ?1 AND same = ?2
                AND run <> ?3 AND (state IN ('open', 'held', 'in_doubt')
                    OR (ended_at > ?4 AND state <> 'undone'))
            ORDER BY state IN ('open', 'held', 'in_doubt') DESC, ended_at DESC LIMIT 1";
        let looked = row.looked_at.map(stored_ms);
        let arguments = arguments![self.tenant_id, row.same.as_str(), row.run.as_str(), looked];
        let first = self.row(FIRST, arguments).await?;
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
            SELECT lease_owner, lease_token, lease_until_ms
            FROM runs WHERE tenant_id = ?1 AND run = ?2";
        let (token, now) = (stored_ms(token), stored_ms(self.now_ms));
        let holds = match self.leases.get(self.tenant_id, run) {
            Some(holder) => holder.is(owner, token, now),
            None => {
                let row = self.row(LEASE, arguments![self.tenant_id, run]).await?;
                let Some(row) = row else {
                    return Ok(Err(Rejected::NoSuchRun(run.to_owned())));
                };
                let holder = Holder {
                    owner: row.try_get(0)?,
                    token: row.try_get(1)?,
                    until_ms: row.try_get(2)?,
                };
                holder.is(owner, token, now)
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
            WHERE tenant_id = ?1 AND run = ?2 AND lease_owner = ?3 AND lease_token = ?4";
        let arguments = arguments![self.tenant_id, run, owner, stored_ms(token)];
        self.changed(RELEASE, arguments).await?;
        Ok(Ok(()))
    }
}

/// A held run waits for nobody any more.
const READY: &str = "
    UPDATE runs SET ready = 1
    WHERE tenant_id = ?1 AND state = 'held' AND approval = ?2
      AND run = (SELECT run FROM approvals WHERE tenant_id = ?1 AND id = ?2)";

impl Applying<'_> {
    /// The approval's run is found by whoever looks for work.
    pub(super) async fn make_ready(&mut self, approval: &str) -> Result<(), Fault> {
        self.changed(READY, arguments![self.tenant_id, approval])
            .await?;
        Ok(())
    }
}

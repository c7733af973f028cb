//! Workflows and their cases.

use sqlx::Row;

use super::{Applied, Applying};
use crate::places::{read_ms, stored_ms};
use crate::{CaseRow, CaseRun, CaseState, Rejected, WorkflowRow};

impl Applying<'_> {
    pub(super) async fn put_workflow(&mut self, row: &WorkflowRow) -> Applied {
        const PUT: &str = "
            INSERT INTO workflows (tenant_id, name, text, installed_ms) VALUES ($1, $2, $3, $4)
            ON CONFLICT (tenant_id, name) DO UPDATE SET text = excluded.text,
                installed_ms = excluded.installed_ms";
        let put = self
            .of_tenant(PUT)
            .bind(row.name.clone())
            .bind(row.text.clone())
            .bind(stored_ms(row.installed_ms));
        self.changed(put).await?;
        Ok(Ok(()))
    }

    pub(super) async fn remove_workflow(&mut self, name: &str) -> Applied {
        const REMOVE: &str = "DELETE FROM workflows WHERE tenant_id = $1 AND name = $2";
        let remove = self.of_tenant(REMOVE).bind(name.to_owned());
        Ok(match self.changed(remove).await? {
            true => Ok(()),
            false => Err(Rejected::NoSuchWorkflow(name.to_owned())),
        })
    }

    pub(super) async fn open_case(&mut self, row: &CaseRow) -> Applied {
        const OPEN: &str = "
            INSERT INTO cases (tenant_id, case_id, workflow, state, opened_by, started_by, single,
                opened_ms, due_ms, runs, done, failures, denials, runs_max, failures_max,
                denials_max)
            VALUES ($1, $2, $3, 'open', $4, $5, $6, $7, $8, $9, 0, 0, 0, $10, $11, $12)
            ON CONFLICT DO NOTHING";
        let open = self
            .of_tenant(OPEN)
            .bind(row.case.clone())
            .bind(row.workflow.clone())
            .bind(row.opened_by.clone())
            .bind(row.started_by.clone())
            .bind(i64::from(row.single))
            .bind(stored_ms(row.opened_ms))
            .bind(stored_ms(row.due_ms))
            .bind(stored_ms(row.runs))
            .bind(stored_ms(row.runs_max))
            .bind(stored_ms(row.failures_max))
            .bind(stored_ms(row.denials_max));
        Ok(match self.changed(open).await? {
            true => Ok(()),
            false => Err(Rejected::CaseExists(row.case.clone())),
        })
    }

    pub(super) async fn enter_case(&mut self, case: &str, at_ms: u64) -> Applied {
        const ENTER: &str = "
            UPDATE cases SET runs = runs + 1
            WHERE tenant_id = $1 AND case_id = $2 AND state = 'open' AND due_ms > $3
                AND runs < runs_max AND failures < failures_max AND denials < denials_max";
        let at = self.later(at_ms);
        let enter = self.of_tenant(ENTER).bind(case.to_owned()).bind(at);
        match self.changed(enter).await? {
            true => Ok(Ok(())),
            false => self.not_open(case).await,
        }
    }

    pub(super) async fn leave_case(&mut self, case: &str, run: CaseRun) -> Applied {
        const LEAVE: &str = "
            UPDATE cases SET done = done + $3, failures = failures + $4, denials = denials + $5
            WHERE tenant_id = $1 AND case_id = $2";
        let count = |counted: CaseRun| i64::from(run == counted);
        let leave = self
            .of_tenant(LEAVE)
            .bind(case.to_owned())
            .bind(count(CaseRun::Done))
            .bind(count(CaseRun::Failed))
            .bind(count(CaseRun::Denied));
        self.changed(leave).await?;
        Ok(Ok(()))
    }

    pub(super) async fn close_case(&mut self, case: &str, state: CaseState, at_ms: u64) -> Applied {
        const CLOSE: &str = "
            UPDATE cases SET state = $3, closed_ms = $4
            WHERE tenant_id = $1 AND case_id = $2
                AND (state = 'open' OR (state = 'completed' AND $3 = 'undone'))";
        let at = self.later(at_ms);
        let close = self
            .of_tenant(CLOSE)
            .bind(case.to_owned())
            .bind(state.as_str())
            .bind(at);
        match self.changed(close).await? {
            true => Ok(Ok(())),
            false => self.not_open(case).await,
        }
    }

    /// Why a case was not entered or closed.
    async fn not_open(&mut self, case: &str) -> Applied {
        const NOW: &str = "SELECT state, runs FROM cases WHERE tenant_id = $1 AND case_id = $2";
        let now = self.of_tenant(NOW).bind(case.to_owned());
        let Some(row) = self.row(now).await? else {
            return Ok(Err(Rejected::NoSuchCase(case.to_owned())));
        };
        let (state, runs): (String, i64) = (row.try_get(0)?, row.try_get(1)?);
        Ok(Err(Rejected::CaseNotOpen {
            case: case.to_owned(),
            state: CaseState::from_stored(&state)?,
            runs: read_ms(runs),
        }))
    }
}

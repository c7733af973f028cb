//! Workflows and their cases.

use sqlx::sqlite::SqliteArguments;
use sqlx::{Arguments, Row};

use super::{Applied, Applying, arguments, read_ms, stored_ms};
use crate::sqlite::fault::Fault;
use crate::{CaseRow, CaseRun, CaseState, Rejected, WorkflowRow};

impl Applying<'_> {
    pub(super) async fn put_workflow(&mut self, row: &WorkflowRow) -> Applied {
        const PUT: &str = "
            INSERT INTO workflows (tenant_id, name, text, installed_ms) VALUES (?1, ?2, ?3, ?4)
            ON CONFLICT (tenant_id, name) DO UPDATE SET text = excluded.text,
                installed_ms = excluded.installed_ms";
        let arguments = arguments![
            self.tenant_id,
            row.name.as_str(),
            row.text.as_str(),
            stored_ms(row.installed_ms),
        ];
        self.changed(PUT, arguments).await?;
        Ok(Ok(()))
    }

    pub(super) async fn remove_workflow(&mut self, name: &str) -> Applied {
        const REMOVE: &str = "DELETE FROM workflows WHERE tenant_id = ?1 AND name = ?2";
        let arguments = arguments![self.tenant_id, name];
        Ok(match self.changed(REMOVE, arguments).await? {
            true => Ok(()),
            false => Err(Rejected::NoSuchWorkflow(name.to_owned())),
        })
    }

    pub(super) async fn open_case(&mut self, row: &CaseRow) -> Applied {
        const OPEN: &str = "
            INSERT INTO cases (tenant_id, case_id, workflow, state, opened_by, started_by, single,
                opened_ms, due_ms, runs, done, failures, denials, runs_max, failures_max,
                denials_max)
            VALUES (?1, ?2, ?3, 'open', ?4, ?5, ?6, ?7, ?8, ?9, 0, 0, 0, ?10, ?11, ?12)
            ON CONFLICT DO NOTHING";
        let arguments = arguments![
            self.tenant_id,
            row.case.as_str(),
            row.workflow.as_str(),
            row.opened_by.as_str(),
            row.started_by.as_str(),
            i64::from(row.single),
            stored_ms(row.opened_ms),
            stored_ms(row.due_ms),
            stored_ms(row.runs),
            stored_ms(row.runs_max),
            stored_ms(row.failures_max),
            stored_ms(row.denials_max),
        ];
        Ok(match self.changed(OPEN, arguments).await? {
            true => Ok(()),
            false => Err(Rejected::CaseExists(row.case.clone())),
        })
    }

    pub(super) async fn enter_case(&mut self, case: &str, at_ms: u64) -> Applied {
        const ENTER: &str = "
            UPDATE cases SET runs = runs + 1
            WHERE tenant_id = ?1 AND case_id = ?2 AND state = 'open' AND due_ms > ?3
                AND runs < runs_max AND failures < failures_max AND denials < denials_max";
        let at = stored_ms(self.later(at_ms));
        if self
            .changed(ENTER, arguments![self.tenant_id, case, at])
            .await?
        {
            return Ok(Ok(()));
        }
        self.not_open(case).await
    }

    pub(super) async fn leave_case(&mut self, case: &str, run: CaseRun) -> Applied {
        const LEAVE: &str = "
            UPDATE cases SET done = done + ?3, failures = failures + ?4, denials = denials + ?5
            WHERE tenant_id = ?1 AND case_id = ?2";
        let count = |counted: CaseRun| i64::from(run == counted);
        let arguments = arguments![
            self.tenant_id,
            case,
            count(CaseRun::Done),
            count(CaseRun::Failed),
            count(CaseRun::Denied),
        ];
        self.changed(LEAVE, arguments).await?;
        Ok(Ok(()))
    }

    pub(super) async fn close_case(&mut self, case: &str, state: CaseState, at_ms: u64) -> Applied {
        const CLOSE: &str = "
            UPDATE cases SET state = ?3, closed_ms = ?4
            WHERE tenant_id = ?1 AND case_id = ?2
                AND (state = 'open' OR (state = 'completed' AND ?3 = 'undone'))";
        let at = stored_ms(self.later(at_ms));
        let arguments = arguments![self.tenant_id, case, state.as_str(), at];
        if self.changed(CLOSE, arguments).await? {
            return Ok(Ok(()));
        }
        self.not_open(case).await
    }

    /// Why a case was not entered or closed.
    async fn not_open(&mut self, case: &str) -> Applied {
        const NOW: &str = "SELECT state, runs FROM cases WHERE tenant_id = ?1 AND case_id = ?2";
        let Some(row) = self.row(NOW, arguments![self.tenant_id, case]).await? else {
            return Ok(Err(Rejected::NoSuchCase(case.to_owned())));
        };
        let (state, runs): (String, i64) = (row.try_get(0)?, row.try_get(1)?);
        let state = CaseState::from_stored(&state).map_err(Fault::from)?;
        Ok(Err(Rejected::CaseNotOpen {
            case: case.to_owned(),
            state,
            runs: read_ms(runs),
        }))
    }
}

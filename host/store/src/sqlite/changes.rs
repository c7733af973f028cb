//! The changes of a submission, each as one conditional statement: the condition
//! stands in the statement's `WHERE`, so that nothing lies between looking and
//! writing (CWE-367). Only when nothing was changed is the reason looked up.

mod approvals;
mod budgets;
mod delegations;
mod deliveries;
mod erase;
mod installed;
mod proofs;
mod queue;
mod runs;
mod values;
mod votes;
mod work;

use sqlx::Executor;
use sqlx::sqlite::{SqliteArguments, SqliteConnection, SqliteRow};

use self::values::Cell;
use self::votes::Yes;
use super::erasing::Scans;
use super::fault::Fault;
use super::leases::Known;
pub(super) use crate::places::{read_ms, stored_ms};
use crate::{Change, Rejected, Submission};

/// Where changes are applied.
pub(super) struct Applying<'a> {
    pub(super) connection: &'a mut SqliteConnection,
    pub(super) tenant_id: i64,
    pub(super) now_ms: u64,
    /// How many records the tenant has once the submission is kept.
    pub(super) count: u64,
    /// What was found before the transaction for the erasures in it.
    pub(super) scans: &'a Scans,
    /// What was found at its beginning of the leases that are asked for in it.
    pub(super) leases: &'a mut Known,
}

/// A condition did not hold.
pub(super) struct Refused {
    pub(super) why: Rejected,
    /// Changes before it were made and are still there.
    pub(super) partly: bool,
}

type Applied = Result<Result<(), Rejected>, Fault>;

/// Apply all changes of a submission, or leave nothing of them, except when
/// `partly` says otherwise.
pub(super) async fn apply(
    mut at: Applying<'_>,
    submission: &Submission,
    savepoint: bool,
) -> Result<Result<(), Refused>, Fault> {
    let savepoint = savepoint && submission.changes.len() > 1;
    if savepoint {
        at.connection.execute("SAVEPOINT submission").await?;
    }
    for (index, change) in submission.changes.iter().enumerate() {
        at.leases.forget(at.tenant_id, change);
        if let Err(why) = at.change(change).await? {
            if savepoint {
                let undo = "ROLLBACK TO submission; RELEASE submission";
                at.connection.execute(undo).await?;
            }
            return Ok(Err(Refused {
                why,
                partly: index > 0 && !savepoint,
            }));
        }
    }
    if savepoint {
        at.connection.execute("RELEASE submission").await?;
    }
    Ok(Ok(()))
}

/// Arguments in the order of a statement's marks.
macro_rules! arguments {
    ($($value:expr),* $(,)?) => {{
        let mut arguments = SqliteArguments::default();
        $(arguments.add($value)?;)*
        arguments
    }};
}
pub(super) use arguments;

impl Applying<'_> {
    async fn change(&mut self, change: &Change) -> Applied {
        match change {
            Change::PutRun(row) => self.put_run(row).await,
            Change::HoldsRun { run, owner, token } => self.holds_run(run, owner, *token).await,
            Change::ReleaseRun { run, owner, token } => self.release_run(run, owner, *token).await,
            Change::PutApproval(row) => self.put_approval(row).await,
            Change::VoteApproval {
                id,
                by,
                on_behalf,
                at_ms,
            } => {
                let yes = Yes::new(id, by, on_behalf.as_ref(), *at_ms);
                self.vote_approval(&yes).await
            }
            Change::RevokeVote { id, by } => self.revoke_vote(id, by).await,
            Change::PutDelegation(row) => self.put_delegation(row).await,
            Change::EndDelegation { id, by, at_ms } => self.end_delegation(id, by, *at_ms).await,
            Change::DecideApproval {
                id,
                decision,
                by,
                on_behalf,
                at_ms,
            } => {
                let said = Yes::new(id, by, on_behalf.as_ref(), *at_ms);
                self.decide_approval(&said, decision).await
            }
            Change::ConsumeApproval { id, digest, at_ms } => {
                self.consume_approval(id, digest, *at_ms).await
            }
            Change::ExpireApproval { id, at_ms } => self.expire_approval(id, *at_ms).await,
            Change::WithdrawApproval { id } => self.withdraw_approval(id).await,
            Change::VoidApproval { id } => self.void_approval(id).await,
            Change::SetKv {
                connector,
                store,
                key,
                value,
                version,
                expected,
                quota,
            } => {
                let cell = Cell {
                    connector,
                    store,
                    key,
                };
                self.set_kv(&cell, value, version, expected, *quota).await
            }
            Change::DeleteKv {
                connector,
                store,
                key,
                expected,
            } => {
                self.delete_kv(
                    &Cell {
                        connector,
                        store,
                        key,
                    },
                    expected,
                )
                .await
            }
            Change::PutConnector(row) => self.put_connector(row).await,
            Change::RemoveConnector { name } => self.remove_connector(name).await,
            Change::PutWorkflow(row) => self.put_workflow(row).await,
            Change::RemoveWorkflow { name } => self.remove_workflow(name).await,
            Change::OpenCase(row) => self.open_case(row).await,
            Change::EnterCase { case, at_ms } => self.enter_case(case, *at_ms).await,
            Change::LeaveCase { case, run } => self.leave_case(case, *run).await,
            Change::CloseCase { case, state, at_ms } => self.close_case(case, *state, *at_ms).await,
            Change::PutComponent { digest, bytes } => self.put_component(digest, bytes).await,
            Change::PutSubjectKey { subject, wrapped } => {
                self.put_subject_key(subject, wrapped).await
            }
            Change::PutPrincipal(row) => self.put_principal(row).await,
            Change::QueueHasRoom { queue, id, most } => self.queue_has_room(queue, id, *most).await,
            Change::PutQueueItem(row) => self.put_queue_item(row).await,
            Change::RepeatQueueItem { id, at_ms } => self.repeat_queue_item(id, *at_ms).await,
            Change::ResolveQueueItem {
                id,
                resolution,
                by,
                at_ms,
            } => self.resolve_queue_item(id, resolution, by, *at_ms).await,
            Change::PutDelivery(row) => self.put_delivery(row).await,
            Change::ClaimDelivery {
                item,
                name,
                attempts,
                owner,
                for_ms,
            } => {
                self.claim_delivery(item, name, *attempts, owner, *for_ms)
                    .await
            }
            Change::SettleDelivery {
                item,
                name,
                attempts,
                tried,
                run,
            } => {
                let run = run.as_deref();
                self.settle_delivery(item, name, *attempts, *tried, run)
                    .await
            }
            Change::PutCheckpoint(row) => self.put_checkpoint(row).await,
            Change::TakeFromBudget { budget, seen } => self.take_from_budget(budget, *seen).await,
            Change::PutTiles(tiles) => self.put_tiles(tiles).await,
            Change::Erase(what) => self.erase(what).await,
            Change::RevokePrincipal { id, at_ms } => self.revoke_principal(id, *at_ms).await,
            Change::SetPassword {
                id,
                password,
                instead_of,
            } => self.set_password(id, password, instead_of.as_deref()).await,
        }
    }

    /// Whether the statement changed a row.
    async fn changed(
        &mut self,
        sql: &'static str,
        arguments: SqliteArguments,
    ) -> Result<bool, Fault> {
        let done = sqlx::query_with(sql, arguments)
            .execute(&mut *self.connection)
            .await?;
        Ok(done.rows_affected() > 0)
    }

    async fn row(
        &mut self,
        sql: &'static str,
        arguments: SqliteArguments,
    ) -> Result<Option<SqliteRow>, Fault> {
        Ok(sqlx::query_with(sql, arguments)
            .fetch_optional(&mut *self.connection)
            .await?)
    }

    /// The later of the caller's time and the store's: a slow clock, or a
    /// caller who writes what suits, gains no time.
    fn later(&self, at_ms: u64) -> u64 {
        at_ms.max(self.now_ms)
    }
}

fn to_json(list: &[String]) -> String {
    serde_json::Value::from(list).to_string()
}

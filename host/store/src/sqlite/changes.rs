//! The changes of a submission, each as one conditional statement: the condition
//! stands in the statement's `WHERE`, so that nothing lies between looking and
//! writing (CWE-367). Only when nothing was changed is the reason looked up.

use sha2::{Digest as _, Sha256};
use sqlx::sqlite::{SqliteArguments, SqliteConnection, SqliteRow};
use sqlx::{Arguments, Executor, Row};

use super::fault::{Fault, is_unique_violation};
use crate::{
    ApprovalRow, ApprovalState, Change, ConnectorRow, Expected, PrincipalRow, Rejected, RunRow,
    RunState, StoreError, Submission, Verdict,
};

/// Where changes are applied.
pub(super) struct Applying<'a> {
    pub(super) connection: &'a mut SqliteConnection,
    pub(super) tenant_id: i64,
    pub(super) now_ms: u64,
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

/// What needs no database to be refused.
pub(super) fn check(change: &Change, submission: &Submission) -> Result<(), StoreError> {
    let invalid = |what: &str| Err(StoreError::Invalid(what.to_owned()));
    let same = |tenant: &str| tenant == submission.tenant;
    match change {
        Change::PutRun(row) if !same(&row.tenant) => invalid("a run is another tenant's"),
        Change::PutApproval(row) if !same(&row.tenant) => {
            invalid("an approval is another tenant's")
        }
        // An approval is born undecided; anything else would skip the decision.
        Change::PutApproval(row) if row.state != ApprovalState::Pending => {
            invalid("a new approval is not pending")
        }
        Change::PutConnector(row) if !same(&row.tenant) => {
            invalid("a connector is another tenant's")
        }
        Change::PutPrincipal(row) if !same(&row.tenant) => {
            invalid("a principal is another tenant's")
        }
        // Components are shared by digest: one kept under a false digest would
        // run in place of the right one, for every tenant.
        Change::PutComponent { digest, bytes } if *digest != component_digest(bytes) => {
            invalid("a component does not have the digest it is named by")
        }
        _ => Ok(()),
    }
}

fn component_digest(bytes: &[u8]) -> String {
    format!("sha256:{}", hex::encode(Sha256::digest(bytes)))
}

/// Times and counts beyond what SQLite can hold mean "never".
pub(super) fn stored_ms(ms: u64) -> i64 {
    i64::try_from(ms).unwrap_or(i64::MAX)
}

pub(super) fn read_ms(stored: i64) -> u64 {
    u64::try_from(stored).unwrap_or(0)
}

/// Arguments in the order of a statement's marks.
macro_rules! arguments {
    ($($value:expr),* $(,)?) => {{
        let mut arguments = SqliteArguments::default();
        $(arguments.add($value)?;)*
        arguments
    }};
}

impl Applying<'_> {
    async fn change(&mut self, change: &Change) -> Applied {
        match change {
            Change::PutRun(row) => self.put_run(row).await,
            Change::HoldsRun { run, owner, token } => self.holds_run(run, owner, *token).await,
            Change::ReleaseRun { run, owner, token } => self.release_run(run, owner, *token).await,
            Change::PutApproval(row) => self.put_approval(row).await,
            Change::DecideApproval {
                id,
                decision,
                by,
                at_ms,
            } => self.decide_approval(id, decision, by, *at_ms).await,
            Change::ConsumeApproval { id, digest, at_ms } => {
                self.consume_approval(id, digest, *at_ms).await
            }
            Change::ExpireApproval { id, at_ms } => self.expire_approval(id, *at_ms).await,
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
            Change::PutComponent { digest, bytes } => self.put_component(digest, bytes).await,
            Change::PutSubjectKey { subject, wrapped } => {
                self.put_subject_key(subject, wrapped).await
            }
            Change::PutPrincipal(row) => self.put_principal(row).await,
            Change::PutQueueItem(_)
            | Change::ResolveQueueItem { .. }
            | Change::PutCheckpoint(_)
            | Change::PutTiles(_)
            | Change::Erase(_) => Err(StoreError::Invalid("not made yet".to_owned()).into()),
            Change::RevokePrincipal { id, at_ms } => self.revoke_principal(id, *at_ms).await,
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

// Runs.
impl Applying<'_> {
    async fn put_run(&mut self, row: &RunRow) -> Applied {
        // The index of active runs refuses the same request twice; `DO NOTHING`
        // is for that one, the run's own row is updated.
        const PUT: &str = "
            INSERT INTO runs (tenant_id, run, case_id, workflow, principal, connector, tool,
                manifest_digest, component, input_digest, request_key, same, state, approval,
                opened_ms, updated_ms, lease_owner, lease_until_ms, lease_token, sealed)
            VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15, ?16, ?17,
                ?18, ?19, ?20)
            ON CONFLICT (tenant_id, run) DO UPDATE SET
                workflow = excluded.workflow, manifest_digest = excluded.manifest_digest,
                component = excluded.component, state = excluded.state,
                approval = excluded.approval, updated_ms = excluded.updated_ms,
                sealed = excluded.sealed,
                lease_owner = CASE WHEN excluded.state = 'open' THEN lease_owner END
            ON CONFLICT DO NOTHING";
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
            stored_ms(row.lease_until_ms),
            stored_ms(row.lease_token),
            row.sealed.as_deref(),
        ];
        if self.changed(PUT, arguments).await? {
            return Ok(Ok(()));
        }
        const FIRST: &str = "
            SELECT run, state, input_digest FROM runs WHERE tenant_id = ?1 AND same = ?2
                AND state IN ('open', 'held', 'in_doubt') LIMIT 1";
        let arguments = arguments![self.tenant_id, row.same.as_str()];
        let first = self.row(FIRST, arguments).await?;
        let first = first.ok_or_else(|| Fault::corrupt("a run was refused without another"))?;
        let state = RunState::from_stored(first.try_get(1)?)?;
        Ok(Err(Rejected::RunExists {
            run: first.try_get(0)?,
            state,
            input_digest: first.try_get(2)?,
        }))
    }

    async fn holds_run(&mut self, run: &str, owner: &str, token: u64) -> Applied {
        const LEASE: &str = "
            SELECT lease_owner = ?3 AND lease_token = ?4 AND lease_until_ms >= ?5
            FROM runs WHERE tenant_id = ?1 AND run = ?2";
        let now = stored_ms(self.now_ms);
        let arguments = arguments![self.tenant_id, run, owner, stored_ms(token), now];
        let Some(row) = self.row(LEASE, arguments).await? else {
            return Ok(Err(Rejected::NoSuchRun(run.to_owned())));
        };
        Ok(match row.try_get::<Option<bool>, _>(0)? {
            Some(true) => Ok(()),
            _ => Err(Rejected::LeaseLost),
        })
    }

    async fn release_run(&mut self, run: &str, owner: &str, token: u64) -> Applied {
        const RELEASE: &str = "
            UPDATE runs SET lease_owner = NULL, lease_until_ms = 0
            WHERE tenant_id = ?1 AND run = ?2 AND lease_owner = ?3 AND lease_token = ?4";
        let arguments = arguments![self.tenant_id, run, owner, stored_ms(token)];
        self.changed(RELEASE, arguments).await?;
        Ok(Ok(()))
    }
}

/// What says why an approval did not change.
struct ApprovalNow {
    state: ApprovalState,
    principal: String,
    digest: String,
    decide_by_ms: u64,
    execute_by_ms: u64,
    decided_by: Option<String>,
}

// Approvals.
impl Applying<'_> {
    async fn put_approval(&mut self, row: &ApprovalRow) -> Applied {
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

    async fn decide_approval(
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

    async fn consume_approval(&mut self, id: &str, digest: &str, at_ms: u64) -> Applied {
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

    async fn expire_approval(&mut self, id: &str, at_ms: u64) -> Applied {
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

    async fn void_approval(&mut self, id: &str) -> Applied {
        const VOID: &str = "
            UPDATE approvals SET state = 'voided'
            WHERE tenant_id = ?1 AND id = ?2 AND state IN ('pending', 'approved')";
        if self.changed(VOID, arguments![self.tenant_id, id]).await? {
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

/// A key of a connector's store.
struct Cell<'a> {
    connector: &'a str,
    store: &'a str,
    key: &'a str,
}

/// What is there before a write.
struct CellNow {
    version: Option<String>,
    bytes: u64,
    store_bytes: u64,
}

// Values.
impl Applying<'_> {
    async fn set_kv(
        &mut self,
        cell: &Cell<'_>,
        value: &[u8],
        version: &str,
        expected: &Expected,
        quota: u64,
    ) -> Applied {
        let now = self.cell(cell).await?;
        if !holds(expected, now.version.as_deref()) {
            return Ok(Err(Rejected::VersionConflict {
                current: now.version,
            }));
        }
        let bytes = (cell.key.len() + value.len()) as u64;
        let needed = now.store_bytes.saturating_sub(now.bytes) + bytes;
        // A write that makes a store smaller is allowed even over the quota, so
        // that an owner whose quota was lowered can get below it again.
        if needed > quota && bytes > now.bytes {
            return Ok(Err(Rejected::QuotaReached {
                needed,
                allowed: quota,
            }));
        }
        const SET: &str = "
            INSERT INTO kv (tenant_id, connector, store, key, version, value)
            VALUES (?1, ?2, ?3, ?4, ?5, ?6)
            ON CONFLICT (tenant_id, connector, store, key)
            DO UPDATE SET version = excluded.version, value = excluded.value;
            INSERT INTO kv_usage (tenant_id, connector, store, bytes) VALUES (?1, ?2, ?3, ?7)
            ON CONFLICT (tenant_id, connector, store) DO UPDATE SET bytes = excluded.bytes";
        let (connector, store) = (cell.connector, cell.store);
        let needed = stored_ms(needed);
        let arguments = arguments![
            self.tenant_id,
            connector,
            store,
            cell.key,
            version,
            value,
            needed
        ];
        self.changed(SET, arguments).await?;
        Ok(Ok(()))
    }

    async fn delete_kv(&mut self, cell: &Cell<'_>, expected: &Expected) -> Applied {
        let now = self.cell(cell).await?;
        if !holds(expected, now.version.as_deref()) {
            return Ok(Err(Rejected::VersionConflict {
                current: now.version,
            }));
        }
        if now.version.is_none() {
            return Ok(Ok(()));
        }
        const DELETE: &str = "
            DELETE FROM kv WHERE tenant_id = ?1 AND connector = ?2 AND store = ?3 AND key = ?4;
            UPDATE kv_usage SET bytes = ?5
            WHERE tenant_id = ?1 AND connector = ?2 AND store = ?3";
        let left = stored_ms(now.store_bytes.saturating_sub(now.bytes));
        let arguments = arguments![self.tenant_id, cell.connector, cell.store, cell.key, left];
        self.changed(DELETE, arguments).await?;
        Ok(Ok(()))
    }

    async fn cell(&mut self, cell: &Cell<'_>) -> Result<CellNow, Fault> {
        const NOW: &str = "
            SELECT kv.version, octet_length(kv.key) + octet_length(kv.value), u.bytes
            FROM (SELECT ?1 AS tenant_id, ?2 AS connector, ?3 AS store, ?4 AS key) AS wanted
            LEFT JOIN kv USING (tenant_id, connector, store, key)
            LEFT JOIN kv_usage AS u USING (tenant_id, connector, store)";
        let arguments = arguments![self.tenant_id, cell.connector, cell.store, cell.key];
        let row = self.row(NOW, arguments).await?;
        let row = row.ok_or_else(|| Fault::corrupt("a value could not be looked up"))?;
        let (bytes, store_bytes): (Option<i64>, Option<i64>) = (row.try_get(1)?, row.try_get(2)?);
        Ok(CellNow {
            version: row.try_get(0)?,
            bytes: read_ms(bytes.unwrap_or(0)),
            store_bytes: read_ms(store_bytes.unwrap_or(0)),
        })
    }
}

fn holds(expected: &Expected, current: Option<&str>) -> bool {
    match expected {
        Expected::Anything => true,
        Expected::Absent => current.is_none(),
        Expected::Version(version) => current == Some(version.as_str()),
    }
}

// Connectors, components, keys, principals.
impl Applying<'_> {
    async fn put_connector(&mut self, row: &ConnectorRow) -> Applied {
        const PUT: &str = "
            INSERT INTO connectors (tenant_id, name, manifest_text, component_digest, installed_ms)
            VALUES (?1, ?2, ?3, ?4, ?5)
            ON CONFLICT (tenant_id, name) DO UPDATE SET manifest_text = excluded.manifest_text,
                component_digest = excluded.component_digest,
                installed_ms = excluded.installed_ms";
        let arguments = arguments![
            self.tenant_id,
            row.name.as_str(),
            row.manifest_text.as_str(),
            row.component_digest.as_str(),
            stored_ms(row.installed_ms),
        ];
        self.changed(PUT, arguments).await?;
        Ok(Ok(()))
    }

    async fn remove_connector(&mut self, name: &str) -> Applied {
        const REMOVE: &str = "DELETE FROM connectors WHERE tenant_id = ?1 AND name = ?2";
        let removed = self
            .changed(REMOVE, arguments![self.tenant_id, name])
            .await?;
        Ok(if removed {
            Ok(())
        } else {
            Err(Rejected::NoSuchConnector(name.to_owned()))
        })
    }

    async fn put_component(&mut self, digest: &str, bytes: &[u8]) -> Applied {
        const PUT: &str =
            "INSERT INTO components (digest, bytes) VALUES (?1, ?2) ON CONFLICT DO NOTHING";
        self.changed(PUT, arguments![digest, bytes]).await?;
        Ok(Ok(()))
    }

    async fn put_subject_key(&mut self, subject: &str, wrapped: &[u8]) -> Applied {
        const PUT: &str = "
            INSERT INTO subject_keys (tenant_id, subject, wrapped) VALUES (?1, ?2, ?3)
            ON CONFLICT (tenant_id, subject) DO UPDATE SET wrapped = wrapped
            WHERE wrapped = excluded.wrapped";
        let put = self
            .changed(PUT, arguments![self.tenant_id, subject, wrapped])
            .await?;
        Ok(if put {
            Ok(())
        } else {
            Err(Rejected::SubjectKeyExists(subject.to_owned()))
        })
    }

    async fn put_principal(&mut self, row: &PrincipalRow) -> Applied {
        const PUT: &str = "
            INSERT INTO principals (tenant_id, id, name, kind, groups, token_hash, created_ms,
                revoked_ms)
            VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)
            ON CONFLICT (tenant_id, id) DO UPDATE SET name = excluded.name,
                kind = excluded.kind, groups = excluded.groups,
                token_hash = excluded.token_hash, revoked_ms = excluded.revoked_ms";
        let arguments = arguments![
            self.tenant_id,
            row.id.as_str(),
            row.name.as_str(),
            row.kind.as_str(),
            to_json(&row.groups),
            row.token_hash.as_slice(),
            stored_ms(row.created_ms),
            row.revoked_ms.map(stored_ms),
        ];
        match self.changed(PUT, arguments).await {
            Ok(_) => Ok(Ok(())),
            Err(Fault::Sql(error)) if is_unique_violation(&error) => {
                Ok(Err(Rejected::TokenTaken(row.id.clone())))
            }
            Err(fault) => Err(fault),
        }
    }

    async fn revoke_principal(&mut self, id: &str, at_ms: u64) -> Applied {
        const REVOKE: &str = "
            UPDATE principals SET revoked_ms = coalesce(revoked_ms, ?3)
            WHERE tenant_id = ?1 AND id = ?2";
        let arguments = arguments![self.tenant_id, id, stored_ms(at_ms)];
        let revoked = self.changed(REVOKE, arguments).await?;
        Ok(if revoked {
            Ok(())
        } else {
            Err(Rejected::NoSuchPrincipal(id.to_owned()))
        })
    }
}

fn to_json(list: &[String]) -> String {
    serde_json::Value::from(list).to_string()
}

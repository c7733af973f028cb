//! Rows as the store hands them out, read from a row of any database. The columns
//! stand in the order of the statements that select them: `run_columns!` and its
//! like in each store, which differ where the dialects do.

use sqlx::{ColumnIndex, Decode, Row, Type};
use tollgate_journal::{Hash, Tenant};

use crate::fault::Fault;
use crate::places::{read_ms, seq};
use crate::{
    ApprovalRow, ApprovalState, CaseRow, CaseState, CheckpointRow, ClosedRun, ConnectorRow,
    DelegationRow, DeliveryRow, DeliveryState, Head, KvEntry, OidcName, PrincipalKind,
    PrincipalRow, QueuePlace, QueueRow, QueueState, RunRow, RunState, StoreError, StoredRecord,
    VoteRow, WorkflowRow,
};

/// A column of a row, by its place in the statement.
pub(crate) trait Column<T> {
    fn column(&self, at: usize) -> Result<T, sqlx::Error>;
}

impl<T, R> Column<T> for R
where
    R: Row,
    usize: ColumnIndex<R>,
    for<'r> T: Decode<'r, R::Database> + Type<R::Database>,
{
    fn column(&self, at: usize) -> Result<T, sqlx::Error> {
        self.try_get(at)
    }
}

/// A row with columns of every type that is stored in more than one database.
pub(crate) trait Columns:
    Column<i64>
    + Column<Option<i64>>
    + Column<String>
    + Column<Option<String>>
    + Column<Vec<u8>>
    + Column<Option<Vec<u8>>>
{
}

impl<R> Columns for R where
    R: Column<i64>
        + Column<Option<i64>>
        + Column<String>
        + Column<Option<String>>
        + Column<Vec<u8>>
        + Column<Option<Vec<u8>>>
{
}

/// Whose row it is: the first column of every row that is a tenant's.
pub(crate) fn tenant(row: &impl Column<String>) -> Result<Tenant, Fault> {
    named(&row.column(0)?)
}

pub(crate) fn named(tenant: &str) -> Result<Tenant, Fault> {
    Tenant::new(tenant).map_err(|_| Fault::corrupt("a tenant's name that is none"))
}

/// A time or a count.
pub(crate) fn ms(row: &impl Columns, at: usize) -> Result<u64, Fault> {
    Ok(read_ms(row.column(at)?))
}

fn maybe_ms(row: &impl Columns, at: usize) -> Result<Option<u64>, Fault> {
    let stored: Option<i64> = row.column(at)?;
    Ok(stored.map(read_ms))
}

pub(crate) fn hash(row: &impl Columns, at: usize) -> Result<Hash, Fault> {
    let bytes: Vec<u8> = row.column(at)?;
    bytes
        .try_into()
        .map_err(|_| Fault::corrupt("a hash of another length"))
}

fn maybe_hash(row: &impl Columns, at: usize) -> Result<Option<Hash>, Fault> {
    let bytes: Option<Vec<u8>> = row.column(at)?;
    let hash = bytes.map(|bytes| {
        let hash = bytes.try_into();
        hash.map_err(|_| Fault::corrupt("a hash of another length"))
    });
    hash.transpose()
}

/// Which import call of a run.
fn position(row: &impl Columns, at: usize) -> Result<u32, Fault> {
    let stored: i64 = row.column(at)?;
    u32::try_from(stored).map_err(|_| Fault::corrupt("a position out of range"))
}

fn names(row: &impl Columns, at: usize) -> Result<Vec<String>, Fault> {
    let text: String = row.column(at)?;
    serde_json::from_str(&text).map_err(|_| Fault::corrupt("a list of names that is none"))
}

/// One of a fixed list of words.
fn word<T>(
    row: &impl Columns,
    at: usize,
    read: impl Fn(&str) -> Result<T, StoreError>,
) -> Result<T, Fault> {
    let text: String = row.column(at)?;
    Ok(read(&text)?)
}

pub(crate) fn run(row: &impl Columns) -> Result<RunRow, Fault> {
    Ok(RunRow {
        tenant: tenant(row)?,
        run: row.column(1)?,
        case: row.column(2)?,
        workflow: row.column(3)?,
        principal: row.column(4)?,
        connector: row.column(5)?,
        tool: row.column(6)?,
        manifest_digest: row.column(7)?,
        component: row.column(8)?,
        input_digest: row.column(9)?,
        request_key: row.column(10)?,
        same: row.column(11)?,
        looked_at: None,
        state: word(row, 12, RunState::from_stored)?,
        approval: row.column(13)?,
        opened_ms: ms(row, 14)?,
        updated_ms: ms(row, 15)?,
        lease_owner: row.column(16)?,
        lease_until_ms: ms(row, 17)?,
        lease_token: ms(row, 18)?,
        sealed: row.column(19)?,
    })
}

pub(crate) fn approval(row: &impl Columns) -> Result<ApprovalRow, Fault> {
    Ok(ApprovalRow {
        tenant: tenant(row)?,
        id: row.column(1)?,
        run: row.column(2)?,
        case: row.column(3)?,
        connector: row.column(4)?,
        tool: row.column(5)?,
        principal: row.column(6)?,
        position: position(row, 7)?,
        approval: row.column(8)?,
        rule: row.column(9)?,
        approvers: names(row, 10)?,
        digest: row.column(11)?,
        state: word(row, 12, ApprovalState::from_stored)?,
        created_ms: ms(row, 13)?,
        decide_by_ms: ms(row, 14)?,
        execute_within_ms: ms(row, 15)?,
        execute_by_ms: maybe_ms(row, 16)?,
        decided_by: row.column(17)?,
        decided_ms: maybe_ms(row, 18)?,
        consumed_ms: maybe_ms(row, 19)?,
        quorum: position(row, 20)?,
        excluded: names(row, 21)?,
        asked: row.column(22)?,
        deny_stands_ms: ms(row, 23)?,
        denied_until_ms: maybe_ms(row, 24)?,
        exception: Column::<i64>::column(row, 25)? != 0,
        votes: votes(row, 26)?,
        card: row.column(27)?,
    })
}

/// Who is used up by a yes, by whom, when; in that order.
fn votes(row: &impl Columns, at: usize) -> Result<Vec<VoteRow>, Fault> {
    let text: String = row.column(at)?;
    let seats: Vec<(String, Option<String>, i64)> =
        serde_json::from_str(&text).map_err(|_| Fault::corrupt("a list of votes that is none"))?;
    let cast = seats
        .iter()
        .filter(|(person, voter, _)| voter.as_ref() == Some(person));
    let vote = |(voter, _, at_ms): &(String, Option<String>, i64)| {
        let other = seats
            .iter()
            .find(|(person, by, _)| person != voter && by.as_ref() == Some(voter));
        VoteRow {
            voter: voter.clone(),
            on_behalf: other.map(|(person, ..)| person.clone()),
            at_ms: read_ms(*at_ms),
        }
    };
    Ok(cast.map(vote).collect())
}

pub(crate) fn delegation(row: &impl Columns) -> Result<DelegationRow, Fault> {
    Ok(DelegationRow {
        tenant: tenant(row)?,
        id: row.column(1)?,
        delegator: row.column(2)?,
        deputy: row.column(3)?,
        approver: row.column(4)?,
        from_ms: ms(row, 5)?,
        until_ms: ms(row, 6)?,
        created_ms: ms(row, 7)?,
        ended_ms: maybe_ms(row, 8)?,
        ended_by: row.column(9)?,
    })
}

pub(crate) fn queue_item(row: &impl Columns) -> Result<QueueRow, Fault> {
    Ok(QueueRow {
        tenant: tenant(row)?,
        id: row.column(1)?,
        queue: row.column(2)?,
        kind: row.column(3)?,
        run: row.column(4)?,
        case: row.column(5)?,
        connector: row.column(6)?,
        tool: row.column(7)?,
        principal: row.column(8)?,
        position: position(row, 9)?,
        state: word(row, 10, QueueState::from_stored)?,
        created_ms: ms(row, 11)?,
        resolved_by: row.column(12)?,
        resolved_ms: maybe_ms(row, 13)?,
        resolution: row.column(14)?,
        record: maybe_hash(row, 15)?,
        fold: row.column(16)?,
        times: ms(row, 17)?,
        last_ms: ms(row, 18)?,
    })
}

pub(crate) fn queue_place(row: &impl Columns, most: u64) -> Result<QueuePlace, Fault> {
    Ok(QueuePlace {
        same: row.column(0)?,
        is_full: ms(row, 1)? >= most,
    })
}

pub(crate) fn delivery(row: &impl Columns) -> Result<DeliveryRow, Fault> {
    Ok(DeliveryRow {
        tenant: tenant(row)?,
        item: row.column(1)?,
        name: row.column(2)?,
        state: word(row, 3, DeliveryState::from_stored)?,
        attempts: position(row, 4)?,
        due_ms: ms(row, 5)?,
        claimed_by: row.column(6)?,
        claimed_until_ms: ms(row, 7)?,
        run: row.column(8)?,
    })
}

/// Its large values are read apart.
pub(crate) fn record(row: &impl Columns) -> Result<StoredRecord, Fault> {
    Ok(StoredRecord {
        seq: seq(row.column(0)?),
        hash: hash(row, 1)?,
        leaf: row.column(2)?,
        sealed: row.column(3)?,
        blobs: Vec::new(),
    })
}

pub(crate) fn closed_run(row: &impl Columns) -> Result<ClosedRun, Fault> {
    Ok(ClosedRun {
        place: seq(row.column(0)?),
        run: row.column(1)?,
        at_ms: ms(row, 2)?,
        tool: row.column(3)?,
        outcome: row.column(4)?,
        workflow: row.column(5)?,
    })
}

pub(crate) fn checkpoint(row: &impl Columns) -> Result<CheckpointRow, Fault> {
    Ok(CheckpointRow {
        tenant: tenant(row)?,
        count: ms(row, 1)?,
        root: hash(row, 2)?,
        at_ms: ms(row, 3)?,
        note: row.column(4)?,
    })
}

pub(crate) fn head(row: &impl Columns) -> Result<Head, Fault> {
    Ok(Head {
        tenant: tenant(row)?,
        count: ms(row, 1)?,
        root: hash(row, 2)?,
    })
}

pub(crate) fn connector(row: &impl Columns) -> Result<ConnectorRow, Fault> {
    Ok(ConnectorRow {
        tenant: tenant(row)?,
        name: row.column(1)?,
        manifest_text: row.column(2)?,
        component_digest: row.column(3)?,
        installed_ms: ms(row, 4)?,
    })
}

pub(crate) fn workflow(row: &impl Columns) -> Result<WorkflowRow, Fault> {
    Ok(WorkflowRow {
        tenant: tenant(row)?,
        name: row.column(1)?,
        text: row.column(2)?,
        installed_ms: ms(row, 3)?,
    })
}

pub(crate) fn case(row: &impl Columns) -> Result<CaseRow, Fault> {
    Ok(CaseRow {
        tenant: tenant(row)?,
        case: row.column(1)?,
        workflow: row.column(2)?,
        state: word(row, 3, CaseState::from_stored)?,
        opened_by: row.column(4)?,
        started_by: row.column(5)?,
        single: ms(row, 6)? != 0,
        opened_ms: ms(row, 7)?,
        due_ms: ms(row, 8)?,
        closed_ms: maybe_ms(row, 9)?,
        runs: ms(row, 10)?,
        done: ms(row, 11)?,
        failures: ms(row, 12)?,
        denials: ms(row, 13)?,
        runs_max: ms(row, 14)?,
        failures_max: ms(row, 15)?,
        denials_max: ms(row, 16)?,
    })
}

pub(crate) fn principal(row: &impl Columns) -> Result<PrincipalRow, Fault> {
    Ok(PrincipalRow {
        tenant: tenant(row)?,
        id: row.column(1)?,
        name: row.column(2)?,
        kind: word(row, 3, PrincipalKind::from_stored)?,
        groups: names(row, 4)?,
        token_hash: hash(row, 5)?,
        created_ms: ms(row, 6)?,
        revoked_ms: maybe_ms(row, 7)?,
        public_key: public_key(row, 8)?,
        oidc: oidc(row, 9)?,
        password: row.column(11)?,
    })
}

/// An issuer without a name, or a name without its issuer, is nobody's.
fn oidc(row: &impl Columns, at: usize) -> Result<Option<OidcName>, Fault> {
    match (row.column(at)?, row.column(at + 1)?) {
        (Some(issuer), Some(subject)) => Ok(Some(OidcName { issuer, subject })),
        (None, None) => Ok(None),
        _ => Err(Fault::corrupt("half of a person's name at a provider")),
    }
}

/// A column that is no key is not read as none: the person's decisions would count
/// without a signature.
fn public_key(row: &impl Columns, at: usize) -> Result<Option<[u8; 32]>, Fault> {
    let stored: Option<Vec<u8>> = row.column(at)?;
    let key = stored.map(<[u8; 32]>::try_from).transpose();
    key.map_err(|_| Fault::corrupt("a person's key of another length"))
}

pub(crate) fn kv_entry(row: &impl Columns) -> Result<KvEntry, Fault> {
    Ok(KvEntry {
        value: row.column(0)?,
        version: row.column(1)?,
    })
}

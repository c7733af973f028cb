//! Readers. Each is one statement on a connection that cannot write, except
//! verification, which pages through a whole journal.

use sqlx::sqlite::{SqlitePool, SqliteRow};
use sqlx::{QueryBuilder, Row, Sqlite};
use tollgate_journal::{Frontier, Hash, Leaf, TamperReport, Tampering, Verified, Verifier};

use super::changes::{read_ms, stored_ms};
use super::fault::Fault;
use super::writer::SEQ_BITS;
use crate::{
    ApprovalRow, ApprovalState, ConnectorRow, Head, KvEntry, PrincipalKind, PrincipalRow,
    RecordFilter, RunRow, RunState, StoredRecord,
};

/// Most rows of one answer of runs or approvals.
const ROWS_MAX: i64 = 1_000;

/// Most records of one answer: more than any run has, and a bound for listings.
const RECORDS_MAX: u32 = 10_000;

/// Records that verification holds at a time.
const VERIFY_PAGE: i64 = 1_000;

const SEQ_MASK: i64 = (1 << SEQ_BITS) - 1;

pub(super) async fn records(
    pool: &SqlitePool,
    tenant: &str,
    filter: &RecordFilter,
) -> Result<Vec<StoredRecord>, Fault> {
    let Some(tenant_id) = tenant_id(pool, tenant).await? else {
        return Ok(Vec::new());
    };
    let first = tenant_id << SEQ_BITS;
    let after = filter
        .after_seq
        .map(|seq| first | i64::try_from(seq).map_or(SEQ_MASK, |s| s & SEQ_MASK));
    let mut sql = QueryBuilder::<Sqlite>::new("SELECT place, leaf, hash, ");
    sql.push(if filter.leaves_only { "NULL" } else { "sealed" });
    sql.push(" FROM records WHERE place ");
    match (after, filter.newest_first) {
        (Some(after), false) => sql.push("> ").push_bind(after),
        _ => sql.push(">= ").push_bind(first),
    };
    match (after, filter.newest_first) {
        (Some(before), true) => sql.push(" AND place < ").push_bind(before),
        _ => sql.push(" AND place <= ").push_bind(first | SEQ_MASK),
    };
    if let Some(run) = &filter.run {
        sql.push(" AND run = ").push_bind(run.as_str());
    }
    if let Some(case) = &filter.case {
        sql.push(" AND case_id = ").push_bind(case.as_str());
        if !case.starts_with("auto-") {
            // The very condition of the index, so that it is used.
            sql.push(" AND case_id NOT GLOB 'auto-*'");
        }
    }
    if let Some(stage) = filter.stage {
        sql.push(" AND stage = ").push_bind(i32::from(stage.code()));
    }
    sql.push(if filter.newest_first {
        " ORDER BY place DESC"
    } else {
        " ORDER BY place"
    });
    sql.push(" LIMIT ").push_bind(i64::from(
        filter.limit.unwrap_or(RECORDS_MAX).min(RECORDS_MAX),
    ));
    let rows = sql.build().fetch_all(pool).await?;
    rows.iter().map(record).collect()
}

fn record(row: &SqliteRow) -> Result<StoredRecord, Fault> {
    let place: i64 = row.try_get(0)?;
    let seq = read_ms(place & SEQ_MASK);
    Ok(StoredRecord {
        seq,
        leaf: row.try_get(1)?,
        hash: hash(row, 2)?,
        sealed: row.try_get(3)?,
        blobs: Vec::new(),
    })
}

fn hash(row: &SqliteRow, column: usize) -> Result<Hash, Fault> {
    let bytes: &[u8] = row.try_get(column)?;
    bytes
        .try_into()
        .map_err(|_| Fault::corrupt("a hash of another length"))
}

async fn tenant_id(pool: &SqlitePool, tenant: &str) -> Result<Option<i64>, Fault> {
    let select = "SELECT tenant_id FROM tenants WHERE tenant = ?";
    Ok(sqlx::query_scalar(select)
        .bind(tenant)
        .fetch_optional(pool)
        .await?)
}

macro_rules! run_columns {
    ($rest:literal) => {
        concat!(
            "SELECT t.tenant, r.run, r.case_id, r.workflow, r.principal, r.connector, r.tool, \
             r.manifest_digest, r.component, r.input_digest, r.request_key, r.same, r.state, \
             r.approval, r.opened_ms, r.updated_ms, r.lease_owner, r.lease_until_ms, \
             r.lease_token, r.sealed \
             FROM tenants AS t JOIN runs AS r USING (tenant_id) WHERE t.tenant = ?1 ",
            $rest
        )
    };
}

fn run_row(row: &SqliteRow) -> Result<RunRow, Fault> {
    Ok(RunRow {
        tenant: row.try_get(0)?,
        run: row.try_get(1)?,
        case: row.try_get(2)?,
        workflow: row.try_get(3)?,
        principal: row.try_get(4)?,
        connector: row.try_get(5)?,
        tool: row.try_get(6)?,
        manifest_digest: row.try_get(7)?,
        component: row.try_get(8)?,
        input_digest: row.try_get(9)?,
        request_key: row.try_get(10)?,
        same: row.try_get(11)?,
        state: RunState::from_stored(row.try_get(12)?)?,
        approval: row.try_get(13)?,
        opened_ms: read_ms(row.try_get(14)?),
        updated_ms: read_ms(row.try_get(15)?),
        lease_owner: row.try_get(16)?,
        lease_until_ms: read_ms(row.try_get(17)?),
        lease_token: read_ms(row.try_get(18)?),
        sealed: row.try_get(19)?,
    })
}

pub(super) async fn run(
    pool: &SqlitePool,
    tenant: &str,
    run: &str,
) -> Result<Option<RunRow>, Fault> {
    let sql = run_columns!("AND r.run = ?2");
    let row = sqlx::query(sql)
        .bind(tenant)
        .bind(run)
        .fetch_optional(pool)
        .await?;
    row.as_ref().map(run_row).transpose()
}

pub(super) async fn runs(
    pool: &SqlitePool,
    tenant: &str,
    states: &[RunState],
) -> Result<Vec<RunRow>, Fault> {
    let sql = run_columns!(
        "AND (?2 = '[]' OR r.state IN (SELECT value FROM json_each(?2))) \
         ORDER BY r.opened_ms DESC, r.run DESC LIMIT ?3"
    );
    let names: Vec<_> = states.iter().map(|state| state.as_str()).collect();
    let names = serde_json::Value::from(names).to_string();
    let query = sqlx::query(sql).bind(tenant).bind(names).bind(ROWS_MAX);
    query.fetch_all(pool).await?.iter().map(run_row).collect()
}

pub(super) async fn run_of_request(
    pool: &SqlitePool,
    tenant: &str,
    same: &str,
    ended_since_ms: Option<u64>,
) -> Result<Option<RunRow>, Fault> {
    const ACTIVE: &str =
        run_columns!("AND r.same = ?2 AND r.state IN ('open', 'held', 'in_doubt') LIMIT 1");
    const ENDED: &str = run_columns!(
        "AND r.same = ?2 AND r.request_key IS NOT NULL AND r.updated_ms >= ?3 \
         ORDER BY r.updated_ms DESC LIMIT 1"
    );
    let active = sqlx::query(ACTIVE).bind(tenant).bind(same);
    if let Some(row) = active.fetch_optional(pool).await? {
        return run_row(&row).map(Some);
    }
    let Some(since) = ended_since_ms else {
        return Ok(None);
    };
    let ended = sqlx::query(ENDED)
        .bind(tenant)
        .bind(same)
        .bind(stored_ms(since));
    let row = ended.fetch_optional(pool).await?;
    row.as_ref().map(run_row).transpose()
}

macro_rules! approval_columns {
    ($rest:literal) => {
        concat!(
            "SELECT t.tenant, a.id, a.run, a.case_id, a.connector, a.tool, a.principal, \
             a.position, a.approval, a.rule, a.approvers, a.digest, a.state, a.created_ms, \
             a.decide_by_ms, a.execute_within_ms, a.execute_by_ms, a.decided_by, a.decided_ms, \
             a.consumed_ms, a.card \
             FROM tenants AS t JOIN approvals AS a USING (tenant_id) WHERE t.tenant = ?1 ",
            $rest
        )
    };
}

fn approval_row(row: &SqliteRow) -> Result<ApprovalRow, Fault> {
    let ms = |column: usize| -> Result<Option<u64>, Fault> {
        Ok(row.try_get::<Option<i64>, _>(column)?.map(read_ms))
    };
    Ok(ApprovalRow {
        tenant: row.try_get(0)?,
        id: row.try_get(1)?,
        run: row.try_get(2)?,
        case: row.try_get(3)?,
        connector: row.try_get(4)?,
        tool: row.try_get(5)?,
        principal: row.try_get(6)?,
        position: row.try_get(7)?,
        approval: row.try_get(8)?,
        rule: row.try_get(9)?,
        approvers: from_json(row.try_get(10)?)?,
        digest: row.try_get(11)?,
        state: ApprovalState::from_stored(row.try_get(12)?)?,
        created_ms: read_ms(row.try_get(13)?),
        decide_by_ms: read_ms(row.try_get(14)?),
        execute_within_ms: read_ms(row.try_get(15)?),
        execute_by_ms: ms(16)?,
        decided_by: row.try_get(17)?,
        decided_ms: ms(18)?,
        consumed_ms: ms(19)?,
        card: row.try_get(20)?,
    })
}

fn from_json(text: &str) -> Result<Vec<String>, Fault> {
    serde_json::from_str(text).map_err(|_| Fault::corrupt("a list of names that is none"))
}

pub(super) async fn approval(
    pool: &SqlitePool,
    tenant: &str,
    id: &str,
) -> Result<Option<ApprovalRow>, Fault> {
    let sql = approval_columns!("AND a.id = ?2");
    let row = sqlx::query(sql)
        .bind(tenant)
        .bind(id)
        .fetch_optional(pool)
        .await?;
    row.as_ref().map(approval_row).transpose()
}

pub(super) async fn approvals(
    pool: &SqlitePool,
    tenant: &str,
    state: Option<ApprovalState>,
) -> Result<Vec<ApprovalRow>, Fault> {
    let sql = match state {
        Some(_) => approval_columns!("AND a.state = ?2 ORDER BY a.created_ms, a.id LIMIT ?3"),
        None => approval_columns!("AND ?2 IS NULL ORDER BY a.created_ms, a.id LIMIT ?3"),
    };
    let state = state.map(ApprovalState::as_str);
    let query = sqlx::query(sql).bind(tenant).bind(state).bind(ROWS_MAX);
    query
        .fetch_all(pool)
        .await?
        .iter()
        .map(approval_row)
        .collect()
}

macro_rules! connector_columns {
    ($rest:literal) => {
        concat!(
            "SELECT t.tenant, c.name, c.manifest_text, c.component_digest, c.installed_ms \
             FROM tenants AS t JOIN connectors AS c USING (tenant_id) ",
            $rest
        )
    };
}

fn connector_row(row: &SqliteRow) -> Result<ConnectorRow, Fault> {
    Ok(ConnectorRow {
        tenant: row.try_get(0)?,
        name: row.try_get(1)?,
        manifest_text: row.try_get(2)?,
        component_digest: row.try_get(3)?,
        installed_ms: read_ms(row.try_get(4)?),
    })
}

pub(super) async fn connector(
    pool: &SqlitePool,
    tenant: &str,
    name: &str,
) -> Result<Option<ConnectorRow>, Fault> {
    let sql = connector_columns!("WHERE t.tenant = ?1 AND c.name = ?2");
    let row = sqlx::query(sql)
        .bind(tenant)
        .bind(name)
        .fetch_optional(pool)
        .await?;
    row.as_ref().map(connector_row).transpose()
}

pub(super) async fn connectors(
    pool: &SqlitePool,
    tenant: Option<&str>,
) -> Result<Vec<ConnectorRow>, Fault> {
    let sql = connector_columns!("WHERE ?1 IS NULL OR t.tenant = ?1 ORDER BY t.tenant, c.name");
    let rows = sqlx::query(sql).bind(tenant).fetch_all(pool).await?;
    rows.iter().map(connector_row).collect()
}

pub(super) async fn component(pool: &SqlitePool, digest: &str) -> Result<Option<Vec<u8>>, Fault> {
    let sql = "SELECT bytes FROM components WHERE digest = ?";
    Ok(sqlx::query_scalar(sql)
        .bind(digest)
        .fetch_optional(pool)
        .await?)
}

pub(super) async fn kv_get(
    pool: &SqlitePool,
    tenant: &str,
    connector: &str,
    store: &str,
    key: &str,
) -> Result<Option<KvEntry>, Fault> {
    let sql = "SELECT kv.value, kv.version FROM tenants AS t JOIN kv USING (tenant_id) \
               WHERE t.tenant = ? AND kv.connector = ? AND kv.store = ? AND kv.key = ?";
    let query = sqlx::query(sql)
        .bind(tenant)
        .bind(connector)
        .bind(store)
        .bind(key);
    let row = query.fetch_optional(pool).await?;
    row.map(|row| {
        Ok(KvEntry {
            value: row.try_get(0)?,
            version: row.try_get(1)?,
        })
    })
    .transpose()
}

pub(super) async fn kv_keys(
    pool: &SqlitePool,
    tenant: &str,
    connector: &str,
    store: &str,
    prefix: &str,
    limit: u32,
) -> Result<Vec<String>, Fault> {
    // Compared as text, not by LIKE: `%` and `_` in a prefix are themselves.
    let sql = "SELECT kv.key FROM tenants AS t JOIN kv USING (tenant_id) \
               WHERE t.tenant = ?1 AND kv.connector = ?2 AND kv.store = ?3 AND kv.key >= ?4 \
               AND substr(kv.key, 1, length(?4)) = ?4 ORDER BY kv.key LIMIT ?5";
    let query = sqlx::query_scalar(sql)
        .bind(tenant)
        .bind(connector)
        .bind(store)
        .bind(prefix);
    Ok(query.bind(i64::from(limit)).fetch_all(pool).await?)
}

pub(super) async fn heads(pool: &SqlitePool) -> Result<Vec<Head>, Fault> {
    let sql = "SELECT tenant, count, root FROM tenants ORDER BY tenant";
    let rows = sqlx::query(sql).fetch_all(pool).await?;
    let head = |row: &SqliteRow| {
        let count = read_ms(row.try_get(1)?);
        Ok(Head {
            tenant: row.try_get(0)?,
            count,
            root: hash(row, 2)?,
        })
    };
    rows.iter().map(head).collect()
}

pub(super) async fn subject_key(
    pool: &SqlitePool,
    tenant: &str,
    subject: &str,
) -> Result<Option<Vec<u8>>, Fault> {
    let sql = "SELECT k.wrapped FROM tenants AS t JOIN subject_keys AS k USING (tenant_id) \
               WHERE t.tenant = ? AND k.subject = ?";
    Ok(sqlx::query_scalar(sql)
        .bind(tenant)
        .bind(subject)
        .fetch_optional(pool)
        .await?)
}

macro_rules! principal_columns {
    ($rest:literal) => {
        concat!(
            "SELECT t.tenant, p.id, p.name, p.kind, p.groups, p.token_hash, p.created_ms, \
             p.revoked_ms FROM principals AS p JOIN tenants AS t USING (tenant_id) WHERE ",
            $rest
        )
    };
}

fn principal_row(row: &SqliteRow) -> Result<PrincipalRow, Fault> {
    let revoked: Option<i64> = row.try_get(7)?;
    Ok(PrincipalRow {
        tenant: row.try_get(0)?,
        id: row.try_get(1)?,
        name: row.try_get(2)?,
        kind: PrincipalKind::from_stored(row.try_get(3)?)?,
        groups: from_json(row.try_get(4)?)?,
        token_hash: hash(row, 5)?,
        created_ms: read_ms(row.try_get(6)?),
        revoked_ms: revoked.map(read_ms),
    })
}

pub(super) async fn principal_by_token_hash(
    pool: &SqlitePool,
    token_hash: &[u8; 32],
) -> Result<Option<PrincipalRow>, Fault> {
    let sql = principal_columns!("p.token_hash = ? AND p.revoked_ms IS NULL");
    let row = sqlx::query(sql)
        .bind(token_hash.as_slice())
        .fetch_optional(pool)
        .await?;
    row.as_ref().map(principal_row).transpose()
}

pub(super) async fn principals(
    pool: &SqlitePool,
    tenant: &str,
) -> Result<Vec<PrincipalRow>, Fault> {
    let sql = principal_columns!("t.tenant = ? ORDER BY p.id");
    let rows = sqlx::query(sql).bind(tenant).fetch_all(pool).await?;
    rows.iter().map(principal_row).collect()
}

/// Verify a tenant's records against its head, as of one moment: the head is
/// read together with the last place, and records up to there never change.
pub(super) async fn verify(
    pool: &SqlitePool,
    tenant: &str,
) -> Result<Result<Verified, TamperReport>, Fault> {
    let sql = "SELECT tenant_id, count, root, frontier, \
               (SELECT max(place) FROM records WHERE place >= tenant_id << ?2 \
                AND place < (tenant_id + 1) << ?2) \
               FROM tenants WHERE tenant = ?1";
    let row = sqlx::query(sql)
        .bind(tenant)
        .bind(SEQ_BITS)
        .fetch_optional(pool)
        .await?;
    let Some(row) = row else {
        return Ok(Verifier::new().finish(0, &Frontier::new().root()));
    };
    let (tenant_id, count): (i64, i64) = (row.try_get(0)?, row.try_get(1)?);
    let (root, frontier): (Vec<u8>, Vec<u8>) = (row.try_get(2)?, row.try_get(3)?);
    let last: Option<i64> = row.try_get(4)?;
    let head = StoredHead {
        count: read_ms(count),
        root,
        frontier,
    };
    let first = tenant_id << SEQ_BITS;
    let checked = walk(pool, tenant, first, last.unwrap_or(first - 1)).await?;
    Ok(checked.and_then(|verifier| head.check(verifier)))
}

struct StoredHead {
    count: u64,
    root: Vec<u8>,
    frontier: Vec<u8>,
}

impl StoredHead {
    fn check(self, verifier: Verifier) -> Result<Verified, TamperReport> {
        let frontier = verifier.frontier().to_bytes();
        // A root of another length fits nothing, so any other value will do.
        let root = Hash::try_from(self.root.as_slice()).unwrap_or_default();
        let verified = verifier.finish(self.count, &root)?;
        if frontier != self.frontier {
            return Err(TamperReport {
                first_bad_seq: None,
                what: Tampering::FrontierMismatch,
            });
        }
        Ok(verified)
    }
}

async fn walk(
    pool: &SqlitePool,
    tenant: &str,
    first: i64,
    last: i64,
) -> Result<Result<Verifier, TamperReport>, Fault> {
    let sql = "SELECT place, leaf, hash, run, case_id, stage, at_ms FROM records \
               WHERE place >= ? AND place <= ? ORDER BY place LIMIT ?";
    let mut verifier = Verifier::new();
    let mut from = first;
    while from <= last {
        let page = sqlx::query(sql)
            .bind(from)
            .bind(last)
            .bind(VERIFY_PAGE)
            .fetch_all(pool)
            .await?;
        for row in &page {
            let place: i64 = row.try_get(0)?;
            if let Err(report) = verify_row(&mut verifier, tenant, read_ms(place & SEQ_MASK), row)?
            {
                return Ok(Err(report));
            }
            from = place + 1;
        }
        if page.is_empty() {
            break;
        }
    }
    Ok(Ok(verifier))
}

fn verify_row(
    verifier: &mut Verifier,
    tenant: &str,
    seq: u64,
    row: &SqliteRow,
) -> Result<Result<(), TamperReport>, Fault> {
    let (leaf, stored): (&[u8], &[u8]) = (row.try_get(1)?, row.try_get(2)?);
    let first_bad_seq = Some(seq);
    let Ok(stored) = Hash::try_from(stored) else {
        return Ok(Err(TamperReport {
            first_bad_seq,
            what: Tampering::LeafHashMismatch,
        }));
    };
    if let Err(report) = verifier.record(seq, leaf, &stored) {
        return Ok(Err(report));
    }
    let (run, case): (Option<&str>, &str) = (row.try_get(3)?, row.try_get(4)?);
    let (stage, at_ms): (i64, i64) = (row.try_get(5)?, row.try_get(6)?);
    let fits = Leaf::parse(leaf).is_ok_and(|leaf| {
        leaf.tenant == tenant
            && leaf.run.as_deref() == run
            && leaf.case == case
            && i64::from(leaf.stage.code()) == stage
            && i64::try_from(leaf.at) == Ok(at_ms)
    });
    let mismatch = TamperReport {
        first_bad_seq,
        what: Tampering::ColumnsMismatch,
    };
    Ok(if fits { Ok(()) } else { Err(mismatch) })
}

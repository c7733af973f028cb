//! Which records an erasure is about, as conditions in this dialect.

use sqlx::sqlite::SqlitePool;
use sqlx::{QueryBuilder, Row, Sqlite};

use super::fault::Fault;
use super::{SEQ_BITS, SEQ_MASK, readers};
pub(super) use crate::erasing::Scans;
use crate::erasing::{SCAN_PLACES, Scan, Way, counted_at_once, unindexed, way};
use crate::{Erasure, Submission};

/// The index by which a subject's records are found, where there is one.
pub(super) fn index(subject: &str) -> Option<&'static str> {
    match way(subject) {
        Way::Column => Some(" INDEXED BY records_by_subject"),
        Way::Case(_) => Some(" INDEXED BY records_by_case"),
        Way::Leaves => None,
    }
}

/// The records sealed under a subject's key, as a condition on `records`.
pub(super) fn push_subject(sql: &mut QueryBuilder<Sqlite>, subject: &str) {
    match way(subject) {
        Way::Column => {
            sql.push("subject = ").push_bind(subject.to_owned());
        }
        Way::Case(case) => {
            sql.push("case_id = ").push_bind(case.to_owned());
            // The very condition of the index, so that it is used.
            sql.push(" AND case_id NOT GLOB 'auto-*' AND ");
            push_leaf_says(sql, subject);
        }
        Way::Leaves => push_leaf_says(sql, subject),
    }
}

/// The bytes are searched first, because that is a hundred times faster than
/// reading JSON; what else happens to hold them is then sorted out.
fn push_leaf_says(sql: &mut QueryBuilder<Sqlite>, subject: &str) {
    let member = serde_json::Value::from(subject);
    let member = format!("\"subject\":{member},");
    sql.push("CASE WHEN instr(leaf, ")
        .push_bind(member.into_bytes())
        .push(") = 0 THEN FALSE ELSE json_extract(CAST(leaf AS TEXT), '$.subject') = ")
        .push_bind(subject.to_owned())
        .push(" END");
}

/// An erasure's records of a tenant, as a condition on `records`, from a place
/// on.
pub(super) fn push_scope(
    sql: &mut QueryBuilder<Sqlite>,
    tenant_id: i64,
    what: &Erasure,
    from: i64,
) {
    let first = tenant_id << SEQ_BITS;
    let (mut from, mut last) = (from, first | SEQ_MASK);
    match what {
        Erasure::Subject(subject) => push_subject(sql, subject),
        Erasure::Run(run) => {
            sql.push("run = ").push_bind(run.clone());
        }
        Erasure::Places(begin, end) => {
            from = from.max(place(first, *begin));
            last = place(first, *end) - 1;
            // What a run that is not over needs to go on stays.
            sql.push(
                "NOT EXISTS (SELECT 1 FROM runs WHERE runs.run = records.run \
                 AND runs.state IN ('open', 'held', 'in_doubt') AND runs.tenant_id = ",
            );
            sql.push_bind(tenant_id).push(")");
        }
    }
    sql.push(" AND place >= ").push_bind(from);
    sql.push(" AND place <= ").push_bind(last);
}

/// The tenant's place of a number; beyond its last one for larger numbers.
fn place(first: i64, seq: u64) -> i64 {
    i64::try_from(seq).map_or(first + SEQ_MASK + 1, |seq| first + seq.min(SEQ_MASK + 1))
}

/// Look for what cannot be found by index.
pub(super) async fn scans(pool: &SqlitePool, submission: &Submission) -> Result<Scans, Fault> {
    let mut scans = Scans::default();
    for subject in unindexed(submission) {
        let scan = scan(pool, &submission.tenant, subject).await?;
        scans.0.extend(scan);
    }
    Ok(scans)
}

async fn scan(pool: &SqlitePool, tenant: &str, subject: &str) -> Result<Option<Scan>, Fault> {
    let Some((tenant_id, count)) = readers::extent(pool, tenant).await? else {
        return Ok(None);
    };
    let mut next = tenant_id << SEQ_BITS;
    let end = next + count;
    let mut places = Vec::new();
    while next < end {
        let until = end.min(next + SCAN_PLACES);
        let mut sql = QueryBuilder::new("SELECT place FROM records WHERE ");
        push_subject(&mut sql, subject);
        sql.push(" AND place >= ").push_bind(next);
        sql.push(" AND place < ").push_bind(until);
        for row in sql.build().fetch_all(pool).await? {
            places.push(row.try_get(0)?);
        }
        next = until;
    }
    Ok(Some(Scan {
        subject: subject.to_owned(),
        places,
        next,
    }))
}

/// How many records still have sealed values among those an erasure is about.
pub(super) async fn sealed_count(
    pool: &SqlitePool,
    tenant: &str,
    what: &Erasure,
) -> Result<u64, Fault> {
    let Some((tenant_id, count)) = readers::extent(pool, tenant).await? else {
        return Ok(0);
    };
    let mut next = tenant_id << SEQ_BITS;
    let end = next + count;
    let step = counted_at_once(what, count);
    let mut sealed = 0_u64;
    while next < end {
        let mut sql = QueryBuilder::new("SELECT count(*) FROM records WHERE ");
        push_scope(&mut sql, tenant_id, what, next);
        next = end.min(next + step);
        sql.push(" AND place < ").push_bind(next);
        sql.push(" AND sealed IS NOT NULL");
        let found: i64 = sql.build_query_scalar().fetch_one(pool).await?;
        sealed += u64::try_from(found).unwrap_or(0);
    }
    Ok(sealed)
}

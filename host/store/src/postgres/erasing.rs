//! Which records an erasure is about, as conditions in this dialect.

use sqlx::{PgPool, Postgres, QueryBuilder};

use super::fault::Fault;
use super::readers;
pub(super) use crate::erasing::Scans;
use crate::erasing::{SCAN_PLACES, Scan, Way, counted_at_once, unindexed, way};
use crate::places::{SEQ_MASK, place, read_ms};
use crate::{Erasure, Submission};

/// The records sealed under a subject's key, as a condition on `records`.
pub(super) fn push_subject(sql: &mut QueryBuilder<Postgres>, subject: &str) {
    match way(subject) {
        Way::Column => {
            sql.push("subject = ").push_bind(subject.to_owned());
        }
        Way::Case(case) => {
            sql.push("case_id = ").push_bind(case.to_owned());
            // The very condition of the index, so that it is used.
            sql.push(" AND case_id NOT LIKE 'auto-%' AND ");
            push_leaf_says(sql, subject);
        }
        Way::Leaves => push_leaf_says(sql, subject),
    }
}

/// The bytes are searched first, because that is a hundred times faster than
/// reading JSON; what else happens to hold them is then sorted out.
fn push_leaf_says(sql: &mut QueryBuilder<Postgres>, subject: &str) {
    let name = serde_json::Value::from(subject);
    let member = format!("\"subject\":{name},");
    sql.push("CASE WHEN position(")
        .push_bind(member.into_bytes())
        .push(" IN leaf) = 0 THEN FALSE ELSE convert_from(leaf, 'UTF8')::json -> 'subject' #>> '{}' = ")
        .push_bind(subject.to_owned())
        .push(" END");
}

/// An erasure's records of a tenant, as a condition on `records`, from a place
/// on.
pub(super) fn push_scope(
    sql: &mut QueryBuilder<Postgres>,
    tenant_id: i64,
    what: &Erasure,
    from: i64,
) {
    let (mut from, mut until) = (from, place(tenant_id, 0) + SEQ_MASK + 1);
    match what {
        Erasure::Subject(subject) => push_subject(sql, subject),
        Erasure::Run(run) => {
            sql.push("run = ").push_bind(run.clone());
        }
        Erasure::Places(begin, end) => {
            from = from.max(place(tenant_id, *begin));
            until = place(tenant_id, *end);
            // What a run that is not over needs to go on stays.
            sql.push(
                "NOT EXISTS (SELECT FROM runs WHERE runs.run = records.run \
                 AND runs.state IN ('open', 'held', 'in_doubt') AND runs.tenant_id = ",
            );
            sql.push_bind(tenant_id).push(")");
        }
    }
    sql.push(" AND place >= ").push_bind(from);
    sql.push(" AND place < ").push_bind(until);
}

/// Look for what cannot be found by index.
pub(super) async fn scans(pool: &PgPool, submission: &Submission) -> Result<Scans, Fault> {
    let mut scans = Scans::default();
    for subject in unindexed(submission) {
        let scan = scan(pool, &submission.tenant, subject).await?;
        scans.0.extend(scan);
    }
    Ok(scans)
}

async fn scan(pool: &PgPool, tenant: &str, subject: &str) -> Result<Option<Scan>, Fault> {
    let Some((tenant_id, count)) = readers::extent(pool, tenant).await? else {
        return Ok(None);
    };
    let mut next = place(tenant_id, 0);
    let end = next + count;
    let mut places = Vec::new();
    while next < end {
        let until = end.min(next + SCAN_PLACES);
        let mut sql = QueryBuilder::new("SELECT place FROM records WHERE ");
        push_subject(&mut sql, subject);
        sql.push(" AND place >= ").push_bind(next);
        sql.push(" AND place < ").push_bind(until);
        places.extend(sql.build_query_scalar::<i64>().fetch_all(pool).await?);
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
    pool: &PgPool,
    tenant: &str,
    what: &Erasure,
) -> Result<u64, Fault> {
    let Some((tenant_id, count)) = readers::extent(pool, tenant).await? else {
        return Ok(0);
    };
    let mut next = place(tenant_id, 0);
    let end = next + count;
    let step = counted_at_once(what, count);
    let mut sealed = 0;
    while next < end {
        let mut sql = QueryBuilder::new("SELECT count(*) FROM records WHERE ");
        push_scope(&mut sql, tenant_id, what, next);
        next = end.min(next + step);
        sql.push(" AND place < ").push_bind(next);
        sql.push(" AND sealed IS NOT NULL");
        sealed += read_ms(sql.build_query_scalar().fetch_one(pool).await?);
    }
    Ok(sealed)
}

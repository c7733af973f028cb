//! Which records an erasure is about.
//!
//! The subject of a record stands in its leaf. A subject that a caller named
//! (`subject:…`) stands beside it too, and is found by index; so is that of a
//! named case (`case:…`), by the case. Any other, such as the day of calls without
//! a case, is found by looking into every leaf of the tenant: an index for it
//! would make every append pay for a question that is asked once in years. That
//! search runs before the writer's transaction, which then looks only at the
//! records that were added since.

use sqlx::sqlite::SqlitePool;
use sqlx::{QueryBuilder, Row, Sqlite};

use super::fault::Fault;
use super::{SEQ_BITS, SEQ_MASK, readers};
use crate::audit::is_named;
use crate::{Change, Erasure, Submission};

/// How the subjects of named cases begin.
const CASE: &str = "case:";

/// Places that one statement looks through: tens of milliseconds, so that its
/// snapshot keeps no checkpoint waiting.
const SCAN_PLACES: i64 = 1 << 16;

/// How a subject's records are found.
enum Way<'a> {
    Column,
    Case(&'a str),
    Leaves,
}

fn way(subject: &str) -> Way<'_> {
    match subject.strip_prefix(CASE) {
        _ if is_named(subject) => Way::Column,
        // Cases that the host made have no index: they have no subject either,
        // but whoever asks for one gets a right answer.
        Some(case) if !case.starts_with("auto-") => Way::Case(case),
        _ => Way::Leaves,
    }
}

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

/// What was found before the transaction.
#[derive(Default)]
pub(super) struct Scans(Vec<Scan>);

/// A subject's records up to a place.
pub(super) struct Scan {
    subject: String,
    pub(super) places: Vec<i64>,
    /// Where looking has to go on.
    pub(super) next: i64,
}

impl Scans {
    /// Look for what cannot be found by index.
    pub(super) async fn of(pool: &SqlitePool, submission: &Submission) -> Result<Self, Fault> {
        let mut scans = Scans::default();
        for change in &submission.changes {
            if let Change::Erase(Erasure::Subject(subject)) = change
                && matches!(way(subject), Way::Leaves)
            {
                let scan = scan(pool, &submission.tenant, subject).await?;
                scans.0.extend(scan);
            }
        }
        Ok(scans)
    }

    pub(super) fn find(&self, what: &Erasure) -> Option<&Scan> {
        let Erasure::Subject(wanted) = what else {
            return None;
        };
        self.0.iter().find(|scan| scan.subject == *wanted)
    }
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
    // By index in one go; else in steps.
    let step = match what {
        Erasure::Subject(subject) if matches!(way(subject), Way::Leaves) => SCAN_PLACES,
        _ => count.max(1),
    };
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

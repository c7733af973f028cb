//! Verification of a whole journal.

use sqlx::Row;
use sqlx::postgres::{PgPool, PgRow};
use tollgate_journal::{Frontier, TamperReport, Verified, Verifier};

use crate::audit::{Audit, Beside, Complete, StoredHead};
use crate::places::{SEQ_BITS, place, read_ms, seq, stored_ms};
use crate::postgres::fault::Fault;

/// Records that verification holds at a time.
const VERIFY_PAGE: i64 = 1_000;

/// Verify a tenant's records against its head, as of one moment: the head is
/// read together with the last place, and records up to there never change.
pub(in crate::postgres) async fn verify(
    pool: &PgPool,
    tenant: &str,
) -> Result<Result<Verified, TamperReport>, Fault> {
    const HEAD: &str = "
        SELECT tenant_id, count, root, frontier,
            (SELECT max(place) FROM records WHERE place >= tenant_id << $2
                AND place < (tenant_id + 1) << $2)
        FROM tenants WHERE tenant = $1";
    let bits = i32::try_from(SEQ_BITS).unwrap_or(0);
    let head = sqlx::query(HEAD).bind(tenant).bind(bits);
    let Some(row) = head.fetch_optional(pool).await? else {
        return Ok(Verifier::new().finish(0, &Frontier::new().root()));
    };
    let (tenant_id, last): (i64, Option<i64>) = (row.try_get(0)?, row.try_get(4)?);
    let head = StoredHead {
        count: read_ms(row.try_get(1)?),
        root: row.try_get(2)?,
        frontier: row.try_get(3)?,
    };
    let mut walk = Walk {
        pool,
        tenant_id,
        audit: Audit::of(tenant),
    };
    let first = place(tenant_id, 0);
    let walked = walk.records(first, last.unwrap_or(first - 1)).await?;
    Ok(walked.and_then(|()| walk.audit.finish(head)))
}

struct Walk<'a> {
    pool: &'a PgPool,
    tenant_id: i64,
    audit: Audit<'a>,
}

impl Walk<'_> {
    async fn records(&mut self, first: i64, last: i64) -> Result<Result<(), TamperReport>, Fault> {
        const PAGE: &str = "
            SELECT place, leaf, hash, run, case_id, stage::bigint, at_ms, subject, tool, outcome,
                workflow
            FROM records WHERE place >= $1 AND place <= $2 ORDER BY place LIMIT $3";
        let mut from = first;
        while from <= last {
            let page = sqlx::query(PAGE).bind(from).bind(last).bind(VERIFY_PAGE);
            let page = page.fetch_all(self.pool).await?;
            for row in &page {
                let complete = match self.record(row)? {
                    Ok(complete) => complete,
                    Err(report) => return Ok(Err(report)),
                };
                for tile in complete {
                    let stored = self.stored(&tile).await?;
                    if let Some(Err(report)) = stored.map(|stored| tile.check(&stored)) {
                        return Ok(Err(report));
                    }
                }
                from = row.try_get::<i64, _>(0)? + 1;
            }
            if page.is_empty() {
                break;
            }
        }
        Ok(Ok(()))
    }

    fn record(&mut self, row: &PgRow) -> Result<Result<Vec<Complete>, TamperReport>, Fault> {
        let beside = Beside {
            run: row.try_get(3)?,
            case: row.try_get(4)?,
            stage: row.try_get(5)?,
            at_ms: row.try_get(6)?,
            subject: row.try_get(7)?,
            tool: row.try_get(8)?,
            outcome: row.try_get(9)?,
            workflow: row.try_get(10)?,
        };
        let number = seq(row.try_get(0)?);
        let (leaf, hash): (&[u8], &[u8]) = (row.try_get(1)?, row.try_get(2)?);
        Ok(self.audit.record(number, leaf, hash, &beside))
    }

    async fn stored(&self, tile: &Complete) -> Result<Option<Vec<u8>>, Fault> {
        let sql = "SELECT hashes FROM tiles WHERE tenant_id = $1 AND level = $2 AND number = $3";
        let select = sqlx::query_scalar(sql)
            .bind(self.tenant_id)
            .bind(i16::from(tile.level))
            .bind(stored_ms(tile.number));
        Ok(select.fetch_optional(self.pool).await?)
    }
}

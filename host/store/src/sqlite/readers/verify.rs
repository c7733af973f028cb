//! Verification of a whole journal.

use sqlx::sqlite::{SqlitePool, SqliteRow};
use sqlx::{AssertSqlSafe, Row};
use tollgate_journal::{Frontier, TamperReport, Tampering, Verified, Verifier};

use crate::audit::{Audit, Beside, StoredHead, TILE_HASHES, bad};
use crate::sqlite::changes::{read_ms, stored_ms};
use crate::sqlite::fault::Fault;
use crate::sqlite::{SEQ_BITS, SEQ_MASK, SPAN_BITS};

/// Records that verification holds at a time.
const VERIFY_PAGE: i64 = 1_000;

/// What does not fit, and where.
type Checked = Result<(), TamperReport>;

/// Verify a tenant's records against its head, as of one moment: the head is
/// read together with the last place, and records up to there never change.
pub(in crate::sqlite) async fn verify(
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
    let mut walk = Walk {
        pool,
        tenant_id,
        audit: Audit::of(tenant),
    };
    let walked = walk.records(first, last.unwrap_or(first - 1)).await?;
    Ok(walked.and_then(|()| walk.audit.finish(head)))
}

struct Walk<'a> {
    pool: &'a SqlitePool,
    tenant_id: i64,
    audit: Audit<'a>,
}

impl Walk<'_> {
    async fn records(&mut self, first: i64, last: i64) -> Result<Checked, Fault> {
        // A complete tile comes with its last record.
        let sql = format!(
            "SELECT place, leaf, records.hash, run, case_id, stage, at_ms, subject, tool, \
             outcome, workflow, first_ms, last_ms, tiles.hashes FROM records \
             LEFT JOIN spans ON span = place >> {SPAN_BITS} \
             LEFT JOIN tiles ON (place + 1) % {TILE_HASHES} = 0 AND level = 0 \
                 AND tiles.tenant_id = {tenant_id} \
                 AND number = (place & {SEQ_MASK}) / {TILE_HASHES} \
             WHERE place >= ? AND place <= ? ORDER BY place LIMIT ?",
            tenant_id = self.tenant_id,
        );
        let mut from = first;
        while from <= last {
            let page = sqlx::query(AssertSqlSafe(sql.clone()))
                .bind(from)
                .bind(last)
                .bind(VERIFY_PAGE)
                .fetch_all(self.pool)
                .await?;
            for row in &page {
                let place: i64 = row.try_get(0)?;
                if let Err(report) = self.record(read_ms(place & SEQ_MASK), row).await? {
                    return Ok(Err(report));
                }
                from = place + 1;
            }
            if page.is_empty() {
                break;
            }
        }
        Ok(Ok(()))
    }

    async fn record(&mut self, seq: u64, row: &SqliteRow) -> Result<Checked, Fault> {
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
        let complete = self
            .audit
            .record(seq, row.try_get(1)?, row.try_get(2)?, &beside);
        let complete = match complete {
            Ok(complete) => complete,
            Err(report) => return Ok(Err(report)),
        };
        // Hidden from who looks for its time.
        let (first, last): (Option<i64>, Option<i64>) = (row.try_get(11)?, row.try_get(12)?);
        let covers = |first, last| first <= beside.at_ms && last >= beside.at_ms;
        if !first
            .zip(last)
            .is_some_and(|(first, last)| covers(first, last))
        {
            return Ok(Err(bad(seq, Tampering::ColumnsMismatch)));
        }
        for tile in complete {
            let stored: Option<Vec<u8>> = match tile.level {
                0 => row.try_get(13)?,
                level => self.stored_tile(level, tile.number).await?,
            };
            if let Some(Err(report)) = stored.map(|stored| tile.check(&stored)) {
                return Ok(Err(report));
            }
        }
        Ok(Ok(()))
    }

    async fn stored_tile(&self, level: u8, number: u64) -> Result<Option<Vec<u8>>, Fault> {
        let sql = "SELECT hashes FROM tiles WHERE tenant_id = ? AND level = ? AND number = ?";
        Ok(sqlx::query_scalar(sql)
            .bind(self.tenant_id)
            .bind(level)
            .bind(stored_ms(number))
            .fetch_optional(self.pool)
            .await?)
    }
}

//! Verification of a whole journal.

use sqlx::sqlite::{SqlitePool, SqliteRow};
use sqlx::{AssertSqlSafe, Row};
use tollgate_journal::{Frontier, Hash, Leaf, Stage, TamperReport, Tampering, Verified, Verifier};

use crate::sqlite::changes::{read_ms, stored_ms};
use crate::sqlite::fault::Fault;
use crate::sqlite::{SEQ_BITS, SEQ_MASK, SPAN_BITS, TILE_BYTES, TILE_HASHES, erasing};

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
        tenant,
        tenant_id,
        verifier: Verifier::new(),
        levels: Vec::new(),
    };
    let walked = walk.records(first, last.unwrap_or(first - 1)).await?;
    Ok(walked.and_then(|()| head.check(walk.verifier)))
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

struct Walk<'a> {
    pool: &'a SqlitePool,
    tenant: &'a str,
    tenant_id: i64,
    verifier: Verifier,
    /// The hashes of the tile that is being filled, for each level.
    levels: Vec<Vec<u8>>,
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
        let (leaf, stored): (&[u8], &[u8]) = (row.try_get(1)?, row.try_get(2)?);
        let Ok(stored) = Hash::try_from(stored) else {
            return Ok(bad(seq, Tampering::LeafHashMismatch));
        };
        if let Err(report) = self.verifier.record(seq, leaf, &stored) {
            return Ok(Err(report));
        }
        if !self.fits(leaf, row)? {
            return Ok(bad(seq, Tampering::ColumnsMismatch));
        }
        self.tiles(seq, &stored, row).await
    }

    /// What stands beside a leaf, to find it by, says the same as the leaf.
    fn fits(&self, leaf: &[u8], row: &SqliteRow) -> Result<bool, Fault> {
        let Ok(leaf) = Leaf::parse(leaf) else {
            return Ok(false);
        };
        let text = |column: usize| row.try_get::<Option<&str>, _>(column);
        let (case, stage): (&str, i64) = (row.try_get(4)?, row.try_get(5)?);
        let at_ms: i64 = row.try_get(6)?;
        let (first, last): (Option<i64>, Option<i64>) = (row.try_get(11)?, row.try_get(12)?);
        let named = erasing::is_named(&leaf.subject).then_some(leaf.subject.as_str());
        let closing = Closed::of(&leaf);
        Ok(leaf.tenant == self.tenant
            && leaf.run.as_deref() == text(3)?
            && leaf.case == case
            && i64::from(leaf.stage.code()) == stage
            && i64::try_from(leaf.at) == Ok(at_ms)
            && named == text(7)?
            && closing.tool == text(8)?
            && closing.outcome == text(9)?
            && closing.workflow == text(10)?
            && first.is_some_and(|first| first <= at_ms)
            && last.is_some_and(|last| last >= at_ms))
    }

    /// Where the record completes tiles, those that are stored have its hashes.
    async fn tiles(&mut self, seq: u64, hash: &Hash, row: &SqliteRow) -> Result<Checked, Fault> {
        let (mut level, mut hash) = (0_u8, *hash);
        let mut number = seq;
        loop {
            if self.levels.len() <= usize::from(level) {
                self.levels.push(Vec::with_capacity(TILE_BYTES));
            }
            let tile = &mut self.levels[usize::from(level)];
            tile.extend_from_slice(&hash);
            if tile.len() < TILE_BYTES {
                return Ok(Ok(()));
            }
            let complete = std::mem::take(tile);
            number /= TILE_HASHES;
            let stored: Option<Vec<u8>> = if level == 0 {
                row.try_get(13)?
            } else {
                self.stored_tile(level, number).await?
            };
            if let Some(stored) = stored.filter(|stored| *stored != complete) {
                return Ok(bad(
                    first_difference(level, number, &stored, &complete),
                    Tampering::ColumnsMismatch,
                ));
            }
            hash = root(&complete);
            level += 1;
        }
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

/// What the last record of a run says of it: in the facts `tool`
/// (`connector.tool`) and `state`. Runs whose last record does not name the tool
/// are not found by what they came to.
#[derive(Default)]
struct Closed<'a> {
    tool: Option<&'a str>,
    outcome: Option<&'a str>,
    workflow: Option<&'a str>,
}

impl<'a> Closed<'a> {
    fn of(leaf: &'a Leaf) -> Self {
        let fact = |name: &str| leaf.facts.get(name).and_then(serde_json::Value::as_str);
        match fact("tool") {
            Some(tool) if leaf.stage == Stage::RunClosed => Self {
                tool: Some(tool),
                outcome: fact("state"),
                workflow: leaf.workflow.as_deref(),
            },
            _ => Self::default(),
        }
    }
}

fn bad(seq: u64, what: Tampering) -> Checked {
    Err(TamperReport {
        first_bad_seq: Some(seq),
        what,
    })
}

/// The root of the subtree that a complete tile has the hashes of.
fn root(tile: &[u8]) -> Hash {
    let mut tree = Frontier::new();
    for hash in tile.as_chunks::<32>().0 {
        tree.push(*hash);
    }
    tree.root()
}

/// The first record below the first hash in which two tiles differ.
fn first_difference(level: u8, number: u64, stored: &[u8], complete: &[u8]) -> u64 {
    let pairs = stored.iter().zip(complete);
    let at = pairs.take_while(|(a, b)| a == b).count() / 32;
    let hash = number * TILE_HASHES + at as u64;
    hash.saturating_mul(TILE_HASHES.saturating_pow(u32::from(level)))
}

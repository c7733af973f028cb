//! Leases of runs. Only the store's clock counts: a host's own may be wrong.
//! `clock_timestamp()` in a statement is the time after any wait for a row's
//! lock, so a lease that lapsed meanwhile has lapsed.

use sqlx::{Executor, PgPool, Row};

use super::connect::Server;
use super::fault::Fault;
use super::readers::runs::{run_columns, run_row};
use crate::places::{read_ms, stored_ms};
use crate::{Rejected, RunRow};

/// The time that counts: that given as `$1`, else the database's.
macro_rules! now {
    () => {
        "coalesce($1, (extract(epoch FROM clock_timestamp()) * 1000)::bigint)"
    };
}
pub(super) use now;

/// Give the rows that a condition names to owner `$2` for `$3`. A lease never
/// ends before it began, however long it is asked for.
macro_rules! claimed_rows {
    ($with:literal, $condition:expr) => {
        concat!(
            $with,
            "UPDATE runs AS r SET lease_owner = $2,
                lease_until_ms = least(",
            now!(),
            "::numeric + $3, 9223372036854775807)::bigint,
                lease_token = lease_token + 1
            FROM tenants AS t WHERE t.tenant_id = r.tenant_id AND ",
            $condition,
            " RETURNING t.tenant, ",
            run_columns!("r.")
        )
    };
}

/// What a host asks for.
pub(super) struct Asking<'a> {
    pub(super) server: &'a Server,
    pub(super) pool: &'a PgPool,
    pub(super) owner: &'a str,
    pub(super) lease_ms: u64,
}

impl Asking<'_> {
    /// The token grows also when the owner has the lease already: of two tasks of
    /// one host that both took up the run, the first can write nothing any more.
    pub(super) async fn claim(
        &self,
        tenant: &str,
        run: &str,
    ) -> Result<Result<RunRow, Rejected>, Fault> {
        const CLAIM: &str = claimed_rows!(
            "",
            concat!(
                "t.tenant = $4 AND r.run = $5
                 AND (r.lease_owner IS NULL OR r.lease_owner = $2 OR r.lease_until_ms < ",
                now!(),
                ")"
            )
        );
        let claim = sqlx::query(CLAIM)
            .bind(self.server.given_ms())
            .bind(self.owner)
            .bind(stored_ms(self.lease_ms))
            .bind(tenant)
            .bind(run);
        if let Some(row) = claim.fetch_optional(self.pool).await? {
            return run_row(&row).map(Ok);
        }
        const LEASED: &str = "
            SELECT lease_owner, lease_until_ms FROM tenants JOIN runs USING (tenant_id)
            WHERE tenant = $1 AND run = $2";
        let leased = sqlx::query(LEASED).bind(tenant).bind(run);
        let Some(found) = leased.fetch_optional(self.pool).await? else {
            return Ok(Err(Rejected::NoSuchRun(run.to_owned())));
        };
        // It may have been given back between the two looks: then nobody has it,
        // and who asked may ask again.
        let owner: Option<String> = found.try_get(0)?;
        Ok(Err(Rejected::Leased {
            owner: owner.unwrap_or_default(),
            until_ms: read_ms(found.try_get(1)?),
        }))
    }

    /// Open runs whose lease lapsed or was given back, and held ones that nobody
    /// is waited for any more, longest ago first. Rows that another host is just
    /// taking, or writing, are passed over.
    pub(super) async fn claim_lapsed(&self, limit: u32) -> Result<Vec<RunRow>, Fault> {
        const CLAIM: &str = claimed_rows!(
            "WITH wanted AS MATERIALIZED (
                SELECT tenant_id, run FROM runs
                WHERE (state = 'open' OR ready) AND lease_until_ms < coalesce($1,
                    (extract(epoch FROM clock_timestamp()) * 1000)::bigint)
                ORDER BY lease_until_ms LIMIT $4 FOR UPDATE SKIP LOCKED) ",
            "(r.tenant_id, r.run) IN (SELECT tenant_id, run FROM wanted)"
        );
        let claim = sqlx::query(CLAIM)
            .bind(self.server.given_ms())
            .bind(self.owner)
            .bind(stored_ms(self.lease_ms))
            .bind(i64::from(limit));
        let rows = claim.fetch_all(self.pool).await?;
        rows.iter().map(run_row).collect()
    }

    /// More time for what the host has. A writer holds the heads of its tenants
    /// before it touches runs; so does this, in the same order, since it locks
    /// many runs: else each could wait for a run of the other.
    pub(super) async fn renew(&self) -> Result<u64, Fault> {
        const HEADS: &str = "
            SELECT FROM tenants WHERE tenant_id IN (
                SELECT tenant_id FROM runs WHERE lease_owner = $1)
            ORDER BY tenant_id FOR UPDATE";
        // Never shortened: what was promised to the host still holds.
        const RENEW: &str = concat!(
            "UPDATE runs SET lease_until_ms = greatest(lease_until_ms,
                least(",
            now!(),
            "::numeric + $3, 9223372036854775807)::bigint)
            WHERE lease_owner = $2 AND lease_until_ms >= ",
            now!()
        );
        let mut transaction = self.pool.begin().await?;
        let heads = sqlx::query(HEADS).bind(self.owner);
        transaction.execute(heads).await?;
        let renew = sqlx::query(RENEW)
            .bind(self.server.given_ms())
            .bind(self.owner)
            .bind(stored_ms(self.lease_ms));
        let renewed = transaction.execute(renew).await?.rows_affected();
        transaction.commit().await?;
        Ok(renewed)
    }
}

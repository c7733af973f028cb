//! Leases of runs. Only the store's clock counts: a host's own may be wrong.
//! `clock_timestamp()` in a statement is the time after any wait for a row's
//! lock, so a lease that lapsed meanwhile has lapsed.

use std::time::{Duration, Instant};

use sqlx::postgres::PgRow;
use sqlx::{PgPool, Row};

use super::connect::Server;
use super::fault::Fault;
use super::readers::runs::run_columns;
use crate::decode;
use crate::places::{read_ms, stored_ms};
use crate::{Rejected, Renewed, RunRow};

/// How long a renewal tries for runs that are just being written. Those that are
/// left are tried again with the next one, long before they lapse.
const RENEW_WITHIN: Duration = Duration::from_secs(1);

/// Between two tries: about as long as a transaction takes.
const RENEW_PAUSE: Duration = Duration::from_millis(20);

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
            return decode::run(&row).map(Ok);
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
        rows.iter().map(decode::run).collect()
    }

    /// More time for what the host has. Nothing is waited for, neither the heads of
    /// tenants nor runs: one long transaction of one tenant would cost the leases of
    /// all. A run that is just being written is passed over, and looked at again
    /// when its transaction may be over.
    pub(super) async fn renew(&self) -> Result<Vec<Renewed>, Fault> {
        let until = Instant::now() + RENEW_WITHIN;
        let (mut tenants, mut runs, mut renewed) = (Vec::new(), Vec::new(), Vec::new());
        loop {
            for row in self.renew_free(&tenants, &runs).await? {
                let run: String = row.try_get("run")?;
                tenants.push(row.try_get::<i64, _>("tenant_id")?);
                runs.push(run.clone());
                renewed.push(Renewed {
                    tenant: decode::named(&row.try_get::<String, _>("tenant")?)?,
                    run,
                    token: read_ms(row.try_get("lease_token")?),
                });
            }
            if !self.has_more(&tenants, &runs).await? || Instant::now() + RENEW_PAUSE >= until {
                return Ok(renewed);
            }
            tokio::time::sleep(RENEW_PAUSE).await;
        }
    }

    /// Prolong the leases that nobody is just writing, except these.
    async fn renew_free(&self, tenants: &[i64], runs: &[String]) -> Result<Vec<PgRow>, Fault> {
        // Never shortened: what was promised to the host still holds.
        const RENEW: &str = concat!(
            "WITH wanted AS MATERIALIZED (
                SELECT tenant_id, run FROM runs
                WHERE lease_owner = $2 AND lease_until_ms >= ",
            now!(),
            " AND (tenant_id, run) NOT IN (SELECT * FROM unnest($4::bigint[], $5::text[]))
                FOR UPDATE SKIP LOCKED)
            UPDATE runs AS r SET lease_until_ms = greatest(lease_until_ms,
                least(",
            now!(),
            "::numeric + $3, 9223372036854775807)::bigint)
            FROM tenants AS t WHERE t.tenant_id = r.tenant_id
                AND (r.tenant_id, r.run) IN (SELECT tenant_id, run FROM wanted)
            RETURNING r.tenant_id, t.tenant, r.run, r.lease_token"
        );
        let renew = sqlx::query(RENEW)
            .bind(self.server.given_ms())
            .bind(self.owner)
            .bind(stored_ms(self.lease_ms))
            .bind(tenants)
            .bind(runs);
        Ok(renew.fetch_all(self.pool).await?)
    }

    /// Whether the owner has leases beside these.
    async fn has_more(&self, tenants: &[i64], runs: &[String]) -> Result<bool, Fault> {
        const MORE: &str = concat!(
            "SELECT EXISTS (SELECT FROM runs WHERE lease_owner = $2 AND lease_until_ms >= ",
            now!(),
            " AND (tenant_id, run) NOT IN (SELECT * FROM unnest($3::bigint[], $4::text[])))"
        );
        let more = sqlx::query_scalar(MORE)
            .bind(self.server.given_ms())
            .bind(self.owner)
            .bind(tenants)
            .bind(runs);
        Ok(more.fetch_one(self.pool).await?)
    }
}

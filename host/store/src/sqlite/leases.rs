//! Leases of runs. They pass through the writer like everything else, inside
//! `BEGIN IMMEDIATE`, so of two hosts that ask at the same time one finds what
//! the other has done. Only the store's clock counts: a host's own may be wrong.

mod known;

use sqlx::sqlite::{SqliteArguments, SqliteConnection, SqliteRow};
use sqlx::{Arguments, Row};

pub(super) use self::known::{Holder, Known, asked};
use super::changes::{arguments, read_ms, stored_ms};
use super::fault::Fault;
use super::readers::runs::run_columns;
use super::writer::Done;
use crate::decode;
use crate::{Rejected, Renewed, RunRow, StoreError};

/// What a host asks for.
pub(super) enum Lease {
    /// One run.
    Claim {
        tenant: String,
        run: String,
        owner: String,
        lease_ms: u64,
    },
    /// Runs that somebody should work on and nobody does.
    ClaimLapsed {
        owner: String,
        lease_ms: u64,
        limit: u32,
    },
    /// More time for what it has.
    Renew { owner: String, lease_ms: u64 },
}

/// Do it inside the writer's transaction.
pub(super) async fn take(
    connection: &mut SqliteConnection,
    lease: &Lease,
    now_ms: u64,
) -> Result<Result<Done, StoreError>, Fault> {
    match lease {
        Lease::Claim {
            tenant,
            run,
            owner,
            lease_ms,
        } => {
            let until_ms = now_ms.saturating_add(*lease_ms);
            let wanted = Wanted { tenant, run, owner };
            let claimed = claim(connection, &wanted, now_ms, until_ms).await?;
            Ok(claimed
                .map(|row| Done::Claimed(vec![row]))
                .map_err(StoreError::from))
        }
        Lease::ClaimLapsed {
            owner,
            lease_ms,
            limit,
        } => {
            let until_ms = now_ms.saturating_add(*lease_ms);
            let rows = claim_lapsed(connection, owner, now_ms, until_ms, *limit).await?;
            Ok(Ok(Done::Claimed(rows)))
        }
        Lease::Renew { owner, lease_ms } => {
            let until_ms = now_ms.saturating_add(*lease_ms);
            // Never shortened: what was promised to the host still holds.
            const RENEW: &str = "
                UPDATE runs SET lease_until_ms = max(lease_until_ms, ?2)
                WHERE lease_owner = ?1 AND lease_until_ms >= ?3
                RETURNING (SELECT tenant FROM tenants AS t WHERE t.tenant_id = runs.tenant_id),
                    run, lease_token";
            let arguments = arguments![owner.as_str(), stored_ms(until_ms), stored_ms(now_ms)];
            let rows = sqlx::query_with(RENEW, arguments)
                .fetch_all(connection)
                .await?;
            let renewed = rows.iter().map(|row| {
                Ok(Renewed {
                    tenant: decode::tenant(row)?,
                    run: row.try_get(1)?,
                    token: read_ms(row.try_get(2)?),
                })
            });
            Ok(Ok(Done::Renewed(renewed.collect::<Result<_, Fault>>()?)))
        }
    }
}

/// Give the rows that a condition names to owner `?1` until `?2`. It is `?3`.
macro_rules! claimed_rows {
    ($condition:literal) => {
        concat!(
            "UPDATE runs SET lease_owner = ?1, lease_until_ms = ?2,
                lease_token = lease_token + 1 ",
            $condition,
            " RETURNING (SELECT tenant FROM tenants AS t WHERE t.tenant_id = runs.tenant_id), ",
            run_columns!()
        )
    };
}

struct Wanted<'a> {
    tenant: &'a str,
    run: &'a str,
    owner: &'a str,
}

/// The token grows also when the owner has the lease already: of two tasks of
/// one host that both took up the run, the first can write nothing any more.
async fn claim(
    connection: &mut SqliteConnection,
    wanted: &Wanted<'_>,
    now_ms: u64,
    until_ms: u64,
) -> Result<Result<RunRow, Rejected>, Fault> {
    const CLAIM: &str = claimed_rows!(
        "WHERE tenant_id = (SELECT tenant_id FROM tenants WHERE tenant = ?4) AND run = ?5
           AND (lease_owner IS NULL OR lease_owner = ?1 OR lease_until_ms < ?3)"
    );
    let (until, now) = (stored_ms(until_ms), stored_ms(now_ms));
    let arguments = arguments![wanted.owner, until, now, wanted.tenant, wanted.run];
    let claimed = sqlx::query_with(CLAIM, arguments)
        .fetch_optional(&mut *connection)
        .await?;
    if let Some(row) = claimed {
        return decode::run(&row).map(Ok);
    }
    const LEASED: &str = "
        SELECT lease_owner, lease_until_ms FROM tenants JOIN runs USING (tenant_id)
        WHERE tenant = ?1 AND run = ?2";
    let found: Option<SqliteRow> = sqlx::query(LEASED)
        .bind(wanted.tenant)
        .bind(wanted.run)
        .fetch_optional(connection)
        .await?;
    let Some(found) = found else {
        return Ok(Err(Rejected::NoSuchRun(wanted.run.to_owned())));
    };
    let owner: Option<String> = found.try_get(0)?;
    Ok(Err(Rejected::Leased {
        owner: owner.ok_or_else(|| Fault::corrupt("a free run could not be claimed"))?,
        until_ms: read_ms(found.try_get(1)?),
    }))
}

pub(super) const CLAIM_LAPSED: &str = claimed_rows!(
    "WHERE rowid IN (
        SELECT * FROM (SELECT rowid FROM runs WHERE state = 'open' AND lease_until_ms < ?3
            ORDER BY lease_until_ms LIMIT ?4)
        UNION ALL
        SELECT * FROM (SELECT rowid FROM runs WHERE ready = 1 AND lease_until_ms < ?3
            ORDER BY lease_until_ms LIMIT ?4)
        LIMIT ?4)"
);

/// Open runs whose lease lapsed or was given back, longest ago first, then held
/// ones that nobody is waited for any more.
async fn claim_lapsed(
    connection: &mut SqliteConnection,
    owner: &str,
    now_ms: u64,
    until_ms: u64,
    limit: u32,
) -> Result<Vec<RunRow>, Fault> {
    let (until, now) = (stored_ms(until_ms), stored_ms(now_ms));
    let arguments = arguments![owner, until, now, i64::from(limit)];
    let rows = sqlx::query_with(CLAIM_LAPSED, arguments)
        .fetch_all(connection)
        .await?;
    rows.iter().map(decode::run).collect()
}

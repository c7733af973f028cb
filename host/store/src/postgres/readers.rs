//! Readers. Each is one statement on a connection that cannot write, except
//! verification, which pages through a whole journal.

mod approvals;
mod delegations;
mod installed;
mod proofs;
mod queues;
mod records;
pub(super) mod runs;
mod verify;
mod work;

use sqlx::postgres::PgPool;
use sqlx::query_as;

pub(super) use self::approvals::{approval, approvals, due_approvals, standing_denial};
pub(super) use self::delegations::delegations;
pub(super) use self::installed::{
    component, connector, connectors, kv_get, kv_keys, principal_by_token_hash, principals,
    subject_key,
};
pub(super) use self::proofs::{checkpoints, heads, leaf_hashes, tile, tile_count};
pub(super) use self::queues::{
    deliveries, due_deliveries, queue_item, queue_items, queue_place, waiting,
};
pub(super) use self::records::{closed_runs, records};
pub(super) use self::verify::verify;
pub(super) use self::work::{budget_taken, case, cases, due_cases, workflows};
use super::fault::Fault;

/// Most rows of one answer.
const ROWS_MAX: i64 = 1_000;

/// Most records of one answer: more than any run has, and a bound for listings.
const RECORDS_MAX: u32 = 10_000;

/// A tenant's number and how many records it has, as the head says.
pub(super) async fn extent(pool: &PgPool, tenant: &str) -> Result<Option<(i64, i64)>, Fault> {
    let select = "SELECT tenant_id, count FROM tenants WHERE tenant = $1";
    Ok(query_as(select).bind(tenant).fetch_optional(pool).await?)
}

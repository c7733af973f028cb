//! Who decides for whom.

use sqlx::sqlite::SqlitePool;

use super::ROWS_MAX;
use crate::DelegationRow;
use crate::decode;
use crate::sqlite::changes::stored_ms;
use crate::sqlite::fault::Fault;

pub(in crate::sqlite) async fn delegations(
    pool: &SqlitePool,
    tenant: &str,
    at_ms: Option<u64>,
) -> Result<Vec<DelegationRow>, Fault> {
    const SELECT: &str = "
        SELECT tenant, id, delegator, deputy, approver, from_ms, until_ms, created_ms, ended_ms,
            ended_by
        FROM tenants JOIN delegations USING (tenant_id)
        WHERE tenant = ?1 AND (?2 IS NULL OR ended_ms IS NULL AND until_ms >= ?2)
        ORDER BY created_ms DESC, id DESC LIMIT ?3";
    let select = sqlx::query(SELECT)
        .bind(tenant)
        .bind(at_ms.map(stored_ms))
        .bind(ROWS_MAX);
    let rows = select.fetch_all(pool).await?;
    rows.iter().map(decode::delegation).collect()
}

//! Who decides for whom.

use sqlx::postgres::PgPool;

use super::ROWS_MAX;
use crate::DelegationRow;
use crate::decode;
use crate::places::stored_ms;
use crate::postgres::fault::Fault;

pub(in crate::postgres) async fn delegations(
    pool: &PgPool,
    tenant: &str,
    at_ms: Option<u64>,
) -> Result<Vec<DelegationRow>, Fault> {
    const SELECT: &str = "
        SELECT t.tenant, d.id, d.delegator, d.deputy, d.approver, d.from_ms, d.until_ms,
            d.created_ms, d.ended_ms, d.ended_by
        FROM tenants AS t JOIN delegations AS d USING (tenant_id)
        WHERE t.tenant = $1 AND ($2::bigint IS NULL OR d.ended_ms IS NULL AND d.until_ms >= $2)
        ORDER BY d.created_ms DESC, d.id DESC LIMIT $3";
    let select = sqlx::query(SELECT)
        .bind(tenant)
        .bind(at_ms.map(stored_ms))
        .bind(ROWS_MAX);
    let rows = select.fetch_all(pool).await?;
    rows.iter().map(decode::delegation).collect()
}

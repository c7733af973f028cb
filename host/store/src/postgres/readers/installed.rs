//! Connectors, components, values, keys, principals.

use sqlx::postgres::PgPool;

use crate::decode;
use crate::postgres::fault::Fault;
use crate::{ConnectorRow, KvEntry, PrincipalRow};

macro_rules! select_connectors {
    ($rest:literal) => {
        concat!(
            "SELECT t.tenant, c.name, c.manifest_text, c.component_digest, c.installed_ms
             FROM tenants AS t JOIN connectors AS c USING (tenant_id) ",
            $rest
        )
    };
}

pub(in crate::postgres) async fn connector(
    pool: &PgPool,
    tenant: &str,
    name: &str,
) -> Result<Option<ConnectorRow>, Fault> {
    let sql = select_connectors!("WHERE t.tenant = $1 AND c.name = $2");
    let select = sqlx::query(sql).bind(tenant).bind(name);
    let row = select.fetch_optional(pool).await?;
    row.as_ref().map(decode::connector).transpose()
}

pub(in crate::postgres) async fn connectors(
    pool: &PgPool,
    tenant: Option<&str>,
) -> Result<Vec<ConnectorRow>, Fault> {
    let sql = select_connectors!("WHERE $1 IS NULL OR t.tenant = $1 ORDER BY t.tenant, c.name");
    let rows = sqlx::query(sql).bind(tenant).fetch_all(pool).await?;
    rows.iter().map(decode::connector).collect()
}

pub(in crate::postgres) async fn component(
    pool: &PgPool,
    digest: &str,
) -> Result<Option<Vec<u8>>, Fault> {
    let select = sqlx::query_scalar("SELECT bytes FROM components WHERE digest = $1");
    Ok(select.bind(digest).fetch_optional(pool).await?)
}

pub(in crate::postgres) async fn kv_get(
    pool: &PgPool,
    tenant: &str,
    connector: &str,
    store: &str,
    key: &str,
) -> Result<Option<KvEntry>, Fault> {
    let sql = "SELECT kv.value, kv.version FROM tenants AS t JOIN kv USING (tenant_id)
               WHERE t.tenant = $1 AND kv.connector = $2 AND kv.store = $3 AND kv.key = $4";
    let select = sqlx::query(sql)
        .bind(tenant)
        .bind(connector)
        .bind(store)
        .bind(key.as_bytes());
    let row = select.fetch_optional(pool).await?;
    row.as_ref().map(decode::kv_entry).transpose()
}

pub(in crate::postgres) async fn kv_keys(
    pool: &PgPool,
    tenant: &str,
    connector: &str,
    store: &str,
    prefix: &str,
    limit: u32,
) -> Result<Vec<String>, Fault> {
    // Compared as bytes, not by LIKE: `%` and `_` in a prefix are themselves.
    let sql = "SELECT kv.key FROM tenants AS t JOIN kv USING (tenant_id)
               WHERE t.tenant = $1 AND kv.connector = $2 AND kv.store = $3 AND kv.key >= $4
                 AND substring(kv.key FROM 1 FOR octet_length($4)) = $4
               ORDER BY kv.key LIMIT $5";
    let select = sqlx::query_scalar(sql)
        .bind(tenant)
        .bind(connector)
        .bind(store)
        .bind(prefix.as_bytes())
        .bind(i64::from(limit));
    let keys: Vec<Vec<u8>> = select.fetch_all(pool).await?;
    let text = |key| String::from_utf8(key).map_err(|_| Fault::corrupt("a key that is no text"));
    keys.into_iter().map(text).collect()
}

pub(in crate::postgres) async fn subject_key(
    pool: &PgPool,
    tenant: &str,
    subject: &str,
) -> Result<Option<Vec<u8>>, Fault> {
    let sql = "SELECT k.wrapped FROM tenants AS t JOIN subject_keys AS k USING (tenant_id)
               WHERE t.tenant = $1 AND k.subject = $2";
    let select = sqlx::query_scalar(sql).bind(tenant).bind(subject);
    Ok(select.fetch_optional(pool).await?)
}

macro_rules! select_principals {
    ($rest:literal) => {
        concat!(
            "SELECT t.tenant, p.id, p.name, p.kind, p.groups, p.token_hash, p.created_ms,
             p.revoked_ms, p.public_key, p.oidc_issuer, p.oidc_subject, p.password
             FROM principals AS p JOIN tenants AS t USING (tenant_id) WHERE ",
            $rest
        )
    };
}

pub(in crate::postgres) async fn principal_by_token_hash(
    pool: &PgPool,
    token_hash: &[u8; 32],
) -> Result<Option<PrincipalRow>, Fault> {
    let sql = select_principals!("p.token_hash = $1 AND p.revoked_ms IS NULL");
    let select = sqlx::query(sql).bind(token_hash.as_slice());
    let row = select.fetch_optional(pool).await?;
    row.as_ref().map(decode::principal).transpose()
}

pub(in crate::postgres) async fn principals(
    pool: &PgPool,
    tenant: &str,
) -> Result<Vec<PrincipalRow>, Fault> {
    let select = sqlx::query(select_principals!("t.tenant = $1 ORDER BY p.id"));
    let rows = select.bind(tenant).fetch_all(pool).await?;
    rows.iter().map(decode::principal).collect()
}

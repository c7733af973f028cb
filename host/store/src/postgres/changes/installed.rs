//! Connectors, components, subjects' keys, principals.

use sqlx::Executor;

use super::{Applied, Applying, to_json};
use crate::places::stored_ms;
use crate::postgres::fault::is_unique_violation;
use crate::{ConnectorRow, PrincipalRow, Rejected};

impl Applying<'_> {
    pub(super) async fn put_connector(&mut self, row: &ConnectorRow) -> Applied {
        const PUT: &str = "
            INSERT INTO connectors (tenant_id, name, manifest_text, component_digest, installed_ms)
            VALUES ($1, $2, $3, $4, $5)
            ON CONFLICT (tenant_id, name) DO UPDATE SET manifest_text = excluded.manifest_text,
                component_digest = excluded.component_digest,
                installed_ms = excluded.installed_ms";
        let put = self
            .of_tenant(PUT)
            .bind(row.name.clone())
            .bind(row.manifest_text.clone())
            .bind(row.component_digest.clone())
            .bind(stored_ms(row.installed_ms));
        self.changed(put).await?;
        Ok(Ok(()))
    }

    pub(super) async fn remove_connector(&mut self, name: &str) -> Applied {
        const REMOVE: &str = "DELETE FROM connectors WHERE tenant_id = $1 AND name = $2";
        let remove = self.of_tenant(REMOVE).bind(name.to_owned());
        Ok(if self.changed(remove).await? {
            Ok(())
        } else {
            Err(Rejected::NoSuchConnector(name.to_owned()))
        })
    }

    pub(super) async fn put_component(&mut self, digest: &str, bytes: &[u8]) -> Applied {
        const PUT: &str =
            "INSERT INTO components (digest, bytes) VALUES ($1, $2) ON CONFLICT DO NOTHING";
        let put = sqlx::query(PUT)
            .bind(digest.to_owned())
            .bind(bytes.to_vec());
        self.changed(put).await?;
        Ok(Ok(()))
    }

    pub(super) async fn put_subject_key(&mut self, subject: &str, wrapped: &[u8]) -> Applied {
        const PUT: &str = "
            INSERT INTO subject_keys AS k (tenant_id, subject, wrapped) VALUES ($1, $2, $3)
            ON CONFLICT (tenant_id, subject) DO UPDATE SET wrapped = k.wrapped
            WHERE k.wrapped = excluded.wrapped";
        let put = self.of_tenant(PUT).bind(subject.to_owned());
        Ok(if self.changed(put.bind(wrapped.to_vec())).await? {
            Ok(())
        } else {
            Err(Rejected::SubjectKeyExists(subject.to_owned()))
        })
    }

    pub(super) async fn put_principal(&mut self, row: &PrincipalRow) -> Applied {
        const PUT: &str = "
            INSERT INTO principals (tenant_id, id, name, kind, groups, token_hash, created_ms,
                revoked_ms, public_key, oidc_issuer, oidc_subject, password)
            VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12)
            ON CONFLICT (tenant_id, id) DO UPDATE SET name = excluded.name,
                kind = excluded.kind, groups = excluded.groups,
                token_hash = excluded.token_hash, revoked_ms = excluded.revoked_ms,
                public_key = coalesce(excluded.public_key, principals.public_key),
                oidc_issuer = coalesce(excluded.oidc_issuer, principals.oidc_issuer),
                oidc_subject = coalesce(excluded.oidc_subject, principals.oidc_subject),
                password = coalesce(excluded.password, principals.password)";
        let put = self
            .of_tenant(PUT)
            .bind(row.id.clone())
            .bind(row.name.clone())
            .bind(row.kind.as_str())
            .bind(to_json(&row.groups))
            .bind(row.token_hash.to_vec())
            .bind(stored_ms(row.created_ms))
            .bind(row.revoked_ms.map(stored_ms))
            .bind(row.public_key.map(|key| key.to_vec()))
            .bind(row.oidc.as_ref().map(|oidc| oidc.issuer.clone()))
            .bind(row.oidc.as_ref().map(|oidc| oidc.subject.clone()))
            .bind(row.password.clone());
        // A token of another tenant's principal is found by the index alone, which
        // would end the transaction of everybody in it.
        self.connection.execute("SAVEPOINT principal").await?;
        match put.execute(&mut *self.connection).await {
            Ok(_) => {
                self.connection.execute("RELEASE principal").await?;
                Ok(Ok(()))
            }
            Err(error) if is_unique_violation(&error) => {
                let undo = "ROLLBACK TO principal; RELEASE principal";
                self.connection.execute(undo).await?;
                Ok(Err(Rejected::TokenTaken(row.id.clone())))
            }
            Err(error) => Err(error.into()),
        }
    }

    /// The attack: a name is given again to somebody else, and the one who had it
    /// before still has its password. A new token brings no way to sign in back.
    pub(super) async fn revoke_principal(&mut self, id: &str, at_ms: u64) -> Applied {
        const REVOKE: &str = "
            UPDATE principals SET revoked_ms = coalesce(revoked_ms, $3),
                oidc_issuer = NULL, oidc_subject = NULL, password = NULL
            WHERE tenant_id = $1 AND id = $2";
        let revoke = self.of_tenant(REVOKE).bind(id.to_owned());
        Ok(if self.changed(revoke.bind(stored_ms(at_ms))).await? {
            Ok(())
        } else {
            Err(Rejected::NoSuchPrincipal(id.to_owned()))
        })
    }

    pub(super) async fn set_password(
        &mut self,
        id: &str,
        password: &str,
        instead_of: Option<&str>,
    ) -> Applied {
        const SET: &str = "
            UPDATE principals SET password = $3
            WHERE tenant_id = $1 AND id = $2 AND kind = 'person' AND revoked_ms IS NULL
                AND ($4::text IS NULL OR password = $4)";
        let set = self.of_tenant(SET).bind(id.to_owned());
        let set = set.bind(password.to_owned());
        Ok(
            if self
                .changed(set.bind(instead_of.map(str::to_owned)))
                .await?
            {
                Ok(())
            } else {
                Err(Rejected::NoSuchPrincipal(id.to_owned()))
            },
        )
    }
}

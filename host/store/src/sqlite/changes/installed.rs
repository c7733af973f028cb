//! Connectors, components, subjects' keys, principals.

use sqlx::Arguments;
use sqlx::sqlite::SqliteArguments;

use super::{Applied, Applying, arguments, stored_ms, to_json};
use crate::sqlite::fault::{Fault, is_unique_violation};
use crate::{ConnectorRow, PrincipalRow, Rejected};

impl Applying<'_> {
    pub(super) async fn put_connector(&mut self, row: &ConnectorRow) -> Applied {
        const PUT: &str = "
            INSERT INTO connectors (tenant_id, name, manifest_text, component_digest, installed_ms)
            VALUES (?1, ?2, ?3, ?4, ?5)
            ON CONFLICT (tenant_id, name) DO UPDATE SET manifest_text = excluded.manifest_text,
                component_digest = excluded.component_digest,
                installed_ms = excluded.installed_ms";
        let arguments = arguments![
            self.tenant_id,
            row.name.as_str(),
            row.manifest_text.as_str(),
            row.component_digest.as_str(),
            stored_ms(row.installed_ms),
        ];
        self.changed(PUT, arguments).await?;
        Ok(Ok(()))
    }

    pub(super) async fn remove_connector(&mut self, name: &str) -> Applied {
        const REMOVE: &str = "DELETE FROM connectors WHERE tenant_id = ?1 AND name = ?2";
        let removed = self
            .changed(REMOVE, arguments![self.tenant_id, name])
            .await?;
        Ok(if removed {
            Ok(())
        } else {
            Err(Rejected::NoSuchConnector(name.to_owned()))
        })
    }

    pub(super) async fn put_component(&mut self, digest: &str, bytes: &[u8]) -> Applied {
        const PUT: &str =
            "INSERT INTO components (digest, bytes) VALUES (?1, ?2) ON CONFLICT DO NOTHING";
        self.changed(PUT, arguments![digest, bytes]).await?;
        Ok(Ok(()))
    }

    pub(super) async fn put_subject_key(&mut self, subject: &str, wrapped: &[u8]) -> Applied {
        const PUT: &str = "
            INSERT INTO subject_keys (tenant_id, subject, wrapped) VALUES (?1, ?2, ?3)
            ON CONFLICT (tenant_id, subject) DO UPDATE SET wrapped = wrapped
            WHERE wrapped = excluded.wrapped";
        let put = self
            .changed(PUT, arguments![self.tenant_id, subject, wrapped])
            .await?;
        Ok(if put {
            Ok(())
        } else {
            Err(Rejected::SubjectKeyExists(subject.to_owned()))
        })
    }

    pub(super) async fn put_principal(&mut self, row: &PrincipalRow) -> Applied {
        const PUT: &str = "
            INSERT INTO principals (tenant_id, id, name, kind, groups, token_hash, created_ms,
                revoked_ms, public_key, oidc_issuer, oidc_subject, password)
            VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12)
            ON CONFLICT (tenant_id, id) DO UPDATE SET name = excluded.name,
                kind = excluded.kind, groups = excluded.groups,
                token_hash = excluded.token_hash, revoked_ms = excluded.revoked_ms,
                public_key = coalesce(excluded.public_key, principals.public_key),
                oidc_issuer = coalesce(excluded.oidc_issuer, principals.oidc_issuer),
                oidc_subject = coalesce(excluded.oidc_subject, principals.oidc_subject),
                password = coalesce(excluded.password, principals.password)";
        let arguments = arguments![
            self.tenant_id,
            row.id.as_str(),
            row.name.as_str(),
            row.kind.as_str(),
            to_json(&row.groups),
            row.token_hash.as_slice(),
            stored_ms(row.created_ms),
            row.revoked_ms.map(stored_ms),
            row.public_key.map(|key| key.to_vec()),
            row.oidc.as_ref().map(|oidc| oidc.issuer.as_str()),
            row.oidc.as_ref().map(|oidc| oidc.subject.as_str()),
            row.password.as_deref(),
        ];
        match self.changed(PUT, arguments).await {
            Ok(_) => Ok(Ok(())),
            Err(Fault::Sql(error)) if is_unique_violation(&error) => {
                Ok(Err(Rejected::TokenTaken(row.id.clone())))
            }
            Err(fault) => Err(fault),
        }
    }

    /// The attack: a name is given again to somebody else, and the one who had it
    /// before still has its password. A new token brings no way to sign in back.
    pub(super) async fn revoke_principal(&mut self, id: &str, at_ms: u64) -> Applied {
        const REVOKE: &str = "
            UPDATE principals SET revoked_ms = coalesce(revoked_ms, ?3),
                oidc_issuer = NULL, oidc_subject = NULL, password = NULL
            WHERE tenant_id = ?1 AND id = ?2";
        let arguments = arguments![self.tenant_id, id, stored_ms(at_ms)];
        let revoked = self.changed(REVOKE, arguments).await?;
        Ok(if revoked {
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
            UPDATE principals SET password = ?3
            WHERE tenant_id = ?1 AND id = ?2 AND kind = 'person' AND revoked_ms IS NULL
                AND (?4 IS NULL OR password = ?4)";
        let arguments = arguments![self.tenant_id, id, password, instead_of];
        Ok(if self.changed(SET, arguments).await? {
            Ok(())
        } else {
            Err(Rejected::NoSuchPrincipal(id.to_owned()))
        })
    }
}

-- How a person signs in beside with a token: who they are at a provider of OpenID
-- Connect, and the hash of a password.

ALTER TABLE principals ADD COLUMN oidc_issuer TEXT;
ALTER TABLE principals ADD COLUMN oidc_subject TEXT;
ALTER TABLE principals ADD COLUMN password TEXT;

CREATE UNIQUE INDEX principals_by_oidc ON principals (tenant_id, oidc_issuer, oidc_subject)
    WHERE oidc_subject IS NOT NULL;

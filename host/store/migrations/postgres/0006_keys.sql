-- The key that a person's decisions are signed with: an Ed25519 public key.

ALTER TABLE principals ADD COLUMN public_key BYTEA;

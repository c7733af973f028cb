-- Everything of one store. Times are Unix milliseconds. What is called `sealed`,
-- `card` or `wrapped` was encrypted by the host and is opaque here.

-- A tenant and the head of its Merkle tree.
CREATE TABLE tenants (
    tenant_id INTEGER PRIMARY KEY,
    tenant    TEXT    NOT NULL UNIQUE,
    count     INTEGER NOT NULL,
    root      BLOB    NOT NULL,
    frontier  BLOB    NOT NULL
) STRICT;

-- The journal. `place` is tenant_id * 2^40 + sequence number: one B-tree holds
-- every record in order, without a second index for the key.
CREATE TABLE records (
    place   INTEGER PRIMARY KEY,
    run     TEXT,
    case_id TEXT    NOT NULL,
    stage   INTEGER NOT NULL,
    at_ms   INTEGER NOT NULL,
    leaf    BLOB    NOT NULL,
    hash    BLOB    NOT NULL,
    sealed  BLOB
) STRICT;

CREATE INDEX records_by_run ON records (run) WHERE run IS NOT NULL;

-- Only cases that a caller named: one that the host opened for a single call
-- (`auto-…`) is found by its run, and most are of that kind.
CREATE INDEX records_by_case ON records (case_id) WHERE case_id NOT GLOB 'auto-*';

-- Projection of runs that hold, write or are in doubt.
CREATE TABLE runs (
    tenant_id       INTEGER NOT NULL,
    run             TEXT    NOT NULL,
    case_id         TEXT    NOT NULL,
    workflow        TEXT,
    principal       TEXT    NOT NULL,
    connector       TEXT    NOT NULL,
    tool            TEXT    NOT NULL,
    manifest_digest TEXT    NOT NULL,
    component       TEXT    NOT NULL,
    input_digest    TEXT    NOT NULL,
    request_key     TEXT,
    state           TEXT    NOT NULL,
    approval        TEXT,
    opened_ms       INTEGER NOT NULL,
    updated_ms      INTEGER NOT NULL,
    lease_owner     TEXT,
    lease_until_ms  INTEGER NOT NULL,
    sealed          BLOB,
    PRIMARY KEY (tenant_id, run)
) STRICT;

CREATE INDEX runs_active ON runs (tenant_id, principal, case_id, connector, tool)
    WHERE state IN ('open', 'held', 'in_doubt');
CREATE INDEX runs_by_state ON runs (tenant_id, state, opened_ms);

CREATE TABLE approvals (
    tenant_id         INTEGER NOT NULL,
    id                TEXT    NOT NULL,
    run               TEXT    NOT NULL,
    case_id           TEXT    NOT NULL,
    connector         TEXT    NOT NULL,
    tool              TEXT    NOT NULL,
    principal         TEXT    NOT NULL,
    position          INTEGER NOT NULL,
    approval          TEXT    NOT NULL,
    rule              TEXT    NOT NULL,
    approvers         TEXT    NOT NULL,
    digest            TEXT    NOT NULL,
    state             TEXT    NOT NULL,
    created_ms        INTEGER NOT NULL,
    decide_by_ms      INTEGER NOT NULL,
    execute_within_ms INTEGER NOT NULL,
    execute_by_ms     INTEGER,
    decided_by        TEXT,
    decided_ms        INTEGER,
    reason            TEXT,
    consumed_ms       INTEGER,
    card              BLOB,
    PRIMARY KEY (tenant_id, id)
) STRICT;

CREATE INDEX approvals_by_state ON approvals (tenant_id, state, created_ms);

CREATE TABLE connectors (
    tenant_id        INTEGER NOT NULL,
    name             TEXT    NOT NULL,
    manifest_text    TEXT    NOT NULL,
    component_digest TEXT    NOT NULL,
    installed_ms     INTEGER NOT NULL,
    PRIMARY KEY (tenant_id, name)
) STRICT;

-- Shared by digest, never changed.
CREATE TABLE components (
    digest TEXT PRIMARY KEY,
    bytes  BLOB NOT NULL
) STRICT;

CREATE TABLE kv (
    tenant_id INTEGER NOT NULL,
    connector TEXT    NOT NULL,
    store     TEXT    NOT NULL,
    key       TEXT    NOT NULL,
    version   TEXT    NOT NULL,
    value     BLOB    NOT NULL,
    PRIMARY KEY (tenant_id, connector, store, key)
) STRICT;

-- Bytes of keys and values, so that a quota needs no sum over all keys.
CREATE TABLE kv_usage (
    tenant_id INTEGER NOT NULL,
    connector TEXT    NOT NULL,
    store     TEXT    NOT NULL,
    bytes     INTEGER NOT NULL,
    PRIMARY KEY (tenant_id, connector, store)
) STRICT, WITHOUT ROWID;

CREATE TABLE subject_keys (
    tenant_id INTEGER NOT NULL,
    subject   TEXT    NOT NULL,
    wrapped   BLOB    NOT NULL,
    PRIMARY KEY (tenant_id, subject)
) STRICT, WITHOUT ROWID;

CREATE TABLE principals (
    tenant_id  INTEGER NOT NULL,
    id         TEXT    NOT NULL,
    name       TEXT    NOT NULL,
    kind       TEXT    NOT NULL,
    groups     TEXT    NOT NULL,
    token_hash BLOB    NOT NULL UNIQUE,
    created_ms INTEGER NOT NULL,
    revoked_ms INTEGER,
    PRIMARY KEY (tenant_id, id)
) STRICT;

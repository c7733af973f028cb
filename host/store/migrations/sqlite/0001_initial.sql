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
-- every record in order, without a second index for the key. What is long stands
-- last, so that reading what is short follows no overflow pages.
CREATE TABLE records (
    place    INTEGER PRIMARY KEY,
    run      TEXT,
    case_id  TEXT    NOT NULL,
    stage    INTEGER NOT NULL,
    at_ms    INTEGER NOT NULL,
    -- Whose key seals the values, where a caller named a subject.
    subject  TEXT,
    -- On `run.closed` only.
    tool     TEXT,
    outcome  TEXT,
    workflow TEXT,
    hash     BLOB    NOT NULL,
    leaf     BLOB    NOT NULL,
    sealed   BLOB
) STRICT;

-- Every index ends with the place by itself, so each finds a tenant's records
-- and has them in order.
CREATE INDEX records_by_run ON records (run) WHERE run IS NOT NULL;

-- Only cases that a caller named: one that the host opened for a single call
-- (`auto-…`) is found by its run, and most are of that kind.
CREATE INDEX records_by_case ON records (case_id) WHERE case_id NOT GLOB 'auto-*';

CREATE INDEX records_by_subject ON records (subject) WHERE subject IS NOT NULL;

-- Runs by what they came to. Most are done: those are found by tool and time.
CREATE INDEX records_by_tool ON records (tool) WHERE tool IS NOT NULL;
CREATE INDEX records_by_outcome ON records (outcome)
    WHERE outcome IS NOT NULL AND outcome <> 'done';
CREATE INDEX records_by_workflow ON records (workflow) WHERE workflow IS NOT NULL;

-- Earliest and latest time of 256 places each (span = place / 256). Records stand
-- nearly, not exactly, in the order of their times: hosts' clocks differ, and a
-- record may wait before it is appended. With this every record is found by its
-- own time, however wrong a clock was, and an append writes one small row for
-- hundreds of records in place of an index entry for each.
CREATE TABLE spans (
    span     INTEGER PRIMARY KEY,
    first_ms INTEGER NOT NULL,
    last_ms  INTEGER NOT NULL
) STRICT;

-- Large values, one of equal ones per tenant, and which records refer to them.
CREATE TABLE blobs (
    tenant_id INTEGER NOT NULL,
    id        BLOB    NOT NULL,
    sealed    BLOB    NOT NULL,
    PRIMARY KEY (tenant_id, id)
) STRICT;

CREATE TABLE blob_uses (
    tenant_id INTEGER NOT NULL,
    id        BLOB    NOT NULL,
    place     INTEGER NOT NULL,
    PRIMARY KEY (tenant_id, id, place)
) STRICT, WITHOUT ROWID;

CREATE INDEX blob_uses_by_place ON blob_uses (place);

-- Signed checkpoints of a tenant's tree, and its complete tiles
-- (c2sp.org/tlog-tiles): 256 hashes each.
CREATE TABLE checkpoints (
    tenant_id INTEGER NOT NULL,
    count     INTEGER NOT NULL,
    root      BLOB    NOT NULL,
    at_ms     INTEGER NOT NULL,
    note      TEXT    NOT NULL,
    PRIMARY KEY (tenant_id, count)
) STRICT, WITHOUT ROWID;

CREATE TABLE tiles (
    tenant_id INTEGER NOT NULL,
    level     INTEGER NOT NULL,
    number    INTEGER NOT NULL,
    hashes    BLOB    NOT NULL,
    PRIMARY KEY (tenant_id, level, number)
) STRICT;

-- Work for people.
CREATE TABLE queue_items (
    tenant_id   INTEGER NOT NULL,
    id          TEXT    NOT NULL,
    queue       TEXT    NOT NULL,
    kind        TEXT    NOT NULL,
    run         TEXT    NOT NULL,
    case_id     TEXT    NOT NULL,
    connector   TEXT    NOT NULL,
    tool        TEXT    NOT NULL,
    principal   TEXT    NOT NULL,
    position    INTEGER NOT NULL,
    state       TEXT    NOT NULL,
    created_ms  INTEGER NOT NULL,
    -- Leaf hash of the record that tells why it is there.
    record      BLOB,
    resolved_by TEXT,
    resolved_ms INTEGER,
    resolution  TEXT,
    PRIMARY KEY (tenant_id, id)
) STRICT;

CREATE INDEX queue_items_by_state ON queue_items (tenant_id, state, created_ms, id);

-- What is sent of items to where their owners look.
CREATE TABLE deliveries (
    tenant_id        INTEGER NOT NULL,
    item             TEXT    NOT NULL,
    name             TEXT    NOT NULL,
    state            TEXT    NOT NULL,
    attempts         INTEGER NOT NULL,
    due_ms           INTEGER NOT NULL,
    claimed_by       TEXT   ,
    claimed_until_ms INTEGER NOT NULL,
    run              TEXT,
    PRIMARY KEY (tenant_id, item, name)
) STRICT;

CREATE INDEX deliveries_due ON deliveries (due_ms) WHERE state = 'pending';

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
    same            TEXT    NOT NULL,
    state           TEXT    NOT NULL,
    approval        TEXT,
    opened_ms       INTEGER NOT NULL,
    updated_ms      INTEGER NOT NULL,
    lease_owner     TEXT,
    lease_until_ms  INTEGER NOT NULL,
    lease_token     INTEGER NOT NULL,
    -- How many records the tenant had when the run ended. Hosts' clocks differ;
    -- this says what ended before a look and what after.
    ended_at        INTEGER,
    -- Held, and no person is waited for any more: some host should go on.
    ready           INTEGER NOT NULL,
    sealed          BLOB,
    PRIMARY KEY (tenant_id, run)
) STRICT;

-- At most one of the same request is going on.
CREATE UNIQUE INDEX runs_active ON runs (tenant_id, same)
    WHERE state IN ('open', 'held', 'in_doubt');
CREATE INDEX runs_requested ON runs (tenant_id, same, ended_at);
CREATE INDEX runs_leased ON runs (lease_owner) WHERE lease_owner IS NOT NULL;
CREATE INDEX runs_open ON runs (lease_until_ms) WHERE state = 'open';
-- Beside a hundred thousand that wait, the few that wait no longer.
CREATE INDEX runs_ready ON runs (lease_until_ms) WHERE ready = 1;
CREATE INDEX runs_by_state ON runs (tenant_id, state, opened_ms, run);

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
    consumed_ms       INTEGER,
    -- How many different people must say yes.
    quorum            INTEGER NOT NULL,
    -- Who may not decide beside the requester: those who wrote the input.
    excluded          TEXT    NOT NULL,
    -- Digest of case, connector, tool and input: what a denial stands for.
    asked             TEXT    NOT NULL,
    deny_stands_ms    INTEGER NOT NULL,
    denied_until_ms   INTEGER,
    exception         INTEGER NOT NULL,
    card              BLOB,
    PRIMARY KEY (tenant_id, id)
) STRICT;

CREATE INDEX approvals_by_state ON approvals (tenant_id, state, created_ms, id);
CREATE INDEX approvals_to_decide ON approvals (decide_by_ms) WHERE state = 'pending';
CREATE INDEX approvals_to_execute ON approvals (execute_by_ms) WHERE state = 'approved';
-- For erasing what a run's cards show.
CREATE INDEX approvals_by_run ON approvals (tenant_id, run);

-- What a new run of the same is answered with.
CREATE INDEX approvals_denied ON approvals (tenant_id, asked) WHERE state = 'denied';

-- Whose yes an approval has. One row for each person who is used up by it: who
-- voted, and the one that was voted for. So nobody is in two votes. Without a
-- voter: somebody who may not vote.
CREATE TABLE approval_votes (
    tenant_id INTEGER NOT NULL,
    approval  TEXT NOT NULL,
    person    TEXT NOT NULL,
    voter     TEXT,
    digest    TEXT NOT NULL,
    at_ms     INTEGER NOT NULL,
    PRIMARY KEY (tenant_id, approval, person)
) STRICT, WITHOUT ROWID;

-- Who decides for whom, from when until when.
CREATE TABLE delegations (
    tenant_id  INTEGER NOT NULL,
    id         TEXT NOT NULL,
    delegator  TEXT NOT NULL,
    deputy     TEXT NOT NULL,
    approver   TEXT NOT NULL,
    from_ms    INTEGER NOT NULL,
    until_ms   INTEGER NOT NULL,
    created_ms INTEGER NOT NULL,
    ended_ms   INTEGER,
    ended_by   TEXT,
    PRIMARY KEY (tenant_id, id)
) STRICT, WITHOUT ROWID;

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

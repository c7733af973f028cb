-- Everything of one store. Times are Unix milliseconds. What is called `sealed`,
-- `card` or `wrapped` was encrypted by the host and is opaque here. Texts that are
-- put in order are compared by their bytes (collation "C"), as everywhere else,
-- and never by a language that another server may order differently.

-- A tenant and the head of its Merkle tree. Whoever changes anything of a tenant
-- holds the lock of this row, and takes several in the order of their numbers.
-- Room is left in the pages for new versions of the rows.
CREATE TABLE tenants (
    tenant_id BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    tenant    TEXT   COLLATE "C" NOT NULL UNIQUE,
    count     BIGINT NOT NULL,
    root      BYTEA  NOT NULL,
    frontier  BYTEA  NOT NULL
) WITH (fillfactor = 50);

-- The last transaction of each writer of each host. Where a connection breaks
-- during COMMIT, this says whether it happened.
CREATE TABLE writers (
    writer  BYTEA  PRIMARY KEY,
    commits BIGINT NOT NULL,
    at_ms   BIGINT NOT NULL
) WITH (fillfactor = 50);

-- The journal. `place` is tenant_id * 2^40 + sequence number: one index on one
-- number has every record in order, and one number refers to a record.
CREATE TABLE records (
    place    BIGINT   PRIMARY KEY,
    at_ms    BIGINT   NOT NULL,
    stage    SMALLINT NOT NULL,
    run      TEXT     COLLATE "C",
    case_id  TEXT     COLLATE "C" NOT NULL,
    -- Whose key seals the values, where a caller named a subject.
    subject  TEXT     COLLATE "C",
    -- On `run.closed` only.
    tool     TEXT     COLLATE "C",
    outcome  TEXT     COLLATE "C",
    workflow TEXT     COLLATE "C",
    hash     BYTEA    NOT NULL,
    leaf     BYTEA    NOT NULL,
    sealed   BYTEA
);

-- What is sealed cannot be compressed: no time is spent on trying.
ALTER TABLE records ALTER COLUMN sealed SET STORAGE EXTERNAL;
ALTER TABLE records ALTER COLUMN hash SET STORAGE PLAIN;

CREATE INDEX records_by_run ON records (run, place) WHERE run IS NOT NULL;

-- Only cases that a caller named: one that the host opened for a single call
-- (`auto-…`) is found by its run, and most are of that kind.
CREATE INDEX records_by_case ON records (case_id, place) WHERE case_id NOT LIKE 'auto-%';

CREATE INDEX records_by_subject ON records (subject, place) WHERE subject IS NOT NULL;

-- Runs by what they came to. Most are done: those are found by tool and time.
CREATE INDEX records_by_end ON records (place) WHERE tool IS NOT NULL;
CREATE INDEX records_by_tool ON records (tool, place) WHERE tool IS NOT NULL;
CREATE INDEX records_by_outcome ON records (outcome, place)
    WHERE outcome IS NOT NULL AND outcome <> 'done';
CREATE INDEX records_by_workflow ON records (workflow, place) WHERE workflow IS NOT NULL;

-- Records stand nearly in the order of their times: a few bytes for each range of
-- pages, several ranges of times in each, so that one wrong clock spoils little.
CREATE INDEX records_by_time ON records
    USING brin (at_ms int8_minmax_multi_ops) WITH (pages_per_range = 32, autosummarize = on);

-- Large values, one of equal ones per tenant, and which records refer to them.
CREATE TABLE blobs (
    tenant_id BIGINT NOT NULL,
    id        BYTEA  NOT NULL,
    sealed    BYTEA  NOT NULL,
    PRIMARY KEY (tenant_id, id)
);

ALTER TABLE blobs ALTER COLUMN sealed SET STORAGE EXTERNAL;

CREATE TABLE blob_uses (
    tenant_id BIGINT NOT NULL,
    id        BYTEA  NOT NULL,
    place     BIGINT NOT NULL,
    PRIMARY KEY (tenant_id, id, place)
);

CREATE INDEX blob_uses_by_place ON blob_uses (place);

-- Signed checkpoints of a tenant's tree, and its complete tiles
-- (c2sp.org/tlog-tiles): 256 hashes each.
CREATE TABLE checkpoints (
    tenant_id BIGINT NOT NULL,
    count     BIGINT NOT NULL,
    root      BYTEA  NOT NULL,
    at_ms     BIGINT NOT NULL,
    note      TEXT   NOT NULL,
    PRIMARY KEY (tenant_id, count)
);

CREATE TABLE tiles (
    tenant_id BIGINT   NOT NULL,
    level     SMALLINT NOT NULL,
    number    BIGINT   NOT NULL,
    hashes    BYTEA    NOT NULL,
    PRIMARY KEY (tenant_id, level, number)
);

ALTER TABLE tiles ALTER COLUMN hashes SET STORAGE EXTERNAL;

-- Work for people.
CREATE TABLE queue_items (
    tenant_id   BIGINT NOT NULL,
    id          TEXT   COLLATE "C" NOT NULL,
    queue       TEXT   NOT NULL,
    kind        TEXT   NOT NULL,
    run         TEXT   NOT NULL,
    case_id     TEXT   NOT NULL,
    connector   TEXT   NOT NULL,
    tool        TEXT   NOT NULL,
    principal   TEXT   COLLATE "C" NOT NULL,
    position    BIGINT NOT NULL,
    state       TEXT   COLLATE "C" NOT NULL,
    created_ms  BIGINT NOT NULL,
    -- Leaf hash of the record that tells why it is there.
    record      BYTEA,
    resolved_by TEXT,
    resolved_ms BIGINT,
    resolution  TEXT,
    PRIMARY KEY (tenant_id, id)
);

CREATE INDEX queue_items_by_state ON queue_items (tenant_id, state, created_ms, id);

-- What is sent of items to where their owners look.
CREATE TABLE deliveries (
    tenant_id        BIGINT NOT NULL,
    item             TEXT   COLLATE "C" NOT NULL,
    name             TEXT   COLLATE "C" NOT NULL,
    state            TEXT   COLLATE "C" NOT NULL,
    attempts         BIGINT NOT NULL,
    due_ms           BIGINT NOT NULL,
    claimed_by       TEXT   COLLATE "C",
    claimed_until_ms BIGINT NOT NULL,
    run              TEXT,
    PRIMARY KEY (tenant_id, item, name)
);

CREATE INDEX deliveries_due ON deliveries (due_ms) WHERE state = 'pending';

-- Projection of runs that hold, write or are in doubt.
CREATE TABLE runs (
    tenant_id       BIGINT  NOT NULL,
    run             TEXT    COLLATE "C" NOT NULL,
    case_id         TEXT    NOT NULL,
    workflow        TEXT,
    principal       TEXT    NOT NULL,
    connector       TEXT    NOT NULL,
    tool            TEXT    NOT NULL,
    manifest_digest TEXT    NOT NULL,
    component       TEXT    NOT NULL,
    input_digest    TEXT    NOT NULL,
    request_key     TEXT,
    same            TEXT    COLLATE "C" NOT NULL,
    state           TEXT    COLLATE "C" NOT NULL,
    approval        TEXT    COLLATE "C",
    opened_ms       BIGINT  NOT NULL,
    updated_ms      BIGINT  NOT NULL,
    lease_owner     TEXT    COLLATE "C",
    lease_until_ms  BIGINT  NOT NULL,
    lease_token     BIGINT  NOT NULL,
    -- How many records the tenant had when the run ended. Hosts' clocks differ;
    -- this says what ended before a look and what after.
    ended_at        BIGINT,
    -- Held, and no person is waited for any more: some host should go on.
    ready           BOOLEAN NOT NULL,
    sealed          BYTEA,
    PRIMARY KEY (tenant_id, run)
);

-- At most one of the same request is going on.
CREATE UNIQUE INDEX runs_active ON runs (tenant_id, same)
    WHERE state IN ('open', 'held', 'in_doubt');
CREATE INDEX runs_requested ON runs (tenant_id, same, ended_at);
CREATE INDEX runs_leased ON runs (lease_owner) WHERE lease_owner IS NOT NULL;
-- Beside a hundred thousand that wait, those that somebody should work on.
CREATE INDEX runs_to_work_on ON runs (lease_until_ms) WHERE state = 'open' OR ready;
CREATE INDEX runs_by_state ON runs (tenant_id, state, opened_ms, run);

CREATE TABLE approvals (
    tenant_id         BIGINT NOT NULL,
    id                TEXT   COLLATE "C" NOT NULL,
    run               TEXT   COLLATE "C" NOT NULL,
    case_id           TEXT   NOT NULL,
    connector         TEXT   NOT NULL,
    tool              TEXT   NOT NULL,
    principal         TEXT   COLLATE "C" NOT NULL,
    position          BIGINT NOT NULL,
    approval          TEXT   NOT NULL,
    rule              TEXT   NOT NULL,
    approvers         TEXT   NOT NULL,
    digest            TEXT   COLLATE "C" NOT NULL,
    state             TEXT   COLLATE "C" NOT NULL,
    created_ms        BIGINT NOT NULL,
    decide_by_ms      BIGINT NOT NULL,
    execute_within_ms BIGINT NOT NULL,
    execute_by_ms     BIGINT,
    decided_by        TEXT,
    decided_ms        BIGINT,
    consumed_ms       BIGINT,
    -- How many different people must say yes.
    quorum            BIGINT NOT NULL,
    -- Who may not decide beside the requester: those who wrote the input.
    excluded          TEXT    NOT NULL,
    -- Digest of case, connector, tool and input: what a denial stands for.
    asked             TEXT COLLATE "C"    NOT NULL,
    deny_stands_ms    BIGINT NOT NULL,
    denied_until_ms   BIGINT,
    exception         BIGINT NOT NULL,
    card              BYTEA,
    PRIMARY KEY (tenant_id, id)
);

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
    tenant_id BIGINT NOT NULL,
    approval  TEXT COLLATE "C" NOT NULL,
    person    TEXT COLLATE "C" NOT NULL,
    voter     TEXT COLLATE "C",
    digest    TEXT COLLATE "C" NOT NULL,
    at_ms     BIGINT NOT NULL,
    PRIMARY KEY (tenant_id, approval, person)
);

-- Who decides for whom, from when until when.
CREATE TABLE delegations (
    tenant_id  BIGINT NOT NULL,
    id         TEXT COLLATE "C" NOT NULL,
    delegator  TEXT COLLATE "C" NOT NULL,
    deputy     TEXT COLLATE "C" NOT NULL,
    approver   TEXT COLLATE "C" NOT NULL,
    from_ms    BIGINT NOT NULL,
    until_ms   BIGINT NOT NULL,
    created_ms BIGINT NOT NULL,
    ended_ms   BIGINT,
    ended_by   TEXT,
    PRIMARY KEY (tenant_id, id)
);

CREATE TABLE connectors (
    tenant_id        BIGINT NOT NULL,
    name             TEXT   COLLATE "C" NOT NULL,
    manifest_text    TEXT   NOT NULL,
    component_digest TEXT   NOT NULL,
    installed_ms     BIGINT NOT NULL,
    PRIMARY KEY (tenant_id, name)
);

-- Shared by digest, never changed.
CREATE TABLE components (
    digest TEXT  COLLATE "C" PRIMARY KEY,
    bytes  BYTEA NOT NULL
);

-- Keys are a guest's: bytes, so that any text can be one.
CREATE TABLE kv (
    tenant_id BIGINT NOT NULL,
    connector TEXT   COLLATE "C" NOT NULL,
    store     TEXT   COLLATE "C" NOT NULL,
    key       BYTEA  NOT NULL,
    version   TEXT   NOT NULL,
    value     BYTEA  NOT NULL,
    PRIMARY KEY (tenant_id, connector, store, key)
);

-- Bytes of keys and values, so that a quota needs no sum over all keys.
CREATE TABLE kv_usage (
    tenant_id BIGINT NOT NULL,
    connector TEXT   COLLATE "C" NOT NULL,
    store     TEXT   COLLATE "C" NOT NULL,
    bytes     BIGINT NOT NULL,
    PRIMARY KEY (tenant_id, connector, store)
);

CREATE TABLE subject_keys (
    tenant_id BIGINT NOT NULL,
    subject   TEXT   COLLATE "C" NOT NULL,
    wrapped   BYTEA  NOT NULL,
    PRIMARY KEY (tenant_id, subject)
);

CREATE TABLE principals (
    tenant_id  BIGINT NOT NULL,
    id         TEXT   COLLATE "C" NOT NULL,
    name       TEXT   NOT NULL,
    kind       TEXT   NOT NULL,
    groups     TEXT   NOT NULL,
    token_hash BYTEA  NOT NULL UNIQUE,
    created_ms BIGINT NOT NULL,
    revoked_ms BIGINT,
    PRIMARY KEY (tenant_id, id)
);

-- Workflows, and the cases in them.

CREATE TABLE workflows (
    tenant_id    BIGINT NOT NULL,
    name         TEXT   COLLATE "C" NOT NULL,
    text         TEXT   NOT NULL,
    installed_ms BIGINT NOT NULL,
    PRIMARY KEY (tenant_id, name)
);

CREATE TABLE cases (
    tenant_id    BIGINT  NOT NULL,
    case_id      TEXT    COLLATE "C" NOT NULL,
    workflow     TEXT    NOT NULL,
    state        TEXT    NOT NULL,
    opened_by    TEXT    NOT NULL,
    started_by   TEXT    NOT NULL,
    single       BIGINT  NOT NULL,
    opened_ms    BIGINT  NOT NULL,
    due_ms       BIGINT  NOT NULL,
    closed_ms    BIGINT,
    runs         BIGINT  NOT NULL,
    done         BIGINT  NOT NULL,
    failures     BIGINT  NOT NULL,
    denials      BIGINT  NOT NULL,
    runs_max     BIGINT  NOT NULL,
    failures_max BIGINT  NOT NULL,
    denials_max  BIGINT  NOT NULL,
    PRIMARY KEY (tenant_id, case_id)
);

CREATE INDEX cases_by_state ON cases (tenant_id, state, opened_ms, case_id);
-- Those that their time or a stop condition ends.
CREATE INDEX cases_due ON cases (due_ms) WHERE state = 'open';
CREATE INDEX cases_stopped ON cases (opened_ms)
    WHERE state = 'open' AND (failures >= failures_max OR denials >= denials_max);

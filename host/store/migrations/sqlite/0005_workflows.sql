-- Workflows, and the cases in them.

CREATE TABLE workflows (
    tenant_id    INTEGER NOT NULL,
    name         TEXT    NOT NULL,
    text         TEXT    NOT NULL,
    installed_ms INTEGER NOT NULL,
    PRIMARY KEY (tenant_id, name)
) STRICT;

CREATE TABLE cases (
    tenant_id    INTEGER NOT NULL,
    case_id      TEXT    NOT NULL,
    workflow     TEXT    NOT NULL,
    state        TEXT    NOT NULL,
    opened_by    TEXT    NOT NULL,
    started_by   TEXT    NOT NULL,
    single       INTEGER NOT NULL,
    opened_ms    INTEGER NOT NULL,
    due_ms       INTEGER NOT NULL,
    closed_ms    INTEGER,
    runs         INTEGER NOT NULL,
    done         INTEGER NOT NULL,
    failures     INTEGER NOT NULL,
    denials      INTEGER NOT NULL,
    runs_max     INTEGER NOT NULL,
    failures_max INTEGER NOT NULL,
    denials_max  INTEGER NOT NULL,
    PRIMARY KEY (tenant_id, case_id)
) STRICT;

CREATE INDEX cases_by_state ON cases (tenant_id, state, opened_ms, case_id);
-- Those that their time or a stop condition ends.
CREATE INDEX cases_due ON cases (due_ms) WHERE state = 'open';
CREATE INDEX cases_stopped ON cases (opened_ms)
    WHERE state = 'open' AND (failures >= failures_max OR denials >= denials_max);

-- How often was taken from a budget: the amounts are in the records of the calls.
-- Who takes says the number it saw, so that nobody takes what it did not count.

CREATE TABLE budgets (
    tenant_id INTEGER NOT NULL,
    name      TEXT    NOT NULL,
    taken     INTEGER NOT NULL,
    PRIMARY KEY (tenant_id, name)
) STRICT, WITHOUT ROWID;

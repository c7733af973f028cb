-- Failures that repeat are counted in one item: what makes them the same, how often,
-- and when last.

ALTER TABLE queue_items ADD COLUMN fold TEXT;
ALTER TABLE queue_items ADD COLUMN times INTEGER NOT NULL DEFAULT 1;
ALTER TABLE queue_items ADD COLUMN last_ms INTEGER NOT NULL DEFAULT 0;
UPDATE queue_items SET last_ms = created_ms;

CREATE INDEX queue_items_by_fold ON queue_items (tenant_id, fold)
    WHERE state = 'open' AND fold IS NOT NULL;

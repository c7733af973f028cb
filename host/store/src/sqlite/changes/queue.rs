//! Work for people.

use sqlx::sqlite::SqliteArguments;
use sqlx::{Arguments, Row};

use super::{Applied, Applying, arguments, stored_ms};
use crate::{QueueRow, Rejected};

impl Applying<'_> {
    /// Nobody else writes while this counts.
    pub(super) async fn queue_has_room(&mut self, queue: &str, id: &str, most: u64) -> Applied {
        const ROOM: &str = "
            SELECT 1 WHERE EXISTS (SELECT 1 FROM queue_items WHERE tenant_id = ?1 AND id = ?3)
                OR (SELECT count(*) FROM queue_items
                    WHERE tenant_id = ?1 AND queue = ?2 AND state = 'open') < ?4";
        let most_stored = i64::try_from(most).unwrap_or(i64::MAX);
        let arguments = arguments![self.tenant_id, queue, id, most_stored];
        Ok(match self.row(ROOM, arguments).await? {
            Some(_) => Ok(()),
            None => Err(Rejected::QueueFull {
                queue: queue.to_owned(),
                most,
            }),
        })
    }

    /// An item that is there already stays as it is: two hosts that find the same
    /// call in doubt make one item of it, and neither takes back a resolution.
    pub(super) async fn put_queue_item(&mut self, row: &QueueRow) -> Applied {
        const PUT: &str = "
            INSERT INTO queue_items (tenant_id, id, queue, kind, run, case_id, connector, tool,
                principal, position, state, created_ms, record, fold, times, last_ms)
            VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, 'open', ?11, ?12, ?13, 1, ?11)
            ON CONFLICT DO NOTHING";
        let arguments = arguments![
            self.tenant_id,
            row.id.as_str(),
            row.queue.as_str(),
            row.kind.as_str(),
            row.run.as_str(),
            row.case.as_str(),
            row.connector.as_str(),
            row.tool.as_str(),
            row.principal.as_str(),
            i64::from(row.position),
            stored_ms(row.created_ms),
            row.record.as_ref().map(|hash| hash.to_vec()),
            row.fold.as_deref(),
        ];
        self.changed(PUT, arguments).await?;
        Ok(Ok(()))
    }

    pub(super) async fn repeat_queue_item(&mut self, id: &str, at_ms: u64) -> Applied {
        const REPEAT: &str = "
            UPDATE queue_items SET times = times + 1, last_ms = max(last_ms, ?3)
            WHERE tenant_id = ?1 AND id = ?2";
        let arguments = arguments![self.tenant_id, id, stored_ms(at_ms)];
        Ok(match self.changed(REPEAT, arguments).await? {
            true => Ok(()),
            false => Err(Rejected::NoSuchQueueItem(id.to_owned())),
        })
    }

    pub(super) async fn resolve_queue_item(
        &mut self,
        id: &str,
        resolution: &str,
        by: &str,
        at_ms: u64,
    ) -> Applied {
        // As with approvals: that the requester does not resolve is the server's
        // rule, checked here again.
        const RESOLVE: &str = "
            UPDATE queue_items SET state = 'resolved', resolved_by = ?3, resolved_ms = ?4,
                resolution = ?5
            WHERE tenant_id = ?1 AND id = ?2 AND state = 'open' AND principal <> ?3";
        let arguments = arguments![self.tenant_id, id, by, stored_ms(at_ms), resolution];
        if self.changed(RESOLVE, arguments).await? {
            return Ok(Ok(()));
        }
        const NOW: &str = "
            SELECT resolved_by, resolution FROM queue_items WHERE tenant_id = ?1 AND id = ?2";
        let Some(found) = self.row(NOW, arguments![self.tenant_id, id]).await? else {
            return Ok(Err(Rejected::NoSuchQueueItem(id.to_owned())));
        };
        let (by, resolution): (Option<String>, Option<String>) =
            (found.try_get(0)?, found.try_get(1)?);
        Ok(Err(match (by, resolution) {
            (Some(by), Some(resolution)) => Rejected::AlreadyResolved { by, resolution },
            _ => Rejected::OwnRequest,
        }))
    }
}

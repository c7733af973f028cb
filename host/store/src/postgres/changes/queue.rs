//! Work for people.

use sqlx::Row;

use super::{Applied, Applying};
use crate::places::stored_ms;
use crate::{QueueRow, QueueState, Rejected, StoreError};

impl Applying<'_> {
    /// Under the lock of the tenant's head: nobody else puts one while this counts.
    pub(super) async fn queue_has_room(&mut self, queue: &str, id: &str, most: u64) -> Applied {
        const ROOM: &str = "
            SELECT 1 WHERE EXISTS (SELECT 1 FROM queue_items WHERE tenant_id = $1 AND id = $3)
                OR (SELECT count(*) FROM queue_items
                    WHERE tenant_id = $1 AND queue = $2 AND state = 'open') < $4";
        let room = self
            .of_tenant(ROOM)
            .bind(queue.to_owned())
            .bind(id.to_owned())
            .bind(i64::try_from(most).unwrap_or(i64::MAX));
        Ok(match self.row(room).await? {
            Some(_) => Ok(()),
            None => Err(Rejected::QueueFull {
                queue: queue.to_owned(),
                most,
            }),
        })
    }

    pub(super) async fn put_queue_item(&mut self, row: &QueueRow) -> Applied {
        // An item that is there stays as it is: a host that puts the same work
        // again must not reopen what a person has settled.
        const PUT: &str = "
            INSERT INTO queue_items (tenant_id, id, queue, kind, run, case_id, connector, tool,
                principal, position, state, created_ms, record, fold, times, last_ms)
            VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, 'open', $11, $12, $13, 1, $11)
            ON CONFLICT DO NOTHING";
        let put = self
            .of_tenant(PUT)
            .bind(row.id.clone())
            .bind(row.queue.clone())
            .bind(row.kind.clone())
            .bind(row.run.clone())
            .bind(row.case.clone())
            .bind(row.connector.clone())
            .bind(row.tool.clone())
            .bind(row.principal.clone())
            .bind(i64::from(row.position))
            .bind(stored_ms(row.created_ms))
            .bind(row.record.as_ref().map(|hash| hash.to_vec()))
            .bind(row.fold.clone());
        self.changed(put).await?;
        Ok(Ok(()))
    }

    pub(super) async fn repeat_queue_item(&mut self, id: &str, at_ms: u64) -> Applied {
        const REPEAT: &str = "
            UPDATE queue_items SET times = times + 1, last_ms = greatest(last_ms, $3)
            WHERE tenant_id = $1 AND id = $2";
        let repeat = self
            .of_tenant(REPEAT)
            .bind(id.to_owned())
            .bind(stored_ms(at_ms));
        Ok(match self.changed(repeat).await? {
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
        const RESOLVE: &str = "
            UPDATE queue_items SET state = 'resolved', resolution = $3, resolved_by = $4,
                resolved_ms = $5
            WHERE tenant_id = $1 AND id = $2 AND state = 'open' AND principal <> $4";
        let resolve = self
            .of_tenant(RESOLVE)
            .bind(id.to_owned())
            .bind(resolution.to_owned())
            .bind(by.to_owned())
            .bind(stored_ms(at_ms));
        if self.changed(resolve).await? {
            return Ok(Ok(()));
        }
        const NOW: &str = "
            SELECT state, resolved_by, resolution FROM queue_items
            WHERE tenant_id = $1 AND id = $2";
        let now = self.of_tenant(NOW).bind(id.to_owned());
        let Some(row) = self.row(now).await? else {
            return Ok(Err(Rejected::NoSuchQueueItem(id.to_owned())));
        };
        if QueueState::from_stored(row.try_get(0)?)? == QueueState::Open {
            return Ok(Err(Rejected::OwnRequest));
        }
        let (by, how): (Option<String>, Option<String>) = (row.try_get(1)?, row.try_get(2)?);
        match (by, how) {
            (Some(by), Some(resolution)) => Ok(Err(Rejected::AlreadyResolved { by, resolution })),
            _ => Err(StoreError::corrupt("a resolved queue item that nobody resolved").into()),
        }
    }
}

//! Destroying sealed values. Leaves, hashes and so every proof stay.

use sqlx::sqlite::SqliteArguments;
use sqlx::{Arguments, QueryBuilder};

use super::{Applied, Applying, arguments};
use crate::Erasure;
use crate::sqlite::SEQ_BITS;
use crate::sqlite::erasing::push_scope;
use crate::sqlite::fault::Fault;

impl Applying<'_> {
    pub(super) async fn erase(&mut self, what: &Erasure) -> Applied {
        // The key first: whoever asks for it from now on gets a new one, under
        // which nothing of before opens.
        if let Erasure::Subject(subject) = what {
            const FORGET: &str = "DELETE FROM subject_keys WHERE tenant_id = ?1 AND subject = ?2";
            self.changed(FORGET, arguments![self.tenant_id, subject.as_str()])
                .await?;
        }
        self.collect(what).await?;
        // A large value goes when nothing outside the erased records refers to it.
        // A run's row and its approvals' cards hold copies of what its records
        // held: with these they go too.
        const ERASE: &str = "
            UPDATE records SET sealed = NULL
            WHERE place IN (SELECT place FROM temp.erased) AND sealed IS NOT NULL;
            DELETE FROM blobs WHERE tenant_id = ?1
              AND id IN (SELECT u.id FROM temp.erased AS e CROSS JOIN blob_uses AS u
                         ON u.place = e.place)
              AND NOT EXISTS (SELECT 1 FROM blob_uses AS u
                  WHERE u.tenant_id = ?1 AND u.id = blobs.id
                    AND u.place NOT IN (SELECT place FROM temp.erased));
            DELETE FROM blob_uses WHERE place IN (SELECT place FROM temp.erased);
            UPDATE runs SET sealed = NULL WHERE tenant_id = ?1
              AND run IN (SELECT run FROM temp.erased) AND sealed IS NOT NULL;
            UPDATE approvals SET card = NULL WHERE tenant_id = ?1
              AND run IN (SELECT run FROM temp.erased) AND card IS NOT NULL;
            DELETE FROM temp.erased";
        self.changed(ERASE, arguments![self.tenant_id]).await?;
        Ok(Ok(()))
    }

    /// Put the places it is about, and their runs, into a table of the connection.
    async fn collect(&mut self, what: &Erasure) -> Result<(), Fault> {
        const TABLE: &str = "
            CREATE TEMP TABLE IF NOT EXISTS erased (place INTEGER PRIMARY KEY, run TEXT)";
        self.changed(TABLE, SqliteArguments::default()).await?;
        let scan = self.scans.find(what);
        let from = scan.map_or(self.tenant_id << SEQ_BITS, |scan| scan.next);
        let mut sql =
            QueryBuilder::new("INSERT INTO temp.erased SELECT place, run FROM records WHERE ");
        push_scope(&mut sql, self.tenant_id, what, from);
        sql.build().execute(&mut *self.connection).await?;
        if let Some(scan) = scan {
            const FOUND: &str = "
                INSERT INTO temp.erased SELECT place, run FROM json_each(?1) AS found
                CROSS JOIN records ON place = found.value WHERE true ON CONFLICT DO NOTHING";
            let places = serde_json::Value::from(scan.places.as_slice()).to_string();
            self.changed(FOUND, arguments![places]).await?;
        }
        Ok(())
    }
}

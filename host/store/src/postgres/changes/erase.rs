//! Destroying sealed values. Leaves, hashes and so every proof stay.
//!
//! PostgreSQL keeps old versions of rows until they are vacuumed, and its log
//! until it is recycled: the operator's vacuum and archive decide how long what
//! was erased could still be dug up from the server's disk. It stays sealed there.

use sqlx::{Postgres, QueryBuilder};

use super::{Applied, Applying};
use crate::Erasure;
use crate::places::place;
use crate::postgres::erasing::push_scope;

impl Applying<'_> {
    pub(super) async fn erase(&mut self, what: &Erasure) -> Applied {
        // The key first: whoever asks for it from now on gets a new one, under
        // which nothing of before opens.
        if let Erasure::Subject(subject) = what {
            const FORGET: &str = "DELETE FROM subject_keys WHERE tenant_id = $1 AND subject = $2";
            let forget = self.of_tenant(FORGET).bind(subject.clone());
            self.changed(forget).await?;
        }
        let scan = self.scans.find(what);
        let from = scan.map_or(place(self.tenant_id, 0), |scan| scan.next);
        let found = scan.map_or(&[][..], |scan| &scan.places);
        // A large value goes when nothing outside the erased records refers to it.
        // A run's row and its approvals' cards hold copies of what its records
        // held: with these they go too.
        const ERASE: &str = "), emptied AS (
                UPDATE records SET sealed = NULL
                WHERE place IN (SELECT place FROM erased) AND sealed IS NOT NULL),
            unused AS (
                DELETE FROM blobs AS b WHERE b.tenant_id = t.id
                  AND b.id IN (SELECT u.id FROM erased JOIN blob_uses AS u USING (place))
                  AND NOT EXISTS (SELECT FROM blob_uses AS u
                      WHERE u.tenant_id = b.tenant_id AND u.id = b.id
                        AND u.place NOT IN (SELECT place FROM erased))),
            unreferred AS (
                DELETE FROM blob_uses WHERE place IN (SELECT place FROM erased)),
            forgotten AS (
                UPDATE runs AS r SET sealed = NULL WHERE r.tenant_id = t.id
                  AND r.run IN (SELECT run FROM erased) AND r.sealed IS NOT NULL)
            UPDATE approvals AS a SET card = NULL WHERE a.tenant_id = t.id
              AND a.run IN (SELECT run FROM erased) AND a.card IS NOT NULL";
        let mut sql = QueryBuilder::<Postgres>::new(
            "WITH erased AS MATERIALIZED (SELECT place, run FROM records WHERE ",
        );
        push_scope(&mut sql, self.tenant_id, what, from);
        sql.push(" UNION SELECT place, run FROM records WHERE place = ANY(");
        sql.push_bind(found.to_vec()).push(")");
        // The number is this store's own, made by the database.
        sql.push(ERASE.replace("t.id", &self.tenant_id.to_string()));
        sql.build().execute(&mut *self.connection).await?;
        Ok(Ok(()))
    }
}

//! The records of a transaction: numbered, put into their tenants' trees, and
//! written in one statement together with everything else that ends it.

use sqlx::postgres::PgConnection;
use tollgate_journal::Prepared;

use super::heads::{OpenHead, OpenHeads};
use super::settle::Mark;
use crate::audit::is_named;
use crate::places::{SEQ_BITS, place, stored_ms};
use crate::postgres::connect::lost;
use crate::postgres::events::CHANNEL;
use crate::postgres::fault::{Fault, is_unique_violation};
use crate::{Appended, StoreError};

/// The records of a transaction with their places.
#[derive(Default)]
pub(super) struct Insert<'a> {
    records: Vec<(i64, &'a Prepared)>,
}

impl<'a> Insert<'a> {
    /// Number a submission's records and put them into the tenant's tree.
    pub(super) fn take(
        &mut self,
        head: &mut OpenHead,
        records: &'a [Prepared],
    ) -> Result<Appended, Fault> {
        let tenant_id = head.tenant_id();
        let tree = head.tree();
        let appended = Appended {
            first_seq: tree.count(),
            count: records.len() as u64,
        };
        if tree.count() + appended.count >= 1 << SEQ_BITS {
            return Err(Fault::corrupt(
                "a tenant has more records than one store can number",
            ));
        }
        for record in records {
            self.records.push((place(tenant_id, tree.count()), record));
            tree.push(record.hash);
        }
        Ok(appended)
    }

    /// Write the records, the heads that grew, what others are told and the mark.
    pub(super) async fn write(
        self,
        connection: &mut PgConnection,
        heads: &mut OpenHeads,
        told: &[String],
        mark: &mut Mark,
        now: i64,
    ) -> Result<(), Fault> {
        // Every part of a statement sees the database as it was before, and all
        // that change something are carried out.
        const WRITE: &str = "
            WITH written AS (
                INSERT INTO records (place, at_ms, stage, run, case_id, subject, tool, outcome,
                    workflow, hash, leaf, sealed)
                SELECT * FROM unnest($1::bigint[], $2::bigint[], $3::smallint[], $4::text[],
                    $5::text[], $6::text[], $7::text[], $8::text[], $9::text[], $10::bytea[],
                    $11::bytea[], $12::bytea[])),
            heads AS (
                UPDATE tenants AS t SET count = h.count, root = h.root, frontier = h.frontier
                FROM unnest($13::bigint[], $14::bigint[], $15::bytea[], $16::bytea[])
                    AS h (tenant_id, count, root, frontier)
                WHERE t.tenant_id = h.tenant_id),
            marked AS (
                UPDATE writers SET commits = $18, at_ms = $19 WHERE writer = $17 RETURNING 1)
            SELECT (SELECT count(*) FROM marked),
                (SELECT count(pg_notify($20, payload)) FROM unnest($21::text[]) AS t (payload))";
        self.write_blobs(connection).await?;
        let each = || self.records.iter().map(|&(_, record)| record);
        let closing = || each().map(|record| record.closing.as_ref());
        let heads: Vec<_> = heads
            .values_mut()
            .flatten()
            .filter(|head| head.has_grown())
            .map(OpenHead::close)
            .collect();
        let write = sqlx::query_scalar(WRITE)
            .bind(self.records.iter().map(|r| r.0).collect::<Vec<_>>())
            .bind(each().map(|r| stored_ms(r.at_ms)).collect::<Vec<_>>())
            .bind(
                each()
                    .map(|r| i16::from(r.stage.code()))
                    .collect::<Vec<_>>(),
            )
            .bind(each().map(|r| r.run.as_deref()).collect::<Vec<_>>())
            .bind(each().map(|r| r.case.as_str()).collect::<Vec<_>>())
            .bind(each().map(named_subject).collect::<Vec<_>>())
            .bind(
                closing()
                    .map(|c| c.map(|c| c.tool.as_str()))
                    .collect::<Vec<_>>(),
            )
            .bind(
                closing()
                    .map(|c| c.map(|c| c.outcome.as_str()))
                    .collect::<Vec<_>>(),
            )
            .bind(
                closing()
                    .map(|c| c.and_then(|c| c.workflow.as_deref()))
                    .collect::<Vec<_>>(),
            )
            .bind(each().map(|r| r.hash.as_slice()).collect::<Vec<_>>())
            .bind(each().map(|r| r.leaf.as_slice()).collect::<Vec<_>>())
            .bind(each().map(|r| r.sealed.as_deref()).collect::<Vec<_>>())
            .bind(heads.iter().map(|h| h.0).collect::<Vec<_>>())
            .bind(heads.iter().map(|h| h.1).collect::<Vec<_>>())
            .bind(heads.iter().map(|h| h.2.as_slice()).collect::<Vec<_>>())
            .bind(heads.iter().map(|h| h.3.as_slice()).collect::<Vec<_>>())
            .bind(mark.writer().to_vec())
            .bind(mark.next())
            .bind(now)
            .bind(CHANNEL)
            .bind(told);
        match write.fetch_one(connection).await {
            Ok(1_i64) => Ok(()),
            // Somebody tidied up: the next connection makes it again.
            Ok(_) => Err(lost("the writer's row is not there any more")),
            // Only places can collide: somebody else put records beyond the head.
            Err(error) if is_unique_violation(&error) => {
                Err(StoreError::corrupt("there are records beyond a tenant's head").into())
            }
            Err(error) => Err(error.into()),
        }
    }

    /// Large values, one of equal ones, and who uses them.
    async fn write_blobs(&self, connection: &mut PgConnection) -> Result<(), Fault> {
        const WRITE: &str = "
            WITH given AS MATERIALIZED (
                SELECT * FROM unnest($1::bigint[], $2::bytea[], $3::bytea[])
                    AS g (place, id, sealed)),
            kept AS (
                INSERT INTO blobs (tenant_id, id, sealed)
                SELECT place >> 40, id, sealed FROM given ON CONFLICT DO NOTHING)
            INSERT INTO blob_uses (tenant_id, id, place)
            SELECT place >> 40, id, place FROM given ON CONFLICT DO NOTHING";
        let uses = self.records.iter().flat_map(|&(place, record)| {
            let blobs = record.blobs.iter();
            blobs.map(move |blob| (place, blob))
        });
        let uses: Vec<_> = uses.collect();
        if uses.is_empty() {
            return Ok(());
        }
        let write = sqlx::query(WRITE)
            .bind(uses.iter().map(|u| u.0).collect::<Vec<_>>())
            .bind(uses.iter().map(|u| u.1.id.as_slice()).collect::<Vec<_>>())
            .bind(
                uses.iter()
                    .map(|u| u.1.sealed.as_slice())
                    .collect::<Vec<_>>(),
            );
        write.execute(connection).await?;
        Ok(())
    }
}

fn named_subject(record: &Prepared) -> Option<&str> {
    let subject = record.subject.as_str();
    is_named(subject).then_some(subject)
}

//! Leases that are looked up once for a whole transaction. Every append of a run
//! asks whether its host still has the lease; one by one, the questions of a
//! transaction would take longer than its records.

use std::collections::HashMap;

use sqlx::Row;
use sqlx::sqlite::SqliteConnection;

use crate::Change;
use crate::sqlite::fault::Fault;

/// Who has a run's lease.
#[derive(Debug, Clone)]
pub(in crate::sqlite) struct Holder {
    pub(in crate::sqlite) owner: Option<String>,
    pub(in crate::sqlite) token: i64,
    pub(in crate::sqlite) until_ms: i64,
}

impl Holder {
    /// Whether it is this host, by this token, now.
    pub(in crate::sqlite) fn is(&self, owner: &str, token: i64, now_ms: i64) -> bool {
        self.owner.as_deref() == Some(owner) && self.token == token && self.until_ms >= now_ms
    }
}

/// What was found at the beginning of the transaction and has not changed in it.
#[derive(Debug, Default)]
pub(in crate::sqlite) struct Known(HashMap<(i64, String), Holder>);

impl Known {
    /// Look up the runs, given by their tenants' numbers.
    pub(in crate::sqlite) async fn look(
        connection: &mut SqliteConnection,
        wanted: &[(i64, &str)],
    ) -> Result<Self, Fault> {
        // One alone is asked when its turn comes, for the same price.
        if wanted.len() < 2 {
            return Ok(Self::default());
        }
        const LOOK: &str = "
            SELECT tenant_id, run, lease_owner, lease_token, lease_until_ms
            FROM json_each(?1) AS wanted CROSS JOIN runs
            ON tenant_id = wanted.value ->> 0 AND run = wanted.value ->> 1";
        let wanted = serde_json::json!(wanted).to_string();
        let rows = sqlx::query(LOOK).bind(wanted).fetch_all(connection).await?;
        let mut known = HashMap::with_capacity(rows.len());
        for row in rows {
            let holder = Holder {
                owner: row.try_get(2)?,
                token: row.try_get(3)?,
                until_ms: row.try_get(4)?,
            };
            known.insert((row.try_get(0)?, row.try_get(1)?), holder);
        }
        Ok(Self(known))
    }

    pub(in crate::sqlite) fn get(&self, tenant_id: i64, run: &str) -> Option<&Holder> {
        if self.0.is_empty() {
            return None;
        }
        self.0.get(&(tenant_id, run.to_owned()))
    }

    /// A change may have touched a run's lease: ask for it anew.
    pub(in crate::sqlite) fn forget(&mut self, tenant_id: i64, change: &Change) {
        let run = match change {
            _ if self.0.is_empty() => return,
            Change::PutRun(row) => &row.run,
            Change::ReleaseRun { run, .. } => run,
            _ => return,
        };
        self.0.remove(&(tenant_id, run.clone()));
    }

    /// Leases were taken or prolonged: nothing is known any more.
    pub(in crate::sqlite) fn forget_all(&mut self) {
        self.0.clear();
    }
}

/// The runs whose leases a submission's changes ask about.
pub(in crate::sqlite) fn asked(changes: &[Change]) -> impl Iterator<Item = &str> {
    changes.iter().filter_map(|change| match change {
        Change::HoldsRun { run, .. } => Some(run.as_str()),
        _ => None,
    })
}

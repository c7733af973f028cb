//! Deputies: a person decides in another's place, from one moment until another.
//!
//! The attacks: a chain of deputies ends at somebody whom nobody chose; one human
//! fills two places of a quorum; a right that a person lost lives on at a deputy.
//! So a deputy has only what the delegator has at that moment in the own right,
//! deputy and delegator are one vote, and all of it ends with its time.

use tollgate_journal::{Stage, Tenant};
use tollgate_policy::Approver;
use tollgate_store::{
    ApprovalRow, Change, DelegationRow, OnBehalf, PrincipalKind as StoredKind, PrincipalRow,
    Rejected, Store, StoreError,
};

use super::{is_approver, may_decide, refused};
use crate::api::{Delegation, Deputy, NewDelegation, Principal, PrincipalKind};
use crate::error::{CallError, DecideError};
use crate::host::{Host, Inner};
use crate::journal::Saying;
use crate::names;
use crate::time::rfc3339;

/// The longest time that a person can be replaced for. A longer absence is a
/// change of who is in the group.
const DELEGATION_MS_MAX: u64 = 30 * 24 * 3_600_000;

/// How far ahead one can begin.
const AHEAD_MS_MAX: u64 = 365 * 24 * 3_600_000;

/// Where the records of delegations stand.
const CASE: &str = "delegations";

impl Host {
    /// Name a deputy.
    ///
    /// # Errors
    ///
    /// When this person cannot be one, or the delegator has nothing to give.
    pub async fn delegate(
        &self,
        who: &Principal,
        new: &NewDelegation,
    ) -> Result<Delegation, DecideError> {
        self.inner().delegate(who, new).await
    }

    /// End a delegation before its time: who gave it may, and who has it.
    ///
    /// # Errors
    ///
    /// When there is no such delegation in force for this person.
    pub async fn end_delegation(&self, who: &Principal, id: &str) -> Result<(), DecideError> {
        self.inner().end_delegation(who, id).await
    }

    /// Delegations of the tenant that may still count, or with `all` every one.
    ///
    /// # Errors
    ///
    /// When the principal is not a person, or the store cannot be read.
    pub async fn delegations(
        &self,
        who: &Principal,
        all: bool,
    ) -> Result<Vec<Delegation>, DecideError> {
        must_be_person(who)?;
        let inner = self.inner();
        let now = inner.journal.now_ms();
        let at = (!all).then_some(now);
        let rows = inner.journal.store.delegations(&who.tenant, at).await?;
        Ok(rows.iter().map(|row| shown(row, now)).collect())
    }
}

impl Inner {
    async fn delegate(
        &self,
        who: &Principal,
        new: &NewDelegation,
    ) -> Result<Delegation, DecideError> {
        must_be_person(who)?;
        let no = |why: String| Err(DecideError::NoDeputy(why));
        let approver = match new.approver.parse::<Approver>() {
            Ok(approver) => approver.to_string(),
            Err(why) => return no(why),
        };
        if !is_approver(&approver, &who.name, &who.groups) {
            return no(format!("you are not {approver} yourself"));
        }
        if new.deputy == who.name {
            return no("you decide for yourself already".to_owned());
        }
        let principals = self.journal.store.principals(&who.tenant).await?;
        // The attack: who has the token of a person with a key, and cannot sign,
        // names a deputy who needs no signature.
        let signs = |row: &PrincipalRow| row.name == who.name && row.public_key.is_some();
        if principals.iter().any(signs) {
            return no("your decisions are signed, and a deputy's would not be yours".to_owned());
        }
        if !principals.iter().any(|row| is_person(row, &new.deputy)) {
            return no("there is no such person here".to_owned());
        }
        let now = self.journal.now_ms();
        let from_ms = new.from_ms.unwrap_or(now).max(now);
        if new.until_ms <= from_ms || new.until_ms - from_ms > DELEGATION_MS_MAX {
            return no("it must end after it begins, at most 30 days later".to_owned());
        }
        if from_ms - now > AHEAD_MS_MAX {
            return no("it begins more than a year from now".to_owned());
        }
        let row = DelegationRow {
            tenant: who.tenant.clone(),
            id: names::delegation(),
            delegator: who.name.clone(),
            deputy: new.deputy.clone(),
            approver,
            from_ms,
            until_ms: new.until_ms,
            created_ms: now,
            ended_ms: None,
            ended_by: None,
        };
        let put = Change::PutDelegation(Box::new(row.clone()));
        self.record_delegation(who, &row, "given", put).await?;
        Ok(shown(&row, now))
    }

    async fn end_delegation(&self, who: &Principal, id: &str) -> Result<(), DecideError> {
        must_be_person(who)?;
        let rows = self.journal.store.delegations(&who.tenant, None).await?;
        let row = rows
            .into_iter()
            .find(|row| row.id == id && (row.delegator == who.name || row.deputy == who.name))
            .ok_or_else(|| DecideError::NotFound(id.to_owned()))?;
        let end = Change::EndDelegation {
            id: id.to_owned(),
            by: who.name.clone(),
            at_ms: self.journal.now_ms(),
        };
        self.record_delegation(who, &row, "ended", end).await
    }

    async fn record_delegation(
        &self,
        who: &Principal,
        row: &DelegationRow,
        what: &str,
        change: Change,
    ) -> Result<(), DecideError> {
        let journal = &self.journal;
        let about = journal
            .about(&who.tenant, CASE, None, &who.name, None, CASE)
            .await?;
        let saying = Saying::new(Stage::DelegationChanged)
            .fact("delegation", row.id.as_str())
            .fact("change", what)
            .fact("delegator", row.delegator.as_str())
            .fact("deputy", row.deputy.as_str())
            .fact("approver", row.approver.as_str())
            .fact("from", rfc3339(row.from_ms))
            .fact("until", rfc3339(row.until_ms));
        let record = journal.record(&about, saying)?;
        let appended = journal
            .append(&who.tenant, vec![record], vec![change])
            .await;
        appended.map_err(|fault| match refused(&fault) {
            Some(Rejected::NoDelegation(id)) => DecideError::NotFound(id.clone()),
            _ => fault.into(),
        })
    }

    /// Who may decide on an approval in another's place now.
    pub(super) async fn deputies_of(&self, row: &ApprovalRow) -> Result<Vec<Deputy>, CallError> {
        let now = self.journal.now_ms();
        let store = self.journal.store.as_ref();
        Ok(Deputies::of(store, &row.tenant, now)
            .await?
            .for_approval(row))
    }
}

/// The delegations of a tenant that are in force.
pub(super) struct Deputies(Vec<DelegationRow>);

impl Deputies {
    pub(super) async fn of(
        store: &dyn Store,
        tenant: &Tenant,
        now_ms: u64,
    ) -> Result<Self, StoreError> {
        let mut rows = store.delegations(tenant, Some(now_ms)).await?;
        rows.retain(|row| row.from_ms <= now_ms);
        if rows.is_empty() {
            return Ok(Self(rows));
        }
        // What the delegator has lost since, the deputy has not.
        let principals = store.principals(tenant).await?;
        rows.retain(|row| {
            principals.iter().any(|principal| {
                is_person(principal, &row.delegator)
                    && is_approver(&row.approver, &principal.name, &principal.groups)
            })
        });
        Ok(Self(rows))
    }

    /// Whether a person may decide on an approval, and in whose place: in the own
    /// right first.
    pub(super) fn seat(
        &self,
        who: &Principal,
        row: &ApprovalRow,
    ) -> Result<Option<OnBehalf>, DecideError> {
        let no = match may_decide(who, row) {
            Ok(()) => return Ok(None),
            Err(DecideError::NotAnApprover(names)) => DecideError::NotAnApprover(names),
            Err(error) => return Err(error),
        };
        let used = |name: &String| {
            row.votes
                .iter()
                .any(|vote| vote.voter == *name || vote.on_behalf.as_ref() == Some(name))
        };
        let mut given: Vec<_> = self
            .fitting(row)
            .filter(|delegation| delegation.deputy == who.name)
            .collect();
        // One whose place is free; else any, so that the store says why not.
        given.sort_by_key(|delegation| used(&delegation.delegator));
        let given = given.first().ok_or(no)?;
        Ok(Some(OnBehalf {
            delegator: given.delegator.clone(),
            delegation: given.id.clone(),
        }))
    }

    fn for_approval(&self, row: &ApprovalRow) -> Vec<Deputy> {
        self.fitting(row)
            .map(|delegation| Deputy {
                deputy: delegation.deputy.clone(),
                delegator: delegation.delegator.clone(),
                approver: delegation.approver.clone(),
                until: rfc3339(delegation.until_ms),
            })
            .collect()
    }

    /// Nobody decides in the place of who asked, nor who asked in another's.
    fn fitting<'a>(&'a self, row: &'a ApprovalRow) -> impl Iterator<Item = &'a DelegationRow> + 'a {
        self.0.iter().filter(|delegation| {
            let asked = |name: &String| *name == row.principal || row.excluded.contains(name);
            row.approvers.contains(&delegation.approver)
                && !asked(&delegation.delegator)
                && !asked(&delegation.deputy)
        })
    }
}

fn must_be_person(who: &Principal) -> Result<(), DecideError> {
    match who.kind {
        PrincipalKind::Person => Ok(()),
        _ => Err(DecideError::NotAPerson),
    }
}

fn is_person(row: &PrincipalRow, name: &str) -> bool {
    row.name == name && row.kind == StoredKind::Person && row.revoked_ms.is_none()
}

fn shown(row: &DelegationRow, now_ms: u64) -> Delegation {
    let state = match () {
        () if row.ended_ms.is_some() => "ended",
        () if row.until_ms < now_ms => "over",
        () if row.from_ms > now_ms => "planned",
        () => "in_force",
    };
    Delegation {
        id: row.id.clone(),
        delegator: row.delegator.clone(),
        deputy: row.deputy.clone(),
        approver: row.approver.clone(),
        from: rfc3339(row.from_ms),
        until: rfc3339(row.until_ms),
        state: state.to_owned(),
    }
}

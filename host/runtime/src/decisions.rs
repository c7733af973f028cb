//! A person's decision on a held call: who may take it, what it is recorded as,
//! and the run that goes on with it. No decision is taken any other way.
//!
//! `batch` decides on many at once, `delegation` lets one person decide in
//! another's place, `editing` changes what was asked for, `revoking` takes a yes
//! back; `signing` asks for the signature of those who have a key. A decision that came
//! by a signed callback (`crate::callbacks`) is taken here too, once (`carrier`).

mod batch;
mod carrier;
mod delegation;
mod editing;
mod revoking;
mod signing;

use std::sync::Arc;

use tollgate_journal::{Prepared, Stage};
use tollgate_policy::decision::REASON_CHARS_MAX;
use tollgate_store::{ApprovalRow, Change, OnBehalf, Rejected, Verdict};

use crate::api::{Card, Principal, PrincipalKind, RunReport};
use crate::approvals;
use crate::drills;
use crate::error::{CallError, DecideError, JournalFault};
use crate::host::{Host, Inner};
use crate::journal::{About, Saying};
use crate::time::rfc3339;
pub(crate) use carrier::Carrier;
use delegation::Deputies;
use signing::Signed;

/// How often a vote is looked at anew when others vote at the same moment: more
/// often than an approval can need people.
const VOTES_AT_ONCE: usize = 32;

/// What a person says of a held call.
#[derive(Clone, Copy)]
pub(crate) struct Said<'a> {
    /// The card's, as the person saw it.
    pub(crate) digest: &'a str,
    pub(crate) verdict: &'a Verdict,
    pub(crate) reason: Option<&'a str>,
    /// The digest of the batch that it is part of.
    pub(crate) batch: Option<&'a str>,
    /// The person's signature over it, base64.
    pub(crate) signature: Option<&'a str>,
    /// The request that carried it, where that was no credential of the person's own.
    pub(crate) carrier: Option<Carrier<'a>>,
}

impl Host {
    /// Approve a held call. `digest` is the card's, as the person saw it. Where
    /// that is the last yes it needs, the run goes on; the answer is its state
    /// afterwards.
    ///
    /// # Errors
    ///
    /// When the decision is not taken; see [`DecideError`].
    pub async fn approve(
        &self,
        who: &Principal,
        approval: &str,
        digest: &str,
    ) -> Result<RunReport, DecideError> {
        self.approve_because(who, approval, digest, None).await
    }

    /// The same with the person's reason, which an exception needs.
    ///
    /// # Errors
    ///
    /// When the decision is not taken; see [`DecideError`].
    pub async fn approve_because(
        &self,
        who: &Principal,
        approval: &str,
        digest: &str,
        reason: Option<&str>,
    ) -> Result<RunReport, DecideError> {
        self.approve_signed(who, approval, digest, reason, None)
            .await
    }

    /// The same with the person's signature, which one with a registered key needs:
    /// see [`tollgate_policy::decision`].
    ///
    /// # Errors
    ///
    /// When the decision is not taken; see [`DecideError`].
    pub async fn approve_signed(
        &self,
        who: &Principal,
        approval: &str,
        digest: &str,
        reason: Option<&str>,
        signature: Option<&str>,
    ) -> Result<RunReport, DecideError> {
        let said = Said {
            digest,
            verdict: &Verdict::Approved,
            reason,
            batch: None,
            signature,
            carrier: None,
        };
        self.inner().decide(who, approval, said).await
    }

    /// Deny a held call, and say why. It stands for the same case, tool and input
    /// in new runs too, for the time that the manifest sets.
    ///
    /// # Errors
    ///
    /// When the decision is not taken; see [`DecideError`].
    pub async fn deny(
        &self,
        who: &Principal,
        approval: &str,
        digest: &str,
        reason: &str,
    ) -> Result<RunReport, DecideError> {
        self.deny_signed(who, approval, digest, reason, None).await
    }

    /// The same with the person's signature.
    ///
    /// # Errors
    ///
    /// When the decision is not taken; see [`DecideError`].
    pub async fn deny_signed(
        &self,
        who: &Principal,
        approval: &str,
        digest: &str,
        reason: &str,
        signature: Option<&str>,
    ) -> Result<RunReport, DecideError> {
        let said = Said {
            digest,
            verdict: &Verdict::Denied,
            reason: Some(reason),
            batch: None,
            signature,
            carrier: None,
        };
        self.inner().decide(who, approval, said).await
    }
}

impl Inner {
    pub(crate) async fn approval(
        &self,
        who: &Principal,
        id: &str,
    ) -> Result<ApprovalRow, DecideError> {
        if who.kind != PrincipalKind::Person {
            return Err(DecideError::NotAPerson);
        }
        self.journal
            .store
            .approval(&who.tenant, id)
            .await?
            .ok_or_else(|| DecideError::NotFound(id.to_owned()))
    }

    pub(crate) async fn card(&self, row: &ApprovalRow) -> Result<Card, CallError> {
        let shown = self.read_back(&row.tenant, &row.run).await?;
        let mut card = approvals::card(row, &shown.run, &shown.records);
        card.deputies = self.deputies_of(row).await?;
        Ok(card)
    }

    /// Cards that a person may decide on, or with `all` every card of the tenant.
    pub(crate) async fn cards(&self, who: &Principal, all: bool) -> Result<Vec<Card>, CallError> {
        if who.kind != PrincipalKind::Person {
            return Err(CallError::NotAllowed(DecideError::NotAPerson.to_string()));
        }
        let state = (!all).then_some(tollgate_store::ApprovalState::Pending);
        let deputies = self.deputies(who).await?;
        let mut cards = Vec::new();
        for row in self.journal.store.approvals(&who.tenant, state).await? {
            let waits = deputies.seat(who, &row).is_ok() && !has_voted(who, &row);
            if !all && !waits {
                continue;
            }
            match self.card(&row).await {
                Ok(card) => cards.push(card),
                // One damaged record must not hide the others.
                Err(error) => tracing::error!(approval = row.id, %error, "no card"),
            }
        }
        Ok(cards)
    }

    pub(crate) async fn decide(
        self: &Arc<Self>,
        who: &Principal,
        id: &str,
        said: Said<'_>,
    ) -> Result<RunReport, DecideError> {
        let report = match self.take_decision(who, id, said).await? {
            // Where this one fails, the decision is there for the watch of any host.
            (row, Came::Decided) => self.resume(&row.tenant, &row.run).await,
            (row, Came::Voted | Came::Drilled) => self.report(&row.tenant, &row.run).await,
        };
        report.map_err(|error| DecideError::DecidedNotDone(error.to_string()))
    }

    /// Take a decision, and leave it to others to go on with the run. The answer has
    /// the approval as it was before.
    pub(crate) async fn take_decision(
        &self,
        who: &Principal,
        id: &str,
        said: Said<'_>,
    ) -> Result<(ApprovalRow, Came), DecideError> {
        let reason = said.reason.map(str::trim).filter(|words| !words.is_empty());
        let reason: Option<String> =
            reason.map(|words| words.chars().take(REASON_CHARS_MAX).collect());
        let approves = *said.verdict == Verdict::Approved;
        if !approves && reason.is_none() {
            return Err(DecideError::ReasonMissing);
        }
        for _ in 0..VOTES_AT_ONCE {
            let row = self.approval(who, id).await?;
            let planter = self.planter(&row).await?;
            let on_behalf = self.deputies(who).await?.seat(who, &row)?;
            if row.digest != said.digest {
                return Err(DecideError::Changed);
            }
            if planter.as_ref() == Some(&who.name) {
                return Err(DecideError::Planted);
            }
            if approves && row.excluded.contains(&who.name) {
                return Err(DecideError::Author);
            }
            if approves && row.exception && reason.is_none() {
                return Err(DecideError::ExceptionReasonMissing);
            }
            if approves {
                self.not_denied_before(&row).await?;
            }
            let signed = self.signed(who, &row, &said, reason.as_deref()).await?;
            let taken = Taken {
                who,
                row: &row,
                signed,
                on_behalf,
                reason: reason.as_deref(),
                batch: said.batch,
                planter,
                carrier: said.carrier,
            };
            // Where it was not: somebody else voted, or took a vote back, a moment ago.
            if let Some(came) = self.record_decision(&taken, said.verdict).await? {
                return Ok((row, came));
            }
        }
        Err(DecideError::Unavailable(
            "others vote at the same time".to_owned(),
        ))
    }

    /// The attack: the same is asked for in two runs, one person denies the one,
    /// and another approves the other.
    async fn not_denied_before(&self, row: &ApprovalRow) -> Result<(), DecideError> {
        let store = &self.journal.store;
        let found = store.standing_denial(&row.tenant, &row.asked, &row.run);
        match found.await? {
            None => Ok(()),
            Some(denied) => Err(DecideError::DeniedBefore {
                by: denied.decided_by.unwrap_or_default(),
                run: denied.run,
                until: denied.denied_until_ms.map(rfc3339).unwrap_or_default(),
            }),
        }
    }

    /// Record what a person said. Nothing: it is not what would decide any more.
    async fn record_decision(
        &self,
        taken: &Taken<'_>,
        verdict: &Verdict,
    ) -> Result<Option<Came>, DecideError> {
        let row = taken.row;
        let votes = u32::try_from(row.votes.len()).unwrap_or(u32::MAX);
        let decides = *verdict == Verdict::Denied || votes.saturating_add(1) >= row.quorum;
        let records = self.records_of(taken, verdict, decides).await?;
        let (id, by) = (row.id.clone(), taken.who.name.clone());
        let (on_behalf, at_ms) = (taken.on_behalf.clone(), self.journal.now_ms());
        let change = if decides {
            Change::DecideApproval {
                id,
                decision: verdict.clone(),
                by,
                on_behalf,
                at_ms,
            }
        } else {
            Change::VoteApproval {
                id,
                by,
                on_behalf,
                at_ms,
            }
        };
        let (mut records, mut changes) = (records, vec![change]);
        if let Some(planter) = taken.planter.as_ref().filter(|_| decides) {
            let came = match verdict {
                Verdict::Approved => drills::Came::Approved,
                Verdict::Denied => drills::Came::Denied,
            };
            let about = self.about_decision(taken.who, row).await?;
            let decides = changes.remove(0);
            let (closed, with) = self
                .drill_ended(&about, row, planter, came, decides)
                .await?;
            records.push(closed);
            changes = with;
        }
        let carried = taken.carrier.map(|carrier| carrier.taken(at_ms));
        let changes = carried.into_iter().chain(changes).collect();
        fail::fail_point!("decide::before");
        let appended = self.journal.append(&row.tenant, records, changes).await;
        fail::fail_point!("decide::after");
        match appended {
            Ok(()) if decides && taken.planter.is_some() => {
                self.changed();
                Ok(Some(Came::Drilled))
            }
            Ok(()) if decides => {
                let decision = match verdict {
                    Verdict::Approved => "approved",
                    Verdict::Denied => "denied",
                };
                let metrics = self.journal.metrics.of(&row.tenant);
                metrics.decided(&row.approval, decision);
                Ok(Some(Came::Decided))
            }
            Ok(()) => Ok(Some(Came::Voted)),
            Err(fault) => match refused(&fault) {
                Some(Rejected::VotesChanged { .. }) => Ok(None),
                // The only key that a decision writes.
                Some(Rejected::VersionConflict { .. }) => Err(DecideError::Repeated),
                _ => Err(not_taken(fault)),
            },
        }
    }

    /// What a decision is recorded as.
    async fn records_of(
        &self,
        taken: &Taken<'_>,
        verdict: &Verdict,
        decides: bool,
    ) -> Result<Vec<Prepared>, DecideError> {
        let row = taken.row;
        let about = self.about_decision(taken.who, row).await?;
        let stage = match decides {
            true => Stage::ApprovalDecided,
            false => Stage::ApprovalVoted,
        };
        let approves = *verdict == Verdict::Approved;
        let votes = row.votes.len() + usize::from(approves);
        let words = |saying: Saying| match taken.reason {
            Some(reason) => saying.value("reason", reason.as_bytes().to_vec()),
            None => saying,
        };
        let on_behalf = taken.on_behalf.as_ref();
        let saying = match taken.planter.as_ref().filter(|_| decides) {
            Some(planter) if approves => Self::drill_decided(row, planter, drills::Came::Approved),
            Some(planter) => Self::drill_decided(row, planter, drills::Came::Denied),
            None => Saying::new(stage)
                .at(row.position)
                .fact("approval", row.id.as_str())
                .fact("digest", row.digest.as_str())
                .fact("decision", if approves { "approved" } else { "denied" }),
        };
        let saying = saying
            .fact("votes", votes)
            .fact("quorum", row.quorum)
            .fact("identified", taken.who.identified.to_string())
            .maybe("on_behalf", on_behalf.map(|of| of.delegator.as_str()))
            .maybe("delegation", on_behalf.map(|of| of.delegation.as_str()))
            .maybe("batch", taken.batch)
            .maybe("channel", taken.carrier.map(|carrier| carrier.channel));
        let saying = signing::told(saying, taken.signed.as_ref());
        let mut records = vec![self.journal.record(&about, words(saying))?];
        if row.exception && approves && decides && taken.planter.is_none() {
            let exception = Saying::new(Stage::Exception)
                .at(row.position)
                .fact("approval", row.id.as_str())
                .fact("kind", row.approval.as_str())
                .fact("rule", row.rule.as_str())
                .fact("tool", format!("{}.{}", row.connector, row.tool));
            records.push(self.journal.record(&about, words(exception))?);
        }
        Ok(records)
    }

    /// Everything about a held run, as a person says something of it.
    async fn about_decision(
        &self,
        who: &Principal,
        row: &ApprovalRow,
    ) -> Result<About, DecideError> {
        let about = self.about_recorded(&row.tenant, &row.run).await;
        let mut about = about.map_err(|error| DecideError::Unavailable(error.to_string()))?;
        about.principal.clone_from(&who.name);
        Ok(about)
    }

    /// Who decides for whom, seen from this person.
    async fn deputies(&self, who: &Principal) -> Result<Deputies, tollgate_store::StoreError> {
        Deputies::of(
            self.journal.store.as_ref(),
            &who.tenant,
            self.journal.now_ms(),
        )
        .await
    }
}

/// A decision that a person takes.
struct Taken<'a> {
    who: &'a Principal,
    row: &'a ApprovalRow,
    signed: Option<Signed>,
    on_behalf: Option<OnBehalf>,
    reason: Option<&'a str>,
    batch: Option<&'a str>,
    /// Who planted it, where it is a drill.
    planter: Option<String>,
    carrier: Option<Carrier<'a>>,
}

/// What came of it.
pub(crate) enum Came {
    Decided,
    /// It was a drill, and is over.
    Drilled,
    /// More people have to say yes.
    Voted,
}

fn refused(fault: &JournalFault) -> Option<&Rejected> {
    match fault {
        JournalFault::Store(error) => error.rejected(),
        JournalFault::Record(_) => None,
    }
}

/// Why a decision was not taken, as its person is told.
fn not_taken(fault: JournalFault) -> DecideError {
    match refused(&fault) {
        Some(Rejected::AlreadyDecided { state, by }) => DecideError::AlreadyDecided {
            state: state.to_string(),
            by: by.clone(),
        },
        Some(Rejected::Expired { .. }) => DecideError::Expired,
        Some(Rejected::OwnRequest) => DecideError::Requester,
        Some(Rejected::AlreadyVoted { person, voter }) => DecideError::AlreadyVoted {
            person: person.clone(),
            voter: voter.clone(),
        },
        Some(Rejected::NoDelegation(_)) => {
            DecideError::NotAnApprover("the approvers, and their deputies in time,".to_owned())
        }
        _ => fault.into(),
    }
}

/// Whether a person's vote is given, by whomever.
fn has_voted(who: &Principal, row: &ApprovalRow) -> bool {
    row.votes
        .iter()
        .any(|vote| vote.voter == who.name || vote.on_behalf.as_ref() == Some(&who.name))
}

/// Whether this person may decide on this, in the own right.
fn may_decide(who: &Principal, row: &ApprovalRow) -> Result<(), DecideError> {
    if who.kind != PrincipalKind::Person {
        return Err(DecideError::NotAPerson);
    }
    if who.name == row.principal {
        return Err(DecideError::Requester);
    }
    if row
        .approvers
        .iter()
        .any(|approver| is_approver(approver, &who.name, &who.groups))
    {
        Ok(())
    } else {
        Err(DecideError::NotAnApprover(row.approvers.join(", ")))
    }
}

/// Whether somebody of this name and these groups is meant by `group:…` or
/// `person:…`.
fn is_approver(approver: &str, name: &str, groups: &[String]) -> bool {
    match approver.split_once(':') {
        Some(("group", group)) => groups.iter().any(|member| member == group),
        Some(("person", person)) => name == person,
        _ => false,
    }
}

//! Taking a yes back, until the call's intent is durable. After it the run may
//! have had its effect: then it is undone, not revoked.

use tollgate_journal::Stage;
use tollgate_store::{Change, Rejected};

use super::signing::told;
use super::{not_taken, refused};
use crate::api::{Principal, RunReport};
use crate::error::DecideError;
use crate::host::{Host, Inner};
use crate::journal::Saying;

impl Host {
    /// Take the own yes back, or one that a deputy gave. The call waits for people
    /// again, with the time to decide that it had.
    ///
    /// # Errors
    ///
    /// When there is none, or the call was made under it.
    pub async fn revoke(&self, who: &Principal, approval: &str) -> Result<RunReport, DecideError> {
        self.revoke_signed(who, approval, None).await
    }

    /// The same with the person's signature, which one with a registered key needs.
    ///
    /// # Errors
    ///
    /// When there is no vote, the call was made under it, or the signature does not
    /// fit.
    pub async fn revoke_signed(
        &self,
        who: &Principal,
        approval: &str,
        signature: Option<&str>,
    ) -> Result<RunReport, DecideError> {
        self.inner().revoke(who, approval, signature).await
    }
}

impl Inner {
    async fn revoke(
        &self,
        who: &Principal,
        id: &str,
        signature: Option<&str>,
    ) -> Result<RunReport, DecideError> {
        let row = self.approval(who, id).await?;
        let signed = self.signed_revocation(who, &row, signature).await?;
        let about = self.about_decision(who, &row).await?;
        let saying = Saying::new(Stage::ApprovalRevoked)
            .at(row.position)
            .fact("approval", id)
            .fact("digest", row.digest.as_str())
            .fact("quorum", row.quorum)
            .maybe("decision", signed.as_ref().map(|_| "revoked"));
        let saying = told(saying, signed.as_ref());
        let record = self.journal.record(&about, saying)?;
        let revoke = Change::RevokeVote {
            id: id.to_owned(),
            by: who.name.clone(),
        };
        let appended = self
            .journal
            .append(&row.tenant, vec![record], vec![revoke])
            .await;
        if let Err(fault) = appended {
            return Err(match refused(&fault) {
                Some(Rejected::NoVote(_)) => DecideError::NoVote,
                Some(Rejected::AlreadyConsumed) => DecideError::AlreadyUsed,
                _ => not_taken(fault),
            });
        }
        self.changed();
        let report = self.report(&row.tenant, &row.run).await;
        report.map_err(|error| DecideError::DecidedNotDone(error.to_string()))
    }
}

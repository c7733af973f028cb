//! The signature of a person who has a registered key.
//!
//! The attack: a stolen bearer token. It lets somebody read cards and send requests
//! in the person's name; without the private key nothing that it sends decides. The
//! key is read from the store for each decision, never from what is remembered of
//! the token, so a key counts from the moment it is registered.
//!
//! The second attack: the token, and a signed yes from the log that its person took
//! back since. It is a good signature over the very same decision. So a signed yes
//! counts once: a new yes to the same call is signed with other words.

use tollgate_journal::Stage;
use tollgate_policy::Digest;
use tollgate_policy::decision::{DecisionError, PublicKey, Said, Statement, reason_digest};
use tollgate_store::{ApprovalRow, Verdict};

use crate::api::Principal;
use crate::error::DecideError;
use crate::host::Inner;
use crate::journal::Saying;

/// A decision that was signed: what is recorded of it. With the approval, its digest
/// and the decision, which are recorded anyway, it is all that a check needs beside
/// the public key.
pub(super) struct Signed {
    signature: String,
    fingerprint: String,
    reason: Option<Digest>,
}

/// A record that tells of the signature too.
pub(super) fn told(saying: Saying, signed: Option<&Signed>) -> Saying {
    let Some(signed) = signed else { return saying };
    saying
        .fact("signature", signed.signature.as_str())
        .fact("key", signed.fingerprint.as_str())
        .maybe(
            "reason_digest",
            signed.reason.map(|digest| digest.to_string()),
        )
}

impl Inner {
    /// The signature over a yes or a no. Nothing: the person has no key.
    pub(super) async fn signed(
        &self,
        who: &Principal,
        row: &ApprovalRow,
        verdict: &Verdict,
        reason: Option<&str>,
        signature: Option<&str>,
    ) -> Result<Option<Signed>, DecideError> {
        let decision = match verdict {
            Verdict::Approved => Said::Approved,
            Verdict::Denied => Said::Denied,
        };
        let signed = self.checked(who, row, decision, reason, signature).await?;
        if let Some(signed) = &signed
            && decision == Said::Approved
        {
            self.not_used_before(row, signed).await?;
        }
        Ok(signed)
    }

    /// The signature over taking a yes back.
    pub(super) async fn signed_revocation(
        &self,
        who: &Principal,
        row: &ApprovalRow,
        signature: Option<&str>,
    ) -> Result<Option<Signed>, DecideError> {
        self.checked(who, row, Said::Revoked, None, signature).await
    }

    async fn checked(
        &self,
        who: &Principal,
        row: &ApprovalRow,
        decision: Said,
        reason: Option<&str>,
        signature: Option<&str>,
    ) -> Result<Option<Signed>, DecideError> {
        let wrong = |why: DecisionError| DecideError::SignatureWrong(why.to_string());
        let principals = self.journal.store.principals(&who.tenant).await?;
        let known = principals.into_iter().find(|known| known.name == who.name);
        let (key, signature) = match (known.and_then(|known| known.public_key), signature) {
            (None, None) => return Ok(None),
            // Who signs relies on it: it is not passed over in silence.
            (None, Some(_)) => {
                let why = "no key is registered for you".to_owned();
                return Err(DecideError::SignatureWrong(why));
            }
            (Some(_), None) => return Err(DecideError::SignatureMissing),
            (Some(key), Some(signature)) => (key, signature),
        };
        let key = PublicKey::from_bytes(&key).map_err(wrong)?;
        let statement = Statement {
            tenant: row.tenant.to_string(),
            approval: row.id.clone(),
            digest: row.digest.clone(),
            decision,
            reason: reason_digest(reason),
        };
        key.verify(&statement, signature).map_err(wrong)?;
        Ok(Some(Signed {
            signature: signature.to_owned(),
            fingerprint: key.fingerprint(),
            reason: statement.reason,
        }))
    }

    /// What a person signed is compared, and not the signature: nothing then rests on
    /// there being one signature only of a statement.
    async fn not_used_before(&self, row: &ApprovalRow, signed: &Signed) -> Result<(), DecideError> {
        let records = self.journal.run_records(&row.tenant, &row.run).await?;
        let reason = signed.reason.map(|digest| digest.to_string());
        let used = records.iter().any(|record| {
            let votes = [
                Stage::ApprovalVoted,
                Stage::ApprovalDecided,
                Stage::DrillDecided,
            ];
            votes.contains(&record.leaf.stage)
                && record.fact("approval") == Some(row.id.as_str())
                && record.fact("decision") == Some("approved")
                && record.fact("key") == Some(signed.fingerprint.as_str())
                && record.fact("reason_digest") == reason.as_deref()
        });
        if used {
            return Err(DecideError::SignatureUsed);
        }
        Ok(())
    }
}

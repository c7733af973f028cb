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
//!
//! The third: a stolen token changes the input of a held call, which ends that call and
//! takes the vote of the person whose token it is. So an edit is signed with its input.
//!
//! A batch is no decision of its own. Each item is signed as if it were decided on
//! alone, so whoever carries the batch can leave items out and can add none, and a
//! record of a batch is verified like any other.

use serde_json::Value;
use tollgate_journal::Stage;
use tollgate_policy::decision::{
    DecisionError, PublicKey, Said, Statement, input_digest, reason_digest,
};
use tollgate_policy::{Digest, visible};
use tollgate_store::{ApprovalRow, Verdict};

use crate::api::Principal;
use crate::error::DecideError;
use crate::host::{Host, Inner};
use crate::journal::Saying;

/// A decision that was signed: what is recorded of it. With the approval, its digest
/// and the decision, which are recorded anyway, it is all that a check needs beside
/// the public key.
pub(super) struct Signed {
    signature: String,
    fingerprint: String,
    reason: Option<Digest>,
    input: Option<Digest>,
}

/// What a person says of a held call, and signs.
pub(super) struct Claim<'a> {
    said: Said,
    reason: Option<&'a str>,
    input: Option<&'a Value>,
    /// It is one of many that are decided on at once.
    in_batch: bool,
    signature: Option<&'a str>,
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
        .maybe(
            "input_digest",
            signed.input.map(|digest| digest.to_string()),
        )
}

impl Claim<'_> {
    /// What the person types to say it with a signature.
    fn command(&self, row: &ApprovalRow) -> String {
        let id = &row.id;
        let says = match self.said {
            _ if self.in_batch => format!("approve --batch {}", visible(&row.approval)),
            Said::Approved => format!("approve {id}"),
            Said::Denied => format!("deny {id} --reason TEXT"),
            Said::Revoked => format!("revoke {id}"),
            Said::Edited => format!("edit {id} --input FILE"),
        };
        let tenant = match row.tenant == tollgate_journal::Tenant::default() {
            true => String::new(),
            false => format!(" --tenant {}", row.tenant),
        };
        format!("tollgate {says}{tenant} --key KEY_FILE")
    }
}

impl Host {
    /// Whether a person's decisions count only with the signature of a registered key.
    ///
    /// # Errors
    ///
    /// When the store cannot be read.
    pub async fn must_sign(&self, who: &Principal) -> Result<bool, DecideError> {
        Ok(self.inner().registered_key(who).await?.is_some())
    }
}

impl Inner {
    /// The signature over a yes or a no. Nothing: the person has no key.
    pub(super) async fn signed(
        &self,
        who: &Principal,
        row: &ApprovalRow,
        said: &super::Said<'_>,
        reason: Option<&str>,
    ) -> Result<Option<Signed>, DecideError> {
        let claim = Claim {
            said: match said.verdict {
                Verdict::Approved => Said::Approved,
                Verdict::Denied => Said::Denied,
            },
            reason,
            input: None,
            in_batch: said.batch.is_some(),
            signature: said.signature,
        };
        let signed = self.checked(who, row, &claim).await?;
        if let Some(signed) = &signed
            && claim.said == Said::Approved
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
        let claim = Claim {
            said: Said::Revoked,
            reason: None,
            input: None,
            in_batch: false,
            signature,
        };
        self.checked(who, row, &claim).await
    }

    /// The signature over asking for another input.
    pub(super) async fn signed_edit(
        &self,
        who: &Principal,
        row: &ApprovalRow,
        input: &Value,
        signature: Option<&str>,
    ) -> Result<Option<Signed>, DecideError> {
        let claim = Claim {
            said: Said::Edited,
            reason: None,
            input: Some(input),
            in_batch: false,
            signature,
        };
        self.checked(who, row, &claim).await
    }

    /// The key that a person's decisions are signed with, where one is registered.
    async fn registered_key(
        &self,
        who: &Principal,
    ) -> Result<Option<[u8; 32]>, tollgate_store::StoreError> {
        let principals = self.journal.store.principals(&who.tenant).await?;
        let known = principals.into_iter().find(|known| known.name == who.name);
        Ok(known.and_then(|known| known.public_key))
    }

    async fn checked(
        &self,
        who: &Principal,
        row: &ApprovalRow,
        claim: &Claim<'_>,
    ) -> Result<Option<Signed>, DecideError> {
        let wrong = |why: DecisionError| DecideError::SignatureWrong(why.to_string());
        let (key, signature) = match (self.registered_key(who).await?, claim.signature) {
            (None, None) => return Ok(None),
            // Who signs relies on it: it is not passed over in silence.
            (None, Some(_)) => {
                let why = "no key is registered for you".to_owned();
                return Err(DecideError::SignatureWrong(why));
            }
            (Some(_), None) => return Err(DecideError::SignatureMissing(claim.command(row))),
            (Some(key), Some(signature)) => (key, signature),
        };
        let key = PublicKey::from_bytes(&key).map_err(wrong)?;
        let statement = Statement {
            tenant: row.tenant.to_string(),
            approval: row.id.clone(),
            digest: row.digest.clone(),
            decision: claim.said,
            reason: reason_digest(claim.reason),
            input: claim.input.map(input_digest).transpose().map_err(wrong)?,
        };
        key.verify(&statement, signature).map_err(wrong)?;
        Ok(Some(Signed {
            signature: signature.to_owned(),
            fingerprint: key.fingerprint(),
            reason: statement.reason,
            input: statement.input,
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

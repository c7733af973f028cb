//! One decision over many held calls of the same kind.
//!
//! The attack: among a hundred small refunds one is large, or one more slips in
//! between reading and deciding. So the total is computed by the host from what
//! will be sent, and the decision names a digest over the whole list, each item's
//! own digest and the total. Each item is then decided on by itself, bound as ever.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use serde_json::Value;
use tollgate_policy::FieldPath;
use tollgate_store::{ApprovalRow, ApprovalState, Verdict};

use super::{Said, has_voted};
use crate::api::{
    Batch, BatchDecision, BatchFilter, BatchItem, BatchReport, BatchSum, Card, Failure, Principal,
};
use crate::error::DecideError;
use crate::host::{Host, Inner};

/// Most items of one decision. More than this nobody looks through.
const ITEMS_MAX: usize = 200;

impl Host {
    /// Held calls to decide on at once, with the total of a field.
    ///
    /// # Errors
    ///
    /// When the principal is not a person, or these cannot be a batch.
    pub async fn batch(&self, who: &Principal, filter: &BatchFilter) -> Result<Batch, DecideError> {
        self.inner().batch(who, filter).await
    }

    /// Approve many held calls at once, but those that are vetoed, which are denied.
    /// Each is decided on by itself: one that cannot be any more keeps no other one
    /// from its decision, and the answer says what came of each.
    ///
    /// # Errors
    ///
    /// When nothing was decided: the batch is not what the person saw.
    pub async fn decide_batch(
        &self,
        who: &Principal,
        decision: &BatchDecision,
    ) -> Result<BatchReport, DecideError> {
        self.inner().decide_batch(who, decision).await
    }
}

impl Inner {
    async fn batch(&self, who: &Principal, filter: &BatchFilter) -> Result<Batch, DecideError> {
        let field = match filter.sum.as_deref().map(FieldPath::parse).transpose() {
            Ok(field) => field,
            Err(why) => return Err(DecideError::NoBatch(why)),
        };
        let rows = match &filter.items {
            Some(items) => self.named(who, &filter.approval, items).await?,
            None => self.waiting(who, &filter.approval).await?,
        };
        let mut items = Vec::new();
        for row in &rows {
            let card = self.card(row).await;
            items.push(card.map_err(|error| DecideError::Unavailable(error.to_string()))?);
        }
        let sum = field.map(|field| total(&field, &items));
        let mut batch = Batch {
            digest: String::new(),
            approval: filter.approval.clone(),
            items,
            sum,
        };
        batch.digest = batch.computed_digest();
        Ok(batch)
    }

    /// The approvals of a kind that wait for this person.
    async fn waiting(&self, who: &Principal, kind: &str) -> Result<Vec<ApprovalRow>, DecideError> {
        if who.kind != crate::api::PrincipalKind::Person {
            return Err(DecideError::NotAPerson);
        }
        let deputies = self.deputies(who).await?;
        let pending = Some(ApprovalState::Pending);
        let mut rows = self.journal.store.approvals(&who.tenant, pending).await?;
        rows.retain(|row| {
            row.approval == kind
                && deputies.seat(who, row).is_ok()
                && !has_voted(who, row)
                && !row.excluded.contains(&who.name)
        });
        rows.truncate(ITEMS_MAX);
        Ok(rows)
    }

    /// Exactly these, each once, all of the kind.
    async fn named(
        &self,
        who: &Principal,
        kind: &str,
        items: &[String],
    ) -> Result<Vec<ApprovalRow>, DecideError> {
        let no = |why: String| Err(DecideError::NoBatch(why));
        if items.len() > ITEMS_MAX {
            return no(format!(
                "there are {}, and at most {ITEMS_MAX} are decided on at once",
                items.len()
            ));
        }
        if items.iter().collect::<BTreeSet<_>>().len() != items.len() {
            return no("one is named twice".to_owned());
        }
        let mut rows = Vec::new();
        for id in items {
            let row = self.approval(who, id).await?;
            if row.approval != kind {
                return no(format!("{id} asks for `{}`, not `{kind}`", row.approval));
            }
            rows.push(row);
        }
        Ok(rows)
    }

    async fn decide_batch(
        self: &Arc<Self>,
        who: &Principal,
        decision: &BatchDecision,
    ) -> Result<BatchReport, DecideError> {
        let filter = BatchFilter {
            approval: decision.approval.clone(),
            sum: decision.sum.clone(),
            items: Some(decision.items.clone()),
        };
        let batch = self.batch(who, &filter).await?;
        if batch.digest != decision.digest {
            return Err(DecideError::Changed);
        }
        let stray = |named: &BTreeMap<String, String>| {
            named
                .keys()
                .find(|id| !decision.items.contains(id))
                .cloned()
        };
        if let Some(stray) = stray(&decision.veto) {
            let why = format!("{stray} is vetoed, and is not one of them");
            return Err(DecideError::NoBatch(why));
        }
        if let Some(stray) = stray(&decision.signatures) {
            let why = format!("{stray} is signed, and is not one of them");
            return Err(DecideError::NoBatch(why));
        }
        if decision.veto.values().any(|why| why.trim().is_empty()) {
            return Err(DecideError::ReasonMissing);
        }
        let mut items = Vec::new();
        for card in &batch.items {
            let veto = decision.veto.get(&card.approval).map(String::as_str);
            items.push(self.decide_item(who, card, veto, decision).await);
        }
        Ok(BatchReport {
            digest: batch.digest,
            items,
        })
    }

    async fn decide_item(
        self: &Arc<Self>,
        who: &Principal,
        card: &Card,
        veto: Option<&str>,
        decision: &BatchDecision,
    ) -> BatchItem {
        let verdict = match veto {
            Some(_) => Verdict::Denied,
            None => Verdict::Approved,
        };
        let said = Said {
            digest: &card.digest,
            verdict: &verdict,
            reason: veto.or(decision.reason.as_deref()),
            batch: Some(&decision.digest),
            signature: decision.signatures.get(&card.approval).map(String::as_str),
            carrier: None,
        };
        let decided = self.decide(who, &card.approval, said).await;
        let outcome = match (&decided, veto) {
            (Err(DecideError::DecidedNotDone(_)) | Ok(_), None) => "approved",
            (Err(DecideError::DecidedNotDone(_)) | Ok(_), Some(_)) => "denied",
            (Err(_), _) => "refused",
        };
        BatchItem {
            approval: card.approval.clone(),
            outcome: outcome.to_owned(),
            run: decided
                .as_ref()
                .ok()
                .map(|report| (report.run.clone(), report.state)),
            failure: decided.err().map(|error| Failure {
                kind: error.kind().to_owned(),
                message: error.to_string(),
                hint: error.hint().map(str::to_owned),
                pointer: None,
            }),
        }
    }
}

/// The total of a field over the items, with nothing rounded.
fn total(field: &FieldPath, items: &[Card]) -> BatchSum {
    let (mut total, mut without) = (0_i128, 0);
    for card in items {
        match whole(field.value_in(&card.input, &card.arguments)) {
            Some(number) => total += number,
            None => without += 1,
        }
    }
    BatchSum {
        field: field.as_str().to_owned(),
        total: total.to_string(),
        without,
    }
}

fn whole(value: Option<&Value>) -> Option<i128> {
    let number = value?.as_number()?;
    let signed = number.as_i64().map(i128::from);
    signed.or_else(|| number.as_u64().map(i128::from))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn only_whole_numbers_are_added_up_and_none_is_rounded() {
        let input = json!({"a": i64::MAX, "b": u64::MAX, "c": 1.5, "d": "7", "e": -3});
        let of = |name: &str| whole(input.get(name));
        assert_eq!(of("a"), Some(i128::from(i64::MAX)));
        assert_eq!(of("b"), Some(i128::from(u64::MAX)));
        assert_eq!((of("c"), of("d"), of("x")), (None, None, None));
        assert_eq!(of("e"), Some(-3));
    }
}

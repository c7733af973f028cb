//! What approvers do: say yes, to one or many; take it back; change the input; name
//! a deputy. Always with their own token and the running host.

use std::collections::BTreeMap;
use std::fs;
use std::io::{self, Read as _};

use anyhow::Context as _;
use reqwest::Method;
use serde_json::{Value, json};
use tollgate_policy::decision::Said;
use tollgate_runtime::{
    Batch, BatchDecision, BatchReport, Clock as _, Delegation, NewDelegation, RunReport,
    SystemClock, length_ms, moment,
};

use super::{Client, segment};
use crate::arguments::{Approve, Deputy, DeputyCommand, Edit, NameDeputy, Revoke, Server};
use crate::asking::confirmed;
use crate::exit::Exit;
use crate::output;

impl Client {
    async fn revoke(&self, approval: &str, signature: Option<&str>) -> anyhow::Result<RunReport> {
        let path = format!("/v1/approvals/{}/revoke", segment(approval)?);
        let body = signature.map(|signature| json!({ "signature": signature }));
        self.send(Method::POST, &path, body).await
    }

    pub(crate) async fn edit(
        &self,
        approval: &str,
        digest: &str,
        input: &Value,
        signature: Option<&str>,
    ) -> anyhow::Result<RunReport> {
        let path = format!("/v1/approvals/{}/edit", segment(approval)?);
        let mut body = json!({ "digest": digest, "input": input });
        if let Some(signature) = signature {
            body["signature"] = signature.into();
        }
        self.send(Method::POST, &path, Some(body)).await
    }

    async fn batch(&self, approval: &str, sum: Option<&str>) -> anyhow::Result<Batch> {
        let query = url::form_urlencoded::Serializer::new(String::new())
            .append_pair("approval", approval)
            .extend_pairs(sum.map(|sum| ("sum", sum)))
            .finish();
        let path = format!("/v1/batch?{query}");
        self.send(Method::GET, &path, None).await
    }
}

pub(crate) async fn approve(
    server: &Server,
    approve: &Approve,
    as_json: bool,
) -> anyhow::Result<Exit> {
    let client = Client::of(server)?;
    let Some(approval) = &approve.approval else {
        return approve_many(&client, approve, as_json).await;
    };
    let digest = match &approve.digest {
        Some(digest) => digest.clone(),
        None => {
            let card = client.card(approval).await?;
            output::card(&card);
            if !confirmed(
                "Let this happen? Type yes to approve:",
                "give the digest of the card with --digest",
            )? {
                output::note("nothing was decided");
                return Ok(Exit::Failure);
            }
            card.digest
        }
    };
    let reason = approve.reason.as_deref();
    let signature = approve
        .signing
        .sign(Said::Approved, approval, &digest, reason)?;
    let report = client
        .approve(approval, &digest, reason, signature.as_deref())
        .await?;
    Ok(output::report(&report, as_json))
}

/// A person reads the whole list before deciding; a program names the digest of
/// the list that a person saw.
async fn approve_many(client: &Client, approve: &Approve, as_json: bool) -> anyhow::Result<Exit> {
    let kind = approve.batch.as_deref().unwrap_or_default();
    let batch = client.batch(kind, approve.sum.as_deref()).await?;
    // The attack: a server shows a digest that people know, and other calls with it, to
    // have those signed.
    anyhow::ensure!(
        batch.computed_digest() == batch.digest,
        "the server shows other calls than those of its digest; nothing was signed or decided"
    );
    let veto = vetoes(&approve.veto)?;
    if batch.items.is_empty() {
        output::note("nothing waits for you there");
        return Ok(Exit::Success);
    }
    let digest = match &approve.digest {
        // What is signed is each item as it is now, so it has to be what was seen.
        Some(digest) if approve.signing.key.is_some() && *digest != batch.digest => {
            anyhow::bail!("the batch has changed since you saw it; look at it again")
        }
        Some(digest) => digest.clone(),
        None => {
            output::decide::batch(&batch);
            if !confirmed(
                "Let these happen, but those that you veto? Type yes:",
                "give the digest of the batch with --digest",
            )? {
                output::note("nothing was decided");
                return Ok(Exit::Failure);
            }
            batch.digest.clone()
        }
    };
    let reason = approve.reason.as_deref();
    let signatures = approve.signing.sign_each(&batch, &veto, reason)?;
    let decision = BatchDecision {
        signatures,
        approval: batch.approval,
        sum: batch.sum.map(|sum| sum.field),
        items: batch.items.into_iter().map(|card| card.approval).collect(),
        digest,
        veto,
        reason: approve.reason.clone(),
    };
    let report: BatchReport = client
        .send(Method::POST, "/v1/batch", Some(json!(decision)))
        .await?;
    if as_json {
        output::json(&report);
    } else {
        output::decide::batch_report(&report);
    }
    let refused = report.items.iter().any(|item| item.outcome == "refused");
    Ok(if refused {
        Exit::Failure
    } else {
        Exit::Success
    })
}

fn vetoes(given: &[String]) -> anyhow::Result<BTreeMap<String, String>> {
    let veto = |text: &String| {
        let (approval, why) = text
            .split_once('=')
            .with_context(|| format!("`{text}` names no reason; write APPROVAL=REASON"))?;
        Ok((segment(approval)?.to_owned(), why.trim().to_owned()))
    };
    given.iter().map(veto).collect()
}

pub(crate) async fn revoke(
    server: &Server,
    revoke: &Revoke,
    as_json: bool,
) -> anyhow::Result<Exit> {
    let client = Client::of(server)?;
    let signature = match &revoke.signing.key {
        None => None,
        Some(_) => {
            let card = client.card(&revoke.approval).await?;
            let signing = &revoke.signing;
            signing.sign(Said::Revoked, &revoke.approval, &card.digest, None)?
        }
    };
    let report = client
        .revoke(&revoke.approval, signature.as_deref())
        .await?;
    output::report(&report, as_json);
    Ok(Exit::Success)
}

pub(crate) async fn edit(server: &Server, edit: &Edit, as_json: bool) -> anyhow::Result<Exit> {
    let text = match edit.input.as_str() {
        "-" => {
            let mut text = String::new();
            io::stdin()
                .read_to_string(&mut text)
                .context("cannot read the input")?;
            text
        }
        file => fs::read_to_string(file).with_context(|| format!("cannot read {file}"))?,
    };
    let input = tollgate_policy::parse_exact(&text).context("the input cannot be used")?;
    let client = Client::of(server)?;
    let digest = match &edit.digest {
        Some(digest) => digest.clone(),
        None => client.card(&edit.approval).await?.digest,
    };
    let signature = edit.signing.sign_edit(&edit.approval, &digest, &input)?;
    let report = client
        .edit(&edit.approval, &digest, &input, signature.as_deref())
        .await?;
    output::report(&report, as_json);
    Ok(Exit::Success)
}

pub(crate) async fn deputy(server: &Server, deputy: Deputy, as_json: bool) -> anyhow::Result<Exit> {
    let client = Client::of(server)?;
    let shown: Vec<Delegation> = match deputy.command {
        None => {
            let query = if deputy.all { "?all=true" } else { "" };
            let path = format!("/v1/delegations{query}");
            client.send(Method::GET, &path, None).await?
        }
        Some(DeputyCommand::Name(name)) => {
            let new = new_delegation(&name)?;
            let body = Some(json!(new));
            vec![client.send(Method::POST, "/v1/delegations", body).await?]
        }
        Some(DeputyCommand::End { id }) => {
            let path = format!("/v1/delegations/{}/end", segment(&id)?);
            let () = client.send(Method::POST, &path, None).await?;
            output::note("ended");
            return Ok(Exit::Success);
        }
    };
    if as_json {
        output::json(&shown);
    } else {
        output::decide::delegations(&shown);
    }
    Ok(Exit::Success)
}

fn new_delegation(name: &NameDeputy) -> anyhow::Result<NewDelegation> {
    let now = SystemClock.now_ms();
    let at = |text: &str| moment(text, now).with_context(|| format!("`{text}`"));
    let from_ms = name.from.as_deref().map(at).transpose()?;
    let until_ms = match (&name.lasting, &name.until) {
        (Some(length), _) => {
            let length = length_ms(length)
                .with_context(|| format!("`{length}` is no length of time; write 7d"))?;
            from_ms.unwrap_or(now).saturating_add(length)
        }
        (None, Some(until)) => at(until)?,
        (None, None) => anyhow::bail!("say how long, with --for 7d"),
    };
    Ok(NewDelegation {
        deputy: name.deputy.clone(),
        approver: name.approver.clone(),
        from_ms,
        until_ms,
    })
}

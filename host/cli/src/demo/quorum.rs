//! A refund over the limit: two people of finance must say yes to exactly what is
//! done. One of them has, when a third changes the amount: that vote is void.

use anyhow::{Context as _, bail, ensure};
use serde_json::{Value, json};
use tollgate_runtime::{Card, RunReport, RunState};

use super::agent::Answer;
use super::people::Person;
use super::scene::{self, ORDER};
use super::story::Story;
use super::words::money;
use crate::remote::RemoteError;

/// What the agent asks for, and what a person makes of it.
const ASKED_CENTS: i64 = 12_900;
pub(super) const GRANTED_CENTS: i64 = 11_900;

/// How many people must say yes.
const QUORUM: u32 = 2;

/// What became of the refund.
pub(super) struct Refund {
    /// The run that the agent asked for.
    asked: String,
    /// The run that went on with the changed amount.
    pub(super) run: String,
    pub(super) state: RunState,
    /// What the agent is told about it in the end.
    pub(super) agent_sees: String,
    voided: Voided,
    /// Who said yes to what was done.
    voters: Vec<String>,
}

/// A vote that counts no longer.
struct Voided {
    votes: Vec<String>,
    edited_by: Vec<String>,
    /// How the approval stands that it was given in.
    state: String,
}

impl Refund {
    /// The quorum, for programs.
    pub(super) fn quorum(&self) -> Value {
        json!({ "needed": QUORUM, "voters": self.voters })
    }

    /// The edit and what it voided, for programs.
    pub(super) fn edit(&self) -> Value {
        json!({
            "by": self.voided.edited_by,
            "run": self.asked,
            "continued_as": self.run,
            "from_cents": ASKED_CENTS,
            "to_cents": GRANTED_CENTS,
            "voided_votes": self.voided.votes,
            "approval_is": self.voided.state,
        })
    }
}

impl Story<'_> {
    pub(super) async fn refund(&self) -> anyhow::Result<Refund> {
        let held = self.ask_for_refund().await?;
        self.first_vote(&held).await?;
        let (next, voided) = self.edit(&held).await?;
        let decided = self.vote_anew(&next).await?;
        let (refunds, cents) = scene::refunds(self.folder).await?;
        self.steps.more(format!(
            "the run goes on from the held call: {}; refunds in the database: {refunds}, of {}",
            decided.state.as_str(),
            money(cents)
        ));
        let agent_sees = self.tell_agent(&held.run, &next.run).await?;
        let card = self.people.mira.client.card(approval(&next)?).await?;
        Ok(Refund {
            asked: held.run,
            run: next.run,
            state: decided.state,
            agent_sees,
            voided,
            voters: voters(&card),
        })
    }

    /// A write over the limit.
    async fn ask_for_refund(&self) -> anyhow::Result<Answer> {
        let refund = refund(ORDER, ASKED_CENTS);
        let why = "the customer sent photos of the damage";
        let ask = || self.agent.call("database.execute", refund.clone(), why);
        let held = ask().await?;
        let asked = money(ASKED_CENTS);
        self.tell_held(&format!("Database: it asks for a refund of {asked}"), &held)?;
        let again = ask().await?;
        ensure!(again.run == held.run, "asking again opened another run");
        self.steps.more("asking again gives the same run");
        Ok(held)
    }

    async fn first_vote(&self, held: &Answer) -> anyhow::Result<()> {
        let votes = votes_yes(&self.people.noor, held.approval()?).await?;
        ensure!(votes == 1, "one yes counts as {votes}");
        let asked = money(ASKED_CENTS);
        self.steps.say(format!(
            "Noor of finance reads the card and says yes to {asked}: 1 of {QUORUM} votes, still held"
        ));
        Ok(())
    }

    /// Another amount is another call: nobody has said yes to it yet.
    async fn edit(&self, held: &Answer) -> anyhow::Result<(RunReport, Voided)> {
        let (mira, olaf) = (&self.people.mira.client, &self.people.olaf.client);
        let before = olaf.card(held.approval()?).await?;
        let input = refund(ORDER, GRANTED_CENTS);
        let next = olaf
            .edit(&before.approval, &before.digest, &input, None)
            .await?;

        let old = mira.card(&before.approval).await?;
        let ended = mira.run(&held.run, 0).await?;
        let anew = mira.card(approval(&next)?).await?;
        ensure!(
            old.state == "void" && anew.votes.is_empty(),
            "the vote of before still counts: {}, {:?}",
            old.state,
            anew.votes
        );
        ensure!(
            ended.state == RunState::Edited && ended.continued_as.as_ref() == Some(&next.run),
            "the run is not linked to the one that goes on: {ended:?}"
        );
        let granted = money(GRANTED_CENTS);
        self.steps.say(format!(
            "Olaf of finance changes the amount to {granted}: shipping is not paid back"
        ));
        self.steps.more(format!(
            "Noor's yes was to {}: it is void. Votes for {granted}: 0 of {QUORUM}",
            money(ASKED_CENTS)
        ));
        self.steps.more(format!("{} ends as edited and", held.run));
        self.steps
            .more(format!("{} goes on in its place", next.run));
        refused(olaf.approve(&anew.approval, &anew.digest, None, None).await)?;
        self.steps.more(format!(
            "Olaf's own yes to his {granted} is refused: he wrote it"
        ));
        let voided = Voided {
            votes: voters(&before),
            edited_by: anew.edited_by,
            state: old.state,
        };
        Ok((next, voided))
    }

    async fn vote_anew(&self, next: &RunReport) -> anyhow::Result<RunReport> {
        let votes = votes_yes(&self.people.noor, approval(next)?).await?;
        ensure!(votes == 1, "one yes counts as {votes}");
        self.steps.say(format!(
            "Noor says yes again, now to {}: 1 of {QUORUM} votes, still held",
            money(GRANTED_CENTS)
        ));
        let does = format!("says yes: {QUORUM} of {QUORUM}");
        self.mira_decides(&next.run, approval(next)?, &does).await
    }

    /// The agent knows the run that it asked for; that one leads to the other.
    async fn tell_agent(&self, asked: &str, next: &str) -> anyhow::Result<String> {
        let look = async |run: &str| {
            let input = json!({ "run": run });
            self.agent
                .call("tollgate.run", input, "what became of it")
                .await
        };
        let first = look(asked).await?;
        let Some(continued) = first.content["continued_as"].as_str() else {
            bail!(
                "the agent is not told where its run goes on: {}",
                first.content
            );
        };
        ensure!(continued == next, "the agent is led to another run");
        let last = look(continued).await?;
        self.steps.more(format!(
            "the agent asks for its run: {}, and the one in its place is {}",
            first.state, last.state
        ));
        Ok(last.state)
    }
}

/// The input of a refund.
pub(super) fn refund(order: u64, cents: i64) -> Value {
    json!({
        "statement": "refund",
        "params": { "order_id": order, "amount_cents": cents, "reason": "arrived broken" },
    })
}

/// Read the card, and say yes to what it shows. Answers how many have, where the call
/// is still held.
async fn votes_yes(person: &Person, approval: &str) -> anyhow::Result<u32> {
    let card = person.client.card(approval).await?;
    ensure!(card.quorum == QUORUM, "it asks for {} votes", card.quorum);
    let report = person
        .client
        .approve(approval, &card.digest, None, None)
        .await?;
    let pending = report.pending.with_context(|| {
        let state = report.state.as_str();
        format!("one of {QUORUM} votes was enough: the run is {state}")
    })?;
    Ok(pending.votes)
}

/// That the host said no, and not that nothing was heard of it.
fn refused(answer: anyhow::Result<RunReport>) -> anyhow::Result<()> {
    match answer {
        Ok(report) => bail!(
            "a vote was taken from who wrote it: {}",
            report.state.as_str()
        ),
        Err(error) => match error.downcast_ref() {
            Some(RemoteError::Problem(..)) => Ok(()),
            _ => Err(error),
        },
    }
}

fn approval(report: &RunReport) -> anyhow::Result<&str> {
    let pending = report.pending.as_ref();
    let pending = pending.with_context(|| format!("{} waits for nobody", report.run))?;
    Ok(&pending.approval)
}

fn voters(card: &Card) -> Vec<String> {
    card.votes.iter().map(ToString::to_string).collect()
}

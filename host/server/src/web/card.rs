//! A card as text that is safe to look at. Every string of a card goes through
//! here: escaping belongs to the template, but what an escape cannot stop (a
//! right-to-left override that turns a number around, a zero-width character
//! that makes two names look alike) is made visible first.

use serde_json::Value;
use tollgate_policy::{Effect, visible};
use tollgate_runtime::{Card, DrillResult, Principal, RunReport, RunState};

use super::moment::{Moment, length};

/// What the card's template shows.
pub(super) struct CardView {
    pub(super) approval: String,
    pub(super) title: String,
    pub(super) state: &'static str,
    pub(super) is_pending: bool,
    pub(super) is_own: bool,
    pub(super) tool: String,
    pub(super) call: String,
    pub(super) destination: String,
    pub(super) effect: &'static str,
    pub(super) effect_words: &'static str,
    pub(super) prior: Option<String>,
    pub(super) arguments: String,
    pub(super) input: String,
    pub(super) requester: String,
    pub(super) reason: Option<String>,
    pub(super) trigger: Option<String>,
    pub(super) context: Option<String>,
    pub(super) rule: String,
    pub(super) rule_reason: Option<String>,
    pub(super) approvers: String,
    pub(super) quorum: u32,
    pub(super) votes: Vec<String>,
    /// Whether this person's vote is among them.
    pub(super) has_voted: bool,
    pub(super) deputies: Vec<String>,
    pub(super) exception: bool,
    pub(super) edited_by: Option<String>,
    pub(super) edits: Option<String>,
    /// Whether this person wrote the input.
    pub(super) is_author: bool,
    pub(super) can_revoke: bool,
    pub(super) decide_by: Moment,
    pub(super) execute_within: String,
    pub(super) run: String,
    pub(super) case: String,
    pub(super) digest: String,
    pub(super) decided_by: Option<String>,
    pub(super) denial_reason: Option<String>,
    /// That it was a drill, once it is over.
    pub(super) drill: Option<String>,
}

impl CardView {
    pub(super) fn new(card: &Card, who: &Principal) -> Self {
        let some = |text: &Option<String>| text.as_deref().map(visible);
        Self {
            approval: visible(&card.approval),
            title: visible(&card.title),
            state: match &card.drill {
                Some(_) => "over: it was a drill",
                None => state(&card.state),
            },
            is_pending: card.state == "pending",
            is_own: card.requester == who.name,
            tool: visible(&format!("{}.{}", card.connector, card.tool)),
            call: visible(&card.call),
            destination: visible(&card.destination),
            effect: card.effect.as_str(),
            effect_words: effect(card.effect),
            prior: card.prior.as_ref().map(shown),
            arguments: shown(&card.arguments),
            input: shown(&card.input),
            requester: visible(&card.requester),
            reason: card.agent_reason.as_deref().map(lines),
            trigger: card.agent_trigger.as_deref().map(lines),
            context: card.agent_context.as_deref().map(lines),
            rule: visible(&card.rule),
            rule_reason: some(&card.rule_reason),
            approvers: visible(&card.approvers.join(", ")),
            quorum: card.quorum,
            votes: card
                .votes
                .iter()
                .map(|vote| visible(&vote.to_string()))
                .collect(),
            has_voted: has_voted(card, who),
            deputies: card
                .deputies
                .iter()
                .map(|one| visible(&format!("{} for {}", one.deputy, one.delegator)))
                .collect(),
            exception: card.exception,
            edited_by: Some(visible(&card.edited_by.join(", "))).filter(|by| !by.is_empty()),
            edits: some(&card.edits),
            is_author: card.edited_by.contains(&who.name),
            can_revoke: matches!(card.state.as_str(), "pending" | "approved")
                && has_voted(card, who),
            decide_by: Moment::of(&card.decide_by),
            execute_within: length(card.execute_within_s),
            run: visible(&card.run),
            case: visible(&card.case),
            digest: visible(&card.digest),
            decided_by: some(&card.decided_by),
            denial_reason: card.denial_reason.as_deref().map(lines),
            drill: card.drill.as_ref().map(drilled),
        }
    }
}

/// Whether a person's vote is given, by that person or a deputy.
fn has_voted(card: &Card, who: &Principal) -> bool {
    card.votes
        .iter()
        .any(|vote| vote.by == who.name || vote.on_behalf.as_ref() == Some(&who.name))
}

/// What people read of a drill that is over.
fn drilled(drill: &DrillResult) -> String {
    let by = visible(&drill.planted_by);
    let came = match drill.decision.as_str() {
        "approved" => "It was approved, and should not have been.",
        "denied" | "edited" => "It was noticed.",
        _ => "Nobody decided on it in time.",
    };
    format!("This was a drill, planted by {by}. {came} Nothing was sent.")
}

/// How a run stands, after a decision.
pub(super) struct RunView {
    pub(super) state: &'static str,
    pub(super) words: &'static str,
    pub(super) output: Option<String>,
    pub(super) failure: Option<String>,
}

impl RunView {
    pub(super) fn new(run: &RunReport) -> Self {
        Self {
            state: run.state.as_str(),
            words: run_state(run.state),
            output: run.output.as_ref().map(shown),
            failure: run
                .failure
                .as_ref()
                .map(|failure| visible(&format!("{}: {}", failure.kind, failure.message))),
        }
    }
}

/// A value as indented JSON. Line breaks inside its texts stay escapes, so the
/// only real ones are the indentation's.
pub(super) fn shown(value: &Value) -> String {
    lines(&serde_json::to_string_pretty(value).unwrap_or_default())
}

/// Text that may have line breaks of its own.
pub(super) fn lines(text: &str) -> String {
    let lines: Vec<_> = text.split('\n').map(visible).collect();
    lines.join("\n")
}

fn state(state: &str) -> &'static str {
    match state {
        "pending" => "waiting for a decision",
        "approved" => "approved",
        "denied" => "denied",
        "expired" => "expired",
        "void" => "void: the call changed",
        "used" => "approved and carried out",
        _ => "unknown",
    }
}

fn effect(effect: Effect) -> &'static str {
    match effect {
        Effect::Read => "Reads. What it asks for leaves the sandbox.",
        Effect::Write => {
            "Writes. It can be taken back while nobody else has changed the same thing."
        }
        Effect::Irreversible => "Cannot be taken back.",
    }
}

fn run_state(state: RunState) -> &'static str {
    match state {
        RunState::Open => "The run is going on now.",
        RunState::Held => "The run waits for another decision.",
        RunState::InDoubt => {
            "It is not known whether the call happened. Somebody must look; nothing is sent again."
        }
        RunState::Done => "The run is complete.",
        RunState::Failed => "The run ended with an error.",
        RunState::Denied => "The run ended because of a no.",
        RunState::Undone => "The run was completed and later taken back.",
        RunState::Edited => "Its input was changed; another run goes on with that.",
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::shown;

    #[test]
    fn a_value_cannot_hide_or_reorder_anything() {
        let text = shown(&json!({"to": "a\u{202e}b\u{200b}c\nd\u{85}"}));
        assert_eq!(text, "{\n  \"to\": \"a⟨U+202E⟩b⟨U+200B⟩c\\nd⟨U+0085⟩\"\n}");
    }
}

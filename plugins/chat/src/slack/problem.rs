//! What an error of Slack means for a caller.
//!
//! Slack answers errors with the status 200 and `"ok": false`; the word in `error`
//! decides (docs.slack.dev, each method's table of errors).

use serde::de::DeserializeOwned;
use tollgate_sdk::http::{Request, Response};
use tollgate_sdk::prelude::*;

use crate::message::maybe_there;
use crate::text;

#[derive(Deserialize)]
struct Envelope {
    ok: bool,
    error: Option<String>,
    needed: Option<String>,
    provided: Option<String>,
}

/// Sends a request and reads its answer.
pub(super) fn checked<T: DeserializeOwned>(request: Request) -> Result<T, ToolError> {
    read(&request.send()?)
}

/// The answer, if it says that all is well.
pub(super) fn read<T: DeserializeOwned>(answer: &Response) -> Result<T, ToolError> {
    if !answer.is_success() {
        return Err(answer.problem());
    }
    let envelope: Envelope = answer.json()?;
    if envelope.ok {
        return answer.json();
    }
    let after = answer.header("retry-after");
    Err(of(&envelope, after))
}

/// Whether the answer is one of these errors.
pub(super) fn is(answer: &Response, codes: &[&str]) -> bool {
    let envelope: Result<Envelope, _> = answer.json();
    envelope.is_ok_and(|envelope| {
        let code = envelope.error.unwrap_or_default();
        codes.contains(&code.as_str())
    })
}

/// A post that failed in a way that does not tell whether it happened. Slack says
/// of `fatal_error` and `internal_error` that some of it may have.
pub(super) fn perhaps_posted(error: ToolError, answer: &Response, run: &str) -> ToolError {
    let unclear = [
        "fatal_error",
        "internal_error",
        "request_timeout",
        "service_unavailable",
    ];
    let is_refusal = !answer.is_success() && answer.status() < 500;
    let is_clear =
        matches!(answer.json::<Envelope>(), Ok(envelope) if !envelope.ok) && !is(answer, &unclear);
    if is_refusal || is_clear {
        return error;
    }
    maybe_there(error, run)
}

fn of(envelope: &Envelope, retry_after: Option<&str>) -> ToolError {
    let said = envelope.error.as_deref().unwrap_or("no error named");
    let code = text::name(said).unwrap_or_default();
    let message = |what: &str| format!("{what} (Slack says `{code}`)");
    match said {
        "channel_not_found" => ToolError::not_found(message(
            "Slack has no such channel, or the app may not see it",
        ))
        .hint("the operator must check the id in [config.channels], and invite the app"),
        "not_in_channel" => ToolError::denied(message("the app is not in this channel"))
            .hint("somebody in the channel must invite the app"),
        "is_archived" => ToolError::denied(message("the channel is archived"))
            .hint("use another channel of `list_channels`"),
        "message_not_found" | "thread_not_found" => {
            ToolError::not_found(message("there is no such message"))
                .hint("read the channel again with `channel_history`")
        }
        "users_not_found" | "user_not_found" | "user_not_visible" => {
            ToolError::not_found(message("nobody has this address here"))
        }
        "msg_too_long" | "too_many_attachments" | "metadata_too_large" => {
            ToolError::limited(message("the message is too long")).hint("post it in parts")
        }
        "no_text" => ToolError::invalid_input("/text", message("is empty")),
        "invalid_cursor" => ToolError::invalid_input("/page", message("is no page"))
            .hint("give what the last answer had as `next`, or leave it out to begin"),
        "invalid_ts_latest" | "invalid_ts_oldest" | "invalid_ts" | "cannot_reply_to_message" => {
            ToolError::invalid_input("/thread", message("is no message that has a thread"))
        }
        "ratelimited" | "rate_limited" | "message_limit_exceeded" => {
            let hint = match retry_after.filter(|after| is_seconds(after)) {
                Some(after) => format!("try again in {after} s"),
                None => "try again in a minute".to_owned(),
            };
            ToolError::unavailable(message("too many requests")).hint(hint)
        }
        "invalid_auth"
        | "not_authed"
        | "token_revoked"
        | "token_expired"
        | "account_inactive"
        | "org_login_required"
        | "two_factor_setup_required" => {
            ToolError::denied(message("Slack does not accept the token"))
                .hint("asking again does not help; the operator must check the secret")
        }
        "missing_scope" => {
            let list = |scopes: &Option<String>| {
                scopes
                    .as_deref()
                    .and_then(text::name)
                    .unwrap_or_else(|| "not said".to_owned())
            };
            let (needed, provided) = (list(&envelope.needed), list(&envelope.provided));
            ToolError::denied(message("the app's token lacks a scope")).hint(format!(
                "the operator must add the scope {needed} and install the app again; it has {provided}"
            ))
        }
        "cant_delete_message" => ToolError::denied(message("the app may not delete this message"))
            .hint("a bot deletes its own messages only"),
        "compliance_exports_prevent_deletion" => {
            ToolError::denied(message("this workspace keeps every message"))
        }
        "fatal_error"
        | "internal_error"
        | "request_timeout"
        | "service_unavailable"
        | "team_added_to_org" => {
            ToolError::unavailable(message("Slack cannot do it now")).hint("try again later")
        }
        denied if is_denial(denied) => ToolError::denied(message("Slack does not allow it"))
            .hint("asking again does not help; a setting of the workspace forbids it"),
        _ => ToolError::failed(message("Slack refused the request")),
    }
}

fn is_denial(code: &str) -> bool {
    code.starts_with("restricted_action")
        || matches!(
            code,
            "access_denied"
                | "accesslimited"
                | "ekm_access_denied"
                | "enterprise_is_restricted"
                | "no_permission"
                | "not_allowed_token_type"
                | "team_access_not_granted"
        )
}

fn is_seconds(text: &str) -> bool {
    (1..=6).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_digit())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn error(code: &str) -> ToolError {
        let envelope = Envelope {
            ok: false,
            error: Some(code.to_owned()),
            needed: Some("channels:history".to_owned()),
            provided: Some("chat:write".to_owned()),
        };
        of(&envelope, Some("30"))
    }

    fn kind(error: &ToolError) -> &'static str {
        match error {
            ToolError::InvalidInput { .. } => "input",
            ToolError::NotFound(_) => "not-found",
            ToolError::Conflict(_) => "conflict",
            ToolError::Denied(_) => "denied",
            ToolError::Limited(_) => "limited",
            ToolError::Unavailable(_) => "unavailable",
            _ => "failed",
        }
    }

    #[test]
    fn each_word_says_what_to_do_next() {
        for (code, expected) in [
            ("channel_not_found", "not-found"),
            ("not_in_channel", "denied"),
            ("is_archived", "denied"),
            ("message_not_found", "not-found"),
            ("users_not_found", "not-found"),
            ("msg_too_long", "limited"),
            ("no_text", "input"),
            ("invalid_cursor", "input"),
            ("ratelimited", "unavailable"),
            ("invalid_auth", "denied"),
            ("token_revoked", "denied"),
            ("missing_scope", "denied"),
            ("cant_delete_message", "denied"),
            ("restricted_action_thread_only_channel", "denied"),
            ("fatal_error", "unavailable"),
            ("something_new", "failed"),
        ] {
            assert_eq!(kind(&error(code)), expected, "{code}");
        }
    }

    #[test]
    fn a_missing_scope_is_named() {
        let ToolError::Denied(failure) = error("missing_scope") else {
            panic!("a missing scope is a denial");
        };
        let hint = failure.hint.unwrap_or_default();
        assert!(
            hint.contains("channels:history") && hint.contains("chat:write"),
            "{hint}"
        );
    }

    #[test]
    fn a_pause_is_passed_on() {
        let ToolError::Unavailable(failure) = error("ratelimited") else {
            panic!("a limit of the rate passes");
        };
        assert_eq!(failure.hint.as_deref(), Some("try again in 30 s"));
    }

    #[test]
    fn a_word_that_is_no_word_is_made_one_line() {
        let said = error("a\u{1b}[2J\nb");
        assert!(!said.message().contains(['\u{1b}', '\n']), "{said:?}");
    }
}

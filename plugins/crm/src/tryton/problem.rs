//! What Tryton's errors mean to a caller. There are three kinds: user errors are
//! 400 with JSON, missing rights among them; what is not to be seen is 404 with a
//! page; and everything that is wrong with a request is 500 with a page that holds
//! the words of a Python error, and nothing was written.

use serde::Deserialize;
use tollgate_sdk::ToolError;
use tollgate_sdk::http::Response;
use tollgate_sdk::text;

#[derive(Debug, Default, Deserialize)]
struct Problem {
    #[serde(default)]
    message: String,
    #[serde(default)]
    description: String,
}

/// What an answer that is no success means.
pub(super) fn of(answer: &Response) -> ToolError {
    special(answer.status(), answer.body()).unwrap_or_else(|| answer.problem())
}

/// Where the status alone would mislead.
fn special(status: u16, body: &[u8]) -> Option<ToolError> {
    match status {
        400 => {
            let problem: Problem = serde_json::from_slice(body).ok()?;
            let said = match problem.description.trim() {
                "" => problem.message,
                description => format!("{} {description}", problem.message),
            };
            let said = text::shortened(&said, 300);
            // There is no code beside the words (`ir.message`, in English).
            Some(if said.contains("not allowed to") {
                ToolError::denied(format!("Tryton does not allow it: {said}"))
                    .hint("asking again does not help; the user behind the key has no right to it")
            } else if said.contains("must be unique") {
                ToolError::conflict(format!("Tryton has such a record already: {said}"))
                    .hint("search for it, archived records included, and update that one")
            } else {
                ToolError::invalid_input("", format!("Tryton does not accept it: {said}"))
            })
        }
        500 => {
            let page = String::from_utf8_lossy(body);
            let words = page.split("<p>").nth(1)?.split("</p>").next()?;
            let words = words.replace("&#39;", "'").replace("&quot;", "\"");
            let words = text::shortened(&words.replace("&lt;", "<").replace("&gt;", ">"), 300);
            Some(
                ToolError::failed(format!("Tryton cannot understand the request: {words}")).hint(
                    "nothing was written; the operator must check the names of properties and models in the manifest",
                ),
            )
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_missing_right_is_no_fault_of_the_input() {
        let body = br#"{"status":400,"message":"You are not allowed to access \"Sale Opportunity\".","description":"Within groups: Sales"}"#;
        assert!(matches!(special(400, body), Some(ToolError::Denied(_))));
    }

    #[test]
    fn a_second_record_of_one_code_is_a_conflict() {
        let body =
            br#"{"status":400,"message":"The code on party must be unique.","description":""}"#;
        assert!(matches!(special(400, body), Some(ToolError::Conflict(_))));
    }

    #[test]
    fn a_python_error_is_not_try_again_later() {
        let page = b"<!doctype html>\n<title>500 Internal Server Error</title>\n<h1>Internal Server Error</h1>\n<p>&#39;weather&#39;</p>\n";
        let Some(ToolError::Failed(failure)) = special(500, page) else {
            panic!("asking again does not help");
        };
        assert!(
            failure.message.ends_with("'weather'"),
            "{}",
            failure.message
        );
        assert!(special(500, b"").is_none());
        assert!(special(400, b"<title>400 Bad Request</title>").is_none());
    }
}

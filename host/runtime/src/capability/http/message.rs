//! From a judged request to what is sent, but for the credential.

use tollgate_policy::http::{HttpGrant, HttpMethod, Judged, KeyPlace};

use super::asked::Asked;
use super::content;
use super::exchange::Message;

/// What is sent. The idempotency key goes where the row says.
pub(super) fn of(
    asked: &Asked,
    judged: &Judged<'_>,
    grant: &HttpGrant,
    key: &str,
) -> Result<Message, String> {
    let target = judged.target.with_key(key);
    // The target begins at the origin, and what is sent begins at the base.
    let base = grant.base_url.path().trim_end_matches('/');
    let target = target
        .strip_prefix(base)
        .ok_or("its target does not begin with the base URL's path")?;
    let mut headers: Vec<(String, String)> = asked
        .headers
        .iter()
        .map(|field| (field.name.to_ascii_lowercase(), field.value.clone()))
        .collect();
    let is_read = matches!(judged.route.method, HttpMethod::Get | HttpMethod::Head);
    if grant.own_origin && !is_read {
        let origin = grant.base_url.origin().ascii_serialization();
        headers.push(("origin".to_owned(), origin));
    }
    let mut body = None;
    if let Some(asked) = &asked.body {
        headers.push(("content-type".to_owned(), asked.content_type.clone()));
        body = Some(asked.bytes.clone());
    }
    match &judged.route.idempotency {
        Some(KeyPlace::Header(name)) => headers.push((name.clone(), key.to_owned())),
        Some(KeyPlace::Body(pointer)) => {
            let asked = asked.body.as_ref().ok_or("it has no content for its key")?;
            body = Some(content::put(asked, pointer, key)?);
        }
        Some(KeyPlace::Path) | None => {}
    }
    Ok(Message {
        method: judged.route.method,
        target: target.to_owned(),
        headers,
        body,
    })
}

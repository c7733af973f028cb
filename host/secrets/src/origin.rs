//! Origins, in one way of writing.

use url::Url;

/// Scheme, host and port that an operator or a manifest wrote, in the form in which
/// origins are compared: lower case, and without the port that the scheme has
/// anyway. Nothing for what is more or less than that.
///
/// The attack: `https://desk.example@evil.example`, or `https://DESK.example:443`
/// taken for another origin than its own.
#[must_use]
pub fn origin_of(text: &str) -> Option<String> {
    let url = Url::parse(text).ok()?;
    let bare = matches!(url.path(), "" | "/") && url.query().is_none() && url.fragment().is_none();
    if !bare || !url.username().is_empty() || url.password().is_some() {
        return None;
    }
    let host = url.host_str().filter(|host| !host.is_empty())?;
    let host = host.to_ascii_lowercase();
    let scheme = url.scheme();
    Some(
        match url.port().filter(|port| usual(scheme) != Some(*port)) {
            Some(port) => format!("{scheme}://{host}:{port}"),
            None => format!("{scheme}://{host}"),
        },
    )
}

/// The port of schemes that the URL standard does not know (IANA registry).
fn usual(scheme: &str) -> Option<u16> {
    match scheme {
        "smtp" => Some(25),
        "smtps" | "submissions" => Some(465),
        "submission" => Some(587),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_origin_has_one_form_and_what_is_more_is_none() {
        let cases = [
            ("https://desk.example", Some("https://desk.example")),
            ("HTTPS://Desk.Example:443/", Some("https://desk.example")),
            ("http://127.0.0.1:8080", Some("http://127.0.0.1:8080")),
            ("https://[::1]:1/", Some("https://[::1]:1")),
            ("smtp://Mail.Example:587", Some("smtp://mail.example:587")),
            ("smtp://mail.example:25", Some("smtp://mail.example")),
            ("https://desk.example@evil.example", None),
            ("https://u:p@desk.example", None),
            ("https://desk.example/api", None),
            ("https://desk.example?x", None),
            ("https://desk.example#x", None),
            ("mailto:x@desk.example", None),
            ("desk.example", None),
            ("file:///etc", None),
        ];
        for (text, origin) in cases {
            assert_eq!(origin_of(text).as_deref(), origin, "{text}");
        }
    }
}

//! The sample manifest of a description's connector: exactly its operations.

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::net::SocketAddr;

use tollgate_openapi::{Carried, Effect, Part, Undo};

use super::operation::Made;
use super::security::Credential;

/// The inside of `[grant]`, the rules and the approval.
pub(super) fn grant(base_url: &str, made: &[Made], credential: Option<&Credential>) -> String {
    let mut text = String::new();
    let mut line = |line: &str| {
        text.push_str(line);
        text.push('\n');
    };
    line("[grant.http.api]");
    line(&format!("base_url = {}", quoted(base_url)));
    if let Some(address) = literal_address(base_url) {
        line("# A server that is named by its address: check that it may be reached.");
        line(&format!("addresses = [{}]", quoted(&address)));
    }
    let headers: BTreeSet<&str> = made
        .iter()
        .flat_map(|made| &made.operation.parameters)
        .filter(|parameter| parameter.carried == Carried::Header)
        .map(|parameter| parameter.name.as_str())
        .collect();
    if !headers.is_empty() {
        let headers: Vec<String> = headers.into_iter().map(quoted).collect();
        line(&format!("headers = [{}]", headers.join(", ")));
    }
    if let Some(credential) = credential {
        line("");
        line(&format!(
            "# In the host's tollgate.toml: [[secret]] name = \"api\", origin = {}, {}",
            quoted(&origin(base_url)),
            credential.place
        ));
        line("[grant.http.api.credential]");
        line("secret = \"api\"");
        credential.lines.iter().for_each(|own| line(own));
    }
    for made in made {
        line("");
        line("[[grant.http.api.route]]");
        for own in route(made) {
            line(&own);
        }
    }
    text.push_str(&rules(made));
    text
}

fn route(made: &Made) -> Vec<String> {
    let operation = &made.operation;
    let mut lines = vec![format!(
        "call = {}",
        quoted(&format!("{} {}", operation.method, path(made)))
    )];
    let query: Vec<String> = made
        .parameters
        .made
        .iter()
        .filter(|made| made.parameter.carried == Carried::Query)
        .map(|made| format!("{} = {}", quoted(&made.parameter.name), made.holds))
        .collect();
    if !query.is_empty() {
        lines.push(format!("query = {{ {} }}", query.join(", ")));
    }
    match (operation.effect, operation.undo) {
        (Effect::Write, Undo::Restore) => {
            lines.push("effect = \"write\"".to_owned());
            lines.push("undo = \"restore\"".to_owned());
        }
        (Effect::Read, _) if !matches!(operation.method.as_str(), "GET" | "HEAD") => {
            lines.push("effect = \"read\"".to_owned());
        }
        _ => {}
    }
    if made.parameters.has_key {
        lines.push("idempotency = \"header:idempotency-key\"".to_owned());
    }
    lines
}

/// The path with what each parameter may hold.
fn path(made: &Made) -> String {
    let mut text = String::new();
    for segment in &made.operation.path {
        text.push('/');
        for part in segment {
            match part {
                Part::Text(literal) => text.push_str(literal),
                Part::Input(input) => {
                    let found = made
                        .parameters
                        .made
                        .iter()
                        .find(|made| made.parameter.input == *input);
                    let kind = found.map_or("id", |made| made.holds.as_str());
                    let _ = write!(text, "{{{input}:{kind}}}");
                }
            }
        }
    }
    text
}

/// Reads are allowed, all else asks a person.
fn rules(made: &[Made]) -> String {
    let names = |reads: bool| {
        let named = made
            .iter()
            .filter(|made| (made.operation.effect == Effect::Read) == reads)
            .map(|made| quoted(&made.operation.name));
        named.collect::<Vec<_>>().join(", ")
    };
    let mut text = String::new();
    let (reads, writes) = (names(true), names(false));
    if !reads.is_empty() {
        let _ = write!(
            text,
            "\n[[rule]]\nname = \"reads\"\ntool = [{reads}]\nthen = \"allow\"\n"
        );
    }
    if !writes.is_empty() {
        let _ = write!(
            text,
            "\n[[rule]]\nname = \"changes\"\ntool = [{writes}]\nthen = {{ require = \"owner\" }}\nreason = \"a person looks at each change\"\n\n[approval.owner]\napprovers = [\"group:owner\"]\ndecide_within = \"1d\"\nexecute_within = \"1h\"\ntitle = \"A change through the API\"\n"
        );
    }
    text
}

/// The README's rows.
pub(super) fn tools(made: &[Made]) -> String {
    let mut text = String::from("| tool | effect | request |\n|---|---|---|\n");
    for made in made {
        let operation = &made.operation;
        let effect = match operation.effect {
            Effect::Read => "read",
            Effect::Write => "write, taken back by the host",
            Effect::Irreversible => "irreversible",
        };
        let _ = writeln!(
            text,
            "| `{}` | {effect} | `{} {}` |",
            operation.name,
            operation.method,
            made.template.replace('|', "\\|")
        );
    }
    text
}

/// The address, where the server is named by one. A manifest grants those one by
/// one.
fn literal_address(base_url: &str) -> Option<String> {
    let origin = origin(base_url);
    let host = &origin[origin.find("://")? + 3..];
    let address = match host.parse::<SocketAddr>() {
        Ok(address) => address.ip(),
        Err(_) => host.trim_matches(['[', ']']).parse().ok()?,
    };
    Some(address.to_string())
}

fn origin(base_url: &str) -> String {
    let path = base_url.find("://").map_or(0, |at| at + 3);
    let end = base_url[path..]
        .find('/')
        .map_or(base_url.len(), |at| path + at);
    base_url[..end].to_owned()
}

/// A TOML basic string.
pub(super) fn quoted(text: &str) -> String {
    let mut quoted = String::from("\"");
    for c in text.chars() {
        match c {
            '"' => quoted.push_str("\\\""),
            '\\' => quoted.push_str("\\\\"),
            c if c.is_control() => {
                let _ = write!(quoted, "\\u{:04X}", c as u32);
            }
            c => quoted.push(c),
        }
    }
    quoted.push('"');
    quoted
}

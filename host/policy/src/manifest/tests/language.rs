//! `RULES.md` says what is so: every example in it is read and judged.

use super::*;

const PAGE: &str = include_str!("../../../RULES.md");

/// What the examples name, beside what they define themselves.
const AROUND: &str = "[grant.kv.k]\n";
const LISTS: &str =
    "[list.suppliers]\nvalues = [\"ACME\"]\n[list.own-accounts]\ninput = \"accounts\"\n";

/// The fenced blocks of a kind, with the line they begin on.
fn blocks(kind: &str) -> Vec<(usize, String)> {
    let mut found = Vec::new();
    let mut lines = PAGE.lines().enumerate();
    while let Some((number, line)) = lines.next() {
        if line == format!("```{kind}") {
            let body = lines.by_ref().map(|(_, line)| line);
            let body: Vec<&str> = body.take_while(|line| *line != "```").collect();
            found.push((number + 1, body.join("\n")));
        }
    }
    found
}

#[test]
fn every_manifest_on_the_page_is_read() {
    let found = blocks("toml");
    assert!(found.len() >= 3);
    for (line, block) in found {
        assert_eq!(
            faults(&with(&format!("{AROUND}{block}\n"))),
            "no fault",
            "line {line}"
        );
    }
}

#[test]
fn every_comparison_on_the_page_does_what_its_examples_say() {
    let found = blocks("toml when");
    for (line, block) in &found {
        let mut lines = block.lines();
        let when = lines.next().unwrap();
        let rest: Vec<(&str, &str)> = lines.map(|l| l.split_once(" = ").unwrap()).collect();
        let value = |name: &str| rest.iter().find(|(key, _)| *key == name).map(|(_, v)| *v);
        let case: String = ["case", "read"]
            .into_iter()
            .filter_map(|key| Some(format!(", {key} = {}", value(key)?)))
            .collect();
        let (allows, denies) = (value("allows").unwrap(), value("denies").unwrap());
        let text = with(&format!(
            "{AROUND}{LISTS}[[rule]]\nname = \"r\"\ntool = \"t\"\nthen = \"allow\"\nwhen = {{ {when} }}\nallows = [{{ input = {allows}{case} }}]\ndenies = [{{ input = {denies}{case} }}]\n"
        ));
        assert_eq!(faults(&text), "no fault", "line {line}");
    }
    for name in crate::manifest::rows::PREDICATES {
        let stands = PAGE
            .lines()
            .any(|line| line.starts_with("### ") && line.contains(&format!("`{name}`")));
        assert!(stands, "`{name}` is not on the page");
        let is_shown = found
            .iter()
            .any(|(_, block)| block.contains(&format!("{name} = ")));
        assert!(is_shown, "`{name}` has no example");
    }
}

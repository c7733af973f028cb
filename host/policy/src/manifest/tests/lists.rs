//! Lists, in the manifest and in files beside it.

use super::*;
use crate::bundle_lists;

const ROWS: &str = "[list.book]\nfile = \"book.txt\" # people\n[[rule]]\nname = \"r\"\ntool = \"t\"\nwhen = { \"input.to\" = { in_list = \"book\" } }\nthen = \"allow\"\n";

fn bundled(rest: &str, content: &[u8]) -> Result<String, String> {
    let mut read = |path: &str, _: usize| match path {
        "book.txt" | "lists/book.txt" => Ok(content.to_vec()),
        _ => Err("no such file".to_owned()),
    };
    bundle_lists("m.toml", &with(rest), &mut read).map_err(|errors| errors.to_string())
}

#[test]
fn a_list_s_file_becomes_part_of_the_manifest_and_of_its_digest() {
    let one = bundled(
        ROWS,
        b"# people\na@x.example\n\n  \"b\" \\n@x.example  \r\n",
    )
    .unwrap();
    let manifest = Manifest::parse("m.toml", &one).unwrap();
    let input = serde_json::json!({"to": "\"b\" \\n@x.example"});
    let facts = crate::ToolFacts {
        tool: "t",
        input: &input,
        workflow: None,
        principal: "p",
        undo: false,
        case: None,
    };
    assert_eq!(
        manifest.compiled.decide_tool(&facts).outcome,
        Outcome::Allow
    );
    assert_eq!(manifest.rules[0].line, 5, "lines keep their numbers");
    let two = bundled(ROWS, b"a@x.example\n").unwrap();
    assert_ne!(
        manifest.digest(),
        Manifest::parse("m.toml", &two).unwrap().digest()
    );
}

#[test]
fn a_list_s_file_lies_beside_the_manifest_and_is_small_plain_text() {
    let with_file = |file: &str| ROWS.replace("\"book.txt\"", file);
    for (rows, content, said) in [
        (
            with_file("\"/etc/passwd\""),
            &b"a"[..],
            "no file beside the manifest",
        ),
        (
            with_file("\"../book.txt\""),
            b"a",
            "no file beside the manifest",
        ),
        (with_file("\"other.txt\""), b"a", "no such file"),
        (with_file("5"), b"a", "`file` is the number 5"),
        (
            with_file("\"book.txt\"\nvalues = [\"a\"]"),
            b"a",
            "or in a file",
        ),
        (ROWS.to_owned(), &[0xff, 0xfe], "UTF-8"),
        (ROWS.to_owned(), "a\u{202e}b".as_bytes(), "cannot be seen"),
        (
            ROWS.to_owned(),
            &vec![b'a'; limits::LIST_BYTES_MAX + 1],
            "256 KiB",
        ),
    ] {
        let error = bundled(&rows, content).unwrap_err();
        assert!(error.contains(said), "{rows}\n{error}");
    }
    assert!(bundled("[list.x", b"").unwrap().contains("[list.x"));
    assert!(faults(&with(ROWS)).contains("the file of this list was not read"));
    let many = "a\n".repeat(limits::LIST_VALUES_MAX + 1);
    let text = bundled(ROWS, many.as_bytes()).unwrap();
    assert!(faults(&text).contains("write 1 to 10000"));
}

#[test]
fn each_mistake_in_a_list_or_in_provenance_has_its_own_advice() {
    let rule = |condition: &str| {
        format!(
            "[list.book]\nvalues = [\"a\"]\n[list.own]\ninput = \"accounts\"\n[[rule]]\nname = \"r\"\ntool = \"t\"\nthen = \"deny\"\nwhen = {{ \"input.x\" = {{ {condition} }} }}"
        )
    };
    for (rest, message) in [
        ("[list.a]\n".to_owned(), "has no values"),
        ("[list.a]\nvalues = []".to_owned(), "write 1 to 10000"),
        ("[list.a]\nvalues = [[1]]".to_owned(), "texts, numbers"),
        ("[list.a]\nvalues = [{}]".to_owned(), "texts, numbers"),
        ("[list.a]\nvalues = 5".to_owned(), "a list of values"),
        ("[list.a]\ninput = \"a.0\"".to_owned(), "no path of names"),
        (
            "[list.a]\nrecord = { system = \"crm\", field = \"a\" }".to_owned(),
            "\"crm.api\"",
        ),
        (
            "[list.a]\nrecord = { system = \"crm.api\" }".to_owned(),
            "has no `field`",
        ),
        (rule("in_list = \"bok\""), "did you mean `book`?"),
        (rule("in_list = \"telephones\""), "add [list.telephones]"),
        (rule("in_list = \"own\""), "write known = \"own\""),
        (rule("from = \"agent\""), "values come from no `agent`"),
        (rule("from = { input = \"x\" }"), "has no `case`"),
        (rule("from = 5"), "`from` is the number 5"),
        (
            rule("from_record = { system = \"crm.api\", field = \"a..b\" }"),
            "no path of names",
        ),
        (
            rule("range = { min = 3, max = 2 }"),
            "no number is in this range",
        ),
        (rule("range = {}"), "no number is in this range"),
        (rule("path = \"../a\""), "names divided by `/`"),
        (rule("host = \"https://a.example\""), "labels of a-z"),
        (rule("host = []"), "a host, or a list of hosts"),
        (rule("any = [{ eq = 1 }]"), "a list of two comparisons"),
        (rule("not = {}"), "nothing is said"),
        (rule("each = 5"), "write a comparison"),
        (rule("each = { eqq = 5 }"), "did you mean `eq`?"),
        (rule("same_as = \"args.y\""), "add call"),
        (
            rule("eq = 1")
                .replace("\"input.x\"", "\"input.x.0\"")
                .replace("eq = 1", "from = \"case\""),
            "has no name of its own",
        ),
    ] {
        let got = faults(&with(&rest));
        assert!(
            got.contains(message),
            "{rest}\n--- wanted: {message}\n--- got: {got}"
        );
    }
}

#[test]
fn a_row_with_the_same_conditions_is_shadowed() {
    let row = |name: &str, when: &str, then: &str| {
        format!(
            "[[rule]]\nname = \"{name}\"\ntool = \"t\"\nwhen = {{ {when} }}\nthen = \"{then}\"\n"
        )
    };
    let narrow = "\"input.x\" = { eq = 1 }, \"input.y\" = { exists = true }";
    let wide = "\"input.x\" = { eq = 1 }";
    let said = faults(&with(&format!(
        "{}{}",
        row("a", narrow, "allow"),
        row("d", wide, "deny")
    )));
    assert!(said.contains("`a` can never decide: `d`"), "{said}");
    for rows in [
        format!("{}{}", row("a", wide, "allow"), row("d", narrow, "deny")),
        format!(
            "{}{}",
            row("a", wide, "allow"),
            row("b", "\"input.x\" = { eq = 2 }", "allow")
        ),
    ] {
        assert_eq!(faults(&with(&rows)), "no fault", "{rows}");
    }
}

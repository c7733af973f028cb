//! A person whose decisions are signed, on the program itself: the key is made and
//! registered by commands, a page says which command signs, and that one does as it
//! stands there. What was signed is verified with the log and the public key alone.

use std::fs;
use std::path::PathBuf;

use reqwest::StatusCode;
use serde_json::Value;
use tempfile::TempDir;
use tollgate_policy::decision::{PublicKey, Said, Statement, input_digest, verify_recorded};

use crate::program::{self, Ended};
use crate::shop::{Open, Shop, approval, refund};
use crate::web::{Browser, hidden};

/// Mira, with a key.
struct Signer {
    folder: TempDir,
    token: String,
}

impl Signer {
    fn new(shop: &Shop) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let path = |name: &str| folder.path().join(name).display().to_string();
        let key = path("mira.key");
        program::run(&mut program::command(["keygen", &key])).exits(0);
        let public = path("mira.key.pub");
        let register = [
            "principal",
            "mira",
            "--kind",
            "person",
            "--group",
            "finance",
        ];
        let registered = shop.run(&[&register[..], &["--key", &public]].concat());
        let token = registered.exits(0).stdout.trim().to_owned();
        Self { folder, token }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// Type a command as a page shows it, with the names of the own files in it.
    fn types(&self, host: &Open, command: &str, more: &[&str]) -> Ended {
        let words = command.split_whitespace().skip(1);
        let file = |word: &str| match word {
            "KEY_FILE" => self.path("mira.key").display().to_string(),
            "FILE" => self.path("input.json").display().to_string(),
            "TEXT" => "more than was ever paid".to_owned(),
            word => word.to_owned(),
        };
        let words: Vec<String> = words.map(file).collect();
        let words: Vec<&str> = words.iter().map(String::as_str).collect();
        host.run(&self.token, &[&words[..], more].concat())
    }

    /// What was signed of a run, as an outsider finds it.
    fn verified(&self, shop: &Shop, run: &Value, stage: &str) -> Statement {
        let run = run["run"].as_str().unwrap();
        let log = shop.run(&["log", "--run", run, "--json"]).exits(0);
        let log = log.json_lines();
        let line = log.iter().find(|line| line["stage"] == stage).unwrap();
        let public = fs::read_to_string(self.path("mira.key.pub")).unwrap();
        let key = PublicKey::from_text(&public).unwrap();
        let facts = line["facts"].as_object().unwrap();
        verify_recorded("default", facts, &key).unwrap()
    }
}

/// The command on a page that begins so.
fn shown<'a>(page: &'a str, begins: &str) -> &'a str {
    let at = page.find(begins);
    let at = at.unwrap_or_else(|| panic!("no `{begins}` in {page}"));
    page[at..].split('<').next().unwrap().trim()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_page_says_which_command_signs_and_that_one_does() {
    let shop = Shop::new();
    let mira = Signer::new(&shop);
    let host = shop.open();
    let held = host.hold(&shop.people.agent, 12_900).await;
    let path = format!("/approvals/{}", approval(&held));
    let browser = Browser::sign_in(&host, &mira.token).await;
    let page = browser.page(&path).await;
    assert!(page.contains("This page cannot sign"), "{page}");
    for form in ["/approve\"", "/deny\"", "/edit\""] {
        assert!(!page.contains(form), "{form} is offered: {page}");
    }
    // Whoever has no key decides on the page as ever.
    let omar = Browser::sign_in(&host, &shop.people.omar).await;
    let forms = omar.page(&path).await;
    assert!(forms.contains("Approve this call") && !forms.contains("cannot sign"));
    // The attack: the form is sent all the same, by who has the session.
    let (word, digest) = (hidden(&page, "word"), hidden(&forms, "digest"));
    let form = [("word", word.as_str()), ("digest", digest.as_str())];
    let no = browser.post(&format!("{path}/approve"), &form).await;
    assert_eq!(no.status(), StatusCode::FORBIDDEN);
    assert!(no.text().await.unwrap().contains("has no signature: run"));
    assert_eq!(shop.refunds(), 0);

    let command = shown(&page, "tollgate approve ");
    assert!(command.contains(&digest), "{command}");
    mira.types(&host, command, &[]).exits(0);
    assert_eq!(shop.refunds(), 1);
    let signed = mira.verified(&shop, &held, "approval.decided");
    assert_eq!((signed.decision, signed.digest), (Said::Approved, digest));

    let other = host.hold(&shop.people.agent, 990_000).await;
    let page = browser
        .page(&format!("/approvals/{}", approval(&other)))
        .await;
    mira.types(&host, shown(&page, "tollgate deny "), &[])
        .exits(0);
    let signed = mira.verified(&shop, &other, "approval.decided");
    assert_eq!(signed.decision, Said::Denied);
    assert_eq!(shop.refunds(), 1);
    shop.verifies();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_edit_and_a_batch_are_signed_by_a_command_and_refused_without() {
    let shop = Shop::new();
    let mira = Signer::new(&shop);
    let host = shop.open();
    let browser = Browser::sign_in(&host, &mira.token).await;
    let held = host.hold(&shop.people.agent, 990_000).await;
    let id = approval(&held);
    let input = refund(9_900);
    fs::write(mira.path("input.json"), input.to_string()).unwrap();
    let file = mira.path("input.json").display().to_string();
    let unsigned = host.run(&mira.token, &["edit", id, "--input", &file]);
    let unsigned = unsigned.exits(4);
    let command = format!("`tollgate edit {id} --input FILE --key KEY_FILE`");
    assert!(unsigned.stderr.contains(&command), "{unsigned:?}");
    let page = browser.page(&format!("/approvals/{id}")).await;
    mira.types(&host, shown(&page, "tollgate edit "), &[])
        .exits(0);
    let signed = mira.verified(&shop, &held, "run.edited");
    assert_eq!(signed.input, Some(input_digest(&input).unwrap()));
    // What she wrote is not hers to decide on.
    let again = host.run(&shop.people.omar, &["pending", "--json"]).exits(0);
    let again = again.json()[0]["approval"].as_str().unwrap().to_owned();
    let page = browser.page(&format!("/approvals/{again}")).await;
    assert!(!page.contains("tollgate approve "), "{page}");
    let omar = ["deny", &again, "--reason", "not needed any more"];
    host.run(&shop.people.omar, &omar).exits(0);

    let mut runs = Vec::new();
    for cents in [6_000, 7_000, 880_000] {
        runs.push(host.hold(&shop.people.agent, cents).await);
    }
    let path = "/batch?approval=finance&sum=input.params.amount_cents";
    let page = browser.page(path).await;
    assert!(
        page.contains("893000") && page.contains("This page cannot sign"),
        "{page}"
    );
    assert!(!page.contains("deny the others"), "{page}");
    let command = shown(&page, "tollgate approve --batch finance ");
    let unsigned = command.trim_end_matches(" --key KEY_FILE");
    let no = mira.types(&host, unsigned, &[]).exits(1);
    let told = "`tollgate approve --batch finance --key KEY_FILE`";
    assert!(
        format!("{}{}", no.stdout, no.stderr).contains(told),
        "{no:?}"
    );
    // The attack: what is signed is another list than the one that was read.
    let digest = hidden(
        &Browser::sign_in(&host, &shop.people.omar)
            .await
            .page(path)
            .await,
        "digest",
    );
    let stale = command.replace(&digest, &format!("sha256:{}", "0".repeat(64)));
    let stale = mira.types(&host, &stale, &[]).exits(1);
    assert!(stale.stderr.contains("has changed"), "{stale:?}");
    assert_eq!(shop.refunds(), 0);
    let veto = format!("{}=more than was ever paid", approval(&runs[2]));
    mira.types(&host, command, &["--veto", &veto]).exits(0);
    assert_eq!(shop.refunds(), 2);
    for (run, said) in runs
        .iter()
        .zip([Said::Approved, Said::Approved, Said::Denied])
    {
        let signed = mira.verified(&shop, run, "approval.decided");
        assert_eq!(signed.decision, said);
    }
    shop.verifies();
}

//! The recorded answers are whole and hold no secret.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::path::{Path, PathBuf};

use serde_json::Value;

/// Starts of what the servers hand out, and the password of all accounts.
const SECRETS: [&str; 4] = [
    "syt_",
    "live-test-password",
    "Live-Test-Passw0rd",
    "eyJhbGci",
];

fn files(folder: &Path) -> Vec<PathBuf> {
    let entries = folder
        .read_dir()
        .unwrap()
        .map(|entry| entry.unwrap().path());
    let all = entries.flat_map(|path| match path.is_dir() {
        true => files(&path),
        false => vec![path],
    });
    all.collect()
}

#[test]
fn every_recorded_answer_is_whole_and_without_a_secret() {
    let recorded = Path::new(env!("CARGO_MANIFEST_DIR")).join("recorded");
    let files = files(&recorded);
    assert!(files.len() > 300, "{}", files.len());
    for path in files {
        let text = std::fs::read_to_string(&path).unwrap();
        let at = path.display();
        for secret in SECRETS {
            assert!(!text.contains(secret), "{at} holds `{secret}`");
        }
        let answer: Value = serde_json::from_str(&text).unwrap_or_else(|e| panic!("{at}: {e}"));
        assert!(answer["request"]["method"].is_string(), "{at}");
        assert!(answer["request"]["path"].is_string(), "{at}");
        let status = answer["response"]["status"].as_u64();
        assert!(
            status.is_some_and(|status| (200..600).contains(&status)),
            "{at}"
        );
        assert!(answer["response"].get("body").is_some(), "{at}");
        assert!(answer["version"].is_string(), "{at}");
        let credentials = answer["request"]["headers"]["authorization"].as_str();
        let hidden = credentials.is_none_or(|value| value.ends_with(" REDACTED"));
        assert!(hidden, "{at}");
    }
}

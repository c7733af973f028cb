//! What a reviewer does with files alone: an export, a key, a checkpoint kept
//! elsewhere, in a folder where there is no host. And a witness that is no part
//! of Tollgate, over HTTP.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};

use axum::Router;
use axum::extract::State;
use axum::http::StatusCode;
use axum::routing::post;
use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use serde_json::{Value, json};
use tempfile::TempDir;
use tollgate_journal::{
    ConsistencyProof, Hash, KeyKind, SignedCheckpoint, SigningKey, VerifierKey, verify_consistency,
};

use crate::program::{self, Ended};
use crate::session::{Session, shows};
use crate::shop::{Shop, refund};

/// A shop with a journal, and what its operator handed out of it.
struct Handed {
    shop: Shop,
    /// Only what was handed out: no home, no host.
    desk: Session,
}

fn call(shop: &Shop, cents: u32) -> String {
    let host = shop.open();
    let called = host
        .run(
            &shop.people.agent,
            &[
                "call",
                "database",
                "execute",
                &refund(cents).to_string(),
                "--json",
            ],
        )
        .exits(0)
        .json();
    assert_eq!(host.process.stop(), 0);
    called["run"].as_str().unwrap().to_owned()
}

impl Handed {
    fn new() -> Self {
        let shop = Shop::new();
        let desk = Session::new();
        call(&shop, 1_200);
        let early = shop.run(&["checkpoint"]).exits(0).stdout;
        call(&shop, 1_300);
        let journal = desk.path("journal");
        shop.run(&["export", journal.to_str().unwrap()]).exits(0);
        let key = shop.run(&["key"]).exits(0).stdout;
        fs::write(desk.path("early.note"), early).unwrap();
        fs::write(desk.path("log.key"), key).unwrap();
        Self { shop, desk }
    }

    /// The same files with one of them changed.
    fn changed(&self, file: &str, change: impl FnOnce(&mut Vec<u8>)) -> Ended {
        let other = TempDir::new().unwrap();
        copy(&self.desk.path("journal"), &other.path().join("journal"));
        let path = other.path().join("journal").join(file);
        let mut bytes = fs::read(&path).unwrap();
        change(&mut bytes);
        fs::write(&path, bytes).unwrap();
        self.verify(&other.path().join("journal"), "early.note")
    }

    fn verify(&self, journal: &Path, note: &str) -> Ended {
        let mut command = program::command(["verify", "--json", "--export"]);
        command
            .arg(journal)
            .arg("--key")
            .arg(self.desk.path("log.key"))
            .arg("--checkpoint")
            .arg(self.desk.path(note))
            .current_dir(self.desk.path("."));
        program::run(&mut command)
    }
}

fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for entry in fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        let target = to.join(entry.file_name());
        if entry.file_type().unwrap().is_dir() {
            copy(&entry.path(), &target);
        } else {
            fs::copy(entry.path(), &target).unwrap();
        }
    }
}

/// The bundle of records of a small journal: `000.p/<width>`.
fn edge(folder: &Path, of: &str) -> String {
    let inside = folder.join(of).join("000.p");
    let entry = fs::read_dir(inside).unwrap().next().unwrap().unwrap();
    format!("{of}/000.p/{}", entry.file_name().display())
}

/// Where each record's leaf begins and ends in a bundle.
fn leaves(bundle: &[u8]) -> Vec<std::ops::Range<usize>> {
    let mut found = Vec::new();
    let mut at = 0;
    while at < bundle.len() {
        let size = usize::from(u16::from_be_bytes([bundle[at], bundle[at + 1]]));
        found.push(at + 2..at + 2 + size);
        at += 2 + size;
    }
    found
}

fn hides<T>(show: impl FnOnce() -> T) -> T {
    let mut settings = insta::Settings::clone_current();
    settings.add_filter(r"tollgate/[0-9a-f]{16}/", "tollgate/[RING]/");
    settings.add_filter(r"\+[0-9a-f]{8}\+[0-9A-Za-z+/]{44}", "+[ID]+[KEY]");
    settings.add_filter(r"[0-9A-Za-z+/]{40,}={0,2}", "[BASE64]");
    settings.add_filter(r"subject:[0-9a-f]{32}", "subject:[LABEL]");
    settings.add_filter(r"record-\d+", "record-[PLACE]");
    settings.bind(show)
}

#[test]
fn a_journal_verifies_where_there_is_no_host_and_every_change_is_named() {
    let mut handed = Handed::new();
    let desk = &mut handed.desk;
    let key = ["--key", "log.key"];
    let whole = [
        "verify",
        "--export",
        "journal",
        "--checkpoint",
        "early.note",
    ];
    desk.run(&[&whole[..], &key].concat()).exits(0);
    desk.run(&["verify", "--export", "journal", key[0], key[1]])
        .exits(0);
    desk.run(&["verify", "--export", "nothing", key[0], key[1]])
        .exits(1);
    desk.run(&["verify", "--export", "journal"]).exits(2);
    desk.run(&["verify", "--export", "journal", "--key", "early.note"])
        .exits(1);
    hides(|| {
        shows!("offline", desk.shown());
    });

    let desk = &handed.desk;
    let journal = desk.path("journal");
    let entries = edge(&journal, "tile/entries");
    let bundle = fs::read(journal.join(&entries)).unwrap();
    let places = leaves(&bundle);
    let names = |ended: Ended, place: usize| {
        let told = ended.exits(1).json();
        let (from, to) = (&told["first_bad"]["from"], &told["first_bad"]["to"]);
        let found = from.as_u64().unwrap()..to.as_u64().unwrap();
        assert!(found.contains(&(place as u64)), "{told}");
        told
    };
    for (place, leaf) in places.iter().enumerate() {
        names(
            handed.changed(&entries, |bytes| bytes[leaf.end - 3] ^= 1),
            place,
        );
    }
    // One record less, one more, and two that changed places.
    let (first, second) = (places[1].clone(), places[2].clone());
    names(
        handed.changed(&entries, |bytes| {
            drop(bytes.drain(first.start - 2..first.end))
        }),
        1,
    );
    names(
        handed.changed(&entries, |bytes| {
            let again = bytes[first.start - 2..first.end].to_vec();
            bytes.splice(first.start - 2..first.start - 2, again);
        }),
        2,
    );
    names(
        handed.changed(&entries, |bytes| {
            let one = bytes[first.start - 2..first.end].to_vec();
            let two = bytes[second.start - 2..second.end].to_vec();
            bytes.splice(first.start - 2..second.end, [two, one].concat());
        }),
        1,
    );
    let hashes = edge(&journal, "tile/0");
    names(handed.changed(&hashes, |bytes| bytes[4 * 32] ^= 1), 4);
    // The signature, the root it is for, and another log's key.
    let forged = handed.changed("checkpoint", |bytes| {
        let at = bytes.len() - 10;
        bytes[at] = if bytes[at] == b'A' { b'B' } else { b'A' };
    });
    assert!(forged.exits(1).stderr.contains("signature"));
    let other = Shop::new();
    for key in fs::read_dir(other.home().join("keys")).unwrap() {
        fs::remove_file(key.unwrap().path()).unwrap();
    }
    let stranger = "stranger+00000000+AQ==";
    let wrong = program::run(
        program::command(["verify", "--export"])
            .arg(&journal)
            .args(["--key", stranger]),
    );
    wrong.exits(1);
}

#[test]
fn a_journal_that_was_cut_is_found_by_a_checkpoint_kept_elsewhere() {
    let handed = Handed::new();
    // The export is the older state; the world has a newer checkpoint.
    call(&handed.shop, 1_400);
    let late = handed.shop.run(&["checkpoint"]).exits(0).stdout;
    fs::write(handed.desk.path("late.note"), late).unwrap();
    let journal = handed.desk.path("journal");
    let whole = handed.verify(&journal, "early.note").exits(0).json();
    assert_eq!(whole["truncation_excluded"], false);
    assert!(whole["whole_to"].as_u64().unwrap() < whole["records"].as_u64().unwrap());
    let cut = handed.verify(&journal, "late.note").exits(1).json();
    assert!(cut["problem"].as_str().unwrap().contains("cut"), "{cut}");
    // Brought up to date, it is whole again.
    let told = handed
        .shop
        .run(&["export", journal.to_str().unwrap(), "--json"])
        .exits(0)
        .json();
    assert!(told["new_records"].as_u64().unwrap() > 0);
    let whole = handed.verify(&journal, "late.note").exits(0).json();
    assert_eq!(whole["truncation_excluded"], true, "{whole}");
}

#[test]
fn one_record_is_proved_with_the_value_that_its_holder_shows() {
    let Handed { shop, mut desk } = Handed::new();
    let lines = shop.run(&["log", "--json"]).exits(0).json_lines();
    let opened = lines
        .iter()
        .find(|line| line["stage"] == "run.opened")
        .unwrap();
    let place = opened["seq"].to_string();
    let proof = shop
        .run(&["prove-record", &place, "--disclose", "input"])
        .exits(0)
        .stdout;
    fs::write(desk.path("record.json"), &proof).unwrap();
    let alone = [
        "verify",
        "--record",
        "record.json",
        "--key",
        "log.key",
        "--json",
    ];
    let told = desk.run(&alone).exits(0).json();
    assert_eq!(told["place"], opened["seq"]);
    assert_eq!(told["disclosed"]["input"], opened["values"]["input"]);
    let mut forged: Value = serde_json::from_str(&proof).unwrap();
    forged["disclosed"][0]["base64"] = json!(BASE64_STANDARD.encode(b"{}"));
    fs::write(desk.path("record.json"), forged.to_string()).unwrap();
    let refused = desk.run(&alone).exits(1);
    assert!(refused.stderr.contains("commits to"), "{refused:?}");
    let mut forged: Value = serde_json::from_str(&proof).unwrap();
    let leaf = forged["leaf"].as_str().unwrap();
    forged["leaf"] = json!(leaf.replace("desk-agent", "desk-agenT"));
    fs::write(desk.path("record.json"), forged.to_string()).unwrap();
    let refused = desk.run(&alone).exits(1);
    assert!(refused.stderr.contains("not in the log"), "{refused:?}");
}

#[test]
fn an_erasure_is_asked_for_said_and_proved() {
    let shop = Shop::new();
    let run = call(&shop, 1_200);
    let home = shop.home().display().to_string();
    let mut session = Session::new();
    let erase = [
        "erase",
        "--run",
        &run,
        "--reason",
        "asked for it",
        "--home",
        &home,
    ];
    // No terminal to ask in: nothing is erased.
    session.run(&erase).exits(1);
    session.run(&[&erase[..], &["--yes"]].concat()).exits(0);
    session.run(&["verify", "--home", &home]).exits(0);
    session.run(&["replay", &run, "--home", &home]).exits(1);
    session
        .run(&["prune", "--older-than", "90d", "--dry-run", "--home", &home])
        .exits(0);
    session
        .run(&[
            "erase",
            "--subject",
            "nobody",
            "--reason",
            "x",
            "--home",
            &home,
        ])
        .exits(1);
    session
        .run(&["prune", "--older-than", "0d", "--home", &home])
        .exits(2);
    hides(|| {
        shows!("erased", session.shown().replace(&home, "[HOME]"));
    });
}

// ── a witness ───────────────────────────────────────────────────────────────

/// What a witness of <https://c2sp.org/tlog-witness> knows: a log's key, and the
/// last head of it that it cosigned.
struct Witness {
    key: SigningKey,
    log: VerifierKey,
    seen: Mutex<(u64, Hash)>,
}

impl Witness {
    async fn start(log: VerifierKey) -> (String, Arc<Self>) {
        let key = SigningKey::from_seed("witness.test/w1", KeyKind::Cosignature, &[7; 32]);
        let witness = Arc::new(Self {
            key: key.unwrap(),
            log,
            seen: Mutex::new((0, [0; 32])),
        });
        let routes = Router::new()
            .route("/add-checkpoint", post(add_checkpoint))
            .with_state(Arc::clone(&witness));
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        tokio::spawn(async move { axum::serve(listener, routes).await });
        (url, witness)
    }

    fn answer(&self, body: &str) -> (StatusCode, String) {
        let (head, note) = body.split_once("\n\n").unwrap();
        let mut lines = head.lines();
        let old = lines.next().unwrap().strip_prefix("old ").unwrap();
        let from: u64 = old.parse().unwrap();
        let path = lines.map(|line| BASE64_STANDARD.decode(line).unwrap().try_into().unwrap());
        let Ok(signed) = SignedCheckpoint::parse_and_verify(note.as_bytes(), &self.log) else {
            return (StatusCode::FORBIDDEN, String::new());
        };
        let mut seen = self.seen.lock().unwrap();
        if from != seen.0 {
            return (StatusCode::CONFLICT, format!("{}\n", seen.0));
        }
        let proof = ConsistencyProof {
            from,
            to: signed.checkpoint.size,
            path: path.collect(),
        };
        if from > 0 && verify_consistency(&seen.1, &signed.checkpoint.root, &proof).is_err() {
            return (StatusCode::UNPROCESSABLE_ENTITY, String::new());
        }
        *seen = (signed.checkpoint.size, signed.checkpoint.root);
        let line = self.key.sign(signed.note.text(), 1_800_000_000).unwrap();
        (StatusCode::OK, format!("{line}\n"))
    }
}

async fn add_checkpoint(State(witness): State<Arc<Witness>>, body: String) -> (StatusCode, String) {
    witness.answer(&body)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_outside_witness_vouches_for_what_continues_what_it_saw() {
    let Handed { shop, desk } = tokio::task::spawn_blocking(Handed::new).await.unwrap();
    let key: VerifierKey = fs::read_to_string(desk.path("log.key"))
        .unwrap()
        .trim()
        .parse()
        .unwrap();
    let (url, witness) = Witness::start(key).await;
    let witness_key = witness.key.verifier_key().to_string();
    let blocking = tokio::task::spawn_blocking(move || {
        let anchor =
            |key: &str| shop.run(&["anchor", "--witness", &url, "--witness-key", key, "--json"]);
        let first = anchor(&witness_key).exits(0).json();
        // It has seen something now: asked with 0, it says what, and is told how
        // the journal went on from there.
        call(&shop, 1_500);
        let second = anchor(&witness_key).exits(0).json();
        assert!(second["records"].as_u64() > first["records"].as_u64());
        assert_eq!(second["witness"], "witness.test/w1");
        // Another key's cosignature is not kept as this witness's.
        let stranger = SigningKey::from_seed("witness.test/w1", KeyKind::Cosignature, &[8; 32]);
        let stranger = stranger.unwrap().verifier_key().to_string();
        anchor(&stranger).exits(1);
        let note = desk.path("cosigned.note");
        fs::write(&note, second["note"].as_str().unwrap()).unwrap();
        let journal: PathBuf = desk.path("anchored");
        shop.run(&["export", journal.to_str().unwrap()]).exits(0);
        let mut verify = program::command(["verify", "--json", "--export"]);
        verify
            .arg(&journal)
            .arg("--key")
            .arg(desk.path("log.key"))
            .arg("--checkpoint")
            .arg(&note)
            .args(["--witness", &witness_key]);
        program::run(&mut verify).exits(0);
        let stages: Vec<_> = shop
            .run(&["log", "--stage", "checkpoint.anchored", "--json"])
            .exits(0)
            .json_lines();
        assert_eq!(stages.len(), 2);
        shop.verifies();
        // A witness that saw another history of this log refuses.
        witness.seen.lock().unwrap().1 = [9; 32];
        call(&shop, 1_600);
        let refused = anchor(&witness_key).exits(1);
        assert!(refused.stderr.contains("does not continue"), "{refused:?}");
        // The cosignature as a file, for who has it by another way.
        fs::write(desk.path("lines"), second["note"].as_str().unwrap()).unwrap();
        let lines = desk.path("lines").display().to_string();
        shop.run(&[
            "anchor",
            "--cosignature",
            &lines,
            "--witness-key",
            &witness_key,
        ])
        .exits(0);
    });
    blocking.await.unwrap();
}

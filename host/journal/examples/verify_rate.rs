//! How fast an exported log is verified, and a proof made, on one core:
//! `cargo run --release -p tollgate-journal --example verify_rate [records]`.
#![expect(clippy::print_stdout, reason = "an example's output is its purpose")]

use std::collections::HashMap;
use std::error::Error;
use std::io;
use std::time::Instant;

use tollgate_journal::{
    BLOB_BYTES_MIN, Checkpoint, Entry, ExportCheck, ExportReader, ExportWriter, Frontier, KeyRing,
    Stage, StoredTiles, SubjectKey, TileBuilder, TileCache, leaf_hash, needs_for_inclusion,
    prepare, prove_inclusion, verify_export, verify_inclusion,
};

const LEAF_BYTES: usize = 700;

/// The directory in memory: what is measured is the verifier, not a disk.
struct Memory(HashMap<String, Vec<u8>>);

impl ExportReader for Memory {
    fn read(&self, path: &str, limit: u64) -> io::Result<Option<Vec<u8>>> {
        let cut = |bytes: &Vec<u8>| bytes[..bytes.len().min(limit as usize)].to_vec();
        Ok(self.0.get(path).map(cut))
    }
}

fn leaf(number: u64) -> Vec<u8> {
    let mut leaf = format!("{{\"n\":{number},\"pad\":\"").into_bytes();
    leaf.resize(LEAF_BYTES - 2, b'x');
    leaf.extend_from_slice(b"\"}");
    leaf
}

fn main() -> Result<(), Box<dyn Error>> {
    let given = std::env::args().nth(1);
    let count: u64 = given.map_or(Ok(1_000_000), |text| text.parse())?;
    let ring = KeyRing::generate()?;
    let key = ring.log_key("acme")?;
    let mut files = HashMap::new();
    let (mut writer, mut tree, mut cache) =
        (ExportWriter::new(), Frontier::new(), TileCache::new());
    let mut tiles = TileBuilder::new();
    let begun = Instant::now();
    for number in 0..count {
        let done = writer.push(&leaf(number))?;
        files.extend(done.into_iter().map(|file| (file.path, file.bytes)));
    }
    println!(
        "export: {:?} for {count} records of {LEAF_BYTES} B",
        begun.elapsed()
    );
    let begun = Instant::now();
    for number in 0..count {
        let hash = leaf_hash(&leaf(number));
        tree.push(hash);
        tiles.push(hash, |id, hashes| {
            if cache.put_tile(id, hashes.as_flattened()).is_err() {
                println!("{id} is no tile");
            }
        });
    }
    for (id, hashes) in tiles.partial() {
        cache.put_tile(id, hashes.as_flattened())?;
    }
    println!("tiles in memory: {:?}", begun.elapsed());
    let head = Checkpoint::of(&ring.log_origin("acme"), &tree).sign(&key)?;
    let last = writer.finish(&head)?;
    files.extend(last.into_iter().map(|file| (file.path, file.bytes)));

    let directory = Memory(files);
    let log_key = key.verifier_key();
    let check = ExportCheck {
        log_key: &log_key,
        outside: std::slice::from_ref(&head.note),
        witnesses: &[],
    };
    for _ in 0..3 {
        let begun = Instant::now();
        let verified = verify_export(&directory, &check, &mut |_| {})?;
        let took = begun.elapsed();
        println!("verify: {took:?}, whole to {:?}", verified.whole_to);
    }

    const PROOFS: u64 = 100_000;
    let begun = Instant::now();
    for number in 0..PROOFS {
        let index = number.wrapping_mul(0x9e37_79b9_7f4a_7c15) % count;
        std::hint::black_box(prove_inclusion(index, count, &cache)?);
    }
    println!(
        "inclusion proof, tiles in memory: {:?}",
        begun.elapsed() / PROOFS as u32
    );
    let proof = prove_inclusion(count / 3, count, &cache)?;
    let hash = leaf_hash(&leaf(count / 3));
    let begun = Instant::now();
    for _ in 0..PROOFS {
        verify_inclusion(std::hint::black_box(&hash), &proof, &tree.root())?;
    }
    println!(
        "verify an inclusion proof: {:?}",
        begun.elapsed() / PROOFS as u32
    );
    let needs = needs_for_inclusion(count / 3, count, &StoredTiles::of(count))?;
    let leaves: u64 = needs
        .leaves
        .iter()
        .map(|range| range.end - range.start)
        .sum();
    println!(
        "a single proof from a store: {} tiles, {leaves} leaf hashes",
        needs.tiles.len()
    );
    blobs(&ring)
}

/// What a value costs as a blob and inside of the sealed values.
fn blobs(ring: &KeyRing) -> Result<(), Box<dyn Error>> {
    const TIMES: u32 = 20_000;
    let (key, blobs) = (SubjectKey::generate()?, ring.blob_keys("acme"));
    for size in [
        BLOB_BYTES_MIN / 4,
        BLOB_BYTES_MIN - 1,
        BLOB_BYTES_MIN,
        16 * BLOB_BYTES_MIN,
    ] {
        let entry = Entry {
            tenant: "acme".into(),
            case: "case".into(),
            run: None,
            principal: "agent:a".into(),
            workflow: None,
            stage: Stage::CallOutcome,
            position: Some(0),
            at_ms: 1_790_000_000_000,
            facts: serde_json::Map::new(),
            values: vec![("reply", vec![b'r'; size])],
            subject: "s".into(),
        };
        let made = prepare(&entry, &key, &blobs)?;
        let sealed = made.sealed.as_ref().map_or(0, Vec::len);
        let blob: usize = made.blobs.iter().map(|blob| blob.sealed.len()).sum();
        let begun = Instant::now();
        for _ in 0..TIMES {
            std::hint::black_box(prepare(std::hint::black_box(&entry), &key, &blobs)?);
        }
        let each = begun.elapsed() / TIMES;
        println!("a value of {size} B: {each:?}, sealed {sealed} B, blob {blob} B");
    }
    Ok(())
}

//! Proofs of a log of a million records: verified offline, and one record proved.

use std::fs::File;
use std::io::{self, Read as _};
use std::path::Path;
use std::time::Instant;

use tollgate_journal::{
    Checkpoint, ExportCheck, ExportReader, ExportWriter, Frontier, KeyRing, TileBuilder, TileCache,
    prove_inclusion, verify_export, verify_inclusion,
};

use crate::records::Maker;
use crate::side_by_side::line;

/// Three records each.
const RUNS: u64 = 333_334;

/// How many records are proved.
const PROOFS: u64 = 100_000;

struct Folder<'a>(&'a Path);

impl ExportReader for Folder<'_> {
    fn read(&self, path: &str, limit: u64) -> io::Result<Option<Vec<u8>>> {
        let file = match File::open(self.0.join(path)) {
            Ok(file) => file,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(error),
        };
        let mut bytes = Vec::new();
        file.take(limit).read_to_end(&mut bytes)?;
        Ok(Some(bytes))
    }
}

pub(crate) fn measure() {
    let folder = tempfile::tempdir().unwrap();
    let ring = KeyRing::generate().unwrap();
    let origin = ring.log_origin("default");
    let key = ring.log_key("default").unwrap();
    let maker = Maker::new();
    let mut writer = ExportWriter::new();
    let mut tree = Frontier::new();
    let mut hashes = Vec::new();
    let mut bytes = 0;
    for run in 0..RUNS {
        for record in maker.run(run) {
            tree.push(record.hash);
            hashes.push(record.hash);
            bytes += record.leaf.len() as u64;
            write(folder.path(), writer.push(&record.leaf).unwrap());
        }
    }
    let checkpoint = Checkpoint::of(&origin, &tree).sign(&key).unwrap();
    write(folder.path(), writer.finish(&checkpoint).unwrap());

    let begun = Instant::now();
    let outside = [checkpoint.note.clone()];
    let verifier = key.verifier_key();
    let check = ExportCheck {
        log_key: &verifier,
        outside: &outside,
        witnesses: &[],
    };
    let verified = verify_export(&Folder(folder.path()), &check, &mut |_| {}).unwrap();
    let records = verified.checkpoint.checkpoint.size;
    assert_eq!(verified.whole_to, Some(records));
    println!(
        "proof: {records} records of {} bytes verified offline in {:.2?}, one thread",
        bytes / records,
        begun.elapsed()
    );

    let mut tiles = TileCache::new();
    let mut builder = TileBuilder::new();
    for hash in &hashes {
        builder.push(*hash, |id, hashes| {
            tiles.put_tile(id, hashes.as_flattened()).unwrap();
        });
    }
    for (id, hashes) in builder.partial() {
        tiles.put_tile(id, hashes.as_flattened()).unwrap();
    }
    let root = tree.root();
    let begun = Instant::now();
    let mut proofs = Vec::new();
    for number in 0..PROOFS {
        let index = number * 7_919 % records;
        proofs.push(prove_inclusion(index, records, &tiles).unwrap());
    }
    let each = begun.elapsed() / u32::try_from(PROOFS).unwrap();
    line(
        "proof: of one record made, tiles in memory",
        1.0 / each.as_secs_f64(),
        each,
        None,
    );
    let begun = Instant::now();
    for proof in &proofs {
        let leaf = &hashes[usize::try_from(proof.index).unwrap()];
        verify_inclusion(leaf, proof, &root).unwrap();
    }
    let each = begun.elapsed() / u32::try_from(PROOFS).unwrap();
    line(
        "proof: of one record checked",
        1.0 / each.as_secs_f64(),
        each,
        None,
    );
}

fn write(folder: &Path, files: Vec<tollgate_journal::ExportFile>) {
    for file in files {
        let path = folder.join(&file.path);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, file.bytes).unwrap();
    }
}

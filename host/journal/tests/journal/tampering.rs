//! Logs in the hands of somebody who can change every file and recompute every
//! hash, but has no key; and in the hands of somebody who has it.

use std::ops::Range;

use tollgate_journal::{
    ExportCheck, ExportError, ExportTampering, Frontier, KeyKind, SignedNote, SigningKey, TileId,
    leaf_hash, verify_export,
};

use crate::support::{Directory, Random, checkpoint, leaf, leaves, log_key, seed};

/// A log, and who kept which of its checkpoints.
struct World {
    leaves: Vec<Vec<u8>>,
    directory: Directory,
    /// Sizes of checkpoints that were kept elsewhere.
    kept: Vec<usize>,
    outside: Vec<SignedNote>,
}

impl World {
    fn new(random: &mut Random) -> Self {
        // Around the edges of tiles, and anywhere.
        let size = match random.below(4) {
            0 => 1 + random.below(4),
            1 => 254 + random.below(6),
            2 => 511 + random.below(4),
            _ => 1 + random.below(520),
        };
        Self::of(size, random)
    }

    fn of(size: usize, random: &mut Random) -> Self {
        let leaves = leaves(size);
        let kept: Vec<_> = (0..random.below(4))
            .map(|_| random.below(size + 1))
            .collect();
        let outside = kept.iter().map(|size| checkpoint(&leaves, *size).note);
        Self {
            outside: outside.collect(),
            directory: Directory::of(&leaves),
            kept,
            leaves,
        }
    }

    /// Another world for every tenth attack or so.
    fn change_sometimes(&mut self, random: &mut Random, next: impl Fn(&mut Random) -> Self) {
        if random.below(10) == 0 {
            *self = next(random);
        }
    }

    fn size(&self) -> usize {
        self.leaves.len()
    }

    /// What the kept checkpoints alone tell of a first change at this place.
    fn between(&self, place: usize) -> Range<u64> {
        let size = self.size();
        let before = self.kept.iter().filter(|kept| **kept <= place).max();
        let after = self.kept.iter().filter(|kept| **kept > place).min();
        *before.unwrap_or(&0) as u64..*after.unwrap_or(&size) as u64
    }
}

/// Change the records: the changed list, and the first place that differs.
fn change(leaves: &[Vec<u8>], random: &mut Random) -> (Vec<Vec<u8>>, usize) {
    let mut changed = leaves.to_vec();
    let at = random.below(leaves.len());
    match random.below(5) {
        0 => {
            let byte = random.below(changed[at].len());
            changed[at][byte] ^= 1 << random.below(8);
        }
        1 => drop(changed.remove(at)),
        2 => changed.insert(at, leaf(1_000_000 + at)),
        3 if leaves.len() > 1 => {
            let other = (at + 1 + random.below(leaves.len() - 1)) % leaves.len();
            changed.swap(at, other);
            return (changed, at.min(other));
        }
        _ => changed.truncate(at),
    }
    (changed, at)
}

/// The directory with other records, every hash as it was.
fn with_records(directory: &Directory, size: usize, records: &[Vec<u8>]) -> Directory {
    let mut changed = directory.clone();
    changed
        .0
        .retain(|path, _| !path.starts_with("tile/entries/"));
    for index in 0..size.div_ceil(256) {
        let from = index * 256;
        let last = from + 256 >= size;
        // What is too much stands in the last bundle: nobody asks for another.
        let to = if last {
            records.len()
        } else {
            records.len().min(from + 256)
        };
        if from >= to {
            break;
        }
        let width = (size - from).min(256) as u16;
        let id = TileId {
            level: 0,
            index: index as u64,
            width,
        };
        let mut bundle = Vec::new();
        for record in &records[from..to] {
            bundle.extend_from_slice(&(record.len() as u16).to_be_bytes());
            bundle.extend_from_slice(record);
        }
        changed.0.insert(id.entries_path(), bundle);
    }
    changed
}

/// Every hash made anew for other records, under the signed checkpoint.
fn rewritten(world: &World, records: &[Vec<u8>]) -> Directory {
    let mut changed = if records.is_empty() {
        Directory::default()
    } else {
        Directory::of(records)
    };
    let own = world.directory.0["checkpoint"].clone();
    changed.0.insert("checkpoint".into(), own);
    // Under the names that the signed size asks for.
    let records = with_records(&changed, world.size(), records);
    let names = world
        .directory
        .0
        .keys()
        .filter(|path| path.starts_with("tile/"));
    let mut renamed = records.clone();
    for path in names {
        let stem = path.split(".p/").next().unwrap();
        let close = |found: &&String| found.split(".p/").next() == Some(stem);
        if let Some(found) = records.0.keys().find(close) {
            let mut bytes = records.0[found].clone();
            if !path.starts_with("tile/entries/") {
                let width = path.split(".p/").nth(1).map_or(256, |w| w.parse().unwrap());
                bytes.resize(width * 32, 7);
            }
            renamed.0.insert(path.clone(), bytes);
        }
    }
    renamed
}

fn contains(range: &Range<u64>, place: usize) -> bool {
    range.contains(&(place as u64))
}

#[test]
fn an_untouched_log_verifies_and_says_what_it_cannot_exclude() {
    let mut random = Random::new(seed());
    for size in [0, 1, 2, 255, 256, 257, 512, 700] {
        let leaves = leaves(size);
        let directory = Directory::of(&leaves);
        let verified = directory.verify(&[]).unwrap();
        assert_eq!(verified.checkpoint.checkpoint.size, size as u64);
        assert_eq!(verified.whole_to, None);
        let kept = random.below(size + 1);
        let outside = checkpoint(&leaves, kept).note;
        let verified = directory.verify(&[outside]).unwrap();
        assert_eq!(verified.whole_to, Some(kept as u64));
    }
}

#[test]
fn every_change_of_records_is_found_at_its_first_record() {
    let seed = seed();
    let mut random = Random::new(seed);
    let mut world = World::new(&mut random);
    for round in 0..3_000 {
        world.change_sometimes(&mut random, World::new);
        let (records, place) = change(&world.leaves, &mut random);
        let changed = with_records(&world.directory, world.size(), &records);
        let report = changed.report(&world.outside);
        let expected = place as u64..place as u64 + 1;
        assert_eq!(
            report.first_bad, expected,
            "round {round}, seed {seed}: {report}"
        );
    }
}

#[test]
fn every_change_of_records_with_their_hashes_is_found_in_its_tile_at_most() {
    let seed = seed();
    let mut random = Random::new(seed);
    // A tile above and none at the edge: what leads to the root stays.
    let two_tiles = |random: &mut Random| World::of(512, random);
    let mut world = two_tiles(&mut random);
    for round in 0..2_000 {
        world.change_sometimes(&mut random, two_tiles);
        let place = random.below(512);
        let mut records = world.leaves.clone();
        records[place] = leaf(1_000_000 + place);
        let mut changed = with_records(&world.directory, 512, &records);
        let tile = TileId::complete(0, place as u64 / 256).path();
        let at = place % 256 * 32;
        changed.0.get_mut(&tile).unwrap()[at..at + 32].copy_from_slice(&leaf_hash(&records[place]));
        let report = changed.report(&world.outside);
        let from = (place / 256 * 256) as u64;
        let kept = world.between(place);
        let expected = kept.start.max(from)..kept.end.min(from + 256);
        assert_eq!(
            report.first_bad, expected,
            "round {round}, seed {seed}: {report}"
        );
    }
}

#[test]
fn every_change_with_all_hashes_made_anew_is_found_between_the_kept_checkpoints() {
    let seed = seed();
    let mut random = Random::new(seed);
    let mut world = World::new(&mut random);
    for round in 0..2_500 {
        world.change_sometimes(&mut random, World::new);
        let (records, place) = change(&world.leaves, &mut random);
        let report = rewritten(&world, &records).report(&world.outside);
        let kept = world.between(place);
        let found = &report.first_bad;
        assert!(
            contains(found, place) && found.start >= kept.start && found.end <= kept.end,
            "round {round}, seed {seed}: {place} in {kept:?}: {report}"
        );
    }
}

#[test]
fn every_change_of_a_tile_alone_is_found_and_the_records_are_said_to_be_whole() {
    let seed = seed();
    let mut random = Random::new(seed);
    let mut world = World::new(&mut random);
    for round in 0..1_500 {
        world.change_sometimes(&mut random, World::new);
        let mut changed = world.directory.clone();
        let tiles: Vec<_> = changed.0.keys().cloned().collect();
        let tiles: Vec<_> = tiles
            .iter()
            .filter(|path| path.starts_with("tile/") && !path.starts_with("tile/entries"))
            .collect();
        let path = tiles[random.below(tiles.len())];
        let bytes = changed.0.get_mut(path).unwrap();
        let at = random.below(bytes.len());
        let mut first = 0;
        match random.below(4) {
            0 => {
                bytes[at] ^= 1 << random.below(8);
                first = at / 32;
            }
            1 => bytes.truncate(at),
            2 => bytes.push(0),
            _ => drop(changed.0.remove(path)),
        }
        let report = changed.report(&world.outside);
        let ExportTampering::HashTile(tile) = &report.what else {
            panic!("round {round}, seed {seed}: {report}");
        };
        assert_eq!(tile.path(), *path, "round {round}, seed {seed}");
        let each = 256_u64.pow(u32::from(tile.level));
        let start = (tile.index * 256 + first as u64) * each;
        assert_eq!(report.first_bad.start, start, "round {round}, seed {seed}");
    }
}

#[test]
fn every_truncation_to_an_older_signed_state_is_found_by_a_newer_checkpoint_only() {
    let seed = seed();
    let mut random = Random::new(seed);
    let mut world = World::new(&mut random);
    for round in 0..1_000 {
        world.change_sometimes(&mut random, World::new);
        let cut = random.below(world.size());
        let changed = Directory::of(&world.leaves[..cut]);
        let newest = world.kept.iter().copied().max().unwrap_or(0);
        if newest <= cut {
            // Nobody outside has seen more. It cannot be known, and is not claimed.
            let verified = changed.verify(&world.outside).unwrap();
            let known = world.kept.iter().map(|kept| *kept as u64).max();
            assert_eq!(verified.whole_to, known, "round {round}, seed {seed}");
            continue;
        }
        let report = changed.report(&world.outside);
        assert!(
            matches!(report.what, ExportTampering::Truncated { .. }),
            "round {round}, seed {seed}: {report}"
        );
        assert_eq!(
            report.first_bad.start, cut as u64,
            "round {round}, seed {seed}"
        );
    }
}

#[test]
fn every_second_history_signed_by_the_log_itself_is_evidence_against_it() {
    let seed = seed();
    let mut random = Random::new(seed);
    let mut world = World::new(&mut random);
    for round in 0..1_000 {
        world.change_sometimes(&mut random, World::new);
        let place = random.below(world.size());
        let mut records = world.leaves.clone();
        records[place] = leaf(1_000_000 + place);
        let kept = place + 1 + random.below(world.size() - place);
        let mut outside = world.outside.clone();
        outside.push(checkpoint(&world.leaves, kept).note);
        let report = Directory::of(&records).report(&outside);
        let ExportTampering::SplitView { one, other } = &report.what else {
            panic!("round {round}, seed {seed}: {report}");
        };
        let key = log_key().verifier_key();
        assert!(one.verify(std::slice::from_ref(&key)).is_ok() && other.verify(&[key]).is_ok());
        assert_ne!(one.text(), other.text());
        let found = &report.first_bad;
        assert!(
            contains(found, place),
            "round {round}, seed {seed}: {place}, {report}"
        );
    }
}

#[test]
fn two_heads_of_one_size_convict_without_the_records() {
    let leaves = leaves(9);
    let mut forged = leaves.clone();
    forged[2] = leaf(99);
    // Both are newer than the directory, which is whole as far as it goes.
    let outside = [checkpoint(&leaves, 9).note, checkpoint(&forged, 9).note];
    let report = Directory::of(&leaves[..5]).report(&outside);
    assert!(
        matches!(report.what, ExportTampering::SplitView { .. }),
        "{report}"
    );
}

#[test]
fn several_changes_at_once_are_found_at_the_first() {
    let seed = seed();
    let mut random = Random::new(seed);
    for round in 0..500 {
        let world = World::of(300 + random.below(300), &mut random);
        let mut records = world.leaves.clone();
        let places: Vec<_> = (0..3).map(|_| random.below(world.size())).collect();
        for place in &places {
            records[*place] = leaf(1_000_000 + *place);
        }
        let first = *places.iter().min().unwrap();
        let mut changed = with_records(&world.directory, world.size(), &records);
        let report = changed.report(&world.outside);
        let expected = first as u64..first as u64 + 1;
        assert_eq!(
            report.first_bad, expected,
            "round {round}, seed {seed}: {report}"
        );
        // And one of the tiles made useless beside it: the range may be wider,
        // but has the record.
        let tiles = changed.0.keys().filter(|path| path.starts_with("tile/0/"));
        let tiles: Vec<_> = tiles.cloned().collect();
        let tile = &tiles[random.below(tiles.len())];
        changed.0.get_mut(tile).unwrap()[0] ^= 1;
        let report = changed.report(&world.outside);
        assert!(
            contains(&report.first_bad, first),
            "round {round}, seed {seed}: {report}"
        );
    }
}

#[test]
fn a_checkpoint_that_the_log_did_not_sign_ends_the_verification() {
    let leaves = leaves(300);
    let directory = Directory::of(&leaves);
    let verify = |checkpoint: Option<Vec<u8>>| {
        let mut changed = directory.clone();
        changed.0.remove("checkpoint");
        changed
            .0
            .extend(checkpoint.map(|bytes| ("checkpoint".to_owned(), bytes)));
        changed.verify(&[])
    };
    assert!(matches!(verify(None), Err(ExportError::NoCheckpoint)));
    let own = String::from_utf8(directory.0["checkpoint"].clone()).unwrap();
    let cut = own.replace("\n300\n", "\n299\n");
    assert!(matches!(
        verify(Some(cut.into_bytes())),
        Err(ExportError::Checkpoint(_))
    ));
    let thief = SigningKey::from_seed("tollgate/test/acme", KeyKind::Ed25519, &[9; 32]).unwrap();
    let forged = checkpoint(&leaves, 300).checkpoint.sign(&thief).unwrap();
    assert!(matches!(
        verify(Some(forged.to_bytes())),
        Err(ExportError::Checkpoint(_))
    ));
    let huge = vec![b'\n'; 1 << 20];
    assert!(matches!(
        verify(Some(huge)),
        Err(ExportError::Checkpoint(_))
    ));
    // Nor does one given from outside count that somebody else signed.
    let outside = [forged.note];
    assert!(matches!(
        directory.verify(&outside),
        Err(ExportError::Outside(_))
    ));
}

#[test]
fn a_witness_that_vouches_is_named_with_its_time_and_a_forged_one_refused() {
    let leaves = leaves(300);
    let witness = SigningKey::from_seed("w.example/1", KeyKind::Cosignature, &[1; 32]).unwrap();
    let mut head = checkpoint(&leaves, 300);
    head.note
        .add(witness.sign(head.note.text(), 1_790_000_000).unwrap())
        .unwrap();
    let mut directory = Directory::of(&leaves);
    directory.0.insert("checkpoint".into(), head.to_bytes());
    let (log, known) = (log_key().verifier_key(), [witness.verifier_key()]);
    let check = ExportCheck {
        log_key: &log,
        outside: &[],
        witnesses: &known,
    };
    let mut read = 0;
    let verified = verify_export(&directory, &check, &mut |count| read = count).unwrap();
    assert_eq!(
        (verified.cosigned[0].time_s, read),
        (Some(1_790_000_000), 300)
    );
    let other = witness.sign("another head\n", 1_790_000_000).unwrap();
    head.note.add(other).unwrap();
    directory.0.insert("checkpoint".into(), head.to_bytes());
    let forged = verify_export(&directory, &check, &mut |_| {});
    assert!(matches!(forged, Err(ExportError::Checkpoint(_))));
}

#[test]
fn a_checkpoint_of_other_records_is_not_exported() {
    let leaves = leaves(3);
    let mut writer = tollgate_journal::ExportWriter::new();
    for leaf in &leaves {
        writer.push(leaf).unwrap();
    }
    assert_eq!(writer.count(), 3);
    assert!(writer.finish(&checkpoint(&leaves, 2)).is_err());
    let too_large = tollgate_journal::ExportWriter::new().push(&vec![b' '; 1 << 16]);
    assert!(too_large.is_err());
    assert_eq!(Frontier::new().count(), 0);
}

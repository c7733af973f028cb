//! Proofs and tiles, against `ct-merkle` and `tlog_tiles`.

use ct_merkle::mem_backed_tree::MemoryBackedTree;
use sha2::Sha256;
use tlog_tiles::tlog;
use tollgate_journal::{
    Frontier, Hash, Needs, ProofError, StoredTiles, TILE_LEVELS, TileBuilder, TileCache, TileId,
    level_tiles, needs_for_consistency, needs_for_inclusion, needs_for_root, needs_for_tiles,
    new_tiles, prove_consistency, prove_inclusion, root_at, verify_consistency, verify_inclusion,
};

use crate::support::{Random, hashes, leaf, leaves, seed};

/// All complete tiles of these hashes, and nothing else.
fn complete(hashes: &[Hash]) -> Vec<(TileId, Vec<u8>)> {
    let mut tiles = Vec::new();
    let mut builder = TileBuilder::new();
    for hash in hashes {
        builder.push(*hash, |id, hashes| {
            tiles.push((id, hashes.as_flattened().to_vec()))
        });
    }
    tiles
}

/// What a store hands out that was asked for exactly these.
fn fetch(needs: &Needs, tiles: &[(TileId, Vec<u8>)], hashes: &[Hash]) -> TileCache {
    let mut cache = TileCache::new();
    for id in &needs.tiles {
        let (_, bytes) = tiles.iter().find(|(found, _)| found == id).unwrap();
        cache.put_tile(*id, bytes).unwrap();
    }
    for range in &needs.leaves {
        let (from, to) = (range.start as usize, range.end as usize);
        cache.put_leaves(range.start, &hashes[from..to]).unwrap();
    }
    cache
}

fn all(hashes: &[Hash]) -> TileCache {
    let mut cache = TileCache::new();
    cache.put_leaves(0, hashes).unwrap();
    cache
}

#[test]
fn every_proof_of_small_trees_is_the_one_of_another_implementation() {
    let mut theirs = MemoryBackedTree::<Sha256, Vec<u8>>::new();
    for size in 1..=65_u64 {
        theirs.push(leaf(size as usize - 1));
        let mine = hashes(&leaves(size as usize));
        let cache = all(&mine);
        let root = root_at(size, &cache).unwrap();
        assert_eq!(root.as_slice(), theirs.root().as_bytes().as_slice());
        for index in 0..size {
            let proof = prove_inclusion(index, size, &cache).unwrap();
            let other = theirs.prove_inclusion(index as usize);
            assert_eq!(
                proof.path.as_flattened(),
                other.as_bytes(),
                "{index} of {size}"
            );
            verify_inclusion(&mine[index as usize], &proof, &root).unwrap();
        }
        for from in 1..=size {
            let proof = prove_consistency(from, size, &cache).unwrap();
            let other = theirs.prove_consistency((size - from) as usize);
            // Theirs counts the older tree's root in where it is a power of two
            // and the trees are equal.
            if from < size {
                assert_eq!(
                    proof.path.as_flattened(),
                    other.as_bytes(),
                    "{from} of {size}"
                );
            }
            let older = root_at(from, &cache).unwrap();
            verify_consistency(&older, &root, &proof).unwrap();
        }
    }
}

struct Stored(Vec<tlog::Hash>);

impl tlog::HashReader for Stored {
    fn read_hashes(&self, indexes: &[u64]) -> Result<Vec<tlog::Hash>, tlog::Error> {
        Ok(indexes
            .iter()
            .map(|index| self.0[*index as usize])
            .collect())
    }
}

#[test]
fn proofs_from_tiles_of_three_levels_are_those_of_another_implementation() {
    let count = 66_400_u64;
    let leaves = leaves(count as usize);
    let mine = hashes(&leaves);
    let mut theirs = Stored(Vec::new());
    for (number, leaf) in (0..).zip(&leaves) {
        let more = tlog::stored_hashes(number, leaf, &theirs).unwrap();
        theirs.0.extend(more);
    }
    let tiles = complete(&mine);
    let seed = seed();
    let mut random = Random::new(seed);
    for round in 0..12 {
        let size = 65_000 + random.below(1_401) as u64;
        let index = random.below(size as usize) as u64;
        // A store makes tiles at checkpoints, so it may be behind.
        let stored = StoredTiles::of(size - random.below(2_000) as u64);
        let needs = needs_for_inclusion(index, size, &stored).unwrap();
        let cache = fetch(&needs, &tiles, &mine);
        let proof = prove_inclusion(index, size, &cache).unwrap();
        let other = tlog::prove_record(size, index, &theirs).unwrap();
        let other: Vec<Hash> = other.iter().map(|hash| hash.0).collect();
        assert_eq!(
            proof.path, other,
            "{index} of {size}, round {round}, seed {seed}"
        );

        let from = 1 + random.below(size as usize) as u64;
        let needs = needs_for_consistency(from, size, &stored).unwrap();
        let cache = fetch(&needs, &tiles, &mine);
        let proof = prove_consistency(from, size, &cache).unwrap();
        let other = tlog::prove_tree(size, from, &theirs).unwrap();
        let other: Vec<Hash> = other.iter().map(|hash| hash.0).collect();
        assert_eq!(
            proof.path, other,
            "{from} of {size}, round {round}, seed {seed}"
        );

        let cache = fetch(&needs_for_root(size, &stored), &tiles, &mine);
        let root = root_at(size, &cache).unwrap();
        assert_eq!(
            root,
            tlog::tree_hash(size, &theirs).unwrap().0,
            "{size}, seed {seed}"
        );
    }
}

#[test]
fn a_proof_needs_few_tiles_and_no_leaf_that_a_tile_has() {
    let size = 1_000_000;
    let needs = needs_for_inclusion(3, size, &StoredTiles::of(size)).unwrap();
    // The record's own tile, and at each level's right edge what has no tile of
    // its own yet.
    assert!(needs.tiles.contains(&TileId::complete(0, 0)));
    assert!(needs.tiles.len() < 100, "{}", needs.tiles.len());
    assert_eq!(
        (needs.leaves.len(), &needs.leaves[0]),
        (1, &(999_936..1_000_000))
    );
    let nothing = needs_for_inclusion(3, size, &StoredTiles::default()).unwrap();
    assert_eq!((nothing.tiles.len(), nothing.leaves.len()), (0, 1));
    assert_eq!(nothing.leaves[0], 0..size);
}

#[test]
fn tiles_made_step_by_step_are_those_made_at_once() {
    let count = 66_000_usize;
    let mine = hashes(&leaves(count));
    let at_once = complete(&mine);
    let seed = seed();
    let mut random = Random::new(seed);
    let mut stored: Vec<(TileId, Vec<u8>)> = Vec::new();
    let mut made = 0;
    while made < count {
        let next = (made + 1 + random.below(20_000)).min(count);
        let (from, to) = (made as u64, next as u64);
        let needs = needs_for_tiles(from, to, &StoredTiles::of(from));
        let cache = fetch(&needs, &stored, &mine);
        stored.extend(new_tiles(from, to, &cache).unwrap());
        made = next;
    }
    let sorted = |mut tiles: Vec<(TileId, Vec<u8>)>| {
        tiles.sort();
        tiles
    };
    assert_eq!(stored.len(), 257 + 1, "seed {seed}");
    assert!(sorted(stored) == sorted(at_once), "seed {seed}");
}

#[test]
fn paths_and_tile_sets_are_those_of_the_specification() {
    let path = |level, index, width| {
        TileId {
            level,
            index,
            width,
        }
        .path()
    };
    assert_eq!(path(0, 1_234_067, 256), "tile/0/x001/x234/067");
    assert_eq!(path(1, 0, 17), "tile/1/000.p/17");
    assert_eq!(TileId::complete(0, 5).entries_path(), "tile/entries/005");
    let seed = seed();
    let mut random = Random::new(seed);
    for _ in 0..500 {
        let (level, index) = (
            random.below(6) as u8,
            random.next() >> (8 + random.below(50)),
        );
        let width = 1 + random.below(256) as u16;
        let theirs = tlog_tiles::Tile::new(8, level, index, u32::from(width), false);
        // Theirs writes the height in front.
        let theirs = theirs.path().replacen("tile/8/", "tile/", 1);
        assert_eq!(path(level, index, width), theirs, "seed {seed}");
    }
    // The specification's example: a tree of 70 000 records.
    let widths = |level| {
        let tiles = level_tiles(level, 70_000);
        let complete = tiles.iter().filter(|tile| tile.width == 256).count();
        (complete, tiles.last().map(|tile| tile.width))
    };
    assert_eq!(widths(0), (273, Some(112)));
    assert_eq!(widths(1), (1, Some(17)));
    assert_eq!(widths(2), (0, Some(1)));
    assert_eq!(widths(3), (0, None));
    assert_eq!(StoredTiles::of(70_000).0[..3], [273, 1, 0]);
    assert_eq!(StoredTiles::of(u64::MAX).0.len(), TILE_LEVELS);
}

#[test]
fn a_changed_proof_does_not_verify() {
    let count = 300_usize;
    let mine = hashes(&leaves(count));
    let cache = all(&mine);
    let seed = seed();
    let mut random = Random::new(seed);
    for round in 0..2_000 {
        let size = 2 + random.below(count - 1) as u64;
        let root = root_at(size, &cache).unwrap();
        let index = random.below(size as usize) as u64;
        let mut proof = prove_inclusion(index, size, &cache).unwrap();
        let mut hash = mine[index as usize];
        match random.below(5) {
            0 => hash[random.below(32)] ^= 1 << random.below(8),
            1 => proof.index = (index + 1 + random.below(size as usize - 1) as u64) % size,
            2 => drop(proof.path.remove(random.below(proof.path.len()))),
            3 => proof.path.push(hash),
            _ => {
                let at = random.below(proof.path.len());
                proof.path[at][random.below(32)] ^= 1 << random.below(8);
            }
        }
        let held = verify_inclusion(&hash, &proof, &root);
        assert!(held.is_err(), "round {round}, seed {seed}: {proof:?}");

        let from = 1 + random.below(size as usize - 1) as u64;
        let mut proof = prove_consistency(from, size, &cache).unwrap();
        let mut older = root_at(from, &cache).unwrap();
        match random.below(4) {
            0 => older[random.below(32)] ^= 1 << random.below(8),
            1 => drop(proof.path.remove(random.below(proof.path.len()))),
            2 => proof.path.push(root),
            _ => {
                let at = random.below(proof.path.len());
                proof.path[at][random.below(32)] ^= 1 << random.below(8);
            }
        }
        let held = verify_consistency(&older, &root, &proof);
        assert!(held.is_err(), "round {round}, seed {seed}: {proof:?}");
    }
}

#[test]
fn what_a_tree_does_not_have_is_neither_proved_nor_believed() {
    let mine = hashes(&leaves(9));
    let cache = all(&mine);
    let root = root_at(9, &cache).unwrap();
    let outside = prove_inclusion(9, 9, &cache);
    assert_eq!(outside, Err(ProofError::OutOfTree { index: 9, size: 9 }));
    let backwards = prove_consistency(9, 8, &cache);
    assert_eq!(backwards, Err(ProofError::Backwards { from: 9, to: 8 }));
    let missing = prove_inclusion(3, 300, &cache);
    assert!(matches!(missing, Err(ProofError::MissingHash { .. })));
    assert_eq!(
        TileCache::new().put_leaves(3, &mine),
        Err(ProofError::Unaligned(3))
    );
    let bad = TileCache::new().put_tile(TileId::complete(0, 0), &[0; 31]);
    assert!(matches!(bad, Err(ProofError::BadTile(_))));
    // A node's hash is no record's, and the empty tree has no record.
    let mut proof = prove_inclusion(0, 9, &cache).unwrap();
    proof.size = 0;
    assert!(verify_inclusion(&mine[0], &proof, &root).is_err());
    // Every tree goes on from the empty one, and only from the true empty one.
    let nothing = prove_consistency(0, 9, &cache).unwrap();
    verify_consistency(&Frontier::new().root(), &root, &nothing).unwrap();
    assert!(verify_consistency(&root, &root, &nothing).is_err());
}

//! Leaf hashes, tiles and checkpoints: once given out, they are never others.

use tollgate_journal::{Frontier, Hash, Tampering};
use tollgate_store::{Change, CheckpointRow, Rejected, TileRow};

use crate::support::{Bench, NOW, named, on_each_store, records, submission};

async fn append(bench: &Bench, count: u32) {
    bench
        .store
        .append(submission(records("acme", "r1", count), Vec::new()))
        .await
        .unwrap();
}

async fn hashes(bench: &Bench) -> Vec<Hash> {
    bench
        .store
        .leaf_hashes(&named("acme"), 0, u32::MAX)
        .await
        .unwrap()
}

fn tile(level: u8, index: u64, hashes: &[Hash]) -> TileRow {
    TileRow {
        level,
        index,
        hashes: hashes.concat(),
    }
}

fn root(hashes: &[Hash]) -> Hash {
    let mut tree = Frontier::new();
    hashes.iter().for_each(|hash| tree.push(*hash));
    tree.root()
}

fn checkpoint(count: u64, root: Hash, signatures: &str) -> CheckpointRow {
    CheckpointRow {
        tenant: named("acme"),
        count,
        root,
        at_ms: NOW,
        note: format!("acme\n{count}\n{}\n\n{signatures}", hex::encode(root)),
    }
}

fn put(row: &CheckpointRow) -> Change {
    Change::PutCheckpoint(Box::new(row.clone()))
}

async fn leaf_hashes_are_those_of_the_records_from_any_place(bench: Bench) {
    append(&bench, 300).await;
    let all = hashes(&bench).await;
    assert_eq!(all.len(), 300);
    let head = bench.store.heads().await.unwrap().remove(0);
    assert_eq!(root(&all), head.root);
    let some = bench
        .store
        .leaf_hashes(&named("acme"), 297, 2)
        .await
        .unwrap();
    assert_eq!(some, &all[297..299]);
    let beyond = bench
        .store
        .leaf_hashes(&named("acme"), 300, 9)
        .await
        .unwrap();
    assert!(beyond.is_empty());
    let beyond = bench
        .store
        .leaf_hashes(&named("acme"), u64::MAX, 9)
        .await
        .unwrap();
    assert!(beyond.is_empty());
    let other = bench
        .store
        .leaf_hashes(&named("other"), 0, 9)
        .await
        .unwrap();
    assert!(other.is_empty());
}

async fn a_tile_is_kept_once_and_never_replaced(bench: Bench) {
    append(&bench, 600).await;
    let all = hashes(&bench).await;
    let tiles = vec![tile(0, 0, &all[..256]), tile(0, 1, &all[256..512])];
    bench.change(Change::PutTiles(tiles.clone())).await.unwrap();
    bench.change(Change::PutTiles(tiles.clone())).await.unwrap();
    let read = bench.store.tile(&named("acme"), 0, 1).await.unwrap();
    assert_eq!(read.as_ref(), Some(&tiles[1]));
    assert_eq!(bench.store.tile(&named("acme"), 0, 2).await.unwrap(), None);
    assert_eq!(bench.store.tile(&named("acme"), 1, 0).await.unwrap(), None);
    assert_eq!(bench.store.tile_count(&named("acme"), 0).await.unwrap(), 2);
    assert_eq!(bench.store.tile_count(&named("acme"), 1).await.unwrap(), 0);
    assert_eq!(bench.store.tile_count(&named("other"), 0).await.unwrap(), 0);
    let mut forged = tiles[1].clone();
    forged.hashes[8_000] ^= 1;
    let refused = bench.refused(Change::PutTiles(vec![forged])).await;
    assert_eq!(refused, Rejected::TileDiffers { level: 0, index: 1 });
    let short = TileRow {
        hashes: vec![0; 255 * 32],
        ..tiles[0].clone()
    };
    assert!(bench.change(Change::PutTiles(vec![short])).await.is_err());
    bench.store.verify(&named("acme")).await.unwrap().unwrap();
}

async fn tiles_are_counted_up_to_the_first_that_is_missing(bench: Bench) {
    let some = [[7; 32]; 256];
    for index in [0, 1, 3, 4] {
        bench
            .change(Change::PutTiles(vec![tile(0, index, &some)]))
            .await
            .unwrap();
    }
    assert_eq!(bench.store.tile_count(&named("acme"), 0).await.unwrap(), 2);
    bench
        .change(Change::PutTiles(vec![tile(0, 2, &some)]))
        .await
        .unwrap();
    assert_eq!(bench.store.tile_count(&named("acme"), 0).await.unwrap(), 5);
}

async fn a_changed_tile_is_named_by_the_record_it_lies_about(bench: Bench) {
    append(&bench, 600).await;
    let all = hashes(&bench).await;
    bench
        .change(Change::PutTiles(vec![
            tile(0, 0, &all[..256]),
            tile(0, 1, &all[256..512]),
        ]))
        .await
        .unwrap();
    bench.store.verify(&named("acme")).await.unwrap().unwrap();
    let mut forged = all[256..512].to_vec();
    forged[40][5] ^= 1;
    let forged = forged.concat();
    bench
        .set_bytes("tiles", "hashes", "number = 1", &forged)
        .await;
    let report = bench
        .store
        .verify(&named("acme"))
        .await
        .unwrap()
        .unwrap_err();
    assert_eq!(report.first_bad_seq, Some(256 + 40));
    assert_eq!(report.what, Tampering::ColumnsMismatch);
}

async fn a_checkpoint_gains_signatures_and_loses_none(bench: Bench) {
    append(&bench, 3).await;
    let root = root(&hashes(&bench).await);
    let own = checkpoint(3, root, "— log AAAA\n");
    bench.change(put(&own)).await.unwrap();
    bench.change(put(&own)).await.unwrap();
    let one = checkpoint(3, root, "— log AAAA\n— w1 BBBB\n");
    let two = checkpoint(3, root, "— log AAAA\n— w2 CCCC\n");
    let (first, second) = tokio::join!(bench.change(put(&one)), bench.change(put(&two)));
    first.unwrap();
    second.unwrap();
    bench.change(put(&own)).await.unwrap();
    let stored = bench
        .store
        .checkpoints(&named("acme"), None, 9)
        .await
        .unwrap();
    assert_eq!(stored.len(), 1);
    for signature in ["— log AAAA", "— w1 BBBB", "— w2 CCCC"] {
        assert_eq!(stored[0].note.matches(signature).count(), 1, "{signature}");
    }
}

async fn one_count_has_one_root(bench: Bench) {
    append(&bench, 3).await;
    let all = hashes(&bench).await;
    let own = checkpoint(3, root(&all), "— log AAAA\n");
    bench.change(put(&own)).await.unwrap();
    append(&bench, 3).await;
    let fork = checkpoint(3, root(&all[..2]), "— log AAAA\n");
    let refused = bench.refused(put(&fork)).await;
    assert_eq!(refused, Rejected::CheckpointDiffers { count: 3 });
    let other_words = CheckpointRow {
        note: "other\n3\nx\n\n— log AAAA\n".into(),
        ..own.clone()
    };
    let refused = bench.refused(put(&other_words)).await;
    assert_eq!(refused, Rejected::CheckpointDiffers { count: 3 });
    // Neither of what the journal does not have, nor with another head's root.
    for row in [checkpoint(7, root(&all), ""), checkpoint(6, root(&all), "")] {
        let refused = bench.refused(put(&row)).await;
        assert_eq!(refused, Rejected::CheckpointDiffers { count: row.count });
    }
    let stored = bench
        .store
        .checkpoints(&named("acme"), None, 9)
        .await
        .unwrap();
    assert_eq!(stored, [own]);
}

async fn checkpoints_are_listed_newest_first_in_pages(bench: Bench) {
    for count in 1..=4 {
        append(&bench, 1).await;
        let root = root(&hashes(&bench).await);
        let row = checkpoint(count, root, "— log AAAA\n");
        bench.change(put(&row)).await.unwrap();
    }
    let counts = async |before, limit| -> Vec<u64> {
        let rows = bench.store.checkpoints(&named("acme"), before, limit).await;
        rows.unwrap().into_iter().map(|row| row.count).collect()
    };
    assert_eq!(counts(None, 2).await, [4, 3]);
    assert_eq!(counts(Some(3), 9).await, [2, 1]);
    let other = bench
        .store
        .checkpoints(&named("other"), None, 9)
        .await
        .unwrap();
    assert!(other.is_empty());
}

on_each_store! {
    leaf_hashes_are_those_of_the_records_from_any_place,
    a_tile_is_kept_once_and_never_replaced,
    tiles_are_counted_up_to_the_first_that_is_missing,
    a_changed_tile_is_named_by_the_record_it_lies_about,
    a_checkpoint_gains_signatures_and_loses_none,
    one_count_has_one_root,
    checkpoints_are_listed_newest_first_in_pages,
}

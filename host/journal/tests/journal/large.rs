//! Tiles of three levels: 65 536 records and more.

use tollgate_journal::{ExportTampering, TileId, leaf_hash};

use crate::support::{Directory, checkpoint, leaf, leaves};

const SIZE: usize = 66_000;
const PLACE: usize = 40_000;

#[test]
fn a_change_among_many_records_is_narrowed_down_as_far_as_tiles_lead_to_the_root() {
    let leaves = leaves(SIZE);
    let directory = Directory::of(&leaves);
    directory
        .verify(&[checkpoint(&leaves, 65_536).note])
        .unwrap();

    // The record alone.
    let mut changed = directory.clone();
    let bundle = TileId::complete(0, PLACE as u64 / 256).entries_path();
    let old = String::from_utf8(changed.0[&bundle].clone()).unwrap();
    let new = old.replace("{\"n\":40000}", "{\"n\":40009}");
    changed.0.insert(bundle, new.into_bytes());
    let report = changed.report(&[]);
    assert_eq!(report.first_bad, 40_000..40_001, "{report}");

    // With its hash: its tile of 256.
    let tile = TileId::complete(0, PLACE as u64 / 256).path();
    let at = PLACE % 256 * 32;
    let forged = leaf_hash(&leaf(40_009));
    changed.0.get_mut(&tile).unwrap()[at..at + 32].copy_from_slice(&forged);
    let report = changed.report(&[]);
    assert_eq!(report.first_bad, 39_936..40_192, "{report}");
    assert_eq!(report.what, ExportTampering::RecordsRewritten);

    // With the tile above too: what that one stands for, or what kept
    // checkpoints say.
    let above = TileId::complete(1, 0).path();
    changed.0.get_mut(&above).unwrap()[156 * 32] ^= 1;
    let report = changed.report(&[]);
    assert_eq!(report.first_bad, 0..65_536, "{report}");
    let outside = [
        checkpoint(&leaves, 39_990).note,
        checkpoint(&leaves, 40_010).note,
    ];
    let report = changed.report(&outside);
    assert_eq!(report.first_bad, 39_990..40_010, "{report}");
}

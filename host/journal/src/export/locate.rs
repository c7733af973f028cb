//! Where a log's records leave the history that was signed. A tile is believed
//! as far as its hashes lead to a signed root, and no further.

use std::ops::Range;

use super::ExportError;
use super::check::Log;
use crate::tile::{TILE_LEVELS, edge_root, fold, partial_tile};
use crate::{Checkpoint, Hash, TILE_WIDTH, TileBuilder, TileId};

/// The range with the first record that is not the one of the signed tree, where
/// the tiles tell.
pub(super) fn locate(
    log: &Log<'_>,
    signed: &Checkpoint,
) -> Result<Option<Range<u64>>, ExportError> {
    if let Some(place) = by_leaf_hashes(log, signed)? {
        return Ok(Some(place..place + 1));
    }
    from_the_top(log, signed)
}

/// The leaf hashes in the directory lead to the signed root: then each is the
/// one of its record.
fn by_leaf_hashes(log: &Log<'_>, signed: &Checkpoint) -> Result<Option<u64>, ExportError> {
    let mut tree = TileBuilder::new();
    let mut first = None;
    for index in 0..signed.size.div_ceil(TILE_WIDTH) {
        let Some(hashes) = log.tile(0, index)? else {
            return Ok(None);
        };
        let from = index * TILE_WIDTH;
        let width = (signed.size - from).min(hashes.len() as u64) as usize;
        hashes[..width]
            .iter()
            .for_each(|hash| tree.push(*hash, |_, _| {}));
        if first.is_none() {
            let leaves = log.bundle(index)?.leaves;
            let same = hashes[..width].iter().zip(&leaves);
            let same = same.take_while(|(signed, found)| signed == found).count();
            first = (same < width).then_some(from + same as u64);
        }
    }
    Ok(first.filter(|_| tree.root() == signed.root))
}

/// From the signed root down, through tiles that lead to it.
fn from_the_top(log: &Log<'_>, signed: &Checkpoint) -> Result<Option<Range<u64>>, ExportError> {
    let mut edge: Vec<Option<(TileId, Vec<Hash>)>> = Vec::new();
    for level in 0..TILE_LEVELS as u8 {
        let Some(tile) = partial_tile(level, signed.size) else {
            edge.push(None);
            continue;
        };
        let Some(mut hashes) = log.tile(level, tile.index)? else {
            return Ok(None);
        };
        hashes.truncate(usize::from(tile.width));
        edge.push(Some((tile, hashes)));
    }
    let hashes = |tile: &'_ Option<(TileId, Vec<Hash>)>| {
        tile.as_ref()
            .map_or_else(Vec::new, |(_, hashes)| hashes.clone())
    };
    let levels: Vec<_> = edge.iter().map(hashes).collect();
    if edge_root(levels.iter().map(Vec::as_slice)) != signed.root {
        return Ok(None);
    }
    // The higher a level, the earlier its records.
    for (tile, hashes) in edge.into_iter().rev().flatten() {
        if let Some(found) = first_other(log, tile, &hashes)? {
            return Ok(Some(found));
        }
    }
    Ok(None)
}

/// `hashes` are those that were signed.
fn first_other(
    log: &Log<'_>,
    tile: TileId,
    hashes: &[Hash],
) -> Result<Option<Range<u64>>, ExportError> {
    let Some(level) = tile.level.checked_sub(1) else {
        let found = log.bundle(tile.index)?.leaves;
        let same = hashes.iter().zip(&found);
        let same = same.take_while(|(signed, found)| signed == found).count();
        return Ok((same < hashes.len()).then(|| tile.covers(same)));
    };
    for (at, signed) in hashes.iter().enumerate() {
        let covered = tile.covers(at);
        if root_of(log, covered.clone())?.as_ref() == Some(signed) {
            continue;
        }
        let index = tile.index * TILE_WIDTH + at as u64;
        let below = log.tile(level, index)?;
        let leads_here =
            |below: &Vec<Hash>| below.len() as u64 == TILE_WIDTH && fold(below) == *signed;
        let finer = match below.filter(leads_here) {
            Some(below) => first_other(log, TileId::complete(level, index), &below)?,
            None => None,
        };
        return Ok(Some(finer.unwrap_or(covered)));
    }
    Ok(None)
}

/// What the records in a range lead to; `None` where some are missing.
fn root_of(log: &Log<'_>, range: Range<u64>) -> Result<Option<Hash>, ExportError> {
    let mut tree = TileBuilder::new();
    let mut place = range.start;
    while place < range.end {
        let leaves = log.bundle(place / TILE_WIDTH)?.leaves;
        let from = (place % TILE_WIDTH) as usize;
        let width = (range.end - place).min(TILE_WIDTH - from as u64) as usize;
        let Some(leaves) = leaves.get(from..from + width) else {
            return Ok(None);
        };
        leaves.iter().for_each(|leaf| tree.push(*leaf, |_, _| {}));
        place += width as u64;
    }
    Ok(Some(tree.root()))
}

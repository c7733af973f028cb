//! One walk over all records in constant memory: their hashes, the tiles that
//! they make compared with those in the directory, and their root at every signed
//! checkpoint's size.

use std::io;
use std::ops::Range;

use super::locate::locate;
use super::{
    CHECKPOINT_PATH, ExportCheck, ExportError, ExportReader, ExportReport, ExportTampering,
    ExportVerified,
};
use crate::note::NOTE_BYTES_MAX;
use crate::tile::{hashes_of_level, tile_hashes};
use crate::{
    Hash, LEAF_BYTES_MAX, SignedCheckpoint, SignedNote, TILE_BYTES, TILE_WIDTH, TileBuilder,
    TileId, leaf_hash,
};

/// Largest bundle of records.
const BUNDLE_BYTES_MAX: u64 = TILE_WIDTH * (2 + LEAF_BYTES_MAX as u64);

/// Verify an exported log. `progress` is told how many records were read.
///
/// # Errors
/// The first thing that does not fit, or the file that cannot be read.
pub fn verify_export(
    reader: &dyn ExportReader,
    check: &ExportCheck<'_>,
    progress: &mut dyn FnMut(u64),
) -> Result<ExportVerified, ExportError> {
    let own = read(reader, CHECKPOINT_PATH, NOTE_BYTES_MAX as u64 + 1)?;
    let own = own.ok_or(ExportError::NoCheckpoint)?;
    let own = SignedCheckpoint::parse_and_verify(&own, check.log_key);
    let own = own.map_err(ExportError::Checkpoint)?;
    let cosigned = own.cosignatures(check.witnesses);
    let cosigned = cosigned.map_err(|e| ExportError::Checkpoint(e.into()))?;
    let outside = outside(check)?;

    let log = Log {
        reader,
        size: own.checkpoint.size,
    };
    let anchors = anchors(&own, &outside);
    let walk = log.walk(&anchors, progress)?;
    judge(&log, &own, &anchors, &walk)?;
    Ok(ExportVerified {
        whole_to: outside.iter().map(|a| a.checkpoint.size).max(),
        checkpoint: own,
        cosigned,
    })
}

fn outside(check: &ExportCheck<'_>) -> Result<Vec<SignedCheckpoint>, ExportError> {
    let verify = |note: &SignedNote| {
        SignedCheckpoint::parse_and_verify(&note.to_bytes(), check.log_key)
            .map_err(ExportError::Outside)
    };
    check.outside.iter().map(verify).collect()
}

/// Two signed heads of one size and different roots convict without any record.
fn split_among(anchors: &[&SignedCheckpoint]) -> Option<ExportTampering> {
    // Sorted by size: those of one size stand side by side.
    let pair = anchors.windows(2).find(|pair| {
        let (one, other) = (&pair[0].checkpoint, &pair[1].checkpoint);
        one.size == other.size && one.root != other.root
    })?;
    Some(split_view(pair[0], pair[1]))
}

fn split_view(one: &SignedCheckpoint, other: &SignedCheckpoint) -> ExportTampering {
    ExportTampering::SplitView {
        one: one.note.clone(),
        other: other.note.clone(),
    }
}

/// All signed heads, smallest first.
fn anchors<'a>(
    own: &'a SignedCheckpoint,
    outside: &'a [SignedCheckpoint],
) -> Vec<&'a SignedCheckpoint> {
    let mut anchors: Vec<_> = outside.iter().chain([own]).collect();
    anchors.sort_by_key(|anchor| anchor.checkpoint.size);
    anchors
}

fn tampered(first_bad: Range<u64>, what: ExportTampering) -> ExportError {
    ExportError::Tampered(Box::new(ExportReport { first_bad, what }))
}

fn read(reader: &dyn ExportReader, path: &str, limit: u64) -> Result<Option<Vec<u8>>, ExportError> {
    reader.read(path, limit).map_err(|source: io::Error| {
        let path = path.to_owned();
        ExportError::Read { path, source }
    })
}

/// The directory, as a log of so many records.
pub(super) struct Log<'a> {
    reader: &'a dyn ExportReader,
    pub(super) size: u64,
}

/// What the walk found.
#[derive(Debug, Default)]
struct Walk {
    /// The signed heads, by their index, that the records do not lead to.
    unfit: Vec<usize>,
    /// Records from here on are missing.
    missing: Option<u64>,
    /// More records than were signed stand here.
    added: Option<u64>,
    /// The first tile that is not the one of the records, and the records that
    /// its first other hash stands for.
    tile: Option<(TileId, Range<u64>)>,
}

impl Walk {
    fn bad_tile(&mut self, tile: TileId, at: usize) {
        let range = tile.covers(at);
        let first = self.tile.as_ref().map(|(_, found)| found.start);
        if first.is_none_or(|first| range.start < first) {
            self.tile = Some((tile, range));
        }
    }
}

impl Log<'_> {
    fn walk(
        &self,
        anchors: &[&SignedCheckpoint],
        progress: &mut dyn FnMut(u64),
    ) -> Result<Walk, ExportError> {
        let mut walk = Walk::default();
        let mut tiles = TileBuilder::new();
        let mut compared = Ok(());
        let mut next = 0;
        let mut meet = |walk: &mut Walk, tiles: &TileBuilder| {
            while let Some(anchor) = anchors.get(next) {
                if anchor.checkpoint.size != tiles.count() {
                    break;
                }
                if tiles.root() != anchor.checkpoint.root {
                    walk.unfit.push(next);
                }
                next += 1;
            }
        };
        meet(&mut walk, &tiles);
        for index in 0..self.size.div_ceil(TILE_WIDTH) {
            let bundle = self.bundle(index)?;
            for leaf in &bundle.leaves {
                tiles.push(*leaf, |tile, hashes| {
                    if compared.is_ok() {
                        compared = self.compare(tile, hashes, &mut walk);
                    }
                });
                meet(&mut walk, &tiles);
            }
            std::mem::replace(&mut compared, Ok(()))?;
            progress(tiles.count());
            if bundle.added {
                walk.added = Some(tiles.count());
            }
            if bundle.short {
                walk.missing = Some(tiles.count());
                break;
            }
        }
        if walk.missing.is_none() {
            for (tile, hashes) in tiles.partial() {
                self.compare(tile, hashes, &mut walk)?;
            }
        }
        walk.unfit.extend(next..anchors.len());
        Ok(walk)
    }

    fn compare(&self, id: TileId, hashes: &[Hash], walk: &mut Walk) -> Result<(), ExportError> {
        let file = read(self.reader, &id.path(), TILE_BYTES as u64 + 1)?;
        match file.as_deref().and_then(|bytes| tile_hashes(id, bytes)) {
            None => walk.bad_tile(id, 0),
            Some(found) if found == hashes => {}
            Some(found) => {
                let pairs = found.iter().zip(hashes);
                let at = pairs.take_while(|(found, made)| found == made).count();
                walk.bad_tile(id, at);
            }
        }
        Ok(())
    }

    /// The hashes of the tile that has this number in its level; `None` where the
    /// file is missing or is no tile.
    pub(super) fn tile(&self, level: u8, index: u64) -> Result<Option<Vec<Hash>>, ExportError> {
        let hashes = hashes_of_level(level, self.size);
        let Some(left) = hashes.checked_sub(index.saturating_mul(TILE_WIDTH)) else {
            return Ok(None);
        };
        let width = left.min(TILE_WIDTH) as u16;
        let id = TileId {
            level,
            index,
            width,
        };
        let file = read(self.reader, &id.path(), TILE_BYTES as u64 + 1)?;
        Ok(file.and_then(|bytes| tile_hashes(id, &bytes).map(<[Hash]>::to_vec)))
    }

    /// The leaf hashes of a bundle's records.
    pub(super) fn bundle(&self, index: u64) -> Result<Bundle, ExportError> {
        let left = self.size.saturating_sub(index * TILE_WIDTH);
        let width = left.min(TILE_WIDTH) as u16;
        let id = TileId {
            level: 0,
            index,
            width,
        };
        let bytes = read(self.reader, &id.entries_path(), BUNDLE_BYTES_MAX + 1)?;
        let mut rest = bytes.as_deref().unwrap_or_default();
        let mut leaves = Vec::with_capacity(usize::from(width));
        while leaves.len() < usize::from(width) {
            let Some((length, after)) = rest.split_first_chunk::<2>() else {
                break;
            };
            let length = usize::from(u16::from_be_bytes(*length));
            let Some((leaf, after)) = after.split_at_checked(length) else {
                break;
            };
            leaves.push(leaf_hash(leaf));
            rest = after;
        }
        let short = leaves.len() < usize::from(width);
        Ok(Bundle {
            added: !short && !rest.is_empty(),
            leaves,
            short,
        })
    }
}

/// What a bundle of records has.
pub(super) struct Bundle {
    /// The leaf hashes of those that could be read.
    pub(super) leaves: Vec<Hash>,
    /// Fewer than there must be.
    pub(super) short: bool,
    /// Bytes after the last.
    added: bool,
}

fn judge(
    log: &Log<'_>,
    own: &SignedCheckpoint,
    anchors: &[&SignedCheckpoint],
    walk: &Walk,
) -> Result<(), ExportError> {
    let size = log.size;
    let fits = |at: &usize| !walk.unfit.contains(at);
    let own_at = anchors.iter().position(|a| std::ptr::eq(*a, own));
    if !own_at.is_some_and(|at| fits(&at)) {
        return Err(locate_change(log, anchors, walk)?);
    }
    // The records are those that this log's checkpoint signs.
    if let Some(&at) = walk.unfit.first() {
        let outside = anchors[at].checkpoint.size;
        let (range, what) = if outside > size {
            (size..outside, ExportTampering::Truncated { size, outside })
        } else {
            let range = last_fit(anchors, walk, outside)..outside;
            (range, split_view(anchors[at], own))
        };
        return Err(tampered(range, split_among(anchors).unwrap_or(what)));
    }
    if let Some(place) = walk.added {
        return Err(tampered(place..place + 1, ExportTampering::RecordsAdded));
    }
    match &walk.tile {
        Some((tile, range)) => {
            let range = range.start..range.end.min(size);
            Err(tampered(range, ExportTampering::HashTile(*tile)))
        }
        None => Ok(()),
    }
}

/// The largest signed size below `before` that the records lead to.
fn last_fit(anchors: &[&SignedCheckpoint], walk: &Walk, before: u64) -> u64 {
    let fitting = (0..anchors.len()).filter(|at| !walk.unfit.contains(at));
    let sizes = fitting.map(|at| anchors[at].checkpoint.size);
    sizes.filter(|size| *size < before).max().unwrap_or(0)
}

/// The records are not those that this log's checkpoint signs: where it begins.
fn locate_change(
    log: &Log<'_>,
    anchors: &[&SignedCheckpoint],
    walk: &Walk,
) -> Result<ExportError, ExportError> {
    let unfit: Vec<_> = walk.unfit.iter().map(|at| anchors[*at]).collect();
    let smallest = unfit.iter().map(|anchor| anchor.checkpoint.size).min();
    let smallest = smallest.unwrap_or(log.size);
    let mut range = last_fit(anchors, walk, smallest)..smallest;
    if let Some(missing) = walk.missing {
        range.end = range.end.min(missing + 1).max(range.start + 1);
    }
    for anchor in unfit.iter().filter(|a| a.checkpoint.size <= log.size) {
        if let Some(found) = locate(log, &anchor.checkpoint)? {
            let (start, end) = (found.start.max(range.start), found.end.min(range.end));
            if start < end {
                range = start..end;
            }
        }
    }
    let what = match (range.end - range.start, walk.missing) {
        (_, Some(missing)) if range.start == missing => ExportTampering::RecordsMissing,
        (1, _) => ExportTampering::RecordChanged,
        _ => ExportTampering::RecordsRewritten,
    };
    Ok(tampered(range, split_among(anchors).unwrap_or(what)))
}

//! Tiles: the tree in files of 256 hashes, as <https://c2sp.org/tlog-tiles> lays
//! it out. A tile of level 0 has leaf hashes; each hash of a higher level is the
//! root of one complete tile below. A complete tile never changes, so it is
//! stored once and found by its place alone.

use std::collections::HashMap;
use std::fmt;
use std::ops::Range;

use crate::Hash;
use crate::proof::ProofError;
use crate::tree::node_hash;

/// Hashes of a complete tile.
pub const TILE_WIDTH: u64 = 256;

/// Bytes of a complete tile.
pub const TILE_BYTES: usize = 256 * 32;

/// Heights of the tree that one level of tiles has.
const TILE_HEIGHT: u8 = 8;

/// Levels that a tree of 2^64 records can have.
pub const TILE_LEVELS: usize = 8;

/// Which tile.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct TileId {
    /// 0 has the leaf hashes.
    pub level: u8,
    /// Its number in the level.
    pub index: u64,
    /// How many hashes it has: 1 to 256, fewer than 256 only at the right edge.
    pub width: u16,
}

impl TileId {
    /// A complete tile.
    #[must_use]
    pub const fn complete(level: u8, index: u64) -> Self {
        Self {
            level,
            index,
            width: TILE_WIDTH as u16,
        }
    }

    /// Its path in a log's directory: `tile/0/x001/234.p/17`.
    #[must_use]
    pub fn path(&self) -> String {
        numbered(&format!("tile/{}", self.level), self.index, self.width)
    }

    /// The path of the records whose hashes a tile of level 0 has.
    #[must_use]
    pub fn entries_path(&self) -> String {
        numbered("tile/entries", self.index, self.width)
    }

    /// The records that the hash at `at` stands for.
    #[must_use]
    pub(crate) fn covers(&self, at: usize) -> Range<u64> {
        let each = 1_u64 << (u32::from(TILE_HEIGHT) * u32::from(self.level));
        let first = (self.index * TILE_WIDTH + at as u64) * each;
        first..first.saturating_add(each)
    }
}

impl fmt::Display for TileId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.path())
    }
}

fn numbered(folder: &str, index: u64, width: u16) -> String {
    let mut path = format!("{:03}", index % 1000);
    let mut rest = index / 1000;
    while rest > 0 {
        path = format!("x{:03}/{path}", rest % 1000);
        rest /= 1000;
    }
    if u64::from(width) < TILE_WIDTH {
        format!("{folder}/{path}.p/{width}")
    } else {
        format!("{folder}/{path}")
    }
}

/// The tiles of a level that a tree of `size` records has, the partial one last.
#[must_use]
pub fn level_tiles(level: u8, size: u64) -> Vec<TileId> {
    let hashes = hashes_of_level(level, size);
    let mut tiles: Vec<_> = (0..hashes / TILE_WIDTH)
        .map(|index| TileId::complete(level, index))
        .collect();
    tiles.extend(partial_tile(level, size));
    tiles
}

/// The partial tile of a level at the right edge of a tree of `size` records.
#[must_use]
pub(crate) fn partial_tile(level: u8, size: u64) -> Option<TileId> {
    let hashes = hashes_of_level(level, size);
    let width = (hashes % TILE_WIDTH) as u16;
    (width > 0).then_some(TileId {
        level,
        index: hashes / TILE_WIDTH,
        width,
    })
}

/// How many hashes a level has: one for each complete subtree below.
pub(crate) const fn hashes_of_level(level: u8, size: u64) -> u64 {
    size >> (TILE_HEIGHT as u32 * level as u32)
}

/// How many complete tiles a level has.
pub(crate) const fn complete_tiles(level: u8, size: u64) -> u64 {
    let shift = TILE_HEIGHT as u32 * (level as u32 + 1);
    if shift >= u64::BITS { 0 } else { size >> shift }
}

/// How many complete tiles of each level a caller can fetch, without a gap from 0.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct StoredTiles(pub [u64; TILE_LEVELS]);

impl StoredTiles {
    /// All complete tiles of a tree of `size` records.
    #[must_use]
    pub fn of(size: u64) -> Self {
        let mut counts = [0; TILE_LEVELS];
        for (level, count) in (0_u8..).zip(&mut counts) {
            *count = complete_tiles(level, size);
        }
        Self(counts)
    }

    fn has(&self, level: u8, index: u64) -> bool {
        self.0
            .get(usize::from(level))
            .is_some_and(|&count| index < count)
    }
}

/// What to fetch before hashes can be computed from it.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Needs {
    /// Complete tiles, each once.
    pub tiles: Vec<TileId>,
    /// Leaf hashes, by the places of their records; each range begins with a
    /// tile, they are in order and do not overlap.
    pub leaves: Vec<Range<u64>>,
}

/// Collects [`Needs`] for a tree of `size` records.
pub(crate) struct Needing<'a> {
    stored: &'a StoredTiles,
    size: u64,
    tiles: Vec<TileId>,
    leaves: Vec<Range<u64>>,
}

impl<'a> Needing<'a> {
    pub(crate) const fn new(stored: &'a StoredTiles, size: u64) -> Self {
        Self {
            stored,
            size,
            tiles: Vec::new(),
            leaves: Vec::new(),
        }
    }

    /// The perfect subtree of 2^height leaves with this number.
    fn node(&mut self, height: u8, index: u64) {
        let (level, inner) = (height / TILE_HEIGHT, height % TILE_HEIGHT);
        let tile = index >> (TILE_HEIGHT - inner);
        if self.stored.has(level, tile) {
            self.tiles.push(TileId::complete(level, tile));
        } else if inner == 0 && level > 0 && self.stored.has(level - 1, index) {
            self.tiles.push(TileId::complete(level - 1, index));
        } else {
            let first = index << height;
            // Tiles are stored without a gap: if the first is not, none is.
            if height <= TILE_HEIGHT || !self.stored.has(0, first / TILE_WIDTH) {
                self.leaves.push(first..first + (1 << height));
            } else {
                self.node(height - 1, 2 * index);
                self.node(height - 1, 2 * index + 1);
            }
        }
    }

    pub(crate) fn range(&mut self, range: Range<u64>) {
        for (height, index) in perfect_subtrees(range) {
            self.node(height, index);
        }
    }

    pub(crate) fn finish(mut self) -> Needs {
        self.tiles.sort_unstable();
        self.tiles.dedup();
        for range in &mut self.leaves {
            range.start -= range.start % TILE_WIDTH;
            range.end = range.end.next_multiple_of(TILE_WIDTH).min(self.size);
        }
        self.leaves.sort_unstable_by_key(|range| range.start);
        let mut leaves: Vec<Range<u64>> = Vec::new();
        for range in self.leaves {
            match leaves.last_mut() {
                Some(last) if range.start <= last.end => last.end = last.end.max(range.end),
                _ => leaves.push(range),
            }
        }
        Needs {
            tiles: self.tiles,
            leaves,
        }
    }
}

/// The perfect subtrees, as height and number, that a subtree of the tree is made
/// of, largest first. `range` is one that RFC 6962 splits a tree into, so its
/// start is a multiple of every one of them.
pub(crate) fn perfect_subtrees(range: Range<u64>) -> impl Iterator<Item = (u8, u64)> {
    let mut from = range.start;
    std::iter::from_fn(move || {
        let left = range.end.checked_sub(from).filter(|left| *left > 0)?;
        let height = left.ilog2();
        let index = from >> height;
        from += 1 << height;
        Some((height as u8, index))
    })
}

/// Gives hashes of a tree.
pub trait HashReader {
    /// The root of the perfect subtree of 2^`height` leaves that is the
    /// `index`-th of its height, where it is known.
    fn node(&self, height: u8, index: u64) -> Option<Hash>;
}

/// Tiles in memory, with all hashes between their own and their root, so that a
/// proof is made by looking up.
#[derive(Debug, Clone, Default)]
pub struct TileCache {
    tiles: HashMap<(u8, u64), Vec<Vec<Hash>>>,
}

impl TileCache {
    /// No tiles.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Take a tile, in its stored form.
    ///
    /// # Errors
    /// When the bytes are no tile of its width.
    pub fn put_tile(&mut self, tile: TileId, bytes: &[u8]) -> Result<(), ProofError> {
        let hashes = tile_hashes(tile, bytes).ok_or(ProofError::BadTile(tile))?;
        self.put_hashes(tile.level, tile.index, hashes.to_vec());
        Ok(())
    }

    /// Take leaf hashes. `from` is the place of the first, and begins a tile.
    ///
    /// # Errors
    /// When `from` does not begin a tile.
    pub fn put_leaves(&mut self, from: u64, hashes: &[Hash]) -> Result<(), ProofError> {
        if !from.is_multiple_of(TILE_WIDTH) {
            return Err(ProofError::Unaligned(from));
        }
        for (index, tile) in (from / TILE_WIDTH..).zip(hashes.chunks(TILE_WIDTH as usize)) {
            self.put_hashes(0, index, tile.to_vec());
        }
        Ok(())
    }

    fn put_hashes(&mut self, level: u8, index: u64, hashes: Vec<Hash>) {
        let mut rows = vec![hashes];
        while let Some(row) = rows.last().filter(|row| row.len() > 1) {
            let (pairs, _) = row.as_chunks::<2>();
            let above = pairs.iter().map(|[left, right]| node_hash(left, right));
            let above: Vec<_> = above.collect();
            rows.push(above);
        }
        self.tiles.insert((level, index), rows);
    }

    fn in_tile(&self, level: u8, tile: u64, row: usize, at: u64) -> Option<Hash> {
        let rows = self.tiles.get(&(level, tile))?;
        rows.get(row)?.get(usize::try_from(at).ok()?).copied()
    }
}

impl HashReader for TileCache {
    fn node(&self, height: u8, index: u64) -> Option<Hash> {
        let (level, inner) = (height / TILE_HEIGHT, height % TILE_HEIGHT);
        let tile = index >> (TILE_HEIGHT - inner);
        let at = index - (tile << (TILE_HEIGHT - inner));
        if let Some(found) = self.in_tile(level, tile, usize::from(inner), at) {
            return Some(found);
        }
        if inner == 0 {
            let below = level.checked_sub(1)?;
            if let Some(root) = self.in_tile(below, index, usize::from(TILE_HEIGHT), 0) {
                return Some(root);
            }
            if below == 0 {
                return None;
            }
        }
        let below = height.checked_sub(1)?;
        let left = self.node(below, 2 * index)?;
        Some(node_hash(&left, &self.node(below, 2 * index + 1)?))
    }
}

/// The hashes of a tile's stored form.
pub(crate) fn tile_hashes(tile: TileId, bytes: &[u8]) -> Option<&[Hash]> {
    let (hashes, odd) = bytes.as_chunks::<32>();
    let fits = odd.is_empty() && hashes.len() == usize::from(tile.width) && !hashes.is_empty();
    fits.then_some(hashes)
}

/// What [`new_tiles`] needs.
#[must_use]
pub fn needs_for_tiles(from: u64, to: u64, stored: &StoredTiles) -> Needs {
    let mut needing = Needing::new(stored, to);
    for tile in new_tile_ids(from, to) {
        for at in 0..TILE_WIDTH {
            needing.node(TILE_HEIGHT * tile.level, tile.index * TILE_WIDTH + at);
        }
    }
    needing.finish()
}

/// The complete tiles that a tree of `to` records has and one of `from` had not,
/// with their stored form; of all levels, lower ones first.
///
/// # Errors
/// When the reader does not know a hash: [`needs_for_tiles`] says which it needs.
pub fn new_tiles(
    from: u64,
    to: u64,
    reader: &impl HashReader,
) -> Result<Vec<(TileId, Vec<u8>)>, ProofError> {
    new_tile_ids(from, to)
        .map(|tile| {
            let mut bytes = Vec::with_capacity(TILE_BYTES);
            for at in 0..TILE_WIDTH {
                let (height, index) = (TILE_HEIGHT * tile.level, tile.index * TILE_WIDTH + at);
                let hash = reader.node(height, index);
                let missing = ProofError::MissingHash { height, index };
                bytes.extend_from_slice(&hash.ok_or(missing)?);
            }
            Ok((tile, bytes))
        })
        .collect()
}

fn new_tile_ids(from: u64, to: u64) -> impl Iterator<Item = TileId> {
    (0..TILE_LEVELS as u8).flat_map(move |level| {
        (complete_tiles(level, from)..complete_tiles(level, to))
            .map(move |index| TileId::complete(level, index))
    })
}

/// Makes tiles of all levels from leaf hashes, one after another, in memory that
/// grows with the logarithm of their number.
#[derive(Debug, Clone, Default)]
pub struct TileBuilder {
    count: u64,
    levels: Vec<Vec<Hash>>,
}

impl TileBuilder {
    /// The tiles of no records.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// How many leaf hashes were taken.
    #[must_use]
    pub const fn count(&self) -> u64 {
        self.count
    }

    /// Take the next leaf hash. Every tile that it completes goes to `done`, from
    /// level 0 up.
    pub fn push(&mut self, leaf: Hash, mut done: impl FnMut(TileId, &[Hash])) {
        let mut hash = leaf;
        for level in 0.. {
            if self.levels.len() == level {
                self.levels.push(Vec::with_capacity(TILE_WIDTH as usize));
            }
            let tile = &mut self.levels[level];
            tile.push(hash);
            if (tile.len() as u64) < TILE_WIDTH {
                break;
            }
            let index = complete_tiles(level as u8, self.count);
            done(TileId::complete(level as u8, index), tile);
            hash = fold(tile);
            tile.clear();
        }
        self.count += 1;
    }

    /// The partial tiles at the right edge, from level 0 up.
    pub fn partial(&self) -> impl Iterator<Item = (TileId, &[Hash])> {
        (0_u8..)
            .zip(&self.levels)
            .filter(|(_, hashes)| !hashes.is_empty())
            .map(|(level, hashes)| {
                let id = TileId {
                    level,
                    index: complete_tiles(level, self.count),
                    width: hashes.len() as u16,
                };
                (id, hashes.as_slice())
            })
    }

    /// The root of all that was taken.
    #[must_use]
    pub fn root(&self) -> Hash {
        edge_root(self.levels.iter().map(Vec::as_slice))
    }
}

/// The root of a tree from the tiles at its right edge, level 0 first. A level
/// without a partial tile is empty.
pub(crate) fn edge_root<'a>(levels: impl Iterator<Item = &'a [Hash]>) -> Hash {
    let mut root: Option<Hash> = None;
    for hashes in levels {
        let mut subtrees: Vec<Hash> = perfect_subtrees(0..hashes.len() as u64)
            .map(|(height, index)| {
                let from = (index << height) as usize;
                fold(&hashes[from..from + (1 << height)])
            })
            .collect();
        while let Some(left) = subtrees.pop() {
            root = Some(root.map_or(left, |right| node_hash(&left, &right)));
        }
    }
    root.unwrap_or_else(|| crate::Frontier::new().root())
}

/// The root of a perfect subtree with these hashes; their number is a power of two.
pub(crate) fn fold(hashes: &[Hash]) -> Hash {
    let mut row = [[0; 32]; TILE_WIDTH as usize];
    let mut width = hashes.len();
    row[..width].copy_from_slice(hashes);
    while width > 1 {
        width /= 2;
        for at in 0..width {
            row[at] = node_hash(&row[2 * at], &row[2 * at + 1]);
        }
    }
    row[0]
}

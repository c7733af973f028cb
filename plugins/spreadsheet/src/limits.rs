//! The bounds within which a file is read.
//!
//! A workbook is a zip of XML, and both multiply: a few kilobytes can unfold
//! into gigabytes. Every bound is checked before the memory is taken. They lie
//! far above what people keep in a tracker and far below what a sandbox of
//! 128 MiB can hold.

/// A workbook's XML parts, unfolded, in bytes: one part, and all that are read.
pub(crate) const UNFOLDED_BYTES: u64 = 32 << 20;
/// Entries of the zip. Workbooks of people have tens.
pub(crate) const ZIP_ENTRIES: u64 = 2_000;
/// Cells that hold something, in one sheet.
pub(crate) const CELLS: u64 = 400_000;
/// Text of one sheet, in bytes. A shared string of 32 KiB may be named by every
/// cell, so this is counted where strings are copied.
pub(crate) const TEXT_BYTES: u64 = 32 << 20;
/// Rows of a sheet; the format's own bound, and LibreOffice's for csv.
pub(crate) const ROWS: u32 = 1_048_576;
/// Columns of a sheet; the format's own bound.
pub(crate) const COLUMNS: u32 = 16_384;
/// Text of one cell, in UTF-16 units; the format's own bound.
pub(crate) const CELL_TEXT: usize = 32_767;
/// A column's name, in characters; what a table allows.
pub(crate) const NAME_CHARS: usize = 255;
/// Rows that one answer holds.
pub(crate) const ANSWER_ROWS: usize = 1_000;
/// Bytes of one answer's values, as a rough count. The host's own bound is
/// 1 MiB; an answer that reached it would be lost whole.
pub(crate) const ANSWER_BYTES: usize = 512 << 10;

//! How numbers are kept, in every database: a record's place, and times.

use crate::RunRow;

/// Bits of a place that number the record; the others number the tenant. A place
/// is `tenant_id * 2^40 + sequence number`, so that one key has every record of
/// every tenant in order.
pub(crate) const SEQ_BITS: u32 = 40;

/// The part of a place that numbers the record.
pub(crate) const SEQ_MASK: i64 = (1 << SEQ_BITS) - 1;

/// The place of a tenant's record. Numbers beyond the last one mean that one.
pub(crate) fn place(tenant_id: i64, seq: u64) -> i64 {
    let seq = i64::try_from(seq).map_or(SEQ_MASK, |seq| seq.min(SEQ_MASK));
    (tenant_id << SEQ_BITS) | seq
}

/// The number of the record at a place.
pub(crate) fn seq(place: i64) -> u64 {
    read_ms(place & SEQ_MASK)
}

/// Times and counts beyond what a database can hold mean "never".
pub(crate) fn stored_ms(ms: u64) -> i64 {
    i64::try_from(ms).unwrap_or(i64::MAX)
}

/// When the first lease of a new row ends, by the store's clock: a host's own may
/// be wrong, so of what it says only the length counts.
pub(crate) fn lease_until_ms(row: &RunRow, now_ms: i64) -> i64 {
    let length_ms = stored_ms(row.lease_until_ms) - stored_ms(row.updated_ms);
    now_ms.saturating_add(length_ms).max(0)
}

/// A stored time or count.
pub(crate) fn read_ms(stored: i64) -> u64 {
    u64::try_from(stored).unwrap_or(0)
}

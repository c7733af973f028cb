//! What can go wrong while a record is made or read, and whose fault it is.

/// Why a record was not made, read or opened.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum JournalError {
    /// The record's public part is over the limit. Caller's fault.
    #[error(
        "the record's public part has {size} bytes, more than {limit}: move large facts to sealed values"
    )]
    LeafTooLarge {
        /// Size in bytes.
        size: usize,
        /// [`LEAF_BYTES_MAX`](crate::LEAF_BYTES_MAX).
        limit: usize,
    },
    /// A sealed value is over the limit. Caller's fault.
    #[error(
        "the value `{field}` has {size} bytes, more than {limit}: store less, or a digest of it"
    )]
    ValueTooLarge {
        /// Name of the value.
        field: String,
        /// Size in bytes.
        size: usize,
        /// [`VALUE_BYTES_MAX`](crate::VALUE_BYTES_MAX).
        limit: usize,
    },
    /// More sealed values than one record may have. Caller's fault.
    #[error("the record has {count} sealed values, more than {limit}")]
    TooManyValues {
        /// How many there are.
        count: usize,
        /// [`VALUES_MAX`](crate::VALUES_MAX).
        limit: usize,
    },
    /// A value's name is empty, too long, not plain ASCII or used twice. Caller's fault.
    #[error("`{0}` cannot name a sealed value: names are unique, 1 to 64 of a-z 0-9 _ .")]
    BadValueName(String),
    /// A fact's key is not ASCII. Caller's fault.
    #[error(
        "the fact at `{0}` has a key outside ASCII: use an ASCII key and keep the text as a value"
    )]
    BadFactKey(String),
    /// A number that two readers could read differently. Caller's fault.
    #[error("the number at `{0}` is no integer within ±2^53: send it as a string")]
    InexactNumber(String),
    /// A fact is nested deeper than readers accept. Caller's fault.
    #[error("the fact at `{0}` is nested too deeply: keep such data as a sealed value")]
    TooDeep(String),
    /// The system gave no randomness. The machine's fault.
    #[error("the system gave no random bytes, so nothing was recorded: {0}")]
    NoRandomness(getrandom::Error),
    /// A stage that this version does not know. Upgrade, or the record was changed.
    #[error("unknown stage `{0}`: the journal is newer than this program, or was changed")]
    UnknownStage(String),
    /// Bytes that are no leaf. The journal was changed, or is newer.
    #[error("the leaf cannot be read: {0}: the journal was changed, or is newer than this program")]
    BadLeaf(String),
    /// Sealed bytes that do not open with this key beside this leaf.
    #[error("the sealed values do not open: wrong key, or the bytes were changed or moved")]
    SealBroken,
    /// A value opened, but is not the one that the leaf commits to.
    #[error(
        "the value `{0}` is not the one its record commits to: the record or the value was changed"
    )]
    CommitmentBroken(String),
    /// A value lies in a blob that was not handed in: it was destroyed by a
    /// retention rule, or removed by somebody. Nothing says that it was changed.
    #[error(
        "the value `{name}` is gone: its blob was pruned or erased, or was removed from the store"
    )]
    BlobMissing {
        /// Name of the value.
        name: String,
    },
    /// A wrapped subject key that does not unwrap.
    #[error(
        "the key of subject `{subject}` does not unwrap: another key ring, tenant or subject, or the bytes were changed"
    )]
    KeyBroken {
        /// The subject asked for.
        subject: String,
    },
    /// Bytes that are no key ring.
    #[error("this is no Tollgate key ring: {0}")]
    BadKeyRing(&'static str),
    /// Bytes that are no frontier.
    #[error("the stored tree frontier cannot be read: the head row was changed")]
    BadFrontier,
}

//! Why a secret is not given. No message has a part of a value in it, nor what a
//! program said: it may have said the value.

use std::io;
use std::path::PathBuf;

use thiserror::Error;

use crate::source::{SECRET_BYTES_MAX, SECRET_BYTES_MIN};

/// Why a secret was not given to who asked for it.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum SecretError {
    /// The tenant has no such slot. Whether another tenant has one is not said.
    #[error(
        "tenant `{tenant}` has no secret `{name}`; the operator adds a [[secret]] to tollgate.toml"
    )]
    Unknown {
        /// Who asked.
        tenant: String,
        /// For what.
        name: String,
    },
    /// It may not be sent there.
    #[error("secret `{name}` may be sent to {allowed} only, not to {asked}")]
    OtherOrigin {
        /// Which.
        name: String,
        /// Where the settings allow.
        allowed: String,
        /// Where the manifest wants it.
        asked: String,
    },
    /// It may not be put there.
    #[error("secret `{name}` may be put into {allowed} only, not into {asked}")]
    OtherPlace {
        /// Which.
        name: String,
        /// What the settings allow.
        allowed: String,
        /// What the manifest wants.
        asked: String,
    },
    /// A token that is got with it may not be sent there.
    #[error("a token got with secret `{name}` may be sent to {allowed} only, not to {asked}")]
    OtherResource {
        /// Which.
        name: String,
        /// Where the settings allow.
        allowed: String,
        /// Where the manifest wants it.
        asked: String,
    },
    /// Its source does not give it now. An earlier value is not used instead.
    #[error("secret `{name}` cannot be read: {source}")]
    Unreadable {
        /// Which.
        name: String,
        /// Why.
        #[source]
        source: SourceError,
    },
    /// There are more values than can be looked for in answers.
    #[error("secret `{name}` cannot be used: the host has too many secrets to look for")]
    TooMany {
        /// Which.
        name: String,
    },
}

/// Why a source gives no value.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum SourceError {
    /// There is nothing.
    #[error("{0} is not there")]
    Missing(String),
    /// There is an empty value.
    #[error("its value is empty")]
    Empty,
    /// A value this short would be found in every answer.
    #[error("its value has fewer than {SECRET_BYTES_MIN} bytes; use a longer one")]
    TooShort,
    /// No secret is that long.
    #[error("its value has more than {SECRET_BYTES_MAX} bytes")]
    TooLong,
    /// A file cannot be read.
    #[error("{path} cannot be read")]
    Read {
        /// Which.
        path: PathBuf,
        /// Why.
        #[source]
        source: io::Error,
    },
    /// Others could read the file.
    #[error("{path} can be read by other accounts: chmod o= it")]
    Open {
        /// Which.
        path: PathBuf,
    },
    /// A program did not give a value.
    #[error("the program `{program}` {what}")]
    Command {
        /// Its name, without its arguments.
        program: String,
        /// What it did. Not what it said.
        what: String,
    },
    /// A sealed file does not open: another key ring, an earlier version, or it was
    /// moved or changed.
    #[error(
        "{path} does not open with the key of its tenant in this home (another home's, an earlier version's, moved or changed); set it again with `tollgate secret set`"
    )]
    Sealed {
        /// Which.
        path: PathBuf,
    },
    /// A value cannot be kept.
    #[error("{path} cannot be written")]
    Write {
        /// Which.
        path: PathBuf,
        /// Why.
        #[source]
        source: io::Error,
    },
    /// The name of a tenant or a secret cannot be a file's.
    #[error("`{0}` is no name for a secret: 1 to 64 of letters, digits, `-` and `_`")]
    Name(String),
}

/// Why slots cannot be used as they are.
#[derive(Clone, Debug, Error, PartialEq, Eq)]
#[non_exhaustive]
pub enum SlotError {
    /// Two slots of one name.
    #[error("tenant `{tenant}` has two secrets named `{name}`")]
    Twice {
        /// Whose.
        tenant: String,
        /// The name.
        name: String,
    },
    /// Not an origin.
    #[error(
        "an origin of tenant `{tenant}`'s secret `{name}` is none; write scheme, host and port, as `https://desk.example`"
    )]
    Origin {
        /// Whose.
        tenant: String,
        /// The secret's name. Not the origin: a password may be in it.
        name: String,
    },
}

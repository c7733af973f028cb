//! Exit codes, the same for every command. They are part of the interface: see
//! `tollgate --help`.

use crate::remote::RemoteError;

/// How a command ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Exit {
    /// Done.
    Success = 0,
    /// It failed, or a check found a problem.
    Failure = 1,
    // 2 is clap's, for arguments that cannot be understood.
    /// The call is held: a person has to decide.
    Held = 3,
    /// A rule, a person or the server's access check said no.
    Denied = 4,
    /// The server or the journal does not answer now.
    Unavailable = 5,
}

impl Exit {
    /// The code of an error that ended a command.
    pub(crate) fn of(error: &anyhow::Error) -> Self {
        error
            .downcast_ref::<RemoteError>()
            .map_or(Self::Failure, RemoteError::exit)
    }
}

impl From<Exit> for std::process::ExitCode {
    fn from(exit: Exit) -> Self {
        Self::from(exit as u8)
    }
}

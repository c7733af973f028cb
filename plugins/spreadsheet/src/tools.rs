//! The tools: where a file comes from, what its problems mean to a caller, and
//! one file for each tool.
//!
//! Every tool reads the whole file, works on bytes, and writes the whole file
//! with the version it has read. So a person who saved the file meanwhile is
//! never overwritten: the host answers with a conflict and nothing is written.

mod appending;
mod creating;
mod listing;
mod overview;
mod reading;
mod removing;
mod updating;

pub(crate) use appending::append_row;
pub(crate) use creating::create;
pub(crate) use listing::list_files;
pub(crate) use overview::sheets;
pub(crate) use reading::read_rows;
pub(crate) use removing::remove_row;
pub(crate) use updating::update_row;

use tollgate_sdk::files::{self, Expected};
use tollgate_sdk::{ToolError, config};

use crate::document::{Document, Format};
use crate::problem::Problem;

/// One file of a granted directory, with the version that was read.
struct Loaded {
    directory: String,
    file: String,
    version: String,
    bytes: Vec<u8>,
}

impl Loaded {
    /// The name is judged first, so that a file of another kind is not read.
    fn read(directory: Option<String>, file: String) -> Result<Self, ToolError> {
        Format::of(&file)?;
        let directory = directory_or_default(directory)?;
        let content = files::read(&directory, &file).map_err(|error| about(&file, error))?;
        Ok(Self {
            directory,
            file,
            version: content.version,
            bytes: content.bytes,
        })
    }

    /// Open a sheet of it; the bytes move there.
    fn open(&mut self, sheet: Option<&str>) -> Result<Document, ToolError> {
        Ok(Document::open(
            &self.file,
            std::mem::take(&mut self.bytes),
            sheet,
        )?)
    }

    /// Write the whole file, if it is still as it was read.
    fn write(&self, bytes: &[u8]) -> Result<(), ToolError> {
        let expected = Expected::Version(self.version.clone());
        match files::write(&self.directory, &self.file, bytes, &expected) {
            Ok(_) => Ok(()),
            Err(files::Error::Conflict) => Err(changed_meanwhile(&self.file)),
            Err(error) => Err(about(&self.file, error)),
        }
    }
}

fn directory_or_default(directory: Option<String>) -> Result<String, ToolError> {
    if let Some(directory) = directory {
        return Ok(directory);
    }
    config::get("directory")?.ok_or_else(|| {
        ToolError::invalid_input(
            "/directory",
            "name the directory; the manifest sets none under [config]",
        )
    })
}

fn changed_meanwhile(file: &str) -> ToolError {
    ToolError::conflict(format!(
        "somebody saved `{file}` while this call was at work; nothing was written"
    ))
    .hint("call again: the file will be read anew")
}

/// What the host answered, with the file it is about.
fn about(file: &str, error: files::Error) -> ToolError {
    match error {
        files::Error::NotFound => ToolError::not_found(format!("there is no file `{file}`"))
            .hint("list the files, or create this one"),
        files::Error::InvalidPath(why) => {
            ToolError::invalid_input("/file", format!("`{file}` cannot be named: {why}"))
        }
        other => other.into(),
    }
}

impl From<Problem> for ToolError {
    fn from(problem: Problem) -> Self {
        let error = sorted(&problem, problem.to_string());
        match problem.advice() {
            Some(advice) => error.hint(advice),
            None => error,
        }
    }
}

/// Whose fault it is: the caller's input, the state of the file, or the file.
fn sorted(problem: &Problem, message: String) -> ToolError {
    match problem {
        Problem::Extension { .. } => ToolError::invalid_input("/file", message),
        Problem::UnknownSheet { .. } => ToolError::invalid_input("/sheet", message),
        Problem::BadValue { column, .. } => ToolError::invalid_input(pointer(column), message),
        Problem::NoValues => ToolError::invalid_input("/values", message),
        Problem::UnknownColumn { .. }
        | Problem::AmbiguousColumn { .. }
        | Problem::BadName { .. } => ToolError::invalid_input("", message),
        Problem::NoRow { .. } => ToolError::not_found(message),
        Problem::KeyTaken { .. }
        | Problem::SeveralRows { .. }
        | Problem::Changed { .. }
        | Problem::Gone { .. }
        | Problem::FewerCopies { .. } => ToolError::conflict(message),
        Problem::Macros { .. }
        | Problem::Protected { .. }
        | Problem::Formula { .. }
        | Problem::NoWayBack { .. }
        | Problem::ErrorValue { .. } => ToolError::denied(message),
        Problem::TooLarge { .. } => ToolError::limited(message),
        Problem::Encrypted
        | Problem::Corrupt(_)
        | Problem::Unsupported { .. }
        | Problem::NoHeader { .. } => ToolError::failed(message),
    }
}

/// A JSON Pointer to a column among the values (RFC 6901).
fn pointer(column: &str) -> String {
    format!("/values/{}", column.replace('~', "~0").replace('/', "~1"))
}

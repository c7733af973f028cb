//! The tools, one file each, and what they share.

mod archiving;
mod associating;
mod creating;
mod listing;
mod noting;
mod reading;
mod searching;
mod updating;

pub(crate) use archiving::{archive_record, unarchive_record};
pub(crate) use associating::{associate, dissociate};
pub(crate) use creating::create_record;
pub(crate) use listing::list_associations;
pub(crate) use noting::{add_note, remove_note};
pub(crate) use reading::{get_record, get_records};
pub(crate) use searching::search_records;
pub(crate) use updating::update_record;

use tollgate_sdk::ToolError;

use crate::settings::Settings;
use crate::system::{Comparison, Condition, System, system};
use crate::value::Scalar;

/// The settings and the system that they name.
fn opened() -> Result<(Settings, Box<dyn System>), ToolError> {
    let settings = Settings::load()?;
    let system = system(&settings);
    Ok((settings, system))
}

/// An id is a number everywhere here, so it is never a path or a query.
fn check_id(id: &str, pointer: &str) -> Result<(), ToolError> {
    if (1..=20).contains(&id.len()) && id.bytes().all(|b| b.is_ascii_digit()) {
        return Ok(());
    }
    let message = "is no id; ids are 1 to 20 digits, as a search gives them";
    Err(ToolError::invalid_input(pointer, message))
}

/// The value of a condition: there, where its comparison needs one.
pub(crate) fn value_of(i: usize, condition: &Condition) -> Result<Option<&Scalar>, ToolError> {
    let takes_none = matches!(condition.is, Comparison::Empty | Comparison::NotEmpty);
    match &condition.value {
        None if !takes_none => Err(ToolError::invalid_input(
            format!("/where/{i}/value"),
            "is missing; only `empty` and `not_empty` take none",
        )),
        Some(_) if takes_none => Err(ToolError::invalid_input(
            format!("/where/{i}/value"),
            "is too much; `empty` and `not_empty` take none",
        )),
        value => Ok(value.as_ref()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_is_never_a_path() {
        for id in [
            "",
            "../1",
            "1/archive",
            "1?x=y",
            "-1",
            "１",
            "123456789012345678901",
        ] {
            assert!(check_id(id, "/id").is_err(), "{id}");
        }
        assert!(check_id("512", "/id").is_ok());
    }
}

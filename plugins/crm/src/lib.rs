//! Customer records for Tollgate: contacts, companies, deals and whatever else the
//! operator names, in HubSpot or Tryton.
//!
//! - `tools`: what a caller can do, one file each
//! - `settings`: what the operator lets be read, written and associated
//! - `value`: values of properties, alike for all systems
//! - `system`: what each system can do, by one face
//! - `hubspot`, `tryton`: one room each, with requests, answers and errors as
//!   their makers document them

mod hubspot;
mod settings;
mod system;
mod tools;
mod tryton;
mod value;

tollgate_sdk::connector!(
    tools::search_records,
    tools::get_record,
    tools::get_records,
    tools::list_associations,
    tools::create_record,
    tools::archive_record,
    tools::unarchive_record,
    tools::update_record,
    tools::associate,
    tools::dissociate,
    tools::add_note,
    tools::remove_note,
);

//! The connector `tables`: records of NocoDB (API v2) and Airtable (API v0).
//!
//! Tables and fields are named in the manifest, with what each field may hold; a
//! caller sees no other. Conditions are typed: the connector writes the filter of
//! the vendor, a caller never does.
//!
//! - `settings`: what the operator fixed under `[config]`
//! - `field`: what a field holds, checked before it is written
//! - `filter`: conditions
//! - `vendor`: one face for both, `nocodb` and `airtable` behind it
//! - `tools`: what callers see, one file each

mod field;
mod filter;
mod settings;
mod tools;
mod vendor;

tollgate_sdk::connector!(
    tools::tables,
    tools::list_records,
    tools::get_record,
    tools::create_records,
    tools::update_record,
    tools::delete_record,
    tools::remove_created,
);

//! The contract of `wit/` as Rust, generated. Hidden: authors use the modules
//! around it, so that a new version of the contract or of the generator does
//! not change their code.

wit_bindgen::generate!({
    path: "../wit",
    world: "connector",
    pub_export_macro: true,
    export_macro_name: "export_connector",
    runtime_path: "::tollgate_sdk::__macro::wit_bindgen::rt",
    additional_derives: [PartialEq],
});

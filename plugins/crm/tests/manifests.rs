//! The sample manifests parse, and grant no more than they say.
use tollgate_policy::{Effect, Manifest};

const HUBSPOT: &str = include_str!("../manifest.toml");
const TRYTON: &str = include_str!("../manifests/tryton.toml");

fn manifest(text: &str) -> Manifest {
    Manifest::parse("manifest.toml", text).unwrap_or_else(|errors| panic!("{errors}"))
}

#[test]
fn the_samples_parse() {
    for text in [HUBSPOT, TRYTON] {
        assert_eq!(manifest(text).grant.http.len(), 1);
    }
}

/// Only what names a type literally is granted, and what destroys is not.
#[test]
fn no_route_has_a_parameter_for_a_type() {
    for text in [HUBSPOT, TRYTON] {
        for route in &manifest(text).grant.http["crm"].routes {
            let call = route.to_string();
            for parameter in call.split('{').skip(1) {
                assert!(parameter.contains(":int}"), "{call}");
            }
            for destroys in [
                "gdpr-delete",
                "merge",
                "/delete",
                "batch/archive",
                "res.user",
            ] {
                assert!(!call.contains(destroys), "{call}");
            }
            assert!(route.effect <= Effect::Write, "{call}");
        }
    }
}

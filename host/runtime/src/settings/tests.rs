//! Settings as operators write them, and get them wrong.

#![expect(clippy::unwrap_used, reason = "tests")]

use std::os::unix::fs::OpenOptionsExt as _;

use super::*;

/// What settings with this text are, and what is said of them.
fn read(text: &str) -> Result<Settings, String> {
    let home = tempfile::tempdir().unwrap();
    fs::set_permissions(home.path(), fs::Permissions::from_mode(0o700)).unwrap();
    let secret = home.path().join("secret");
    let mut file = fs::OpenOptions::new();
    let mut file = file
        .write(true)
        .create(true)
        .mode(0o600)
        .open(&secret)
        .unwrap();
    io::Write::write_all(&mut file, b"postgres://u:hidden@h/d\n").unwrap();
    fs::write(home.path().join(SETTINGS_FILE), text).unwrap();
    let here = home.path().display().to_string();
    Settings::of(home.path()).map_err(|error| error.to_string().replace(&here, "HOME"))
}

#[test]
fn a_home_without_a_file_keeps_everything_itself() {
    let home = tempfile::tempdir().unwrap();
    let settings = Settings::of(home.path()).unwrap();
    assert!(settings.store.is_home() && settings.retention.is_none());
}

#[test]
fn a_store_places_and_a_retention_are_read() {
    let settings = read(
        "[store]\nurl_file = \"secret\"\n[[place]]\ntenant = \"acme\"\n\
         store = \"postgres://u:pw@h2/d\"\n[retention]\nvalues = \"90d\"\n",
    )
    .unwrap();
    let default = settings.store.default.as_ref().unwrap();
    assert_eq!(
        *default,
        Location::Postgres("postgres://u:hidden@h/d".to_owned())
    );
    let acme = Location::Postgres("postgres://u:pw@h2/d".to_owned());
    assert_eq!(settings.store.places["acme"], acme);
    assert_eq!(settings.retention, Some(Duration::from_secs(90 * 86_400)));
    let said = format!("{settings:?}");
    assert!(!said.contains("hidden") && !said.contains("pw"), "{said}");
}

#[test]
fn databases_are_named_for_tenants_and_tell_no_password() {
    let settings = read(
        "[database.orders]\nurl_file = \"secret\"\nrole = \"plain\"\ntenants = [\"acme\"]\n\
         [database.other]\nurl = \"postgres://u:pw@h2/d\"\nconnections = 2\n",
    )
    .unwrap();
    let orders = &settings.databases["orders"];
    assert_eq!(orders.address.get_database(), Some("d"));
    assert_eq!(orders.role.as_deref(), Some("plain"));
    assert!(orders.tenants.contains("acme") && !orders.tenants.contains("default"));
    let other = &settings.databases["other"];
    assert!(other.tenants.contains("default") && other.connections == 2);
    let said = format!("{settings:?}");
    assert!(!said.contains("hidden") && !said.contains("pw"), "{said}");
}

#[test]
fn what_is_not_understood_is_named_with_its_place_and_never_with_a_password() {
    let cases = [
        ("[store]\nurl = \"postgres://u:pw@h/d\"\nurls = 1\n", "3:1"),
        ("[stor]\nurl = \"postgres://u:pw@h/d\"\n", "1:2"),
        ("store = \"postgres://u:pw@h/d\"\n", "1:9"),
        ("[store]\nurl = [\"postgres://u:pw@h/d\"]\n", "2:7"),
        ("[store]\nurl = \"mysql://u:pw@h/d\"\n", "2:7"),
        ("[store]\nurl = \"postgres://u:pw@h/d\" x\n", "2:29"),
        ("[store]\n", "1:1"),
        (
            "[store]\nurl = \"sqlite:x\"\nurl_file = \"secret\"\n",
            "1:1",
        ),
        ("[[place]]\nstore = \"postgres://u:pw@h/d\"\n", "1:1"),
        (
            "[[place]]\ntenant = \"a\"\nstore = \"sqlite:x\"\n[[place]]\ntenant = \"a\"\nstore = \"postgres://u:pw@h/d\"\n",
            "5:10",
        ),
        ("[retention]\nvalues = \"90\"\n", "2:10"),
        ("[retention]\nvalues = \"0d\"\n", "2:10"),
        ("[retention]\nvalue = \"90d\"\n", "2:1"),
        ("[database.a]\nurl = \"mysql://u:pw@h/d\"\n", "2:7"),
        ("[database.a]\nurl = \"postgres://u:pw@h:x/d\"\n", "2:7"),
        ("[database.a]\nrole = \"r\"\n", "1:1"),
        ("[database.A]\nurl = \"postgres://u:pw@h/d\"\n", "1:11"),
        (
            "[database.a]\nurl = \"postgres://u:pw@h/d\"\ntenants = []\n",
            "3:11",
        ),
        (
            "[database.a]\nurl = \"postgres://u:pw@h/d\"\nconnections = 0\n",
            "3:15",
        ),
        (
            "[database.a]\nurl = \"postgres://u:pw@h/d\"\nallow_superuser = true\n",
            "3:1",
        ),
    ];
    for (text, place) in cases {
        let said = read(text).unwrap_err();
        let expected = format!("HOME/tollgate.toml:{place}: ");
        assert!(said.starts_with(&expected), "{text}: {said}");
        assert!(!said.contains("pw@"), "{said}");
    }
    let said = read("[store]\nurl_file = \"nothing\"\n").unwrap_err();
    assert_eq!(said, "HOME/nothing cannot be read");
}

#[test]
fn a_file_with_a_password_that_others_can_read_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    fs::set_permissions(folder.path(), fs::Permissions::from_mode(0o755)).unwrap();
    let secret = folder.path().join("secret");
    fs::write(&secret, "postgres://u:pw@h/d").unwrap();
    fs::set_permissions(&secret, fs::Permissions::from_mode(0o644)).unwrap();
    let settings = folder.path().join(SETTINGS_FILE);
    for (text, open) in [
        ("[store]\nurl_file = \"secret\"\n", &secret),
        ("[store]\nurl = \"postgres://u:pw@h/d\"\n", &settings),
    ] {
        fs::write(&settings, text).unwrap();
        for (mode, refused) in [(0o644, true), (0o640, false)] {
            fs::set_permissions(open, fs::Permissions::from_mode(mode)).unwrap();
            let read = Settings::of(folder.path());
            assert_eq!(
                matches!(read, Err(SettingsError::Open { .. })),
                refused,
                "{text}"
            );
            assert_eq!(read.is_err(), refused, "{text}");
        }
    }
}

//! Installed once, into a folder beside the build's own output: each system in
//! `target/live/<system>-<version>`, with a marker that is written last.

use std::fs::File;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use crate::error::{Error, Result, tail};

/// Written when everything else is there.
const MARKER: &str = "installed";

/// Everything a step wrote.
const LOG: &str = "install.log";

/// The newest Node.js of the 22 line that was tried; Node-RED 5 needs 22.9.
const NODE: &str = "22.23.3";

/// The folder of all installed systems.
fn cache() -> PathBuf {
    let target = std::env::var_os("CARGO_TARGET_DIR").map(PathBuf::from);
    let target = target.unwrap_or_else(|| {
        let root = Path::new(env!("CARGO_MANIFEST_DIR")).ancestors().nth(2);
        root.unwrap_or(Path::new(".")).join("target")
    });
    target.join("live")
}

/// The folder of one installed system; `make` fills it if it is not there yet.
/// Others that want the same meanwhile wait. Blocks.
pub(crate) fn once(name: &str, make: impl FnOnce(&Path) -> Result<()>) -> Result<PathBuf> {
    let folder = cache().join(name);
    std::fs::create_dir_all(&folder).map_err(Error::file(&folder))?;
    let folder = folder.canonicalize().map_err(Error::file(&folder))?;
    let lock = folder.join("lock");
    let lock = File::create(&lock).map_err(Error::file(&lock))?;
    // Held until the file is closed, by whatever way this process ends.
    rustix::fs::flock(&lock, rustix::fs::FlockOperation::LockExclusive)
        .map_err(|error| Error::file(&folder)(error.into()))?;
    let marker = folder.join(MARKER);
    if !marker.is_file() {
        make(&folder)?;
        std::fs::write(&marker, "").map_err(Error::file(&marker))?;
    }
    Ok(folder)
}

/// A virtual environment with pinned packages of PyPI; the answer is its folder.
pub(crate) fn python(name: &str, pins: &[&str]) -> Result<PathBuf> {
    once(name, |folder| {
        // The system's own interpreter first: one in a home folder cannot be
        // read by the account that some servers must run as.
        let system = Path::new("/usr/bin/python3");
        let python = if system.is_file() {
            system
        } else {
            Path::new("python3")
        };
        let mut venv = Command::new(python);
        run(venv.args(["-m", "venv"]).arg(folder.join("venv")), folder)?;
        let mut pip = Command::new(folder.join("venv/bin/pip"));
        run(pip.args(["install", "--quiet"]).args(pins), folder)
    })
}

/// A folder with pinned packages of npm.
pub(crate) fn npm(name: &str, pins: &[(&str, &str)]) -> Result<PathBuf> {
    once(name, |folder| npm_install(folder, pins, None, &[]))
}

/// Write a `package.json` of pinned packages and install it.
pub(crate) fn npm_install(
    folder: &Path,
    pins: &[(&str, &str)],
    overrides: Option<(&str, &str)>,
    more: &[&str],
) -> Result<()> {
    let object = |pins: &mut dyn Iterator<Item = (&str, &str)>| {
        let fields = pins.map(|(name, version)| (name.to_owned(), version.into()));
        serde_json::Value::Object(fields.collect())
    };
    let manifest = serde_json::json!({
        "private": true,
        "dependencies": object(&mut pins.iter().copied()),
        "overrides": object(&mut overrides.into_iter()),
    });
    let path = folder.join("package.json");
    std::fs::write(&path, manifest.to_string()).map_err(Error::file(&path))?;
    let mut npm = Command::new("npm");
    npm.args(["install", "--no-fund", "--no-audit", "--loglevel=error"]);
    run(npm.args(more).current_dir(folder), folder)
}

/// Whether somebody wishes for a system that needs much: refused otherwise.
pub(crate) fn wished(system: &str, disk: &str) -> Result<()> {
    if std::env::var_os("TOLLGATE_LIVE_HEAVY").is_some_and(|value| value == "1") {
        return Ok(());
    }
    Err(Error::Missing {
        what: format!("the wish for {system}"),
        help: format!("set TOLLGATE_LIVE_HEAVY=1: {disk} are installed"),
    })
}

/// A folder with a package of npm that keeps its data in SQLite and pins a `xlsx` that
/// is not in the registry. The scripts of its packages fetch from elsewhere, so none
/// runs but the one that builds SQLite here.
pub(crate) fn npm_with_sqlite(package: &str, version: &str) -> Result<PathBuf> {
    once(&format!("{package}-{version}"), |folder| {
        let xlsx = Some(("xlsx", "0.18.5"));
        npm_install(folder, &[(package, version)], xlsx, &["--ignore-scripts"])?;
        let mut build = Command::new("npm");
        build.env("npm_config_build_from_source", "true");
        run(
            build.args(["rebuild", "sqlite3"]).current_dir(folder),
            folder,
        )
    })
}

/// A Node.js new enough for every server here.
pub(crate) fn node() -> Result<PathBuf> {
    let folder = npm(&format!("node-{NODE}"), &[("node", NODE)])?;
    Ok(folder.join("node_modules/node/bin/node"))
}

/// Debian packages, installed for the whole machine. Only root can.
pub(crate) fn debian(packages: &[&str]) -> Result<()> {
    let is_there = |package: &&str| {
        let mut query = Command::new("dpkg-query");
        let query = query.args(["-W", "-f", "${db:Status-Status}", *package]);
        query
            .output()
            .is_ok_and(|answer| answer.stdout == b"installed")
    };
    if packages.iter().all(is_there) {
        return Ok(());
    }
    let packages_line = packages.join(" ");
    if !rustix::process::geteuid().is_root() || !Path::new("/usr/bin/apt-get").is_file() {
        return Err(Error::Missing {
            what: packages_line.clone(),
            help: format!("as root on Debian 12, run `apt-get install {packages_line}`"),
        });
    }
    once("debian", |_| Ok(()))?;
    let folder = cache().join("debian");
    let apt = |arguments: &[&str]| {
        let mut apt = Command::new("apt-get");
        run(
            apt.args(arguments).env("DEBIAN_FRONTEND", "noninteractive"),
            &folder,
        )
    };
    // An old list names files that a mirror has replaced since.
    apt(&["update"])?;
    let mut install = vec!["install", "-y", "--no-install-recommends"];
    install.extend(packages);
    apt(&install)
}

/// The installed version of a Debian package.
pub(crate) fn debian_version(package: &str) -> String {
    let mut query = Command::new("dpkg-query");
    let answer = query.args(["-W", "-f", "${Version}", package]).output();
    answer.map_or_else(
        |_| String::new(),
        |answer| String::from_utf8_lossy(&answer.stdout).into_owned(),
    )
}

/// Run a step; what it writes is appended to the log in `folder`.
pub(crate) fn run(command: &mut Command, folder: &Path) -> Result<()> {
    let path = folder.join(LOG);
    let log = File::options().create(true).append(true).open(&path);
    let log = log.map_err(Error::file(&path))?;
    let from = log.metadata().map_or(0, |metadata| metadata.len());
    let errors = log.try_clone().map_err(Error::file(&path))?;
    command.stdin(Stdio::null()).stdout(log).stderr(errors);
    let done = command.status();
    if done.as_ref().is_ok_and(std::process::ExitStatus::success) {
        return Ok(());
    }
    let all = std::fs::read(&path).unwrap_or_default();
    let from = usize::try_from(from).unwrap_or_default();
    let said = String::from_utf8_lossy(all.get(from..).unwrap_or_default());
    let how = done.map_or_else(|error| error.to_string(), |status| status.to_string());
    Err(Error::Command {
        command: format!("{command:?}"),
        said: format!("{how}\n{}", tail(&said)),
    })
}

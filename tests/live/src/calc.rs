//! LibreOffice Calc: judges a workbook by opening it.

use std::path::Path;

use crate::error::{Error, Result};
use crate::process::Folder;

/// Every sheet as text: comma, double quote, UTF-8, values as they are shown, all
/// sheets.
const FILTER: &str =
    "csv:Text - txt - csv (StarCalc):44,34,76,1,,0,false,true,false,false,false,-1";

/// A sheet of a workbook as Calc opened it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sheet {
    /// The name of the sheet.
    pub name: String,
    /// Its cells as comma separated values, formulas by their results.
    pub csv: String,
}

/// Open a workbook; its sheets, by name. Calc ends with success even when it could
/// not read the file, so no sheet is an error here.
pub async fn sheets(workbook: &Path) -> Result<Vec<Sheet>> {
    let workbook = workbook.canonicalize().map_err(Error::file(workbook))?;
    crate::blocking(move || convert(&workbook)).await
}

fn convert(workbook: &Path) -> Result<Vec<Sheet>> {
    let folder = Folder::new()?;
    let mut calc = folder.command("libreoffice");
    // A profile of its own: a second one at the same time would only talk to the first.
    let profile = folder.join("profile");
    calc.arg(format!(
        "-env:UserInstallation=file://{}",
        profile.display()
    ));
    calc.args(["--headless", "--convert-to", FILTER, "--outdir"]);
    let said = folder.run(calc.arg(folder.join("out")).arg(workbook));
    let said = said.map_err(|error| match error {
        Error::Command { said, .. } if said.contains("No such file") => Error::Missing {
            what: "LibreOffice".to_owned(),
            help: "on Debian 12, run `apt-get install libreoffice-calc-nogui`".to_owned(),
        },
        other => other,
    })?;
    let stem = workbook.file_stem().unwrap_or_default().to_string_lossy();
    let mut sheets = Vec::new();
    for entry in std::fs::read_dir(folder.join("out"))
        .into_iter()
        .flatten()
        .flatten()
    {
        let path = entry.path();
        let name = path.file_stem().unwrap_or_default().to_string_lossy();
        let name = name.strip_prefix(&format!("{stem}-")).unwrap_or(&name);
        sheets.push(Sheet {
            name: name.to_owned(),
            csv: std::fs::read_to_string(&path).map_err(Error::file(&path))?,
        });
    }
    if sheets.is_empty() {
        return Err(Error::Command {
            command: format!("libreoffice --convert-to csv {}", workbook.display()),
            said,
        });
    }
    sheets.sort_by(|a, b| a.name.cmp(&b.name));
    Ok(sheets)
}

//! The parts that say where the others are.

use quick_xml::events::Event;

use super::package::Package;
use super::xml::{Walker, attribute, local};
use crate::calendar::Epoch;
use crate::problem::Problem;

pub(super) const WORKBOOK: &str = "xl/workbook.xml";
const CONTENT_TYPES: &str = "[Content_Types].xml";

/// One worksheet, as the workbook lists it.
#[derive(Debug, Clone)]
pub(super) struct Listed {
    pub(super) name: String,
    pub(super) hidden: bool,
    pub(super) part: String,
}

/// What `xl/workbook.xml` says.
#[derive(Debug)]
pub(super) struct Index {
    pub(super) sheets: Vec<Listed>,
    pub(super) epoch: Epoch,
    /// Names that people gave to cells; not those that programs keep.
    pub(super) has_names: bool,
    pub(super) strings: Option<String>,
    pub(super) styles: Option<String>,
}

/// One relationship of a part.
#[derive(Debug, Clone)]
pub(super) struct Relation {
    id: String,
    /// The last word of its type, such as `worksheet` or `table`.
    pub(super) kind: String,
    /// The part it leads to.
    pub(super) part: String,
}

pub(super) fn read_index(package: &mut Package) -> Result<Index, Problem> {
    let relations = relations(package, WORKBOOK)?;
    let text = package.read(WORKBOOK)?;
    let mut walker = Walker::new(WORKBOOK, &text);
    let part_of = |kind: &str| {
        relations
            .iter()
            .find(|r| r.kind == kind)
            .map(|r| r.part.clone())
    };
    let mut index = Index {
        sheets: Vec::new(),
        epoch: Epoch::Y1900,
        has_names: false,
        strings: part_of("sharedStrings"),
        styles: part_of("styles"),
    };
    while let Some(step) = walker.next()? {
        let (Event::Start(e) | Event::Empty(e)) = step.event else {
            continue;
        };
        match local(&e) {
            "workbookPr" if attribute(&e, "date1904").is_some_and(|v| v == "1" || v == "true") => {
                index.epoch = Epoch::Y1904;
            }
            "definedName" => {
                let name = attribute(&e, "name").unwrap_or_default();
                index.has_names |= !name.starts_with("_xlnm.");
            }
            "sheet" => {
                let id = attribute(&e, "id").unwrap_or_default();
                let relation = relations
                    .iter()
                    .find(|r| r.id == id && r.kind == "worksheet");
                index.sheets.extend(relation.map(|relation| Listed {
                    name: attribute(&e, "name").unwrap_or_default(),
                    hidden: attribute(&e, "state").is_some_and(|state| state != "visible"),
                    part: relation.part.clone(),
                }));
            }
            _ => {}
        }
    }
    Ok(index)
}

/// The relationships of a part, none where it has none.
pub(super) fn relations(package: &mut Package, part: &str) -> Result<Vec<Relation>, Problem> {
    let (folder, file) = part.rsplit_once('/').unwrap_or(("", part));
    let name = format!("{folder}/_rels/{file}.rels");
    let Some(text) = package.read_optional(&name)? else {
        return Ok(Vec::new());
    };
    let mut walker = Walker::new(&name, &text);
    let mut relations = Vec::new();
    while let Some(step) = walker.next()? {
        let (Event::Start(e) | Event::Empty(e)) = step.event else {
            continue;
        };
        if local(&e) != "Relationship" {
            continue;
        }
        let kind = attribute(&e, "Type").unwrap_or_default();
        relations.push(Relation {
            id: attribute(&e, "Id").unwrap_or_default(),
            kind: kind.rsplit('/').next().unwrap_or_default().to_owned(),
            part: resolve(folder, &attribute(&e, "Target").unwrap_or_default()),
        });
    }
    Ok(relations)
}

/// A target is relative to the folder of the part, or to the root of the zip.
fn resolve(folder: &str, target: &str) -> String {
    let mut path: Vec<&str> = match target.strip_prefix('/') {
        Some(_) => Vec::new(),
        None => folder.split('/').collect(),
    };
    for segment in target.split('/').filter(|s| !s.is_empty() && *s != ".") {
        if segment == ".." {
            path.pop();
        } else {
            path.push(segment);
        }
    }
    path.join("/")
}

/// Macros hide behind any name, so the declared types and the parts decide, not
/// only the file's extension.
pub(super) fn refuse_macros(package: &mut Package, path: &str) -> Result<(), Problem> {
    let types = package.read(CONTENT_TYPES)?.to_ascii_lowercase();
    let has_program = |name: &String| {
        let name = name.to_ascii_lowercase();
        name.ends_with("vbaproject.bin") || name.contains("/macrosheets/")
    };
    if types.contains("macroenabled")
        || types.contains("vbaproject")
        || package.names().iter().any(has_program)
    {
        return Err(Problem::Macros {
            path: path.to_owned(),
        });
    }
    Ok(())
}

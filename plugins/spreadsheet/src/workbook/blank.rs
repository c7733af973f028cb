//! A new workbook with one sheet and its header.

use super::package;
use super::xml::escape;
use crate::document::{ColumnKind, NewColumn};
use crate::problem::Problem;
use crate::reference::{cell_name, column_letters};

const HEADER_STYLE: u32 = 1;
const DATE_STYLE: u32 = 2;
const DATE_TIME_STYLE: u32 = 3;
const XML: &str = "<?xml version=\"1.0\" encoding=\"UTF-8\" standalone=\"yes\"?>\n";
const MAIN: &str = "http://schemas.openxmlformats.org/spreadsheetml/2006/main";
const PACKAGE: &str = "http://schemas.openxmlformats.org/package/2006";
const OFFICE: &str = "http://schemas.openxmlformats.org/officeDocument/2006/relationships";
const TYPES: &str = "application/vnd.openxmlformats-officedocument.spreadsheetml";

pub(crate) fn create(sheet: &str, columns: &[NewColumn]) -> Result<Vec<u8>, Problem> {
    package::pack(&[
        ("[Content_Types].xml", content_types()),
        (
            "_rels/.rels",
            relations(&[("rId1", "officeDocument", "xl/workbook.xml")]),
        ),
        ("xl/workbook.xml", workbook(sheet)),
        (
            "xl/_rels/workbook.xml.rels",
            relations(&[
                ("rId1", "worksheet", "worksheets/sheet1.xml"),
                ("rId2", "styles", "styles.xml"),
            ]),
        ),
        ("xl/styles.xml", styles()),
        ("xl/worksheets/sheet1.xml", worksheet(columns)),
    ])
}

fn content_types() -> String {
    let over = |part: &str, kind: &str| {
        format!("<Override PartName=\"/xl/{part}.xml\" ContentType=\"{TYPES}.{kind}+xml\"/>")
    };
    format!(
        "{XML}<Types xmlns=\"{PACKAGE}/content-types\">\
         <Default Extension=\"rels\" ContentType=\"application/vnd.openxmlformats-package.relationships+xml\"/>\
         <Default Extension=\"xml\" ContentType=\"application/xml\"/>{}{}{}</Types>",
        over("workbook", "sheet.main"),
        over("worksheets/sheet1", "worksheet"),
        over("styles", "styles"),
    )
}

fn relations(list: &[(&str, &str, &str)]) -> String {
    let items: String = list
        .iter()
        .map(|(id, kind, target)| {
            format!("<Relationship Id=\"{id}\" Type=\"{OFFICE}/{kind}\" Target=\"{target}\"/>")
        })
        .collect();
    format!("{XML}<Relationships xmlns=\"{PACKAGE}/relationships\">{items}</Relationships>")
}

fn workbook(sheet: &str) -> String {
    format!(
        "{XML}<workbook xmlns=\"{MAIN}\" xmlns:r=\"{OFFICE}\">\
         <sheets><sheet name=\"{}\" sheetId=\"1\" r:id=\"rId1\"/></sheets></workbook>",
        escape(sheet)
    )
}

fn styles() -> String {
    let xf = |font: u32, format: u32| {
        format!(
            "<xf numFmtId=\"{format}\" fontId=\"{font}\" fillId=\"0\" borderId=\"0\" xfId=\"0\" applyNumberFormat=\"1\" applyFont=\"1\"/>"
        )
    };
    let xfs = [xf(0, 0), xf(1, 0), xf(0, 164), xf(0, 165)].concat();
    let font = |bold: &str| format!("<font>{bold}<sz val=\"11\"/><name val=\"Calibri\"/></font>");
    format!(
        "{XML}<styleSheet xmlns=\"{MAIN}\"><numFmts count=\"2\">\
         <numFmt numFmtId=\"164\" formatCode=\"yyyy\\-mm\\-dd\"/>\
         <numFmt numFmtId=\"165\" formatCode=\"yyyy\\-mm\\-dd\\ hh:mm:ss\"/></numFmts>\
         <fonts count=\"2\">{}{}</fonts>\
         <fills count=\"2\"><fill><patternFill patternType=\"none\"/></fill>\
         <fill><patternFill patternType=\"gray125\"/></fill></fills>\
         <borders count=\"1\"><border><left/><right/><top/><bottom/><diagonal/></border></borders>\
         <cellStyleXfs count=\"1\"><xf numFmtId=\"0\" fontId=\"0\" fillId=\"0\" borderId=\"0\"/></cellStyleXfs>\
         <cellXfs count=\"4\">{xfs}</cellXfs>\
         <cellStyles count=\"1\"><cellStyle name=\"Normal\" xfId=\"0\" builtinId=\"0\"/></cellStyles></styleSheet>",
        font(""),
        font("<b/>"),
    )
}

fn worksheet(columns: &[NewColumn]) -> String {
    let last = u32::try_from(columns.len())
        .unwrap_or(u32::MAX)
        .saturating_sub(1);
    let cols: String = columns
        .iter()
        .zip(1..)
        .map(|(column, at)| col(column, at))
        .collect();
    let cells: String = columns
        .iter()
        .zip(0..)
        .map(|(column, at)| {
            let name = cell_name(at, 1);
            let text = escape(&super::strings::escape(&column.name));
            format!("<c r=\"{name}\" s=\"{HEADER_STYLE}\" t=\"inlineStr\"><is><t xml:space=\"preserve\">{text}</t></is></c>")
        })
        .collect();
    format!(
        "{XML}<worksheet xmlns=\"{MAIN}\"><dimension ref=\"A1:{}1\"/>\
         <sheetViews><sheetView workbookViewId=\"0\">\
         <pane ySplit=\"1\" topLeftCell=\"A2\" activePane=\"bottomLeft\" state=\"frozen\"/></sheetView></sheetViews>\
         <cols>{cols}</cols><sheetData><row r=\"1\">{cells}</row></sheetData></worksheet>",
        column_letters(last),
    )
}

fn col(column: &NewColumn, at: u32) -> String {
    let style = match column.kind {
        ColumnKind::General => String::new(),
        ColumnKind::Date => format!(" style=\"{DATE_STYLE}\""),
        ColumnKind::DateTime => format!(" style=\"{DATE_TIME_STYLE}\""),
    };
    format!("<col min=\"{at}\" max=\"{at}\" width=\"18\"{style} customWidth=\"1\"/>")
}

//! Functions that can be granted.
//!
//! They compute a value from their arguments and nothing else, and the result is
//! not much larger than these. Whatever reads files, loads code, tells of the
//! server, makes rows, makes megabytes from a number (`zeroblob`, `repeat`,
//! `printf` with a width) or is defined by somebody else cannot be granted, so a
//! misreading of a manifest cannot open it.

use super::Dialect;

/// The functions that a manifest can grant.
pub(crate) const fn grantable_functions(dialect: Dialect) -> &'static [&'static str] {
    match dialect {
        Dialect::Sqlite => SQLITE,
        Dialect::Postgres => POSTGRES,
    }
}

/// Whether a manifest can grant this function.
pub(crate) fn is_grantable_function(name: &str, dialect: Dialect) -> bool {
    grantable_functions(dialect).contains(&name)
}

/// Whether the function gives a value for whatever a row holds. The others can
/// fail for one row and so tell of it.
pub(super) fn is_total_function(name: &str) -> bool {
    TOTAL.contains(&name)
}

const SQLITE: &[&str] = &[
    "abs",
    "avg",
    "ceil",
    "ceiling",
    "char_length",
    "coalesce",
    "concat",
    "concat_ws",
    "count",
    "current_date",
    "current_time",
    "current_timestamp",
    "date",
    "datetime",
    "exp",
    "floor",
    "group_concat",
    "hex",
    "ifnull",
    "iif",
    "instr",
    "json_array_length",
    "json_extract",
    "json_type",
    "json_valid",
    "julianday",
    "length",
    "ln",
    "log",
    "lower",
    "ltrim",
    "max",
    "min",
    "mod",
    "nullif",
    "octet_length",
    "pow",
    "power",
    "replace",
    "round",
    "rtrim",
    "sign",
    "sqrt",
    "strftime",
    "substr",
    "substring",
    "sum",
    "time",
    "total",
    "trim",
    "typeof",
    "unicode",
    "unixepoch",
    "upper",
];

const POSTGRES: &[&str] = &[
    "abs",
    "avg",
    "bool_and",
    "bool_or",
    "btrim",
    "ceil",
    "ceiling",
    "char_length",
    "coalesce",
    "concat",
    "concat_ws",
    "count",
    "current_date",
    "current_time",
    "current_timestamp",
    "date",
    "date_trunc",
    "exp",
    "floor",
    "greatest",
    "least",
    "length",
    "ln",
    "log",
    "lower",
    "ltrim",
    "max",
    "min",
    "mod",
    "now",
    "nullif",
    "octet_length",
    "pow",
    "power",
    "replace",
    "round",
    "rtrim",
    "sign",
    "split_part",
    "sqrt",
    "strpos",
    "substr",
    "substring",
    "sum",
    "trim",
    "upper",
];

const TOTAL: &[&str] = &[
    "avg",
    "btrim",
    "char_length",
    "coalesce",
    "count",
    "current_date",
    "current_time",
    "current_timestamp",
    "greatest",
    "ifnull",
    "iif",
    "least",
    "length",
    "lower",
    "ltrim",
    "max",
    "min",
    "now",
    "nullif",
    "octet_length",
    "rtrim",
    "sum",
    "total",
    "trim",
    "typeof",
    "upper",
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn functions_that_reach_out_can_never_be_granted() {
        for name in [
            "load_extension",
            "readfile",
            "writefile",
            "edit",
            "zeroblob",
            "printf",
            "random",
            "sqlite_version",
            "pg_read_file",
            "pg_sleep",
            "pg_notify",
            "lo_import",
            "query_to_xml",
            "set_config",
            "current_setting",
            "nextval",
            "generate_series",
            "repeat",
            "lpad",
            "dblink",
            "eval",
            "fts3_tokenizer",
            "COUNT",
            "",
        ] {
            assert!(!is_grantable_function(name, Dialect::Sqlite), "{name}");
            assert!(!is_grantable_function(name, Dialect::Postgres), "{name}");
        }
    }
}

//! Functions that can be granted.
//!
//! They compute a value from their arguments and nothing else, and the result is
//! not much larger than these. Whatever reads files, loads code, tells of the
//! server, makes rows, makes megabytes from a number (`zeroblob`, `repeat`,
//! `printf` with a width) or is defined by somebody else cannot be granted, so a
//! misreading of a manifest cannot open it.

use super::Dialect;

use Gives::{Partial, Total};
use In::{Both, Postgres, Sqlite};

/// The functions that a manifest can grant.
pub(crate) fn grantable_functions(dialect: Dialect) -> impl Iterator<Item = &'static str> {
    FUNCTIONS
        .iter()
        .filter(move |(_, known, _)| known.is_in(dialect))
        .map(|(name, ..)| *name)
}

/// Whether a manifest can grant this function.
pub(crate) fn is_grantable_function(name: &str, dialect: Dialect) -> bool {
    grantable_functions(dialect).any(|known| known == name)
}

/// Whether the function gives a value for whatever a row holds. The others can
/// fail for one row and so tell of it.
pub(super) fn is_total_function(name: &str) -> bool {
    FUNCTIONS
        .iter()
        .any(|(known, _, gives)| *known == name && *gives == Total)
}

/// Where a function is.
#[derive(Clone, Copy, PartialEq, Eq)]
enum In {
    Both,
    Sqlite,
    Postgres,
}

impl In {
    fn is_in(self, dialect: Dialect) -> bool {
        match self {
            Both => true,
            Sqlite => dialect == Dialect::Sqlite,
            Postgres => dialect == Dialect::Postgres,
        }
    }
}

/// Whether it gives a value for whatever a row holds.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Gives {
    Total,
    Partial,
}

/// Name, where it is, and whether it always gives a value.
const FUNCTIONS: &[(&str, In, Gives)] = &[
    ("abs", Both, Partial),
    ("avg", Both, Total),
    ("bool_and", Postgres, Partial),
    ("bool_or", Postgres, Partial),
    ("btrim", Postgres, Total),
    ("ceil", Both, Partial),
    ("ceiling", Both, Partial),
    ("char_length", Both, Total),
    ("coalesce", Both, Total),
    ("concat", Both, Partial),
    ("concat_ws", Both, Partial),
    ("count", Both, Total),
    ("current_date", Both, Total),
    ("current_time", Both, Total),
    ("current_timestamp", Both, Total),
    ("date", Both, Partial),
    ("date_trunc", Postgres, Partial),
    ("datetime", Sqlite, Partial),
    ("exp", Both, Partial),
    ("floor", Both, Partial),
    ("greatest", Postgres, Total),
    ("group_concat", Sqlite, Partial),
    ("hex", Sqlite, Partial),
    ("ifnull", Sqlite, Total),
    ("iif", Sqlite, Total),
    ("instr", Sqlite, Partial),
    ("json_array_length", Sqlite, Partial),
    ("json_extract", Sqlite, Partial),
    ("json_type", Sqlite, Partial),
    ("json_valid", Sqlite, Partial),
    ("julianday", Sqlite, Partial),
    ("least", Postgres, Total),
    ("length", Both, Total),
    ("ln", Both, Partial),
    ("log", Both, Partial),
    ("lower", Both, Total),
    ("ltrim", Both, Total),
    ("max", Both, Total),
    ("min", Both, Total),
    ("mod", Both, Partial),
    ("now", Postgres, Total),
    ("nullif", Both, Total),
    ("octet_length", Both, Total),
    ("pow", Both, Partial),
    ("power", Both, Partial),
    ("replace", Both, Partial),
    ("round", Both, Partial),
    ("rtrim", Both, Total),
    ("sign", Both, Partial),
    ("split_part", Postgres, Partial),
    ("sqrt", Both, Partial),
    ("strftime", Sqlite, Partial),
    ("strpos", Postgres, Partial),
    ("substr", Both, Partial),
    ("substring", Both, Partial),
    ("sum", Both, Total),
    ("time", Sqlite, Partial),
    ("total", Sqlite, Total),
    ("trim", Both, Total),
    ("typeof", Sqlite, Total),
    ("unicode", Sqlite, Partial),
    ("unixepoch", Sqlite, Partial),
    ("upper", Both, Total),
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

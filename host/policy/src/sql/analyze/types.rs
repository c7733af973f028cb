//! Types that a value may be cast to.

use sqlparser::ast::{DataType, TimezoneInfo};

use crate::sql::Dialect;

/// Types without behaviour of their own. On PostgreSQL a cast to `regclass` and
/// its like looks into the catalogue, and a type by its own name may be anything.
pub(super) fn is_plain(data_type: &DataType, dialect: Dialect) -> bool {
    let both = matches!(
        data_type,
        DataType::Int(None)
            | DataType::Integer(None)
            | DataType::BigInt(None)
            | DataType::Real
            | DataType::Text
            | DataType::Numeric(_)
            | DataType::Decimal(_)
            | DataType::Varchar(_)
            | DataType::Boolean
    );
    both || match dialect {
        Dialect::Sqlite => matches!(data_type, DataType::Blob(None)),
        Dialect::Postgres => matches!(
            data_type,
            DataType::SmallInt(None)
                | DataType::Int2(None)
                | DataType::Int4(None)
                | DataType::Int8(None)
                | DataType::Float4
                | DataType::Float8
                | DataType::DoublePrecision
                | DataType::Bool
                | DataType::Date
                | DataType::Time(None, TimezoneInfo::None)
                | DataType::Timestamp(
                    None,
                    TimezoneInfo::None | TimezoneInfo::WithTimeZone | TimezoneInfo::Tz,
                )
                | DataType::Uuid
                | DataType::JSON
                | DataType::JSONB
                | DataType::Bytea
        ),
    }
}

/// What to write where the type is another.
pub(super) fn instead(dialect: Dialect) -> &'static str {
    match dialect {
        Dialect::Sqlite => "cast to INTEGER, REAL, NUMERIC or TEXT",
        Dialect::Postgres => {
            "cast to smallint, integer, bigint, real, double precision, numeric, boolean, text, \
             varchar, date, time, timestamp, timestamptz, uuid, json, jsonb or bytea"
        }
    }
}

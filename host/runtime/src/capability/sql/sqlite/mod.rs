//! SQLite: `connection` opens a file, `authorizer` is the second wall, `write`
//! changes rows and puts them back.

mod authorizer;
mod connection;
mod value;
mod write;

pub(super) use connection::Database;

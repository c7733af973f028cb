//! What a manifest grants in one database.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use super::{ColumnSet, Dialect, SqlRefusal, Statement, Verb, tenant};
use crate::Effect;

/// A named database and what may be done in it. All names are folded as the
/// dialect compares them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SqlGrant {
    /// The name that guests use.
    pub name: String,
    /// The database: `sqlite:data/orders.db`, or `postgres:orders` for what the
    /// host's settings name `[database.orders]`.
    pub source: String,
    /// Its dialect.
    pub dialect: Dialect,
    /// The most rows a query may return or a statement may change.
    pub max_rows: u64,
    /// The largest result, in bytes.
    pub max_bytes: u64,
    /// The functions that statements may call, in lower case.
    pub functions: BTreeSet<String>,
    /// The tables; what none grants is refused.
    pub tables: Vec<TableGrant>,
}

/// One table: verbs by column.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TableGrant {
    /// The table.
    pub name: String,
    /// The columns that may be read, compared and sorted by.
    pub read: ColumnSet,
    /// The columns that new rows may set.
    pub insert: BTreeSet<String>,
    /// The columns that may be changed.
    pub update: BTreeSet<String>,
    /// Whether rows may be removed.
    pub delete: bool,
    /// Raises the class of writes to this table.
    pub effect: Option<Effect>,
    /// For how long after a write to it that may be taken back.
    pub window: Option<Duration>,
    /// The column that says whose a row is. The host compares it in every read,
    /// change and removal, and writes it into every new row.
    pub tenant_column: Option<String>,
}

impl SqlGrant {
    /// The path of a SQLite database, without the `sqlite:` before it.
    #[must_use]
    pub fn sqlite_path(&self) -> Option<&str> {
        self.source.strip_prefix("sqlite:")
    }

    /// The name that the host's settings have for a PostgreSQL database.
    #[must_use]
    pub fn postgres_name(&self) -> Option<&str> {
        self.source.strip_prefix("postgres:")
    }

    /// The row for a table.
    #[must_use]
    pub fn table(&self, name: &str) -> Option<&TableGrant> {
        self.tables.iter().find(|table| table.name == name)
    }

    /// Whether everything that the statement touches is granted.
    ///
    /// # Errors
    /// With the first thing that is not.
    pub fn check(&self, statement: &Statement) -> Result<(), SqlRefusal> {
        if statement.dialect != self.dialect {
            return Err(SqlRefusal::DialectMismatch);
        }
        for function in &statement.functions {
            if !self.functions.contains(function) {
                let function = function.clone();
                return Err(SqlRefusal::FunctionNotGranted {
                    function,
                    dialect: self.dialect,
                    database: self.name.clone(),
                });
            }
        }
        self.check_reads(statement)?;
        match &statement.target {
            Some(target) => self.check_write(statement, target),
            None if statement.verb == Verb::Select => Ok(()),
            None => Err(self.no_table(statement.verb, "")),
        }
    }

    /// The statement as it may run for one tenant: where the grant names a
    /// [`tenant_column`](TableGrant::tenant_column), every use of the table is
    /// confined to the tenant that the host gives as one more parameter.
    ///
    /// # Errors
    /// When the confined statement cannot be written exactly.
    pub fn confine(&self, statement: Statement) -> Result<Statement, SqlRefusal> {
        let owned = |table: &String| {
            let column = self.table(table)?.tenant_column.clone()?;
            Some((table.clone(), column))
        };
        let touched = statement.reads.keys().chain(&statement.target);
        let columns: BTreeMap<String, String> = touched.filter_map(owned).collect();
        if columns.is_empty() {
            return Ok(statement);
        }
        tenant::confine(statement, &columns)
    }

    /// The class of effect that the statement has here.
    #[must_use]
    pub fn effect(&self, statement: &Statement) -> Effect {
        if statement.verb == Verb::Select {
            return Effect::Read;
        }
        let table = statement
            .target
            .as_deref()
            .and_then(|target| self.table(target));
        table
            .and_then(|table| table.effect)
            .map_or(Effect::Write, |raised| raised.max(Effect::Write))
    }

    fn check_reads(&self, statement: &Statement) -> Result<(), SqlRefusal> {
        for (table, columns) in &statement.reads {
            let granted = self.table(table).map(|table| &table.read);
            let granted = granted.filter(|read| !read.is_empty());
            let granted = granted.ok_or_else(|| self.no_table(Verb::Select, table))?;
            if columns.all && !granted.all {
                return Err(self.no_column(Verb::Select, table, "*"));
            }
            if let Some(column) = columns
                .names
                .iter()
                .find(|column| !granted.contains(column))
            {
                return Err(self.no_column(Verb::Select, table, column));
            }
        }
        Ok(())
    }

    fn check_write(&self, statement: &Statement, target: &str) -> Result<(), SqlRefusal> {
        let verb = statement.verb;
        let table = self
            .table(target)
            .ok_or_else(|| self.no_table(verb, target))?;
        if let Some(column) = table
            .tenant_column
            .as_ref()
            .filter(|column| statement.writes.contains(*column))
        {
            return Err(SqlRefusal::TenantColumn {
                table: target.to_owned(),
                column: column.clone(),
            });
        }
        let granted = match verb {
            Verb::Insert => &table.insert,
            Verb::Update => &table.update,
            Verb::Delete if table.delete => return Ok(()),
            Verb::Delete | Verb::Select => return Err(self.no_table(verb, target)),
        };
        if granted.is_empty() || statement.writes.is_empty() {
            return Err(self.no_table(verb, target));
        }
        match statement
            .writes
            .iter()
            .find(|column| !granted.contains(*column))
        {
            Some(column) => Err(self.no_column(verb, target, column)),
            None => Ok(()),
        }
    }

    fn no_table(&self, verb: Verb, table: &str) -> SqlRefusal {
        SqlRefusal::TableNotGranted {
            verb,
            table: table.to_owned(),
            database: self.name.clone(),
        }
    }

    fn no_column(&self, verb: Verb, table: &str, column: &str) -> SqlRefusal {
        let (table, column) = (table.to_owned(), column.to_owned());
        SqlRefusal::ColumnNotGranted {
            verb,
            table,
            column,
            database: self.name.clone(),
        }
    }
}

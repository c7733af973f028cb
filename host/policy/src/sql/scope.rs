//! Which table a column name belongs to, without knowing the schema.
//!
//! The host does not know which columns a table has. So a name without a table
//! before it counts as a column of every table that the database could find it
//! in, those of enclosing queries too: the database looks there when the inner
//! tables lack it.

use std::collections::{BTreeMap, BTreeSet};

use super::{ColumnSet, SqlRefusal};

const QUALIFY: &str = "name a column of a table in FROM";

/// The tables that names can mean at one place, innermost first.
pub(super) struct Scope<'o> {
    relations: Vec<Relation>,
    outer: Option<&'o Scope<'o>>,
}

struct Relation {
    name: String,
    source: Source,
}

/// What stands behind a name in `FROM`.
pub(super) enum Source {
    /// A table of the database.
    Table(String),
    /// A subquery or common table expression with these columns, which were
    /// judged where they were made.
    Derived(BTreeSet<String>),
}

/// What has been read so far.
pub(super) type Reads = BTreeMap<String, ColumnSet>;

impl<'o> Scope<'o> {
    pub(super) fn new(outer: Option<&'o Scope<'o>>) -> Self {
        Self {
            relations: Vec::new(),
            outer,
        }
    }

    /// Adds a table under its name or alias. The same name twice is refused,
    /// also in an enclosing query: where the inner table lacks a column, the
    /// database would go on with the outer one.
    pub(super) fn add(
        &mut self,
        name: String,
        source: Source,
        reads: &mut Reads,
    ) -> Result<(), SqlRefusal> {
        if self.relations().any(|relation| relation.name == name) {
            return Err(SqlRefusal::unsupported(
                format!("the name `{name}` for two tables"),
                "give each its own alias with AS",
            ));
        }
        if let Source::Table(table) = &source {
            reads.entry(table.clone()).or_default();
        }
        self.relations.push(Relation { name, source });
        Ok(())
    }

    pub(super) fn bare(&self, column: &str, reads: &mut Reads) -> Result<(), SqlRefusal> {
        let mut found = false;
        for relation in self.relations() {
            found |= relation.read(column, reads);
        }
        if found { Ok(()) } else { Err(unknown(column)) }
    }

    pub(super) fn qualified(
        &self,
        table: &str,
        column: &str,
        reads: &mut Reads,
    ) -> Result<(), SqlRefusal> {
        let relation = self.relations().find(|relation| relation.name == table);
        let found = relation.is_some_and(|relation| relation.read(column, reads));
        if found {
            Ok(())
        } else {
            Err(unknown(&format!("{table}.{column}")))
        }
    }

    /// `*`, or `table.*`: every column of the tables of this query.
    pub(super) fn star(&self, table: Option<&str>, reads: &mut Reads) -> Result<(), SqlRefusal> {
        let mut found = false;
        for relation in &self.relations {
            if table.is_none_or(|table| table == relation.name) {
                found = true;
                if let Source::Table(table) = &relation.source {
                    reads.entry(table.clone()).or_default().all = true;
                }
            }
        }
        if found {
            Ok(())
        } else {
            Err(unknown(table.unwrap_or("*")))
        }
    }

    /// Whether a table goes by this name here.
    pub(super) fn has_relation(&self, name: &str) -> bool {
        self.relations().any(|relation| relation.name == name)
    }

    fn relations(&self) -> impl Iterator<Item = &Relation> {
        std::iter::successors(Some(self), |scope| scope.outer).flat_map(|scope| &scope.relations)
    }
}

impl Relation {
    fn read(&self, column: &str, reads: &mut Reads) -> bool {
        match &self.source {
            Source::Table(table) => {
                reads
                    .entry(table.clone())
                    .or_default()
                    .names
                    .insert(column.to_owned());
                true
            }
            Source::Derived(columns) => columns.contains(column),
        }
    }
}

fn unknown(name: &str) -> SqlRefusal {
    SqlRefusal::UnknownName {
        name: crate::visible(name),
        instead: QUALIFY,
    }
}

//! The rows and removals of one page, checked against the schema.

use std::collections::BTreeMap;
use std::fmt;

use serde::Serialize;
use serde_json::{Map, Value};

use super::cell::{self, Cell, Misfit};
use super::schema::{Column, Schema};
use crate::error::{Error, Result, TableError};

/// How many characters of a key are shown.
const SHOWN_KEY: usize = 64;

/// The rows to write to a table and to remove from it in one step: from [`Sink::changes`](super::Sink::changes). Every value fits its column. Of
/// several changes of one key the last one counts.
#[derive(Clone)]
pub struct Changes {
    table: String,
    schema: Schema,
    /// By the JSON text of the key: in one order, so that two transactions lock the rows that they share in the same order.
    by_key: BTreeMap<String, Change>,
}

#[derive(Clone)]
enum Change {
    Row(Vec<Cell>),
    /// The key cells.
    Removal(Vec<Cell>),
}

impl Changes {
    /// No changes yet. For a sink of your own.
    pub fn new(table: impl Into<String>, schema: Schema) -> Self {
        Self { table: table.into(), schema, by_key: BTreeMap::new() }
    }

    /// Adds a row: it replaces the row of the table with the same key, where there is one.
    ///
    /// # Errors
    /// [`Error::Table`](crate::Error::Table) with [`TableError::Value`] when a value does not fit its column, or the row is no JSON object.
    pub fn upsert(&mut self, row: &impl Serialize) -> Result<()> {
        let mut row = self.row(row)?;
        let (key, _) = self.key(&row)?;
        let cell = |column: &Column| Cell::new(column.name(), column, cell::take(&mut row, column));
        let cells: Result<_, _> = self.schema.columns().iter().map(cell).collect();
        let cells = cells.map_err(|misfit| self.refused(&key, misfit))?;
        self.by_key.insert(key, Change::Row(cells));
        Ok(())
    }

    /// Removes the row with this key, where there is one. `key` has the key columns as its fields, such as `json!({"id": 7})`; others are ignored.
    ///
    /// # Errors
    /// Those of [`Changes::upsert`].
    pub fn remove(&mut self, key: &impl Serialize) -> Result<()> {
        let (key, cells) = self.key(&self.row(key)?)?;
        self.by_key.insert(key, Change::Removal(cells));
        Ok(())
    }

    /// The rows, each with a cell for every column. No key is there twice.
    pub fn rows(&self) -> impl Iterator<Item = &[Cell]> {
        self.by_key.values().filter_map(|change| if let Change::Row(cells) = change { Some(&cells[..]) } else { None })
    }

    /// The keys of the removed rows, each with a cell for every key column. None of them is the key of one of the rows.
    pub fn removals(&self) -> impl Iterator<Item = &[Cell]> {
        self.by_key
            .values()
            .filter_map(|change| if let Change::Removal(cells) = change { Some(&cells[..]) } else { None })
    }

    /// The number of rows and removals.
    pub fn len(&self) -> usize {
        self.by_key.len()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.by_key.is_empty()
    }

    /// The columns.
    pub fn schema(&self) -> &Schema {
        &self.schema
    }

    /// The table.
    pub fn table(&self) -> &str {
        &self.table
    }

    /// An error unless they were made for these columns, in this order: a table writes cells by their places.
    pub(super) fn check(&self, schema: &Schema) -> Result<()> {
        if self.schema == *schema {
            return Ok(());
        }
        let rule =
            "changes for the columns of this table, in the order of its schema: make them by `changes()` of the table";
        Err(Error::invalid("changes", format!("for other columns, of the table {:?}", self.table), rule))
    }

    /// That a removal of a page does not have the field of a key column.
    pub(super) fn missing(&self, column: &str) -> Error {
        let reason = "a removal on the page has no such field; say which rows are removed by `Sink::changes`";
        self.refused("of a removal", Misfit { column: column.to_owned(), reason: reason.to_owned() })
    }

    /// The first row or removal with a cell that this is true of, as an error for its column.
    #[cfg(feature = "postgres")]
    pub(super) fn refuse(&self, reason: &str, wrong: impl Fn(&Cell) -> bool) -> Result<()> {
        for (key, change) in &self.by_key {
            let found = match change {
                Change::Row(cells) => self.schema.columns().iter().zip(cells).find(|(_, cell)| wrong(cell)),
                Change::Removal(cells) => self.schema.keys().zip(cells).find(|(_, cell)| wrong(cell)),
            };
            if let Some((column, _)) = found {
                let misfit = Misfit { column: column.name().to_owned(), reason: reason.to_owned() };
                return Err(self.refused(key, misfit));
            }
        }
        Ok(())
    }

    fn row(&self, row: &impl Serialize) -> Result<Map<String, Value>> {
        let reason = match serde_json::to_value(row) {
            Ok(Value::Object(row)) => return Ok(row),
            Ok(other) => format!("expected a row with named fields, found {}", cell::name(&other)),
            // The message may contain a value.
            Err(_) => "the row does not serialise to JSON".to_owned(),
        };
        Err(self.refused("", Misfit { column: String::new(), reason }))
    }

    /// The key of a row: its JSON text, and its cells.
    fn key(&self, row: &Map<String, Value>) -> Result<(String, Vec<Cell>)> {
        let cell = |column: &Column| {
            let value = row.get(column.name()).cloned().unwrap_or_default();
            Cell::new(column.name(), column, value)
        };
        let cells: Result<Vec<Cell>, Misfit> = self.schema.keys().map(cell).collect();
        let cells = cells.map_err(|misfit| self.refused("", misfit))?;
        let text: Value = self.schema.keys().zip(&cells).map(|(column, cell)| cell.to_json(column.kind())).collect();
        Ok((text.to_string(), cells))
    }

    fn refused(&self, key: &str, Misfit { column, reason }: Misfit) -> Error {
        let key = key.chars().take(SHOWN_KEY).collect();
        TableError::Value { column, key, reason }.of(&self.table)
    }
}

/// Counts only: rows can hold personal data.
impl fmt::Debug for Changes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Changes")
            .field("table", &self.table)
            .field("rows", &self.rows().count())
            .field("removals", &self.removals().count())
            .finish_non_exhaustive()
    }
}

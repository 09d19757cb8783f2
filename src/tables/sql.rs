//! The SQL that the tables in SQLite and PostgreSQL share. Names are letters, digits and `_`, so quotes are enough.

use super::schema::{Column, ColumnType, Schema};
use crate::error::{Error, TableError};

/// Where the schemas of the tables are kept, in the same database.
pub(super) const REGISTER: &str =
    "CREATE TABLE IF NOT EXISTS jobfeed_table (name TEXT PRIMARY KEY NOT NULL, columns TEXT NOT NULL)";

/// What to do with a table when it is opened: statements, empty when it is as it should be. `stored` is its schema as it is kept.
pub(super) fn changes(
    table: &str,
    schema: &Schema,
    stored: Option<&str>,
    type_name: fn(&ColumnType) -> String,
) -> Result<Vec<String>, Error> {
    let column = |column: &Column| {
        let null = if column.is_nullable() { "" } else { " NOT NULL" };
        format!("\"{}\" {}{null}", column.name(), type_name(column.kind()))
    };
    let Some(stored) = stored else {
        let columns: Vec<String> = schema.columns().iter().map(column).collect();
        return Ok(vec![format!("CREATE TABLE \"{table}\" ({}, PRIMARY KEY ({}))", columns.join(", "), keys(schema))]);
    };
    let stored: Schema = serde_json::from_str(stored).map_err(|error| {
        let path = format!("the row of {table:?} in jobfeed_table");
        TableError::Corrupt { path, reason: error.to_string() }.of(table)
    })?;
    let added = schema.added(&stored).map_err(|error| error.of(table))?;
    Ok(added.into_iter().map(|added| format!("ALTER TABLE \"{table}\" ADD COLUMN {}", column(added))).collect())
}

/// The schema as it is kept.
pub(super) fn text(schema: &Schema) -> String {
    // All keys are texts, and there is no number that JSON does not have.
    serde_json::to_string(schema).unwrap_or_default()
}

/// The names of columns, for a list of them.
pub(super) fn names<'c>(columns: impl IntoIterator<Item = &'c Column>) -> String {
    columns.into_iter().map(|column| format!("\"{}\"", column.name())).collect::<Vec<_>>().join(", ")
}

/// The names of the key columns.
pub(super) fn keys(schema: &Schema) -> String {
    names(schema.keys())
}

/// What an insert does with a row that is there.
pub(super) fn on_conflict(schema: &Schema) -> String {
    let others = schema.columns().iter().filter(|column| !column.is_key());
    let set: Vec<String> = others.map(|column| format!("\"{0}\" = excluded.\"{0}\"", column.name())).collect();
    let action = if set.is_empty() { "NOTHING".to_owned() } else { format!("UPDATE SET {}", set.join(", ")) };
    format!("ON CONFLICT ({}) DO {action}", keys(schema))
}

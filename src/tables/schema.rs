//! The columns of a table.

use std::collections::HashSet;
use std::fmt;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::error::{Error, Result, TableError};

/// The longest name of a table or a column: PostgreSQL cuts longer ones.
const LONGEST_NAME: usize = 63;
/// More columns than that do not fit a table of PostgreSQL.
const MOST_COLUMNS: usize = 1000;
/// How deep lists and structs may be nested.
const DEEPEST: usize = 8;

/// The columns of a table, the same for every [`Sink`](super::Sink). Cheap to clone.
///
/// A row is anything that serialises to a JSON object. Each column takes the field with its name; fields without a column are left out.
/// A field that is absent is null.
///
/// ```
/// use jobfeed::tables::{Column, ColumnType, Schema};
///
/// let company = [Column::new("id", ColumnType::Integer), Column::new("name", ColumnType::Text)];
/// let schema = Schema::new([
///     Column::new("id", ColumnType::Integer).key(),
///     Column::new("title", ColumnType::Text).required(),
///     Column::new("published", ColumnType::Timestamp),
///     Column::new("salary_min", ColumnType::decimal(12, 2)),
///     Column::new("countries", ColumnType::list(ColumnType::Text)),
///     Column::new("company", ColumnType::structure(company)),
/// ])?;
///
/// // The same from a configuration file.
/// let columns = r#"[{"name": "id", "type": "integer", "key": true},
///     {"name": "title", "type": "text", "required": true},
///     {"name": "published", "type": "timestamp"},
///     {"name": "salary_min", "type": {"decimal": {"precision": 12, "scale": 2}}},
///     {"name": "countries", "type": {"list": "text"}},
///     {"name": "company", "type": {"struct": [{"name": "id", "type": "integer"}, {"name": "name", "type": "text"}]}}]"#;
/// assert_eq!(serde_json::from_str::<Schema>(columns)?, schema);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "Vec<Column>", into = "Vec<Column>")]
pub struct Schema {
    columns: Arc<[Column]>,
}

/// A column of a [`Schema`], or a field of a [`ColumnType::Struct`].
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Column {
    name: String,
    #[serde(rename = "type")]
    kind: ColumnType,
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    key: bool,
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    required: bool,
}

/// The type of a column.
///
/// | type | JSON value of a row | Parquet | PostgreSQL | SQLite |
/// |---|---|---|---|---|
/// | `Text` | text, at most 256 MB | `STRING` | `text`; without the character U+0000 | `TEXT` |
/// | `Integer` | whole number of 64 bits | `INT64` | `bigint` | `INTEGER` |
/// | `Float` | number that fits 64 bits exactly as written | `DOUBLE` | `double precision` | `REAL` |
/// | `Boolean` | true, false | `BOOLEAN` | `boolean` | `INTEGER` 0, 1 |
/// | `Decimal` | number, or a text such as `"12.50"` | `DECIMAL` | `numeric` | `TEXT` `12.50` |
/// | `Timestamp` | text with an offset, RFC 3339, at most 6 digits of a second | `TIMESTAMP` (microseconds, UTC) | `timestamptz` | `TEXT` `2026-05-01T12:00:00.000000Z` |
/// | `Date` | text `2026-05-01` | `DATE` | `date` | `TEXT` |
/// | `Json` | anything | `STRING`, JSON text | `jsonb` | `TEXT` |
/// | `List`, `Struct` | array; object | `LIST`; group | `jsonb` | `TEXT`, JSON |
///
/// Years are 1 to 9999, and the last instant is 9999-12-30T22:00:00.999999Z: write null for one that means "never". No value is converted to another type, cut or rounded: what does not fit is an error.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
#[non_exhaustive]
pub enum ColumnType {
    /// A text.
    Text,
    /// A whole number of 64 bits with sign.
    Integer,
    /// A floating-point number of 64 bits.
    Float,
    /// True or false.
    Boolean,
    /// A decimal number.
    Decimal {
        /// Its digits, 1 to 38.
        precision: u8,
        /// How many of them are after the point, 0 to `precision`.
        scale: u8,
    },
    /// An instant, in microseconds, UTC.
    Timestamp,
    /// A day.
    Date,
    /// Any JSON value.
    Json,
    /// A list; its elements may be null.
    List(Box<ColumnType>),
    /// Named fields.
    Struct(Vec<Column>),
}

impl ColumnType {
    /// A decimal number with `precision` digits (1 to 38), `scale` of them after the point.
    pub fn decimal(precision: u8, scale: u8) -> Self {
        Self::Decimal { precision, scale }
    }

    /// A list of this type.
    pub fn list(element: Self) -> Self {
        Self::List(Box::new(element))
    }

    /// Named fields.
    pub fn structure(fields: impl IntoIterator<Item = Column>) -> Self {
        Self::Struct(fields.into_iter().collect())
    }

    fn check(&self, column: &str, depth: usize) -> Result<()> {
        match self {
            Self::Decimal { precision, scale } if !(1..=38).contains(precision) || scale > precision => {
                Err(invalid(column, "a precision of 1 to 38 and a scale of 0 to the precision"))
            }
            Self::List(_) | Self::Struct(_) if depth == DEEPEST => {
                Err(invalid(column, "lists and structs that are nested at most 8 deep"))
            }
            Self::List(element) => element.check(column, depth + 1),
            Self::Struct(fields) => check_columns(fields, depth + 1),
            _ => Ok(()),
        }
    }
}

impl Column {
    /// A column that may be null. Names are letters (ASCII), digits and `_`, do not begin with a digit, and have at most 63
    /// characters; `_committed` and `_removed` are taken.
    pub fn new(name: impl Into<String>, kind: ColumnType) -> Self {
        Self { name: name.into(), kind, key: false, required: false }
    }

    /// Makes it part of the key, by which a later row replaces an earlier one: `Text`, `Integer`, `Timestamp` or `Date`. It is never null.
    #[must_use]
    pub fn key(mut self) -> Self {
        self.key = true;
        self
    }

    /// It is never null.
    #[must_use]
    pub fn required(mut self) -> Self {
        self.required = true;
        self
    }

    /// The name.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The type.
    pub fn kind(&self) -> &ColumnType {
        &self.kind
    }

    /// Whether it is part of the key.
    pub fn is_key(&self) -> bool {
        self.key
    }

    /// Whether it may be null.
    pub fn is_nullable(&self) -> bool {
        !self.key && !self.required
    }
}

impl Schema {
    /// A schema with these columns, of which at least one is a key.
    ///
    /// # Errors
    /// [`Error::Invalid`] that names the column: a name that is not allowed or used twice (whatever its case), a type that is not possible, no key, or
    /// more than 1,000 columns.
    pub fn new(columns: impl IntoIterator<Item = Column>) -> Result<Self> {
        let columns: Vec<Column> = columns.into_iter().collect();
        check_columns(&columns, 0)?;
        let key_type = |kind: &ColumnType| {
            matches!(kind, ColumnType::Text | ColumnType::Integer | ColumnType::Timestamp | ColumnType::Date)
        };
        if let Some(column) = columns.iter().find(|column| column.key && !key_type(&column.kind)) {
            return Err(invalid(&column.name, "a key of the type text, integer, timestamp or date"));
        }
        if !columns.iter().any(Column::is_key) {
            return Err(Error::invalid("schema", "(no key)", "at least one key column: `Column::key`"));
        }
        if columns.len() > MOST_COLUMNS {
            return Err(Error::invalid("schema", format!("{} columns", columns.len()), "at most 1,000 columns"));
        }
        Ok(Self { columns: columns.into() })
    }

    /// The columns, in their order.
    pub fn columns(&self) -> &[Column] {
        &self.columns
    }

    /// The key columns, in their order.
    pub fn keys(&self) -> impl Iterator<Item = &Column> {
        self.columns.iter().filter(|column| column.key)
    }

    /// The columns that a table with the schema `stored` lacks.
    pub(super) fn added<'s>(&'s self, stored: &Self) -> Result<Vec<&'s Column>, TableError> {
        let differs = |column: &str, reason: &str| TableError::Schema { column: column.into(), reason: reason.into() };
        for old in stored.columns() {
            match self.columns.iter().find(|column| column.name == old.name) {
                None => return Err(differs(&old.name, "of the table is not in the schema")),
                Some(new) if new.kind != old.kind => {
                    return Err(differs(&old.name, "has another type in the table"));
                }
                Some(new) if new.key != old.key => {
                    return Err(differs(&old.name, "is a key column either in the table or in the schema"));
                }
                Some(new) if new.is_nullable() != old.is_nullable() => {
                    return Err(differs(&old.name, "may be null either in the table or in the schema"));
                }
                Some(_) => {}
            }
        }
        let is_new = |column: &&Column| !stored.columns.iter().any(|old| old.name == column.name);
        let added: Vec<&Column> = self.columns.iter().filter(is_new).collect();
        match added.iter().find(|column| !column.is_nullable()) {
            Some(column) => Err(differs(&column.name, "is not in the table, and is never null")),
            None => Ok(added),
        }
    }
}

/// Checks the name of a table.
pub(super) fn check_table(name: &str) -> Result<()> {
    let rule = "1 to 63 characters a-z, 0-9 and _, not a digit first, not beginning with `jobfeed_`";
    let lowercase = !name.bytes().any(|byte| byte.is_ascii_uppercase());
    if is_name(name) && lowercase && !name.starts_with("jobfeed_") {
        Ok(())
    } else {
        Err(Error::invalid("table name", name, rule))
    }
}

fn is_name(name: &str) -> bool {
    (1..=LONGEST_NAME).contains(&name.len())
        && !name.starts_with(|first: char| first.is_ascii_digit())
        && name.bytes().all(|byte| byte == b'_' || byte.is_ascii_alphanumeric())
}

fn check_columns(columns: &[Column], depth: usize) -> Result<()> {
    let mut names = HashSet::new();
    for Column { name, kind, key, .. } in columns {
        let lower = name.to_ascii_lowercase();
        if !is_name(name) || ["_committed", "_removed"].contains(&lower.as_str()) {
            return Err(invalid(
                name,
                "1 to 63 letters (ASCII), digits and `_`, not a digit first, not `_committed` or `_removed`",
            ));
        }
        if *key && depth > 0 {
            return Err(invalid(name, "key columns at the top only"));
        }
        if !names.insert(lower) {
            return Err(invalid(name, "each name once, whatever its case"));
        }
        kind.check(name, depth)?;
    }
    if columns.is_empty() {
        return Err(Error::invalid("schema", "(no columns)", "at least one column, and one field in each struct"));
    }
    Ok(())
}

fn invalid(column: &str, rule: &str) -> Error {
    Error::invalid("column", column, rule)
}

impl TryFrom<Vec<Column>> for Schema {
    type Error = Error;

    fn try_from(columns: Vec<Column>) -> Result<Self> {
        Self::new(columns)
    }
}

impl From<Schema> for Vec<Column> {
    fn from(schema: Schema) -> Self {
        schema.columns.to_vec()
    }
}

impl fmt::Debug for Schema {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.columns.iter().map(Column::name)).finish()
    }
}

//! Rows as Arrow arrays and Parquet files.

use std::sync::Arc;

use arrow_array::types::Decimal128Type;
use arrow_array::{
    ArrayRef, BooleanArray, Date32Array, Float64Array, Int64Array, ListArray, PrimitiveArray, RecordBatch, StringArray,
    StructArray, TimestampMicrosecondArray,
};
use arrow_buffer::{NullBuffer, OffsetBuffer};
use arrow_schema::{ArrowError, DataType, Field, Fields, SchemaRef, TimeUnit};
use jiff::Timestamp;
use jiff::civil::{Date, date};
use parquet::arrow::ArrowWriter;
use parquet::arrow::arrow_writer::ArrowWriterOptions;
use parquet::basic::Compression;
use parquet::errors::ParquetError;
use parquet::file::properties::WriterProperties;

use super::cell::Cell;
use super::changes::Changes;
use super::schema::{Column, ColumnType, Schema};

/// The column with the instant of the commit.
pub(super) const COMMITTED: &str = "_committed";
/// The column that is true where the row was removed.
pub(super) const REMOVED: &str = "_removed";

/// Rows and bytes of a row group, which is in memory while it is written.
const GROUP_ROWS: usize = 65_536;
const GROUP_BYTES: usize = 64 << 20;
/// The bytes of a record batch. Its offsets have 32 bits, and one row may add a page's body.
const BATCH_BYTES: usize = 256 << 20;
const EPOCH: Date = date(1970, 1, 1);

/// The schema of the files. Only keys are never null: a removal has nothing else.
pub(super) fn file_schema(schema: &Schema) -> SchemaRef {
    let columns = schema.columns().iter();
    let mut fields: Vec<Field> =
        columns.map(|column| Field::new(column.name(), data_type(column.kind()), !column.is_key())).collect();
    fields.push(Field::new(COMMITTED, instants(), false));
    fields.push(Field::new(REMOVED, DataType::Boolean, false));
    Arc::new(arrow_schema::Schema::new(fields))
}

fn instants() -> DataType {
    DataType::Timestamp(TimeUnit::Microsecond, Some("UTC".into()))
}

fn data_type(kind: &ColumnType) -> DataType {
    match kind {
        ColumnType::Text | ColumnType::Json => DataType::Utf8,
        ColumnType::Integer => DataType::Int64,
        ColumnType::Float => DataType::Float64,
        ColumnType::Boolean => DataType::Boolean,
        ColumnType::Decimal { precision, scale } => DataType::Decimal128(*precision, i8::try_from(*scale).unwrap_or(0)),
        ColumnType::Timestamp => instants(),
        ColumnType::Date => DataType::Date32,
        ColumnType::List(element) => DataType::List(Arc::new(element_field(element))),
        ColumnType::Struct(columns) => DataType::Struct(fields(columns)),
    }
}

/// The name is that of the Parquet format.
fn element_field(kind: &ColumnType) -> Field {
    Field::new("element", data_type(kind), true)
}

fn fields(columns: &[Column]) -> Fields {
    columns.iter().map(|column| Field::new(column.name(), data_type(column.kind()), column.is_nullable())).collect()
}

/// A writer of a file in memory.
pub(super) fn writer(schema: SchemaRef) -> Result<ArrowWriter<Vec<u8>>, ParquetError> {
    let properties = WriterProperties::builder()
        .set_compression(Compression::ZSTD(parquet::basic::ZstdLevel::default()))
        .set_max_row_group_row_count(Some(GROUP_ROWS))
        .set_max_row_group_bytes(Some(GROUP_BYTES))
        .build();
    // Without Arrow's own description of the columns: that of Parquet says the same, to every reader.
    let options = ArrowWriterOptions::new().with_properties(properties).with_skip_arrow_metadata(true);
    ArrowWriter::try_new_with_options(Vec::new(), schema, options)
}

/// A file with these changes.
pub(super) fn file(changes: &Changes, committed: Timestamp) -> Result<Vec<u8>, ParquetError> {
    let schema = changes.schema();
    let mut writer = writer(file_schema(schema))?;
    let keys: Vec<usize> =
        (0..).zip(schema.columns()).filter(|(_, column)| column.is_key()).map(|(at, _)| at).collect();
    let removed = |cells: &[Cell]| {
        let mut row = vec![Cell::Null; schema.columns().len()];
        for (at, cell) in keys.iter().zip(cells) {
            if let Some(place) = row.get_mut(*at) {
                *place = cell.clone();
            }
        }
        row
    };
    let removals: Vec<Vec<Cell>> = changes.removals().map(removed).collect();
    let removals = removals.iter().map(|cells| (&cells[..], true));
    let (mut rows, mut size) = (Vec::new(), 0);
    for row in changes.rows().map(|cells| (cells, false)).chain(removals) {
        rows.push(row);
        size += row.0.iter().map(bytes).sum::<usize>();
        if size > BATCH_BYTES {
            writer.write(&batch(schema, &std::mem::take(&mut rows), committed)?)?;
            size = 0;
        }
    }
    if !rows.is_empty() {
        writer.write(&batch(schema, &rows, committed)?)?;
    }
    writer.into_inner()
}

fn batch(schema: &Schema, rows: &[(&[Cell], bool)], committed: Timestamp) -> Result<RecordBatch, ArrowError> {
    let column = |(index, column): (usize, &Column)| {
        array(column.kind(), &rows.iter().map(|(cells, _)| cells.get(index)).collect::<Vec<_>>())
    };
    let mut arrays = schema.columns().iter().enumerate().map(column).collect::<Result<Vec<_>, _>>()?;
    let instants = TimestampMicrosecondArray::from_value(committed.as_microsecond(), rows.len());
    arrays.push(Arc::new(instants.with_timezone("UTC")));
    arrays.push(Arc::new(rows.iter().map(|(_, removed)| Some(*removed)).collect::<BooleanArray>()));
    RecordBatch::try_new(file_schema(schema), arrays)
}

/// The array of a column. A cell that is absent is null.
fn array(kind: &ColumnType, cells: &[Option<&Cell>]) -> Result<ArrayRef, ArrowError> {
    macro_rules! values {
        ($array:ty, $($cell:pat => $value:expr),+) => {
            cells.iter().map(|cell| match cell { $(Some($cell) => Some($value),)+ _ => None }).collect::<$array>()
        };
    }
    Ok(match kind {
        ColumnType::Text => Arc::new(values!(StringArray, Cell::Text(text) => text.as_str())),
        ColumnType::Json => Arc::new(values!(StringArray, Cell::Json(value) => value.to_string())),
        ColumnType::Integer => Arc::new(values!(Int64Array, Cell::Integer(number) => *number)),
        ColumnType::Float => Arc::new(values!(Float64Array, Cell::Float(number) => *number)),
        ColumnType::Boolean => Arc::new(values!(BooleanArray, Cell::Boolean(value) => *value)),
        ColumnType::Decimal { precision, scale } => {
            let numbers = values!(PrimitiveArray<Decimal128Type>, Cell::Decimal { unscaled, .. } => *unscaled);
            Arc::new(numbers.with_precision_and_scale(*precision, i8::try_from(*scale).unwrap_or(0))?)
        }
        ColumnType::Timestamp => {
            let instants = values!(TimestampMicrosecondArray, Cell::Timestamp(instant) => instant.as_microsecond());
            Arc::new(instants.with_timezone("UTC"))
        }
        ColumnType::Date => Arc::new(values!(Date32Array, Cell::Date(day) => days(*day))),
        ColumnType::List(element) => {
            let lists = || cells.iter().map(|cell| if let Some(Cell::List(list)) = cell { Some(list) } else { None });
            let elements: Vec<Option<&Cell>> = lists().flatten().flatten().map(Some).collect();
            let offsets = OffsetBuffer::from_lengths(lists().map(|list| list.map_or(0, Vec::len)));
            let nulls: NullBuffer = lists().map(|list| list.is_some()).collect::<Vec<_>>().into();
            let field = Arc::new(element_field(element));
            Arc::new(ListArray::try_new(field, offsets, array(element, &elements)?, Some(nulls))?)
        }
        ColumnType::Struct(columns) => {
            let structs = || cells.iter().map(|cell| if let Some(Cell::Struct(row)) = cell { Some(row) } else { None });
            let column = |(index, column): (usize, &Column)| {
                array(column.kind(), &structs().map(|row| row?.get(index)).collect::<Vec<_>>())
            };
            let arrays = columns.iter().enumerate().map(column).collect::<Result<Vec<_>, _>>()?;
            let nulls: NullBuffer = structs().map(|row| row.is_some()).collect::<Vec<_>>().into();
            Arc::new(StructArray::try_new(fields(columns), arrays, Some(nulls))?)
        }
    })
}

/// Days since 1970. Years are 1 to 9999.
fn days(day: Date) -> i32 {
    i32::try_from(day.duration_since(EPOCH).as_hours() / 24).unwrap_or_default()
}

/// About the bytes of a cell in its arrays; at least one for each element of a list.
fn bytes(cell: &Cell) -> usize {
    match cell {
        Cell::Text(text) => text.len() + 4,
        Cell::Json(value) => value.to_string().len() + 4,
        Cell::List(cells) | Cell::Struct(cells) => 4 + cells.iter().map(bytes).sum::<usize>(),
        _ => 16,
    }
}

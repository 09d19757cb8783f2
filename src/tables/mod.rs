//! Tables: the rows of a sync and its state, written in one step into SQLite, PostgreSQL or Parquet files.
//!
//! | table | rows and state in one step | a later version of a record | feature |
//! |---|---|---|---|
//! | `SqliteTable` | one transaction | replaces the row | `sqlite` |
//! | `PostgresTable` | one transaction | replaces the row | `postgres` |
//! | `ParquetTable` | one object that is written once | is one more row, and the newest counts | `parquet` |
//!
//! A [`Schema`] says which columns there are; a row is anything that serialises to a JSON object. [`Sink::commit`] writes a batch and commits it:
//! the rows of its records, the removals of the page, and the state of the sync. A crash at any moment leaves all of it or nothing, so the
//! effect is exactly once.
//!
//! ```
//! use std::sync::Arc;
//! use jobfeed::jobdataapi::{Client, Job};
//! use jobfeed::object_store::local::LocalFileSystem;
//! use jobfeed::tables::{Column, ColumnType, ParquetTable, Schema, Sink, SqliteTable};
//! use serde::Serialize;
//!
//! /// `published` and `salary` are texts such as `2026-05-01T12:00:00Z` and `52000.00`.
//! #[derive(Serialize)]
//! struct Row {
//!     id: u64,
//!     title: Option<String>,
//!     published: Option<String>,
//!     salary: Option<String>,
//!     countries: Vec<String>,
//! }
//!
//! fn row(job: &Job) -> Row {
//!     Row {
//!         id: job.id,
//!         title: job.title.clone(),
//!         published: job.published.as_ref().map(|at| at.as_str().to_owned()),
//!         salary: job.salary_min.as_ref().map(|salary| salary.as_str().to_owned()),
//!         countries: job.countries.iter().filter_map(|country| country.code.clone()).collect(),
//!     }
//! }
//!
//! # use jobfeed::testing::JobDataApi;
//! # #[tokio::main] async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! # let server = JobDataApi::builder().jobs(300).start().await?;
//! # let api = Client::builder().api_key(server.api_key()).base_url(server.base_url()).build()?;
//! # let folder = tempfile::tempdir()?;
//! let schema = Schema::new([
//!     Column::new("id", ColumnType::Integer).key(),
//!     Column::new("title", ColumnType::Text),
//!     Column::new("published", ColumnType::Timestamp),
//!     Column::new("salary", ColumnType::decimal(14, 4)),
//!     Column::new("countries", ColumnType::list(ColumnType::Text)),
//! ])?;
//!
//! // `Box<dyn Sink>` only because the kind of table is chosen at run time here.
//! let mut tables: Vec<Box<dyn Sink>> = Vec::new();
//! let files = LocalFileSystem::new_with_prefix(&folder)?.with_fsync(true);
//! tables.push(Box::new(ParquetTable::open(Arc::new(files), "postings", schema.clone()).await?));
//! tables.push(Box::new(SqliteTable::open(folder.path().join("jobs.sqlite3"), "postings", schema).await?));
//!
//! for table in tables {
//!     let mut run = api.jobs().sync_by_id("jobs", table.checkpoint()).await?;
//!     while let Some(batch) = run.next().await? {
//!         table.commit(batch, row).await?; // rows and state together
//!     }
//!     println!("{}", run.report());
//! }
//! # Ok(()) }
//! ```
//!
//! A record that did not fit the record type is in [`Page::rejected`](crate::Page::rejected) as always, and not in the table. A value that does
//! not fit its column is an error that names the column and the record, and nothing of its page is written. Cut it, round it or leave it out in
//! the function that makes the row.
//!
//! # When columns change
//!
//! Each table keeps its schema, and the one it is opened with may have more columns, if these may be null. It is [`TableError::Schema`] when a column of
//! the table is missing in it, or when a column differs in its type, in whether it is a key, or in whether it may be null. The order of columns does
//! not matter.
//!
//! # Several syncs in one table
//!
//! Each sync has a checkpoint key of its own. When several bring the same record, the row that is written last counts. Every commit writes its rows
//! in the order of their keys, so that two syncs do not end in a deadlock in PostgreSQL.

#[cfg(feature = "parquet")]
mod arrays;
mod cell;
mod changes;
#[cfg(feature = "parquet")]
mod compaction;
#[cfg(feature = "parquet")]
mod manifest;
#[cfg(feature = "parquet")]
mod objects;
#[cfg(feature = "parquet")]
mod parquet_table;
#[cfg(feature = "postgres")]
mod postgres;
mod schema;
mod sink;
#[cfg(any(feature = "postgres", feature = "sqlite"))]
mod sql;
#[cfg(feature = "sqlite")]
mod sqlite;

pub use crate::error::TableError;
pub use cell::Cell;
pub use changes::Changes;
#[cfg(feature = "parquet")]
pub use compaction::Compaction;
#[cfg(feature = "parquet")]
pub use parquet_table::{ParquetTable, TableFile};
#[cfg(feature = "postgres")]
pub use postgres::PostgresTable;
pub use schema::{Column, ColumnType, Schema};
pub use sink::Sink;
#[cfg(feature = "sqlite")]
pub use sqlite::SqliteTable;

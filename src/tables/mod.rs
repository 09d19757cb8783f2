//! Tables: the rows of a sync and its state, written in one step. In SQLite, PostgreSQL or Parquet files, by the same three lines.
//!
//! | table | rows and state in one step | a later version of a record | feature |
//! |---|---|---|---|
//! | `SqliteTable` | one transaction | replaces the row | `sqlite` |
//! | `PostgresTable` | one transaction | replaces the row | `postgres` |
//! | `ParquetTable` | one object that is written once | is one more row, and the newest counts | `parquet` |
//!
//! A [`Schema`] says which columns there are; a row is anything that serialises to JSON. [`Sink::commit`] writes a batch: the rows of its
//! records, the removals of the page, and the state of the sync. A crash at any moment leaves all of it or nothing, so each
//! committed row is there once.
//!
//! ```
//! use std::sync::Arc;
//! use jobfeed::object_store::local::LocalFileSystem;
//! use jobfeed::tables::{Column, ColumnType, ParquetTable, Schema, Sink, SqliteTable};
//! use serde::Serialize;
//!
//! /// A row. `published` and `salary` are texts such as `2026-05-01T12:00:00Z` and `52000.00`.
//! #[derive(Serialize)]
//! struct Posting {
//!     id: u64,
//!     title: Option<String>,
//!     published: Option<String>,
//!     salary: Option<String>,
//!     countries: Vec<String>,
//! }
//!
//! # use jobfeed::{jobdataapi::{Client, Job}, testing::JobDataApi};
//! # fn posting(job: &Job) -> Posting {
//! #     Posting {
//! #         id: job.id,
//! #         title: job.title.clone(),
//! #         published: job.published.as_ref().map(|at| at.as_str().to_owned()),
//! #         salary: job.salary_min.as_ref().map(|salary| salary.as_str().to_owned()),
//! #         countries: job.countries.iter().filter_map(|country| country.code.clone()).collect(),
//! #     }
//! # }
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
//! // The kind of table can be chosen at run time.
//! let mut tables: Vec<Box<dyn Sink>> = Vec::new();
//! let files = LocalFileSystem::new_with_prefix(&folder)?.with_fsync(true);
//! tables.push(Box::new(ParquetTable::open(Arc::new(files), "postings", schema.clone()).await?));
//! tables.push(Box::new(SqliteTable::open(folder.path().join("jobs.sqlite3"), "postings", schema).await?));
//!
//! for table in tables {
//!     let mut run = api.jobs().sync_by_id("jobs", table.checkpoint()).await?;
//!     while let Some(batch) = run.next().await? {
//!         table.commit(batch, posting).await?; // rows and checkpoint together
//!     }
//!     println!("{}", run.report());
//! }
//! # Ok(()) }
//! ```
//!
//! A record that did not fit the record type is in [`Page::rejected`](crate::Page::rejected) as always, and not in the table. A value that does
//! not fit its column is an error that names the column and the record, before anything of its page is written: cut, round or leave it out where the
//! row is made.
//!
//! # The columns of a table change
//!
//! Each table keeps its schema. A column that may be null can be added at any time; one that is missing, has another type, is a key in only one of the two, or
//! may be null in only one of them is [`TableError::Schema`] when the table is opened. The order of columns does not matter.
//!
//! # Several syncs in one table
//!
//! Each sync has a checkpoint key of its own, and a record may come by several of them: the last one that is written counts. Two syncs that bring the same
//! records write them in one order of keys, so that PostgreSQL need not end one of them because of the other.

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

//! The table of postings: its columns, how a posting becomes a row, and which postings it has.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;

use jobfeed::object_store::{ObjectStore, ObjectStoreExt, local::LocalFileSystem, path::Path, prefix::PrefixStore};
use jobfeed::posting::Posting;
use jobfeed::tables::{Column, ColumnType, ParquetTable, Schema, Sink, SqliteTable};
use jobfeed::url::Url;
use jobfeed::{BoxError, value::Decimal};
use parquet::file::reader::{FileReader, SerializedFileReader};
use parquet::record::Field;
use rusqlite::Connection;
use serde_json::{Value, json};

use super::config::{self, Config};

const NAME: &str = "postings";
/// Files of one sync are merged when there are more.
const MOST_FILES: usize = 12;
/// Digits of an amount before and after the point.
const AMOUNT: (u8, u8) = (18, 4);

/// The postings that a table has: the status in the words of the source, by provider, feed and id.
pub(crate) type Known = BTreeMap<String, Feeds>;
pub(crate) type Feeds = BTreeMap<String, Ids>;
pub(crate) type Ids = BTreeMap<String, Option<String>>;

pub(crate) struct Table {
    pub(crate) sink: Box<dyn Sink>,
    reader: Reader,
}

/// What a sink cannot do: read its rows.
enum Reader {
    Parquet(ParquetTable, Arc<dyn ObjectStore>),
    Sqlite(PathBuf),
    #[cfg(feature = "postgres")]
    Postgres(String),
}

impl Table {
    pub(crate) async fn open(config: &Config) -> Result<Self, BoxError> {
        match &config.sink {
            config::Sink::Parquet(place) => {
                let store = object_store(&config.place(place))?;
                let table = ParquetTable::open(store.clone(), NAME, schema()?).await?;
                Ok(Self { sink: Box::new(table.clone()), reader: Reader::Parquet(table, store) })
            }
            config::Sink::Sqlite(file) => {
                let path = config.folder().join(file);
                let table = SqliteTable::open(&path, NAME, schema()?).await?;
                Ok(Self { sink: Box::new(table), reader: Reader::Sqlite(path) })
            }
            #[cfg(feature = "postgres")]
            config::Sink::PostgresEnv(name) => {
                let url = config::variable(name).ok_or_else(|| format!("the variable {name} is not set"))?;
                let to = url.clone();
                let connect = move || connect(to.clone());
                let table = jobfeed::tables::PostgresTable::open(connect, NAME, schema()?).await?;
                Ok(Self { sink: Box::new(table), reader: Reader::Postgres(url) })
            }
            #[cfg(not(feature = "postgres"))]
            config::Sink::PostgresEnv(_) => Err("a sink in PostgreSQL needs the feature `postgres`".into()),
        }
    }

    /// All postings of the table. Their ids are in memory, some 50 bytes for each.
    pub(crate) async fn known(&self) -> Result<Known, BoxError> {
        let mut known = Known::new();
        let mut add = |provider: String, feed: String, id, status| {
            known.entry(provider).or_default().entry(feed).or_default().insert(id, status);
        };
        match &self.reader {
            Reader::Parquet(table, store) => {
                for (key, status) in newest(table, store).await? {
                    if let Some(status) = status {
                        let [provider, feed, id] = key;
                        add(provider, feed, id, status);
                    }
                }
            }
            Reader::Sqlite(path) => {
                let db = Connection::open(path)?;
                let mut select = db.prepare(&format!("SELECT provider, feed, id, status_raw FROM {NAME}"))?;
                let mut rows = select.query([])?;
                while let Some(row) = rows.next()? {
                    add(row.get(0)?, row.get(1)?, row.get(2)?, row.get(3)?);
                }
            }
            #[cfg(feature = "postgres")]
            Reader::Postgres(url) => {
                let select = format!("SELECT provider, feed, id, status_raw FROM {NAME}");
                for row in connect(url.clone()).await?.query(&select, &[]).await? {
                    add(row.get(0), row.get(1), row.get(2), row.get(3));
                }
            }
        }
        Ok(known)
    }

    /// Merges small files, where the table has files.
    pub(crate) async fn tidy(&self) -> Result<(), BoxError> {
        let Reader::Parquet(table, _) = &self.reader else { return Ok(()) };
        let mut files: BTreeMap<String, usize> = BTreeMap::new();
        for file in table.files().await? {
            *files.entry(file.key).or_default() += 1;
        }
        for (key, _) in files.into_iter().filter(|(_, files)| *files > MOST_FILES) {
            table.compact(&key).await?;
        }
        // A day later nobody reads the files that were merged.
        table.clean(std::time::Duration::from_secs(24 * 3600)).await?;
        Ok(())
    }
}

#[cfg(feature = "postgres")]
async fn connect(url: String) -> Result<jobfeed::tokio_postgres::Client, jobfeed::tokio_postgres::Error> {
    let (client, connection) = jobfeed::tokio_postgres::connect(&url, jobfeed::tokio_postgres::NoTls).await?;
    tokio::spawn(connection);
    Ok(client)
}

/// A folder, or a URL.
fn object_store(place: &str) -> Result<Arc<dyn ObjectStore>, BoxError> {
    if place.contains("://") {
        let (store, prefix) = jobfeed::object_store::parse_url_opts(&Url::parse(place)?, config::environment())?;
        return Ok(Arc::new(PrefixStore::new(store, prefix)));
    }
    std::fs::create_dir_all(place)?;
    Ok(Arc::new(LocalFileSystem::new_with_prefix(place)?.with_fsync(true)))
}

/// The newest version of each posting: its status; `None` when it was removed.
async fn newest(
    table: &ParquetTable,
    store: &Arc<dyn ObjectStore>,
) -> Result<BTreeMap<[String; 3], Option<Option<String>>>, BoxError> {
    let columns = ["provider", "feed", "id", "status_raw", "_committed", "_removed"];
    let mut newest: BTreeMap<[String; 3], (i64, Option<Option<String>>)> = BTreeMap::new();
    for file in table.files().await? {
        let bytes = store.get(&Path::parse(&file.path)?).await?.bytes().await?;
        let reader = SerializedFileReader::new(bytes)?;
        let whole = reader.metadata().file_metadata().schema().clone();
        let wanted = whole.get_fields().iter().filter(|field| columns.contains(&field.name())).cloned().collect();
        let wanted = parquet::schema::types::Type::group_type_builder(whole.name()).with_fields(wanted).build()?;
        for row in reader.get_row_iter(Some(wanted))? {
            let (mut key, mut status, mut at, mut removed) = ([const { String::new() }; 3], None, 0, false);
            for (name, value) in row?.into_columns() {
                match (name.as_str(), value) {
                    ("provider", Field::Str(text)) => key[0] = text,
                    ("feed", Field::Str(text)) => key[1] = text,
                    ("id", Field::Str(text)) => key[2] = text,
                    ("status_raw", Field::Str(text)) => status = Some(text),
                    ("_committed", Field::TimestampMicros(instant)) => at = instant,
                    ("_removed", Field::Bool(is)) => removed = is,
                    _ => {}
                }
            }
            let version = (at, (!removed).then_some(status));
            let kept = newest.entry(key).or_insert((i64::MIN, None));
            if version.0 >= kept.0 {
                *kept = version;
            }
        }
    }
    Ok(newest.into_iter().map(|(key, (_, status))| (key, status)).collect())
}

/// The columns. Each has the name of a field of a posting, or of its source.
pub(crate) fn schema() -> jobfeed::Result<Schema> {
    use ColumnType::{Boolean, Date, Float, Integer, Json, Text, Timestamp};
    let column = |name: &str, kind: &ColumnType| Column::new(name, kind.clone());
    let texts = |names: &[&str]| names.iter().map(|name| column(name, &Text)).collect::<Vec<_>>();
    let list = ColumnType::list;

    let mut organisation = texts(&["name", "id", "domain", "website", "logo"]);
    organisation.push(column("agency", &Boolean));
    let mut location = texts(&["raw", "street", "city", "region", "postal_code", "country", "country_code"]);
    location.extend([column("latitude", &Float), column("longitude", &Float)]);
    let amount = ColumnType::decimal(AMOUNT.0, AMOUNT.1);
    let mut salary = vec![column("min", &amount), column("max", &amount)];
    salary.extend(texts(&["currency", "unit", "basis"]));
    let remote = [column("mode", &Text), column("raw", &Text), column("places", &list(Text))];
    let experience =
        [column("level", &Text), column("raw", &Text), column("min_years", &Integer), column("max_years", &Integer)];

    let mut columns: Vec<Column> = texts(&["provider", "feed", "id"]).into_iter().map(Column::key).collect();
    columns.extend(texts(&[
        "domain",
        "reference",
        "url",
        "apply_url",
        "title",
        "description_html",
        "description_text",
    ]));
    columns.extend([
        column("organisation", &ColumnType::structure(organisation)),
        column("locations", &list(ColumnType::structure(location))),
        column("remote", &ColumnType::structure(remote)),
        column("employment_types", &list(Text)),
        column("salary", &ColumnType::structure(salary)),
        column("experience", &ColumnType::structure(experience)),
        column("skills", &list(Text)),
        column("categories", &list(ColumnType::structure(texts(&["scheme", "code", "label"])))),
        column("openings", &Integer),
    ]);
    columns.extend(texts(&["language", "status", "status_raw"]));
    columns.extend(["posted", "created", "updated", "valid_through", "expired"].map(|name| column(name, &Timestamp)));
    columns.extend(["posted_day", "created_day", "valid_through_day"].map(|name| column(name, &Date)));
    columns.push(column("extra", &Json));
    Schema::new(columns)
}

/// The key of a posting.
pub(crate) fn key(provider: &str, feed: &str, id: &str) -> Value {
    json!({ "provider": provider, "feed": feed, "id": id })
}

/// The row of a posting. An amount that does not fit its column is left out: the table refuses it, and with it the whole page.
pub(crate) fn row(posting: &Posting) -> serde_json::Result<Value> {
    let mut row = serde_json::to_value(posting)?;
    let source = &posting.source;
    row["provider"] = source.provider.clone().into();
    row["feed"] = source.feed.clone().into();
    row["id"] = source.id.clone().into();
    row["domain"] = source.domain.clone().into();
    if let Some(salary) = &posting.salary {
        for (name, amount) in [("min", &salary.min), ("max", &salary.max)] {
            if amount.as_ref().is_some_and(|amount| !fits(amount)) {
                row["salary"][name] = Value::Null;
            }
        }
    }
    Ok(row)
}

fn fits(amount: &Decimal) -> bool {
    let (precision, scale) = AMOUNT;
    let (whole, fraction) = amount.as_str().split_once('.').unwrap_or((amount.as_str(), ""));
    let digits = |part: &str| part.bytes().all(|byte| byte.is_ascii_digit());
    let whole_fits = !whole.is_empty() && digits(whole) && whole.len() <= usize::from(precision - scale);
    whole_fits && digits(fraction) && fraction.len() <= usize::from(scale)
}

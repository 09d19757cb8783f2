//! A store in PostgreSQL, with its own transactions or inside the caller's transaction.

use std::fmt;
use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use futures::future::BoxFuture;
use tokio::sync::Mutex;
use tokio_postgres::types::{ToSql, Type};
use tokio_postgres::{Client, GenericClient, Row};

use super::fence::Fence;
use super::lease::LeaseStore;
use super::postgres_schema::{self, SAVE};
use super::state::SyncState;
use super::store::Checkpoint;
use crate::error::{BoxError, CheckpointError};

const LOAD: &str = "SELECT state FROM jobfeed_checkpoint WHERE key = $1 AND state IS NOT NULL";
const ACQUIRE: &str = "INSERT INTO jobfeed_checkpoint AS c (key, fence, holder, lease_until)
    VALUES ($1, 1, $2, clock_timestamp() + $3 * interval '1 millisecond')
    ON CONFLICT (key) DO UPDATE
    SET fence = c.fence + 1, holder = excluded.holder, lease_until = excluded.lease_until
    WHERE c.lease_until IS NULL OR c.lease_until <= clock_timestamp()
    RETURNING fence";
const HOLDER: &str = "SELECT holder, 1000 * extract(epoch FROM lease_until - clock_timestamp())::float8
    FROM jobfeed_checkpoint WHERE key = $1 AND lease_until > clock_timestamp()";
/// It does not wait for a transaction that holds the row: other leases are renewed on the same connection.
const RENEW: &str = "UPDATE jobfeed_checkpoint SET lease_until = clock_timestamp() + $3 * interval '1 millisecond'
    WHERE key = (SELECT key FROM jobfeed_checkpoint WHERE key = $1 AND fence = $2 FOR UPDATE SKIP LOCKED)
    RETURNING fence";
const FENCE: &str = "SELECT fence FROM jobfeed_checkpoint WHERE key = $1";
const RELEASE: &str = "UPDATE jobfeed_checkpoint SET lease_until = NULL, holder = NULL WHERE key = $1 AND fence = $2";

/// Opens a connection; called again when the last one is lost.
type Connect = dyn Fn() -> BoxFuture<'static, Result<Client, BoxError>> + Send + Sync;

/// Keeps states in the table `jobfeed_checkpoint` of a PostgreSQL database, and gives leases on their keys.
///
/// The store opens its connections with a function of the caller, so TLS, passwords and host names are the caller's: one for most statements,
/// another one when that is lost, and one more each time a lease is taken or freed. Several runs can share one store. For exactly-once, write
/// rows and state in one transaction of your own:
///
/// ```
/// # async fn example(api: jobfeed::jobdataapi::Client) -> Result<(), jobfeed::BoxError> {
/// use jobfeed::checkpoint::{LeaseStore, PostgresStore};
/// use jobfeed::tokio_postgres::{Client, Error, NoTls};
///
/// async fn connect() -> Result<Client, Error> {
///     let (client, connection) = jobfeed::tokio_postgres::connect("host=localhost user=jobs dbname=jobs", NoTls).await?;
///     tokio::spawn(connection);
///     Ok(client)
/// }
///
/// let store = PostgresStore::new(connect).await?;
/// let lease = store.lease("jobs", std::time::Duration::from_secs(30)).await?;
/// let mut db = connect().await?;
/// let mut run = api.jobs().sync_by_id("jobs", lease).await?;
/// while let Some(batch) = run.next().await? {
///     let tx = db.transaction().await?;
///     for (job, raw) in batch.page().rows() {
///         let sql = "INSERT INTO jobs VALUES ($1, $2) ON CONFLICT (id) DO UPDATE SET json = excluded.json";
///         tx.execute(sql, &[&(job.id as i64), &raw]).await?;
///     }
///     PostgresStore::save_in(&tx, batch.key(), batch.next_state(), batch.fence()).await?;
///     tx.commit().await?;
///     batch.committed();
/// }
/// # Ok(()) }
/// ```
///
/// A worker that is stopped inside such a transaction keeps its row locked, and another worker that wants the lease waits until the transaction or
/// its connection ends. Set `idle_in_transaction_session_timeout` of these connections to the time to live of the lease: PostgreSQL then ends
/// them.
///
/// With another library, such as sqlx, execute [`PostgresStore::save_statement`] in its transactions. When the answer to a `COMMIT` is lost,
/// [`PostgresStore::is_saved`] tells whether it happened. `tables::PostgresTable` writes the rows too.
#[derive(Clone)]
pub struct PostgresStore {
    connect: Arc<Connect>,
    client: Arc<Mutex<Option<Arc<Client>>>>,
}

/// The parameters of [`PostgresStore::save_statement`], in their order: key, the revision before this save, the state, and the number of the
/// fencing token. Their types are `text`, `bigint`, `text`, `bigint`.
pub type SaveParameters = (String, i64, String, Option<i64>);

impl PostgresStore {
    /// A store that opens its connections with `connect`. Creates its table `jobfeed_checkpoint` and its function `jobfeed_save`, or updates those
    /// of an older version. When they are up to date, it needs no right to create.
    ///
    /// # Errors
    /// [`CheckpointError::Store`] when the connection or PostgreSQL fails, [`CheckpointError::Newer`] when the table is that of a
    /// newer version of this crate.
    pub async fn new<F, Fut, E>(connect: F) -> Result<Self, CheckpointError>
    where
        F: Fn() -> Fut + Send + Sync + 'static,
        Fut: Future<Output = Result<Client, E>> + Send + 'static,
        E: Into<BoxError>,
    {
        let connect = move || -> BoxFuture<'static, Result<Client, BoxError>> {
            let client = connect();
            Box::pin(async move { client.await.map_err(Into::into) })
        };
        let store = Self { connect: Arc::new(connect), client: Arc::default() };
        postgres_schema::migrate(&*store.client().await?).await?;
        Ok(store)
    }

    /// Creates or updates the table and the function on your own connection: for users of other libraries, who execute
    /// [`PostgresStore::save_statement`] and have a [`Checkpoint`] of their own.
    ///
    /// # Errors
    /// Those of [`PostgresStore::new`].
    pub async fn migrate(client: &Client) -> Result<(), CheckpointError> {
        postgres_schema::migrate(client).await
    }

    /// Saves a state inside the caller's transaction: it becomes durable together with the rows, or not at all. `fence` is
    /// [`Batch::fence`](crate::Batch::fence).
    ///
    /// # Errors
    /// [`CheckpointError::Conflict`] when another process has saved under the key, [`CheckpointError::LeaseLost`] when the lease of
    /// the fence has ended and another was taken, [`CheckpointError::Leased`] when there is no fence and a worker has
    /// the lease, [`CheckpointError::Store`] when PostgreSQL fails. The transaction can then only be rolled back.
    pub async fn save_in(
        db: &(impl GenericClient + Sync),
        key: &str,
        state: &SyncState,
        fence: Option<Fence>,
    ) -> Result<(), CheckpointError> {
        let (sql, (key, before, state, fence)) = Self::save_statement(key, state, fence)?;
        let types = [Type::TEXT, Type::INT8, Type::TEXT, Type::INT8];
        let values: [&(dyn ToSql + Sync); 4] = [&key, &before, &state, &fence];
        let parameters = values.into_iter().zip(types).collect::<Vec<_>>();
        db.query_typed(sql, &parameters).await.map(drop).map_err(|error| postgres_schema::refused(error, before))
    }

    /// The statement that saves a state, and its parameters, for any PostgreSQL library: bind them in their order, and execute it in the
    /// transaction of the rows. It returns one row, which means nothing. When the save is refused, the statement fails
    /// and so does the transaction; the error has one of these codes:
    ///
    /// | SQLSTATE | meaning |
    /// |---|---|
    /// | `JF001` | another process has saved under the key |
    /// | `JF002` | the lease of the fence has ended, and another was taken |
    /// | `JF003` | there is no fence, and a worker has the lease |
    ///
    /// # Errors
    /// [`CheckpointError::Store`] when a number is over the range of `bigint`.
    pub fn save_statement(
        key: &str,
        state: &SyncState,
        fence: Option<Fence>,
    ) -> Result<(&'static str, SaveParameters), CheckpointError> {
        let before = number(state.revision().saturating_sub(1))?;
        let fence = fence.map(|fence| number(fence.get())).transpose()?;
        Ok((SAVE, (key.to_owned(), before, state.to_json(), fence)))
    }

    /// Whether exactly this state is stored. After the answer to a `COMMIT` was lost: when it is, call
    /// [`Batch::committed`](crate::Batch::committed); when it is not, write the rows and the state again.
    ///
    /// # Errors
    /// Those of [`Checkpoint::load`].
    pub async fn is_saved(&self, key: &str, state: &SyncState) -> Result<bool, CheckpointError> {
        Ok(self.load(key).await?.as_ref() == Some(state))
    }

    /// A new connection: for one statement that may wait for a transaction which holds its row, so that no other statement waits with it, and
    /// for the transactions of a table.
    pub(crate) async fn own_connection(&self) -> Result<Client, CheckpointError> {
        (self.connect)().await.map_err(CheckpointError::Store)
    }

    /// The connection, opened when there is none or the last one is lost.
    async fn client(&self) -> Result<Arc<Client>, CheckpointError> {
        let mut current = self.client.lock().await;
        if let Some(client) = current.as_ref().filter(|client| !client.is_closed()) {
            return Ok(client.clone());
        }
        let client = Arc::new((self.connect)().await.map_err(CheckpointError::Store)?);
        *current = Some(client.clone());
        Ok(client)
    }

    /// Opens a new connection for the next statement, when the error means that this one is lost.
    async fn is_lost(&self, client: &Arc<Client>, error: &CheckpointError) -> bool {
        let lost = postgres_schema::is_lost(error);
        let mut current = self.client.lock().await;
        if lost && current.as_ref().is_some_and(|current| Arc::ptr_eq(current, client)) {
            *current = None;
        }
        lost
    }

    /// Runs a statement that may be run twice: once more on a new connection when this one is lost.
    pub(crate) async fn query(
        &self,
        sql: &str,
        parameters: &[(&(dyn ToSql + Sync), Type)],
    ) -> Result<Vec<Row>, CheckpointError> {
        let client = self.client().await?;
        let rows = client.query_typed(sql, parameters).await.map_err(CheckpointError::store);
        match rows {
            Err(error) if self.is_lost(&client, &error).await => {
                self.client().await?.query_typed(sql, parameters).await.map_err(CheckpointError::store)
            }
            rows => rows,
        }
    }

    async fn save(&self, key: &str, state: &SyncState, fence: Option<Fence>) -> Result<(), CheckpointError> {
        let client = self.client().await?;
        match Self::save_in(&*client, key, state, fence).await {
            // The answer is lost, and perhaps not the save: a second one would be refused as a conflict with the first.
            Err(error) if self.is_lost(&client, &error).await => {
                if self.is_saved(key, state).await? {
                    return Ok(());
                }
                Self::save_in(&*self.client().await?, key, state, fence).await
            }
            saved => saved,
        }
    }
}

impl Checkpoint for PostgresStore {
    type Error = CheckpointError;

    async fn load(&self, key: &str) -> Result<Option<SyncState>, CheckpointError> {
        let rows = self.query(LOAD, &[(&key, Type::TEXT)]).await?;
        let Some(row) = rows.first() else { return Ok(None) };
        SyncState::from_json(row.try_get(0).map_err(CheckpointError::store)?).map(Some)
    }

    async fn save(&self, key: &str, state: &SyncState) -> Result<(), CheckpointError> {
        self.save(key, state, None).await
    }
}

impl LeaseStore for PostgresStore {
    async fn acquire(&self, key: &str, holder: &str, ttl: Duration) -> Result<Fence, CheckpointError> {
        let ttl = milliseconds(ttl);
        loop {
            // Not repeated on a new connection: the lease may have been taken, and then nobody could free it before it ends.
            let client = self.own_connection().await?;
            let parameters: [(&(dyn ToSql + Sync), Type); 3] =
                [(&key, Type::TEXT), (&holder, Type::TEXT), (&ttl, Type::FLOAT8)];
            let rows = client.query_typed(ACQUIRE, &parameters).await.map_err(CheckpointError::store)?;
            if let Some(row) = rows.first() {
                let fence: i64 = row.try_get(0).map_err(CheckpointError::store)?;
                return Ok(Fence::new(fence.unsigned_abs()));
            }
            // It is free when it ended in between.
            if let Some(row) = self.query(HOLDER, &[(&key, Type::TEXT)]).await?.first() {
                let holder: String = row.try_get(0).map_err(CheckpointError::store)?;
                let ends_in: f64 = row.try_get(1).map_err(CheckpointError::store)?;
                let ends_in = Duration::try_from_secs_f64(ends_in / 1000.0).unwrap_or_default();
                return Err(CheckpointError::Leased { holder, ends_in });
            }
        }
    }

    async fn renew(&self, key: &str, fence: Fence, ttl: Duration) -> Result<bool, CheckpointError> {
        let (number, ttl) = (number(fence.get())?, milliseconds(ttl));
        let rows = self.query(RENEW, &[(&key, Type::TEXT), (&number, Type::INT8), (&ttl, Type::FLOAT8)]).await?;
        if !rows.is_empty() {
            return Ok(true);
        }
        let last = self.query(FENCE, &[(&key, Type::TEXT)]).await?;
        let last: Option<i64> = last.first().map(|row| row.try_get(0)).transpose().map_err(CheckpointError::store)?;
        if last == Some(number) {
            return Err(CheckpointError::store("a transaction holds the row of the lease; it is tried again"));
        }
        Ok(false)
    }

    async fn release(&self, key: &str, fence: Fence) -> Result<(), CheckpointError> {
        let fence = number(fence.get())?;
        let client = self.own_connection().await?;
        let parameters: [(&(dyn ToSql + Sync), Type); 2] = [(&key, Type::TEXT), (&fence, Type::INT8)];
        client.query_typed(RELEASE, &parameters).await.map(drop).map_err(CheckpointError::store)
    }

    async fn save_leased(&self, key: &str, state: &SyncState, fence: Fence) -> Result<(), CheckpointError> {
        self.save(key, state, Some(fence)).await
    }
}

impl fmt::Debug for PostgresStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("PostgresStore")
    }
}

/// A number as PostgreSQL has it.
fn number(number: u64) -> Result<i64, CheckpointError> {
    i64::try_from(number).map_err(CheckpointError::store)
}

/// At most a hundred years.
fn milliseconds(ttl: Duration) -> f64 {
    ttl.as_secs_f64().min(3_153_600_000.0) * 1000.0
}

//! The table of the sync examples. Rows and state are written in one transaction.

use std::error::Error;
use std::path::Path;

use jobfeed::checkpoint::SqliteStore;
use jobfeed::jobdataapi::{ExpiredJob, Job};
use jobfeed::{Batch, Counts, Report, SyncRun};
use rusqlite::{Connection, params};

pub(crate) struct JobsTable {
    db: Connection,
}

impl JobsTable {
    pub(crate) fn open(path: impl AsRef<Path>) -> rusqlite::Result<Self> {
        let db = Connection::open(path)?;
        db.busy_timeout(std::time::Duration::from_secs(30))?;
        db.pragma_update(None, "journal_mode", "WAL")?;
        db.execute_batch(
            "CREATE TABLE IF NOT EXISTS jobs(
                id INTEGER PRIMARY KEY, published TEXT, title TEXT, company_name TEXT, country_codes TEXT,
                raw_json TEXT, imported_at TEXT);
             CREATE TABLE IF NOT EXISTS expired_jobs(id INTEGER PRIMARY KEY, expired TEXT)",
        )?;
        Ok(Self { db })
    }

    pub(crate) fn len(&self) -> rusqlite::Result<i64> {
        self.db.query_row("SELECT count(*) FROM jobs", [], |row| row.get(0))
    }

    /// Writes a batch: its rows and the state after them, in one transaction. Rows that exist already are not changed,
    /// and those that were taken down do not come back.
    pub(crate) fn store(&mut self, mut batch: Batch<'_, Job, SqliteStore>) -> Result<(), Box<dyn Error>> {
        let tx = self.db.transaction()?;
        let mut new = 0;
        {
            let mut insert = tx.prepare_cached(
                "INSERT OR IGNORE INTO jobs SELECT ?1, ?2, ?3, ?4, ?5, ?6, strftime('%Y-%m-%dT%H:%M:%SZ')
                 WHERE NOT EXISTS (SELECT 1 FROM expired_jobs WHERE id = ?1)",
            )?;
            for (job, raw) in batch.page().rows() {
                let countries: Vec<&str> = job.countries.iter().filter_map(|country| country.code.as_deref()).collect();
                let company = job.company.as_ref().and_then(|company| company.name.as_deref());
                let published = job.published.as_ref().map(jobfeed::value::DateTime::as_str);
                let id = i64::try_from(job.id)?;
                new += insert.execute(params![id, published, job.title, company, countries.join(","), raw])? as u64;
            }
        }
        for record in &batch.page().rejected {
            eprintln!("record {} of the page was rejected: {}", record.index, record.reason);
        }
        SqliteStore::save_in(&tx, batch.key(), batch.next_state(), batch.fence())?;
        tx.commit()?;
        batch.report_new(new);
        batch.committed();
        Ok(())
    }

    /// Runs to the end, or stops after about `limit` records.
    pub(crate) async fn fill(
        &mut self,
        run: &mut SyncRun<Job, SqliteStore>,
        limit: Option<u64>,
        mut on_batch: impl FnMut(Counts),
    ) -> Result<Report, Box<dyn Error>> {
        let progress = run.progress();
        while let Some(batch) = run.next().await? {
            self.store(batch)?;
            on_batch(progress.counts());
            if limit.is_some_and(|limit| progress.counts().rows >= limit) {
                break;
            }
        }
        Ok(run.report())
    }

    /// Takes expired jobs down, to the end of the run. Each batch and the state after it are one transaction.
    #[allow(dead_code, reason = "not every example takes jobs down")]
    pub(crate) async fn take_down(
        &mut self,
        run: &mut SyncRun<ExpiredJob, SqliteStore>,
    ) -> Result<(usize, Report), Box<dyn Error>> {
        let mut taken_down = 0;
        while let Some(batch) = run.next().await? {
            let tx = self.db.transaction()?;
            for job in batch.items() {
                let Some(id) = job.job().map(i64::try_from).transpose()? else { continue };
                let expired = job.expired.as_ref().map(jobfeed::value::DateTime::as_str);
                tx.execute("INSERT OR IGNORE INTO expired_jobs VALUES (?1, ?2)", params![id, expired])?;
                taken_down += tx.execute("DELETE FROM jobs WHERE id = ?1", [id])?;
            }
            SqliteStore::save_in(&tx, batch.key(), batch.next_state(), batch.fence())?;
            tx.commit()?;
            batch.committed();
        }
        Ok((taken_down, run.report()))
    }
}

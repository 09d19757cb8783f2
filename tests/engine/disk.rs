//! Files and SQLite on a disk that is full, and in a folder that cannot be written: a typed error with the file and the reason, the old state
//! stays, nothing is left that blocks, and the next run continues without a loss. Promises 1 and 3.
//!
//! The failures are real ones of the system: a device without space, a limit on the size of files, permissions. The limit and the user are those of a
//! whole process, so two of the tests start this program again.

use std::fs::Permissions;
use std::io;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use jobfeed::checkpoint::{CheckpointError, FileStore, LeaseStore, SqliteStore};
use jobfeed::{BoxError, Checkpoint, Error};
use rusqlite::{Connection, ErrorCode};
use rustix::process::{Resource, Rlimit, setrlimit};

use crate::support::{Script, finish};
use crate::unprivileged::{is_root, unprivileged};

const ROWS: u64 = 45;

/// The file and the reason of a checkpoint error.
fn file_error(error: CheckpointError) -> (PathBuf, BoxError) {
    let text = error.to_string();
    let CheckpointError::File { path, source, .. } = error else { panic!("{error:?}") };
    assert!(text.contains(path.to_str().unwrap()) && text.contains(&source.to_string()), "{text}");
    (path, source)
}

fn io_kind(error: CheckpointError) -> (PathBuf, io::ErrorKind) {
    let (path, source) = file_error(error);
    (path, source.downcast_ref::<io::Error>().unwrap_or_else(|| panic!("{source:?}")).kind())
}

fn sqlite_code(error: CheckpointError) -> (PathBuf, ErrorCode) {
    let (path, source) = file_error(error);
    let code = source.downcast_ref::<rusqlite::Error>().and_then(rusqlite::Error::sqlite_error_code);
    (path, code.unwrap_or_else(|| panic!("{source:?}")))
}

/// A run in pages of 10. Before its third commit `fail` makes the disk fail; the commit must be refused, and the stored state stay. Then `mend` ends the
/// failure, and the next run brings the rest. Returns the error.
async fn interrupted<C: Checkpoint>(store: C, fail: impl FnOnce(), mend: impl FnOnce()) -> CheckpointError {
    let api = Script::jobs((1..=ROWS).collect()).client().build().unwrap();
    let sync = || api.jobs().page_size(10).sync_by_id("jobs", &store);
    let (mut rows, mut fail, mut refused) = (Vec::new(), Some(fail), None);
    let mut run = sync().await.unwrap();
    for commits in 0.. {
        let batch = run.next().await.unwrap().unwrap();
        let ids: Vec<u64> = batch.items().iter().map(|job| job.id).collect();
        if commits < 2 {
            batch.commit().await.unwrap();
            rows.extend(ids);
            continue;
        }
        fail.take().unwrap()();
        let before = store.load("jobs").await.map_err(Into::into).unwrap();
        let Err(Error::Checkpoint { key, source }) = batch.commit().await else { panic!("it was saved") };
        assert_eq!(key, "jobs");
        // While the disk fails, and after it.
        assert_eq!(store.load("jobs").await.map_err(Into::into).unwrap(), before);
        assert_eq!(before.unwrap().revision(), 2);
        refused = Some(source);
        break;
    }
    mend();
    let mut run = sync().await.unwrap();
    while let Some(batch) = run.next().await.unwrap() {
        rows.extend(batch.items().iter().map(|job| job.id));
        batch.commit().await.unwrap();
    }
    rows.sort_unstable();
    assert_eq!(rows, (1..=ROWS).collect::<Vec<_>>(), "the rows whose commits succeeded, each once");
    refused.unwrap()
}

/// The names of the files in a folder.
fn names(folder: &Path) -> Vec<String> {
    let files = std::fs::read_dir(folder).unwrap();
    let mut names: Vec<String> = files.map(|file| file.unwrap().file_name().into_string().unwrap()).collect();
    names.sort();
    names
}

/// `/dev/full` fails each write as a full disk does, without filling one.
#[cfg(target_os = "linux")]
#[tokio::test]
async fn promise_3_a_full_disk_refuses_the_commit_to_a_file_and_the_next_run_continues() {
    let folder = tempfile::tempdir().unwrap();
    let store = FileStore::new(folder.path()).unwrap();
    let (state, temporary) = (store.path("jobs"), store.path("jobs").with_extension("tmp"));
    let full = || symlink("/dev/full", &temporary).unwrap();
    let error = interrupted(store.clone(), full, || {
        assert_eq!(names(folder.path()), ["jobs.json", "jobs.lock"], "nothing is left that takes space");
    })
    .await;
    assert_eq!(io_kind(error), (state, io::ErrorKind::StorageFull));

    // A lease needs a file too.
    let clock = store.path("jobs").with_extension("clock");
    symlink("/dev/full", &clock).unwrap();
    let error = store.lease("jobs", Duration::from_secs(60)).await.unwrap_err();
    assert_eq!(io_kind(error), (clock.clone(), io::ErrorKind::StorageFull));
    std::fs::remove_file(clock).unwrap();
    store.lease("jobs", Duration::from_secs(60)).await.unwrap();
}

#[tokio::test]
async fn promise_3_a_full_database_refuses_a_state_and_keeps_all_others() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("states.sqlite3");
    let db = Connection::open(&path).unwrap();
    // The limit is that of this connection.
    db.pragma_update(None, "max_page_count", 8).unwrap();
    let (full, unlimited) = (SqliteStore::new(db).unwrap(), SqliteStore::open(&path).unwrap());
    let api = Script::jobs((1..=ROWS).collect()).client().build().unwrap();
    let mut refused = None;
    for number in 0..1_000 {
        let mut run = api.jobs().page_size(10).sync_by_id(format!("jobs/{number}"), &full).await.unwrap();
        match run.next().await.unwrap().unwrap().commit().await {
            Ok(()) => {}
            Err(Error::Checkpoint { source, .. }) => {
                refused = Some((number, sqlite_code(source)));
                break;
            }
            Err(error) => panic!("{error}"),
        }
    }
    let (number, error) = refused.unwrap();
    assert_eq!(error, (path.canonicalize().unwrap(), ErrorCode::DiskFull));
    assert!(number > 3);
    for earlier in 0..=number {
        let stored = unlimited.load(&format!("jobs/{earlier}")).await.unwrap();
        assert_eq!(stored.map(|state| state.revision()), (earlier < number).then_some(1));
    }
    let mut run = api.jobs().page_size(10).sync_by_id(format!("jobs/{number}"), &unlimited).await.unwrap();
    assert_eq!(finish(&mut run).await.unwrap().len() as u64, ROWS);
}

/// Starts one test of this program in a process of its own.
fn in_a_process(mut command: Command, test: &str, folder: &Path) {
    command.args(["--exact", test, "--nocapture"]).env("DISK_FOLDER", folder);
    let ended = command.output().unwrap();
    let text = format!("{}{}", String::from_utf8_lossy(&ended.stdout), String::from_utf8_lossy(&ended.stderr));
    assert!(ended.status.success() && text.contains("1 passed"), "{text}");
}

/// The folder of a test that was started as a process; `None` in the run of all tests.
fn own_folder() -> Option<PathBuf> {
    std::env::var_os("DISK_FOLDER").map(PathBuf::from)
}

#[test]
fn promise_3_files_that_must_not_grow_refuse_the_commit_and_the_next_run_continues() {
    let folder = tempfile::tempdir().unwrap();
    // The shell passes on that the signal is ignored which would end the process; then the write fails.
    let mut command = Command::new("sh");
    command.args(["-c", "trap '' XFSZ; exec \"$0\" \"$@\""]).arg(std::env::current_exe().unwrap());
    in_a_process(command, "disk::with_a_limit_on_files", folder.path());
}

/// No file of this process can become longer.
fn limit_files(bytes: Option<u64>) {
    setrlimit(Resource::Fsize, Rlimit { current: bytes, maximum: None }).unwrap();
}

/// Not a test by itself: the one before starts it as a process.
#[tokio::test]
async fn with_a_limit_on_files() {
    let Some(folder) = own_folder() else { return };
    let store = FileStore::new(folder.join("states")).unwrap();
    let error = interrupted(
        store.clone(),
        || limit_files(Some(100)),
        || {
            assert_eq!(names(&folder.join("states")), ["jobs.json", "jobs.lock"], "the half of a file is removed");
            limit_files(None);
        },
    )
    .await;
    assert_eq!(io_kind(error), (store.path("jobs"), io::ErrorKind::FileTooLarge));

    let path = folder.join("states.sqlite3");
    let store = SqliteStore::open(&path).unwrap();
    let error = interrupted(store, || limit_files(Some(100)), || limit_files(None)).await;
    let (file, code) = sqlite_code(error);
    assert_eq!(file, path.canonicalize().unwrap());
    assert!(matches!(code, ErrorCode::DiskFull | ErrorCode::SystemIoFailure), "{code:?}");

    // Rows and state in one transaction: the file can grow no more while the rows are written.
    let path = folder.join("rows.sqlite3");
    let mut db = Connection::open(&path).unwrap();
    db.execute_batch("CREATE TABLE rows (id INTEGER PRIMARY KEY, bytes BLOB)").unwrap();
    let store = SqliteStore::open(&path).unwrap();
    let api = Script::jobs((1..=ROWS).collect()).client().build().unwrap();
    let mut write = async |fail_at: Option<usize>| {
        let mut run = api.jobs().page_size(10).sync_by_id("jobs", &store).await?;
        let mut pages = 0;
        while let Some(batch) = run.next().await? {
            if fail_at == Some(pages) {
                limit_files(Some(std::fs::metadata(&path)?.len()));
            }
            let tx = db.transaction()?;
            for job in batch.items() {
                tx.execute("INSERT INTO rows VALUES (?1, zeroblob(5000))", [job.id as i64])?;
            }
            SqliteStore::save_in(&tx, batch.key(), batch.next_state(), batch.fence())?;
            tx.commit()?;
            batch.committed();
            pages += 1;
        }
        Ok::<_, BoxError>(())
    };
    let error = write(Some(2)).await.unwrap_err();
    limit_files(None);
    assert!(error.is::<rusqlite::Error>() || error.is::<CheckpointError>(), "{error:?}");
    let state = store.load("jobs").await.unwrap().unwrap();
    // A row that is inserted twice is an error.
    write(None).await.unwrap();
    let rows: i64 = db.query_row("SELECT count(*) FROM rows", [], |row| row.get(0)).unwrap();
    assert_eq!((rows, state.run().map(|run| run.pages)), (ROWS as i64, Some(2)));
}

#[test]
fn promise_3_a_folder_that_cannot_be_written_refuses_the_commit_and_the_next_run_continues() {
    let folder = tempfile::tempdir().unwrap();
    let mut program = std::env::current_exe().unwrap();
    if is_root() {
        if Command::new("setpriv").arg("--version").output().is_err() {
            assert!(std::env::var_os("CI").is_none(), "setpriv is not installed");
            eprintln!("skipped: permissions do not bind root, and setpriv (util-linux) is not installed");
            return;
        }
        // The other user can reach neither the folder of this program nor that of root.
        std::fs::set_permissions(folder.path(), Permissions::from_mode(0o755)).unwrap();
        let copy = folder.path().join("program");
        std::fs::copy(&program, &copy).unwrap();
        program = copy;
    }
    let own = folder.path().join("own");
    std::fs::create_dir(&own).unwrap();
    if is_root() {
        std::os::unix::fs::chown(&own, Some(65534), Some(65534)).unwrap();
    }
    let mut command = if is_root() { unprivileged(&program) } else { Command::new(&program) };
    command.current_dir(&own);
    in_a_process(command, "disk::in_a_read_only_folder", &own);
}

/// Not a test by itself: the one before starts it as a process, as a user whom permissions bind.
#[tokio::test]
async fn in_a_read_only_folder() {
    let Some(folder) = own_folder() else { return };
    assert!(!is_root());
    let mode = |path: &Path, mode| std::fs::set_permissions(path, Permissions::from_mode(mode)).unwrap();
    let states = folder.join("states");
    let store = FileStore::new(&states).unwrap();
    let error = interrupted(
        store.clone(),
        || mode(&states, 0o555),
        || {
            assert_eq!(names(&states), ["jobs.json", "jobs.lock"]);
            mode(&states, 0o755);
        },
    )
    .await;
    assert_eq!(io_kind(error), (store.path("jobs"), io::ErrorKind::PermissionDenied));
    mode(&states, 0o555);
    let state = store.load("jobs").await.unwrap().unwrap();
    let lock = store.path("other").with_extension("lock");
    assert_eq!(io_kind(store.save("other", &state).await.unwrap_err()), (lock, io::ErrorKind::PermissionDenied));
    let below = states.join("below");
    assert_eq!(io_kind(FileStore::new(&below).unwrap_err()), (below, io::ErrorKind::PermissionDenied));

    let database = folder.join("database");
    std::fs::create_dir(&database).unwrap();
    let path = database.join("states.sqlite3");
    // SQLite needs a journal beside the file.
    let error =
        interrupted(SqliteStore::open(&path).unwrap(), || mode(&database, 0o555), || mode(&database, 0o755)).await;
    let (file, code) = sqlite_code(error);
    assert!(file == path && matches!(code, ErrorCode::CannotOpen | ErrorCode::ReadOnly), "{file:?}: {code:?}");
    mode(&database, 0o555);
    assert!(SqliteStore::open(&path).unwrap().load("jobs").await.unwrap().is_some(), "what is there can be read");
    let new = database.join("new.sqlite3");
    assert_eq!(sqlite_code(SqliteStore::open(&new).unwrap_err()), (new, ErrorCode::CannotOpen));
    mode(&database, 0o755);
    mode(&path, 0o444);
    let state = SqliteStore::open(&path).unwrap().load("jobs").await.unwrap().unwrap();
    let error = SqliteStore::open(&path).unwrap().save("other", &state).await.unwrap_err();
    assert_eq!(sqlite_code(error), (path, ErrorCode::ReadOnly));
}

//! A PostgreSQL server of its own for the tests of this program, in a temporary folder.

use std::fs::Permissions;
use std::net::TcpListener;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Stdio};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, Weak, mpsc};
use std::time::Duration;

use jobfeed::checkpoint::PostgresStore;
use jobfeed::tokio_postgres::{Client, Error, NoTls, connect};
use tempfile::TempDir;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

#[path = "../support/unprivileged.rs"]
mod unprivileged;
use unprivileged::{is_root, unprivileged};

/// The server, while a test uses it.
static SHARED: Mutex<Weak<Server>> = Mutex::new(Weak::new());

pub struct Server {
    programs: PathBuf,
    folder: TempDir,
    port: u16,
    process: Mutex<Child>,
}

/// The server that all tests share, each with a database of its own; `None`, with a line that says so, when PostgreSQL is not installed.
pub fn shared() -> Option<Arc<Server>> {
    let mut shared = SHARED.lock().unwrap_or_else(|poisoned| poisoned.into_inner());
    if let Some(server) = shared.upgrade() {
        return Some(server);
    }
    let server = Arc::new(start()?);
    *shared = Arc::downgrade(&server);
    Some(server)
}

/// A server of its own, for a test that stops it.
pub fn start() -> Option<Server> {
    let Some(programs) = programs() else {
        assert!(std::env::var_os("CI").is_none(), "PostgreSQL is not installed");
        eprintln!(
            "skipped: PostgreSQL (initdb) is neither on the PATH nor in /usr/lib/postgresql; install it to run this test"
        );
        return None;
    };
    let folder = tempfile::tempdir().unwrap();
    if is_root() {
        // The server refuses to run as root.
        std::fs::set_permissions(folder.path(), Permissions::from_mode(0o755)).unwrap();
        let data = folder.path().join("data");
        std::fs::create_dir(&data).unwrap();
        std::os::unix::fs::chown(&data, Some(65534), Some(65534)).unwrap();
    }
    let mut initdb = unprivileged(&programs.join("initdb"));
    initdb.args(["--auth=trust", "--username=tests", "--encoding=UTF8", "--locale=C", "--no-sync", "-D"]);
    let made = initdb.arg(folder.path().join("data")).output().unwrap();
    assert!(made.status.success(), "{}", String::from_utf8_lossy(&made.stderr));
    let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let process = Mutex::new(run(&programs, folder.path(), port));
    Some(Server { programs, folder, port, process })
}

fn run(programs: &Path, folder: &Path, port: u16) -> Child {
    let mut server = unprivileged(&programs.join("postgres"));
    server.arg("-D").arg(folder.join("data")).arg("-p").arg(port.to_string());
    // The machine does not fail in these tests, only processes do.
    let settings = ["listen_addresses=127.0.0.1", "unix_socket_directories=", "fsync=off", "max_connections=200"];
    for setting in settings {
        server.args(["-c", setting]);
    }
    server.stdout(Stdio::null()).stderr(Stdio::null());
    // The system ends the server when the thread ends that started it, so it is one that outlives every test.
    let (started, process) = mpsc::channel();
    std::thread::spawn(move || {
        started.send(server.spawn().unwrap()).unwrap();
        loop {
            std::thread::park();
        }
    });
    process.recv().unwrap()
}

fn programs() -> Option<PathBuf> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let mut folders: Vec<PathBuf> = std::env::split_paths(&path).collect();
    let versions = std::fs::read_dir("/usr/lib/postgresql").into_iter().flatten().flatten();
    folders.extend(versions.map(|version| version.path().join("bin")));
    folders.into_iter().find(|folder| folder.join("initdb").exists() && folder.join("postgres").exists())
}

impl Server {
    /// An empty database.
    pub async fn database(&self, name: &str) -> Database {
        let all = self.connected("postgres").await;
        all.batch_execute(&format!("DROP DATABASE IF EXISTS {name}; ")).await.unwrap();
        all.batch_execute(&format!("CREATE DATABASE {name}")).await.unwrap();
        let address = format!("postgres://tests@127.0.0.1:{}/{name}", self.port);
        Database { url: self.url(name), address, port: self.port, name: name.to_owned() }
    }

    fn url(&self, database: &str) -> String {
        format!("host=127.0.0.1 port={} user=tests dbname={database}", self.port)
    }

    /// A connection, as soon as the server takes one.
    async fn connected(&self, database: &str) -> Client {
        for _ in 0..600 {
            if let Ok(client) = open(self.url(database)).await {
                return client;
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        panic!("the server does not start");
    }

    /// Stops the server as a crash does, and starts it again.
    pub async fn crash(&self) {
        let mut stop = unprivileged(&self.programs.join("pg_ctl"));
        stop.args(["stop", "-m", "immediate", "-D"]).arg(self.folder.path().join("data"));
        assert!(stop.output().unwrap().status.success());
        let mut process = self.process.lock().unwrap();
        process.wait().unwrap();
        *process = run(&self.programs, self.folder.path(), self.port);
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let process = self.process.get_mut().unwrap();
        let _ = process.kill();
        let _ = process.wait();
    }
}

/// One database of the server.
#[derive(Clone)]
pub struct Database {
    url: String,
    address: String,
    pub port: u16,
    pub name: String,
}

impl Database {
    pub async fn open(&self) -> Client {
        open(self.url.clone()).await.unwrap()
    }

    /// As a URL.
    pub fn address(&self) -> String {
        self.address.clone()
    }

    pub async fn store(&self) -> PostgresStore {
        let url = self.url.clone();
        PostgresStore::new(move || open(url.clone())).await.unwrap()
    }

    /// A connection through a proxy. When `cut` is set, the proxy passes the next `COMMIT` on, or does not, and drops the connection without the
    /// answer.
    pub async fn through_a_proxy(&self, cut: Arc<AtomicBool>, passes_on: bool) -> Client {
        let proxy = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = proxy.local_addr().unwrap().port();
        let server = ("127.0.0.1", self.port);
        tokio::spawn(async move {
            let (client, _) = proxy.accept().await.unwrap();
            let server = TcpStream::connect(server).await.unwrap();
            let ((mut from_client, mut to_client), (mut from_server, mut to_server)) =
                (client.into_split(), server.into_split());
            let back = tokio::spawn(async move { drop(tokio::io::copy(&mut from_server, &mut to_client).await) });
            let mut bytes = vec![0; 1 << 16];
            while let Ok(length @ 1..) = from_client.read(&mut bytes).await {
                let commit = bytes[..length].windows(6).any(|word| word == b"COMMIT");
                if commit && cut.swap(false, Ordering::SeqCst) {
                    back.abort();
                    let _ = back.await;
                    if passes_on {
                        to_server.write_all(&bytes[..length]).await.unwrap();
                        to_server.shutdown().await.unwrap();
                    }
                    return;
                }
                to_server.write_all(&bytes[..length]).await.unwrap();
            }
        });
        let url = format!("host=127.0.0.1 port={port} user=tests dbname={}", self.name);
        let (client, connection) = connect(&url, NoTls).await.unwrap();
        tokio::spawn(connection);
        client
    }
}

async fn open(url: String) -> Result<Client, Error> {
    let (client, connection) = connect(&url, NoTls).await?;
    tokio::spawn(connection);
    Ok(client)
}

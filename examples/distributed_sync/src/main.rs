//! Several worker processes share the partitions of a sync. One command shows it, on this machine alone:
//!
//! ```console
//! $ cargo run --manifest-path examples/distributed_sync/Cargo.toml
//! ```
//!
//! It starts PostgreSQL in a temporary folder (its programs must be installed), a simulated provider whose data change for a while, three workers,
//! and a monitor. It ends when all partitions are in sync, compares the table with the server, and fails when they
//! differ. `--help` lists the options, such as `--workers`, `--partitions`, and `--keep-running`, with which it runs until `quit`.
//!
//! While it runs, type a command and Enter, or use another terminal; the monitor shows the process ids:
//!
//! | command | what it does | in a terminal |
//! |---|---|---|
//! | `+` | starts a worker | |
//! | `kill 4711` | SIGKILL: its leases end after `--ttl` seconds, and others take its partitions over | `kill -9 4711` |
//! | `stop 4711` | SIGSTOP: the others cannot tell it from a dead one | `kill -STOP 4711` |
//! | `continue 4711` | SIGCONT: its leases are lost, and what it still tries to save is refused | `kill -CONT 4711` |
//! | `quit` | the data change no more; it ends when all partitions are in sync | |
//!
//! # What does what
//!
//! * **The engine** ([graphile_worker](https://docs.rs/graphile_worker), jobs in PostgreSQL) decides when a partition is synced, and by which
//!   worker: one job for each partition, in a queue of its own; a cron that adds a round each minute, once for all machines;
//!   retries; recovery of the jobs of dead workers.
//! * **The lease** (`jobfeed::checkpoint::LeaseStore`) decides which worker may write, because the engine may give a
//!   partition to two of them. The second one is refused before it sends a request, or its save is refused, and its rows with it.
//! * **The state** is saved in the transaction of the rows, so each page is in the table exactly once, whichever process is killed and when.
//!
//! [`worker`](distributed_sync::worker) is all that an application needs; start it on each machine:
//!
//! ```console
//! $ distributed_sync worker --database "host=db user=jobs dbname=jobs" --provider https://api.example.com/
//! ```
//!
//! The rest is the demonstration. `tests/storm.rs` is the test: 12 workers on 200 partitions are killed and stopped at random, while other clients
//! take leases and try to save with tokens that are not theirs.

use clap::Parser;
use distributed_sync::{demo, worker};
use jobfeed::BoxError;
use tokio::io::AsyncReadExt;

#[derive(Parser)]
#[command(
    about = "Worker processes share the partitions of a sync: PostgreSQL, a simulated provider, workers and a monitor"
)]
#[command(args_conflicts_with_subcommands = true)]
struct Arguments {
    #[command(subcommand)]
    command: Option<Command>,
    #[command(flatten)]
    demo: demo::Options,
}

#[derive(clap::Subcommand)]
enum Command {
    /// Works on the partitions in a database until SIGTERM.
    Worker(worker::Options),
}

#[tokio::main]
async fn main() {
    let ended = match Arguments::parse() {
        Arguments { command: Some(Command::Worker(options)), .. } => work(options).await,
        Arguments { demo, .. } => demo::run(demo).await,
    };
    let status = match ended {
        Ok(true) => 0,
        Ok(false) => 1,
        Err(error) => {
            eprintln!("Error: {error}");
            1
        }
    };
    // Not by a return: the runtime would wait for the end of the standard input, which is being read.
    std::process::exit(status)
}

async fn work(options: worker::Options) -> Result<bool, BoxError> {
    if options.until_input_ends {
        tokio::spawn(async {
            let _ = tokio::io::stdin().read_to_end(&mut Vec::new()).await;
            std::process::exit(1);
        });
    }
    worker::work(options).await?;
    Ok(true)
}

//! Records per second, compared with hand-written loops in the same process and run.
//!
//!     cargo bench --bench throughput                  # the table
//!     cargo bench --bench throughput -- pages sync    # only the cases whose name contains one of these
//!
//! Each round runs all cases, and the medians are compared. Peak memory is measured in a separate process for each
//! case. `benches/README.md` explains the cases.
#![allow(
    missing_docs,
    unreachable_pub,
    clippy::pedantic,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::print_stdout,
    clippy::disallowed_methods,
    clippy::future_not_send
)]

use std::collections::BTreeMap;
use std::process::Command;
use std::sync::Arc;
use std::time::{Duration, Instant};

mod cases;
mod server;
use cases::{CASES, Case, Setting, partitions};

const ROWS: usize = 100_000;
const ROUNDS: usize = 5;

fn main() {
    let args: Vec<String> = std::env::args().skip(1).filter(|arg| arg != "--bench").collect();
    if let [flag, name, url, page_size, rows] = args.as_slice()
        && flag == "--peak"
    {
        return print_peak(name, url, page_size.parse().unwrap(), rows.parse().unwrap());
    }
    let wanted = |name: &str| args.is_empty() || args.iter().any(|arg| name.contains(arg.as_str()));
    let data = Arc::new(runtime(false).block_on(server::Dataset::new(ROWS)));
    let origin = server::serve(data.clone());
    if args.first().is_some_and(|arg| arg == "--serve") {
        println!("{origin}");
        loop {
            std::thread::park();
        }
    }
    println!("{} records, {} MB, from {origin}; {ROUNDS} rounds, medians\n", data.len(), data.bytes() / 1_000_000);
    for page_size in [5_000, 500, partitions::ROWS] {
        let setting = Setting { origin: origin.clone(), page_size, rows: data.len() };
        let cases: Vec<&Case> = CASES.iter().filter(|case| wanted(case.name) && case.fits(page_size)).collect();
        let baselines = cases.iter().filter_map(|case| case.baseline);
        let mut cases: Vec<&Case> = CASES
            .iter()
            .filter(|case| baselines.clone().any(|name| name == case.name))
            .chain(cases.iter().copied())
            .collect();
        cases.sort_by_key(|case| CASES.iter().position(|other| other.name == case.name));
        cases.dedup_by_key(|case| case.name);
        if cases.is_empty() {
            continue;
        }
        table(&cases, &setting);
    }
}

fn runtime(one_thread: bool) -> tokio::runtime::Runtime {
    let mut builder = match one_thread {
        true => tokio::runtime::Builder::new_current_thread(),
        false => tokio::runtime::Builder::new_multi_thread(),
    };
    builder.enable_all().build().unwrap()
}

fn table(cases: &[&Case], setting: &Setting) {
    println!("pages of {}:", setting.page_size);
    println!(
        "| {:<44} | {:>8} | {:>11} | {:>7} | {:>7} | {:>9} | {:>7} | {:>7} |",
        "case", "median s", "records/s", "ratio", "CPU s", "CPU ratio", "peak MB", "held MB"
    );
    println!("|{}|--:|--:|--:|--:|--:|--:|--:|", "-".repeat(46));
    let runtimes = [runtime(false), runtime(true)];
    let mut cpu: BTreeMap<&str, f64> = BTreeMap::new();
    let mut times: BTreeMap<&str, Vec<Duration>> = BTreeMap::new();
    for round in 0..=ROUNDS {
        for case in cases {
            let start = Instant::now();
            let rows = runtimes[usize::from(case.on_one_thread())].block_on((case.run)(setting.clone()));
            let took = start.elapsed();
            assert_eq!(rows, setting.rows, "{}", case.name);
            // The first round only warms up caches and connections.
            if round > 0 {
                times.entry(case.name).or_default().push(took);
            }
        }
    }
    let medians: BTreeMap<&str, f64> = times
        .into_iter()
        .map(|(name, mut times)| {
            times.sort_unstable();
            (name, times[times.len() / 2].as_secs_f64())
        })
        .collect();
    for case in cases {
        let median = medians[case.name];
        let ratio = case.baseline.map_or("1.00".to_owned(), |other| format!("{:.2}", median / medians[other]));
        let mut runs: Vec<Process> = (0..3).filter_map(|_| alone(case.name, setting, &[])).collect();
        runs.sort_unstable_by_key(|run| run.cpu_ms);
        cpu.insert(case.name, runs.get(1).map_or(f64::NAN, |run| run.cpu_ms as f64 / 1000.0));
        let cpu_ratio = case.baseline.map_or(1.0, |other| cpu[case.name] / cpu[other]);
        let megabytes = |run: Option<Process>| run.map_or(f64::NAN, |run| run.peak_kb as f64 / 1024.0);
        let (peak, held) = (megabytes(runs.get(1).copied()), megabytes(alone(case.name, setting, &RETURN_FREED)));
        let rows = if case.name.contains("10 times") { setting.rows * 10 } else { setting.rows };
        let name = match case.baseline {
            Some(other) => format!("{} (to {other})", case.name),
            None => case.name.to_owned(),
        };
        println!(
            "| {name:<44} | {median:>8.3} | {:>11.0} | {ratio:>7} | {:>7.2} | {cpu_ratio:>9.2} | {peak:>7.0} | {held:>7.0} |",
            rows as f64 / median,
            cpu[case.name]
        );
        if let Some(other) = case.baseline.filter(|_| setting.page_size == partitions::ROWS) {
            let lists = (setting.rows / u64::from(partitions::ROWS)) as f64;
            let each = |costs: &BTreeMap<&str, f64>| (costs[case.name] - costs[other]) * 1e6 / lists;
            println!("over {other}: {:.0} us for each partition, {:.0} us of CPU", each(&medians), each(&cpu));
        }
    }
    println!();
}

/// Settings of glibc's allocator that return freed memory: one heap for all threads, and large blocks returned at once.
const RETURN_FREED: [(&str, &str); 2] = [("MALLOC_ARENA_MAX", "1"), ("MALLOC_MMAP_THRESHOLD_", "1000000")];

/// What a case costs in a process of its own, without the server.
#[derive(Clone, Copy)]
struct Process {
    /// The growth of its largest resident size.
    peak_kb: u64,
    cpu_ms: u64,
}

/// Runs the case once in a separate process.
fn alone(name: &str, setting: &Setting, allocator: &[(&str, &str)]) -> Option<Process> {
    let (page_size, rows) = (setting.page_size.to_string(), setting.rows.to_string());
    let child = Command::new(std::env::current_exe().ok()?)
        .args(["--peak", name, &setting.origin, &page_size, &rows])
        .envs(allocator.iter().copied())
        .output()
        .ok()?;
    assert!(child.status.success(), "{name}: {}", String::from_utf8_lossy(&child.stderr));
    let printed = String::from_utf8(child.stdout).ok()?;
    let (peak_kb, cpu_ms) = printed.trim().split_once(' ')?;
    Some(Process { peak_kb: peak_kb.parse().ok()?, cpu_ms: cpu_ms.parse().ok()? })
}

fn print_peak(name: &str, origin: &str, page_size: u32, rows: u64) {
    let case = CASES.iter().find(|case| case.name == name).expect("a case");
    let (memory, cpu) = (peak_memory(), cpu_ms());
    let setting = Setting { origin: origin.to_owned(), page_size, rows };
    assert_eq!(runtime(case.on_one_thread()).block_on((case.run)(setting)), rows);
    println!("{} {}", peak_memory() - memory, cpu_ms() - cpu);
}

/// The CPU time of this process so far, all threads, user and system, in milliseconds. Linux only, where a tick has 10 ms.
fn cpu_ms() -> u64 {
    let stat = std::fs::read_to_string("/proc/self/stat").unwrap_or_default();
    // The name of the program, in brackets, may contain spaces.
    let fields = stat.rsplit_once(')').map_or("", |(_, fields)| fields).split_whitespace();
    fields.skip(11).take(2).filter_map(|ticks| ticks.parse::<u64>().ok()).sum::<u64>() * 10
}

/// The largest resident size of this process so far, in KB. Linux only.
fn peak_memory() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find(|line| line.starts_with("VmHWM:")).unwrap_or("VmHWM: 0 kB");
    line.split_whitespace().nth(1).and_then(|kb| kb.parse().ok()).unwrap_or_default()
}

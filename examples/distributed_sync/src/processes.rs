//! The worker processes: started, killed, stopped and continued.

use std::fs::File;
use std::path::PathBuf;
use std::process::{Child, Command, ExitStatus, Stdio};

use rustix::process::{Pid, Signal, kill_process};

/// Workers of one program. They end when this value is dropped.
pub struct Workers {
    program: PathBuf,
    arguments: Vec<String>,
    /// Where their messages go; `None` discards them.
    log: Option<File>,
    running: Vec<(Child, bool)>,
}

impl Workers {
    /// No worker yet. `arguments` are those of each.
    pub fn new(program: PathBuf, arguments: Vec<String>, log: Option<File>) -> Self {
        Self { program, arguments, log, running: Vec::new() }
    }

    /// Starts one.
    pub fn start(&mut self) -> std::io::Result<u32> {
        let mut worker = Command::new(&self.program);
        worker
            .arg("worker")
            .args(&self.arguments)
            .arg("--until-input-ends")
            .stdin(Stdio::piped())
            .stdout(Stdio::null());
        worker.stderr(self.log.as_ref().map(File::try_clone).transpose()?.map_or_else(Stdio::null, Stdio::from));
        let worker = worker.spawn()?;
        let pid = worker.id();
        self.running.push((worker, false));
        Ok(pid)
    }

    /// The process ids, and whether each is stopped.
    pub fn pids(&self) -> Vec<(u32, bool)> {
        self.running.iter().map(|(worker, stopped)| (worker.id(), *stopped)).collect()
    }

    /// Sends a signal; `false` when there is no such worker.
    pub fn signal(&mut self, pid: u32, signal: Signal) -> bool {
        let Some((worker, stopped)) = self.running.iter_mut().find(|(worker, _)| worker.id() == pid) else {
            return false;
        };
        *stopped = signal == Signal::STOP || (*stopped && signal != Signal::CONT);
        let sent = kill_process(Pid::from_child(worker), signal).is_ok();
        if signal == Signal::KILL {
            // Its end is awaited, so that nothing of it happens later.
            let _ = worker.wait();
            self.running.retain(|(worker, _)| worker.id() != pid);
        }
        sent
    }

    /// Forgets the workers that have ended by themselves, and returns how.
    pub fn ended(&mut self) -> Vec<(u32, ExitStatus)> {
        let mut ended = Vec::new();
        self.running.retain_mut(|(worker, _)| match worker.try_wait() {
            Ok(Some(status)) => {
                ended.push((worker.id(), status));
                false
            }
            _ => true,
        });
        ended
    }
}

impl Drop for Workers {
    fn drop(&mut self) {
        for (pid, _) in self.pids() {
            self.signal(pid, Signal::KILL);
        }
    }
}

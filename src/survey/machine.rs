//! What a survey asks of the machine.

use std::{
    path::Path,
    process::{Command, Stdio},
    time::{Duration, Instant},
};

/// What a survey asks of the machine.
pub trait Machine {
    /// Whether there is a program of this name on the path.
    fn has(&self, program: &str) -> bool;

    /// Whether a shell command ends well in a directory, soon. It must change nothing.
    fn succeeds(&self, directory: &Path, command: &str) -> bool;
}

/// The machine that gonogo runs on.
#[derive(Clone, Copy, Debug, Default)]
pub struct ThisMachine;

/// How long a question may take before the answer is no.
const PATIENCE: Duration = Duration::from_secs(15);

impl Machine for ThisMachine {
    fn has(&self, program: &str) -> bool {
        let path = std::env::var_os("PATH").unwrap_or_default();
        std::env::split_paths(&path).any(|directory| is_program(&directory.join(program)))
    }

    fn succeeds(&self, directory: &Path, command: &str) -> bool {
        let mut shell = Command::new("sh");
        shell.args(["-c", command]).current_dir(directory);
        shell.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
        let Ok(mut child) = shell.spawn() else { return false };
        let start = Instant::now();
        while start.elapsed() < PATIENCE {
            match child.try_wait() {
                Ok(Some(status)) => return status.success(),
                Ok(None) => std::thread::sleep(Duration::from_millis(5)),
                Err(_) => return false,
            }
        }
        let _ = child.kill();
        let _ = child.wait();
        false
    }
}

#[cfg(unix)]
fn is_program(path: &Path) -> bool {
    use std::os::unix::fs::PermissionsExt as _;
    path.metadata().is_ok_and(|found| found.is_file() && found.permissions().mode() & 0o111 != 0)
}

#[cfg(not(unix))]
fn is_program(path: &Path) -> bool {
    path.is_file()
}

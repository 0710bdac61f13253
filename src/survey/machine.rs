//! What a survey asks of the machine.

use std::{
    io::{Read as _, Seek as _},
    path::Path,
    process::{Command, Stdio},
    time::{Duration, Instant},
};

/// What a survey asks of the machine.
pub trait Machine {
    /// Whether there is a program of this name on the path.
    fn has(&self, program: &str) -> bool;

    /// What a shell command prints in a directory, if it ends well, and soon. It must change nothing.
    fn output(&self, directory: &Path, command: &str) -> Option<String>;

    /// Whether a shell command ends well in a directory, and soon. It must change nothing.
    fn succeeds(&self, directory: &Path, command: &str) -> bool {
        self.output(directory, command).is_some()
    }
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

    fn output(&self, directory: &Path, command: &str) -> Option<String> {
        // A file rather than a pipe: nobody needs to read while the command runs.
        let mut printed = tempfile::tempfile().ok()?;
        let mut shell = Command::new("sh");
        shell.args(["-c", command]).current_dir(directory);
        shell.stdin(Stdio::null()).stdout(printed.try_clone().ok()?).stderr(Stdio::null());
        let mut child = shell.spawn().ok()?;
        let start = Instant::now();
        while start.elapsed() < PATIENCE {
            match child.try_wait() {
                Ok(Some(status)) => {
                    let mut bytes = Vec::new();
                    printed.rewind().ok()?;
                    printed.read_to_end(&mut bytes).ok()?;
                    return status.success().then(|| String::from_utf8_lossy(&bytes).into_owned());
                }
                Ok(None) => std::thread::sleep(Duration::from_millis(5)),
                Err(_) => return None,
            }
        }
        let _ = child.kill();
        let _ = child.wait();
        None
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

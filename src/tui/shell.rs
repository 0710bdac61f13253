//! A shell in a container, on this terminal; and a browser beside it.

use std::{env, io, process::Stdio};

use tokio::process::Command;

use crate::protocol::container::ContainerRef;

/// Runs in a container what is found there first: bash, or sh. A person is greeted by neither; it is where they are.
const SHELL: &str = "command -v bash >/dev/null 2>&1 && exec bash; exec sh";

/// Opens a shell in a container, and waits for its end; gives its exit status, `None` where a signal ended it.
///
/// This program does it once more (`gonogo exec`), which has the terminal to itself meanwhile.
pub async fn open(container: &ContainerRef) -> io::Result<Option<i32>> {
    let program = env::current_exe()?;
    let args = ["exec", "--engine", &container.engine, "-it", &container.id, "--", "sh", "-c", SHELL];
    Ok(Command::new(program).args(args).status().await?.code())
}

/// Opens an address in a browser; says whether there is one.
pub fn browse(url: &str) -> bool {
    let has_screen =
        ["DISPLAY", "WAYLAND_DISPLAY"].iter().any(|name| env::var_os(name).is_some_and(|set| !set.is_empty()));
    let program = match (cfg!(target_os = "macos"), has_screen) {
        (true, _) => "open",
        (false, true) => "xdg-open",
        (false, false) => return false,
    };
    let quiet = Stdio::null;
    // The runtime sees to it when it has ended.
    Command::new(program).arg(url).stdin(quiet()).stdout(quiet()).stderr(quiet()).spawn().is_ok()
}

//! This terminal for a command that runs elsewhere: raw while it does, its size, what is typed.

use std::{io::Write as _, os::fd::AsFd as _};

use nix::sys::termios::{SetArg, Termios, cfmakeraw, tcgetattr, tcsetattr};
use tokio::sync::mpsc;

use crate::cli::report::Problem;

/// Bytes that are read from standard input at once, and pieces that may wait.
const PIECE: usize = 8 << 10;
const PIECES: usize = 16;

/// The terminal passes every key on while this lives.
pub struct Raw(Termios);

impl Raw {
    /// Takes the terminal of standard input.
    pub fn take() -> Result<Self, Problem> {
        let failed = |error: nix::errno::Errno| Problem::fault("the terminal can't be used").because(&error);
        let before = tcgetattr(std::io::stdin()).map_err(failed)?;
        let mut raw = before.clone();
        cfmakeraw(&mut raw);
        tcsetattr(std::io::stdin(), SetArg::TCSANOW, &raw).map_err(failed)?;
        Ok(Self(before))
    }
}

impl Drop for Raw {
    fn drop(&mut self) {
        let _ = tcsetattr(std::io::stdin(), SetArg::TCSANOW, &self.0);
        let _ = std::io::stdout().flush();
    }
}

/// Columns and rows of this terminal.
pub fn size() -> Option<(u16, u16)> {
    crossterm::terminal::size().ok()
}

/// Reads standard input on a thread of its own, since that can't be waited for otherwise. It ends with the program.
pub fn read_input() -> mpsc::Receiver<Vec<u8>> {
    let (sender, receiver) = mpsc::channel(PIECES);
    std::thread::spawn(move || {
        let mut buffer = vec![0; PIECE];
        let stdin = std::io::stdin();
        loop {
            match nix::unistd::read(stdin.as_fd(), &mut buffer) {
                Ok(0) => return,
                Ok(count) => {
                    let bytes = buffer.get(..count).unwrap_or_default().to_vec();
                    if sender.blocking_send(bytes).is_err() {
                        return;
                    }
                }
                Err(nix::errno::Errno::EINTR) => {}
                Err(_) => return,
            }
        }
    });
    receiver
}

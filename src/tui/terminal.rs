//! Taking the terminal over and giving it back: on leaving, on a panic, on a signal, for the editor, for the shell.

use std::{
    io, panic,
    sync::{
        Once,
        atomic::{AtomicBool, Ordering},
    },
    thread,
};

use crossterm::{
    cursor::Show,
    event::{DisableBracketedPaste, EnableBracketedPaste},
    execute,
    terminal::{EnterAlternateScreen, LeaveAlternateScreen, disable_raw_mode, enable_raw_mode},
};
use tokio::signal::unix::{Signal, SignalKind, signal};

static TAKEN: AtomicBool = AtomicBool::new(false);

/// The terminal is the board's while this lives.
#[derive(Debug)]
pub struct Guard(());

impl Guard {
    /// Takes the terminal over. Await the board on the thread that calls this: a panic there gives the terminal back before
    /// its message is printed; one on another thread goes to the log file, since the screen is taken.
    pub fn take() -> io::Result<Self> {
        static HOOK: Once = Once::new();
        let board = thread::current().id();
        HOOK.call_once(|| {
            let before = panic::take_hook();
            panic::set_hook(Box::new(move |panicked| {
                if TAKEN.load(Ordering::SeqCst) && thread::current().id() != board {
                    tracing::error!("panic: {panicked}");
                    return;
                }
                give_back();
                before(panicked);
            }));
        });
        let guard = Self(());
        guard.retake()?;
        Ok(guard)
    }

    /// Takes it over again.
    pub fn retake(&self) -> io::Result<()> {
        TAKEN.store(true, Ordering::SeqCst);
        enable_raw_mode()?;
        execute!(io::stdout(), EnterAlternateScreen, EnableBracketedPaste)
    }

    /// Gives it back for a while.
    pub fn lend(&self) {
        give_back();
    }
}

impl Drop for Guard {
    fn drop(&mut self) {
        give_back();
    }
}

/// As it was before; what fails here can't be mended.
fn give_back() {
    if TAKEN.swap(false, Ordering::SeqCst) {
        let _ = execute!(io::stdout(), DisableBracketedPaste, LeaveAlternateScreen, Show);
        let _ = disable_raw_mode();
    }
}

/// The signals that concern a terminal.
#[derive(Debug)]
pub struct Signals {
    end: [(i32, Signal); 3],
    stop: Signal,
    resume: Signal,
    resize: Signal,
}

/// What a signal asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Asked {
    /// To end; the signal's number.
    End(i32),
    /// To stop until the shell says otherwise.
    Suspend,
    /// It goes on, after a stop that couldn't be seen coming.
    Resumed,
    /// To look how large the terminal is.
    Resized,
}

impl Signals {
    /// Listens.
    pub fn listen() -> io::Result<Self> {
        let on = |kind: SignalKind| -> io::Result<(i32, Signal)> { Ok((kind.as_raw_value(), signal(kind)?)) };
        Ok(Self {
            end: [on(SignalKind::terminate())?, on(SignalKind::hangup())?, on(SignalKind::interrupt())?],
            stop: signal(SignalKind::from_raw(nix::libc::SIGTSTP))?,
            resume: signal(SignalKind::from_raw(nix::libc::SIGCONT))?,
            resize: signal(SignalKind::window_change())?,
        })
    }

    /// The next one.
    pub async fn next(&mut self) -> Asked {
        let [(term, on_term), (hup, on_hup), (int, on_int)] = &mut self.end;
        tokio::select! {
            _ = on_term.recv() => Asked::End(*term),
            _ = on_hup.recv() => Asked::End(*hup),
            _ = on_int.recv() => Asked::End(*int),
            _ = self.stop.recv() => Asked::Suspend,
            _ = self.resume.recv() => Asked::Resumed,
            _ = self.resize.recv() => Asked::Resized,
        }
    }
}

/// Stops this process, as Ctrl-Z would; comes back when it goes on.
pub fn stop_here() {
    let _ = nix::sys::signal::raise(nix::sys::signal::Signal::SIGSTOP);
}

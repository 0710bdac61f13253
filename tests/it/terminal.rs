//! A terminal in which the program runs: a pseudo-terminal, an emulator that draws what comes, and a keyboard.

use std::{
    io::{Read as _, Write as _},
    path::Path,
    process::{Child, ExitStatus},
    sync::{Arc, Mutex},
    thread::JoinHandle,
    time::{Duration, Instant},
};

use nix::{
    sys::{
        signal::{Signal, kill},
        termios::{LocalFlags, tcgetattr},
    },
    unistd::Pid,
};
use pty_process::blocking::{Command, Pty};
use tui_term::vt100::Parser;

use crate::home::{DEADLINE, Home, wait_for};

/// Whether the terminal says where its cursor is when it is asked.
#[derive(Clone, Copy, Debug)]
pub enum Answers {
    /// As some do.
    Never,
    /// After this, as over a long line.
    After(Duration),
}

/// The program on a screen of its own.
pub struct Terminal {
    child: Child,
    pty: Arc<Pty>,
    screen: Arc<Mutex<Parser>>,
    reader: JoinHandle<()>,
}

impl Terminal {
    /// Starts the program in `dir` on a screen of this size.
    pub fn open(home: &Home, dir: &Path, args: &[&str], size: (u16, u16)) -> Self {
        Self::that_answers(Answers::After(Duration::ZERO), home, dir, args, size)
    }

    /// The same on a terminal that answers so.
    pub fn that_answers(answers: Answers, home: &Home, dir: &Path, args: &[&str], (columns, rows): (u16, u16)) -> Self {
        let (pty, inner) = pty_process::blocking::open().unwrap();
        pty.resize(pty_process::Size::new(rows, columns)).unwrap();
        let command = Command::new(env!("CARGO_BIN_EXE_gonogo")).args(args).current_dir(dir).env_clear();
        let child = command.envs(home.environment()).env("TERM", "xterm-256color").spawn(inner).unwrap();
        let pty = Arc::new(pty);
        let screen = Arc::new(Mutex::new(Parser::new(rows, columns, 1000)));
        let reader = {
            let (pty, screen) = (Arc::clone(&pty), Arc::clone(&screen));
            std::thread::spawn(move || {
                let mut buffer = [0; 16 << 10];
                let mut unread = Vec::new();
                // The end of output is an error on Linux (EIO).
                while let Ok(count) = (&*pty).read(&mut buffer) {
                    unread.extend_from_slice(&buffer[..count]);
                    // As a real terminal does, it answers when everything before the question has been drawn.
                    while let Some(at) = unread.windows(4).position(|window| window == b"\x1b[6n") {
                        let before: Vec<u8> = unread.drain(..at + 4).collect();
                        let (row, column) = {
                            let mut screen = screen.lock().unwrap();
                            screen.process(&before);
                            screen.screen().cursor_position()
                        };
                        if let Answers::After(time) = answers {
                            std::thread::sleep(time);
                            let _ = (&*pty).write_all(format!("\x1b[{};{}R", row + 1, column + 1).as_bytes());
                        }
                    }
                    // The beginning of a question may stand at the end.
                    let whole = unread.iter().rposition(|byte| *byte == 0x1b).filter(|at| unread.len() - at < 4);
                    let whole: Vec<u8> = unread.drain(..whole.unwrap_or(unread.len())).collect();
                    screen.lock().unwrap().process(&whole);
                }
            })
        };
        Self { child, pty, screen, reader }
    }

    pub fn text(&self) -> String {
        self.screen.lock().unwrap().screen().contents()
    }

    /// Whether the terminal is not as it was found: the alternate screen, a hidden cursor, marked pastes, raw keys.
    pub fn is_taken_over(&self) -> bool {
        let parser = self.screen.lock().unwrap();
        let screen = parser.screen();
        let raw = match tcgetattr(&*self.pty) {
            Ok(mode) => !mode.local_flags.contains(LocalFlags::ICANON | LocalFlags::ECHO | LocalFlags::ISIG),
            Err(error) => panic!("the mode of the terminal is not known: {error}"),
        };
        screen.alternate_screen() || screen.hide_cursor() || screen.bracketed_paste() || raw
    }

    pub fn resize(&self, (columns, rows): (u16, u16)) {
        self.screen.lock().unwrap().screen_mut().set_size(rows, columns);
        self.pty.resize(pty_process::Size::new(rows, columns)).unwrap();
    }

    pub fn press(&self, keys: &str) {
        (&*self.pty).write_all(keys.as_bytes()).unwrap();
    }

    /// Presses a key until the screen is so: a question takes no answer before it has been seen for a moment.
    #[track_caller]
    pub fn insist(&self, key: &str, what: &str, is: impl Fn(&Self) -> bool) {
        let mut pressed = Instant::now();
        self.press(key);
        wait_for(what, || {
            if is(self) {
                return Ok(());
            }
            if pressed.elapsed() > Duration::from_millis(700) {
                pressed = Instant::now();
                self.press(key);
            }
            Err(format!("the screen is:\n{}\n", self.text()))
        });
    }

    pub fn signal(&self, signal: Signal) {
        kill(Pid::from_raw(i32::try_from(self.child.id()).unwrap()), signal).unwrap();
    }

    /// Waits until the screen is so.
    #[track_caller]
    pub fn wait(&self, what: &str, is: impl Fn(&str) -> bool) -> String {
        wait_for(what, || {
            let text = self.text();
            if is(&text) { Ok(text) } else { Err(format!("the screen is:\n{text}\n")) }
        })
    }

    /// Waits until this stands on the screen.
    #[track_caller]
    pub fn wait_text(&self, wanted: &str) -> String {
        self.wait(&format!("{wanted:?}"), |text| text.contains(wanted))
    }

    /// Waits for the program's end; gives how it ended and what stands on the screen then.
    pub fn finish(mut self) -> (ExitStatus, Ended) {
        let end = Instant::now() + DEADLINE;
        let status = loop {
            match self.child.try_wait().unwrap() {
                Some(status) => break status,
                None if Instant::now() > end => {
                    self.child.kill().unwrap();
                    panic!("it did not end; the screen is:\n{}", self.text());
                }
                None => std::thread::sleep(Duration::from_millis(10)),
            }
        };
        // Everything that it printed has come when the other side is closed.
        while !self.reader.is_finished() && Instant::now() < end {
            std::thread::sleep(Duration::from_millis(5));
        }
        (status, Ended { text: self.text(), taken_over: self.is_taken_over() })
    }
}

/// What the program has left behind.
pub struct Ended {
    pub text: String,
    /// The terminal is not as it was found.
    pub taken_over: bool,
}

//! What the person and the terminal say: read without a thread, and let go of as soon as this is dropped, so that an editor or
//! a shell can read there.

pub mod parser;
mod sequence;

pub use sequence::shifted_f3;

use std::{
    fs::File,
    io::{self, Read as _},
    os::fd::{AsFd as _, OwnedFd},
    pin::Pin,
    task::{Context, Poll, ready},
    time::Duration,
};

use crossterm::event::Event;
use futures::Stream;
use nix::{
    errno::Errno,
    poll::{PollFd, PollFlags, PollTimeout, poll},
};
use tokio::{
    io::{Interest, unix::AsyncFd},
    time::{Instant, Sleep, sleep_until},
};

use parser::{Parser, Pending};

/// Esc alone is a key when nothing has followed it for this long: what belongs together may come in pieces.
const KEY: Duration = Duration::from_millis(50);
/// The rest of what can't be a key is waited for longer, as it comes over a slow line.
const REST: Duration = Duration::from_secs(1);

/// Something that came from the terminal.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Heard {
    /// From the person.
    Event(Event),
    /// From the terminal itself.
    Answer(Answer),
}

/// What a terminal answers to a question.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Answer {
    /// Where the cursor is; everything that was sent before the question has been drawn.
    Cursor {
        /// From 1.
        row: u32,
        /// From 1.
        column: u32,
    },
    /// What kind of terminal it is.
    Device,
    /// Whether it knows a mode: 0 if not.
    Mode {
        /// Which.
        mode: u32,
        /// 1 and 3 set, 2 and 4 not set, 0 not known.
        state: u32,
    },
    /// How it reports keys.
    Keyboard {
        /// Bits.
        flags: u32,
    },
}

/// Reads the terminal on standard input.
#[derive(Debug)]
pub struct Keyboard {
    terminal: AsyncFd<File>,
    parser: Parser,
    /// When what has begun is taken as it is.
    rest_at: Option<Pin<Box<Sleep>>>,
}

impl Keyboard {
    /// Begins to read.
    #[expect(
        deprecated,
        reason = "the newer way is `unsafe`; a file that is owned stays open, and the same, as long as it is read"
    )]
    pub fn open() -> io::Result<Self> {
        let terminal: OwnedFd = io::stdin().as_fd().try_clone_to_owned()?;
        let terminal = AsyncFd::with_interest(File::from(terminal), Interest::READABLE)?;
        Ok(Self { terminal, parser: Parser::default(), rest_at: None })
    }

    /// Reads what is there. The terminal stays in blocking mode, which it shares with whoever else has it: so it is asked first.
    fn poll_bytes(&mut self, context: &mut Context<'_>) -> Poll<io::Result<usize>> {
        loop {
            let mut ready = ready!(self.terminal.poll_read_ready(context))?;
            let mut file = ready.get_inner();
            let mut asked = [PollFd::new(file.as_fd(), PollFlags::POLLIN)];
            match poll(&mut asked, PollTimeout::ZERO) {
                Ok(0) => {
                    ready.clear_ready();
                    continue;
                }
                Ok(_) => {}
                Err(Errno::EINTR) => continue,
                Err(error) => return Poll::Ready(Err(error.into())),
            }
            let mut bytes = [0; 4096];
            match file.read(&mut bytes) {
                Ok(count) => {
                    self.parser.feed(&bytes[..count]);
                    return Poll::Ready(Ok(count));
                }
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Poll::Ready(Err(error)),
            }
        }
    }

    fn wait_for_the_rest(&mut self) {
        let wait = self.parser.pending().map(|pending| match pending {
            Pending::Key => KEY,
            Pending::Rest => REST,
        });
        self.rest_at = wait.map(|wait| Box::pin(sleep_until(Instant::now() + wait)));
    }
}

impl Stream for Keyboard {
    type Item = io::Result<Heard>;

    fn poll_next(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        loop {
            if let Some(heard) = self.parser.pop() {
                return Poll::Ready(Some(Ok(heard)));
            }
            match self.poll_bytes(context) {
                Poll::Ready(Ok(0)) => return Poll::Ready(None),
                Poll::Ready(Ok(_)) => self.wait_for_the_rest(),
                Poll::Ready(Err(error)) => return Poll::Ready(Some(Err(error))),
                Poll::Pending => {
                    let Some(at) = &mut self.rest_at else { return Poll::Pending };
                    ready!(at.as_mut().poll(context));
                    self.rest_at = None;
                    self.parser.rest();
                }
            }
        }
    }
}

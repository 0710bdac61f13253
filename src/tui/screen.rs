//! What a terminal is told: only what changed, and nothing at all when nothing did.
//!
//! Bytes go to a thread of their own, so that a slow line never holds up the board: it draws again when the last frame is out.

use std::{
    io::{self, Write},
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
        mpsc,
    },
    time::{Duration, Instant},
};

use ratatui::{
    backend::{Backend, ClearType, CrosstermBackend, WindowSize},
    buffer::Cell,
    layout::{Position, Size},
};

/// How large the screen is.
pub type SizeSource = Box<dyn Fn() -> io::Result<Size> + Send>;

/// A backend that stays silent where the usual one repeats itself, and asks the terminal nothing.
pub struct Screen<W: Write> {
    inner: CrosstermBackend<W>,
    size: SizeSource,
    hidden: Option<bool>,
    cursor: Option<Position>,
    wrote: bool,
}

impl<W: Write> Screen<W> {
    /// Writes to `out`.
    pub fn new(out: W, size: SizeSource) -> Self {
        Self { inner: CrosstermBackend::new(out), size, hidden: None, cursor: None, wrote: false }
    }

    /// Sends bytes that are no part of the picture.
    pub fn send(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.inner.write_all(bytes)?;
        Write::flush(&mut self.inner)
    }

    /// Somebody else has written to the terminal: nothing is known of its cursor.
    pub fn forget(&mut self) {
        self.hidden = None;
        self.cursor = None;
    }
}

impl<W: Write> Backend for Screen<W> {
    type Error = io::Error;

    fn draw<'a, I>(&mut self, content: I) -> io::Result<()>
    where
        I: Iterator<Item = (u16, u16, &'a Cell)>,
    {
        let mut content = content.peekable();
        if content.peek().is_none() {
            return Ok(());
        }
        self.wrote = true;
        self.cursor = None;
        self.inner.draw(content)
    }

    fn hide_cursor(&mut self) -> io::Result<()> {
        if self.hidden == Some(true) {
            return Ok(());
        }
        (self.hidden, self.wrote) = (Some(true), true);
        self.inner.hide_cursor()
    }

    fn show_cursor(&mut self) -> io::Result<()> {
        if self.hidden == Some(false) {
            return Ok(());
        }
        (self.hidden, self.wrote) = (Some(false), true);
        self.inner.show_cursor()
    }

    /// Where it was put last: the terminal is not asked, since it may never answer.
    fn get_cursor_position(&mut self) -> io::Result<Position> {
        Ok(self.cursor.unwrap_or_default())
    }

    fn set_cursor_position<P: Into<Position>>(&mut self, position: P) -> io::Result<()> {
        let position = position.into();
        if self.cursor == Some(position) {
            return Ok(());
        }
        (self.cursor, self.wrote) = (Some(position), true);
        self.inner.set_cursor_position(position)
    }

    fn clear(&mut self) -> io::Result<()> {
        self.clear_region(ClearType::All)
    }

    fn clear_region(&mut self, clear_type: ClearType) -> io::Result<()> {
        self.wrote = true;
        self.inner.clear_region(clear_type)
    }

    fn size(&self) -> io::Result<Size> {
        (self.size)()
    }

    fn window_size(&mut self) -> io::Result<WindowSize> {
        Ok(WindowSize { columns_rows: (self.size)()?, pixels: Size::default() })
    }

    fn flush(&mut self) -> io::Result<()> {
        if std::mem::take(&mut self.wrote) { Write::flush(&mut self.inner) } else { Ok(()) }
    }
}

/// Gathers a frame's bytes and hands them to the writing thread.
#[derive(Debug)]
pub struct Pipe {
    frame: Vec<u8>,
    to: mpsc::Sender<Vec<u8>>,
    gauge: Gauge,
}

/// Tells whether everything that was sent is out.
#[derive(Clone, Debug, Default)]
pub struct Gauge(Arc<AtomicUsize>);

impl Gauge {
    /// Everything is out.
    pub fn is_idle(&self) -> bool {
        self.0.load(Ordering::Acquire) == 0
    }

    /// Waits until everything is out, but not for ever.
    pub fn wait(&self, at_most: Duration) {
        let until = Instant::now() + at_most;
        while !self.is_idle() && Instant::now() < until {
            std::thread::sleep(Duration::from_millis(2));
        }
    }
}

impl Pipe {
    /// Starts a thread that writes to standard output.
    pub fn to_stdout() -> io::Result<(Self, Gauge)> {
        let (to, frames) = mpsc::channel::<Vec<u8>>();
        let gauge = Gauge::default();
        let done = gauge.clone();
        std::thread::Builder::new().name("screen".into()).spawn(move || {
            for frame in frames {
                // A terminal that is gone is noticed by the reading side.
                let mut out = io::stdout().lock();
                let _ = out.write_all(&frame).and_then(|()| out.flush());
                drop(out);
                done.0.fetch_sub(1, Ordering::Release);
            }
        })?;
        Ok((Self { frame: Vec::new(), to, gauge: gauge.clone() }, gauge))
    }
}

impl Write for Pipe {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.frame.extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        if self.frame.is_empty() {
            return Ok(());
        }
        self.gauge.0.fetch_add(1, Ordering::Acquire);
        let frame = std::mem::take(&mut self.frame);
        self.to.send(frame).map_err(|_| io::Error::from(io::ErrorKind::BrokenPipe))
    }
}

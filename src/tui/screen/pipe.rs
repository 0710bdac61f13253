//! Bytes go to a thread of their own, so that a slow line never holds up the board.

use std::{
    io::{self, Write},
    sync::{
        Arc,
        atomic::{AtomicU64, AtomicUsize, Ordering},
        mpsc,
    },
    time::{Duration, Instant},
};

use tokio::sync::Notify;

/// Writes under way, at most: one frame, and copies.
const MOST: usize = 8;

/// Gathers a frame's bytes and hands them to the writing thread.
#[derive(Debug)]
pub struct Pipe {
    frame: Vec<u8>,
    to: mpsc::SyncSender<Vec<u8>>,
    gauge: Gauge,
}

/// Tells whether everything that was sent is out.
#[derive(Clone, Debug, Default)]
pub struct Gauge(Arc<Under>);

#[derive(Debug, Default)]
struct Under {
    way: AtomicUsize,
    /// Microseconds that the last write took.
    took: AtomicU64,
    out: Notify,
}

impl Gauge {
    /// Everything is out.
    pub fn is_idle(&self) -> bool {
        self.0.way.load(Ordering::Acquire) == 0
    }

    /// How long the last write took.
    pub fn took(&self) -> Duration {
        Duration::from_micros(self.0.took.load(Ordering::Relaxed))
    }

    /// Something went out since this was asked last.
    pub async fn out(&self) {
        self.0.out.notified().await;
    }

    /// Waits until everything is out, but not for ever.
    pub fn wait(&self, at_most: Duration) {
        let until = Instant::now() + at_most;
        while !self.is_idle() && Instant::now() < until {
            std::thread::sleep(Duration::from_millis(2));
        }
    }

    fn wrote(&self, took: Duration) {
        self.0.took.store(took.as_micros() as u64, Ordering::Relaxed);
        self.0.way.fetch_sub(1, Ordering::Release);
        self.0.out.notify_one();
    }
}

impl Pipe {
    /// Starts a thread that writes to standard output.
    pub fn to_stdout() -> io::Result<(Self, Gauge)> {
        let (to, frames) = mpsc::sync_channel::<Vec<u8>>(MOST);
        let gauge = Gauge::default();
        let done = gauge.clone();
        std::thread::Builder::new().name("screen".into()).spawn(move || {
            for frame in frames {
                let began = Instant::now();
                // A terminal that is gone is noticed by the reading side.
                let mut out = io::stdout().lock();
                let _ = out.write_all(&frame).and_then(|()| out.flush());
                drop(out);
                done.wrote(began.elapsed());
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
        self.gauge.0.way.fetch_add(1, Ordering::Acquire);
        let sent = self.to.try_send(std::mem::take(&mut self.frame));
        sent.map_err(|_| {
            self.gauge.0.way.fetch_sub(1, Ordering::Release);
            io::Error::other("the terminal takes nothing in")
        })
    }
}

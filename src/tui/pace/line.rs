//! How fast the line to the terminal is, by what frames of different sizes took: a way that takes its time with every frame, and
//! bytes that take theirs.

use std::time::Duration;

/// How much of a new measure is taken over.
const SHARE: f64 = 0.1;
/// Before so many measures nothing is said about the speed.
const ENOUGH: u32 = 6;
/// A line is slow below the first, and is so until it is faster than the second (bytes a second).
const SLOW: (f64, f64) = (40_000.0, 80_000.0);

/// A frame as large as this tells how fast the line is at least.
const TELLING: f64 = 500.0;
/// What one frame tells counts for some thirty others; and no more than this does it tell.
const FASTEST: (f64, f64) = (0.95, 400_000.0);

/// What is known about the line.
#[derive(Clone, Copy, Debug, Default)]
pub struct Line {
    count: u32,
    /// Means: bytes, seconds, and their products.
    bytes: f64,
    seconds: f64,
    squares: f64,
    products: f64,
    /// The longest of late; less and less of it counts.
    longest: f64,
    /// As fast as this a frame was there and answered, of late. A busy machine makes frames late, but no line faster than it is.
    fastest: f64,
    slow: bool,
}

impl Line {
    /// A frame of so many bytes has taken so long to be answered.
    pub fn measured(&mut self, bytes: usize, took: Duration) {
        let (bytes, seconds) = (bytes as f64, took.as_secs_f64());
        self.count = self.count.saturating_add(1);
        let share = SHARE.max(1.0 / f64::from(self.count));
        let mean = |old: f64, new: f64| old + (new - old) * share;
        self.bytes = mean(self.bytes, bytes);
        self.seconds = mean(self.seconds, seconds);
        self.squares = mean(self.squares, bytes * bytes);
        self.products = mean(self.products, bytes * seconds);
        self.longest = seconds.max(self.longest * 0.95);
        let shown = if bytes < TELLING { 0.0 } else { (bytes / seconds.max(1e-6)).min(FASTEST.1) };
        self.fastest = shown.max(self.fastest * FASTEST.0);
        if self.count >= ENOUGH {
            let speed = (1.0 / self.for_a_byte().max(1e-9)).max(self.fastest);
            self.slow = speed < if self.slow { SLOW.1 } else { SLOW.0 };
        }
    }

    /// Its bytes take long.
    pub fn is_slow(&self) -> bool {
        self.slow
    }

    /// There and back, without what the bytes of a frame take.
    pub fn round_trip(&self) -> Option<Duration> {
        let base = (self.seconds - self.for_a_byte() * self.bytes).max(0.0);
        (self.count > 0).then(|| Duration::from_secs_f64(base))
    }

    /// What an answer has taken at the longest, of late.
    pub fn longest(&self) -> Option<Duration> {
        (self.count > 0).then(|| Duration::from_secs_f64(self.longest))
    }

    /// Seconds for each byte: the slope of the line through all measures, if their sizes are different enough to tell.
    fn for_a_byte(&self) -> f64 {
        let spread = self.squares - self.bytes * self.bytes;
        if spread < 2500.0 {
            return if self.slow { 1.0 / SLOW.0 } else { 0.0 };
        }
        ((self.products - self.bytes * self.seconds) / spread).max(0.0)
    }
}

//! What a container prints, as the engine has kept it, with the engine's times.

use std::pin::Pin;

use bollard::{container::LogOutput, errors::Error, query_parameters::LogsOptionsBuilder};
use bytes::Bytes;
use futures::{Stream, StreamExt as _, stream::ReadyChunks};

use crate::domain::time::Timestamp;

/// So many pieces are taken at once, if they are there.
const AT_ONCE: usize = 1024;

/// Lines whose times are nearer than this, in microseconds, are taken together.
const NEAR: i64 = 50_000;

/// Bytes that are taken together at most.
const LARGE: usize = 64 << 10;

/// The text before each line: `2026-03-14T14:00:00.123456789Z `.
const STAMP: usize = 31;

/// What of a log is wanted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Wish {
    /// Go on as it grows, until the container ends.
    pub follow: bool,
    /// Only what was printed since: seconds since 1970.
    pub since: Option<i64>,
    /// Only the last so many lines.
    pub tail: Option<u64>,
    /// Only what was printed later than this, exactly: `since` is read in whole seconds.
    pub after: Option<Timestamp>,
}

/// Lines that were printed at about the same time.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Batch {
    /// When the first of it was printed, by the engine's clock,
    pub at: Timestamp,
    /// and the last.
    pub until: Timestamp,
    /// What was printed.
    pub bytes: Vec<u8>,
    /// It went to standard error.
    pub stderr: bool,
}

type Pieces = Pin<Box<dyn Stream<Item = Result<LogOutput, Error>> + Send>>;

/// A log that is being read.
pub struct Log {
    pieces: ReadyChunks<Pieces>,
    stamps: Stamps,
}

impl Log {
    /// Reads the log of a container. Nothing is sent before the first call of [`Self::next`].
    pub fn open(client: &bollard::Docker, id: &str, wish: Wish) -> Self {
        let tail = wish.tail.map_or_else(|| "all".to_owned(), |lines| lines.to_string());
        let options = LogsOptionsBuilder::new()
            .follow(wish.follow)
            .stdout(true)
            .stderr(true)
            .timestamps(true)
            .since(wish.since.unwrap_or(0).clamp(0, i64::from(i32::MAX)) as i32)
            .tail(&tail)
            .build();
        let pieces: Pieces = Box::pin(client.logs(id, Some(options)));
        Self {
            pieces: pieces.ready_chunks(AT_ONCE),
            stamps: Stamps { after: wish.after.map_or(i64::MIN, Timestamp::as_microsecond), ..Stamps::default() },
        }
    }

    /// What has come, in order; `None` when it has ended. May be dropped and called again.
    pub async fn next(&mut self) -> Option<Result<Vec<Batch>, Error>> {
        let pieces = self.pieces.next().await?;
        let mut batches = Vec::new();
        for piece in pieces {
            match piece {
                Ok(piece) => self.stamps.take(piece, &mut batches),
                Err(error) if batches.is_empty() => return Some(Err(error)),
                // It is given again when it is asked for next.
                Err(_) => break,
            }
        }
        Some(Ok(batches))
    }
}

/// Takes the engine's times off the lines.
#[derive(Debug, Default)]
struct Stamps {
    /// Whether the line under way has its time already: of standard output (or a terminal), and of standard error. What is
    /// longer than the engine's buffer comes in pieces, each with a time.
    open: [bool; 2],
    /// The second that was read last, as text and as microseconds: most lines have it in common.
    second: [u8; 19],
    micros: i64,
    at: i64,
    /// Lines up to here were read before.
    after: i64,
}

impl Stamps {
    fn take(&mut self, piece: LogOutput, batches: &mut Vec<Batch>) {
        let (stderr, message): (bool, Bytes) = match piece {
            LogOutput::StdErr { message } => (true, message),
            LogOutput::StdOut { message } | LogOutput::Console { message } | LogOutput::StdIn { message } => {
                (false, message)
            }
        };
        let open = &mut self.open[usize::from(stderr)];
        let went_on = *open;
        *open = !message.ends_with(b"\n");
        let text: &[u8] = match self.read(&message) {
            Some(at) => {
                if !went_on {
                    self.at = at;
                }
                message.get(STAMP..).unwrap_or_default()
            }
            None => &message,
        };
        if text.is_empty() || self.at <= self.after {
            return;
        }
        match batches.last_mut() {
            Some(last)
                if last.stderr == stderr
                    && last.bytes.len() < LARGE
                    && (0..NEAR).contains(&(self.at - last.at.as_microsecond())) =>
            {
                last.until = Timestamp::from_microsecond(self.at).unwrap_or(last.until);
                last.bytes.extend_from_slice(text);
            }
            _ => {
                let at = Timestamp::from_microsecond(self.at).unwrap_or_default();
                batches.push(Batch { at, until: at, bytes: text.to_vec(), stderr });
            }
        }
    }

    /// The time before a line, in microseconds.
    fn read(&mut self, line: &[u8]) -> Option<i64> {
        let stamp = line.get(..STAMP)?;
        let (second, rest) = stamp.split_at(19);
        if rest.first() != Some(&b'.') || !rest.ends_with(b"Z ") || stamp.get(10) != Some(&b'T') {
            return None;
        }
        if second != self.second {
            let text = std::str::from_utf8(second).ok()?;
            let at: jiff::civil::DateTime = text.parse().ok()?;
            self.micros = at.to_zoned(jiff::tz::TimeZone::UTC).ok()?.timestamp().as_microsecond();
            self.second.copy_from_slice(second);
        }
        let digits = rest.get(1..7)?;
        let fraction = digits
            .iter()
            .try_fold(0_i64, |sum, digit| digit.is_ascii_digit().then(|| sum * 10 + i64::from(digit - b'0')))?;
        Some(self.micros + fraction)
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn out(text: &str) -> LogOutput {
        LogOutput::StdOut { message: text.to_owned().into() }
    }

    #[test]
    fn times_are_taken_off_and_long_lines_joined() {
        let mut stamps = Stamps { after: i64::MIN, ..Stamps::default() };
        let mut batches = Vec::new();
        let err = LogOutput::StdErr { message: "2026-03-14T14:00:01.200000000Z bad\n".into() };
        for piece in [
            out("2026-03-14T14:00:01.100000000Z one\n"),
            out("2026-03-14T14:00:01.101000000Z two is "),
            out("2026-03-14T14:00:01.102000000Z long\n"),
            err,
            out("2026-03-14T14:00:02.000000000Z three\r\n"),
            out("no time\n"),
        ] {
            stamps.take(piece, &mut batches);
        }
        let seen: Vec<(i64, &str, bool)> = batches
            .iter()
            .map(|b| (b.at.as_millisecond() % 10_000, std::str::from_utf8(&b.bytes).unwrap(), b.stderr))
            .collect();
        assert_eq!(
            seen,
            [(1100, "one\ntwo is long\n", false), (1200, "bad\n", true), (2000, "three\r\nno time\n", false)]
        );
    }
}

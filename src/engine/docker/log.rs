//! What a container prints, as the engine has kept it, with the engine's times where they are wanted.
//!
//! The engine sends each line by itself, and the client's connection is a task that hands each over to whoever reads. Were these
//! two on different threads, as tasks of gonogo's runtime are, each line would wake one of them up: four times the whole cost. So
//! a log is read on a thread of its own, with a runtime that has only this one.

use std::{pin::Pin, thread, time::Duration};

use bollard::{Docker, container::LogOutput, errors::Error, query_parameters::LogsOptionsBuilder};
use bytes::Bytes;
use futures::{FutureExt as _, Stream, StreamExt as _};
use tokio::{
    runtime::Builder,
    sync::mpsc,
    task::{spawn_blocking, yield_now},
};

use crate::domain::time::Timestamp;

/// When all that was there has been taken, so long is waited: a few lines are cheaper than each by itself.
const PAUSE: Duration = Duration::from_millis(1);

/// Takings that may wait for whoever reads.
const WAITING: usize = 4;

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
    /// The times of the lines are not needed, nor `after`: the engine is not asked for them.
    pub timeless: bool,
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

/// A log that is being read, until this is dropped.
#[derive(Debug)]
pub struct Log(mpsc::Receiver<Taken>);

impl Log {
    /// Reads the log of a container from now on.
    pub fn open(client: &Docker, id: &str, wish: Wish) -> Self {
        let (taken, log) = mpsc::channel(WAITING);
        let (client, id) = (client.clone(), id.to_owned());
        spawn_blocking(move || match Builder::new_current_thread().enable_all().build() {
            Ok(runtime) => runtime.block_on(read(&client, &id, wish, &taken)),
            // Whoever has asked may be gone.
            Err(error) => drop(taken.blocking_send(Err(error.into()))),
        });
        Self(log)
    }

    /// What has come, in order; `None` when it has ended. May be dropped and called again.
    pub async fn next(&mut self) -> Option<Taken> {
        self.0.recv().await
    }
}

type Taken = Result<Vec<Batch>, Error>;
type Pieces = Pin<Box<dyn Stream<Item = Result<LogOutput, Error>>>>;

/// Hands over what comes, until it ends or nobody takes it.
async fn read(client: &Docker, id: &str, wish: Wish, taken: &mpsc::Sender<Taken>) {
    let tail = wish.tail.map_or_else(|| "all".to_owned(), |lines| lines.to_string());
    let options = LogsOptionsBuilder::new()
        .follow(wish.follow)
        .stdout(true)
        .stderr(true)
        .timestamps(!wish.timeless)
        .since(wish.since.unwrap_or(0).clamp(0, i64::from(i32::MAX)) as i32)
        .tail(&tail)
        .build();
    let mut pieces: Pieces = Box::pin(client.logs(id, Some(options)));
    let mut stamps = Stamps::of(wish);
    loop {
        let mut next = tokio::select! {
            piece = pieces.next() => Some(piece),
            () = taken.closed() => return,
        };
        let (mut batches, mut bytes, mut end) = (Vec::new(), 0, None);
        while let Some(piece) = next {
            match piece {
                Some(Ok(piece)) => {
                    bytes += piece.as_ref().len();
                    stamps.take(piece, &mut batches);
                }
                Some(Err(error)) => end = Some(Err(error)),
                None => end = Some(Ok(())),
            }
            next = if end.is_none() && bytes < LARGE { at_hand(&mut pieces).await } else { None };
        }
        if !batches.is_empty() && taken.send(Ok(batches)).await.is_err() {
            return;
        }
        match end {
            // Whoever has asked may be gone.
            Some(Err(error)) => return drop(taken.send(Err(error)).await),
            Some(Ok(())) => return,
            // Nothing else runs on this thread.
            None if bytes < LARGE => thread::sleep(PAUSE),
            None => {}
        }
    }
}

/// What is there already, once the connection has had its turn; `None` where nothing is.
async fn at_hand(pieces: &mut Pieces) -> Option<Option<Result<LogOutput, Error>>> {
    if let Some(piece) = pieces.next().now_or_never() {
        return Some(piece);
    }
    yield_now().await;
    pieces.next().now_or_never()
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
    /// There are none.
    timeless: bool,
}

impl Stamps {
    fn of(wish: Wish) -> Self {
        let after = wish.after.filter(|_| !wish.timeless).map_or(i64::MIN, Timestamp::as_microsecond);
        Self { after, timeless: wish.timeless, ..Self::default() }
    }

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
        let text: &[u8] = match if self.timeless { None } else { self.read(&message) } {
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
    use std::{
        io::{self, Read as _, Write as _},
        os::unix::net::UnixListener,
    };

    use super::*;

    fn out(text: &str) -> LogOutput {
        LogOutput::StdOut { message: text.to_owned().into() }
    }

    #[test]
    fn times_are_taken_off_and_long_lines_joined() {
        let mut stamps = Stamps::of(Wish::default());
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

    #[test]
    fn what_looks_like_a_time_stays_where_there_are_no_times() {
        let mut stamps = Stamps::of(Wish { timeless: true, after: Some(Timestamp::MAX), ..Wish::default() });
        let mut batches = Vec::new();
        let line = "2026-03-14T14:00:01.100000000Z one\n";
        stamps.take(out(line), &mut batches);
        stamps.take(out("two\n"), &mut batches);
        assert_eq!(batches.iter().map(|b| b.bytes.as_slice()).collect::<Vec<_>>(), [format!("{line}two\n").as_bytes()]);
    }

    /// An engine that answers once with these lines, each as a part of its own; then says what comes of the connection.
    fn engine(lines: usize, whole: bool) -> (tempfile::TempDir, Docker, thread::JoinHandle<io::Result<usize>>) {
        let dir = tempfile::tempdir().unwrap();
        let socket = dir.path().join("engine.sock");
        let listener = UnixListener::bind(&socket).unwrap();
        let docker = Docker::connect_with_unix(socket.to_str().unwrap(), 10, bollard::API_DEFAULT_VERSION).unwrap();
        let served = thread::spawn(move || {
            let (mut stream, _) = listener.accept()?;
            let mut asked = Vec::new();
            while !asked.ends_with(b"\r\n\r\n") {
                let mut byte = [0];
                stream.read_exact(&mut byte)?;
                asked.push(byte[0]);
            }
            stream.write_all(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")?;
            for number in 0..lines {
                let line = format!("line {number}\n");
                let mut part = format!("{:x}\r\n\u{1}\0\0\0\0\0\0", 8 + line.len()).into_bytes();
                part.push(line.len() as u8);
                part.extend_from_slice(line.as_bytes());
                part.extend_from_slice(b"\r\n");
                stream.write_all(&part)?;
            }
            if whole {
                stream.write_all(b"0\r\n\r\n")?;
            }
            stream.read(&mut [0])
        });
        (dir, docker, served)
    }

    #[tokio::test]
    async fn a_log_in_many_small_parts_comes_whole_and_in_order() {
        let (_dir, docker, served) = engine(20_000, true);
        let mut log = Log::open(&docker, "web", Wish { timeless: true, ..Wish::default() });
        let mut text = Vec::new();
        while let Some(batches) = log.next().await {
            text.extend(batches.unwrap().into_iter().flat_map(|batch| batch.bytes));
        }
        let lines: String = (0..20_000).map(|number| format!("line {number}\n")).collect();
        assert!(text == lines.as_bytes(), "{} bytes of {}", text.len(), lines.len());
        assert_eq!(served.join().unwrap().unwrap(), 0);
    }

    #[tokio::test]
    async fn whoever_drops_a_silent_log_ends_its_connection() {
        let (_dir, docker, served) = engine(1, false);
        let mut log = Log::open(&docker, "web", Wish { follow: true, timeless: true, ..Wish::default() });
        assert_eq!(log.next().await.unwrap().unwrap()[0].bytes, b"line 0\n");
        drop(log);
        assert_eq!(served.join().unwrap().unwrap(), 0);
    }
}

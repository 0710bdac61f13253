//! Between code that waits for the disk and requests that wait for the network: a megabyte at most is under way.

use std::io::{self, Read, Write};

use bytes::Bytes;
use futures::{Stream, stream};
use tar::Builder;
use tokio::{sync::mpsc, task::JoinHandle};

/// Pieces that may be under way.
const PIECES: usize = 16;

/// Bytes of a piece.
const PIECE: usize = 64 * 1024;

/// An empty one is the end: what just ceases was cut off.
pub(super) type Piece = io::Result<Bytes>;

/// Where a blocking task writes what a request sends. What is not finished with [`Outgoing::finish`] arrives as cut off.
pub(super) struct Outgoing {
    buffer: Vec<u8>,
    pieces: mpsc::Sender<Piece>,
}

/// A pipe to a request: its beginning, and its end as the body of the request.
pub(super) fn outgoing() -> (Outgoing, impl Stream<Item = Piece> + Send + 'static) {
    let (pieces, received) = mpsc::channel(PIECES);
    let end = stream::unfold(Some(received), |received| async {
        let mut received: mpsc::Receiver<Piece> = received?;
        match received.recv().await {
            Some(Ok(piece)) if piece.is_empty() => None,
            Some(Ok(piece)) => Some((Ok(piece), Some(received))),
            Some(Err(error)) => Some((Err(error), None)),
            None => Some((Err(io::ErrorKind::UnexpectedEof.into()), None)),
        }
    });
    (Outgoing { buffer: Vec::with_capacity(PIECE), pieces }, end)
}

/// An archive that is made while a request sends it: the task that makes it, and the body. The task ends when the body is
/// dropped; its own error says more than the request's, which then fails too.
pub(super) fn pack<T: Send + 'static>(
    work: impl FnOnce(&mut Builder<Outgoing>) -> io::Result<T> + Send + 'static,
) -> (JoinHandle<io::Result<T>>, impl Stream<Item = Piece> + Send + 'static) {
    let (writer, body) = outgoing();
    let task = tokio::task::spawn_blocking(move || {
        let mut archive = Builder::new(writer);
        let done = work(&mut archive);
        match (done, archive.into_inner()) {
            (Ok(done), Ok(writer)) => writer.finish().map(|()| done),
            (Err(error), Ok(writer)) => {
                writer.fail(io::Error::new(error.kind(), error.to_string()));
                Err(error)
            }
            (Err(error), Err(_)) | (Ok(_), Err(error)) => Err(error),
        }
    });
    (task, body)
}

impl Outgoing {
    fn push(&mut self) -> io::Result<()> {
        let piece = std::mem::replace(&mut self.buffer, Vec::with_capacity(PIECE));
        self.pieces.blocking_send(Ok(piece.into())).map_err(|_| io::ErrorKind::BrokenPipe.into())
    }

    /// Sends the rest.
    pub(super) fn finish(mut self) -> io::Result<()> {
        if !self.buffer.is_empty() {
            self.push()?;
        }
        self.pieces.blocking_send(Ok(Bytes::new())).map_err(|_| io::ErrorKind::BrokenPipe.into())
    }

    /// Lets the request fail.
    pub(super) fn fail(self, error: io::Error) {
        let _ = self.pieces.blocking_send(Err(error));
    }
}

impl Write for Outgoing {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let taken = bytes.len().min(PIECE - self.buffer.len());
        self.buffer.extend_from_slice(&bytes[..taken]);
        if self.buffer.len() == PIECE {
            self.push()?;
        }
        Ok(taken)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// Where a blocking task reads what an answer brings.
pub(super) struct Incoming {
    rest: Bytes,
    pieces: mpsc::Receiver<Piece>,
    ended: bool,
}

/// A pipe from an answer. Its end is an empty piece; an error that is sent is read as one.
pub(super) fn incoming() -> (mpsc::Sender<Piece>, Incoming) {
    let (sender, pieces) = mpsc::channel(PIECES);
    (sender, Incoming { rest: Bytes::new(), pieces, ended: false })
}

impl Read for Incoming {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        while self.rest.is_empty() && !self.ended {
            self.rest = self.pieces.blocking_recv().ok_or(io::ErrorKind::UnexpectedEof)??;
            self.ended = self.rest.is_empty();
        }
        let count = into.len().min(self.rest.len());
        into[..count].copy_from_slice(&self.rest.split_to(count));
        Ok(count)
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use std::thread;

    use futures::{StreamExt as _, TryStreamExt as _};

    use super::*;

    #[tokio::test]
    async fn what_is_written_arrives_and_what_was_cut_off_is_known() {
        let bytes: Vec<u8> = (0..300_000_u32).map(|n| (n % 251) as u8).collect();
        let (mut writer, body) = outgoing();
        let sent = bytes.clone();
        let writing = thread::spawn(move || writer.write_all(&sent).and_then(|()| writer.finish()));
        let got: Vec<Bytes> = body.try_collect().await.unwrap();
        writing.join().unwrap().unwrap();
        assert_eq!(got.concat(), bytes);
        let (mut writer, body) = outgoing();
        thread::spawn(move || writer.write_all(&vec![7; PIECE])).join().unwrap().unwrap();
        let got: Vec<Piece> = body.collect().await;
        assert!(got.len() == 2 && got[0].is_ok() && got[1].is_err(), "{got:?}");
    }

    #[tokio::test]
    async fn what_is_read_has_an_end_of_its_own() {
        for whole in [true, false] {
            let (sender, mut reader) = incoming();
            let reading = thread::spawn(move || {
                let mut all = String::new();
                reader.read_to_string(&mut all).map(|_| all)
            });
            sender.send(Ok("some ".into())).await.unwrap();
            sender.send(Ok("words".into())).await.unwrap();
            if whole {
                sender.send(Ok(Bytes::new())).await.unwrap();
            }
            drop(sender);
            let read = reading.join().unwrap();
            assert_eq!(read.ok(), whole.then(|| "some words".to_owned()));
        }
    }
}

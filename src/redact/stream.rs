//! A stream of bytes, watched for secrets that may be split over any number of writes.

use std::sync::Arc;

use super::{
    Secrets,
    key_block::{KeyBlock, Line, NAME},
    shape,
    span::{self, Span},
};

/// What is searched at once: whole lines, or as much of a longer line.
const WINDOW: usize = 64 << 10;
/// How much of a window of a longer line is searched again with the next one; no shape is longer.
const OVERLAP: usize = 16 << 10;
/// What is kept before it, so that the beginning of a word is seen to be one.
const BEFORE: usize = 64;

/// Takes the secrets out of one stream.
///
/// The line under way is held back until its end has come (a `\r` ends a line too), so the result is the same however the
/// stream was cut. Where nothing more comes for a while, [`Self::flush_idle`] lets go of what is safe: a prompt or a
/// progress bar is seen.
#[derive(Debug)]
pub struct Redactor {
    secrets: Arc<Secrets>,
    /// The line under way, and in a long line some bytes before it.
    held: Vec<u8>,
    /// How much of `held` is already out.
    sent: usize,
    key: Option<KeyBlock>,
    window: usize,
    overlap: usize,
}

impl Redactor {
    /// A stream in which the values of `(name, value)` pairs are secret. See [`Secrets::new`] about the values.
    pub fn new<N: AsRef<str>, V: AsRef<str>>(secrets: &[(N, V)]) -> Self {
        Self::of(Arc::new(Secrets::new(secrets)))
    }

    /// A stream with secrets that were compiled before.
    pub fn of(secrets: Arc<Secrets>) -> Self {
        let overlap = OVERLAP.max(secrets.declared.longest);
        let window = WINDOW.max(overlap * 4);
        Self { secrets, held: Vec::new(), sent: 0, key: None, window, overlap }
    }

    /// Takes in more bytes and appends to `out` what is safe of them: all whole lines.
    pub fn push(&mut self, mut bytes: &[u8], out: &mut Vec<u8>) {
        while !bytes.is_empty() {
            let known = self.held.len();
            let (now, later) = bytes.split_at(bytes.len().min(self.window - known));
            self.held.extend_from_slice(now);
            bytes = later;
            if let Some(last) = now.iter().rposition(|byte| ends_line(*byte)) {
                self.release(known + last + 1, out);
            } else if self.held.len() == self.window {
                self.release_window(out);
            }
        }
    }

    /// Appends what is held back: the stream has ended. The redactor can be used for another one.
    pub fn finish(&mut self, out: &mut Vec<u8>) {
        self.release(self.held.len(), out);
        self.key = None;
    }

    /// Nothing has come for a while: appends of the line under way all that is not, and cannot become, a secret.
    /// An end that is the beginning of a declared secret (four bytes of it, or half of a short one) or of a token waits.
    pub fn flush_idle(&mut self, out: &mut Vec<u8>) {
        if self.key.is_some() {
            return;
        }
        let scan = self.secrets.scan(&self.held);
        let mut until = self.held.len();
        let open = [self.secrets.declared.prefix_at_end(&self.held), shape::open_at_end(&self.held)];
        until = open.into_iter().flatten().fold(until, usize::min);
        // a secret at the very end may go on
        for span in scan.spans.iter().rev() {
            if span.end > until || span.end == self.held.len() {
                until = until.min(span.start);
            }
        }
        if until > self.sent {
            let spans = before(&scan.spans, until);
            span::write(&self.held[..until], self.sent, spans, out);
            self.sent = until;
        }
    }

    /// Appends `held[..end]`, which are whole lines or the last one.
    fn release(&mut self, end: usize, out: &mut Vec<u8>) {
        let mut at = 0;
        while at < end {
            let text = &self.held[at..end];
            let from = self.sent.saturating_sub(at);
            if let Some(key) = &mut self.key {
                let length = text.iter().position(|byte| ends_line(*byte)).unwrap_or(text.len());
                let next = text.len().min(length + 1);
                let line = key.line(&text[..length]);
                let (start, stop) = match line {
                    Line::Body(start, stop) | Line::Last(start, stop) => (start, stop),
                    Line::Blank => (length, length),
                    Line::Other => {
                        self.key = None;
                        continue;
                    }
                };
                let mut spans = self.secrets.scan(&text[..stop]).spans;
                if stop > start {
                    spans.push(Span { start, end: stop, name: NAME, declared: false });
                    span::merge(&mut spans);
                }
                let done = if matches!(line, Line::Last(..)) { stop } else { next };
                span::write(&text[..done], from, &spans, out);
                at += done;
                if matches!(line, Line::Last(..)) {
                    self.key = None;
                }
            } else {
                let scan = self.secrets.scan(text);
                span::write(&text[..scan.end], from, &scan.spans, out);
                at += scan.end;
                self.key = scan.key;
            }
        }
        self.held.drain(..end);
        self.sent = self.sent.saturating_sub(end);
    }

    /// Appends most of a line that is longer than the window.
    fn release_window(&mut self, out: &mut Vec<u8>) {
        self.key = None;
        let scan = self.secrets.scan(&self.held);
        let safe = self.held.len() - self.overlap;
        let spans = before(&scan.spans, safe);
        let end = spans.last().map_or(safe, |span| span.end.max(safe));
        span::write(&self.held[..end], self.sent, spans, out);
        self.held.drain(..end - BEFORE);
        self.sent = BEFORE.max((self.sent + BEFORE).saturating_sub(end));
    }
}

/// The spans that begin before `end`.
fn before<'a, 'b>(spans: &'b [Span<'a>], end: usize) -> &'b [Span<'a>] {
    &spans[..spans.partition_point(|span| span.start < end)]
}

fn ends_line(byte: u8) -> bool {
    matches!(byte, b'\n' | b'\r')
}

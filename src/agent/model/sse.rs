//! Server-sent events out of bytes, piece by piece. Pure.

/// Bytes of one event at most: what is longer is no answer of a model.
const LONGEST: usize = 8 << 20;

/// An event.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Event {
    /// Data.
    Data(String),
    /// A comment: the other side lives.
    Comment,
}

/// An event has no end.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Endless;

/// Takes bytes, gives events.
#[derive(Debug, Default)]
pub(super) struct Events {
    /// The beginning of a line.
    line: Vec<u8>,
    data: String,
    has_data: bool,
}

impl Events {
    /// The events that these bytes complete.
    pub(super) fn push(&mut self, bytes: &[u8], out: &mut Vec<Event>) -> Result<(), Endless> {
        for part in bytes.split_inclusive(|&byte| byte == b'\n') {
            if self.line.len() + part.len() + self.data.len() > LONGEST {
                return Err(Endless);
            }
            self.line.extend_from_slice(part);
            if part.ends_with(b"\n") {
                let line = std::mem::take(&mut self.line);
                let line = String::from_utf8_lossy(&line);
                self.take(line.trim_end_matches(['\n', '\r']), out);
            }
        }
        Ok(())
    }

    /// What there was when the bytes ended: some servers leave out the empty line behind the last event.
    pub(super) fn end(&mut self, out: &mut Vec<Event>) {
        let line = std::mem::take(&mut self.line);
        let line = String::from_utf8_lossy(&line);
        self.take(line.trim_end_matches('\r'), out);
        self.take("", out);
    }

    fn take(&mut self, line: &str, out: &mut Vec<Event>) {
        if line.is_empty() {
            if std::mem::take(&mut self.has_data) {
                out.push(Event::Data(std::mem::take(&mut self.data)));
            }
        } else if line.starts_with(':') {
            out.push(Event::Comment);
        } else if let Some(data) = line.strip_prefix("data:") {
            if self.has_data {
                self.data.push('\n');
            }
            self.has_data = true;
            self.data.push_str(data.strip_prefix(' ').unwrap_or(data));
        }
        // `event:` only repeats the type that stands in the data; `id:` and `retry:` are of no use here.
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn events_are_the_same_however_the_bytes_are_cut() {
        let text = "event: a\r\ndata: {\"x\":\"\u{e9}\"}\r\n\r\n: alive\n\ndata: one\ndata:two\n\n\n\ndata: last";
        let bytes = text.as_bytes();
        let mut whole = Vec::new();
        let mut events = Events::default();
        events.push(bytes, &mut whole).unwrap();
        events.end(&mut whole);
        let data = |text: &str| Event::Data(text.to_owned());
        assert_eq!(whole, [data("{\"x\":\"\u{e9}\"}"), Event::Comment, data("one\ntwo"), data("last")]);
        for size in 1..8 {
            let (mut events, mut out) = (Events::default(), Vec::new());
            for part in bytes.chunks(size) {
                events.push(part, &mut out).unwrap();
            }
            events.end(&mut out);
            assert_eq!(out, whole, "in pieces of {size}");
        }
    }

    #[test]
    fn an_event_without_end_is_not_kept() {
        let (mut events, mut out) = (Events::default(), Vec::new());
        let chunk = vec![b'x'; 1 << 20];
        let failed = (0..9).find_map(|_| events.push(&chunk, &mut out).err());
        assert_eq!(failed, Some(Endless));
    }
}

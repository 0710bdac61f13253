//! Marks in a container's output: where its steps begin and end.
//!
//! The script that runs the steps prints them between two record separators (U+001E), with a text that only this container
//! knows. They are taken out of the output before anything else sees it.

/// What a mark says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mark {
    /// The terminal no longer echoes what is sent to it.
    Quiet,
    /// A step begins.
    Began {
        /// Its index.
        step: u32,
    },
    /// A step has ended.
    Ended {
        /// Its index.
        step: u32,
        /// Its exit status, as the shell has it.
        exit: i32,
    },
    /// A process of the step that ended was killed because there was no memory left for it.
    OutOfMemory,
    /// The directory of the workspace is not there.
    NoDirectory,
}

/// A part of the output.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Part<'a> {
    /// What the steps printed.
    Bytes(&'a [u8]),
    /// A mark.
    Mark(Mark),
}

/// No mark is longer.
const LONGEST: usize = 64;

/// Takes marks out of a stream of bytes, however it is cut.
#[derive(Clone, Debug)]
pub struct Marks {
    /// What every mark begins with.
    prefix: Vec<u8>,
    /// What may be the beginning of a mark.
    held: Vec<u8>,
}

impl Marks {
    /// Marks with this text.
    pub fn new(nonce: &str) -> Self {
        Self { prefix: format!("\x1egonogo:{nonce}:").into_bytes(), held: Vec::new() }
    }

    /// Hands on the parts of what came. What may be the beginning of a mark waits for the next bytes.
    pub fn feed(&mut self, bytes: &[u8], mut take: impl FnMut(Part<'_>)) {
        if self.held.is_empty() {
            let rest = self.split(bytes, &mut take);
            self.held = rest.to_vec();
        } else {
            let mut joined = std::mem::take(&mut self.held);
            joined.extend_from_slice(bytes);
            let rest = self.split(&joined, &mut take);
            self.held = rest.to_vec();
        }
    }

    /// Nothing more comes: what was held was no mark.
    pub fn finish(&mut self, mut take: impl FnMut(Part<'_>)) {
        let held = std::mem::take(&mut self.held);
        if !held.is_empty() {
            take(Part::Bytes(&held));
        }
    }

    /// Gives what is left: nothing, or what may be the beginning of a mark.
    fn split<'a>(&self, mut bytes: &'a [u8], take: &mut impl FnMut(Part<'_>)) -> &'a [u8] {
        let mut from = 0;
        while let Some(at) = bytes.get(from..).and_then(|rest| rest.iter().position(|byte| *byte == 0x1e)) {
            let at = from + at;
            let (before, candidate) = bytes.split_at(at);
            match self.read(candidate) {
                Found::Mark(mark, length) => {
                    if !before.is_empty() {
                        take(Part::Bytes(before));
                    }
                    take(Part::Mark(mark));
                    bytes = &candidate[length..];
                    from = 0;
                }
                Found::Unclear => {
                    if !before.is_empty() {
                        take(Part::Bytes(before));
                    }
                    return candidate;
                }
                Found::Nothing => from = at + 1,
            }
        }
        if !bytes.is_empty() {
            take(Part::Bytes(bytes));
        }
        &[]
    }

    fn read(&self, candidate: &[u8]) -> Found {
        let known = candidate.len().min(self.prefix.len());
        if candidate[..known] != self.prefix[..known] {
            return Found::Nothing;
        }
        let body = &candidate[known..];
        match body.iter().take(LONGEST).position(|byte| *byte == 0x1e) {
            Some(end) => match std::str::from_utf8(&body[..end]).ok().and_then(mark) {
                Some(mark) => Found::Mark(mark, known + end + 1),
                None => Found::Nothing,
            },
            None if body.len() >= LONGEST => Found::Nothing,
            None => Found::Unclear,
        }
    }
}

enum Found {
    Mark(Mark, usize),
    Unclear,
    Nothing,
}

fn mark(text: &str) -> Option<Mark> {
    let mut parts = text.split(':');
    let mark = match (parts.next()?, parts.next(), parts.next()) {
        ("quiet", None, None) => Mark::Quiet,
        ("oom", None, None) => Mark::OutOfMemory,
        ("nodir", None, None) => Mark::NoDirectory,
        ("began", Some(step), None) => Mark::Began { step: step.parse().ok()? },
        ("ended", Some(step), Some(exit)) => Mark::Ended { step: step.parse().ok()?, exit: exit.parse().ok()? },
        _ => return None,
    };
    parts.next().is_none().then_some(mark)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use proptest::prelude::*;

    use super::*;

    fn read(chunks: &[&[u8]]) -> (Vec<u8>, Vec<(usize, Mark)>) {
        let mut marks = Marks::new("abc");
        let (mut bytes, mut found) = (Vec::new(), Vec::new());
        let mut take = |part: Part<'_>| match part {
            Part::Bytes(more) => bytes.extend_from_slice(more),
            Part::Mark(mark) => found.push((bytes.len(), mark)),
        };
        for chunk in chunks {
            marks.feed(chunk, &mut take);
        }
        marks.finish(&mut take);
        (bytes, found)
    }

    #[test]
    fn marks_are_taken_out_and_everything_else_stays() {
        let (bytes, marks) =
            read(&[b"\x1egonogo:abc:began:0\x1eone\n\x1etwo\x1egonogo:abc:ended:0:3\x1e\x1egonogo:abc:nonsense\x1e"]);
        assert_eq!(bytes, b"one\n\x1etwo\x1egonogo:abc:nonsense\x1e");
        assert_eq!(marks, [(0, Mark::Began { step: 0 }), (8, Mark::Ended { step: 0, exit: 3 })]);
    }

    #[test]
    fn a_job_that_does_not_know_the_text_makes_no_mark() {
        let (bytes, marks) = read(&[b"\x1egonogo:xyz:ended:0:0\x1e"]);
        assert_eq!((bytes.len(), marks.len()), (22, 0));
    }

    proptest! {
        #[test]
        fn however_it_is_cut_the_parts_are_the_same(
            texts in prop::collection::vec("(\x1e|[a-z\n]|gonogo:abc:){0,12}", 0..6), cuts in prop::collection::vec(0usize..400, 0..12),
        ) {
            let mut whole = Vec::new();
            for (index, text) in texts.iter().enumerate() {
                whole.extend_from_slice(text.as_bytes());
                whole.extend_from_slice(format!("\x1egonogo:abc:ended:{index}:0\x1e").as_bytes());
            }
            let mut cuts: Vec<usize> = cuts.into_iter().map(|cut| cut.min(whole.len())).collect();
            cuts.extend([0, whole.len()]);
            cuts.sort_unstable();
            let chunks: Vec<&[u8]> = cuts.windows(2).map(|pair| &whole[pair[0]..pair[1]]).collect();
            prop_assert_eq!(read(&chunks), read(&[&whole]));
        }
    }
}

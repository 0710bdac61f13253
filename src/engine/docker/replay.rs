//! Telling what is new of an output that comes again from its beginning, and whether what came before was right.
//!
//! A log that is followed may lose lines: Podman's does when another reader of it was cut off. What came is therefore known by
//! a hash. When it comes again, in the end or after a break, and is another, all of it is recorded anew.

/// What has come of an output.
#[derive(Clone, Debug, Default)]
pub(super) struct Replay {
    came: u64,
    hash: blake3::Hasher,
    /// So many bytes have been recorded, and their hash.
    known: Option<(u64, blake3::Hash)>,
}

/// What came before was not what was printed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Different;

impl Replay {
    /// From now on the output comes from its beginning once more.
    pub(super) fn again(&mut self) {
        let before = self.known.take().filter(|(bytes, _)| *bytes > self.came);
        self.known = Some(before.unwrap_or((self.came, self.hash.finalize())));
        self.came = 0;
        self.hash.reset();
    }

    /// What of this part is new.
    pub(super) fn take<'a>(&mut self, part: &'a [u8]) -> Result<&'a [u8], Different> {
        let left = self.known.as_ref().map_or(0, |(bytes, _)| bytes.saturating_sub(self.came));
        let (old, new) = part.split_at(part.len().min(usize::try_from(left).unwrap_or(usize::MAX)));
        self.hash.update(old);
        self.came += old.len() as u64;
        if let Some((bytes, hash)) = &self.known
            && *bytes == self.came
        {
            if self.hash.finalize() != *hash {
                return Err(Different);
            }
            self.known = None;
        }
        self.hash.update(new);
        self.came += new.len() as u64;
        Ok(new)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_comes_again_is_known_and_what_is_new_is_given() {
        let mut replay = Replay::default();
        assert_eq!(replay.take(b"one\ntw"), Ok(&b"one\ntw"[..]));
        replay.again();
        assert_eq!(replay.take(b"one"), Ok(&b""[..]));
        assert_eq!(replay.take(b"\ntwo\n"), Ok(&b"o\n"[..]));
        replay.again();
        assert_eq!(replay.take(b"one\ntwo\nthree"), Ok(&b"three"[..]));
    }

    #[test]
    fn what_was_another_is_noticed_where_it_ends() {
        let mut replay = Replay::default();
        let _ = replay.take(b"one\nfour\n");
        replay.again();
        assert_eq!(replay.take(b"one\ntw"), Ok(&b""[..]));
        assert_eq!(replay.take(b"o\nthree\n"), Err(Different));
    }

    #[test]
    fn a_break_before_the_end_of_what_is_known_forgets_nothing() {
        let mut replay = Replay::default();
        let _ = replay.take(b"one\ntwo\n");
        replay.again();
        let _ = replay.take(b"one");
        replay.again();
        assert_eq!(replay.take(b"one\ntwo\nthree\n"), Ok(&b"three\n"[..]));
    }
}

//! What stands where bytes are lost: as many others, one line of which says so.

/// Bytes of an output that can't be read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Gap {
    /// How many.
    pub bytes: u64,
    /// Line breaks among them, so that the lines behind keep their numbers.
    pub breaks: u64,
}

impl Gap {
    /// A gap of which only the length is known. It gets a line for itself.
    pub fn of(bytes: u64) -> Self {
        Self { bytes, breaks: bytes.min(2) }
    }

    /// Copies what stands for the bytes from `from` on: the end of the line before, the message, blanks, the other line breaks.
    pub fn copy(self, from: u64, into: &mut [u8]) {
        let message = format!("[gonogo: {} bytes can't be read: damaged]", self.bytes);
        let first = self.breaks.min(1);
        let last = self.bytes - (self.breaks - first);
        for (at, byte) in (from..).zip(into) {
            *byte = if at < first || at >= last {
                b'\n'
            } else {
                usize::try_from(at - first).ok().and_then(|at| message.as_bytes().get(at)).copied().unwrap_or(b' ')
            };
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_gap_has_its_length_and_its_line_breaks() {
        for (bytes, breaks) in [(60, 3), (5, 5), (5, 1), (1, 0), (0, 0)] {
            let gap = Gap { bytes, breaks };
            let mut whole = vec![0; bytes as usize];
            gap.copy(0, &mut whole);
            assert_eq!(whole.iter().filter(|byte| **byte == b'\n').count() as u64, breaks);
            for cut in 0..whole.len() {
                let mut end = vec![0; whole.len() - cut];
                gap.copy(cut as u64, &mut end);
                assert_eq!(end, whole[cut..], "the same from any place on");
            }
        }
        let mut text = vec![0; 50];
        Gap::of(50).copy(0, &mut text);
        assert!(text.starts_with(b"\n[gonogo: 50 bytes can't be read: damaged] ") && text.ends_with(b" \n"));
    }
}

//! What an agent is saying right now, as far as it came through: pieces may be lost, and the whole is recorded at its end.

/// So much of it is kept, in bytes.
const MOST: usize = 4 << 20;

/// An answer that is being given.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Live {
    /// In which turn.
    pub turn: u32,
    /// What came through.
    pub text: String,
    /// Something in it was missed.
    pub gap: bool,
    /// Bytes of reasoning that went before.
    pub thinking: u64,
    /// It was recorded: that takes its place.
    pub ended: bool,
    /// Bytes of the answer up to the end of what came last.
    next: u64,
}

impl Live {
    /// Of a turn.
    pub fn new(turn: u32) -> Self {
        Self { turn, ..Self::default() }
    }

    /// A piece came, which stands at this byte of the answer.
    pub fn push(&mut self, at: u64, piece: &str, reasoning: bool) {
        if reasoning {
            self.thinking = at + piece.len() as u64;
            return;
        }
        if at > self.next || self.text.len() > MOST {
            // What was missed is said by the record.
            if !self.text.ends_with(GAP) {
                self.text.push_str(GAP);
            }
            self.gap = true;
        }
        // What came before is not said twice.
        let known = self.next.saturating_sub(at) as usize;
        if self.text.len() <= MOST {
            self.text.push_str(piece.get(known.min(piece.len())..).unwrap_or(piece));
        }
        self.next = self.next.max(at + piece.len() as u64);
    }
}

/// Stands for what was missed.
const GAP: &str = " ... ";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pieces_are_put_together_and_what_is_missed_shows() {
        let mut live = Live::new(1);
        live.push(0, "hello ", false);
        live.push(6, "wor", false);
        live.push(6, "world", false);
        assert_eq!((live.text.as_str(), live.gap), ("hello world", false));
        live.push(30, "end", false);
        assert_eq!((live.text.as_str(), live.gap), ("hello world ... end", true));
        live.push(33, "!", false);
        assert_eq!(live.text, "hello world ... end!");
        let mut late = Live::new(1);
        late.push(5, "hm", true);
        assert_eq!((late.thinking, late.text.as_str()), (7, ""));
    }
}

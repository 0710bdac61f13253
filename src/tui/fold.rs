//! Records become state. When the other side begins anew, so does the fold, beside what is shown until it is whole.

use crate::{domain::id::Seq, protocol::frame::Frame, state::board::State};

/// The state that is shown, and the one that will take its place.
#[derive(Debug, Default)]
pub struct Anew(Option<(State, Seq)>);

impl Anew {
    /// Takes a frame in. Gives back whether another state has taken the place of the one that is shown.
    pub fn fold(&mut self, state: &mut State, frame: &Frame) -> bool {
        match frame {
            Frame::Hello { since: Seq(0), seq, .. } if state.seq > Seq(0) => self.0 = Some((State::default(), *seq)),
            // It goes on where it was cut: in a fold that was not whole by then, too.
            Frame::Hello { seq, .. } => {
                if let Some((_, target)) = &mut self.0 {
                    *target = *seq;
                }
            }
            Frame::Records(records) => {
                let into = self.0.as_mut().map_or(&mut *state, |(anew, _)| anew);
                records.iter().for_each(|record| into.apply(record));
            }
            _ => return false,
        }
        if self.0.as_ref().is_some_and(|(anew, target)| anew.seq >= *target)
            && let Some((anew, _)) = self.0.take()
        {
            *state = anew;
            return true;
        }
        false
    }
}

//! What became of the latest requests: one that is sent again after its connection was lost is answered, not done again.

use std::collections::VecDeque;

use crate::{
    domain::id::RequestId,
    protocol::{
        event::{Cause, Event, Record, RunEvent},
        query::Answer,
    },
};

/// How many requests are remembered.
const REMEMBERED: usize = 1024;

/// The latest requests that were granted.
#[derive(Debug, Default)]
pub struct Answered(VecDeque<(RequestId, Answer)>);

impl Answered {
    /// What the request of this number came to, if it was granted lately.
    pub fn get(&self, id: RequestId) -> Option<&Answer> {
        self.0.iter().rev().find(|(known, _)| *known == id).map(|(_, answer)| answer)
    }

    /// A request was granted.
    pub fn remember(&mut self, id: RequestId, answer: Answer) {
        if self.0.len() >= REMEMBERED {
            self.0.pop_front();
        }
        self.0.push_back((id, answer));
    }

    /// A record of an earlier gonogo: what the request that brought it about was answered.
    pub fn learn(&mut self, record: &Record) {
        let Cause::Request { id, .. } = record.cause else { return };
        let answer = match &record.event {
            Event::Run { run, event: RunEvent::Requested { project, .. } } => {
                Answer::Run { run: *run, project: *project }
            }
            Event::Proposal { proposal, .. } => Answer::Proposal { proposal: *proposal },
            _ => Answer::Done,
        };
        // A request may have several records: the one that says most counts.
        match self.0.iter_mut().rev().find(|(known, _)| *known == id) {
            Some((_, known)) if *known == Answer::Done => *known = answer,
            Some(_) => {}
            None => self.remember(id, answer),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_latest_are_remembered() {
        let mut answered = Answered::default();
        for id in 0..=REMEMBERED as u64 {
            answered.remember(RequestId(id), Answer::Done);
        }
        assert_eq!(answered.get(RequestId(0)), None);
        assert_eq!(answered.get(RequestId(1)), Some(&Answer::Done));
    }
}

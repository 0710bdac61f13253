//! What the driver knows of one pool.

use std::{collections::VecDeque, sync::Arc, time::Duration};

use tokio::{
    sync::{oneshot, watch},
    time::Instant,
};

use crate::{
    domain::{
        container::EnvironmentSpec,
        id::{Hash, OutputId},
        time::Timestamp,
    },
    engine::{docker::host::Host, port::Stop},
};

use super::super::{
    lease::{Lease, NoMember},
    plan::{Level, Member, Want},
};

/// The wait after the first failure; doubled for each further one, up to [`LONGEST`].
const FIRST: Duration = Duration::from_secs(5);
const LONGEST: Duration = Duration::from_mins(10);

/// One pool.
#[derive(Debug, Default)]
pub(super) struct Pool {
    pub(super) spec: EnvironmentSpec,
    /// Empty where no spec is known: members were found of which nobody knows what they are for.
    pub(super) hash: String,
    pub(super) level: Level,
    pub(super) members: Vec<Held>,
    pub(super) waiting: VecDeque<Waiter>,
    pub(super) failures: u32,
    pub(super) not_before: Option<Timestamp>,
    /// The engine could not do something: nothing is tried before this.
    pub(super) held: Option<Instant>,
    pub(super) trouble: Option<String>,
    pub(super) output: Option<OutputId>,
}

/// Somebody who waits for a member.
#[derive(Debug)]
pub(super) struct Waiter {
    pub(super) holder: String,
    pub(super) job: bool,
    pub(super) reply: oneshot::Sender<Result<Lease, NoMember>>,
}

/// A member, and what is being done about it.
#[derive(Debug)]
pub(super) struct Held {
    pub(super) member: Member,
    pub(super) name: String,
    pub(super) number: u32,
    pub(super) ports: Vec<String>,
    pub(super) host: Option<Arc<Host>>,
    /// Something is being done to it: it is left alone until that has ended.
    pub(super) busy: bool,
    /// Ends its preparation.
    pub(super) stop: Option<watch::Sender<Option<Stop>>>,
    /// What marks the processes of whoever has it.
    pub(super) lease: String,
    /// Somebody has it of whom only their processes are known: when these are looked for again.
    pub(super) look_at: Option<Instant>,
    /// This gonogo has made it.
    pub(super) made_here: bool,
}

impl Held {
    /// Ends its preparation, if it is being prepared.
    pub(super) fn stop(&self, stop: Stop) {
        if let Some(sender) = &self.stop {
            sender.send_replace(Some(stop));
        }
    }
}

impl Pool {
    /// From now on it is made of this.
    pub(super) fn become_(&mut self, spec: EnvironmentSpec) {
        self.hash = hash(&spec);
        self.spec = spec;
        (self.failures, self.not_before, self.held, self.trouble) = (0, None, None, None);
    }

    pub(super) fn want(&self) -> Want<'_> {
        Want {
            spec: &self.spec,
            hash: &self.hash,
            level: self.level,
            waiting: self.waiting.len(),
            not_before: self.not_before,
        }
    }

    pub(super) fn members(&self) -> Vec<Member> {
        self.members.iter().map(|held| held.member.clone()).collect()
    }

    pub(super) fn held(&mut self, id: &str) -> Option<&mut Held> {
        self.members.iter_mut().find(|held| held.member.id == id)
    }

    pub(super) fn drop_member(&mut self, id: &str) {
        self.members.retain(|held| held.member.id != id);
    }

    /// The smallest number that no member has.
    pub(super) fn free_number(&self) -> u32 {
        (1..=u32::MAX).find(|number| self.members.iter().all(|held| held.number != *number)).unwrap_or(1)
    }

    pub(super) fn forget_who_gave_up(&mut self) {
        self.waiting.retain(|waiter| !waiter.reply.is_closed());
    }

    /// Tells everybody who waits that there will be none.
    pub(super) fn refuse(&mut self, why: &NoMember) {
        for waiter in self.waiting.drain(..) {
            // Whoever asked may have given up.
            let _ = waiter.reply.send(Err(why.clone()));
        }
    }

    /// No member could be made: the next one is made later, unless somebody asks.
    pub(super) fn has_failed(&mut self, why: &NoMember) {
        self.failures += 1;
        self.trouble = Some(why.to_string());
        self.not_before = Timestamp::now().checked_add(backoff(self.failures)).ok();
        self.refuse(why);
    }

    /// The engine could not do something: after a while it is asked again.
    pub(super) fn hold(&mut self, why: String) {
        self.failures += 1;
        self.trouble = Some(why);
        self.held = Some(Instant::now() + backoff(self.failures));
    }

    /// Something has worked.
    pub(super) fn works(&mut self) {
        (self.failures, self.not_before, self.held, self.trouble) = (0, None, None, None);
    }
}

/// The wait after so many failures in a row.
pub(super) fn backoff(failures: u32) -> Duration {
    (FIRST * 2u32.saturating_pow(failures.saturating_sub(1).min(16))).min(LONGEST)
}

/// By what members of this spec are known. How many are kept, and for how long, is no part of what they are.
pub(super) fn hash(spec: &EnvironmentSpec) -> String {
    let kind = EnvironmentSpec {
        pool: 0,
        most: 0,
        idle: None,
        max_age: None,
        sleep: crate::domain::container::Sleep::default(),
        ..spec.clone()
    };
    let text = serde_json::to_string(&kind).unwrap_or_default();
    Hash::of(&text).as_str().get(..16).unwrap_or_default().to_owned()
}

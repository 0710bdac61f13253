//! What a pool needs next: compared with what there is. Pure and level-triggered, so it is also the way back after a crash.

use std::time::Duration;

use crate::domain::{
    container::EnvironmentSpec,
    time::{Millis, Timestamp},
};

/// Nothing is made anew for its age before this, whatever was declared: a pool must come to rest.
const YOUNGEST: Millis = Millis::from_secs(60);

/// What is wanted of a pool.
#[derive(Clone, Copy, Debug)]
pub struct Want<'a> {
    /// What its members are made of, and how many.
    pub spec: &'a EnvironmentSpec,
    /// By what members of exactly this spec are known.
    pub hash: &'a str,
    /// How much it is wanted.
    pub level: Level,
    /// So many wait for a member.
    pub waiting: usize,
    /// What was made last failed: none is made to be kept before this. For who waits, one is.
    pub not_before: Option<Timestamp>,
}

/// How much a pool is wanted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Level {
    /// Not any more: what nobody uses goes.
    Down,
    /// For who asks; what nobody has used for long goes.
    #[default]
    OnDemand,
    /// Some are kept ready.
    Up,
}

/// A container of a pool.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Member {
    /// Its number at the engine; a name of its own while it is being made.
    pub id: String,
    /// The hash of the spec that it is made of.
    pub spec: String,
    /// When it was made.
    pub created: Timestamp,
    /// How it stands.
    pub phase: Phase,
}

/// How a member stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Phase {
    /// It is made, or woken, and will be ready.
    Preparing,
    /// It can be had at once.
    Ready {
        /// Since when nobody has used it.
        since: Timestamp,
    },
    /// Somebody has it.
    Assigned {
        /// Who, for a person.
        to: String,
        /// Since when.
        since: Timestamp,
    },
    /// It is frozen, or stopped.
    Asleep {
        /// Since when.
        since: Timestamp,
    },
    /// It is not as it should be: its health check fails, or its process has ended.
    Unhealthy,
    /// Somebody has left it dirty.
    Doomed,
    /// It is being removed.
    Leaving,
}

impl Phase {
    /// The word shown for it.
    pub fn word(&self) -> &'static str {
        match self {
            Self::Preparing => "preparing",
            Self::Ready { .. } => "ready",
            Self::Assigned { .. } => "assigned",
            Self::Asleep { .. } => "asleep",
            Self::Unhealthy => "unhealthy",
            Self::Doomed => "doomed",
            Self::Leaving => "leaving",
        }
    }
}

/// Something to be done.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Action {
    /// Make one.
    Create,
    /// Wake this one.
    Wake(String),
    /// Put this one to sleep.
    Sleep(String),
    /// Remove this one, and make one in its place.
    Recycle(String, Why),
    /// Remove this one.
    Remove(String, Why),
}

/// Why a member goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Why {
    /// What it was made of has changed.
    Changed,
    /// It is older than members may be.
    Old,
    /// Its health check failed, or its process ended.
    Unhealthy,
    /// Processes were left in it.
    Dirty,
    /// The environment is not wanted any more.
    Down,
    /// There are more than are kept, and nobody has used it for long.
    Surplus,
}

impl Why {
    /// In a few words.
    pub fn words(self) -> &'static str {
        match self {
            Self::Changed => "its definition has changed",
            Self::Old => "it has reached its age",
            Self::Unhealthy => "it is not healthy",
            Self::Dirty => "processes were left in it",
            Self::Down => "it is no longer wanted",
            Self::Surplus => "more than are kept, and unused",
        }
    }
}

/// What has to be done now. Members that somebody has, that are being removed or that are needed as they are don't appear.
pub fn plan(want: &Want<'_>, members: &[Member], now: Timestamp) -> Vec<Action> {
    let most = want.spec.most as usize;
    let held_back = want.not_before.is_some_and(|time| now < time);
    let kept = if want.level == Level::Up { want.spec.pool.min(want.spec.most) as usize } else { 0 };
    // What is to be there beside the members that somebody has.
    let needed = want.waiting + if held_back { 0 } else { kept };
    let may_make = want.waiting > 0 || !held_back;
    let (mut actions, mut good, mut bad) = (Vec::new(), Vec::new(), Vec::new());
    for member in members {
        match fate(want, member, now) {
            Fate::Good => good.push(member),
            Fate::Goes(why) => bad.push((member, why)),
            Fate::LeftAlone => {}
        }
    }
    // The longest unused first: those go, and the others are handed out.
    good.sort_by_key(|member| rest(member).unwrap_or(Timestamp::MAX));
    let mut over = members.len().saturating_sub(most);
    let mut coming = good.len();
    for (member, why) in bad {
        if may_make && coming < needed && over == 0 {
            coming += 1;
            actions.push(Action::Recycle(member.id.clone(), why));
        } else {
            over = over.saturating_sub(1);
            actions.push(Action::Remove(member.id.clone(), why));
        }
    }
    let resting: Vec<&Member> = good.iter().copied().filter(|member| rest(member).is_some()).collect();
    let mut spare = good.len().saturating_sub(kept + want.waiting);
    let mut ready = good.len() - resting.len();
    let mut asleep = Vec::new();
    for member in resting {
        let unused = has_rested(want.spec, member, now);
        if over > 0 || (spare > 0 && unused) {
            over = over.saturating_sub(1);
            spare = spare.saturating_sub(1);
            coming -= 1;
            actions.push(Action::Remove(member.id.clone(), Why::Surplus));
            continue;
        }
        match member.phase {
            Phase::Asleep { .. } => asleep.push(member),
            _ if unused && want.waiting == 0 => actions.push(Action::Sleep(member.id.clone())),
            _ => ready += 1,
        }
    }
    for member in asleep.into_iter().rev().take(want.waiting.saturating_sub(ready)) {
        actions.push(Action::Wake(member.id.clone()));
    }
    let room = most.saturating_sub(members.len());
    let missing = if may_make { needed.saturating_sub(coming).min(room) } else { 0 };
    actions.extend(std::iter::repeat_n(Action::Create, missing));
    actions
}

/// When something may have to be done next, if nothing happens before: never earlier than `now`.
pub fn next(want: &Want<'_>, members: &[Member], now: Timestamp) -> Option<Timestamp> {
    let times = members.iter().filter_map(|member| {
        let sleeps = rest(member).and_then(|since| after(since, want.spec.idle?));
        let old = rest(member).and_then(|_| after(member.created, want.spec.max_age?.max(YOUNGEST)));
        // What sleeps already, and is one of those that are kept, has nothing to wait for but its age.
        let sleeps = sleeps.filter(|time| *time > now || matches!(member.phase, Phase::Ready { .. }));
        [sleeps, old].into_iter().flatten().min()
    });
    times.chain(want.not_before.filter(|time| *time > now)).min().map(|time| time.max(now))
}

enum Fate {
    Good,
    Goes(Why),
    LeftAlone,
}

fn fate(want: &Want<'_>, member: &Member, now: Timestamp) -> Fate {
    let is_old = || {
        let age = want.spec.max_age.map(|age| age.max(YOUNGEST));
        age.and_then(|age| after(member.created, age)).is_some_and(|time| time <= now)
    };
    match member.phase {
        Phase::Assigned { .. } | Phase::Leaving => Fate::LeftAlone,
        Phase::Unhealthy => Fate::Goes(Why::Unhealthy),
        Phase::Doomed => Fate::Goes(Why::Dirty),
        _ if want.level == Level::Down && want.waiting == 0 => Fate::Goes(Why::Down),
        _ if member.spec != want.hash => Fate::Goes(Why::Changed),
        Phase::Ready { .. } | Phase::Asleep { .. } if is_old() => Fate::Goes(Why::Old),
        Phase::Ready { .. } | Phase::Asleep { .. } | Phase::Preparing => Fate::Good,
    }
}

/// Since when nobody has used it, if nobody does.
fn rest(member: &Member) -> Option<Timestamp> {
    match member.phase {
        Phase::Ready { since } | Phase::Asleep { since } => Some(since),
        _ => None,
    }
}

fn has_rested(spec: &EnvironmentSpec, member: &Member, now: Timestamp) -> bool {
    let end = rest(member).and_then(|since| after(since, spec.idle?));
    end.is_some_and(|end| end <= now)
}

fn after(time: Timestamp, wait: Millis) -> Option<Timestamp> {
    time.checked_add(Duration::from_millis(wait.0)).ok()
}

#[cfg(test)]
mod tests;

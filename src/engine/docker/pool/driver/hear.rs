//! What has been done, and what follows from it for a member.

use std::time::Duration;

use tokio::time::Instant;

use crate::{domain::time::Timestamp, engine::docker::fault::Fault};

use super::{
    super::{
        found::{Found, Key},
        inside::Inside,
        lease::NoMember,
        make::{Made, NotMade, is_away},
        plan::Phase,
    },
    Driver,
};

/// Whoever has a member of whom only their processes are known is looked for again after this.
const LOOK_AGAIN: Duration = Duration::from_secs(15);

/// Something has ended.
#[derive(Debug)]
pub(super) enum Done {
    /// What was done to a member.
    Of { key: Key, id: String, what: What },
    /// An engine was asked what there is; and what had been done when it was.
    Listed { engine: String, changes: u64, found: Result<Vec<Found>, Fault> },
    /// Somebody was told.
    Told,
    /// These members were removed, or could not be.
    Collected { ids: Vec<String> },
}

/// What was done to a member.
#[derive(Debug)]
pub(super) enum What {
    Made(Result<Made, NotMade>),
    Woken(Result<(), Fault>),
    Slept(Result<(), Fault>),
    Gone(Result<(), Fault>),
    /// What was left in it was ended: whether it is unfit for anybody else.
    Cleaned(Result<bool, Fault>),
    /// It was there before this gonogo: whose processes are in it.
    Looked(Result<Inside, Fault>),
}

impl Driver {
    pub(super) fn hear(&mut self, done: Done) {
        match done {
            Done::Of { key, id, what } => {
                self.changes += 1;
                self.hear_of(&key, &id, what);
            }
            Done::Listed { engine, changes, found } => self.listed(&engine, changes, found),
            Done::Told => {}
            Done::Collected { ids } => {
                self.changes += 1;
                for pool in self.pools.values_mut() {
                    for held in pool.members.iter_mut().filter(|held| ids.contains(&held.member.id)) {
                        // What is still there is removed again; what isn't is as wanted.
                        (held.busy, held.member.phase) = (false, Phase::Doomed);
                    }
                }
            }
        }
    }

    fn hear_of(&mut self, key: &Key, id: &str, what: What) {
        let Some(pool) = self.pools.get_mut(key) else { return };
        let Some(held) = pool.members.iter_mut().find(|held| held.member.id == id) else { return };
        held.busy = false;
        let now = Timestamp::now();
        match what {
            What::Made(Ok(made)) => {
                held.stop = None;
                held.member.id = made.id;
                held.name = made.name;
                held.member.created = now;
                held.member.phase =
                    if held.member.phase == Phase::Leaving { Phase::Doomed } else { Phase::Ready { since: now } };
                pool.works();
            }
            What::Made(Err(why)) => {
                pool.drop_member(id);
                match why {
                    NotMade::Stopped => {}
                    NotMade::Fault(fault) => pool.has_failed(&NoMember::Fault(fault)),
                    NotMade::Failed(why) => pool.has_failed(&NoMember::Failed(why)),
                }
            }
            What::Woken(Ok(())) => {
                held.member.phase = Phase::Ready { since: now };
                pool.works();
            }
            What::Woken(Err(fault)) => {
                held.member.phase = if is_away(&fault) { Phase::Asleep { since: now } } else { Phase::Unhealthy };
                if is_away(&fault) {
                    pool.hold(fault.to_string());
                    pool.refuse(&NoMember::Fault(fault));
                }
            }
            What::Slept(Ok(())) => {}
            What::Slept(Err(fault)) => {
                held.member.phase = if is_away(&fault) { Phase::Ready { since: now } } else { Phase::Unhealthy };
                if is_away(&fault) {
                    pool.hold(fault.to_string());
                }
            }
            What::Gone(Ok(())) => pool.drop_member(id),
            What::Gone(Err(fault)) => {
                held.member.phase = Phase::Doomed;
                pool.hold(fault.to_string());
            }
            What::Cleaned(Ok(false)) => held.member.phase = Phase::Ready { since: now },
            What::Cleaned(Ok(true)) => held.member.phase = Phase::Doomed,
            What::Cleaned(Err(fault)) => {
                tracing::info!(environment = key.name, member = held.name, "it can't be used again: {fault}");
                held.member.phase = Phase::Doomed;
            }
            What::Looked(Ok(Inside { people: true, .. })) => {
                held.member.phase = Phase::Assigned { to: "somebody".into(), since: now };
                held.look_at = Some(Instant::now() + LOOK_AGAIN);
            }
            // What a job ran there has been ended: nobody hears it any more.
            What::Looked(Ok(Inside { jobs: true, .. })) => held.member.phase = Phase::Doomed,
            What::Looked(Ok(_)) if matches!(held.member.phase, Phase::Unhealthy) => {}
            What::Looked(Ok(_)) => held.member.phase = Phase::Ready { since: now },
            What::Looked(Err(fault)) => {
                tracing::info!(environment = key.name, member = held.name, "nothing is known of it: {fault}");
                held.member.phase = Phase::Doomed;
                if is_away(&fault) {
                    pool.hold(fault.to_string());
                }
            }
        }
    }
}

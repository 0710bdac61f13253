//! What an engine has, taken in: members of an earlier gonogo, members that somebody has changed or removed.

use std::{collections::BTreeSet, sync::Arc};

use tokio::time::Instant;

use crate::{
    domain::{container::Sleep, time::Timestamp},
    engine::docker::{fault::Fault, host::Host},
};

use super::{
    super::{
        found::{Found, Is, Key, list},
        inside,
        lease::NoMember,
        plan::{Level, Member, Phase},
    },
    Driver,
    hear::{Done, What},
    pool::{Held, backoff},
};

impl Driver {
    /// Asks an engine what there is, unless that is being done, or has just failed.
    pub(super) fn read(&mut self, host: &Arc<Host>) {
        let engine = self.engines.entry(host.name().to_owned()).or_default();
        if engine.reading || engine.not_before.is_some_and(|time| time > Instant::now()) {
            return;
        }
        (engine.reading, engine.again, engine.not_before) = (true, false, None);
        let (host, home, changes) = (Arc::clone(host), self.ground.home.clone(), self.changes);
        self.works.spawn(async move {
            let found = list(&host, &home).await;
            Done::Listed { engine: host.name().to_owned(), changes, found }
        });
    }

    /// Something has happened in an engine.
    pub(super) fn read_again(&mut self, name: &str) {
        if let Some(engine) = self.engines.get_mut(name)
            && engine.reading
        {
            engine.again = true;
        } else if let Some(host) = self.ground.hosts.named(name).cloned() {
            self.read(&host);
        }
    }

    pub(super) fn listed(&mut self, name: &str, changes: u64, found: Result<Vec<Found>, Fault>) {
        let Some(host) = self.ground.hosts.named(name).cloned() else { return };
        let engine = self.engines.entry(name.to_owned()).or_default();
        engine.reading = false;
        let again = engine.again;
        match found {
            Err(fault) => {
                engine.failures += 1;
                engine.not_before = Some(Instant::now() + backoff(engine.failures));
                self.can_not_be_asked(name, &fault);
            }
            // Something was done meanwhile: the list says less than is known.
            Ok(_) if self.changes != changes => self.read(&host),
            Ok(found) => {
                (engine.failures, engine.known) = (0, true);
                self.take_in(&host, found);
                if again {
                    self.read(&host);
                }
            }
        }
    }

    /// Who waits for a member of an engine that does not answer is told so.
    fn can_not_be_asked(&mut self, name: &str, fault: &Fault) {
        let hosts = self.ground.hosts.clone();
        for pool in self.pools.values_mut() {
            let is_there = hosts.pick(&pool.spec.container.runs_on).is_ok_and(|host| host.name() == name);
            if is_there {
                pool.trouble = Some(fault.to_string());
                pool.refuse(&NoMember::Fault(fault.clone()));
            }
        }
    }

    fn take_in(&mut self, host: &Arc<Host>, found: Vec<Found>) {
        let there: BTreeSet<String> = found.iter().map(|found| found.id.clone()).collect();
        for pool in self.pools.values_mut() {
            let gone = |held: &Held| {
                let is_here = held.host.as_ref().is_some_and(|of| of.name() == host.name());
                is_here && !held.busy && !there.contains(&held.member.id)
            };
            pool.members.retain(|held| !gone(held));
        }
        for found in found {
            let pool = self.pools.entry(found.key.clone()).or_default();
            // It is being made here, and not yet known by the engine's number.
            let is_made = pool.members.iter().any(|held| held.stop.is_some() && held.number == found.number);
            match pool.held(&found.id) {
                Some(held) if !held.busy => {
                    held.name.clone_from(&found.name);
                    held.ports.clone_from(&found.ports);
                    held.member.phase = seen(&held.member.phase, found.is);
                }
                Some(_) => {}
                None if is_made => {}
                None => self.adopt(host, found),
            }
        }
    }

    /// A member that an earlier gonogo has made.
    fn adopt(&mut self, host: &Arc<Host>, found: Found) {
        let Found { key, id, name, number, spec, created, ports, is } = found;
        let now = Timestamp::now();
        let running = matches!(is, Is::Running | Is::Unhealthy);
        let phase = match is {
            Is::New => Phase::Doomed,
            Is::Running => Phase::Preparing,
            Is::Unhealthy => Phase::Unhealthy,
            Is::Paused | Is::Stopped => Phase::Asleep { since: now },
        };
        let pool = self.pools.entry(key.clone()).or_default();
        if pool.hash.is_empty() {
            // Nobody has said what it is for: it is for nobody.
            pool.spec.name.clone_from(&key.name);
            pool.level = if self.ground.keeps { Level::Down } else { Level::OnDemand };
        }
        pool.members.push(Held {
            member: Member { id: id.clone(), spec, created, phase },
            name,
            number,
            ports,
            host: Some(Arc::clone(host)),
            busy: running,
            stop: None,
            lease: String::new(),
            look_at: None,
            made_here: false,
        });
        if running {
            self.look_inside(host, key, id);
        }
    }

    /// Looks whose processes are in a member; those of jobs are ended, since nobody hears them any more.
    fn look_inside(&mut self, host: &Arc<Host>, key: Key, id: String) {
        let (host, prefix) = (Arc::clone(host), self.ground.home.clone());
        self.works.spawn(async move {
            let looked = async {
                let docker = host.client().await?;
                let inside = inside::look(docker, &id, &prefix).await?;
                if inside.jobs {
                    inside::end(docker, &id, &format!("{prefix}j")).await?;
                }
                Ok(inside)
            };
            let what = What::Looked(looked.await);
            Done::Of { key, id, what }
        });
    }

    /// Members that somebody has of whom only their processes are known: whether they are still there.
    pub(super) fn look_at_who_is_left(&mut self) {
        let now = Instant::now();
        let mut looks = Vec::new();
        for (key, pool) in &mut self.pools {
            for held in &mut pool.members {
                if held.look_at.is_some_and(|time| time <= now)
                    && let Some(host) = held.host.clone()
                {
                    (held.look_at, held.busy) = (None, true);
                    looks.push((host, key.clone(), held.member.id.clone()));
                }
            }
        }
        for (host, key, id) in looks {
            self.look_inside(&host, key, id);
        }
    }
}

/// How a member stands that was found like this.
fn seen(known: &Phase, is: Is) -> Phase {
    let now = Timestamp::now();
    match (known, is) {
        (Phase::Ready { .. } | Phase::Asleep { .. }, Is::Unhealthy) => Phase::Unhealthy,
        (Phase::Asleep { .. }, Is::Running) => Phase::Ready { since: now },
        (Phase::Ready { .. }, Is::Paused) => Phase::Asleep { since: now },
        // Its process has ended, and nobody here has asked it to.
        (Phase::Ready { .. }, Is::Stopped) => Phase::Unhealthy,
        _ => known.clone(),
    }
}

/// How a member sleeps, in a word.
pub(super) fn sleeps(how: Sleep) -> &'static str {
    match how {
        Sleep::Pause => "paused",
        Sleep::Stop => "stopped",
    }
}

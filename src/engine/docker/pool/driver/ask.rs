//! What the driver is asked for from outside.

use std::sync::Arc;

use futures::FutureExt as _;
use tokio::sync::oneshot;

use crate::{
    domain::time::Timestamp,
    engine::docker::host::Host,
    protocol::environment::{Assigned, Collect, Collected, PoolRow},
};

use super::{
    super::{
        found::Key,
        inside,
        lease::{Lease, NoMember, Wanted},
        make,
        plan::{Level, Phase},
    },
    Driver,
    hear::{Done, What},
    pool::{Waiter, hash},
};

/// What the driver is asked for.
#[derive(Debug)]
pub(super) enum Ask {
    Assign { wanted: Box<Wanted>, reply: oneshot::Sender<Result<Lease, NoMember>> },
    Rows { reply: oneshot::Sender<Vec<PoolRow>> },
    Collect { collect: Collect, reply: oneshot::Sender<Vec<Collected>> },
}

impl Driver {
    pub(super) fn take(&mut self, ask: Ask) {
        if self.wishes.has_changed().unwrap_or(false) {
            // Whoever asks may have wished just now.
            self.take_wishes();
        }
        match ask {
            Ask::Assign { wanted, reply } => self.queue(*wanted, reply),
            Ask::Rows { reply } => self.tell_rows(reply),
            Ask::Collect { collect, reply } => self.collect(collect, reply),
        }
    }

    /// Somebody waits from now on, or is told at once that it is in vain.
    fn queue(&mut self, wanted: Wanted, reply: oneshot::Sender<Result<Lease, NoMember>>) {
        let Wanted { project, spec, holder, job, only_up, broken } = wanted;
        let key = Key::new(&project, &spec.name);
        let pool = self.pools.entry(key).or_default();
        if let Some(held) = broken.and_then(|id| pool.held(&id)).filter(|held| !held.busy) {
            held.member.phase = Phase::Doomed;
        }
        let other = pool.hash != hash(&spec);
        let refused = match pool.level {
            Level::Up if other => Some(NoMember::Other),
            Level::Up => None,
            _ if only_up => Some(NoMember::NotUp),
            _ => {
                pool.level = Level::OnDemand;
                if other {
                    pool.become_(spec);
                }
                None
            }
        };
        match refused {
            // Whoever asked may have given up.
            Some(refused) => drop(reply.send(Err(refused))),
            None => pool.waiting.push_back(Waiter { holder, job, reply }),
        }
    }

    /// Gives members that are ready to who waits, first come first served.
    pub(super) fn serve(&mut self, key: &Key, host: &Arc<Host>) {
        let Some(pool) = self.pools.get_mut(key) else { return };
        while !pool.waiting.is_empty() {
            let fits = |held: &&mut super::pool::Held| !held.busy && held.member.spec == pool.hash;
            let ready = pool.members.iter_mut().filter(fits).filter_map(|held| match held.member.phase {
                Phase::Ready { since } => Some((since, held)),
                _ => None,
            });
            // The one that was used last: the others fall asleep.
            let Some((_, held)) = ready.max_by_key(|(since, _)| *since) else { return };
            let Some(waiter) = pool.waiting.pop_front() else { return };
            self.leases += 1;
            // All of the same length: none is the beginning of another.
            let word = if waiter.job { 'j' } else { 'p' };
            let unique = blake3::hash(format!("{}{}{:?}", held.member.id, self.leases, Timestamp::now()).as_bytes());
            held.lease = format!("{}{word}{}", self.ground.home, unique.to_hex().get(..24).unwrap_or_default());
            held.member.phase = Phase::Assigned { to: waiter.holder, since: Timestamp::now() };
            let assigned = Assigned {
                engine: host.name().to_owned(),
                id: held.member.id.clone(),
                name: held.name.clone(),
                directory: make::directory(&pool.spec, &key.project),
                lease: held.lease.clone(),
            };
            let (back, returned) = oneshot::channel();
            let (key, id) = (key.clone(), held.member.id.clone());
            self.returns.push(async move { (key, id, returned.await.unwrap_or(false)) }.boxed());
            // Where whoever asked has given up, the lease ends here, and the member comes back at once.
            let _ = waiter.reply.send(Ok(Lease::new(assigned, Arc::clone(host), back)));
        }
    }

    /// A lease has ended: what runs of it is ended, and only then is the member free.
    pub(super) fn take_back(&mut self, key: &Key, id: &str, soiled: bool) {
        let Some(held) = self.pools.get_mut(key).and_then(|pool| pool.held(id)) else { return };
        let Some(host) = held.host.clone() else { return };
        held.busy = true;
        let (key, id, lease) = (key.clone(), id.to_owned(), held.lease.clone());
        self.works.spawn(async move {
            let ended = async {
                let left = inside::end(host.client().await?, &id, &lease).await?;
                Ok(left || soiled)
            };
            let what = What::Cleaned(ended.await);
            Done::Of { key, id, what }
        });
    }
}

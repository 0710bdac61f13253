//! Doing what was planned: each thing a task of its own, which says when it has ended.

use std::sync::Arc;

use tokio::sync::watch;

use crate::{
    domain::{id::OutputId, outcome::CancelReason, time::Timestamp},
    engine::{docker::host::Host, port::Stop},
};

use super::{
    super::{
        found::{Key, name},
        make::{self, Order},
        plan::{Action, Member, Phase},
    },
    Driver,
    hear::{Done, What},
    pool::Held,
};

impl Driver {
    pub(super) fn act(&mut self, key: &Key, host: &Arc<Host>, action: Action) {
        if !matches!(action, Action::Create) {
            tracing::debug!(environment = key.name, "{action:?}");
        }
        match action {
            Action::Create => self.create(key, host),
            Action::Wake(id) => self.wake(key, host, &id),
            Action::Sleep(id) => self.put_to_sleep(key, host, &id),
            // The next plan sees that one is missing.
            Action::Recycle(id, why) | Action::Remove(id, why) => {
                let Some(held) = self.pools.get_mut(key).and_then(|pool| pool.held(&id)) else { return };
                tracing::info!(environment = key.name, member = held.name, "goes: {}", why.words());
                if held.stop.is_some() {
                    held.member.phase = Phase::Leaving;
                    held.stop(Stop::Now(CancelReason::Superseded));
                } else if !held.busy {
                    held.member.phase = Phase::Leaving;
                    held.busy = true;
                    let Some(held) =
                        self.pools.get(key).and_then(|pool| pool.members.iter().find(|held| held.member.id == id))
                    else {
                        return;
                    };
                    let work = removal(key, held);
                    self.works.spawn(work);
                }
            }
        }
    }

    /// Removes a member, whatever is known of it.
    pub(super) fn go(&mut self, key: &Key, held: &Held) {
        self.works.spawn(removal(key, held));
    }

    fn create(&mut self, key: &Key, host: &Arc<Host>) {
        let Some(pool) = self.pools.get_mut(key) else { return };
        let number = pool.free_number();
        let plain = key.plain(&self.ground.home);
        let (stop, signal) = watch::channel(None);
        let id = format!("new {number}");
        let output = OutputId::environment(&plain, number);
        pool.output = Some(output);
        let member =
            Member { id: id.clone(), spec: pool.hash.clone(), created: Timestamp::now(), phase: Phase::Preparing };
        pool.members.push(Held {
            member,
            name: name(&plain, number, true),
            number,
            ports: Vec::new(),
            host: Some(Arc::clone(host)),
            busy: true,
            stop: Some(stop),
            lease: String::new(),
            look_at: None,
            made_here: true,
        });
        let (key, host, ground) = (key.clone(), Arc::clone(host), self.ground.clone());
        let (spec, hash) = (pool.spec.clone(), pool.hash.clone());
        self.works.spawn(async move {
            let order = Order {
                host: &host,
                home: &ground.home,
                key: &key,
                spec: &spec,
                hash: &hash,
                number,
                output_dir: ground.output_dir,
            };
            let what = What::Made(order.make(signal).await);
            Done::Of { key, id, what }
        });
    }

    fn wake(&mut self, key: &Key, host: &Arc<Host>, id: &str) {
        let Some(held) = self.pools.get_mut(key).and_then(|pool| pool.held(id)).filter(|held| !held.busy) else {
            return;
        };
        held.busy = true;
        held.member.phase = Phase::Preparing;
        let (key, host, id) = (key.clone(), Arc::clone(host), id.to_owned());
        self.works.spawn(async move {
            let woken = async { make::wake(host.client().await?, &id).await };
            let what = What::Woken(woken.await);
            Done::Of { key, id, what }
        });
    }

    fn put_to_sleep(&mut self, key: &Key, host: &Arc<Host>, id: &str) {
        let Some(pool) = self.pools.get_mut(key) else { return };
        let how = pool.spec.sleep;
        let Some(held) = pool.held(id).filter(|held| !held.busy) else { return };
        held.busy = true;
        held.member.phase = Phase::Asleep { since: Timestamp::now() };
        let (key, host, id) = (key.clone(), Arc::clone(host), id.to_owned());
        self.works.spawn(async move {
            let slept = async { make::sleep_now(host.client().await?, &id, how).await };
            let what = What::Slept(slept.await);
            Done::Of { key, id, what }
        });
    }
}

fn removal(key: &Key, held: &Held) -> impl Future<Output = Done> + Send + 'static {
    let (key, id, host) = (key.clone(), held.member.id.clone(), held.host.clone());
    async move {
        let gone = async {
            let Some(host) = host else { return Ok(()) };
            make::remove(host.client().await?, &id).await
        };
        let what = What::Gone(gone.await);
        Done::Of { key, id, what }
    }
}

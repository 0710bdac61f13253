//! The one task that keeps all pools: compares, acts, waits.

mod act;
mod ask;
mod hear;
mod listed;
mod pool;
mod rows;
mod stir;

use std::{collections::BTreeMap, path::PathBuf, sync::Arc, time::Duration};

use futures::{StreamExt as _, future::BoxFuture, stream::FuturesUnordered};
use tokio::{
    runtime::Handle,
    sync::{mpsc, oneshot, watch},
    task::JoinSet,
    time::{Instant, sleep_until, timeout},
};
use tokio_util::{
    sync::CancellationToken,
    task::{AbortOnDropHandle, TaskTracker},
};

use crate::{
    domain::{
        container::EnvironmentSpec,
        outcome::CancelReason,
        time::{Millis, Timestamp},
    },
    engine::{
        docker::host::{Host, Hosts},
        port::Stop,
    },
    protocol::environment::{Collect, Collected, PoolRow},
};

use super::{
    found::Key,
    lease::{Lease, NoMember, Wanted},
    plan::{Level, Phase, next, plan},
};
use ask::Ask;
use hear::Done;
use pool::Pool;

/// Asks that may wait for the driver.
const ASKS: usize = 64;

/// How long the end of what is under way is waited for when gonogo ends.
const PATIENCE: Duration = Duration::from_secs(8);

/// When nothing has happened for so long, nothing more is waited for when gonogo ends.
const SETTLED: Duration = Duration::from_millis(100);

/// Longer than anything lasts.
const FOREVER: Duration = Duration::from_hours(24 * 365);

/// What the driver needs to know.
#[derive(Clone, Debug)]
pub struct Ground {
    /// The engines.
    pub hosts: Hosts,
    /// Which gonogo this is.
    pub home: String,
    /// Directory of all outputs.
    pub output_dir: PathBuf,
    /// Pools are kept as they are wanted. Otherwise, members are only made for who asks, and go when gonogo ends.
    pub keeps: bool,
}

/// Pools of prepared containers, from outside.
#[derive(Clone, Debug)]
pub struct Pools {
    asks: mpsc::Sender<Ask>,
    wishes: watch::Sender<BTreeMap<Key, EnvironmentSpec>>,
    stop: CancellationToken,
    ended: CancellationToken,
}

impl Pools {
    /// Starts the driver on `runtime`. These environments are wanted.
    pub fn start(
        ground: Ground,
        wishes: BTreeMap<Key, EnvironmentSpec>,
        runtime: &Handle,
        tasks: &TaskTracker,
    ) -> Self {
        let (asks, incoming) = mpsc::channel(ASKS);
        let (wishes, wished) = watch::channel(wishes);
        let (stop, ended) = (CancellationToken::new(), CancellationToken::new());
        let (stir, stirred) = mpsc::channel(16);
        let driver = Driver {
            ground,
            asks: incoming,
            wishes: wished,
            stop: stop.clone(),
            pools: BTreeMap::new(),
            works: JoinSet::new(),
            returns: FuturesUnordered::new(),
            watched: BTreeMap::new(),
            engines: BTreeMap::new(),
            stir,
            stirred,
            changes: 0,
            leases: 0,
        };
        let said = ended.clone();
        tasks.spawn_on(
            async move {
                let _ended = said.drop_guard();
                driver.run().await;
            },
            runtime,
        );
        Self { asks, wishes, stop, ended }
    }

    /// These environments are wanted from now on, unless they are wanted already.
    pub fn wish(
        &self,
        is_as_before: impl FnOnce(&BTreeMap<Key, EnvironmentSpec>) -> bool,
        wishes: impl FnOnce() -> BTreeMap<Key, EnvironmentSpec>,
    ) {
        let as_before = is_as_before(&self.wishes.borrow());
        if !as_before {
            self.wishes.send_replace(wishes());
        }
    }

    /// A member, as soon as there is one.
    pub async fn assign(&self, wanted: Wanted) -> Result<Lease, NoMember> {
        let (reply, answer) = oneshot::channel();
        let ask = Ask::Assign { wanted: Box::new(wanted), reply };
        self.asks.send(ask).await.map_err(|_| NoMember::Ending)?;
        answer.await.unwrap_or(Err(NoMember::Ending))
    }

    /// All pools, with what their members use.
    pub async fn rows(&self) -> Vec<PoolRow> {
        let (reply, answer) = oneshot::channel();
        // Whoever asks an ending gonogo hears of none.
        let _ = self.asks.send(Ask::Rows { reply }).await;
        answer.await.unwrap_or_default()
    }

    /// Removes members that are old, many, or of projects that are gone.
    pub async fn collect(&self, collect: Collect) -> Vec<Collected> {
        let (reply, answer) = oneshot::channel();
        let _ = self.asks.send(Ask::Collect { collect, reply }).await;
        answer.await.unwrap_or_default()
    }

    /// Ends the driver. What is wanted stays as it is; what was only made for who asked goes.
    pub async fn end(&self) {
        self.stop.cancel();
        let _ = timeout(PATIENCE + PATIENCE, self.ended.cancelled()).await;
    }
}

/// How an engine's list stands.
#[derive(Debug, Default)]
struct Engine {
    /// It has been read: what there is, is known.
    known: bool,
    /// It is being read.
    reading: bool,
    /// It has to be read again.
    again: bool,
    /// It could not be read: not before this.
    not_before: Option<Instant>,
    failures: u32,
}

struct Driver {
    ground: Ground,
    asks: mpsc::Receiver<Ask>,
    wishes: watch::Receiver<BTreeMap<Key, EnvironmentSpec>>,
    stop: CancellationToken,
    pools: BTreeMap<Key, Pool>,
    works: JoinSet<Done>,
    /// Leases that are out; each says which member comes back, and whether it may be used again.
    returns: FuturesUnordered<BoxFuture<'static, (Key, String, bool)>>,
    /// The engines whose events are heard.
    watched: BTreeMap<String, AbortOnDropHandle<()>>,
    engines: BTreeMap<String, Engine>,
    stir: mpsc::Sender<String>,
    stirred: mpsc::Receiver<String>,
    /// Counts what was done: a list that was begun before says less than is known.
    changes: u64,
    /// Counts leases.
    leases: u64,
}

impl Driver {
    async fn run(mut self) {
        self.take_wishes();
        if self.ground.keeps {
            // What an earlier gonogo has left is found even where nothing is wanted of it any more.
            for host in self.ground.hosts.clone().all() {
                self.read(host);
            }
        }
        loop {
            self.look_at_who_is_left();
            self.plan_all();
            let deadline = self.deadline();
            tokio::select! {
                () = self.stop.cancelled() => break,
                ask = self.asks.recv() => match ask {
                    Some(ask) => self.take(ask),
                    None => break,
                },
                changed = self.wishes.changed() => {
                    if changed.is_err() {
                        break;
                    }
                    self.take_wishes();
                }
                Some(done) = self.works.join_next(), if !self.works.is_empty() => match done {
                    Ok(done) => self.hear(done),
                    Err(error) => tracing::error!("work on an environment failed in a way that it should not: {error}"),
                },
                Some((key, id, soiled)) = self.returns.next(), if !self.returns.is_empty() => {
                    self.take_back(&key, &id, soiled);
                }
                Some(engine) = self.stirred.recv() => self.read_again(&engine),
                () = sleep_until(deadline.unwrap_or_else(|| Instant::now() + FOREVER)), if deadline.is_some() => {}
            }
        }
        self.finish().await;
    }

    /// What is wanted has changed, or is heard for the first time.
    fn take_wishes(&mut self) {
        let wishes = self.wishes.borrow_and_update().clone();
        for (key, pool) in &mut self.pools {
            if pool.level == Level::Up && !wishes.contains_key(key) {
                pool.level = Level::Down;
            }
        }
        for (key, spec) in wishes {
            let pool = self.pools.entry(key).or_default();
            pool.level = Level::Up;
            if pool.spec != spec || pool.hash.is_empty() {
                pool.become_(spec);
            }
        }
    }

    fn plan_all(&mut self) {
        let now = Timestamp::now();
        let keys: Vec<Key> = self.pools.keys().cloned().collect();
        for key in keys {
            let Some(pool) = self.pools.get_mut(&key) else { continue };
            pool.forget_who_gave_up();
            if pool.level == Level::Down && pool.members.is_empty() {
                pool.level = Level::OnDemand;
            }
            if pool.level == Level::OnDemand && pool.members.is_empty() && pool.waiting.is_empty() {
                self.pools.remove(&key);
                continue;
            }
            let Some(host) = self.host(&key) else { continue };
            self.listen(&host);
            if !self.engines.get(host.name()).is_some_and(|engine| engine.known) {
                self.read(&host);
                continue;
            }
            self.serve(&key, &host);
            let Some(pool) = self.pools.get(&key) else { continue };
            if pool.held.is_some_and(|held| held > Instant::now()) {
                continue;
            }
            let mut actions = plan(&pool.want(), &pool.members(), now);
            if !self.ground.keeps {
                actions.retain(|action| matches!(action, super::plan::Action::Create | super::plan::Action::Wake(_)));
            }
            for action in actions {
                self.act(&key, &host, action);
            }
        }
    }

    /// When something has to be done next, if nothing happens before.
    fn deadline(&self) -> Option<Instant> {
        let now = Timestamp::now();
        let instant =
            |time: Timestamp| Instant::now() + Millis::between(now, time).duration() + Duration::from_millis(1);
        let keeps = self.ground.keeps;
        let of_pools = self.pools.values().filter_map(|pool| {
            let planned = next(&pool.want(), &pool.members(), now).filter(|_| keeps).map(instant);
            let planned = planned.map(|time| pool.held.map_or(time, |held| time.max(held)));
            let held = pool.held.filter(|held| *held > Instant::now());
            let looks = pool.members.iter().filter_map(|held| held.look_at).min();
            [planned, held, looks].into_iter().flatten().min()
        });
        let of_engines = self.engines.values().filter(|engine| !engine.known && !engine.reading);
        of_pools.chain(of_engines.filter_map(|engine| engine.not_before)).min()
    }

    /// The engine of a pool; none where none fits, which is said to who waits.
    fn host(&mut self, key: &Key) -> Option<Arc<Host>> {
        let pool = self.pools.get_mut(key)?;
        if let Some(host) = pool.members.iter().find_map(|held| held.host.clone()) {
            return Some(host);
        }
        match self.ground.hosts.pick(&pool.spec.container.runs_on) {
            Ok(host) => Some(host),
            Err(fault) => {
                pool.trouble = Some(fault.to_string());
                pool.refuse(&NoMember::Fault(fault));
                None
            }
        }
    }

    /// gonogo ends: nothing is begun any more, and what was only made for who asked goes.
    async fn finish(mut self) {
        self.watched.clear();
        self.asks.close();
        for pool in self.pools.values_mut() {
            pool.refuse(&NoMember::Ending);
            for held in &pool.members {
                held.stop(Stop::Now(CancelReason::ShuttingDown));
            }
        }
        let end = Instant::now() + PATIENCE;
        // What has come back is cleaned, and what is under way ends. Whoever still has one goes on with it.
        loop {
            tokio::select! {
                biased;
                Some((key, id, soiled)) = self.returns.next(), if !self.returns.is_empty() => {
                    self.take_back(&key, &id, soiled);
                }
                Some(done) = self.works.join_next(), if !self.works.is_empty() => {
                    if let Ok(done) = done {
                        self.hear(done);
                    }
                }
                () = sleep_until(end) => break,
                // A lease ends a moment after the session, or the job, that had it.
                () = tokio::time::sleep(SETTLED), if self.works.is_empty() => break,
            }
        }
        for (key, pool) in std::mem::take(&mut self.pools) {
            if pool.level == Level::Up && self.ground.keeps || self.wishes.borrow().contains_key(&key) {
                continue;
            }
            for held in pool.members {
                let is_ours = self.ground.keeps || held.made_here;
                if is_ours && !held.busy && !matches!(held.member.phase, Phase::Assigned { .. }) {
                    self.go(&key, &held);
                }
            }
        }
        while let Ok(Some(_)) = tokio::time::timeout_at(end, self.works.join_next()).await {}
    }
}

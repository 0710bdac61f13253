//! Telling of pools, and cleaning them up.

use std::{
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};

use bollard::{Docker, query_parameters::StatsOptionsBuilder};
use futures::{StreamExt as _, future::join_all};
use tokio::{sync::oneshot, time::timeout};

use crate::{
    domain::{
        id::OutputId,
        time::{Millis, Timestamp},
    },
    engine::docker::host::Host,
    protocol::environment::{Collect, Collected, MemberRow, PoolRow},
};

use super::{
    super::{
        found::Key,
        make,
        plan::{Level, Phase},
    },
    Driver,
    hear::Done,
    listed::sleeps,
    pool::{Held, Pool},
};

/// What a member uses is asked for so long.
const PATIENCE: Duration = Duration::from_secs(2);

impl Driver {
    /// Tells how everything stands; what members use is asked of the engine beside the loop.
    pub(super) fn tell_rows(&mut self, reply: oneshot::Sender<Vec<PoolRow>>) {
        let home = &self.ground.home;
        let mut asked: Vec<(usize, usize, Arc<Host>)> = Vec::new();
        let mut rows = Vec::new();
        for (key, pool) in &self.pools {
            let row = self.row(key, pool, home);
            for (place, held) in pool.members.iter().enumerate() {
                let runs = matches!(
                    held.member.phase,
                    Phase::Ready { .. } | Phase::Assigned { .. } | Phase::Unhealthy | Phase::Asleep { .. }
                );
                if let Some(host) = held.host.clone().filter(|_| runs) {
                    asked.push((rows.len(), place, host));
                }
            }
            rows.push(row);
        }
        self.works.spawn(async move {
            let uses = join_all(asked.into_iter().map(|(pool, place, host)| {
                let id = rows.get(pool).and_then(|row| row.members.get(place)).map(|row| row.id.clone());
                async move {
                    let used = timeout(PATIENCE, usage(&host, &id.unwrap_or_default())).await;
                    (pool, place, used.ok().flatten())
                }
            }));
            for (pool, place, used) in uses.await {
                if let (Some(row), Some(used)) = (rows.get_mut(pool).and_then(|row| row.members.get_mut(place)), used) {
                    (row.memory, row.cpu, row.pids) = (used.memory, used.cpu, used.pids);
                }
            }
            for row in &mut rows {
                row.members.sort_by(|a, b| (a.created, &a.name).cmp(&(b.created, &b.name)));
            }
            // Whoever asked may be gone.
            let _ = reply.send(rows);
            Done::Told
        });
    }

    fn row(&self, key: &Key, pool: &Pool, home: &str) -> PoolRow {
        let plain = key.plain(home);
        let host = pool.members.iter().find_map(|held| held.host.as_ref().map(|host| host.name().to_owned()));
        let picked = || self.ground.hosts.pick(&pool.spec.container.runs_on).ok().map(|host| host.name().to_owned());
        PoolRow {
            project: key.project.clone(),
            name: key.name.clone(),
            up: pool.level == Level::Up,
            engine: host.or_else(picked).unwrap_or_default(),
            pool: pool.spec.pool,
            most: pool.spec.most,
            waiting: pool.waiting.len(),
            trouble: pool.trouble.clone(),
            again: pool.not_before.filter(|time| *time > Timestamp::now()),
            output: pool.output.clone(),
            members: pool.members.iter().map(|held| member(pool, held, &plain)).collect(),
        }
    }

    /// Removes members that are old, many, or of projects that are gone; says which.
    pub(super) fn collect(&mut self, collect: Collect, reply: oneshot::Sender<Vec<Collected>>) {
        let now = Timestamp::now();
        let mut going = Vec::new();
        for (key, pool) in &mut self.pools {
            let is_gone = !key.project.is_dir();
            let outputs = make_outputs(&self.ground.output_dir, key, &self.ground.home);
            let mut free: Vec<&mut Held> = pool
                .members
                .iter_mut()
                .filter(|held| !held.busy && !matches!(held.member.phase, Phase::Assigned { .. } | Phase::Leaving))
                .collect();
            free.sort_by_key(|held| std::cmp::Reverse(held.member.created));
            for (place, held) in free.into_iter().enumerate() {
                let age = Millis::between(held.member.created, now);
                let why = if is_gone {
                    "its project is gone".to_owned()
                } else if collect.age.is_some_and(|most| age > most) {
                    format!("it is {age} old")
                } else if collect.count.is_some_and(|count| place >= count as usize) {
                    "there are more than are to stay".to_owned()
                } else {
                    continue;
                };
                let engine = held.host.as_ref().map(|host| host.name().to_owned()).unwrap_or_default();
                let row = Collected {
                    project: key.project.clone(),
                    environment: key.name.clone(),
                    engine,
                    name: held.name.clone(),
                    created: held.member.created,
                    why,
                    trouble: None,
                };
                if !collect.dry_run {
                    (held.busy, held.member.phase) = (true, Phase::Leaving);
                }
                going.push((
                    row,
                    key.clone(),
                    held.member.id.clone(),
                    held.host.clone(),
                    is_gone.then(|| outputs.clone()),
                ));
            }
        }
        self.works.spawn(async move {
            let removed = going.into_iter().map(|(mut row, _, id, host, outputs)| async move {
                if let (false, Some(host)) = (collect.dry_run, host) {
                    let gone = async { make::remove(host.client().await?, &id).await };
                    row.trouble = gone.await.err().map(|fault| fault.to_string());
                    if let Some(outputs) = outputs {
                        // Nobody can read them any more.
                        let _ = tokio::fs::remove_dir_all(outputs).await;
                    }
                }
                (row, id)
            });
            let (rows, ids) = join_all(removed).await.into_iter().unzip();
            let _ = reply.send(rows);
            if collect.dry_run { Done::Told } else { Done::Collected { ids } }
        });
    }
}

/// Where the outputs of an environment lie.
fn make_outputs(dir: &Path, key: &Key, home: &str) -> PathBuf {
    let folder = crate::store::output::folder(dir, &OutputId::environment(&key.plain(home), 1));
    folder.parent().map(Path::to_owned).unwrap_or(folder)
}

fn member(pool: &Pool, held: &Held, plain: &str) -> MemberRow {
    let Held { member, name, number, ports, .. } = held;
    let (since, holder) = match &member.phase {
        Phase::Ready { since } | Phase::Asleep { since } => (Some(*since), None),
        Phase::Assigned { to, since } => (Some(*since), Some(to.clone())),
        _ => (None, None),
    };
    let word = member.phase.word();
    let is_asleep = matches!(member.phase, Phase::Asleep { .. });
    MemberRow {
        id: if held.stop.is_some() { String::new() } else { member.id.clone() },
        name: name.clone(),
        state: word.to_owned(),
        asleep: is_asleep.then(|| sleeps(pool.spec.sleep).to_owned()),
        created: member.created,
        since,
        holder,
        outdated: member.spec != pool.hash,
        ports: ports.clone(),
        output: Some(OutputId::environment(plain, *number)),
        ..MemberRow::default()
    }
}

struct Used {
    memory: Option<u64>,
    cpu: Option<Millis>,
    pids: Option<u64>,
}

/// What a container uses now.
async fn usage(host: &Host, id: &str) -> Option<Used> {
    let docker: &Docker = host.client().await.ok()?;
    let options = StatsOptionsBuilder::new().stream(false).one_shot(true).build();
    let stats = std::pin::pin!(docker.stats(id, Some(options))).next().await?.ok()?;
    let memory = stats.memory_stats.and_then(|memory| {
        // The kernel takes the cache of files back when it needs to.
        let cache = memory
            .stats
            .and_then(|stats| stats.get("total_inactive_file").or_else(|| stats.get("inactive_file")).copied());
        Some(memory.usage?.saturating_sub(cache.unwrap_or(0)))
    });
    let nanos = stats.cpu_stats.and_then(|cpu| cpu.cpu_usage).and_then(|usage| usage.total_usage);
    Some(Used {
        memory,
        cpu: nanos.map(|nanos| Millis(nanos / 1_000_000)),
        pids: stats.pids_stats.and_then(|pids| pids.current),
    })
}

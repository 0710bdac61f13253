//! Processes that a job leaves behind: in its groups, escaped from them, or still alive after gonogo itself was killed.
//!
//! Each process of a job carries the job's marker in its environment (`GONOGO_JOB_ID`). gonogo is the subreaper of its
//! children (`prctl(2)`), so that what escapes a group by forking away becomes a child of gonogo and is found cheaply.

use std::{collections::BTreeSet, fs, time::Duration};

use nix::{
    errno::Errno,
    sys::{
        signal::{Signal, kill, killpg},
        wait::{WaitPidFlag, WaitStatus, waitpid},
    },
    unistd::{Pid, getsid},
};
use tokio::time::{Instant, sleep};

/// What was killed is waited for no longer than this: it may hang in the kernel.
const GONE: Duration = Duration::from_secs(5);

/// Makes this process the one to which orphans among its descendants are handed. To be called once, before any job.
pub fn adopt_orphans() {
    #[cfg(target_os = "linux")]
    if let Err(error) = nix::sys::prctl::set_child_subreaper(true) {
        tracing::warn!("processes that fork away from a job will be found late: {error}");
    }
}

/// When a process was started, in clock ticks since boot: tells it from a later one with the same id.
pub fn start_time(pid: u32) -> Option<u64> {
    stat(pid as i32)?.started
}

/// Whether anything is left of a process group.
pub(super) fn is_alive(group: i32) -> bool {
    killpg(Pid::from_raw(group), None) != Err(Errno::ESRCH)
}

/// Ends what is left of process groups: TERM, a grace, KILL.
pub(super) async fn end_groups(groups: &[i32], grace: Duration) {
    let alive = |group: &i32| is_alive(*group);
    let mut left: Vec<i32> = groups.iter().copied().filter(alive).collect();
    if left.is_empty() {
        return;
    }
    for group in &left {
        let _ = killpg(Pid::from_raw(*group), Signal::SIGTERM);
    }
    let end = Instant::now() + grace;
    let mut wait = Duration::from_millis(1);
    while Instant::now() < end {
        reap(&left);
        left.retain(alive);
        if left.is_empty() {
            return;
        }
        sleep(wait).await;
        wait = (wait * 2).min(Duration::from_millis(50));
    }
    for group in &left {
        let _ = killpg(Pid::from_raw(*group), Signal::SIGKILL);
    }
    // Only when they are gone have their own children become ours.
    let end = Instant::now() + GONE;
    while !left.is_empty() && Instant::now() < end {
        sleep(Duration::from_millis(2)).await;
        reap(&left);
        left.retain(alive);
    }
}

/// Collects the exit of orphans that were handed to us, so that they don't stay as zombies: members of these groups, and
/// whatever ended in a session that isn't ours. The leader of each group is the engine's own child and is left to it; so are
/// all other children of ours, which share our session.
fn reap(groups: &[i32]) {
    let ours = getsid(None).map_or(0, Pid::as_raw);
    for pid in adopted() {
        let orphan = stat(pid).is_some_and(|stat| {
            stat.zombie && !groups.contains(&pid) && (groups.contains(&stat.group) || stat.session != ours)
        });
        if orphan {
            let _ = waitpid(Pid::from_raw(pid), Some(WaitPidFlag::WNOHANG));
        }
    }
}

/// Ends orphans that carry the marker: they have left their group, but not their environment.
pub(super) async fn end_marked_orphans(marker: &str, groups: &[i32]) {
    reap(groups);
    let mut killed: Vec<i32> = Vec::new();
    let end = Instant::now() + GONE;
    // Ending one hands its own children to us, so look again until there are none, and none is about to go.
    loop {
        let adopted = adopted();
        let orphans: Vec<i32> =
            adopted.iter().copied().filter(|pid| !killed.contains(pid) && is_marked(*pid, marker)).collect();
        for pid in &orphans {
            let _ = kill(Pid::from_raw(*pid), Signal::SIGKILL);
        }
        let quiet = orphans.is_empty() && !adopted.iter().any(|pid| is_going(*pid));
        killed.extend(orphans);
        let going =
            |pid: &i32| matches!(waitpid(Pid::from_raw(*pid), Some(WaitPidFlag::WNOHANG)), Ok(WaitStatus::StillAlive));
        killed.retain(going);
        if quiet && killed.is_empty() || Instant::now() > end {
            return;
        }
        sleep(Duration::from_millis(2)).await;
    }
}

/// It has let go of its memory, and with it of its environment, but not yet of its children.
fn is_going(pid: i32) -> bool {
    fs::read(format!("/proc/{pid}/environ")).is_ok_and(|environment| environment.is_empty())
        && stat(pid).is_some_and(|stat| !stat.zombie)
}

/// Children of the main thread: that is where orphans go; the engine's own children belong to the threads that started them.
fn adopted() -> Vec<i32> {
    let id = std::process::id();
    let children = fs::read_to_string(format!("/proc/{id}/task/{id}/children")).unwrap_or_default();
    children.split_ascii_whitespace().filter_map(|pid| pid.parse().ok()).collect()
}

/// Ends every process on this machine whose marker begins with `prefix`, but those with a marker of `live`: what a gonogo that
/// was killed has left behind. Returns how many there were. Reads all of `/proc`, so it is for the start alone.
pub fn sweep(prefix: &str, live: &BTreeSet<String>) -> usize {
    let mut ended = 0;
    // What one of them forks while we look is found the next time round.
    for _ in 0..20 {
        let mut found = false;
        let own = std::process::id() as i32;
        let processes = fs::read_dir("/proc").into_iter().flatten().flatten();
        for pid in
            processes.filter_map(|entry| entry.file_name().to_str()?.parse::<i32>().ok()).filter(|pid| *pid != own)
        {
            if marker(pid).is_some_and(|marker| marker.starts_with(prefix) && !live.contains(&marker))
                && kill(Pid::from_raw(pid), Signal::SIGKILL).is_ok()
            {
                found = true;
                ended += 1;
            }
        }
        if !found {
            break;
        }
        std::thread::sleep(Duration::from_millis(10));
    }
    ended
}

/// The marker that a process was given.
fn marker(pid: i32) -> Option<String> {
    let environment = fs::read(format!("/proc/{pid}/environ")).ok()?;
    let mut variables = environment.split(|byte| *byte == 0);
    let marker = variables.find_map(|variable| variable.strip_prefix(b"GONOGO_JOB_ID="))?;
    Some(String::from_utf8_lossy(marker).into_owned())
}

fn is_marked(pid: i32, prefix: &str) -> bool {
    marker(pid).is_some_and(|marker| marker.starts_with(prefix))
}

struct Stat {
    zombie: bool,
    group: i32,
    session: i32,
    started: Option<u64>,
}

/// `/proc/PID/stat`: the fields after the name, which is in parentheses and may hold anything.
fn stat(pid: i32) -> Option<Stat> {
    let text = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    let fields: Vec<&str> = text.rsplit_once(')')?.1.split_ascii_whitespace().collect();
    Some(Stat {
        zombie: fields.first() == Some(&"Z"),
        group: fields.get(2)?.parse().ok()?,
        session: fields.get(3)?.parse().ok()?,
        started: fields.get(19).and_then(|ticks| ticks.parse().ok()),
    })
}

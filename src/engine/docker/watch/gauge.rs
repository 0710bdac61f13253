//! From two samples of the engine to what a container uses now, computed as `docker stats` does. Pure.

use bollard::models::{ContainerBlkioStatEntry, ContainerCpuStats, ContainerMemoryStats, ContainerStatsResponse};

use crate::{domain::time::Timestamp, protocol::container::Gauges};

/// What has been counted of a container up to a moment.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Sample {
    at: Option<Timestamp>,
    net: Option<(u64, u64)>,
    block: (u64, u64),
}

impl Sample {
    /// What is used now, and the sample for the next time. `None` as long as the CPU's share can't be known: of a container
    /// that doesn't run, or before there are two samples.
    pub fn gauges(before: Option<Self>, stats: &ContainerStatsResponse) -> (Self, Option<Gauges>) {
        let read = stats.read.as_ref().and_then(|read| read.parse::<Timestamp>().ok());
        let networks = stats.networks.as_ref();
        let net = networks.map(|networks| {
            networks.values().fold((0, 0), |(into, out), network| {
                (into + network.rx_bytes.unwrap_or(0), out + network.tx_bytes.unwrap_or(0))
            })
        });
        let entries = stats.blkio_stats.as_ref().and_then(|block| block.io_service_bytes_recursive.as_deref());
        let now = Self { at: read, net, block: blocks(entries.unwrap_or_default()) };
        let cpu = match (&stats.precpu_stats, &stats.cpu_stats) {
            (Some(before), Some(now)) => percent(before, now),
            _ => None,
        };
        let Some(cpu) = cpu else { return (now, None) };
        let seconds = before
            .and_then(|before| Some((before.at?, read?)))
            .map(|(before, now)| (now.as_millisecond() - before.as_millisecond()) as f64 / 1000.0)
            .filter(|seconds| *seconds > 0.05);
        // A counter that went backwards belongs to another start of the container.
        let rate = |before: u64, now: u64| Some((now.checked_sub(before)? as f64 / seconds?).round() as u64);
        let net = before.and_then(|before| before.net).zip(net);
        let block = before.map(|before| before.block);
        let memory = stats.memory_stats.as_ref();
        let gauges = Gauges {
            cpu,
            memory: memory.map_or(0, used),
            memory_limit: memory.and_then(|memory| memory.limit).unwrap_or(0),
            net_in: net.and_then(|(before, now)| rate(before.0, now.0)),
            net_out: net.and_then(|(before, now)| rate(before.1, now.1)),
            block_in: block.and_then(|before| rate(before.0, now.block.0)),
            block_out: block.and_then(|before| rate(before.1, now.block.1)),
            pids: stats.pids_stats.as_ref().and_then(|pids| pids.current).unwrap_or(0),
        };
        (now, Some(gauges))
    }
}

/// The share of one processor, in percent.
fn percent(before: &ContainerCpuStats, now: &ContainerCpuStats) -> Option<f64> {
    let total = |stats: &ContainerCpuStats| stats.cpu_usage.as_ref().and_then(|usage| usage.total_usage);
    let spent = total(now)?.checked_sub(total(before)?)? as f64;
    let passed = now.system_cpu_usage?.checked_sub(before.system_cpu_usage.filter(|usage| *usage > 0)?)? as f64;
    let each = || now.cpu_usage.as_ref().and_then(|usage| usage.percpu_usage.as_ref()).map(Vec::len);
    let processors = now.online_cpus.filter(|count| *count > 0).map(|count| count as usize).or_else(each).unwrap_or(1);
    if passed <= 0.0 {
        return Some(0.0);
    }
    Some(spent / passed * processors as f64 * 100.0)
}

/// Memory without what the kernel keeps of files and takes back when it needs to.
fn used(memory: &ContainerMemoryStats) -> u64 {
    let usage = memory.usage.unwrap_or(0);
    let stats = memory.stats.as_ref();
    // The first is of cgroup v1, the second of v2.
    let cache = ["total_inactive_file", "inactive_file"].iter().find_map(|name| stats?.get(*name).copied());
    cache.filter(|cache| *cache < usage).map_or(usage, |cache| usage - cache)
}

/// Bytes read and written.
fn blocks(entries: &[ContainerBlkioStatEntry]) -> (u64, u64) {
    entries.iter().fold((0, 0), |(read, written), entry| {
        let value = entry.value.unwrap_or(0);
        match entry.op.as_deref().and_then(|op| op.chars().next()) {
            Some('r' | 'R') => (read + value, written),
            Some('w' | 'W') => (read, written + value),
            _ => (read, written),
        }
    })
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn stats(at: &str, cpu: u64, system: u64, cache: &str, rx: u64) -> ContainerStatsResponse {
        serde_json::from_value(serde_json::json!({
            "read": format!("2026-03-14T14:00:{at}.5Z"),
            "cpu_stats": { "cpu_usage": { "total_usage": cpu }, "system_cpu_usage": system, "online_cpus": 4 },
            "precpu_stats": { "cpu_usage": { "total_usage": 1_000 }, "system_cpu_usage": 10_000 },
            "memory_stats": { "usage": 5_000, "limit": 9_000, "stats": { cache: 2_000 } },
            "networks": { "eth0": { "rx_bytes": rx, "tx_bytes": 10 }, "eth1": { "rx_bytes": 5, "tx_bytes": 1 } },
            "blkio_stats": { "io_service_bytes_recursive": [
                { "op": "Read", "value": rx }, { "op": "write", "value": 3 }, { "op": "Total", "value": 99 } ] },
            "pids_stats": { "current": 7 },
        }))
        .unwrap()
    }

    #[test]
    fn it_is_what_docker_stats_says() {
        for cache in ["total_inactive_file", "inactive_file"] {
            let (first, gauges) = Sample::gauges(None, &stats("01", 2_000, 14_000, cache, 100));
            let gauges = gauges.unwrap();
            assert!((gauges.cpu - 100.0).abs() < 0.01, "1,000 of 4,000 on four processors: {}", gauges.cpu);
            assert_eq!((gauges.memory, gauges.memory_limit, gauges.pids, gauges.net_in), (3_000, 9_000, 7, None));
            let (_, gauges) = Sample::gauges(Some(first), &stats("03", 3_000, 18_000, cache, 2_100));
            let gauges = gauges.unwrap();
            assert_eq!((gauges.net_in, gauges.net_out), (Some(1_000), Some(0)));
            assert_eq!((gauges.block_in, gauges.block_out), (Some(1_000), Some(0)));
            let (_, gauges) = Sample::gauges(Some(first), &stats("03", 3_000, 18_000, cache, 0));
            assert_eq!(gauges.unwrap().net_in, None, "it was started anew");
        }
    }

    #[test]
    fn without_a_sample_before_the_share_of_the_cpu_is_not_known() {
        let mut stats = stats("01", 2_000, 14_000, "inactive_file", 0);
        stats.precpu_stats = Some(ContainerCpuStats::default());
        assert_eq!(Sample::gauges(None, &stats).1, None);
    }
}

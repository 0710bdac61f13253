//! A pull in a few calm lines: the engine says something about each layer many times a second.

use std::{
    collections::BTreeMap,
    time::{Duration, Instant},
};

use bollard::models::ProgressDetail;

/// Time between two lines.
const CALM: Duration = Duration::from_secs(1);

/// More layers than any image has; what comes after is not counted.
const MOST: usize = 1024;

/// How far a pull is.
#[derive(Debug, Default)]
pub(super) struct Progress {
    layers: BTreeMap<String, Layer>,
    said: Option<Instant>,
    last: String,
}

#[derive(Clone, Copy, Debug, Default)]
struct Layer {
    got: u64,
    total: u64,
    done: bool,
}

impl Progress {
    /// Takes in what the engine says of a layer. A line, if it is time for one: none comes in the first second, so a pull that
    /// has nothing to do says nothing.
    pub(super) fn hear(
        &mut self,
        id: &str,
        status: &str,
        detail: Option<&ProgressDetail>,
        now: Instant,
    ) -> Option<String> {
        self.learn(id, status, detail);
        let since = *self.said.get_or_insert(now);
        if now.duration_since(since) < CALM {
            return None;
        }
        self.said = Some(now);
        let line = self.line();
        if line == self.last {
            return None;
        }
        self.last.clone_from(&line);
        Some(line)
    }

    fn learn(&mut self, id: &str, status: &str, detail: Option<&ProgressDetail>) {
        let known = self.layers.contains_key(id);
        // Everything that it says of a layer begins with one of these; the rest is about the image as a whole.
        let about_layer = ["Pulling fs layer", "Waiting", "Downloading", "Already exists", "Download complete"];
        if !known && (self.layers.len() >= MOST || !about_layer.iter().any(|word| status.starts_with(word))) {
            return;
        }
        let layer = self.layers.entry(id.to_owned()).or_default();
        match status {
            "Already exists" | "Pull complete" => layer.done = true,
            "Download complete" => layer.got = layer.total,
            "Downloading" => {
                let number = |count: Option<i64>| count.and_then(|count| u64::try_from(count).ok()).unwrap_or(0);
                let (got, total) = detail.map_or((0, 0), |detail| (number(detail.current), number(detail.total)));
                (layer.got, layer.total) = (got, total.max(got));
            }
            _ => {}
        }
    }

    /// What has come so far: `12 of 80 MB, 3 of 7 layers`.
    pub(super) fn line(&self) -> String {
        let sum = |what: fn(&Layer) -> u64| self.layers.values().map(what).sum::<u64>();
        let (got, total) = (sum(|layer| layer.got), sum(|layer| layer.total));
        let (done, layers) = (self.layers.values().filter(|layer| layer.done).count(), self.layers.len());
        format!("{} of {} MB, {done} of {layers} layers", megabytes(got), megabytes(total))
    }

    /// Bytes that were loaded, and layers.
    pub(super) fn sum(&self) -> (u64, usize) {
        (self.layers.values().map(|layer| layer.got).sum(), self.layers.len())
    }
}

/// A size in megabytes; with a decimal where it is small.
pub(super) fn megabytes(bytes: u64) -> String {
    if bytes == 0 || bytes >= 10_000_000 {
        (bytes / 1_000_000).to_string()
    } else {
        format!("{:.1}", bytes as f64 / 1e6)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn many_events_are_few_lines() {
        let began = Instant::now();
        let mut progress = Progress::default();
        let mut lines = Vec::new();
        let mut hear = |ms: u64, id: &str, status: &str, part: Option<(i64, i64)>| {
            let detail = part.map(|(got, total)| ProgressDetail { current: Some(got), total: Some(total) });
            lines.extend(progress.hear(id, status, detail.as_ref(), began + Duration::from_millis(ms)));
        };
        hear(0, "latest", "Pulling from library/alpine", None);
        for layer in ["a", "b", "c"] {
            hear(1, layer, "Pulling fs layer", None);
        }
        hear(2, "c", "Already exists", None);
        for ms in 3..=3000 {
            hear(ms, "a", "Downloading", Some((ms as i64 * 10_000, 30_000_000)));
        }
        hear(3100, "a", "Download complete", None);
        hear(4200, "a", "Extracting", Some((1, 2)));
        hear(5300, "a", "Pull complete", None);
        assert_eq!(
            lines,
            [
                "10 of 30 MB, 1 of 3 layers",
                "20 of 30 MB, 1 of 3 layers",
                "30 of 30 MB, 1 of 3 layers",
                "30 of 30 MB, 2 of 3 layers"
            ]
        );
    }
}

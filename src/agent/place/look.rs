//! Listing and searching the files of a place.

use std::time::{Duration, Instant};

use globset::{GlobBuilder, GlobMatcher};
use ignore::WalkBuilder;
use regex::RegexBuilder;

use super::{Place, PlaceError};

/// So many paths or lines at most.
const MOST: usize = 200;

/// Looking takes no longer.
const PATIENCE: Duration = Duration::from_secs(20);

/// So much of a line is shown.
const LINE: usize = 300;

/// What was found.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Found {
    /// Paths, or `path:line: text`.
    pub lines: Vec<String>,
    /// There is more.
    pub more: bool,
}

impl Place {
    /// Lists files whose path fits the glob, in order. Waits for the disk.
    pub fn list(&self, glob: Option<&str>) -> Result<Found, PlaceError> {
        let mut found = Found::default();
        self.walk(glob, |path| {
            found.lines.push(path.to_owned());
            found.lines.len() < MOST
        })
        .map(|all| found.more = !all)?;
        Ok(found)
    }

    /// Lists lines that match the pattern. Waits for the disk.
    pub fn search(&self, pattern: &str, glob: Option<&str>) -> Result<Found, PlaceError> {
        let regex = RegexBuilder::new(pattern).size_limit(1 << 20).build();
        let regex = regex.map_err(|error| PlaceError::failed(pattern, format!("no pattern: {error}")))?;
        let mut found = Found::default();
        let all = self.walk(glob, |path| {
            let Ok(bytes) = self.read(path) else { return true };
            if bytes.iter().take(8192).any(|byte| *byte == 0) {
                return true;
            }
            let text = String::from_utf8_lossy(&bytes);
            for (number, line) in (1..).zip(text.lines()).filter(|(_, line)| regex.is_match(line)) {
                if found.lines.len() >= MOST {
                    return false;
                }
                let line: String = line.chars().take(LINE).collect();
                found.lines.push(format!("{path}:{number}: {line}"));
            }
            true
        })?;
        found.more = !all;
        Ok(found)
    }

    /// Visits files until told to stop or out of time; says whether it visited all.
    fn walk(&self, glob: Option<&str>, mut visit: impl FnMut(&str) -> bool) -> Result<bool, PlaceError> {
        let matcher = glob.map(matcher).transpose()?;
        let end = Instant::now() + PATIENCE;
        let walk = WalkBuilder::new(&self.path).hidden(false).follow_links(false).sort_by_file_path(Ord::cmp).build();
        for entry in walk.flatten().filter(|entry| entry.file_type().is_some_and(|kind| kind.is_file())) {
            if Instant::now() > end {
                return Ok(false);
            }
            let Some(path) = entry.path().strip_prefix(&self.path).ok().and_then(|path| path.to_str()) else {
                continue;
            };
            if self.checked(path).is_err() || matcher.as_ref().is_some_and(|matcher| !matcher.is_match(path)) {
                continue;
            }
            if !visit(path) {
                return Ok(false);
            }
        }
        Ok(true)
    }
}

fn matcher(glob: &str) -> Result<GlobMatcher, PlaceError> {
    let built = GlobBuilder::new(glob.trim_start_matches("./")).literal_separator(true).build();
    built.map(|glob| glob.compile_matcher()).map_err(|error| PlaceError::failed(glob, format!("no glob: {error}")))
}

//! Coverage thresholds of any tool: a fault only where the tests themselves passed.

use super::super::{
    finding::{Finding, Level},
    log::Log,
    rule::{Rule, rule},
};
use crate::domain::diagnosis::Category::Coverage;

pub(super) const RULES: &[Rule] = &[
    rule("coverage", Coverage, "fail-under", r"^(?P<message>(?:Coverage failure: )?.*\b(?:is less than|lower than|below)\b.*fail-under.*)").level(Level::Symptom).then(least),
    rule("pytest-cov", Coverage, "Required test coverage", r"(?P<message>Required test coverage of .+ not reached.*)").level(Level::Symptom).then(least),
    rule("coverage", Coverage, "No data to report", r"^(?P<message>No data to report\.)").level(Level::Symptom),
    rule("tarpaulin", Coverage, "Coverage is below the failure threshold", r"(?P<message>Coverage is below the failure threshold.*)").level(Level::Symptom).then(least),
    rule("llvm-cov", Coverage, "--fail-under", r"(?P<message>.*--fail-under.*)").level(Level::Guess),
    rule("codecov", Coverage, "codecov/", r"(?P<message>codecov/(?:project|patch).*fail.*)").level(Level::Symptom).then(least),
    rule("coverage", Coverage, "overage", r"(?i)^(?:error:?|fail(?:ed|ure)?:?|❌|✗|\W+)*\s*(?P<message>.*coverage\b.*\b(?:below|less than|lower than|under|does not meet|not met|did not meet|insufficient|is not enough|dropped)\b.*)").level(Level::Symptom).then(least),
    rule("coverage", Coverage, "COVERAGE", r"(?i)^(?P<message>.*coverage\b.*\b(?:below|less than|under|does not meet|not met|failed)\b.*)").level(Level::Symptom).then(least),
    rule("interrogate", Coverage, "RESULT: FAILED", r"(?P<message>RESULT: FAILED \(minimum: .+, actual: .+\))").level(Level::Symptom).then(least),
    rule("go test", Coverage, "overage", r"(?i)^(?P<message>.*(?:total )?coverage:?.*\d%.*\b(?:threshold|minimum|required)\b.*)").level(Level::Guess),
];

/// The file that is covered least, where a table above names the files.
fn least(finding: &mut Finding, log: &Log) -> bool {
    if finding.said.file.is_some() {
        return true;
    }
    let mut worst: Option<(f64, String)> = None;
    for (_, line) in log.before(finding.at, 200) {
        let mut words = line.split_whitespace();
        let Some(file) = words.next().filter(|file| file.contains('.') && !file.starts_with('.')) else { continue };
        let Some(percent) = words.find_map(|word| word.strip_suffix('%')?.parse::<f64>().ok()) else { continue };
        if worst.as_ref().is_none_or(|(least, _)| percent <= *least) {
            worst = Some((percent, file.to_owned()));
        }
    }
    finding.said.file = worst.map(|(_, file)| file);
    true
}

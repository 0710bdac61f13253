//! Checkers of other texts: shell, YAML, Markdown, workflows, commit messages, spelling, SQL, CSS, HTML, Protobuf, Lua, and pre-commit's own hooks.

use super::super::{
    finding::{Finding, Level},
    log::Log,
    rule::{Rule, rule},
};
use crate::domain::diagnosis::Category::{Config, Format, Lint, Security, Syntax};

pub(super) const RULES: &[Rule] = &[
    rule("shellcheck", Lint, " SC", r"^\s*\^-*\^?\s*(?P<code>SC\d+)(?: \(\w+\))?: (?P<message>.+)").then(shellcheck),
    rule("shellcheck", Lint, "[SC", r"^(?P<file>[^\s:]+):(?P<line>\d+):(?P<column>\d+): (?:error|warning|note|info|style): (?P<message>.+?) \[(?P<code>SC\d+)\]$").then(shell_syntax),
    rule("yamllint", Lint, "[error] ", r"^(?P<file>[^\s:]+):(?P<line>\d+):(?P<column>\d+): \[error\] (?P<message>.+?)(?: \((?P<code>[\w-]+)\))?$").then(yaml),
    rule("yamllint", Lint, "[warning] ", r"^(?P<file>[^\s:]+):(?P<line>\d+):(?P<column>\d+): \[warning\] (?P<message>.+?)(?: \((?P<code>[\w-]+)\))?$").level(Level::Warning),
    rule("yamllint", Lint, "error ", r"^\s+(?P<line>\d+):(?P<column>\d+)\s+error\s+(?P<message>.+?)\s+\((?P<code>[\w-]+)\)$").then(yaml_above),
    rule("actionlint", Lint, ".y", r"^(?P<file>\.github/workflows/\S+?\.ya?ml):(?P<line>\d+):(?P<column>\d+): (?P<message>.+?) \[(?P<code>[\w-]+)\]$").then(action),
    rule("markdownlint", Lint, " MD0", r"^(?P<file>[^\s:]+):(?P<line>\d+)(?::(?P<column>\d+))?(?: error)? (?P<code>MD\d+)(?:/[\w-]+)* (?P<message>.+)"),
    rule("markdownlint", Lint, ": MD0", r"^(?P<file>[^\s:]+): (?P<line>\d+): (?P<code>MD\d+)(?:/[\w-]+)* (?P<message>.+)"),
    rule("commitlint", Lint, "✖ ", r"^\s*✖\s+(?P<message>.+?)\s+\[(?P<code>[a-z-]+)\]$"),
    rule("commitizen", Lint, "commit validation: failed!", r"^(?P<message>commit validation: failed!)"),
    rule("gitlint", Lint, ": ", r"^\d+: (?P<code>[TBMCN]\w?\d+|UC\d+|[TBCN]\d+) (?P<message>.+)$").level(Level::Symptom),
    rule("codespell", Lint, " ==> ", r"^(?P<file>(?:\./)?[^\s:]+):(?P<line>\d+): (?P<message>\S.* ==> .+)"),
    rule("typos", Lint, "should be", r"^error: (?P<message>`.+` should be .+)").then(typos),
    rule("cspell", Lint, "Unknown word (", r"^(?P<file>\S+?):(?P<line>\d+):(?P<column>\d+) - (?P<message>Unknown word \(.+\).*)"),
    rule("misspell", Lint, "is a misspelling of", r#"^(?P<file>[^\s:]+):(?P<line>\d+):(?P<column>\d+): (?P<message>".+" is a misspelling of .+)"#),
    rule("sqlfluff", Lint, "L:", r"^L:\s*(?P<line>\d+) \| P:\s*(?P<column>\d+) \|\s+(?P<code>\w+) \| (?P<message>.+)").then(sqlfluff),
    rule("buf", Lint, ".proto:", r"^(?P<file>[^\s:]+\.proto):(?P<line>\d+):(?P<column>\d+):(?P<message>.+)").then(proto),
    rule("luacheck", Lint, ".lua:", r"^\s+(?P<file>[^\s:]+\.lua):(?P<line>\d+):(?P<column>\d+): (?:\((?P<code>[EW]\d+)\) )?(?P<message>.+)"),
    rule("zizmor", Security, "error[", r"^(?:error|warning)\[(?P<code>[a-z-]+)\]: (?P<message>.+)").level(Level::Symptom).then(arrow),
    rule("reuse", Lint, "not compliant with version", r"(?P<message>.*not compliant with version .+ of the REUSE Specification.*)"),
    rule("check-yaml", Syntax, "while parsing a ", r"^(?P<message>while (?:parsing|scanning) a .+)").then(parsed),
    rule("check-yaml", Syntax, "while scanning ", r"^(?P<message>while scanning .+)").then(parsed),
    rule("check-yaml", Syntax, "mapping values are not allowed", r"^(?P<message>mapping values are not allowed .+)").then(parsed),
    rule("json", Syntax, "(char ", r"^(?P<message>(?:Expecting|Extra data|Unterminated string|Invalid).*: line (?P<line>\d+) column (?P<column>\d+) \(char \d+\))")
        .level(Level::Symptom),
    rule("check-json", Syntax, "Failed to json decode", r"^(?P<file>[^\s:]+): Failed to json decode \((?P<message>.+?line (?P<line>\d+) column (?P<column>\d+).*)\)"),
    rule("check-toml", Syntax, ": ", r"^(?P<file>[^\s:]+\.toml): (?P<message>.+ \(at line (?P<line>\d+), column (?P<column>\d+)\))"),
    rule("check-merge-conflict", Syntax, "Merge conflict string", r"^(?P<file>[^\s:]+):(?P<line>\d+): (?P<message>Merge conflict string .+)"),
    rule("check-added-large-files", Lint, "exceeds ", r"^(?P<file>\S+) (?P<message>\(\d+ KB\) exceeds \d+ KB\.)"),
    rule("debug-statements", Lint, "imported", r"^(?P<file>[^\s:]+\.py):(?P<line>\d+):(?P<column>\d+): (?P<message>\w+ imported)$"),
    rule("detect-private-key", Security, "Private key found: ", r"^Private key found: (?P<file>\S+)"),
    rule("end-of-file-fixer", Format, "Fixing ", r"^Fixing (?P<file>\S+)$").level(Level::Symptom),
    rule("no-commit-to-branch", Config, "no-commit-to-branch", r"(?P<message>don't commit to branch.*)").level(Level::Symptom),
    rule("json", Syntax, "parse error: ", r"^(?:jq: )?(?P<message>parse error: .+ at line (?P<line>\d+), column (?P<column>\d+))"),
    rule("xmllint", Syntax, " parser error : ", r"^(?P<file>[^\s:]+):(?P<line>\d+): parser error : (?P<message>.+)"),
];

/// `In file line 3:` and the code stand above the carets.
fn shellcheck(finding: &mut Finding, log: &Log) -> bool {
    let said = log.line(finding.at);
    finding.said.column = said.find('^').map(|column| column as u32 + 1);
    let head = log.before(finding.at, 30).find_map(|(_, line)| {
        let (file, number) = line.strip_prefix("In ")?.rsplit_once(" line ")?;
        Some((file.to_owned(), number.trim_end_matches(':').parse::<u32>().ok()?))
    });
    let Some((file, line)) = head else { return false };
    (finding.said.file, finding.said.line) = (Some(file), Some(line));
    shell_syntax(finding, log)
}

fn shell_syntax(finding: &mut Finding, _: &Log) -> bool {
    let code: u32 =
        finding.said.code.as_deref().and_then(|code| code.trim_start_matches("SC").parse().ok()).unwrap_or(0);
    if matches!(
        code,
        1009 | 1035 | 1036 | 1046 | 1047 | 1049 | 1050 | 1056 | 1057
            ..=1062 | 1064 | 1070 | 1072 | 1073 | 1078 | 1081 | 1088 | 1089
    ) {
        finding.category = Syntax;
    }
    true
}

fn yaml(finding: &mut Finding, _: &Log) -> bool {
    if finding.said.message.starts_with("syntax error") {
        finding.category = Syntax;
    }
    true
}

fn yaml_above(finding: &mut Finding, log: &Log) -> bool {
    let file = log
        .before(finding.at, 500)
        .find(|(_, line)| !line.starts_with(' ') && !line.is_empty())
        .map(|(_, line)| line.trim().to_owned());
    finding.said.file = file.filter(|file| file.contains(".y"));
    finding.said.file.is_some() && yaml(finding, log)
}

fn action(finding: &mut Finding, _: &Log) -> bool {
    if finding.said.code.as_deref() == Some("syntax-check") && finding.said.message.contains("could not parse as YAML")
    {
        finding.category = Syntax;
    }
    true
}

fn typos(finding: &mut Finding, log: &Log) -> bool {
    arrow(finding, log)
}

/// The place in the style of rustc, `--> file:line:column`, or in a box, `╭▸ file:line:column`.
fn arrow(finding: &mut Finding, log: &Log) -> bool {
    let place = log.after(finding.at + 1, 4).find_map(|(_, line)| super::super::place::find(line));
    let Some((file, line, column)) = place else { return false };
    (finding.said.file, finding.said.line, finding.said.column) = (Some(file), Some(line), column);
    true
}

fn sqlfluff(finding: &mut Finding, log: &Log) -> bool {
    let file = log
        .before(finding.at, 500)
        .find_map(|(_, line)| line.strip_prefix("== [").and_then(|rest| rest.split(']').next()).map(str::to_owned));
    finding.said.file = file;
    if finding.said.code.as_deref() == Some("PRS") {
        finding.category = Syntax;
    }
    true
}

fn proto(finding: &mut Finding, _: &Log) -> bool {
    finding.said.message = finding.said.message.trim().to_owned();
    if finding.said.message.contains("syntax error") {
        finding.category = Syntax;
    } else if finding.said.message.contains("imported file does not exist")
        || finding.said.message.contains("does not exist")
    {
        finding.category = crate::domain::diagnosis::Category::Import;
    }
    true
}

/// `in "file.yml", line 3, column 5` below.
fn parsed(finding: &mut Finding, log: &Log) -> bool {
    let mut last = None;
    for (at, line) in log.after(finding.at, 6) {
        if let Some((file, rest)) = line.split_once("in \"").and_then(|(_, rest)| rest.split_once("\", line ")) {
            let mut numbers = rest.split(|c: char| !c.is_ascii_digit()).filter_map(|n| n.parse::<u32>().ok());
            last = Some((at, file.to_owned(), numbers.next(), numbers.next()));
        } else if at > finding.at && !line.starts_with(' ') && !line.is_empty() {
            finding.said.message = line.trim().to_owned();
        }
    }
    let Some((at, file, line, column)) = last else { return false };
    finding.until = at;
    (finding.said.file, finding.said.line, finding.said.column) = (Some(file), line, column);
    true
}

//! Documentation: MkDocs, Sphinx, Docusaurus, rustdoc (see the Rust family), link checkers, Vale, Hugo, Jekyll, Typedoc, Javadoc.

use super::super::{
    finding::{Finding, Level},
    log::Log,
    place,
    rule::{Rule, rule},
};
use crate::domain::diagnosis::Category::{Config, Docs};

pub(super) const RULES: &[Rule] = &[
    rule("mkdocs", Docs, "WARNING ", r"^WARNING\s+-\s+(?P<message>.+)").level(Level::Warning).then(mkdocs),
    rule("mkdocs", Docs, "ERROR ", r"^ERROR\s+-\s+(?P<message>.+)").then(mkdocs),
    rule("mkdocs", Config, "Config value", r"^(?:ERROR\s+-\s+)?(?P<message>Config value:? '.+)").then(config),
    rule("mkdocs", Docs, "Aborted with ", r"^(?P<message>Aborted with .+)").level(Level::Consequence),
    rule("sphinx", Docs, ": WARNING: ", r"^(?P<file>[^\s:][^:]*):(?:(?P<line>\d+):|docstring of [^:]+:(?P<column>\d+):)? ?WARNING: (?P<message>.+?)(?: \[(?P<code>[\w.-]+)\])?$").level(Level::Warning).then(sphinx),
    rule("sphinx", Docs, "WARNING: ", r"^WARNING: (?P<message>.+?)(?: \[(?P<code>[\w.-]+)\])?$").level(Level::Warning),
    rule("sphinx", Docs, ": ERROR: ", r"^(?P<file>[^\s:][^:]*\.(?:rst|md|py|txt)):(?P<line>\d+): (?:ERROR|CRITICAL|SEVERE): (?P<message>.+?)(?: \[(?P<code>[\w.-]+)\])?$"),
    rule("sphinx", Docs, ") broken", r"^\(\s*(?P<test>\S+): line\s+(?P<line>\d+)\) broken\s+(?P<message>.+)").then(linkcheck),
    rule("sphinx", Docs, "Warning, treated as error:", r"^(?:.*)Warning, treated as error:(?P<message>.*)").then(treated),
    rule("sphinx", Docs, "Extension error", r"^Extension error(?: \(.+\))?:?(?P<message>.*)").then(treated),
    rule("docusaurus", Docs, "Docusaurus found broken", r"(?P<message>Docusaurus found broken .+)").then(docusaurus),
    rule("docusaurus", Docs, "Broken link on source page path", r"(?P<message>- Broken link on source page path = .+)").level(Level::Guess),
    rule("markdown-link-check", Docs, "[✖] ", r"^\s*\[✖\] (?P<message>.+?) → Status: .+").then(link),
    rule("markdown-link-check", Docs, "dead links found", r"(?P<message>ERROR: \d+ dead links? found.*)").level(Level::Guess),
    rule("lychee", Docs, "[ERROR] ", r"^(?:\[\d+/\d+\] )?\[(?:ERROR|TIMEOUT)\] (?P<message>(?:https?://|file://|mailto:)\S+.*)").then(lychee),
    rule("lychee", Docs, "] http", r"^\s*\[(?P<code>[45]\d\d)\] (?P<message>https?://\S+.*)").then(lychee),
    rule("htmlproofer", Docs, "* At ", r"^\s*\* At (?P<file>[^:]+):(?P<line>\d+):$").then(proofer),
    rule("vale", Docs, " error ", r"^\s*(?P<line>\d+):(?P<column>\d+)\s+error\s+(?P<message>.+?)\s{2,}(?P<code>[A-Z]\w+\.\w+)\s*$").then(vale),
    rule("hugo", Docs, "ERROR ", r"^(?:ERROR|Error:)\s.*?(?P<message>(?:REF_NOT_FOUND|failed to (?:render|extract)|error building site|render of).+)").then(hugo),
    rule("jekyll", Docs, "Liquid Exception:", r"^\s*(?P<message>Liquid Exception: .+) in (?P<file>\S+)$"),
    rule("javadoc", Docs, ".java:", r"^\S*?\[?(?:ERROR\]\s+)?(?P<file>\S+\.java):(?P<line>\d+): error: (?P<message>(?:reference not found|unknown tag|bad use of|malformed HTML|self-closing element|unexpected end tag|@param name not found|exception not thrown).*)"),
    rule("doxygen", Docs, "error: ", r"^(?P<file>\S+):(?P<line>\d+): error: (?P<message>.+ \(warning treated as error, aborting now\))"),
    rule("typedoc", Docs, "[error] ", r"^\[error\] (?P<message>.+)").level(Level::Symptom).then(typedoc),
    rule("rustdoc", Docs, "unresolved link to", r"^error: (?P<message>unresolved link to .+)").then(rustdoc),
];

/// MkDocs names the file in its text.
fn mkdocs(finding: &mut Finding, log: &Log) -> bool {
    let said = finding.said.message.clone();
    let quoted = said
        .split_once("Doc file '")
        .or_else(|| said.split_once("Documentation file '"))
        .or_else(|| said.split_once("Doc file \""));
    let named = quoted.and_then(|(_, rest)| rest.split(['\'', '"']).next());
    if let Some(file) = named {
        finding.said.file = Some(file.to_owned());
    } else if said.starts_with("A reference to '") || said.starts_with("A relative path to '") {
        finding.said.file = Some("mkdocs.yml".to_owned());
    }
    if said.starts_with("Config value") {
        return config(finding, log);
    }
    true
}

/// Many programs say `[error]`.
fn typedoc(finding: &mut Finding, log: &Log) -> bool {
    log.before(finding.at, 300).any(|(_, line)| line.contains("typedoc"))
}

fn config(finding: &mut Finding, _: &Log) -> bool {
    finding.category = Config;
    finding.said.file = Some("mkdocs.yml".to_owned());
    finding.level = finding.level.max(Level::Symptom);
    true
}

fn sphinx(finding: &mut Finding, log: &Log) -> bool {
    if let Some(line) = finding.said.column.take() {
        finding.said.line = Some(line);
    }
    let said = log.line(finding.at);
    if let Some((file, _)) = finding.said.file.as_deref().and_then(|file| file.split_once(":docstring of ")) {
        finding.said.file = Some(file.to_owned());
    }
    !said.starts_with("npm ") && !said.starts_with("pip")
}

fn linkcheck(finding: &mut Finding, _: &Log) -> bool {
    finding.said.file = finding.test.take();
    true
}

fn treated(finding: &mut Finding, log: &Log) -> bool {
    if finding.said.message.is_empty()
        || finding.said.message.contains("treated as error")
        || finding.said.message.starts_with("Extension error")
    {
        let below = log.line(finding.at + 1).trim().to_owned();
        finding.until = finding.at + 1;
        if let Some((file, line, _)) = place::find(&below) {
            (finding.said.file, finding.said.line) = (Some(file.clone()), Some(line));
            finding.said.message =
                below.split_once(&format!(":{line}:")).map_or(below.as_str(), |(_, rest)| rest).trim().to_owned();
        } else if !below.is_empty() {
            finding.said.message = below;
        }
    }
    true
}

fn docusaurus(finding: &mut Finding, log: &Log) -> bool {
    let page = log.after(finding.at + 1, 20).find_map(|(_, line)| {
        line.split_once("source page path = ").map(|(_, rest)| rest.trim_end_matches(':').to_owned())
    });
    finding.said.file = page;
    true
}

fn link(finding: &mut Finding, log: &Log) -> bool {
    let file = log
        .before(finding.at, 400)
        .find_map(|(_, line)| line.strip_prefix("FILE: ").map(|file| file.trim().to_owned()));
    finding.said.file = file;
    true
}

fn lychee(finding: &mut Finding, log: &Log) -> bool {
    let file = log.before(finding.at, 200).find_map(|(_, line)| {
        let text = line
            .trim()
            .strip_prefix("Errors in ")
            .or_else(|| line.trim().strip_prefix('[').filter(|text| text.ends_with("]:")))?;
        Some(text.trim_end_matches([':', ']']).to_owned())
    });
    finding.said.file = file;
    true
}

fn proofer(finding: &mut Finding, log: &Log) -> bool {
    let text =
        log.after(finding.at + 1, 3).find(|(_, line)| !line.trim().is_empty()).map(|(_, line)| line.trim().to_owned());
    finding.said.message = text.unwrap_or_default();
    true
}

fn vale(finding: &mut Finding, log: &Log) -> bool {
    let file = log
        .before(finding.at, 500)
        .find(|(_, line)| !line.trim().is_empty() && !line.trim_start().starts_with(|c: char| c.is_ascii_digit()));
    finding.said.file = file.map(|(_, line)| line.trim().to_owned());
    true
}

fn hugo(finding: &mut Finding, log: &Log) -> bool {
    if let Some((file, line, column)) = place::find(log.line(finding.at)) {
        (finding.said.file, finding.said.line, finding.said.column) = (Some(file), Some(line), column);
    }
    true
}

fn rustdoc(finding: &mut Finding, log: &Log) -> bool {
    let place =
        log.after(finding.at + 1, 4).find_map(|(_, line)| line.trim().strip_prefix("--> ").and_then(place::find));
    if let Some((file, line, column)) = place {
        (finding.said.file, finding.said.line, finding.said.column) = (Some(file), Some(line), column);
    }
    finding.said.code = Some("rustdoc::broken_intra_doc_links".to_owned());
    true
}

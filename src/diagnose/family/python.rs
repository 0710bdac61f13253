//! Python itself, unittest, and the checkers: Ruff, Mypy, Pyright, Flake8, Pylint, Pydocstyle, Vulture.

use super::super::{
    finding::{Finding, Level},
    log::Log,
    place,
    rule::{Rule, rule},
};
use super::pytest::{exception, of_exception, python_frame};
use crate::domain::diagnosis::Category::{
    self, Config, Dependency, Format, Import, Lint, Network, Syntax, Test, Timeout, Type,
};

pub(super) const RULES: &[Rule] = &[
    rule("mypy", Type, ": error: ", r"^(?P<file>[^\s:][^:]*\.pyi?):(?P<line>\d+):(?:(?P<column>\d+):)?(?:\d+:\d+:)? error: (?P<message>.+?)(?:\s+\[(?P<code>[a-z][a-z0-9-]*)\])?$")
        .then(mypy),
    rule("mypy", Type, "mypy: ", r"^mypy: (?:error: )?(?P<message>.+)"),
    rule("pyright", Type, " - error: ", r"^\s*(?P<file>\S.*?\.pyi?):(?P<line>\d+):(?P<column>\d+) - error: (?P<message>.+?)(?: \((?P<code>report\w+)\))?$")
        .then(pyright),
    rule("ruff", Syntax, "Failed to parse ", r"^error: Failed to parse (?P<file>\S+?\.pyi?):(?P<line>\d+):(?P<column>\d+): (?P<message>.+)"),
    rule("ruff", Lint, "--> ", r"^\s*--> (?P<file>.+?\.(?:pyi?|ipynb)(?::cell \d+)?):(?P<line>\d+):(?P<column>\d+)$").then(ruff_full),
    rule("ruff", Lint, ".py", r"^(?P<file>\S.*?\.(?:pyi?|ipynb)):(?P<line>\d+):(?P<column>\d+):? (?P<code>[A-Z]{1,4}\d{3,4}) (?:\[\*\] )?(?P<message>.+)")
        .then(flake),
    rule("ruff", Syntax, "SyntaxError: ", r"^(?P<file>\S+?\.pyi?):(?P<line>\d+):(?P<column>\d+):? (?:E999 )?SyntaxError: (?P<message>.+)").then(ruff_syntax),
    rule("ruff", Format, "Would reformat: ", r"^Would reformat: (?P<file>.+)$"),
    rule("pylint", Lint, ".py:", r"^(?P<file>\S.*?\.py):(?P<line>\d+):(?P<column>\d+): (?P<code>[CRWEF]\d{4}): (?P<message>.+?)(?: \([a-z-]+\))?$").then(pylint),
    rule("pylint", Lint, ".py:", r"^(?P<file>\S.*?\.py):(?P<line>\d+): \[(?P<code>[CRWEF]\d{4})(?:\([\w-]+\))?,?[^\]]*\] (?P<message>.+)").then(pylint),
    rule("ruff", Lint, "  ", r"^\s+(?P<line>\d+):(?P<column>\d+)\s+(?P<code>[A-Z]{1,4}\d{3,4}) (?:\[\*\] )?(?P<message>.+)").then(grouped),
    rule("vulture", Lint, "% confidence)", r"^(?P<file>\S+\.py):(?P<line>\d+): (?P<message>unused .+) \(\d+% confidence.*\)"),
    rule("pydocstyle", Lint, ".py:", r"^(?P<file>\S+\.py):(?P<line>\d+) (?:at module level|in .+):$").then(pydocstyle),
    rule("unittest", Test, "FAIL: ", r"^FAIL: (?P<test>\S+)(?: \((?P<message>.+)\))?").then(unittest),
    rule("unittest", Test, "ERROR: ", r"^ERROR: (?P<test>\S+)(?: \((?P<message>[\w.]+)\))$").then(unittest),
    rule("python", Category::Unknown, "Traceback (most recent call last)", r"Traceback \(most recent call last\):?$").level(Level::Symptom).then(traceback),
    rule("python", Category::Build, "Fatal Python error: ", r"^(?P<message>Fatal Python error: .+)").level(Level::Symptom).then(fatal),
    rule("python", Syntax, "File \"", r#"^\s*(?:\*\*\*\s+)?(?:Sorry: \w+: )?File "(?P<file>[^"]+)", line (?P<line>\d+)$"#).level(Level::Symptom).then(lone_syntax),
    rule("python", Syntax, "*** ", r"^\*\*\* Error compiling '(?P<file>[^']+)'").level(Level::Guess),
    rule("python", Syntax, "SyntaxError: ", r"^(?:\S+: )?(?P<code>SyntaxError|IndentationError|TabError): (?P<message>.+) \((?P<file>[^,()]+\.py), line (?P<line>\d+)\)").level(Level::Symptom),
    rule("python", Import, ": No module named ", r"^(?:\S*/)?python[\d.]*(?:\.exe)?: (?P<message>(?:Error while finding module specification for .*|No module named .+))").level(Level::Symptom),
    rule("python", Config, "can't open file", r"^(?:\S*/)?python[\d.]*(?:\.exe)?: can't open file '(?P<file>[^']+)': .+").level(Level::Symptom),
    rule("tox", Config, "ERROR: unknown environment", r"^ERROR: unknown environment .+"),
    rule("tox", Test, ": FAIL ", r"^\s*(?P<message>[\w.-]+: FAIL (?:✖ in|code) .+)").level(Level::Consequence),
    rule("nox", Test, "nox > ", r"^nox > (?P<message>Session .+ failed.*)").level(Level::Consequence),
];

fn mypy(finding: &mut Finding, _: &Log) -> bool {
    let code = finding.said.code.as_deref().unwrap_or_default();
    let message = &finding.said.message;
    if code == "syntax" || message.starts_with("invalid syntax") || message.starts_with("Invalid syntax") {
        finding.category = Syntax;
    } else if code.starts_with("import") || message.contains("Cannot find implementation or library stub") {
        finding.category = Import;
    }
    true
}

fn pyright(finding: &mut Finding, _: &Log) -> bool {
    let code = finding.said.code.as_deref().unwrap_or_default();
    if code.starts_with("reportMissing") && (code.contains("Import") || code.contains("ModuleSource"))
        || code == "reportAttributeAccessIssue" && finding.said.message.contains("unknown import symbol")
    {
        finding.category = Import;
    } else if code.is_empty()
        && (finding.said.message.contains("xpected ") || finding.said.message.contains("not closed"))
    {
        finding.category = Syntax;
    }
    true
}

/// The full format of Ruff: the code and the message stand above the place.
fn ruff_full(finding: &mut Finding, log: &Log) -> bool {
    let above = log.line(finding.at.saturating_sub(1)).to_owned();
    let (code, message) = above.split_once(": ").or_else(|| above.split_once(' ')).unwrap_or(("", &above));
    if code == "unformatted" || above.starts_with("unformatted") {
        finding.category = Format;
        finding.tool = "ruff format";
        finding.said.message = above.clone();
        return true;
    }
    let name = code.trim_end_matches(':');
    let shaped = name.starts_with(|c: char| c.is_ascii_uppercase())
        && name.ends_with(|c: char| c.is_ascii_digit())
        && !name.contains(' ');
    if !shaped && !matches!(name, "invalid-syntax" | "SyntaxError") {
        let ty = above.strip_prefix("error[").and_then(|rest| rest.split_once("]: "));
        let Some((code, message)) = ty else { return false };
        finding.tool = "ty";
        finding.category = if code.contains("import") {
            Import
        } else if code.contains("syntax") {
            Syntax
        } else {
            Type
        };
        finding.said.code = Some(code.to_owned());
        finding.said.message = message.to_owned();
        return true;
    }
    finding.said.code = Some(name.to_owned());
    finding.said.message = message.trim_start_matches("[*] ").to_owned();
    finding.at = finding.at.saturating_sub(1);
    if !shaped || name == "E999" {
        finding.category = Syntax;
    }
    true
}

/// The grouped format of Ruff: the file stands above.
fn grouped(finding: &mut Finding, log: &Log) -> bool {
    let file = log
        .before(finding.at, 1000)
        .find(|(_, line)| line.ends_with(':') && !line.starts_with(' '))
        .map(|(_, line)| line.trim_end_matches(':').to_owned());
    finding.said.file = file.filter(|file| file.contains('.'));
    finding.said.file.is_some()
}

fn ruff_syntax(finding: &mut Finding, _: &Log) -> bool {
    finding.said.code = Some("E999".to_owned());
    true
}

fn flake(finding: &mut Finding, log: &Log) -> bool {
    let code = finding.said.code.as_deref().unwrap_or_default();
    if matches!(code, "E999" | "E902") {
        finding.category = Syntax;
    }
    let said = log.line(finding.at);
    let ruffish = said.contains(" [*] ")
        || log.after(finding.at, 3).any(|(_, line)| line.starts_with("  |") || line.starts_with("Found "));
    let flake = code.starts_with('E')
        || code.starts_with('W')
        || code.starts_with('F')
        || code.starts_with('C')
        || code.starts_with('B');
    if flake && !ruffish {
        finding.tool = "flake8";
    }
    true
}

fn pylint(finding: &mut Finding, _: &Log) -> bool {
    let code = finding.said.code.as_deref().unwrap_or_default();
    finding.category = match code {
        "E0001" => Syntax,
        "E0401" | "E0402" => Import,
        _ => Lint,
    };
    true
}

fn pydocstyle(finding: &mut Finding, log: &Log) -> bool {
    let below = log.line(finding.at + 1).trim().to_owned();
    let Some((code, message)) = below.split_once(": ").filter(|(code, _)| code.starts_with('D') && code.len() == 4)
    else {
        return false;
    };
    finding.said.code = Some(code.to_owned());
    finding.said.message = message.to_owned();
    true
}

/// What a traceback says: its frames (the last first), its last line, and where it ends.
struct Trace {
    frames: Vec<(String, u32)>,
    error: Option<String>,
    end: usize,
}

fn trace(log: &Log, from: usize, most: usize) -> Trace {
    let mut trace = Trace { frames: Vec::new(), error: None, end: from };
    let margin = log.line(from).len() - log.line(from).trim_start().len();
    for (at, line) in log.after(from + 1, most) {
        let text = line.trim();
        if let Some(frame) = python_frame(text.trim_start_matches("| ")) {
            trace.frames.push(frame);
        } else if !text.is_empty()
            && line.len() - line.trim_start().len() <= margin
            && exception(text).is_some()
            && !text.starts_with("Traceback")
        {
            trace.error = Some(text.to_owned());
            trace.end = at;
            break;
        }
    }
    trace.frames.reverse();
    trace
}

/// Fills in the place and the category of an exception.
fn raised(finding: &mut Finding, trace: Trace) {
    if let Some((name, message)) = trace.error.as_deref().and_then(exception) {
        finding.said.code = Some(name.to_owned());
        finding.category = of_exception(name).unwrap_or(finding.category);
        finding.said.message = if message.is_empty() { name.to_owned() } else { format!("{name}: {message}") };
    }
    let syntax = finding.category == Syntax;
    let frame = if syntax { trace.frames.into_iter().next() } else { place::own(trace.frames) };
    if let Some((file, line)) = frame.filter(|(file, _)| !file.starts_with('<')) {
        finding.said.file = Some(file);
        finding.said.line = Some(line);
    }
    finding.until = trace.end;
}

fn unittest(finding: &mut Finding, log: &Log) -> bool {
    let head = log.after(finding.at + 1, 4).find(|(_, line)| line.starts_with("Traceback"));
    let dashes = log.after(finding.at + 1, 3).any(|(_, line)| line.starts_with("-----"));
    if !dashes {
        return false;
    }
    let class = finding.said.message.rsplit('.').next().unwrap_or_default().to_owned();
    let name = finding.test.clone().unwrap_or_default();
    finding.test = Some(if class.is_empty() || class == name { name } else { format!("{class}.{name}") });
    if let Some((from, _)) = head {
        raised(finding, trace(log, from, 400));
    }
    if finding.said.message.contains("Failed to import test module")
        || finding.said.code.as_deref() == Some("ImportError")
    {
        let inner = log.after(finding.until + 1, 60).find(|(_, line)| line.starts_with("Traceback")).map(|(at, _)| at);
        if let Some(from) = inner {
            raised(finding, trace(log, from, 60));
            finding.test = None;
            if finding.said.file.as_deref().is_some_and(place::foreign) {
                (finding.said.file, finding.said.line) = (None, None);
            }
        }
    }
    true
}

/// An exception that ended a program. The last of a chain is the one that was not caught.
fn traceback(finding: &mut Finding, log: &Log) -> bool {
    if log.before(finding.at, 3).any(|(_, line)| line.starts_with("-----") || line.starts_with("E ")) {
        return false;
    }
    let trace = trace(log, finding.at, 400);
    if trace.error.is_none() && trace.frames.is_empty() {
        return false;
    }
    let next = log.after(trace.end + 1, 15).take_while(|(_, line)| !line.starts_with("Traceback"));
    let chained = next.into_iter().any(|(_, line)| {
        line.contains("During handling of the above exception")
            || line.contains("was the direct cause of the following")
    });
    let error = trace.error.clone().unwrap_or_default();
    raised(finding, trace);
    if finding.category == Category::Unknown {
        finding.category = runtime(&error);
    }
    !chained
}

/// The interpreter itself ended, most often in a native module: the frames stand below, the last first.
fn fatal(finding: &mut Finding, log: &Log) -> bool {
    let frames = log.after(finding.at + 1, 100).filter_map(|(_, line)| python_frame(line.trim())).collect();
    if let Some((file, line)) = place::own(frames).filter(|(file, _)| !place::foreign(file)) {
        (finding.said.file, finding.said.line) = (Some(file), Some(line));
    }
    if log.before(finding.at, 20_000).any(|(_, line)| line.contains("= test session starts =")) {
        finding.category = Test;
        finding.tool = "pytest";
    }
    true
}

/// The category of an exception outside of tests.
fn runtime(error: &str) -> Category {
    let name = error.split(':').next().unwrap_or(error).rsplit('.').next().unwrap_or(error);
    let has = |words: &[&str]| words.iter().any(|word| error.contains(word));
    if matches!(name, "JSONDecodeError" | "TOMLDecodeError" | "ParserError" | "ScannerError" | "TomlDecodeError") {
        Syntax
    } else if name.trim() == "KeyboardInterrupt" {
        Category::Cancelled
    } else if has(&["MemoryError", "No space left", "Too many open files", "Cannot allocate memory"]) {
        Category::Resource
    } else if name.contains("Timeout") || has(&["timed out"]) {
        if has(&["requests", "urllib", "http", "socket", "connect"]) { Network } else { Timeout }
    } else if has(&[
        "ConnectionError",
        "ConnectionRefused",
        "ConnectionReset",
        "gaierror",
        "URLError",
        "SSLError",
        "HTTPError",
        "MaxRetryError",
        "NewConnectionError",
    ]) {
        Network
    } else if has(&["DistributionNotFound", "VersionConflict", "PackageNotFoundError", "ResolutionImpossible"]) {
        Dependency
    } else if has(&[
        "ImproperlyConfigured",
        "KeyError: '",
        "environment variable",
        "FileNotFoundError",
        "PermissionError",
        "ConfigError",
        "ValidationError",
    ]) {
        Config
    } else if matches!(name, "TypeError" | "AttributeError" | "NameError") {
        Type
    } else if name == "AssertionError" {
        Test
    } else {
        Some(super::of_words(error)).filter(|category| *category != Config).unwrap_or(Category::Unknown)
    }
}

/// A syntax error without a traceback: `File "x.py", line 3`, the code, a caret, the error.
fn lone_syntax(finding: &mut Finding, log: &Log) -> bool {
    if log
        .before(finding.at, 200)
        .take_while(|(_, l)| l.starts_with("  ") || l.starts_with("Traceback"))
        .any(|(_, l)| l.starts_with("Traceback"))
    {
        return false;
    }
    let error = log.after(finding.at + 1, 5).find(|(_, line)| line.trim_start_matches("E ").trim().contains("Error: "));
    let Some((at, line)) = error else { return false };
    let Some((name, message)) = exception(line.trim()) else { return false };
    let Some(category) = of_exception(name).filter(|c| *c == Syntax) else { return false };
    finding.category = category;
    finding.said.code = Some(name.to_owned());
    finding.said.message = format!("{name}: {message}");
    finding.until = at;
    true
}

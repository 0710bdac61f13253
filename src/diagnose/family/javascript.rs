//! Checkers of JavaScript and TypeScript, and Node's own errors.

use super::super::{
    finding::{Finding, Level},
    log::Log,
    place,
    rule::{Rule, rule},
};
use crate::domain::diagnosis::Category::{self, Config, Format, Import, Lint, Network, Syntax, Type, Unknown};

pub(super) const RULES: &[Rule] = &[
    rule("tsc", Type, "error TS", r"^(?:\d+>)?\s*(?:ERROR in )?(?P<file>[^\s(:][^(:]*)\((?P<line>\d+),(?P<column>\d+)\): error (?P<code>TS\d+): (?P<message>.+)").then(tsc),
    rule("tsc", Type, "error TS", r"^\s*(?:Error: |ERROR in )?(?P<file>[^\s:][^:]*):(?P<line>\d+):(?P<column>\d+) - error (?P<code>TS\d+): (?P<message>.+)").then(tsc),
    rule("tsc", Type, "error TS", r"^error (?P<code>TS\d+): (?P<message>.+)").then(tsc),
    rule("tsc", Type, "TS", r"^\s*(?P<code>TS\d{4,5}): (?P<message>.+)").then(tsc_below),
    rule("eslint", Lint, " error ", r"^\s*(?P<line>\d+):(?P<column>\d+)\s+(?:✖\s+)?error\s+(?P<message>.+?)(?:\s{2,}(?P<code>[@\w/-]+))?$").then(stylish),
    rule("eslint", Lint, " warning ", r"^\s*(?P<line>\d+):(?P<column>\d+)\s+(?:⚠\s+)?warning\s+(?P<message>.+?)(?:\s{2,}(?P<code>[@\w/-]+))?$").level(Level::Warning).then(stylish),
    rule("eslint", Lint, "[Error/", r"^(?P<file>[^\s:][^:]*):(?P<line>\d+):(?P<column>\d+): (?P<message>.+?) \[Error/(?P<code>[^\]]+)\]$").then(parsing),
    rule("eslint", Lint, "Error - ", r"^(?P<file>[^\s:][^:]*): line (?P<line>\d+), col (?P<column>\d+), Error - (?P<message>.+?)(?: \((?P<code>[@\w/-]+)\))?$").then(parsing),
    rule("eslint", Lint, " error  ", r"^(?P<file>/?[^\s:][^:]*):(?P<line>\d+):(?P<column>\d+)\s+error\s+(?P<message>.+?)(?:\s{2,}(?P<code>[@\w/-]+))?$").then(parsing),
    rule("eslint", Config, "No files matching the pattern", r#"^(?P<message>No files matching the pattern ".+" were found\.)"#),
    rule("eslint", Config, "formatter is no longer part of core ESLint", r"^(?P<message>The \S+ formatter is no longer part of core ESLint.*)"),
    rule("eslint", Config, "ESLint couldn't find", r"^(?:Oops! .*)?ESLint couldn't find .+"),
    rule("eslint", Config, "ESLint: ", r"^Error: (?:Cannot read config|Failed to load (?:config|plugin|parser)) .+"),
    rule("eslint", Config, "Failed to load ", r"^(?:Error: )?Failed to load (?:config|plugin|parser) .+"),
    rule("stylelint", Lint, "✖", r"^\s*(?P<line>\d+):(?P<column>\d+)\s+(?:✖|×)\s+(?P<message>.+?)(?:\s{2,}(?P<code>[@\w/-]+))?$").then(stylish),
    rule("biome", Lint, " lint/", r"^(?P<file>\S+?):(?P<line>\d+):(?P<column>\d+) (?P<code>lint/\S+).*").then(biome),
    rule("biome", Syntax, " parse ", r"^(?P<file>\S+?):(?P<line>\d+):(?P<column>\d+) parse .*").then(biome),
    rule("biome", Lint, " assist/", r"^(?P<file>\S+?)(?::(?P<line>\d+):(?P<column>\d+))? (?P<code>assist/\S+).*").then(biome),
    rule("biome", Format, " format ", r"^(?P<file>\S+?\.\w+) format [━─].*").then(biome),
    rule("biome", Format, " organizeImports ", r"^(?P<file>\S+?\.\w+) organizeImports [━─].*").then(biome),
    rule("prettier", Format, "[warn] ", r"^\[warn\] (?P<file>\S.*\.\w+|[^\s]*[/.][^\s]*)$").then(prettier),
    rule("prettier", Syntax, "[error] ", r"^\[error\] (?P<file>\S+?): SyntaxError: (?P<message>.+?)(?: \((?P<line>\d+):(?P<column>\d+)\))?$"),
    rule("prettier", Config, "[error] ", r"^\[error\] (?:No files matching|Invalid configuration|Cannot find) .+"),
    rule("prettier", Format, "Code style issues found", r"^(?:\[\w+\] )?(?P<message>Code style issues found in .+)").level(Level::Guess),
    rule("node", Unknown, "Error", r"^(?:\S+\s)?(?:Uncaught )?(?P<code>(?:[A-Z]\w*)?Error(?: \[\w+\])?): (?P<message>.+)").level(Level::Symptom).then(node),
    rule("node", Unknown, "Error", r"^(?:Uncaught )?(?P<code>[A-Z]\w*(?:Error|Exception)):?$").level(Level::Symptom).then(below),
    rule("node", Unknown, "[UnhandledPromiseRejection", r"^\[UnhandledPromiseRejection: (?P<message>.+)").level(Level::Symptom),
    rule("svelte-check", Type, "Error: ", r"^Error: (?P<message>.+) \((?:ts|js|svelte)\)$").then(above),
    rule("vue-tsc", Type, "error", r"^(?P<file>\S+\.vue):(?P<line>\d+):(?P<column>\d+) - error (?P<code>TS\d+): (?P<message>.+)").then(tsc),
];

/// The category of a TypeScript code.
pub(super) fn of_code(code: &str) -> Category {
    let number: u32 = code.trim_start_matches("TS").parse().unwrap_or(0);
    match number {
        2307 | 2305 | 2306 | 2614 | 2792 | 7016 | 2732 | 6059 | 6133 | 6307 | 1192 | 2691 | 2688 | 2834 | 2835
        | 1259 | 2497
            if number != 6133 =>
        {
            Import
        }
        1000..=1199 | 1308 | 1351 | 1378 | 1434 | 1435 | 1436 | 17002 | 17008 | 17014 => Syntax,
        5000..=5999 | 6000..=6099 | 6305 | 6306 | 18002 | 18003 => Config,
        _ => Type,
    }
}

fn tsc(finding: &mut Finding, _: &Log) -> bool {
    finding.category = of_code(finding.said.code.as_deref().unwrap_or_default());
    true
}

/// fork-ts-checker: the place stands in the line above.
fn tsc_below(finding: &mut Finding, log: &Log) -> bool {
    tsc(finding, log);
    above(finding, log)
}

fn above(finding: &mut Finding, log: &Log) -> bool {
    let found = log.before(finding.at, 2).find_map(|(_, line)| place::find(line));
    let Some((file, line, column)) = found else { return false };
    (finding.said.file, finding.said.line, finding.said.column) = (Some(file), Some(line), column);
    true
}

/// ESLint and Stylelint print the file once, above its findings.
fn stylish(finding: &mut Finding, log: &Log) -> bool {
    let file = log.before(finding.at, 3000).find_map(|(_, line)| {
        let text = line.trim();
        let item = text.starts_with(|c: char| c.is_ascii_digit())
            && text.split_once(':').is_some_and(|(n, _)| n.bytes().all(|b| b.is_ascii_digit()));
        let shaped = !item && text.contains('.') && !text.contains("  ") && !text.ends_with(['.', ':']);
        (shaped && !line.starts_with("   ")).then(|| text.to_owned())
    });
    if finding.said.code.is_none()
        && file.as_deref().is_some_and(|file| file.ends_with(".yaml") || file.ends_with(".yml"))
    {
        return false;
    }
    finding.said.file = file.map(|file| file.strip_prefix("./").unwrap_or(&file).to_owned());
    if log.line(finding.at).contains('✖') || finding.said.file.as_deref().is_some_and(|file| file.ends_with("css")) {
        finding.tool = "stylelint";
        if finding.said.code.as_deref() == Some("CssSyntaxError") {
            finding.category = Syntax;
        }
    } else if finding.said.code.as_deref().is_some_and(|code| code == "markdown" || code.starts_with("remark")) {
        finding.tool = "remark";
    }
    parsing(finding, log)
}

fn parsing(finding: &mut Finding, _: &Log) -> bool {
    if finding.said.message.starts_with("Parsing error:") {
        finding.category =
            if finding.said.message.contains("tsconfig") || finding.said.message.contains("parserOptions") {
                Config
            } else {
                Syntax
            };
    } else if finding.said.code.as_deref() == Some("prettier/prettier") && finding.level >= Level::Finding {
        finding.category = Lint;
    }
    finding.said.file.is_some()
}

fn biome(finding: &mut Finding, log: &Log) -> bool {
    for (at, line) in log.after(finding.at + 1, 6) {
        let text = line.trim_start();
        if let Some(message) = text.strip_prefix(['×', '✖', '✕', '!']) {
            finding.said.message = message.trim().to_owned();
            finding.until = at;
            if text.starts_with('!') {
                finding.level = Level::Warning;
            }
            finding.said.code =
                finding.said.code.take().or_else(|| Some("parse".to_owned()).filter(|_| finding.category == Syntax));
            return true;
        }
        if text.starts_with('i') || text.starts_with('ℹ') {
            finding.level = Level::Warning;
        }
    }
    true
}

/// The files that Prettier names, each with what it says of them all.
fn prettier(finding: &mut Finding, log: &Log) -> bool {
    let file = finding.said.file.clone().unwrap_or_default();
    if file.starts_with("Code style") || file.contains("Ignored") || file.contains("jsonc") && file.contains(' ') {
        return false;
    }
    let verdict = log.after(finding.at + 1, 2000).find(|(_, line)| line.contains("Code style issues"));
    let Some((at, line)) = verdict else { return false };
    finding.until = at;
    line.trim_start_matches("[warn] ").trim_start_matches("[error] ").trim().clone_into(&mut finding.said.message);
    true
}

/// An error that ended Node: the place above it (`file:line`, code, caret) or the first frame of the project's own.
fn node(finding: &mut Finding, log: &Log) -> bool {
    let code = finding.said.code.clone().unwrap_or_default();
    let mut frames: Vec<(String, (u32, Option<u32>))> = Vec::new();
    let mut many = 0;
    for (at, line) in log.after(finding.at + 1, 40) {
        let text = line.trim();
        if let Some(file) = text.strip_prefix("- ").filter(|file| file.starts_with('/') && finding.said.file.is_none())
        {
            finding.said.file = Some(file.to_owned());
        }
        if let Some((_, name)) = text.split_once("code: '") {
            finding.said.code = Some(name.trim_end_matches(['\'', ',', ' ', '}']).to_owned());
        }
        if text.starts_with("at ") || text.starts_with("file:") {
            many += 1;
            finding.until = at;
            frames.extend(place::find(text).map(|(file, line, column)| (file, (line, column))));
        } else if many > 0 && !text.is_empty() {
            break;
        }
    }
    let caret = log.before(finding.at, 6).find(|(_, line)| line.trim_start().starts_with('^')).map(|(at, _)| at);
    let head = caret.and_then(|caret| {
        log.before(caret, 3)
            .find_map(|(_, line)| place::find(line).filter(|p| line.starts_with(&p.0) || line.starts_with("file:")))
    });
    if many == 0 && head.is_none() {
        return false;
    }
    let head = head
        .filter(|(file, ..)| !place::foreign(file) || code.starts_with("SyntaxError"))
        .map(|(file, line, column)| (file, (line, column)));
    if let Some((file, (line, column))) = head.or_else(|| place::own(frames).filter(|(file, _)| !place::foreign(file)))
    {
        (finding.said.file, finding.said.line, finding.said.column) = (Some(file), Some(line), column);
    }
    let message = finding.said.message.clone();
    let has = |words: &[&str]| words.iter().any(|word| message.contains(word) || code.contains(word));
    finding.category = if has(&[
        "Cannot find module",
        "Cannot find package",
        "ERR_MODULE_NOT_FOUND",
        "does not provide an export",
        "ERR_PACKAGE_PATH",
        "ERR_REQUIRE_ESM",
        "require() of ES Module",
        "Cannot use import statement outside a module",
    ]) {
        if let Some((_, from)) = message.split_once("imported from ") {
            finding.said.file = Some(from.trim().to_owned());
            finding.said.line = None;
        }
        Import
    } else if code.starts_with("SyntaxError") {
        Syntax
    } else if has(&[
        "ECONNREFUSED",
        "ENOTFOUND",
        "ECONNRESET",
        "ETIMEDOUT",
        "EAI_AGAIN",
        "fetch failed",
        "socket hang up",
    ]) {
        Network
    } else if has(&["ENOSPC"]) {
        Category::Resource
    } else if has(&["ENOENT", "EACCES", "environment variable", "is not set", "is not defined in env"]) {
        Config
    } else if has(&["AssertionError"]) {
        Category::Test
    } else if has(&["TypeError", "ReferenceError"]) {
        Type
    } else {
        finding.level = Level::Guess;
        super::of_words(&message)
    };
    if let Some((_, name)) = code.split_once(" [").filter(|_| finding.said.code.as_deref() == Some(code.as_str())) {
        finding.said.code = Some(name.trim_end_matches(']').to_owned());
    }
    true
}

/// An error whose message begins on the lines below its name, above the stack.
fn below(finding: &mut Finding, log: &Log) -> bool {
    let Some((stack, _)) = log.after(finding.at + 1, 60).find(|(_, line)| line.starts_with("    at ")) else {
        return false;
    };
    let last = log.before(stack, 60).take_while(|(at, _)| *at > finding.at).find(|(_, line)| !line.trim().is_empty());
    let Some((_, message)) = last else { return false };
    message.trim().clone_into(&mut finding.said.message);
    let frames = log.after(stack, 40).take_while(|(_, line)| line.starts_with("    at "));
    let own = frames.filter_map(|(_, line)| place::find(line)).find(|(file, ..)| !place::foreign(file));
    if let Some((file, line, column)) = own {
        (finding.said.file, finding.said.line, finding.said.column) = (Some(file), Some(line), column);
    }
    finding.until = stack;
    finding.category = super::of_words(message);
    true
}

//! Ruby: RSpec, Minitest, RuboCop, Bundler, Rake, Rails, the interpreter; Elixir's ExUnit and Credo stand here too.

use super::super::{
    finding::{Finding, Level},
    log::Log,
    place,
    rule::{Rule, rule},
};
use crate::domain::diagnosis::Category::{
    Build, Config, Coverage, Dependency, Import, Lint, Network, Security, Syntax, Test, Type, Unknown,
};

pub(super) const RULES: &[Rule] = &[
    rule("rspec", Test, "Failure/Error: ", r"^\s*(?P<message>Failure/Error: .+)").then(rspec),
    rule("rspec", Import, "An error occurred while loading ", r"^An error occurred while loading (?P<file>\S+?)\.?(?: - .*)?$").then(loading),
    rule("minitest", Test, "Failure:", r"^\s*(?:\d+\) )?Failure:$").then(minitest),
    rule("minitest", Test, "Error:", r"^\s*(?:\d+\) )?Error:$").then(minitest),
    rule("test-unit", Test, "Failure: ", r"^Failure: (?P<test>\S+\(.+\))(?:: (?P<message>.+))?").then(test_unit),
    rule("rubocop", Lint, ": ", r"^(?P<file>\S+?):(?P<line>\d+):(?P<column>\d+): [CWEFIR]: (?:\[Correctable\] )?(?P<code>[A-Z]\w*/[\w/]+): (?:\[Correctable\] )?(?P<message>.+)").then(rubocop),
    rule("rubocop", Lint, ".rb:", r"^(?P<file>\S+\.\w+):(?P<line>\d+):(?P<column>\d+): (?P<code>[A-Z]\w*/[\w/]+): (?P<message>.+)").then(rubocop),
    rule("bundler", Dependency, "Could not find gem", r"^\s*(?P<message>Could not find gem .+)"),
    rule("bundler", Dependency, "Bundler could not find compatible versions", r"^(?P<message>Bundler could not find compatible versions .+)"),
    rule("bundler", Dependency, "Could not find compatible versions", r"^(?P<message>Could not find compatible versions.*)").then(because),
    rule("bundler", Dependency, "in locally installed gems", r"^(?:bundler: failed to load command: .+|.*?)(?P<message>Could not find .+ in (?:any of the sources|locally installed gems).*)"),
    rule("bundler", Dependency, "in any of the sources", r"^(?P<message>Could not find .+ in any of the sources.*)"),
    rule("bundler", Dependency, "Your bundle is locked to", r"^(?P<message>(?:.+ )?[Yy]our bundle (?:is locked|only supports).+)"),
    rule("bundler", Dependency, "frozen", r"^(?P<message>(?:You are trying to install in deployment mode|The (?:gemspecs|dependencies|list of sources) .+ (?:Gemfile|lockfile) .*(?:frozen|changed)|Bundler is unlocking|The lockfile does not have|Your lockfile .+|.+ because .*frozen mode).*)"),
    rule("bundler", Dependency, "Your Ruby version is", r"^Your Ruby version is .+, but your Gemfile specified .+"),
    rule("bundler", Build, "Gem::Ext::BuildError", r"^\s*(?P<message>Gem::Ext::BuildError: .+)"),
    rule("bundler", Network, "Could not fetch specs", r"^(?P<message>Could not fetch specs .+)").level(Level::Symptom),
    rule("bundler", Network, "Could not reach host", r"^(?P<message>Could not reach host .+)").level(Level::Symptom),
    rule("ruby", Syntax, "syntax error", r"^(?:\S+: )?(?P<file>[^\s:]+\.\w+):(?P<line>\d+): (?:.*: )?(?P<message>syntax errors?[ ,].+)").then(ruby_syntax),
    rule("ruby", Import, "cannot load such file", r"^(?:(?P<file>[^\s:]+):(?P<line>\d+):in .+?: )?(?P<message>.*cannot load such file -- .+?)(?: \((?P<code>LoadError)\))?$").level(Level::Symptom).then(raised),
    rule("ruby", Unknown, "Error)", r"^(?P<file>[^\s:]+):(?P<line>\d+):in .+?: (?P<message>.+) \((?P<code>[\w:]*Error)\)$").level(Level::Symptom).then(raised),
    rule("rake", Config, "No Rakefile found", r"^(?P<message>No Rakefile found.*)"),
    rule("rake", Build, "rake aborted!", r"^rake aborted!").level(Level::Symptom).then(aborted),
    rule("simplecov", Coverage, "is below the expected minimum coverage", r"^(?P<message>(?:Line|Branch|Method)?\s*[cC]overage .+ is below the expected minimum .+)").level(Level::Symptom),
    rule("brakeman", Security, "Confidence: ", r"^Confidence: (?P<message>\w+)$").then(brakeman),
    rule("bundler-audit", Security, "Advisory: ", r"^(?:Advisory|CVE): (?P<code>\S+)$").then(audit),
    rule("exunit", Test, ") test ", r"^\s+\d+\) test (?P<test>.+) \((?P<message>.+)\)$").then(exunit),
    rule("elixir", Type, "** (", r"^\*\* \((?P<code>CompileError|SyntaxError|TokenMissingError|UndefinedFunctionError)\) (?P<file>[^\s:]+):(?P<line>\d+)(?::(?P<column>\d+))?: (?P<message>.+)").then(elixir),
    rule("credo", Lint, "┃ ", r"^\s*┃ +(?P<file>\S+\.exs?):(?P<line>\d+)(?::(?P<column>\d+))? #.*").then(credo),
];

/// The example's name stands above, its place below: the last frame of the project's own, which is the spec's.
fn rspec(finding: &mut Finding, log: &Log) -> bool {
    let head = log.before(finding.at, 4).find_map(|(_, line)| {
        let (number, name) = line.trim().split_once(") ")?;
        number.bytes().all(|b| b.is_ascii_digit() || b == b'.').then(|| name.to_owned())
    });
    if head.is_none() && log.before(finding.at, 6).any(|(_, line)| line.starts_with("An error occurred while loading"))
    {
        return false;
    }
    finding.test = head;
    if finding.said.message.trim() == "Failure/Error:" {
        let text = log.line(finding.at + 1).trim().to_owned();
        finding.said.message = format!("Failure/Error: {text}");
    }
    let mut spec = None;
    for (at, line) in log.after(finding.at + 1, 250) {
        let text = line.trim();
        if let Some(frame) = text.strip_prefix("# ") {
            if frame.contains("--- Caused by") {
                break;
            }
            let Some((file, number, _)) = place::find(frame).filter(|(file, ..)| !place::foreign(file)) else {
                continue;
            };
            let better = spec
                .as_ref()
                .is_none_or(|(old, _): &(String, u32)| !old.ends_with("_spec.rb") && file.ends_with("_spec.rb"));
            if better {
                spec = Some((file.trim_start_matches("./").to_owned(), number));
                finding.until = at;
            }
        } else if text.split_once(") ").is_some_and(|(n, _)| !n.is_empty() && n.bytes().all(|b| b.is_ascii_digit()))
            || text.starts_with("Finished in")
        {
            break;
        }
    }
    if let Some((file, line)) = spec {
        (finding.said.file, finding.said.line) = (Some(file), Some(line));
    }
    true
}

fn loading(finding: &mut Finding, log: &Log) -> bool {
    let said = log
        .after(finding.at + 1, 30)
        .filter(|(_, line)| line.contains("Error:") && !line.starts_with('#') && !line.contains("Failure/Error"));
    let said = said.map(|(at, line)| (at, line.trim().to_owned())).next();
    let below = said.as_ref().map(|(at, text)| (text.ends_with("Error:"), log.line(at + 1).trim().to_owned()));
    if let Some((at, text)) = said {
        finding.until = at;
        finding.said.code = text.split(':').next().map(str::to_owned);
        finding.said.message = match below {
            Some((true, more)) => format!("{text} {more}"),
            _ => text.clone(),
        };
        if text.contains("SyntaxError") {
            finding.category = Syntax;
        } else if !text.contains("LoadError") && !text.contains("NameError") {
            finding.category = Test;
        }
    }
    let file = finding.said.file.take().unwrap_or_default();
    finding.said.file = Some(file.trim_start_matches("./").to_owned());
    let frame = log
        .after(finding.at + 1, 30)
        .find_map(|(_, l)| l.trim().strip_prefix("# ").and_then(place::find).filter(|(f, ..)| !place::foreign(f)));
    if let Some((file, line, _)) = frame {
        (finding.said.file, finding.said.line) = (Some(file.trim_start_matches("./").to_owned()), Some(line));
    }
    true
}

/// Minitest: `Class#test [file:line]:` below, then the message.
fn minitest(finding: &mut Finding, log: &Log) -> bool {
    let head =
        log.after(finding.at + 1, 2).find(|(_, line)| line.contains('#')).map(|(at, line)| (at, line.to_owned()));
    let Some((at, head)) = head else { return false };
    let name = head.trim().split([' ', ':']).next().unwrap_or_default().to_owned();
    if !name.contains('#') {
        return false;
    }
    finding.test = Some(name);
    let text = log.after(at + 1, 3).find(|(_, line)| !line.trim().is_empty()).map(|(_, line)| line.trim().to_owned());
    finding.said.message = text.unwrap_or_default();
    let place =
        head.split_once('[').and_then(|(_, place)| place::find(place)).filter(|(file, ..)| !place::foreign(file));
    let frame = || {
        log.after(at + 1, 20).find_map(|(_, line)| {
            line.starts_with("    ").then(|| place::find(line)).flatten().filter(|(f, ..)| !place::foreign(f))
        })
    };
    if let Some((file, line, _)) = place.or_else(frame) {
        (finding.said.file, finding.said.line) = (Some(file), Some(line));
    }
    true
}

fn test_unit(finding: &mut Finding, log: &Log) -> bool {
    let frame = log.after(finding.at + 1, 12).find_map(|(_, line)| place::find(line));
    if let Some((file, line, _)) = frame {
        (finding.said.file, finding.said.line) = (Some(file), Some(line));
    }
    true
}

fn rubocop(finding: &mut Finding, _: &Log) -> bool {
    if finding.said.code.as_deref() == Some("Lint/Syntax") {
        finding.category = Syntax;
    }
    true
}

fn because(finding: &mut Finding, log: &Log) -> bool {
    let why = log
        .after(finding.at + 1, 3)
        .find_map(|(_, line)| line.trim().starts_with("Because").then(|| line.trim().to_owned()));
    if let Some(why) = why {
        finding.said.message = why;
    }
    true
}

fn ruby_syntax(finding: &mut Finding, log: &Log) -> bool {
    !log.line(finding.at).contains(".sh:")
        && finding.said.file.as_deref().is_none_or(|file| !file.ends_with(".go") && !file.ends_with(".php"))
}

fn raised(finding: &mut Finding, log: &Log) -> bool {
    let code = finding.said.code.clone().unwrap_or_default();
    if finding.said.message.contains("cannot load such file") {
        finding.category = Import;
    } else if code.contains("SyntaxError") {
        finding.category = Syntax;
    } else if code.contains("Bundler::") || code.contains("Gem::") {
        finding.category = Dependency;
    } else if code.contains("NoMethodError")
        || code.contains("NameError")
        || code.contains("TypeError")
        || code.contains("ArgumentError")
    {
        finding.category = Type;
    } else if code.contains("KeyError") {
        finding.category = Config;
    }
    if finding.said.file.as_deref().is_none_or(place::foreign) {
        let own = log
            .after(finding.at + 1, 60)
            .filter(|(_, line)| line.trim_start().starts_with("from "))
            .find_map(|(_, line)| place::find(line).filter(|(f, ..)| !place::foreign(f)));
        if let Some((file, line, _)) = own {
            (finding.said.file, finding.said.line) = (Some(file), Some(line));
        }
    }
    true
}

fn aborted(finding: &mut Finding, log: &Log) -> bool {
    let below = log.line(finding.at + 1).to_owned();
    finding.said.message = below.trim().to_owned();
    if below.contains("LoadError") || below.contains("cannot load such file") {
        finding.category = Import;
    } else if below.contains("Don't know how to build task") || below.contains("KeyError") {
        finding.category = Config;
    } else if below.starts_with("Command failed with status") {
        finding.level = Level::Consequence;
    }
    true
}

fn brakeman(finding: &mut Finding, log: &Log) -> bool {
    let field = |name: &str| {
        log.after(finding.at + 1, 8).find_map(|(_, line)| line.strip_prefix(name).map(|text| text.trim().to_owned()))
    };
    let (message, file, line, code) = (field("Message:"), field("File:"), field("Line:"), field("Check:"));
    finding.said.file = file;
    finding.said.line = line.and_then(|line| line.parse().ok());
    finding.said.code = code;
    finding.said.message = message.unwrap_or_default();
    finding.said.file.is_some()
}

fn audit(finding: &mut Finding, log: &Log) -> bool {
    let field = |name: &str| {
        log.after(finding.at + 1, 8).find_map(|(_, line)| line.strip_prefix(name).map(|text| text.trim().to_owned()))
    };
    let Some(title) = field("Title:") else { return false };
    finding.said.message = title;
    true
}

fn exunit(finding: &mut Finding, log: &Log) -> bool {
    let place = place::find(log.line(finding.at + 1).trim());
    let Some((file, line, _)) = place else { return false };
    (finding.said.file, finding.said.line) = (Some(file), Some(line));
    finding.said.message = log.line(finding.at + 2).trim().to_owned();
    true
}

fn elixir(finding: &mut Finding, _: &Log) -> bool {
    let code = finding.said.code.as_deref().unwrap_or_default();
    if code == "SyntaxError" || code == "TokenMissingError" {
        finding.category = Syntax;
    }
    true
}

fn credo(finding: &mut Finding, log: &Log) -> bool {
    let above = log.line(finding.at.saturating_sub(1)).trim().trim_start_matches('┃').trim().to_owned();
    if let Some((_, message)) = above.split_once("] ") {
        finding.said.message = message.trim_start_matches(|c: char| !c.is_alphabetic()).to_owned();
    }
    true
}

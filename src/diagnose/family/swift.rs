//! Swift, Xcode, Dart and Flutter, Zig, Haskell, Solidity.

use super::super::{
    finding::{Finding, Level},
    log::Log,
    place,
    rule::{Rule, rule},
};
use crate::domain::diagnosis::Category::{self, Build, Config, Dependency, Format, Import, Lint, Syntax, Test, Type};

pub(super) const RULES: &[Rule] = &[
    rule("xctest", Test, ": error: -[", r"^(?P<file>[^:]+):(?P<line>\d+): error: -\[(?P<test>[^\]]+)\] : (?P<message>.+)"),
    rule("xctest", Test, ": error: ", r"^(?P<file>[^:]+\.swift):(?P<line>\d+): error: (?P<test>\w+\.\w+) : (?P<message>.+)"),
    rule("swiftlint", Lint, ".swift:", r"^(?P<file>[^:]+\.swift):(?P<line>\d+)(?::(?P<column>\d+))?: (?:error|warning): (?P<message>.+) \((?P<code>[a-z_]+)\)$"),
    rule("swift-format", Format, ".swift:", r"^(?P<file>[^:]+\.swift):(?P<line>\d+):(?P<column>\d+): (?:error|warning): \[(?P<code>\w+)\] (?P<message>.+)$"),
    rule("swiftc", Type, ".swift:", r"^(?P<file>[^:]+\.swift):(?P<line>\d+):(?P<column>\d+): (?:fatal )?error: (?P<message>.+)").then(swift),
    rule("swiftpm", Dependency, "Could not resolve package dependencies", r"^(?:xcodebuild: )?error: (?P<message>Could not resolve package dependencies:?.*)").then(packages),
    rule("xcodebuild", Config, "xcodebuild: error: ", r"^xcodebuild: error: (?P<message>.+)"),
    rule("xcodebuild", Build, "** BUILD FAILED **", r"^\*\* (?:BUILD|TEST|ARCHIVE) FAILED \*\*").level(Level::Consequence),
    rule("xcodebuild", Build, ".xcodeproj: error: ", r"^(?P<file>/?\S.*?\.xcodeproj): error: (?P<message>.+?)(?: \(in target .+\))?$").then(xcode),
    rule("xcodebuild", Config, "error: No profiles for", r"error: (?P<message>No profiles for .+)"),
    rule("xcodebuild", Config, "requires a development team", r"(?:error: )?(?P<message>Signing for .+ requires a development team.*)"),
    rule("swiftpm", Dependency, "error: ", r"^error: (?P<message>(?:Dependencies could not be resolved|no such module|Failed to clone repository|package '.+' (?:is|depends)|failed to resolve).*)").then(swift_module),
    rule("cocoapods", Dependency, "[!] ", r"^\[!\] (?P<message>(?:CocoaPods could not find|Unable to find a specification|The sandbox is not in sync|Unable to satisfy).*)"),
    rule("dart", Type, " • ", r"^\s*error (?:•|-) (?P<message>.+?) (?:•|-) (?P<file>\S+\.dart):(?P<line>\d+):(?P<column>\d+) (?:•|-) (?P<code>\w+)").then(dart),
    rule("dart", Lint, " • ", r"^\s*(?:warning|info) (?:•|-) (?P<message>.+?) (?:•|-) (?P<file>\S+\.dart):(?P<line>\d+):(?P<column>\d+) (?:•|-) (?P<code>\w+)").level(Level::Warning),
    rule("dart", Type, " - ", r"^\s*error - (?P<file>\S+\.dart):(?P<line>\d+):(?P<column>\d+) - (?P<message>.+?) - (?P<code>\w+)$").then(dart),
    rule("dart", Lint, " - ", r"^\s*(?:warning|info) - (?P<file>\S+\.dart):(?P<line>\d+):(?P<column>\d+) - (?P<message>.+?) - (?P<code>\w+)$").level(Level::Warning),
    rule("dart", Type, ".dart:", r"^(?P<file>\S+\.dart):(?P<line>\d+):(?P<column>\d+): Error: (?P<message>.+)").then(dart),
    rule("dart test", Test, " [E]", r"^\d\d:\d\d \+\d+(?: ~\d+)?(?: -\d+)?: (?:(?:loading )?(?P<file>\S+\.dart): )?(?P<test>.+) \[E\]$").then(dart_test),
    rule("dart format", Format, "Changed ", r"^Changed (?P<file>\S+\.dart)\.?$"),
    rule("zig", Type, ".zig:", r"^(?P<file>\S+\.zig):(?P<line>\d+):(?P<column>\d+): error: (?P<message>.+)").then(swift),
    rule("ghc", Type, ": error:", r"^(?P<file>\S+\.l?hs):(?P<line>\d+):(?P<column>\d+): error:(?: \[(?P<code>GHC-\d+)\])?(?P<message>.*)$").then(ghc),
    rule("solc", Build, "Error (", r"^Error \((?P<code>\d+)\): (?P<message>.+)").then(solc),
    rule("forge", Test, "[FAIL", r"^\[FAIL[.:]\s*(?:Reason: )?(?P<message>[^\]]*)\](?: Counterexample: .+?)? (?P<test>\w+)\(.*").then(forge),
    rule("forge", Format, "Diff in ", r"^Diff in (?P<file>\S+\.sol):"),
    rule("solhint", Lint, "error  ", r"^\s+(?P<line>\d+):(?P<column>\d+)\s+error\s+(?P<message>.+?)\s{2,}(?P<code>[\w-]+)$").level(Level::Symptom),
    rule("hardhat", Test, "Error HH", r"^Error (?P<code>HH\d+): (?P<message>.+)"),
];

fn xcode(finding: &mut Finding, _: &Log) -> bool {
    let said = &finding.said.message;
    if ["certificate", "profile", "Signing", "signing", "development team", "account"].iter().any(|w| said.contains(w))
    {
        finding.category = Config;
    }
    true
}

fn swift(finding: &mut Finding, _: &Log) -> bool {
    let said = &finding.said.message;
    if said.contains("no such module") || said.contains("unable to find") {
        finding.category = Import;
    } else if said.starts_with("expected ")
        || said.contains("consecutive statements")
        || said.contains("unterminated")
        || said.contains("extraneous '}'")
    {
        finding.category = Syntax;
    }
    true
}

fn swift_module(finding: &mut Finding, _: &Log) -> bool {
    if finding.said.message.starts_with("no such module") {
        finding.category = Import;
    }
    true
}

fn dart(finding: &mut Finding, _: &Log) -> bool {
    let said = &finding.said.message;
    if said.contains("Target of URI doesn't exist")
        || said.contains("Error when reading")
        || said.contains("Not found: 'package:")
    {
        finding.category = Import;
    } else if said.starts_with("Expected ") {
        finding.category = Syntax;
    }
    true
}

fn ghc(finding: &mut Finding, log: &Log) -> bool {
    if finding.said.message.is_empty() || finding.said.message.contains(": error:") {
        finding.said.message = log.line(finding.at + 1).trim().trim_start_matches("• ").to_owned();
    }
    if finding.said.message.contains("Could not find module") || finding.said.message.contains("Could not load module")
    {
        finding.category = Import;
    } else if finding.said.message.contains("parse error") {
        finding.category = Syntax;
    }
    true
}

fn solc(finding: &mut Finding, log: &Log) -> bool {
    let place = log
        .after(finding.at + 1, 4)
        .find_map(|(at, line)| line.trim().strip_prefix("--> ").and_then(place::find).map(|place| (at, place)));
    if let Some((at, (file, line, column))) = place {
        finding.until = at;
        (finding.said.file, finding.said.line, finding.said.column) = (Some(file), Some(line), column);
    }
    let said = &finding.said.message;
    finding.category = match finding.said.code.as_deref().unwrap_or_default() {
        "2314" | "6933" | "7858" | "8936" | "2073" | "9182" => Syntax,
        "6275" | "2904" => Import,
        "7407" | "9553" | "9574" | "6160" | "9582" | "7576" | "7920" => Type,
        _ if said.starts_with("Expected ") => Syntax,
        _ => Build,
    };
    true
}

/// `Ran 3 tests for test/A.t.sol:ATest` names the file.
fn forge(finding: &mut Finding, log: &Log) -> bool {
    let head = log.before(finding.at, 500).find_map(|(_, line)| {
        let (_, rest) = line.split_once(" for ").or_else(|| line.split_once("Encountered "))?;
        let (file, _) = rest.rsplit_once(':')?;
        (line.starts_with("Ran ") || line.starts_with("Running ") || line.contains("failing test"))
            .then(|| file.rsplit(' ').next().unwrap_or(file).to_owned())
    });
    finding.said.file = head;
    true
}

/// The failure of a Dart test stands below, that of a Flutter test in a box above.
fn dart_test(finding: &mut Finding, log: &Log) -> bool {
    let below = log.line(finding.at + 1).trim().to_owned();
    if below.starts_with("Test failed. See exception logs above") {
        let head =
            log.before(finding.at, 300).find(|(_, line)| line.contains("EXCEPTION CAUGHT BY ")).map(|(at, _)| at);
        let Some(head) = head else { return true };
        finding.at = head;
        let place = log.after(head, 200).find_map(|(_, line)| {
            let (file, number) = line.trim().strip_prefix("file://")?.split_once(" line ")?;
            Some((file.to_owned(), number.parse().ok()?))
        });
        let place = place.or_else(|| {
            let frames = log.after(head, 100).filter(|(_, line)| line.starts_with('#') && line.contains("file://"));
            frames.filter_map(|(_, line)| place::find(line)).map(|(file, line, _)| (file, line)).next()
        });
        if let Some((file, line)) = place {
            (finding.said.file, finding.said.line) = (Some(file), Some(line));
        }
        let said = log.line(head + 2).trim();
        let said = if said.is_empty() { log.line(head + 1).trim() } else { said };
        said.clone_into(&mut finding.said.message);
        return true;
    }
    below.clone_into(&mut finding.said.message);
    // a frame is `test/a_test.dart 9:5  main.<fn>`
    let frame = log.after(finding.at + 1, 60).take_while(|(_, line)| line.starts_with("  ")).find_map(|(_, line)| {
        let mut words = line.split_whitespace();
        let (file, place) = (words.next()?, words.next()?);
        let own = file.ends_with(".dart") && !file.starts_with("package:") && !file.starts_with("dart:");
        let (line, column) = place.split_once(':').filter(|_| own)?;
        Some((file.to_owned(), line.parse::<u32>().ok()?, column.parse::<u32>().ok()))
    });
    if let Some((file, line, column)) = frame {
        (finding.said.file, finding.said.line, finding.said.column) = (Some(file), Some(line), column);
    }
    true
}

/// Why a package is not there stands below.
fn packages(finding: &mut Finding, log: &Log) -> bool {
    let below = log.line(finding.at + 1);
    if below.starts_with(' ') {
        finding.said.message = format!("{} {}", finding.said.message, below.trim());
        finding.until = finding.at + 1;
    }
    if super::of_words(below) == Category::Network {
        finding.category = Category::Network;
    }
    true
}

//! .NET: the C#, F# and VB compilers, MSBuild, NuGet, `dotnet test`, `dotnet format`, analyzers.

use super::super::{
    finding::{Finding, Level},
    log::Log,
    place,
    rule::{Rule, rule},
};
use crate::domain::diagnosis::Category::{
    Build, Config, Dependency, Format, Import, Lint, Network, Security, Syntax, Test, Type,
};

pub(super) const RULES: &[Rule] = &[
    rule("dotnet format", Format, "error WHITESPACE", r"^\s*(?P<file>\S.*?)\((?P<line>\d+),(?P<column>\d+)\): error (?P<code>WHITESPACE): (?P<message>.+?)(?: \[.+\])?$"),
    rule("dotnet format", Format, "error ", r"^\s*(?P<file>\S.*?)\((?P<line>\d+),(?P<column>\d+)\): error (?P<code>FINALNEWLINE|CHARSET|ENDOFLINE|IMPORTS): (?P<message>.+?)(?: \[.+\])?$"),
    rule("nuget", Dependency, "error NU", r"^\s*(?:\d+>)?(?P<file>\S.*?)(?:\((?P<line>\d+),(?P<column>\d+)\))?\s?: error (?P<code>NU\d+): (?P<message>.+?)(?: \[.+\])?$").then(nuget),
    rule("dotnet", Type, ": error ", r"^\s*(?:\d+>)?(?P<file>\S.*?\.(?:cs|vb|fs|fsx|razor|cshtml|xaml|axaml))\((?P<line>\d+),(?P<column>\d+)(?:,\d+,\d+)?\)\s?: error (?P<code>[A-Z]+\d+): (?P<message>.+?)(?: \[[^\[]+\])?$").then(compiler),
    rule("msbuild", Build, "error MSB", r"^\s*(?:\d+>)?(?:(?P<file>\S.*?)(?:\((?P<line>\d+),(?P<column>\d+)\))?\s?: )?(?:MSBUILD : )?error (?P<code>MSB\d+): (?P<message>.+?)(?: \[[^\[]+\])?$").then(msbuild),
    rule("dotnet", Config, "error NETSDK", r"^\s*(?:\d+>)?(?:(?P<file>\S.*?)(?:\((?P<line>\d+),(?P<column>\d+)\))?\s?: )?error (?P<code>NETSDK\d+): (?P<message>.+?)(?: \[[^\[]+\])?$"),
    rule("dotnet", Build, ": error ", r"^\s*(?:\d+>)?(?:CSC|FSC|VBC)\s?: error (?P<code>[A-Z]+\d+): (?P<message>.+?)(?: \[[^\[]+\])?$").then(compiler),
    rule("dotnet", Lint, ": warning ", r"^\s*(?:\d+>)?(?P<file>\S.*?\.(?:cs|vb|fs))\((?P<line>\d+),(?P<column>\d+)(?:,\d+,\d+)?\)\s?: warning (?P<code>[A-Z]+\d+): (?P<message>.+?)(?: \[[^\[]+\])?$").level(Level::Warning),
    rule("dotnet test", Test, "Failed ", r"^\s+(?:Failed|X) (?P<test>\S.*?) \[(?:< )?\d+.*\]$").then(test),
    rule("xunit", Test, "[FAIL]", r"^(?:\[xUnit\.net [\d:.]+\])?\s*(?P<test>\S.*?) \[FAIL\]$").level(Level::Symptom),
    rule("dotnet test", Test, "failed with", r"^\s*failed (?P<test>\S+) \([\d.,]+m?s\)$").then(test),
    rule("dotnet", Build, "Unhandled exception. ", r"^Unhandled exception\. (?P<message>(?P<code>[\w.]+Exception)\b.*)")
        .level(Level::Symptom)
        .then(thrown),
    rule("dotnet", Config, "It was not possible to find any", r"^(?P<message>It was not possible to find any .+)"),
    rule("dotnet", Config, "A compatible .NET SDK was not found", r"^(?P<message>A compatible \.NET SDK was not found\.?.*)"),
    rule("dotnet", Config, "You must install or update .NET", r"^(?P<message>You must install or update \.NET .+)"),
    rule("dotnet", Security, "has the following vulnerable packages", r"^(?P<message>Project .+ has the following vulnerable packages)"),
];

fn compiler(finding: &mut Finding, _: &Log) -> bool {
    let code = finding.said.code.as_deref().unwrap_or_default();
    let number: u32 = code.trim_start_matches(|c: char| c.is_ascii_uppercase()).parse().unwrap_or(0);
    if code.starts_with("CS") {
        finding.tool = "csc";
        finding.category = match number {
            234 | 246 | 400 | 1069 | 1070 | 12 => Import,
            1001..=1003 | 1010..=1056 | 1513..=1519 | 1520..=1529 | 1585 | 1733 | 8124 | 8180 | 8635 | 9 => Syntax,
            168 | 219 | 162 | 414 | 649 | 618 | 612 | 1591 | 8600..=8605 | 8618..=8625 | 1998 | 4014 => Lint,
            5001 | 6 => Build,
            _ => Type,
        };
    } else if code.starts_with("FS") {
        finding.tool = "fsc";
        finding.category = if number == 10 || number == 58 || number == 3118 { Syntax } else { Type };
    } else if code.starts_with("BC") {
        finding.tool = "vbc";
    } else if ["CA", "IDE", "SA", "S", "RCS", "xUnit", "IL", "MA"].iter().any(|head| code.starts_with(head)) {
        finding.category = if code == "IDE0055" { Format } else { Lint };
    } else if code.starts_with("NU") {
        finding.category = Dependency;
    }
    true
}

fn msbuild(finding: &mut Finding, _: &Log) -> bool {
    finding.category = match finding.said.code.as_deref().unwrap_or_default() {
        "MSB1003" | "MSB1009" | "MSB4236" | "MSB1001" | "MSB1011" => Config,
        "MSB4025" | "MSB4068" => Syntax,
        "MSB4019" | "MSB3644" | "MSB3245" => Dependency,
        _ => Build,
    };
    !matches!(finding.said.code.as_deref(), Some("MSB4181"))
}

fn nuget(finding: &mut Finding, log: &Log) -> bool {
    // the versions that there are stand below, under the same code
    if finding.said.code.as_deref().is_some_and(|code| log.line(finding.at).contains(&format!("{code}:  "))) {
        return false;
    }
    let code = finding.said.code.as_deref().unwrap_or_default();
    if code == "NU1301" {
        finding.category = Network;
    } else if code.starts_with("NU190") {
        finding.category = Security;
    }
    true
}

/// The first frame with a file under an exception.
fn thrown(finding: &mut Finding, log: &Log) -> bool {
    let frame = log.after(finding.at + 1, 40).find_map(|(_, line)| {
        let (file, number) = line.rsplit_once(" in ")?.1.rsplit_once(":line ")?;
        Some((file.to_owned(), number.trim().parse::<u32>().ok()?))
    });
    if let Some((file, line)) = frame {
        (finding.said.file, finding.said.line) = (Some(file), Some(line));
    }
    true
}

/// `Error Message:` and `Stack Trace:` below the name.
fn test(finding: &mut Finding, log: &Log) -> bool {
    let mut message = None;
    let mut frames = Vec::new();
    for (at, line) in log.after(finding.at + 1, 60) {
        let text = line.trim();
        if line.starts_with("  Failed ") || line.starts_with("  Passed ") || line.starts_with("Failed!") {
            break;
        }
        if text.starts_with("at ") {
            if let Some((file, number)) = text.rsplit_once(" in ").and_then(|(_, place)| place.rsplit_once(":line ")) {
                frames.push((file.to_owned(), number.trim().parse::<u32>().ok()));
                finding.until = at;
            } else if let Some((file, number, _)) = place::find(text) {
                frames.push((file, Some(number)));
            }
        } else if message.is_none() && !text.is_empty() && text != "Error Message:" {
            message = Some(text.to_owned());
            finding.until = at;
        }
    }
    if let Some((file, line)) = place::own(frames) {
        (finding.said.file, finding.said.line) = (Some(file), line);
    }
    finding.said.message = message.unwrap_or_default();
    true
}

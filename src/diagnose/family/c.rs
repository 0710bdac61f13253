//! C and C++: GCC, Clang, MSVC, linkers, make, CMake, Ninja, Meson, Autotools; clang-tidy, cppcheck; sanitizers and their test programs.

use super::super::{
    finding::{Finding, Level},
    log::Log,
    rule::{Rule, rule},
};
use crate::domain::diagnosis::Category::{
    self, Build, Config, Dependency, Format, Import, Lint, Resource, Syntax, Test, Timeout, Type,
};

pub(super) const RULES: &[Rule] = &[
    rule("gcc", Build, " fatal error: ", r"^(?P<file>[^\s:][^:]*):(?P<line>\d+):(?:(?P<column>\d+):)? fatal error: (?P<message>.+)").then(compiler),
    rule("gcc", Build, ": error: ", r"^(?P<file>(?:[A-Za-z]:)?[^\s:][^:]*\.(?:c|cc|cpp|cxx|c\+\+|C|h|hh|hpp|hxx|inl|ipp|tpp|m|mm|cu|cuh|s|S|f90|F90|f|cl|ino|y|l|def|inc)):(?P<line>\d+):(?:(?P<column>\d+):)? error: (?P<message>.+?)$").then(compiler),
    rule("gcc", Lint, ": warning: ", r"^(?P<file>(?:[A-Za-z]:)?[^\s:][^:]*\.(?:c|cc|cpp|cxx|h|hh|hpp|hxx|m|mm|cu)):(?P<line>\d+):(?:(?P<column>\d+):)? warning: (?P<message>.+?)(?: \[(?P<code>[^\]]+)\])?$").level(Level::Warning).then(tidy),
    rule("clang-format", Format, "-Wclang-format-violations", r"^(?P<file>[^\s:][^:]*):(?P<line>\d+):(?P<column>\d+): (?:error|warning): (?P<message>.+?) \[(?P<code>-Wclang-format-violations)\]"),
    rule("msvc", Build, "error C", r"^\s*(?:\d+>)?(?P<file>\S.*?)\((?P<line>\d+)(?:,(?P<column>\d+))?\)\s?: (?:fatal )?error (?P<code>C\d+): (?P<message>.+?)(?: \[.+\.vcxproj\])?$").then(msvc),
    rule("msvc", Build, "error LNK", r"^\s*(?:\d+>)?(?P<file>\S.*?)\s?: (?:fatal )?error (?P<code>LNK\d+): (?P<message>.+?)(?: \[.+\.vcxproj\])?$"),
    rule("ld", Build, "undefined reference to", r"^(?:\S*ld(?:\.\w+)?: )?(?:\S*\.(?:o|obj|a)\S*: ?)?(?:in function `.+': ?)?(?P<file>[^\s:(]*)?:?(?:(?P<line>\d+)|\([^)]*\))?:? ?(?P<message>undefined reference to .+)").then(undefined),
    rule("ld", Build, "undefined symbol: ", r"^(?:\S*ld(?:\.lld)?: )?error: (?P<message>undefined symbol: .+)").then(lld),
    rule("ld", Build, "\", referenced from:", r#"^\s*"(?P<message>.+)", referenced from:$"#),
    rule("ld", Build, "multiple definition of", r"(?P<message>multiple definition of .+)"),
    rule("ld", Build, "duplicate symbol", r"(?P<message>duplicate symbol:? .+)"),
    rule("ld", Build, "cannot find -l", r"(?P<message>cannot find -l.+)"),
    rule("ld", Build, "library not found for", r"(?P<message>library (?:not found for|'.+' not found).*)"),
    rule("ld", Build, "collect2: ", r"^collect2: (?:fatal )?error: .+").level(Level::Consequence),
    rule("clang", Build, "linker command failed", r"^clang(?:\+\+)?: error: linker command failed.+").level(Level::Consequence),
    rule("gcc", Resource, "Killed signal terminated program", r"(?:fatal error|error): Killed signal terminated program.*").level(Level::Decisive),
    rule("gcc", Build, "internal compiler error", r"internal compiler error: .+"),
    rule("cmake", Build, "CMake Error", r"^CMake Error(?: \(dev\))?(?: at (?P<file>[^:]+):(?P<line>\d+)(?: \((?P<code>[^)]+)\))?)?:?(?P<message> \S.*)?$").then(cmake),
    rule("cmake", Build, "CMake Error: ", r"^CMake Error: (?P<message>.+)").then(cmake),
    rule("meson", Build, ": ERROR: ", r"^(?P<file>\S*meson\.build):(?P<line>\d+):(?P<column>\d+): ERROR: (?P<message>.+)"),
    rule("configure", Build, "configure: error: ", r"^configure: error: (?P<message>.+)"),
    rule("pkg-config", Dependency, "was not found in the pkg-config search path", r"^(?P<message>Package .+ was not found in the pkg-config search path.*)").level(Level::Symptom),
    rule("ninja", Build, "ninja: error: ", r"^ninja: error: (?P<message>.+)"),
    rule("ninja", Build, "ninja: build stopped", r"^ninja: build stopped: .+").level(Level::Consequence),
    rule("make", Build, "No rule to make target", r"^\S*make(?:\[\d+\])?: \*\*\* (?:\[(?P<file>[^:\]]+):(?P<line>\d+): [^\]]+\] )?(?P<message>No rule to make target .+)").then(no_rule),
    rule("make", Config, "No such file or directory.  Stop", r"^\S*make(?:\[\d+\])?: \*\*\* (?P<message>\S+: No such file or directory\.  Stop\.)"),
    rule("gcc", Build, "rror: ", r"^(?:gcc|g\+\+|cc|c\+\+|clang|clang\+\+|\S+-gcc): (?:fatal )?error: (?P<message>.+)").level(Level::Symptom).then(driver),
    rule("make", Syntax, "*** missing separator", r"^(?P<file>\S+?):(?P<line>\d+): \*\*\* (?P<message>missing separator.+)"),
    rule("make", Build, ": *** ", r"^(?P<file>[^\s:]+):(?P<line>\d+): \*\*\* (?P<message>.+)"),
    rule("make", Build, "*** No targets", r"^\S*make(?:\[\d+\])?: \*\*\* (?P<message>No targets.+)"),
    rule("make", Build, "] Error ", r"^\S*make(?:\[\d+\])?: \*\*\* \[(?:(?P<file>[^:\]]+):(?P<line>\d+): )?[^\]]+\] (?P<message>Error (?P<code>\d+))(?P<test> \(ignored\))?").level(Level::Consequence).then(made),
    rule("make", Build, "] Killed", r"^\S*make(?:\[\d+\])?: \*\*\* \[(?:(?P<file>[^:\]]+):(?P<line>\d+): )?[^\]]+\] (?P<message>Killed|Segmentation fault|Aborted|Terminated).*").level(Level::Symptom).then(signalled),
    rule("ctest", Test, "***Failed", r"^\s*\d+/\d+ Test\s+#\d+: (?P<test>\S+) \.*\s*\*\*\*(?P<message>Failed|Exception.*|Timeout).*").then(ctest),
    rule("ctest", Test, "***", r"^\s*\d+/\d+ Test\s+#\d+: (?P<test>\S+) \.*\s*(?:Subprocess aborted)?\*\*\*(?P<message>Exception.*|Timeout|Not Run).*").then(ctest),
    rule("gtest", Test, "Failure", r"^(?P<file>\S+?)(?::(?P<line>\d+)|\((?P<column>\d+)\)): (?:Failure|error: Failure)$").then(gtest),
    rule("gtest", Test, "[  FAILED  ] ", r"^\[  FAILED  \] (?P<test>\S+\.\S+?)(?:,.*)?(?: \(\d+ ms\))?$").level(Level::Symptom),
    rule("catch2", Test, ": FAILED:", r"^(?P<file>\S+?):(?P<line>\d+): FAILED:").then(catch),
    rule("doctest", Test, ": ERROR: ", r"^(?P<file>\S+?):(?P<line>\d+): (?:FATAL )?ERROR: (?P<message>(?:CHECK|REQUIRE).+)"),
    rule("assert", Test, "Assertion", r"^(?:\S+: )?(?P<file>[^\s:]+):(?P<line>\d+): .*(?P<message>Assertion .+ failed)\.?").level(Level::Symptom),
    rule("asan", Test, "ERROR: AddressSanitizer", r"ERROR: (?P<message>AddressSanitizer: .+)").then(sanitizer),
    rule("lsan", Test, "ERROR: LeakSanitizer", r"ERROR: (?P<message>LeakSanitizer: .+)").then(sanitizer),
    rule("tsan", Test, "WARNING: ThreadSanitizer", r"WARNING: (?P<message>ThreadSanitizer: .+?)(?: \(pid=\d+\))?$").then(sanitizer),
    rule("ubsan", Test, ": runtime error: ", r"^(?P<file>\S+?):(?P<line>\d+):(?P<column>\d+): runtime error: (?P<message>.+)"),
    rule("cppcheck", Lint, " error: ", r"^(?P<file>[^\s:]+):(?P<line>\d+):(?P<column>\d+): (?:error|style|performance|portability): (?P<message>.+) \[(?P<code>\w+)\]$"),
    rule("valgrind", Test, "ERROR SUMMARY: ", r"==\d+== ERROR SUMMARY: [1-9]\d* errors.*").level(Level::Symptom),
];

fn driver(finding: &mut Finding, _: &Log) -> bool {
    !finding.said.message.starts_with("linker command failed")
}

/// The category of a compiler's message.
fn of_message(message: &str) -> Category {
    let has = |words: &[&str]| words.iter().any(|word| message.contains(word));
    if has(&["No such file or directory", "file not found", "module '"]) && !has(&["no member"]) {
        Import
    } else if message.starts_with("expected ") && !has(&["but argument is of type"])
        || has(&[
            "stray '",
            "stray ‘",
            "missing terminating",
            "unterminated",
            "extraneous closing brace",
            "before numeric constant",
            "syntax error",
            "expected ‘",
            "expected '",
            "expected unqualified-id",
            "at end of input",
        ])
    {
        Syntax
    } else if has(&["-Werror"]) {
        Lint
    } else if has(&[
        "#error",
        "static assertion",
        "static_assert",
        "cannot open",
        "unrecognized command",
        "redefinition of",
        "too many errors",
    ]) {
        Build
    } else {
        Type
    }
}

fn compiler(finding: &mut Finding, log: &Log) -> bool {
    if finding.said.message.starts_with("too many errors") {
        return false;
    }
    finding.category = of_message(&finding.said.message);
    if let Some((message, code)) = finding.said.message.clone().rsplit_once(" [")
        && let Some(code) =
            code.strip_suffix(']').filter(|code| !code.contains(' ') && (code.starts_with('-') || code.contains('-')))
    {
        finding.said.message = message.to_owned();
        let strict = code.starts_with("-Werror");
        let code = code.trim_start_matches("-Werror=").trim_start_matches("-Werror,").to_owned();
        if !code.starts_with('-')
            && (code.contains("bugprone") || code.contains(',') || code.matches('-').count() >= 1 && !strict)
        {
            finding.tool = "clang-tidy";
            finding.category = Lint;
        }
        finding.said.code = Some(code);
    }
    let next = log.line(finding.at + 1);
    if finding.tool == "gcc"
        && (finding.said.file.as_deref().is_some_and(|f| f.ends_with(".m") || f.ends_with(".mm"))
            || next.starts_with(' ') && !next.contains(" | "))
    {
        finding.tool = "clang";
    }
    true
}

fn tidy(finding: &mut Finding, _: &Log) -> bool {
    let code = finding.said.code.as_deref().unwrap_or_default();
    if !code.starts_with('-') && code.contains('-') {
        finding.tool = "clang-tidy";
    }
    true
}

fn msvc(finding: &mut Finding, _: &Log) -> bool {
    finding.category = match finding.said.code.as_deref().unwrap_or_default() {
        "C1083" => Import,
        "C2143" | "C2059" | "C2146" | "C1004" | "C2061" | "C2144" => Syntax,
        "C2220" => Lint,
        "C1189" | "C1001" => Build,
        _ => Type,
    };
    true
}

fn undefined(finding: &mut Finding, log: &Log) -> bool {
    if finding.said.message.contains("follow") && finding.said.message.contains("more undefined references") {
        return false;
    }
    let object =
        finding.said.file.as_deref().is_none_or(|file| {
            !file.contains('.') || file.ends_with(".o") || file.ends_with("ld") || file.ends_with(".a")
        });
    if object {
        finding.said.file = None;
        finding.said.line = None;
        let said = log.line(finding.at).to_owned();
        let named = said
            .split([' ', ':'])
            .find(|word| [".c", ".cc", ".cpp", ".cxx", ".rs", ".f90"].iter().any(|end| word.ends_with(end)));
        finding.said.file = named.map(str::to_owned);
    }
    true
}

fn lld(finding: &mut Finding, log: &Log) -> bool {
    let by = log
        .after(finding.at + 1, 3)
        .find_map(|(_, line)| line.trim().strip_prefix(">>> referenced by ").map(str::to_owned));
    if let Some((file, line, _)) = by.as_deref().and_then(super::super::place::find) {
        (finding.said.file, finding.said.line) = (Some(file), Some(line));
    }
    true
}

/// The message of CMake stands below, indented, after an empty line.
fn cmake(finding: &mut Finding, log: &Log) -> bool {
    if finding.said.message.starts_with("CMake Error") {
        let below = log.after(finding.at + 1, 4).find(|(_, line)| !line.trim().is_empty());
        if let Some((at, line)) = below {
            finding.until = at;
            line.trim().clone_into(&mut finding.said.message);
        }
        let rest = log
            .after(finding.until + 1, 2)
            .take_while(|(_, line)| line.starts_with("  "))
            .map(|(_, line)| line.trim().to_owned());
        for text in rest.collect::<Vec<_>>() {
            finding.said.message = format!("{} {text}", finding.said.message);
        }
    }
    if finding.said.message.starts_with("Parse error") {
        finding.category = Syntax;
    }
    finding.said.code = None;
    true
}

/// `Failed` alone says little.
fn ctest(finding: &mut Finding, _: &Log) -> bool {
    let test = finding.test.as_deref().unwrap_or_default();
    finding.said.message = format!("{test} ({})", finding.said.message.trim());
    true
}

fn no_rule(finding: &mut Finding, _: &Log) -> bool {
    if finding.said.message.contains("needed by") {
        finding.category = Build;
    } else {
        finding.category = Config;
    }
    true
}

/// What make says of a command that failed: the exit code may tell more.
fn made(finding: &mut Finding, _: &Log) -> bool {
    if finding.test.take().is_some() {
        return false;
    }
    match finding.said.code.take().as_deref() {
        Some("124") => {
            finding.category = Timeout;
            finding.level = Level::Guess;
        }
        Some("137") => {
            finding.category = Resource;
            finding.level = Level::Guess;
        }
        Some("127" | "126") => finding.category = Config,
        _ => {}
    }
    true
}

fn signalled(finding: &mut Finding, _: &Log) -> bool {
    finding.category = if finding.said.message == "Killed" { Resource } else { Build };
    true
}

fn gtest(finding: &mut Finding, log: &Log) -> bool {
    if let Some(line) = finding.said.column.take() {
        finding.said.line = Some(line);
    }
    let text: Vec<String> = log
        .after(finding.at + 1, 3)
        .take_while(|(_, l)| !l.is_empty() && !l.starts_with('['))
        .map(|(_, l)| l.trim().to_owned())
        .collect();
    if !text.is_empty() {
        finding.said.message = text.join(" ");
    }
    let name = log.before(finding.at, 400).find_map(|(_, line)| line.strip_prefix("[ RUN      ] ").map(str::to_owned));
    finding.test = name;
    true
}

fn catch(finding: &mut Finding, log: &Log) -> bool {
    let text =
        log.after(finding.at + 1, 2).find(|(_, line)| !line.trim().is_empty()).map(|(_, line)| line.trim().to_owned());
    finding.said.message = text.unwrap_or_default();
    let name = log.before(finding.at, 30).collect::<Vec<_>>();
    let rule = name.iter().rposition(|(_, line)| line.starts_with("-------"));
    finding.test = rule.and_then(|at| at.checked_sub(1)).map(|at| name[at].1.trim().to_owned());
    true
}

/// The first frame with a source file that is not the system's.
fn sanitizer(finding: &mut Finding, log: &Log) -> bool {
    let frame =
        log.after(finding.at + 1, 60).filter(|(_, line)| line.trim_start().starts_with('#')).find_map(|(_, line)| {
            super::super::place::find(line.rsplit(' ').next().unwrap_or(line))
                .filter(|(file, ..)| !super::super::place::foreign(file) && !file.contains("sanitizer"))
        });
    if let Some((file, line, column)) = frame {
        (finding.said.file, finding.said.line, finding.said.column) = (Some(file), Some(line), column);
    }
    true
}

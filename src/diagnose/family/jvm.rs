//! Java, Kotlin, Scala and Groovy: javac, Maven, Gradle, sbt, JUnit, Checkstyle, Spotless, PMD, SpotBugs, Detekt, ktlint.

use super::super::{
    finding::{Finding, Level},
    log::Log,
    place,
    rule::{Rule, rule},
};
use crate::domain::diagnosis::Category::{
    self, Build, Config, Coverage, Dependency, Format, Import, Lint, Resource, Security, Syntax, Test, Type,
};

pub(super) const RULES: &[Rule] = &[
    rule("maven", Type, "[ERROR] ", r"^\[ERROR\]\s+(?P<file>\S+\.(?:java|kt|scala|groovy)):\[(?P<line>\d+),(?P<column>\d+)\] (?:error: )?(?P<message>.+)").then(compiler),
    rule("checkstyle", Lint, "[ERROR] ", r"^\[(?:ERROR|ant:checkstyle)\](?: \[(?:ERROR|WARN)\])?\s+(?P<file>\S+\.(?:java|kts?|xml|properties|scala|groovy|gradle|jsp|md|txt|yml)):(?:\[)?(?P<line>\d+)(?:[:,](?P<column>\d+))?\]?:?\s+(?:\(\w+\) (?P<test>\w+): )?(?P<message>.+?)(?: \[(?P<code>\w+)\])?\.?$").then(checkstyle),
    rule("checkstyle", Lint, "[ant:checkstyle] [ERROR]", r"^\[ant:checkstyle\] \[(?:ERROR|WARN)\] (?P<file>\S+?):(?P<line>\d+)(?::(?P<column>\d+))?: (?P<message>.+?)(?: \[(?P<code>\w+)\])?$"),
    rule("kotlinc", Type, "e: ", r"^e: (?:file://)?(?P<file>\S+?\.kts?):(?P<line>\d+):(?P<column>\d+):? (?P<message>.+)").then(compiler),
    rule("kotlinc", Type, "e: ", r"^e: (?P<file>\S+?\.kts?): \((?P<line>\d+), (?P<column>\d+)\): (?P<message>.+)").then(compiler),
    rule("kotlinc", Lint, "e: warnings found and -Werror", r"^e: (?P<message>warnings found and -Werror specified)").level(Level::Consequence),
    rule("kotlinc", Lint, "w: ", r"^w: (?:file://)?(?P<file>\S+?\.kts?):(?P<line>\d+):(?P<column>\d+):? (?P<message>.+)").level(Level::Warning),
    rule("javac", Type, ".java:", r"^\s*(?P<file>\S+?\.java):(?P<line>\d+): error: (?P<message>.+)").then(compiler),
    rule("javac", Lint, ".java:", r"^\s*(?P<file>\S+?\.java):(?P<line>\d+): warning: (?:\[(?P<code>\w+)\] )?(?P<message>.+)").level(Level::Warning),
    rule("groovyc", Type, ".groovy: ", r"^(?P<file>\S+?\.groovy): (?P<line>\d+): (?P<message>.+?) @ line \d+, column (?P<column>\d+)\.?").then(compiler),
    rule("scalac", Type, "[error] ", r"^\[error\] (?:-- (?:\[(?P<code>E\d+)\] )?.*?: )?(?P<file>/?\S+?\.scala):(?P<line>\d+):(?P<column>\d+)(?::? (?P<message>.+?))?(?: -+)?$").then(scala),
    rule("sbt", Test, "[error] Failed: Total", r"^\[error\] Failed: Total .+").level(Level::Consequence),
    rule("scalatest", Test, "*** FAILED ***", r"^(?:\[info\] )?- (?P<test>.+) \*\*\* FAILED \*\*\*").then(scalatest),
    rule("surefire", Test, "<<< ", r"^\[ERROR\]\s+(?P<test>\S.*?)\s+(?:-- )?Time elapsed: .+ <<< (?:FAILURE|ERROR)!").then(surefire),
    rule("surefire", Test, "[ERROR]   ", r"^\[ERROR\]   (?P<test>[\w.$]+(?:\[.+\])?):(?P<line>\d+)(?:->\S+)*:? (?P<message>.+)").level(Level::Symptom),
    rule("gradle", Test, " FAILED", r"^(?P<test>[\w$. ]+ > .+?) FAILED$").then(gradle_test),
    rule("maven", Dependency, "Could not resolve dependencies", r"^\[ERROR\] (?:Failed to execute goal .*?: )?(?P<message>.*Could not resolve dependencies .+)").then(resolve),
    rule("maven", Dependency, "Could not find artifact", r"^\[ERROR\] (?P<message>.*Could not find artifact .+)"),
    rule("maven", Config, "Non-resolvable parent POM", r"^\[(?:ERROR|FATAL)\] (?P<message>Non-resolvable .+)").then(dependency),
    rule("maven", Config, "Non-parseable POM", r"^\[(?:ERROR|FATAL)\] (?P<message>.*Non-parseable POM (?P<file>\S+?): .+)").then(syntax),
    rule("maven", Dependency, "'dependencies.dependency", r"^\[ERROR\] (?P<message>'dependencies\.dependency.+) @ line (?P<line>\d+), column (?P<column>\d+)"),
    rule("spotless", Format, "The following files had format violations", r"(?P<message>The following files had format violations:?)").then(spotless),
    rule("spotless", Format, "spotlessCheck", r"^Execution failed for task '(?P<message>:.*spotless\w*Check)'").level(Level::Consequence),
    rule("jacoco", Coverage, "Rule violated for", r"(?P<message>Rule violated for .+)").level(Level::Symptom),
    rule("pmd", Lint, "PMD Failure: ", r"PMD Failure: (?P<file>[^:]+):(?P<line>\d+) Rule:(?P<code>\S+) (?:Priority:\d+ )?(?P<message>.+)"),
    rule("pmd", Lint, ".java:", r"^(?P<file>\S+\.java):(?P<line>\d+):\s+(?P<code>[A-Z]\w+):\s+(?P<message>.+)$"),
    rule("spotbugs", Lint, "[ERROR] ", r"^\[ERROR\] (?:High|Medium|Low): (?P<message>.+) \[.*?\] (?:At|In|Dereferenced at) (?P<file>\S+\.java):\[lines? (?P<line>\d+).*\] (?P<code>\w+)"),
    rule("detekt", Lint, ".kt", r"^(?:\t|\s*)(?P<file>/?\S+\.kts?):(?P<line>\d+):(?P<column>\d+): (?P<message>.+) \[(?P<code>[A-Z]\w+)\]$"),
    rule("detekt", Lint, " - [", r"^\s+(?P<code>[A-Z]\w+) - \[(?P<message>.+?)\] at (?P<file>\S+\.kts?):(?P<line>\d+):(?P<column>\d+)$"),
    rule("ktlint", Lint, ".kt", r"^(?P<file>\S+\.kts?):(?P<line>\d+):(?P<column>\d+): (?P<message>.+) \((?P<code>[a-z][\w:-]+)\)$"),
    rule("android lint", Lint, ": Error: ", r"^(?P<file>\S+\.(?:kts?|java|xml|gradle)):(?P<line>\d+): Error: (?P<message>.+?) \[(?P<code>\w+)(?: from .+)?\]$"),
    rule("dependency-check", Security, "One or more dependencies were identified with vulnerabilities", r"(?P<message>One or more dependencies were identified with .*vulnerabilities.*)"),
    rule("gradle", Dependency, "Could not resolve ", r"^\s*>? ?(?P<message>Could not resolve (?:all (?:files|dependencies|artifacts) for .+|\S+:\S+:\S+\.?))").then(resolve),
    rule("gradle", Dependency, "Could not find ", r"^\s*> (?P<message>Could not find \S+:\S+:\S+\.)"),
    rule("gradle", Config, "Plugin [id:", r"^(?:\* What went wrong:)?\s*(?P<message>Plugin \[id: .+ was not found .+)").then(dependency),
    rule("gradle", Build, "Build file '", r"^(?:Build|Settings) file '(?P<file>[^']+)' line: (?P<line>\d+)").then(script),
    rule("gradle", Config, "Could not find or load main class", r"(?P<message>Error: Could not find or load main class .+)"),
    rule("gradle", Config, "not found in root project", r"^(?P<message>(?:Task|Project) '.+' not found in root project .+)"),
    rule("java", Config, "Unsupported class file major version", r"(?P<message>.*Unsupported class file major version \d+.*)").level(Level::Symptom),
    rule("java", Config, "UnsupportedClassVersionError", r"(?P<message>.*UnsupportedClassVersionError.+)").level(Level::Symptom),
    rule("maven", Config, "release version ", r"(?P<message>(?:error: |Fatal error compiling: error: )?release version \d+ not supported)"),
    rule("maven", Config, "Unknown lifecycle phase", r"^\[ERROR\] (?P<message>Unknown lifecycle phase .+?)\."),
    rule("maven", Build, "[ERROR] Failed to execute goal", r"^\[ERROR\] (?P<message>Failed to execute goal .+)").level(Level::Guess).then(goal),
    rule("gradle", Build, "> Task :", r"^> Task (?P<message>:\S+ FAILED)$").level(Level::Consequence),
    rule("gradle", Build, "Execution failed for task", r"^(?P<message>Execution failed for task '.+'\.)").level(Level::Guess).then(task),
    rule("java", Build, "Exception in thread \"", r#"^Exception in thread "(?P<test>[^"]+)" (?P<code>[\w.$]+)(?:: (?P<message>.+))?"#).level(Level::Symptom).then(thrown),
    rule("java", Resource, "java.lang.OutOfMemoryError", r"(?P<message>java\.lang\.OutOfMemoryError: .+)").level(Level::Symptom),
    rule("gradle", Resource, "Gradle build daemon disappeared unexpectedly", r"(?P<message>Gradle build daemon disappeared unexpectedly.+)").level(Level::Decisive),
];

/// The category of a message of javac, kotlinc, groovyc or scalac.
fn of_message(message: &str) -> Category {
    let has = |words: &[&str]| words.iter().any(|word| message.contains(word));
    if has(&["package ", "nresolved reference: import"]) && has(&["does not exist", "is not visible"])
        || has(&["not found: object", "is not a member of package", "unable to resolve class"])
    {
        Import
    } else if has(&[
        " expected",
        "xpecting",
        "illegal start of",
        "reached end of file",
        "unclosed",
        "not a statement",
        "without 'try'",
        "without 'if'",
        "Unexpected ",
        "expected but",
        "illegal character",
        "orphaned",
        "unexpected token",
        "expected:",
    ]) && !has(&["but was expected", "type expected", "was expected"])
    {
        Syntax
    } else if has(&["-Werror", "warnings found and"]) {
        Lint
    } else if has(&["invalid target release", "release version", "invalid source release"]) {
        Config
    } else {
        Type
    }
}

fn compiler(finding: &mut Finding, log: &Log) -> bool {
    if log.line(finding.at).contains("[WARNING]") {
        return false;
    }
    finding.category = of_message(&finding.said.message);
    if finding.tool == "maven" {
        finding.tool =
            if finding.said.file.as_deref().is_some_and(|file| file.ends_with(".kt")) { "kotlinc" } else { "javac" };
    }
    if finding.said.message == "cannot find symbol" {
        let symbol = log.after(finding.at + 1, 5).find_map(|(_, line)| {
            line.trim().trim_start_matches("[ERROR]").trim().strip_prefix("symbol:").map(|s| s.trim().to_owned())
        });
        if symbol.as_deref().is_some_and(|symbol| symbol.starts_with("class"))
            && log.line(finding.at + 1).trim_start().starts_with("import ")
        {
            finding.category = Import;
        }
    }
    if log.line(finding.at + 1).trim_start().starts_with("import ") && finding.category == Type {
        finding.category = Import;
    }
    true
}

/// `(category) Rule: message` is Checkstyle's; the rest of Maven's errors with a place are the compiler's.
fn checkstyle(finding: &mut Finding, log: &Log) -> bool {
    if let Some(rule) = finding.test.take() {
        finding.said.code = Some(rule);
    } else if finding.said.code.is_none() && !log.line(finding.at).contains("checkstyle") {
        finding.tool = "javac";
        return compiler(finding, log);
    }
    true
}

fn scala(finding: &mut Finding, log: &Log) -> bool {
    if finding.said.message.starts_with("[error]") || finding.said.message.is_empty() {
        let text = log.after(finding.at + 1, 8).find_map(|(_, line)| {
            let text = line.trim_start_matches("[error]").trim().trim_start_matches('|').trim();
            (line.contains("|  ") && text.chars().any(char::is_alphabetic) && !text.contains('^'))
                .then(|| text.to_owned())
        });
        finding.said.message = text.unwrap_or_default();
    }
    finding.category = of_message(&finding.said.message);
    true
}

fn scalatest(finding: &mut Finding, log: &Log) -> bool {
    let below = log.line(finding.at + 1).trim_start_matches("[info]").trim().to_owned();
    if let Some((message, place)) = below.rsplit_once(" (")
        && let Some((file, line, _)) = place::find(place)
    {
        finding.said.message = message.to_owned();
        (finding.said.file, finding.said.line) = (Some(file), Some(line));
    } else {
        finding.said.message = below;
    }
    true
}

/// The first frame `at org.x.Y.method(Y.java:12)` that is no test framework's.
fn frame(log: &Log, from: usize, most: usize) -> Option<(String, u32)> {
    const FRAMEWORKS: [&str; 12] = [
        "org.junit",
        "java.base",
        "java.util",
        "java.lang",
        "jdk.internal",
        "sun.reflect",
        "org.assertj",
        "org.hamcrest",
        "org.mockito",
        "org.testng",
        "kotlin.",
        "org.gradle",
    ];
    log.after(from, most)
        .map(|(_, line)| line.trim().trim_start_matches("[ERROR]").trim())
        .skip_while(|line| !line.starts_with("at "))
        .take_while(|line| line.starts_with("at ") || line.starts_with("Caused by") || line.starts_with("..."))
        .filter(|line| {
            !FRAMEWORKS.iter().any(|name| line.trim_start_matches("at ").starts_with(name)) && !line.contains("//")
        })
        .find_map(|line| place::find(line).map(|(file, line, _)| (file, line)))
}

fn surefire(finding: &mut Finding, log: &Log) -> bool {
    let name = finding.test.clone().unwrap_or_default();
    if name.starts_with("Tests run:") {
        return false;
    }
    let below = log
        .after(finding.at + 1, 3)
        .find(|(_, line)| !line.trim().is_empty())
        .map(|(at, line)| (at, line.trim().to_owned()));
    if let Some((at, text)) = below {
        finding.until = at;
        finding.said.message = text;
    }
    if let Some((file, line)) = frame(log, finding.at + 1, 30) {
        (finding.said.file, finding.said.line) = (Some(file), Some(line));
    }
    true
}

fn gradle_test(finding: &mut Finding, log: &Log) -> bool {
    let below = log.line(finding.at + 1).trim().to_owned();
    if below.is_empty() || !log.line(finding.at + 1).starts_with(' ') {
        return false;
    }
    let (said, place) = below.rsplit_once(" at ").unwrap_or((&below, ""));
    finding.said.message = said.to_owned();
    finding.until = finding.at + 1;
    let place = place::find(place).map(|(file, line, _)| (file, line)).or_else(|| frame(log, finding.at + 2, 20));
    if let Some((file, line)) = place {
        (finding.said.file, finding.said.line) = (Some(file), Some(line));
    }
    true
}

fn resolve(finding: &mut Finding, log: &Log) -> bool {
    let said = log.line(finding.at);
    let network = [
        "Connection refused",
        "Connect timed out",
        "Connection timed out",
        "Unknown host",
        "UnknownHost",
        "Connection reset",
        "503 ",
        "502 ",
        "Read timed out",
        "status code 5",
        "Temporary failure",
        "peer not authenticated",
    ];
    let near = log.after(finding.at, 8).any(|(_, line)| network.iter().any(|word| line.contains(word)));
    if near {
        finding.category = crate::domain::diagnosis::Category::Network;
    }
    let exact = log.after(finding.at + 1, 4).find(|(_, line)| line.trim().starts_with("> Could not find "));
    if said.contains("all ") && exact.is_some() {
        return false;
    }
    true
}

fn dependency(finding: &mut Finding, _: &Log) -> bool {
    finding.category = Dependency;
    true
}

fn syntax(finding: &mut Finding, _: &Log) -> bool {
    finding.category = Syntax;
    true
}

/// A build script that does not compile or does not evaluate.
fn script(finding: &mut Finding, log: &Log) -> bool {
    let why = log.after(finding.at + 1, 8).filter(|(_, line)| !line.trim().is_empty() && !line.starts_with('*'));
    let Some((at, line)) = why.into_iter().next() else { return true };
    finding.until = at;
    finding.said.message = line.trim().to_owned();
    let reasons = log.after(at + 1, 12).take_while(|(_, line)| !line.is_empty());
    for (_, reason) in reasons.filter(|(_, line)| line.trim().starts_with("> ")) {
        finding.said.message = format!("{} {}", finding.said.message, reason.trim().trim_start_matches("> "));
    }
    finding.category = if line.contains("Could not compile") { Syntax } else { Config };
    true
}

fn goal(finding: &mut Finding, log: &Log) -> bool {
    let below = log.after(finding.at, 4).map(|(_, line)| line.trim_start_matches("[ERROR]").trim());
    let below = below.take_while(|line| !line.starts_with("at ") && !line.starts_with("->"));
    if let Some((file, line, column)) = below.filter_map(place::find).find(|(file, ..)| file.contains('/')) {
        (finding.said.file, finding.said.line, finding.said.column) = (Some(file), Some(line), column);
    }
    let said = &finding.said.message;
    finding.category = if said.contains("surefire") || said.contains("failsafe") {
        Test
    } else if said.contains("checkstyle")
        || said.contains("pmd")
        || said.contains("spotbugs")
        || said.contains("enforcer")
    {
        Lint
    } else if said.contains("spotless") || said.contains("formatter") {
        Format
    } else if said.contains("jacoco") {
        Coverage
    } else {
        Build
    };
    true
}

/// What went wrong stands below the task, after `>`.
fn task(finding: &mut Finding, log: &Log) -> bool {
    let said = finding.said.message.to_lowercase();
    finding.category = if said.contains("spotless") || said.contains("ktlintformat") {
        Format
    } else if said.contains("checkstyle")
        || said.contains("detekt")
        || said.contains("ktlint")
        || said.contains("lint")
        || said.contains("pmd")
    {
        Lint
    } else if said.contains(":test'") || said.contains("test'") {
        Test
    } else {
        Build
    };
    let below = log.after(finding.at + 1, 12).take_while(|(_, line)| !line.is_empty());
    let reasons: Vec<String> =
        below.filter_map(|(_, line)| line.trim().strip_prefix("> ").map(str::to_owned)).collect();
    let plain = |why: &&String| !why.starts_with("A failure occurred while executing");
    if let Some(why) = reasons.iter().rfind(plain).or(reasons.first()) {
        if let Some((file, line, column)) = place::find(why) {
            (finding.said.file, finding.said.line, finding.said.column) = (Some(file), Some(line), column);
        }
        if why.contains("There were failing tests")
            || why.contains("Compilation failed")
            || why.contains("Compilation error")
        {
            finding.level = Level::Consequence;
        }
        finding.said.message = format!("{} {why}", finding.said.message);
    }
    true
}

fn thrown(finding: &mut Finding, log: &Log) -> bool {
    finding.test = None;
    if let Some((file, line)) = frame(log, finding.at + 1, 40) {
        (finding.said.file, finding.said.line) = (Some(file), Some(line));
    }
    true
}

fn spotless(finding: &mut Finding, log: &Log) -> bool {
    let file = log
        .after(finding.at + 1, 3)
        .map(|(_, line)| line.trim().trim_start_matches("[ERROR]").trim())
        .find(|l| !l.is_empty());
    finding.said.file = file.filter(|file| file.contains('.')).map(str::to_owned);
    true
}

//! Tools that repair what they complain about.

use crate::domain::diagnosis::Category::{self, Format, Lint};

use super::{Fixer, How, Scene, command::Invocation};

/// A tool that can repair.
struct Tool {
    /// The words by which it is called: the name of the fixer, too.
    program: &'static [&'static str],
    /// How a diagnosis names it.
    tools: &'static [&'static str],
    /// What it repairs.
    category: Category,
    /// Endings of files that it is for; one of them must be there.
    files: &'static [&'static str],
    /// Put right after its name.
    adds: &'static str,
    /// Arguments that only look, or only report; with `=`, they take a value.
    drops: &'static [&'static str],
    /// Arguments where the job's own are not known.
    rest: &'static str,
}

#[rustfmt::skip]
const TOOLS: &[Tool] = &[
    Tool { program: &["cargo", "fmt"], tools: &["rustfmt", "cargo fmt", "cargo-fmt"], category: Format, files: &[".rs"], adds: "", drops: &["--check", "--message-format=", "-l", "--files-with-diff"], rest: "--all" },
    Tool { program: &["cargo", "clippy"], tools: &["clippy"], category: Lint, files: &[".rs"], adds: "--fix --allow-dirty --allow-staged --allow-no-vcs --broken-code", drops: &["--message-format=", "-q", "--no-deps"], rest: "--all-targets" },
    Tool { program: &["ruff", "check"], tools: &["ruff"], category: Lint, files: &[".py"], adds: "--fix", drops: &["--no-fix", "--diff", "--output-format=", "--exit-non-zero-on-fix", "-q"], rest: "." },
    Tool { program: &["ruff", "format"], tools: &["ruff format", "ruff"], category: Format, files: &[".py"], adds: "", drops: &["--check", "--diff"], rest: "." },
    Tool { program: &["black"], tools: &["black"], category: Format, files: &[".py"], adds: "", drops: &["--check", "--diff", "--color"], rest: "." },
    Tool { program: &["isort"], tools: &["isort"], category: Format, files: &[".py"], adds: "", drops: &["--check", "--check-only", "-c", "--diff", "--df"], rest: "." },
    Tool { program: &["prettier"], tools: &["prettier"], category: Format, files: &[".js", ".jsx", ".ts", ".tsx", ".css", ".json", ".md", ".yml", ".yaml", ".html", ".vue"], adds: "--write", drops: &["--check", "-c", "--list-different", "-l", "--log-level="], rest: "." },
    Tool { program: &["eslint"], tools: &["eslint"], category: Lint, files: &[".js", ".jsx", ".ts", ".tsx", ".mjs", ".vue"], adds: "--fix", drops: &["--max-warnings=", "--format=", "-f=", "--fix-dry-run", "--quiet"], rest: "." },
    Tool { program: &["stylelint"], tools: &["stylelint"], category: Lint, files: &[".css", ".scss"], adds: "--fix", drops: &["--formatter=", "-f="], rest: "'**/*.css'" },
    Tool { program: &["biome", "check"], tools: &["biome"], category: Lint, files: &[".js", ".ts", ".tsx", ".json"], adds: "--write", drops: &["--reporter=", "--diagnostic-level="], rest: "." },
    Tool { program: &["biome", "ci"], tools: &["biome"], category: Lint, files: &[".js", ".ts", ".tsx", ".json"], adds: "--write", drops: &["--reporter=", "--diagnostic-level="], rest: "." },
    Tool { program: &["biome", "format"], tools: &["biome"], category: Format, files: &[".js", ".ts", ".tsx", ".json"], adds: "--write", drops: &["--reporter="], rest: "." },
    Tool { program: &["standard"], tools: &["standard"], category: Lint, files: &[".js"], adds: "--fix", drops: &[], rest: "" },
    Tool { program: &["gofmt"], tools: &["gofmt"], category: Format, files: &[".go"], adds: "-w", drops: &["-l", "-d", "-e"], rest: "." },
    Tool { program: &["goimports"], tools: &["goimports"], category: Format, files: &[".go"], adds: "-w", drops: &["-l", "-d", "-e"], rest: "." },
    Tool { program: &["golangci-lint", "run"], tools: &["golangci-lint", "golangci"], category: Lint, files: &[".go"], adds: "--fix", drops: &["--out-format="], rest: "" },
    Tool { program: &["rubocop"], tools: &["rubocop"], category: Lint, files: &[".rb"], adds: "-a", drops: &["--format=", "-f=", "--fail-level="], rest: "" },
    Tool { program: &["terraform", "fmt"], tools: &["terraform", "terraform fmt"], category: Format, files: &[".tf"], adds: "", drops: &["-check", "--check", "-diff"], rest: "-recursive" },
    Tool { program: &["shfmt"], tools: &["shfmt"], category: Format, files: &[".sh"], adds: "-w", drops: &["-d", "--diff", "-l"], rest: "." },
    Tool { program: &["clang-format"], tools: &["clang-format"], category: Format, files: &[".c", ".h", ".cc", ".cpp", ".hpp"], adds: "-i", drops: &["--dry-run", "-n", "--Werror", "-Werror"], rest: "$(git ls-files '*.c' '*.h' '*.cc' '*.cpp' '*.hpp')" },
    Tool { program: &["dotnet", "format"], tools: &["dotnet format", "dotnet"], category: Format, files: &[".cs"], adds: "", drops: &["--verify-no-changes"], rest: "" },
    Tool { program: &["dart", "format"], tools: &["dart format", "dart"], category: Format, files: &[".dart"], adds: "", drops: &["--set-exit-if-changed", "--output="], rest: "." },
    Tool { program: &["mix", "format"], tools: &["mix format", "mix"], category: Format, files: &[".ex", ".exs"], adds: "", drops: &["--check-formatted", "--dry-run"], rest: "" },
    Tool { program: &["taplo", "fmt"], tools: &["taplo"], category: Format, files: &[".toml"], adds: "", drops: &["--check", "--diff"], rest: "" },
    Tool { program: &["markdownlint"], tools: &["markdownlint"], category: Lint, files: &[".md"], adds: "--fix", drops: &[], rest: "." },
    Tool { program: &["typos"], tools: &["typos"], category: Lint, files: &[""], adds: "--write-changes", drops: &["--diff", "--format="], rest: "" },
];

/// The tools that fit: the one that complained, and those that the job calls for the same kind of fault.
pub(super) fn fitting(scene: &Scene<'_>, invocations: &[Invocation]) -> Vec<Fixer> {
    let complains = scene.diagnosis.tool.as_deref().unwrap_or_default().to_lowercase();
    let mut found: Vec<(bool, Fixer)> = Vec::new();
    for tool in TOOLS {
        let there = scene.paths.iter().any(|path| tool.files.iter().any(|ending| path.ends_with(ending)));
        let complained = tool.tools.contains(&complains.as_str());
        let same_kind = tool.category == scene.diagnosis.category;
        let calls: Vec<&Invocation> = invocations.iter().filter(|call| call.after(tool.program).is_some()).collect();
        let unclear = matches!(scene.diagnosis.category, Category::Unknown | Category::Lint | Category::Format);
        if !there || !((complained && (same_kind || !calls.is_empty())) || (!calls.is_empty() && unclear)) {
            continue;
        }
        let name = tool.program.join(" ");
        let fixer = |command| Fixer { name: name.clone(), how: How::Command(command) };
        let first = complained && same_kind;
        found.extend(calls.iter().filter_map(|call| Some((first, fixer(tool.from(call)?)))));
        if calls.is_empty() {
            let words = [name.as_str(), tool.adds, tool.rest];
            let text: Vec<&str> = words.into_iter().filter(|word| !word.is_empty()).collect();
            found.push((first, fixer(text.join(" "))));
        }
    }
    // Where the job calls one of a tool's ways of working, the others are not its concern.
    let called = |tool: &Tool| invocations.iter().any(|call| call.after(tool.program).is_some());
    let hidden = |tool: &Tool| {
        let sibling =
            |other: &&Tool| other.program[0] == tool.program[0] && other.category == tool.category && called(other);
        !called(tool) && TOOLS.iter().any(|other| sibling(&other))
    };
    let hidden: Vec<String> = TOOLS.iter().filter(|tool| hidden(tool)).map(|tool| tool.program.join(" ")).collect();
    found.retain(|(_, fixer)| !hidden.contains(&fixer.name));
    found.sort_by_key(|(first, _)| !first);
    found.into_iter().map(|(_, fixer)| fixer).collect()
}

impl Tool {
    /// The job's own call, turned from looking into repairing.
    fn from(&self, call: &Invocation) -> Option<String> {
        let at = call.after(self.program)?;
        let mut before: Vec<String> = call.words[..at].to_vec();
        // What stands before a tool in a condition (`test -z "$(gofmt -l .)"`) is no part of calling it.
        while before.first().is_some_and(|word| ["if", "!", "test", "-z", "then", "time"].contains(&word.as_str())) {
            before.remove(0);
        }
        if self.program == ["biome", "ci"] {
            before.pop();
            before.push("check".into());
        }
        let mut words = before;
        words.extend((!self.adds.is_empty()).then(|| self.adds.to_owned()));
        let mut rest = call.words[at..].iter().peekable();
        let mut lints = false;
        while let Some(word) = rest.next() {
            if self.program == ["cargo", "clippy"] && word == "--" {
                lints = true;
            }
            if lints && ["-D", "-F", "--deny", "--forbid"].contains(&word.as_str()) {
                // A lint that is an error would end the compilation before anything is repaired.
                words.push("-W".into());
                continue;
            }
            let lint = lints.then(|| word.strip_prefix("-D").or_else(|| word.strip_prefix("-F"))).flatten();
            if let Some(lint) = lint {
                words.push(format!("-W{lint}"));
                continue;
            }
            let name = word.split('=').next().unwrap_or(word);
            let drop = self.drops.iter().find(|drop| drop.trim_end_matches('=') == name);
            match drop {
                None => words.push(word.clone()),
                Some(drop) if drop.ends_with('=') && !word.contains('=') => {
                    rest.next();
                }
                Some(_) => {}
            }
        }
        while words.last().is_some_and(|word| word == "--") {
            words.pop();
        }
        Some(format!("{}{}", call.cd(), words.join(" ")))
    }
}

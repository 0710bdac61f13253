//! What a shell command is for, and what it needs.

use super::found::Kind;

/// The family of tools that a command belongs to, and what it is for.
pub(super) fn classify(command: &str) -> (&'static str, Kind) {
    let words: Vec<&str> = command.split_whitespace().skip_while(|word| is_assignment(word)).collect();
    let program = words.first().map_or("", |word| word.rsplit('/').next().unwrap_or(word));
    let argument = words.iter().skip(1).find(|word| !word.starts_with(['-', '+'])).copied().unwrap_or_default();
    match program {
        "cargo" => ("rust", of_cargo(argument)),
        "npm" | "yarn" | "pnpm" | "bun" => {
            let script = if argument == "run" { words.get(2).copied().unwrap_or_default() } else { argument };
            ("node", of_script(script))
        }
        "npx" => ("node", of_tool(argument)),
        "python" | "python3" => match words.get(1).copied() {
            Some("-m") => ("python", of_tool(words.get(2).copied().unwrap_or_default())),
            Some(file) if file.contains("test") => ("python", Kind::Test),
            Some("setup.py") => ("python", of_script(words.get(2).copied().unwrap_or_default())),
            _ => ("python", Kind::Other),
        },
        "go" => ("go", of_script(if argument == "vet" { "lint" } else { argument })),
        "gofmt" | "golangci-lint" | "staticcheck" => ("go", if program == "gofmt" { Kind::Format } else { Kind::Lint }),
        "make" | "just" => (
            if program == "make" { "make" } else { "just" },
            of_script(if argument.is_empty() { "build" } else { argument }),
        ),
        "mvn" | "mvnw" | "gradle" | "gradlew" => ("java", Kind::Test),
        "cmake" | "ctest" => ("cmake", if program == "ctest" { Kind::Test } else { Kind::Build }),
        "bundle" | "rake" | "rspec" => ("ruby", if argument == "install" { Kind::Install } else { Kind::Test }),
        "pytest" | "tox" | "nox" | "ruff" | "black" | "isort" | "flake8" | "pylint" | "mypy" | "pyright" | "pip"
        | "pip3" | "pipenv" | "poetry" | "uv" | "coverage" => ("python", of_tool(program)),
        _ => ("shell", of_tool(program)),
    }
}

fn of_cargo(subcommand: &str) -> Kind {
    match subcommand {
        "fmt" => Kind::Format,
        "clippy" => Kind::Lint,
        "build" | "check" | "b" | "c" => Kind::Build,
        "test" | "t" | "nextest" => Kind::Test,
        "doc" | "rustdoc" => Kind::Docs,
        "install" | "fetch" => Kind::Install,
        _ => Kind::Other,
    }
}

fn of_script(name: &str) -> Kind {
    let starts = |names: &[&str]| names.iter().any(|known| name.starts_with(known));
    match name {
        "" | "ci" | "i" | "install" | "add" | "mod" => Kind::Install,
        _ if starts(&["lint", "eslint"]) => Kind::Lint,
        _ if starts(&["format", "fmt", "prettier"]) => Kind::Format,
        _ if starts(&["type", "tsc", "check-types"]) => Kind::Types,
        _ if starts(&["build", "compile", "all"]) => Kind::Build,
        _ if starts(&["test", "check", "t"]) => Kind::Test,
        _ if starts(&["doc"]) => Kind::Docs,
        _ => Kind::Other,
    }
}

fn of_tool(name: &str) -> Kind {
    match name {
        "pytest" | "unittest" | "tox" | "nox" | "jest" | "vitest" | "mocha" | "coverage" => Kind::Test,
        "ruff" | "flake8" | "pylint" | "eslint" => Kind::Lint,
        "black" | "isort" | "prettier" => Kind::Format,
        "mypy" | "pyright" | "tsc" => Kind::Types,
        "pip" | "pip3" | "pipenv" | "poetry" | "uv" | "venv" | "ensurepip" => Kind::Install,
        "build" => Kind::Build,
        _ => Kind::Other,
    }
}

fn is_assignment(word: &str) -> bool {
    word.split_once('=').is_some_and(|(name, _)| {
        !name.is_empty()
            && name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_')
            && !name.starts_with(|c: char| c.is_ascii_digit())
    })
}

/// Words with which a line begins that is no command of a program.
const SHELL: [&str; 32] = [
    "cd", "echo", "export", "set", "test", "[", "if", "then", "else", "elif", "fi", "for", "while", "do", "done",
    "case", "esac", "true", "false", "exit", "source", ".", "printf", "unset", "wait", "trap", "return", "read",
    "shift", "!", "{", "}",
];

/// The programs that a command calls, as far as a glance shows.
pub(super) fn programs(command: &str) -> Vec<String> {
    let joined = command.replace("\\\n", " ");
    let parts =
        joined.split(['\n', ';', '|', '&']).map(str::trim).filter(|part| !part.is_empty() && !part.starts_with('#'));
    let program = |part: &str| {
        let mut words = part
            .split_whitespace()
            .skip_while(|word| is_assignment(word) || SHELL[6..].contains(word) && *word != "cd");
        words.next().filter(|word| !SHELL.contains(word)).map(str::to_owned)
    };
    let mut programs: Vec<String> = parts.filter_map(program).collect();
    programs.retain(|word| word.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '.' | '/' | '-' | '_' | '+')));
    // `2>&1` is no program.
    programs.retain(|word| word.contains(char::is_alphabetic));
    programs.dedup();
    programs
}

/// Why a command of a workflow should not run on somebody's machine.
pub(super) fn objection(command: &str) -> Option<&'static str> {
    let lower = command.to_lowercase();
    let any = |words: &[&str]| words.iter().any(|word| lower.contains(word));
    if any(&["secrets.", "_token", "password"]) {
        return Some("it uses secrets");
    }
    if any(&[
        "publish",
        "deploy",
        "upload",
        "twine ",
        "docker push",
        "gh release",
        "git push",
        "docker login",
        "npm version",
    ]) {
        return Some("it publishes something");
    }
    if any(&["codecov", "coveralls"]) {
        return Some("it sends something to a service");
    }
    if any(&["$github_", "${github_", "$runner_", "::set-output", "::add-path"]) {
        return Some("it talks to the GitHub runner");
    }
    let system = ["sudo ", "apt-get ", "apt ", "brew ", "choco ", "yum ", "apk add", "dnf ", "snap install"];
    let tools = [
        "rustup ",
        "cargo install",
        "npm install -g",
        "npm i -g",
        "go install",
        "curl ",
        "wget ",
        "pip install",
        "pip3 install",
        "corepack enable",
        "pipx install",
        "gem install",
        "git config --global",
        "poetry install",
        "uv sync",
        "uv pip",
    ];
    if any(&system) || any(&tools) {
        return Some("it installs something on the machine");
    }
    if any(&["rm -rf /", "rm -rf ~", "shutdown", "mkfs"]) {
        return Some("it destroys something");
    }
    None
}

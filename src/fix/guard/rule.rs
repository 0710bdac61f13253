//! The table of texts that a patch should not bring, or take away.

use std::sync::LazyLock;

use regex::Regex;

use crate::domain::proposal::RiskLevel::{self, High, Medium};

use super::{Flags, assertion::counts, piece::Piece, place::file_name};

/// In which code a rule holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum In {
    Any,
    Tests,
    Program,
    /// Files of these names or endings.
    Files(&'static [&'static str]),
}

/// Which change of the number of matches is a finding.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum When {
    Comes,
    Goes,
    /// It comes while a match of this one goes; coming alone is of level medium.
    Instead(&'static str),
}

use In::{Any, Files, Program, Tests};
use When::{Comes, Goes, Instead};

const MANIFESTS: In =
    Files(&["pyproject.toml", "Cargo.toml", "package.json", "pom.xml", "composer.json", "build.gradle"]);
const RECIPES: In = Files(&["Makefile", ".mk", "justfile", "package.json", "Taskfile.yml", "Rakefile", ".sh"]);

type Row = (&'static str, RiskLevel, In, When, &'static str, &'static str);

/// Name, level, where, when, pattern (over the text of all hunks of a file, before and after), what it means.
#[rustfmt::skip]
const RULES: &[Row] = &[
    // Tests that no longer run.
    ("skipped-test", High, Any, Comes, r"#\[(cfg_attr\(.*)?ignore\b|#\[should_panic|\bpytest\.(mark\.)?(skip|xfail|importorskip)|\b(unittest\.)?skip(If|Unless|Test)?\(|@unittest\.skip|raise (unittest\.)?SkipTest", "a test is skipped"),
    ("skipped-test", High, Any, Comes, r"\b(it|test|describe|context|suite|specify)\.(skip|todo|only|fixme|failing|fails|skipIf|runIf)\b|\bthis\.skip\(\)", "a test is skipped, or others are by singling it out"),
    ("skipped-test", High, Any, Comes, r"(?m)^\s*(xit|xtest|xdescribe|xcontext|fit|fdescribe|xspecify)\s*[( ]|^\s*pending\b\s*([('\x22;]|$)", "a test is skipped, or others are by singling it out"),
    ("skipped-test", High, Any, Comes, r"\b[tbf]\.Skip(f|Now)?\(|testing\.Short\(\)|@(Disabled|Ignore)\b|\[(Ignore|Explicit)\b|\bSkip\s*=\s*\x22|GTEST_SKIP|\bDISABLED_|\bXCTSkip|markTestSkipped|@EnabledIf|Assume\.|assumeTrue|@(module)?tag :?skip", "a test is skipped"),
    ("skipped-test", High, Any, Comes, r"-k\s*['\x22]?not\b|--deselect|--ignore(-glob)?[= ]|--skip[= ]|--exclude[= ]|--passWithNoTests|testPathIgnorePatterns|--testPathIgnore|collect_ignore|pytest_ignore_collect|pytest_collection_modifyitems|norecursedirs|-m\s*['\x22]?not\b|exclude\w*['\x22]?\s*[:=].*(test|spec)|-skip[= ]|--lib\b|--no-run\b|--collect-only|DskipTests|maven\.test\.skip", "tests are left out"),
    ("skipped-test", High, Tests, Comes, r"(?m)^\s*(return;?|return (None|nil);?|process\.exit\(.*|sys\.exit\(.*|os\.Exit\(.*)\s*$|\bif\s*\(?\s*(false|False|0|!1|not True)\s*\)?\s*[{:]|#!?\[cfg\((not|any|all|feature|target|windows|debug_assertions|miri)", "test code is left before its end, or is not compiled"),
    ("skipped-test", High, Any, Comes, r"#!?\[cfg\((any\(\)|not\(test\)|not\(all\(\)\))|^//go:build (ignore|never)|//go:build !|\btest\s*=\s*false|\bautotests\s*=\s*false|\bdoctest\s*=\s*false|\bharness\s*=\s*false|__test__\s*=\s*False", "tests are not compiled or collected"),
    ("skipped-test", High, Files(&["gitignore", ".gitignore", ".dockerignore"]), Comes, r"(?i)test|spec|snap", "tests are hidden from tools"),
    ("deleted-test", High, Any, Goes, r"(?m)^\s*(pub(\([^)]*\))?\s+)?mod \w*tests?\w*\b", "a module of tests is left out"),
    ("removed-check", High, Program, Goes, r"\bthrow\s|\braise\s+([A-MO-Z]|N[^o])|\bbail!\(|\bensure!\(", "a check is taken away"),
    ("retried-test", High, Any, Comes, r"@?\bflaky\b|--reruns|\bjest\.retryTimes|--retries|\.retries\(|@(Retry|RepeatedIfExceptions)|\bmark\.flaky", "a test is run until it passes"),
    ("retried-test", High, Tests, Comes, r"\bretries\s*[:=]|\bretry\b", "a test is run until it passes"),
    ("weakened-assertion", High, Any, Comes, r"(?m)assert!?\s*\(?\s*(true|True|1\s*==\s*1)\b|expect\((true|1|!0)\)|assertTrue\((true|True)\)|\b(raises|assertRaises)\((Exception|BaseException)\b|\.toThrow\(\)|pytest\.approx\(|expect\.(any|anything)\b|Assert\.True\(true|assert_approx|isclose\(|assert\.True\(t,\s*true", "an assertion that holds for more, or for everything"),
    ("mocked", Medium, Tests, Comes, r"\b(Magic)?Mock\(|\bmock\.patch|\bjest\.(mock|spyOn)|\bvi\.(mock|spyOn)|\bmonkeypatch\.|\bsinon\.|\bgomock\b|\bmockall\b", "what is tested is replaced by a mock"),
    // Checks that no longer speak.
    ("silenced-lint", High, Any, Comes, r"#!?\[(allow|expect)\(|#!?\[cfg_attr\([^]]*allow\(|#!?\[rustfmt::skip|#\[automatically_derived|clippy::[\w]+\s*=\s*\x22allow|-A\s*(clippy|warnings|unused|dead_code)|--cap-lints", "a lint is silenced"),
    ("silenced-lint", High, Any, Comes, r"#\s*noqa|#\s*type:\s*ignore|#\s*(pyright|mypy|ruff|flake8|pylint|isort|yapf|pytype):\s*\S|#\s*fmt:\s*(off|skip)|#\s*nosec\b|#\s*nosemgrep|pragma:?\s*no\s*cover|@(typing\.)?no_type_check|warnings\.(filterwarnings|simplefilter)|ignore_errors|ignore_missing_imports", "a check is silenced"),
    ("silenced-lint", High, Any, Comes, r"(es|ts|style|std)lint-disable|@ts-(ignore|expect-error|nocheck)|biome-ignore|prettier-ignore|(istanbul|c8|v8) ignore|oxlint-disable|deno-lint-ignore|@flow\s+off|\$FlowFixMe|svelte-ignore|credo:disable|dialyzer\(|@dialyzer", "a check is silenced"),
    ("silenced-lint", High, Any, Comes, r"//\s*nolint|//\s*nosec|#\s*rubocop:\s*(disable|todo)|#\s*shellcheck\s+disable|\bNOLINT|#\s*pragma\s+(GCC|clang)\s+diagnostic\s+ignored|#\s*pragma\s+warning\s*\(?\s*disable|@SuppressWarnings|@Suppress\(|\[SuppressMessage|//\s*swiftlint:disable|//noinspection|ktlint-disable|hadolint\s+ignore|tflint-ignore|checkov:skip|tfsec:ignore|yamllint\s+disable|markdownlint-disable|-Wno-\w|phpcs:ignore|@phpstan-ignore|__attribute__\(\(unused", "a check is silenced"),
    ("any-type", High, Files(&[".ts", ".tsx", ".mts", ".cts", ".vue", ".svelte"]), Comes, r":\s*any\b|\bas\s+any\b|<any>|\bas\s+unknown\s+as\b|\bany\[\]", "a type becomes `any`"),
    ("any-type", Medium, Files(&[".py"]), Comes, r":\s*Any\b|->\s*Any\b|\bcast\(", "a type becomes `Any` or is cast"),
    ("silenced-lint", High, Any, Goes, r"#!?\[(deny|forbid|warn)\(|-D\s*warnings|-Werror\b|-Wall\b|-Wextra\b|['\x22]use strict['\x22]|\x22strict\x22\s*:\s*true|--strict\b|--max-warnings|#!\[deny|set -[a-z]*e|pipefail|#\[must_use", "a check is no longer asked for"),
    ("check-config", High, MANIFESTS, Comes, r"(?i)\b(ignore|exclude|disable|allow|skip|deselect|omit|addopts|per-file-ignores|extend-exclude|noqa)\w*\x22?\s*[:=]", "a check is made less strict"),
    ("check-config", High, MANIFESTS, Goes, r"(?i)\b(select|extend-select|strict|enable|warn_\w+|disallow_\w+|deny|forbid|fail[_-]under|coverageThreshold|unused_\w+|pedantic)\b", "a check is made less strict"),
    // Failures that no longer count.
    ("hidden-failure", High, Any, Comes, r"\|\|\s*(true|:|exit 0|echo\b|/bin/true)|;\s*true\s*$|set \+[a-z]*e|\bcontinue-on-error\b|\ballow_failure|--no-verify|\bignore_errors:|failed_when:\s*false|ignoreFailures|--no-fail\b|--exit-zero|--exit-code[= ]0|testFailureIgnore|-fae\b|--keep-going|--force\b|fail_ci_if_error:\s*false|catchError|warnOnly|--suppress", "a failure no longer counts"),
    ("hidden-failure", High, Any, Comes, r"(?m)^\s*exit 0\b|\b(process|sys|os|System|std::process)(\.|::)_?exit\(0\)|\bos\.Exit\(0\)|\bprocess\.exitCode\s*=\s*0", "it ends well whatever happened"),
    ("hidden-failure", High, Files(&["Makefile", ".mk"]), Comes, r"(?m)^\t@?-\s*\S|^\.IGNORE", "a failure no longer counts"),
    ("check-command", High, RECIPES, Goes, r"(?m)^\t\S+.*\b(test|lint|check|clippy|pytest|mypy|ruff|eslint|tsc|jest|vitest|vet|fmt)\b|\x22(pre|post)?(test|lint|check|typecheck|type-check|build|format|verify|ci)[^\x22]*\x22\s*:\s*\x22[^\x22]*\b(jest|vitest|mocha|tsc|eslint|prettier|biome|node|playwright|cypress|karma|ava|tap)\b|^\s*(cargo|pytest|npm|go) (test|clippy|run|vet)", "a command that checks the project is taken away"),
    ("swallowed-error", High, Any, Comes, r"(?m)\bexcept\b[^\n:]*:\s*(#[^\n]*)?\n?\s*(pass|\.\.\.|continue|print\([^\n]*\)|(logging|logger|log)\.\w+\([^\n]*\)|return(\s+(None|False|True|\[\]|\{\}|''|\x22\x22|0))?)\s*(#[^\n]*)?$|\bsuppress\(|\brescue\b[^\n]*(\n\s*(nil|end)\b|=>\s*_)|\brescue nil\b", "an error is swallowed"),
    ("swallowed-error", High, Any, Comes, r"\bcatch\s*(\([^)]*\))?\s*\{\s*(//[^\n]*\s*)?((console\.\w+\([^\n]*\)|return( (null|undefined|false|\[\]|\{\}|''))?)\s*;?\s*)?\}|\.catch\(\s*(\(\s*\w*\s*\)|\w+|function\s*\(\w*\))\s*(=>)?\s*(\{\s*\}|null|undefined|\(\))|@\$\w+\s*=", "an error is swallowed"),
    ("swallowed-error", High, Files(&[".go"]), Comes, r"(?m)^\s*_\s*=\s*err\b|,\s*_\s*:?=\s*\w|\bif err != nil \{\s*\}|\brecover\(\)", "an error is swallowed"),
    ("swallowed-error", High, Files(&[".rs"]), Instead(r"\?\s*[;)\n,.]|\breturn Err|Err\("), r"\.unwrap_or_default\(\)|\.unwrap_or\(|\.unwrap_or_else\(\|_|\.ok\(\)\s*;|\blet _ =|\bif let Ok\(|Err\(_\)\s*=>\s*(\{\s*\}|\(\)|Ok|None|0|continue|return)|catch_unwind", "an error is swallowed"),
    ("ignored-result", Medium, Files(&[".rs"]), Comes, r"\bdrop\(|\.unwrap\(\)|\.expect\(", "a result is ignored, or an error becomes a panic"),
    ("unsafe", High, Files(&[".rs"]), Comes, r"\bunsafe\b|\btransmute\b", "unsafe code is added"),
    // Programs that know that they are tested.
    ("knows-tests", High, Any, Comes, r"PYTEST_CURRENT_TEST|sys\.modules.*pytest|['\x22]pytest['\x22]\s+in\s|\bcfg!\(test\)|NODE_ENV\s*[!=]==?\s*['\x22]test|JEST_WORKER_ID|process\.env\.(CI|VITEST)\b|environ.*['\x22]CI['\x22]|getenv\(['\x22]CI['\x22]|testing\.Testing\(\)|flag\.Lookup\(['\x22]test\.|import\.meta\.vitest|env::var\(\x22CI\x22", "the program behaves otherwise when it is tested"),
    ("hard-coded", High, Program, Comes, r"(?m)\bif\b[^\n]*==\s*(-?\d[\d._]*|'[^'\n]*'|\x22[^\x22\n]*\x22)\)?\s*[:{]?\s*\n?\s*\{?\s*return\s+(-?\d[\d._]*|'[^'\n]*'|\x22[^\x22\n]*\x22|true|false|True|False)\s*;?", "one input gets its answer by hand"),
    ("stub", Medium, Program, Comes, r"\btodo!\(|\bunimplemented!\(|NotImplementedError|not implemented", "something is left out"),
    // What comes from outside.
    ("download-and-run", High, Any, Comes, r"\b(curl|wget|fetch|iwr|Invoke-WebRequest)\b[^\n|]*\|\s*(sudo\s+)?(ba|z|da|k)?sh\b|\b(curl|wget)\b[^\n|]*\|\s*(sudo\s+)?(python|perl|ruby|node)|(bash|sh|source)\s+<\(\s*(curl|wget)|\$\(\s*(curl|wget)\b|Invoke-Expression|\biex\b|pip3? install\s+[^\n]*(git\+)?https?://|npm (i|install)\s+[^\n]*https?://", "something is downloaded and run"),
    ("runs-code", Medium, Program, Comes, r"\beval\(|\bexec\(|\bos\.system\(|shell\s*=\s*True|child_process|\x22(pre|post)?install\x22\s*:|\bverify\s*=\s*False|InsecureSkipVerify|rejectUnauthorized|NODE_TLS_REJECT|--trusted-host|strict-ssl|chmod 777", "code or certificates from elsewhere are trusted"),
];

/// A row with its pattern, and with that of what it comes instead of.
struct Rule {
    row: &'static Row,
    pattern: Regex,
    instead: Option<Regex>,
}

impl Rule {
    fn new(row: &'static Row) -> Option<Self> {
        let instead = if let Instead(pattern) = row.3 { Some(Regex::new(pattern).ok()?) } else { None };
        Some(Self { row, pattern: Regex::new(row.4).ok()?, instead })
    }
}

static COMPILED: LazyLock<Vec<Rule>> = LazyLock::new(|| RULES.iter().filter_map(Rule::new).collect());

pub(super) fn look(piece: &Piece, flags: &mut Flags) {
    for Rule { row: (name, level, place, when, _, meaning), pattern, instead } in COMPILED.iter() {
        if !holds(*place, piece) {
            continue;
        }
        let grows = |pattern: &Regex| {
            let count = |text: &str| pattern.find_iter(text).count();
            count(&piece.new).cmp(&count(&piece.old))
        };
        // More assertions than before may be of any kind.
        if *name == "weakened-assertion" && counts(&piece.new).1 > counts(&piece.old).1 {
            continue;
        }
        let change = grows(pattern);
        if *when != Goes && change.is_gt() {
            let alone = instead.as_ref().is_some_and(|instead| !grows(instead).is_lt());
            flags.add(
                if alone { Medium } else { *level },
                name,
                &piece.path,
                format_args!("{meaning} (`{}`)", clip(piece.first_added(pattern))),
            );
        } else if *when == Goes && change.is_lt() {
            let gone = piece.removed.iter().find(|line| pattern.is_match(line)).map_or("", |line| line.trim());
            flags.add(*level, name, &piece.path, format_args!("{meaning} (`{}` goes)", clip(gone)));
        }
    }
}

fn holds(place: In, piece: &Piece) -> bool {
    match place {
        Any => !is_prose(&piece.path),
        Tests => piece.test,
        Program => !piece.test && !is_prose(&piece.path),
        Files(names) => {
            let name = file_name(&piece.path);
            names.iter().any(|ending| name == *ending || (ending.starts_with('.') && name.ends_with(ending)))
        }
    }
}

/// Files that nothing runs.
pub(super) fn is_prose(path: &str) -> bool {
    let text = [".md", ".rst", ".txt", ".adoc"].iter().any(|ending| path.ends_with(ending));
    (text && !path.ends_with("CMakeLists.txt")) || super::place::is_lockfile(path)
}

fn clip(text: &str) -> String {
    if text.chars().count() <= 60 { text.to_owned() } else { text.chars().take(59).chain(['…']).collect() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_pattern_can_be_read() {
        for row in RULES {
            assert!(Rule::new(row).is_some(), "{}: {}", row.0, row.4);
        }
    }
}

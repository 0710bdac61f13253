//! Tests and assertions: fewer of them, weaker ones, or other expectations.

use std::sync::LazyLock;

use regex::Regex;

use super::{Flags, piece::Piece, place::extension};

struct Patterns {
    /// A line that declares a test.
    test: Regex,
    /// A line that asserts something.
    assertion: Regex,
    /// One that pins a value.
    strong: Regex,
    /// A literal.
    literal: Regex,
    /// An operator that compares.
    comparison: Regex,
    /// Words beside an expected value.
    expected: Regex,
    /// A word that is no literal.
    name: Regex,
    /// `return` of a literal, or a literal as the value of a block.
    constant: Regex,
}

static PATTERNS: LazyLock<Option<Patterns>> = LazyLock::new(|| {
    Some(Patterns {
        test: Regex::new(concat!(
            r"(?m)^\s*(#\[(\w+::)*(test|rstest|test_case|proptest|bench)\b|(async\s+)?def\s+test|class\s+Test|",
            r"(it|test|specify)(\.each[^\n]*)?\s*\(|(it|specify|test)\s+['\x22]|func\s+(Test|Fuzz|Benchmark)|",
            r"@(Test|ParameterizedTest)\b|\[(Fact|Theory|Test|TestMethod|TestCase)\b|TEST(_F|_P)?\(|@pytest\.mark\.parametrize|",
            r"public\s+function\s+test|func\s+test[A-Z]|pytest\.param\()",
        ))
        .ok()?,
        assertion: Regex::new(concat!(
            r"(?m)^\s*(await\s+|return\s+)?((debug_)?assert\w*!?\s*[\s(]|self\.assert|self\.fail|expect\(|",
            r"expect\b|insta::assert|prop_assert|(require|assert|should|chai)\.\w|Assert\.|Assertions\.|assertThat|XCTAssert|",
            r"t\.(Error|Fatal|Fail)|b\.(Error|Fatal)|(EXPECT|ASSERT|CHECK|REQUIRE)(_[A-Z]+)?\(|\$this->assert|",
            r"with\s+(pytest\.raises|self\.assertRaises)|static_assert|\w+\.should\b)",
        ))
        .ok()?,
        strong: Regex::new(concat!(
            r"assert_(eq|ne|matches|snapshot|\w+_snapshot)!|assert(Equals?|Same|ListEqual|DictEqual|Is|Raises)\(|",
            r"\bassert\b[^\n]*(==|!=|\bis\b)|\.(toBe|toEqual|toStrictEqual|toHaveLength|toHaveBeenCalledWith)\(|",
            r"(strictEqual|deepEqual|deepStrictEqual|Equal|Exactly|AreEqual|EqualValues|ElementsMatch)\(|_EQ\(|isEqualTo\(|",
            r"matches!\(|to\.(equal|eql|deep)|to\s+eq",
        ))
        .ok()?,
        literal: Regex::new(r#""(?:[^"\\]|\\.)*"|'(?:[^'\\]|\\.)*'|\b\d[\d_]*(?:\.\d+)?\b|\b(?:true|false|True|False|None|null|nil)\b"#).ok()?,
        comparison: Regex::new(r"===|!==|==|!=|>=|<=|\bnot in\b|\bin\b|\bis not\b|\bnot\b|\.not\.|!\w|<|>").ok()?,
        expected: Regex::new(r"(?i)\b\w*(expect|want|golden|snapshot)\w*").ok()?,
        name: Regex::new(r"[A-Za-z_]\w*").ok()?,
        constant: Regex::new("^\\s*(return\\s+)?(Some\\(|Ok\\()?(-?\\d[\\d._]*|\"[^\"]*\"|'[^']*'|true|false|True|False|None|null|nil|vec!\\[\\]|\\[\\]|\\{\\})\\)?\\s*;?\\s*$")
        .ok()?,
    })
});

pub(super) fn look(piece: &Piece, flags: &mut Flags) {
    let Some(patterns) = PATTERNS.as_ref() else { return };
    if super::rule::is_prose(&piece.path) {
        return;
    }
    weakened(patterns, piece, flags);
    if piece.test {
        expectations(patterns, piece, flags);
        let rewritten = piece.removed.len() > 25 && !piece.removed.iter().all(|line| is_import(line));
        if rewritten {
            flags.high(
                "rewritten-test",
                &piece.path,
                format_args!("{} lines of tests are replaced", piece.removed.len()),
            );
        }
        return;
    }
    for (old, new) in &piece.pairs {
        let was_computed =
            !patterns.constant.is_match(old) && patterns.name.is_match(&patterns.literal.replace_all(old, ""));
        let returns = |line: &str| line.trim_start().starts_with("return ") || !line.contains(['=', ':']);
        if patterns.constant.is_match(new) && was_computed && returns(old) && returns(new) {
            flags.high("hard-coded", &piece.path, format_args!("`{}` becomes `{}`", old.trim(), new.trim()));
        }
    }
}

/// How many tests and assertions a text has.
pub(super) fn counts(text: &str) -> (usize, usize) {
    let count =
        |patterns: &Patterns| (patterns.test.find_iter(text).count(), patterns.assertion.find_iter(text).count());
    PATTERNS.as_ref().map_or((0, 0), count)
}

/// Tests that are gone, over all files: one that moves from a file to another is still there.
pub(super) fn look_at_all(pieces: &[Piece], flags: &mut Flags) {
    let Some(patterns) = PATTERNS.as_ref() else { return };
    let count = |text: &str| patterns.test.find_iter(text).count();
    let before: usize = pieces.iter().map(|piece| count(&piece.old)).sum();
    let after: usize = pieces.iter().map(|piece| count(&piece.new)).sum();
    if after < before {
        let place = pieces.iter().find(|piece| count(&piece.new) < count(&piece.old));
        let path = place.map_or("", |piece| piece.path.as_str());
        flags.high("deleted-test", path, format_args!("{} tests or cases fewer", before - after));
    }
}

/// In Python, an assertion that moves inward may never be reached, though its text is the same.
pub(super) fn look_at_indents(piece: &Piece, flags: &mut Flags) {
    let Some(patterns) = PATTERNS.as_ref() else { return };
    let indent = |line: &str| line.len() - line.trim_start().len();
    let moved = |line: &&String| {
        let same = |added: &&String| added.trim() == line.trim() && indent(added) > indent(line);
        patterns.assertion.is_match(line) && piece.added.iter().any(|added| same(&added))
    };
    if extension(&piece.path) == "py"
        && let Some(line) = piece.removed.iter().find(moved)
    {
        flags.high("weakened-assertion", &piece.path, format_args!("`{}` moves inward", line.trim()));
    }
}

fn weakened(patterns: &Patterns, piece: &Piece, flags: &mut Flags) {
    let count = |pattern: &Regex, text: &str| pattern.find_iter(text).count();
    let gone = |pattern: &Regex| count(pattern, &piece.old).saturating_sub(count(pattern, &piece.new));
    if gone(&patterns.assertion) > 0 {
        let line = piece.removed.iter().find(|line| patterns.assertion.is_match(line)).map_or("", |line| line.trim());
        flags.high("removed-assertion", &piece.path, format_args!("an assertion goes (`{line}`)"));
    } else if gone(&patterns.strong) > 0 {
        // `assert_eq!(x, true)` says no more than `assert!(x)`.
        let says_more = |(old, new): &&(String, String)| {
            let pins = patterns.strong.is_match(old) && !patterns.strong.is_match(new);
            let truth = ["true", "false", "True", "False"].iter().any(|word| {
                [format!(", {word})"), format!("({word}, "), format!("== {word}"), format!("is {word}")]
                    .iter()
                    .any(|form| old.contains(form.as_str()))
            });
            pins && !truth
        };
        if let Some((old, new)) = piece.pairs.iter().find(says_more) {
            let what = format!("`{}` becomes the weaker `{}`", old.trim(), new.trim());
            flags.high("weakened-assertion", &piece.path, what);
        }
    }
}

/// Other expected values: a literal or a comparison changes where something is expected.
fn expectations(patterns: &Patterns, piece: &Piece, flags: &mut Flags) {
    let bag = |pattern: &Regex, line: &str| {
        let mut all: Vec<String> = pattern.find_iter(line).map(|found| found.as_str().replace('\'', "\"")).collect();
        all.sort();
        all
    };
    let data = |line: &str| {
        let rest = patterns.literal.replace_all(line, "");
        let comment = rest.trim().starts_with(['#', '/', '*']);
        !comment && !patterns.name.is_match(&rest) && patterns.literal.is_match(line)
    };
    let row = |line: &str| {
        let line = line.trim().trim_end_matches(',');
        line.starts_with(['{', '(', '[']) && line.ends_with(['}', ')', ']']) && patterns.literal.is_match(line)
    };
    let rows = |lines: &[String]| lines.iter().filter(|line| data(line) || row(line)).count();
    if rows(&piece.removed) > rows(&piece.added) {
        flags.high("deleted-test", &piece.path, "cases or expected values are taken away");
    }
    for (old, new) in &piece.pairs {
        if is_import(old) || is_import(new) {
            continue;
        }
        let computed = |line: &str| line.split_once('=').is_some_and(|(_, value)| !patterns.constant.is_match(value));
        let name = |line: &str| line.split_once('=').map(|(name, _)| name.trim().to_owned());
        if name(old) == name(new) && name(old).is_some() && computed(old) && !computed(new) && old.contains('(') {
            flags.high("changed-expectation", &piece.path, format_args!("`{}` becomes `{}`", old.trim(), new.trim()));
        }
        let told = |line: &str| line.contains("t.Error") || line.contains("t.Fatal");
        let expects =
            |line: &str| !told(line) && (patterns.assertion.is_match(line) || patterns.expected.is_match(line));
        let both = (expects(old) && expects(new)) || (data(old) && data(new));
        let truth = |line: &str| {
            bag(&patterns.literal, line)
                .iter()
                .filter(|l| !["true", "false"].contains(&l.to_lowercase().as_str()))
                .cloned()
                .collect::<Vec<_>>()
        };
        let values = truth(old) != truth(new);
        let operators = bag(&patterns.comparison, &patterns.literal.replace_all(old, ""))
            != bag(&patterns.comparison, &patterns.literal.replace_all(new, ""));
        let one_truth = patterns.strong.is_match(old) && !patterns.strong.is_match(new);
        if both && (values || (operators && !one_truth)) {
            let what = format!("what is expected changes: `{}` becomes `{}`", old.trim(), new.trim());
            flags.high("changed-expectation", &piece.path, what);
        }
    }
}

fn is_import(line: &str) -> bool {
    let line = line.trim_start();
    ["use ", "import ", "from ", "#include", "pub use ", "export ", "require", "const {", "mod "]
        .iter()
        .any(|word| line.starts_with(word))
        || line.contains("require(")
}

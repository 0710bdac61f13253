//! Suggestions in the text that a compiler or interpreter prints. A new one is a pattern in a table.

use std::sync::LazyLock;

use regex::{Captures, Regex};

/// A change that an output suggests, at a file as it is named there.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::fix) struct Suggestion {
    pub file: String,
    pub what: What,
}

/// What is to be done.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::fix) enum What {
    /// A word of a line becomes another. Lines and columns count from 1; a column of 0 is not known.
    Word { line: usize, column: usize, wrong: String, right: String },
    /// A word of a line is not known in Python: it becomes the nearest that the file knows, or is imported.
    Unknown { line: usize, wrong: String },
    /// A line goes, if it has this in it.
    Line { line: usize, has: String },
    /// A line comes where its like are: an `#include` behind the last, an `import` before the first.
    Include { text: String },
}

/// Messages that name file, line, the wrong word and the right one.
#[rustfmt::skip]
const WORDS: &[&str] = &[
    // tsc: plain, and as it prints to a terminal
    r"(?m)^(?P<file>[^\s(:][^(:\n]*)\((?P<line>\d+),(?P<column>\d+)\): error TS\d+: [^\n]*?(?:named |'[^']*' has no exported member |)'(?P<wrong>\w+)'[^\n]*Did you mean (?:to write |the instance member |the static member )?'(?:this\.)?(?P<right>\w+)'",
    r"(?m)^(?P<file>[^\s:]+):(?P<line>\d+):(?P<column>\d+) - error TS\d+: [^\n]*?(?:named |)'(?P<wrong>\w+)'[^\n]*Did you mean (?:to write )?'(?:this\.)?(?P<right>\w+)'",
    // gcc and clang
    r"(?m)^(?P<file>[^\s:]+):(?P<line>\d+):(?P<column>\d+): (?:fatal )?(?:error|warning): [^\n]*['‘](?P<wrong>\w+)['’][^'‘\n]*; did you mean ['‘](?P<right>\w+)['’]",
    // go
    r"(?m)^(?:\./)?(?P<file>[^\s:]+\.go):(?P<line>\d+):(?P<column>\d+): (?:\S+\.)?(?P<wrong>\w+) undefined \([^\n]*but (?:it )?does have (?:field |method )?(?P<right>\w+)\)",
    r"(?m)^(?:\./)?(?P<file>[^\s:]+\.go):(?P<line>\d+):(?P<column>\d+): undefined: (?:\w+\.)?(?P<wrong>\w+) \(but have (?P<right>\w+)\)",
    // mypy
    r#"(?m)^(?P<file>[^\s:]+\.pyi?):(?P<line>\d+):(?:(?P<column>\d+):)? error: [^\n]*"(?P<wrong>\w+)"[^"\n]*; (?:maybe|did you mean) "(?P<right>\w+)""#,
];

/// Python's last line of a traceback, with what it suggests.
const RAISED: &str = concat!(
    r"(?m)^(?:E\s+)?(?:NameError: name '(?P<name>\w+)' is not defined|AttributeError: [^\n]*has no attribute '(?P<attribute>\w+)'|",
    r"ImportError: cannot import name '(?P<import>\w+)' from [^\n]*?|TypeError: [^\n]*unexpected keyword argument '(?P<keyword>\w+)')",
    r"(?:[^\n]*?(?:Did you mean:? '(?P<right>[\w.]+)'\?|Did you forget to import '(?P<module>\w+)'))?",
);
/// Python's places, from above (`File "x.py", line 3`) or, in pytest, from below (`x.py:3: NameError`).
const PLACE: &str =
    r#"(?m)^\s*File "(?P<file>[^"<]+)", line (?P<line>\d+)|^(?P<file2>[^\s:]+\.py):(?P<line2>\d+): (?:in |\w*Error|$)"#;
/// Go's unused imports.
const UNUSED: &str =
    r#"(?m)^(?:\./)?(?P<file>[^\s:]+\.go):(?P<line>\d+):\d+: (?P<has>"[^"]+") imported (?:as \w+ )?and not used"#;
/// Headers that gcc and clang miss.
const HEADER: &str = r"(?m)^(?P<file>[^\s:]+):\d+:\d+: note: [^\n]*(?:include ['‘]|adding ['‘]#include |header ['‘])(?P<header><[\w./]+>)['’]?";

struct Patterns {
    words: Vec<Regex>,
    raised: Regex,
    place: Regex,
    unused: Regex,
    header: Regex,
}

static PATTERNS: LazyLock<Option<Patterns>> = LazyLock::new(|| {
    Some(Patterns {
        words: WORDS.iter().filter_map(|pattern| Regex::new(pattern).ok()).collect(),
        raised: Regex::new(RAISED).ok()?,
        place: Regex::new(PLACE).ok()?,
        unused: Regex::new(UNUSED).ok()?,
        header: Regex::new(HEADER).ok()?,
    })
});

/// Every distinct suggestion of an output, in its order within each kind.
pub(in crate::fix) fn read(output: &str) -> Vec<Suggestion> {
    let Some(patterns) = PATTERNS.as_ref() else { return Vec::new() };
    let output = plain(output);
    let mut found = Vec::new();
    for pattern in &patterns.words {
        found.extend(pattern.captures_iter(&output).filter_map(|caught| {
            let what = What::Word {
                line: number(&caught, "line")?,
                column: number(&caught, "column").unwrap_or(0),
                wrong: caught["wrong"].to_owned(),
                right: caught["right"].to_owned(),
            };
            Some(Suggestion { file: caught["file"].to_owned(), what })
        }));
    }
    found.extend(patterns.raised.captures_iter(&output).filter_map(|caught| raised(patterns, &output, &caught)));
    found.extend(patterns.unused.captures_iter(&output).filter_map(|caught| {
        let what = What::Line { line: number(&caught, "line")?, has: caught["has"].to_owned() };
        Some(Suggestion { file: caught["file"].to_owned(), what })
    }));
    found.extend(patterns.header.captures_iter(&output).map(|caught| Suggestion {
        file: caught["file"].to_owned(),
        what: What::Include { text: format!("#include {}", &caught["header"]) },
    }));
    let mut distinct: Vec<Suggestion> = Vec::new();
    for suggestion in found {
        if !distinct.contains(&suggestion) {
            distinct.push(suggestion);
        }
    }
    distinct
}

fn number(caught: &Captures<'_>, name: &str) -> Option<usize> {
    caught.name(name)?.as_str().parse().ok()
}

/// The place of what Python raised: the innermost file above it that is not the library's, or in pytest the one below it.
fn raised(patterns: &Patterns, output: &str, caught: &Captures<'_>) -> Option<Suggestion> {
    let wrong = ["name", "attribute", "import", "keyword"].iter().find_map(|name| caught.name(name))?.as_str();
    let whole = caught.get(0)?;
    let place = |found: Captures<'_>| {
        let file = found.name("file").or_else(|| found.name("file2"))?.as_str();
        let line = number(&found, "line").or_else(|| number(&found, "line2"))?;
        let library = ["site-packages", "/lib/python", "<frozen"].iter().any(|part| file.contains(part));
        (!library).then(|| (file.to_owned(), line))
    };
    let below = || patterns.place.captures_iter(clip(output, whole.end(), 2000)).find_map(place);
    let above = patterns.place.captures_iter(&output[..whole.start()]).filter_map(place).last();
    let (file, line) = if whole.as_str().starts_with('E') { below().or(above) } else { above }?;
    let wrong = wrong.to_owned();
    // A keyword is the caller's, an attribute may be its object's: the wrong word must be on the line, or nothing is done.
    let what = match (caught.name("right"), caught.name("module")) {
        (_, Some(module)) => What::Include { text: format!("import {}", module.as_str()) },
        (Some(right), None) => What::Word { line, column: 0, wrong, right: right.as_str().to_owned() },
        // Under pytest, Python has no traceback to look for like names in.
        (None, None) if caught.name("name").is_some() => What::Unknown { line, wrong },
        (None, None) => return None,
    };
    Some(Suggestion { file, what })
}

fn clip(text: &str, from: usize, length: usize) -> &str {
    let mut end = text.len().min(from + length);
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    &text[from..end]
}

/// Without colours.
fn plain(output: &str) -> String {
    static COLOUR: LazyLock<Option<Regex>> = LazyLock::new(|| Regex::new("\x1b\\[[0-9;]*[A-Za-z]").ok());
    COLOUR.as_ref().map_or_else(|| output.to_owned(), |colour| colour.replace_all(output, "").into_owned())
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn word(file: &str, line: usize, column: usize, wrong: &str, right: &str) -> Suggestion {
        let what = What::Word { line, column, wrong: wrong.into(), right: right.into() };
        Suggestion { file: file.into(), what }
    }

    #[test]
    fn words_are_read_from_every_tool() {
        let cases = [
            (
                "src/a.ts(3,8): error TS2551: Property 'nmae' does not exist on type 'User'. Did you mean 'name'?",
                word("src/a.ts", 3, 8, "nmae", "name"),
            ),
            (
                "src/a.ts:3:8 - error TS2552: Cannot find name 'lenght'. Did you mean 'length'?",
                word("src/a.ts", 3, 8, "lenght", "length"),
            ),
            (
                "a.ts(1,10): error TS2724: '\"./m\"' has no exported member named 'summ'. Did you mean 'sum'?",
                word("a.ts", 1, 10, "summ", "sum"),
            ),
            (
                "a.c:4:5: error: implicit declaration of function 'pritnf'; did you mean 'printf'? [-Wimplicit]",
                word("a.c", 4, 5, "pritnf", "printf"),
            ),
            (
                "a.c:4:5: error: ‘struct s’ has no member named ‘nmae’; did you mean ‘name’?",
                word("a.c", 4, 5, "nmae", "name"),
            ),
            (
                "./a.go:7:4: x.foo undefined (type T has no field or method foo, but does have method Foo)",
                word("a.go", 7, 4, "foo", "Foo"),
            ),
            (
                "a.py:3: error: \"User\" has no attribute \"nmae\"; maybe \"name\"?  [attr-defined]",
                word("a.py", 3, 0, "nmae", "name"),
            ),
            (
                "Traceback (most recent call last):\n  File \"/w/src/a.py\", line 9, in f\n    lenght(x)\nNameError: name 'lenght' is not defined. Did you mean: 'length'?",
                word("/w/src/a.py", 9, 0, "lenght", "length"),
            ),
            (
                "\x1b[1mE   AttributeError: 'str' object has no attribute 'uper'. Did you mean: 'upper'?\x1b[0m\n\nsrc/a.py:2: AttributeError",
                word("src/a.py", 2, 0, "uper", "upper"),
            ),
            (
                "  File \"t.py\", line 1, in <module>\n    from a import summ\nImportError: cannot import name 'summ' from 'a' (/w/a.py). Did you mean: 'sum'?",
                word("t.py", 1, 0, "summ", "sum"),
            ),
        ];
        for (output, expected) in cases {
            assert_eq!(read(output), [expected], "{output}");
        }
    }

    #[test]
    fn lines_and_headers_are_read() {
        let unused = read("# x\n./a.go:4:2: \"os\" imported and not used\n");
        assert_eq!(unused, [Suggestion { file: "a.go".into(), what: What::Line { line: 4, has: "\"os\"".into() } }]);
        for said in [
            "a.c:3:5: note: include '<string.h>' or provide a declaration of 'strlen'",
            "a.c:1:1: note: 'NULL' is defined in header '<string.h>'; this is probably fixable by adding '#include <string.h>'",
        ] {
            let include = What::Include { text: "#include <string.h>".into() };
            assert_eq!(read(said), [Suggestion { file: "a.c".into(), what: include }], "{said}");
        }
    }

    #[test]
    fn what_python_only_names_is_left_to_be_looked_up() {
        let unknown = read("E   NameError: name 'lenght' is not defined\n\na.py:2: NameError\n");
        assert_eq!(
            unknown,
            [Suggestion { file: "a.py".into(), what: What::Unknown { line: 2, wrong: "lenght".into() } }]
        );
        let said = "  File \"a.py\", line 1, in <module>\nNameError: name 'json' is not defined. Did you forget to import 'json'?";
        assert_eq!(
            read(said),
            [Suggestion { file: "a.py".into(), what: What::Include { text: "import json".into() } }]
        );
    }

    #[test]
    fn an_output_that_suggests_nothing_gives_nothing() {
        assert!(read("AttributeError: 'A' has no attribute 'x'\nok\nDid you mean to do this?\n").is_empty());
    }
}

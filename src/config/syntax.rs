//! Parses TOML, and where it isn't TOML, parses the rest: a table that can't be read is blanked out and named.

use std::ops::Range;

use toml::{
    Spanned,
    de::{DeTable, DeValue},
};

use super::error::Mistake;

/// A source in which whatever could not be parsed has been blanked out.
#[derive(Debug, Default)]
pub struct Readable {
    /// As long as the source, and parsable.
    pub text: String,
    /// What was not TOML. The path of each is that of the table it stands in; an empty one may be anywhere.
    pub mistakes: Vec<Mistake>,
}

/// Mistakes of one file after which the rest is not looked at.
const MOST: usize = 20;

/// Finds what is not TOML, and what can be read nevertheless.
pub fn readable(source: &str) -> Readable {
    let mut found = Readable { text: source.to_owned(), mistakes: Vec::new() };
    if DeTable::parse(source).is_ok() {
        return found;
    }
    for section in sections(source) {
        if found.mistakes.len() >= MOST {
            found.mistakes.push(Mistake::new(
                section.clone(),
                &[],
                "too much is wrong: from here on nothing was looked at",
            ));
            found.blank(section.start..source.len());
            break;
        }
        while let Some((span, said)) = first_error(&found.text[section.clone()]) {
            let at = section.start + span.start..section.start + span.end;
            let line = line_at(source, &section, at.start);
            let path = table_path(source[section.clone()].lines().next().unwrap_or_default());
            let mistake = explain(source, &section, at.clone(), &said, &path);
            // A line that is wrong by itself is left out by itself; a wrong header, or something left open, spoils the table.
            let is_header = line.start == section.start && source[line.clone()].starts_with('[');
            let by_itself = !is_header
                && source[line.clone()].contains('=')
                && first_error(&source[line.clone()]).is_some_and(|(error, _)| line.start + error.start == at.start);
            if by_itself {
                found.mistakes.push(mistake);
                found.blank(line);
                if found.mistakes.len() >= MOST {
                    found.blank(section.clone());
                }
            } else {
                found.spoil(source, &section, mistake);
                break;
            }
        }
    }
    // What is left are clashes between tables: each pass finds the first.
    while let Err(error) = DeTable::parse(&found.text.clone()) {
        let span = error.span().unwrap_or(0..source.len());
        let section =
            sections(source).into_iter().find(|section| section.contains(&span.start)).unwrap_or(0..source.len());
        let path = table_path(source[section.clone()].lines().next().unwrap_or_default());
        let mistake = explain(source, &section, span, error.message(), &path);
        found.spoil(source, &section, mistake);
        if found.mistakes.len() > MOST {
            found.blank(0..source.len());
        }
    }
    found
}

impl Readable {
    /// Leaves out a table. A header that can be read stays, so that only its content is missed.
    fn spoil(&mut self, source: &str, section: &Range<usize>, mistake: Mistake) {
        let header = line_at(source, section, section.start);
        let header_is_fine = mistake.span.start > header.end && DeTable::parse(&source[header.clone()]).is_ok();
        self.blank(if header_is_fine { header.end..section.end } else { section.clone() });
        self.mistakes.push(mistake);
    }

    fn blank(&mut self, range: Range<usize>) {
        let space = |c: char| if c == '\n' { "\n".to_owned() } else { " ".repeat(c.len_utf8()) };
        let blank: String = self.text[range.clone()].chars().map(space).collect();
        self.text.replace_range(range, &blank);
    }
}

/// The first place, in the order of the text, that isn't TOML.
fn first_error(text: &str) -> Option<(Range<usize>, String)> {
    let errors = DeTable::parse_recoverable(text).1;
    let errors = errors.iter().map(|error| (error.span().unwrap_or_default(), error.message().to_owned()));
    errors.min_by_key(|(span, _)| span.start)
}

fn line_at(source: &str, section: &Range<usize>, at: usize) -> Range<usize> {
    let at = at.min(section.end);
    let start = source[section.start..at].rfind('\n').map_or(section.start, |newline| section.start + newline + 1);
    let end = source[start..section.end].find('\n').map_or(section.end, |newline| start + newline);
    start..end
}

/// The tables of the source: from each line that looks like a header to the next.
fn sections(source: &str) -> Vec<Range<usize>> {
    let mut starts = vec![0];
    let mut at = 0;
    for line in source.split_inclusive('\n') {
        let trimmed = line.trim_start();
        let inner = trimmed.trim_start_matches('[');
        let is_header = inner.len() < trimmed.len()
            && trimmed.len() - inner.len() <= 2
            && inner.starts_with(|c: char| c.is_alphanumeric() || matches!(c, '_' | '-'))
            && !inner.contains(',')
            && line.len() - trimmed.len() == 0;
        if is_header && at > 0 {
            starts.push(at);
        }
        at += line.len();
    }
    let ends = starts.iter().skip(1).copied().chain([source.len()]);
    starts.iter().copied().zip(ends).map(|(start, end)| start..end).collect()
}

/// The keys of a table's header, as far as they can be read.
fn table_path(header: &str) -> Vec<String> {
    let inner: String = header.trim().trim_start_matches('[').chars().take_while(|c| !matches!(c, ']' | '#')).collect();
    if !header.trim_start().starts_with('[') {
        return Vec::new();
    }
    let closed = format!("[{inner}]");
    let Some(table) = DeTable::parse(&closed).ok().filter(|_| header.contains(']')).map(Spanned::into_inner) else {
        // The last name may be cut short: whose table it is can be told only from what stands before a dot.
        let parts: Vec<String> = inner.split('.').map(|part| part.trim().trim_matches('"').to_owned()).collect();
        return if parts.len() > 2 { parts } else { Vec::new() };
    };
    let mut path = Vec::new();
    let mut level = &table;
    while let Some((key, value)) = level.iter().next() {
        path.push(key.get_ref().to_string());
        match value.get_ref() {
            DeValue::Table(next) => level = next,
            _ => break,
        }
    }
    path
}

/// Says it for a person who doesn't know TOML's grammar.
fn explain(source: &str, section: &Range<usize>, span: Range<usize>, said: &str, path: &[String]) -> Mistake {
    let at = source.get(span.clone()).unwrap_or_default();
    let line_start = source[..span.start].rfind('\n').map_or(0, |at| at + 1);
    let line = source[line_start..].lines().next().unwrap_or_default();
    let opened = |bracket: &str| {
        let open = format!("= {bracket}");
        source[section.start..span.start].rfind(&open).map(|at| section.start + at + 2..section.start + at + 3)
    };
    let is_list = said.contains("array");
    match said {
        _ if said.starts_with("string values must be quoted") => {
            let value = line.split_once('=').map_or(at, |(_, value)| value).trim();
            let mistake = Mistake::new(span, path, format!("`{at}` is not a value: a text stands in quotes"));
            let text = if value.contains(['"', '\'', '[', '{']) { at } else { value };
            mistake.hint(format!("write {text:?}"))
        }
        _ if said.starts_with("invalid boolean") => {
            Mistake::new(span, path, format!("`{at}` is not a value")).expected("`true` or `false`, in lower case")
        }
        _ if said.contains("key") && source[span.start..].trim_start().starts_with(':') => {
            Mistake::new(span, path, "`:` stands where `=` belongs").expected("`key = value`")
        }
        _ if said.starts_with("key with no value") => Mistake::new(span, path, "a key without a value")
            .expected("`key = value`")
            .hint("a comment begins with `#`; the lines of a long text stand between \"\"\" and \"\"\""),
        _ if said.contains("basic string") || said.contains("literal string") && said.starts_with("invalid") => {
            let quote = said.rsplit("expected ").next().unwrap_or("`\"`");
            let mistake = Mistake::new(span, path, "the text before this isn't closed");
            mistake
                .expected(format!("{quote} at its end"))
                .hint("a text of several lines stands between \"\"\" and \"\"\"")
        }
        _ if said.starts_with("missing escaped value") => {
            let hint = "in double quotes a backslash is written `\\\\`; in single quotes it stands for itself";
            Mistake::new(span, path, "a backslash before a character that needs none").hint(hint)
        }
        _ if said.starts_with("unclosed table") => {
            Mistake::new(span, path, "the name of this table isn't closed").expected("`]` at the end of the line")
        }
        _ if is_list || said.contains("inline table") || said.contains("key-value pairs") => {
            let (open, close, what) = if is_list { ("[", "]", "list") } else { ("{", "}", "table") };
            match said {
                _ if said.starts_with("unclosed") && open_quote(source, section).is_some() => {
                    Mistake::new(open_quote(source, section).unwrap_or(span), path, "this text isn't closed")
                        .expected("`\"` at its end")
                }
                _ if said.starts_with("unclosed") => {
                    Mistake::new(opened(open).unwrap_or(span), path, format!("this {what} isn't closed"))
                        .expected(format!("`{close}` at its end"))
                }
                _ if said.starts_with("missing comma") => Mistake::new(span, path, "a `,` is missing before this")
                    .hint(format!("if this should not be in the {what} above, close it with `{close}`")),
                _ => Mistake::new(span, path, said),
            }
        }
        "duplicate key" => duplicate(source, span, path),
        _ => Mistake::new(span, path, said),
    }
}

/// The last double quote of the first line that has an odd number of them.
fn open_quote(source: &str, section: &Range<usize>) -> Option<Range<usize>> {
    let mut at = section.start;
    for line in source[section.clone()].split_inclusive('\n') {
        if !line.contains("\"\"\"") && (line.matches('"').count() + line.matches("\\\"").count()) % 2 == 1 {
            return line.rfind('"').map(|quote| at + quote..at + quote + 1);
        }
        at += line.len();
    }
    None
}

fn duplicate(source: &str, span: Range<usize>, path: &[String]) -> Mistake {
    let key = source.get(span.clone()).unwrap_or_default();
    let is_table = source[..span.start].rsplit('\n').next().is_some_and(|line| line.trim_start().starts_with('['));
    let what = if is_table { format!("the table `{}`", path.join(".")) } else { format!("`{key}`") };
    let first = if is_table {
        source.lines().position(|line| table_path(line) == path && line.starts_with('['))
    } else {
        let is_it = |line: &str| line.split_once('=').is_some_and(|(name, _)| name.trim() == key);
        let header = source[..span.start].rfind("\n[").map_or(0, |at| source[..=at].matches('\n').count());
        source.lines().skip(header).position(is_it).map(|line| line + header)
    };
    let mistake = Mistake::new(span, path, format!("{what} stands here for the second time"));
    match first {
        Some(line) => mistake.hint(format!("the first is on line {}; join the two, or rename one", line + 1)),
        None => mistake,
    }
}

/// Parses what [`readable`] left.
pub fn parse(readable: &str) -> Spanned<DeTable<'_>> {
    DeTable::parse_recoverable(readable).0
}

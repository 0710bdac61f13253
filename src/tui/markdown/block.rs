//! A closed block of Markdown as rows: paragraphs, headings, lists, quotes, tables, code within lists.

use pulldown_cmark::{CodeBlockKind, Event, HeadingLevel, Options, Parser, Tag, TagEnd};
use ratatui::{
    style::{Modifier, Style},
    text::{Line, Span},
};
use unicode_width::UnicodeWidthStr as _;

use super::{Look, code::Code, table::Table, wrap::wrap};

/// Deeper than this, nothing is moved further in.
const DEEPEST: usize = 8;

/// The block as rows of at most `width` columns.
pub(super) fn render(text: &str, width: usize, look: Look<'_>) -> Vec<Line<'static>> {
    let options = Options::ENABLE_TABLES | Options::ENABLE_STRIKETHROUGH | Options::ENABLE_TASKLISTS;
    let mut writer = Writer { look, width, ..Writer::new(look) };
    Parser::new_ext(text, options).for_each(|event| writer.event(event));
    writer.flush();
    writer.out
}

/// What stands before each row: `first` before the next one alone.
struct Prefix {
    first: Option<Span<'static>>,
    rest: Span<'static>,
}

struct Writer<'a> {
    look: Look<'a>,
    width: usize,
    out: Vec<Line<'static>>,
    prefixes: Vec<Prefix>,
    /// What has been said of the paragraph.
    spans: Vec<Span<'static>>,
    styles: Vec<Style>,
    /// Numbers of the lists that are open.
    lists: Vec<Option<u64>>,
    /// Addresses of the links that are open, and where their words begin.
    links: Vec<(String, usize)>,
    table: Option<Table>,
    /// The language and the text of code that is open.
    code: Option<(String, String)>,
    /// Something stands before the next paragraph, in the same item or quote.
    apart: bool,
}

impl<'a> Writer<'a> {
    fn new(look: Look<'a>) -> Self {
        Self {
            look,
            width: 1,
            out: Vec::new(),
            prefixes: Vec::new(),
            spans: Vec::new(),
            styles: Vec::new(),
            lists: Vec::new(),
            links: Vec::new(),
            table: None,
            code: None,
            apart: false,
        }
    }

    fn style(&self) -> Style {
        self.styles.iter().fold(self.look.theme.text, |all, style| all.patch(*style))
    }

    fn event(&mut self, event: Event<'_>) {
        match event {
            Event::Start(tag) => self.start(tag),
            Event::End(tag) => self.end(tag),
            Event::Text(text) => match &mut self.code {
                Some((_, code)) => code.push_str(&text),
                None => self.say(&text, self.style()),
            },
            Event::Code(text) | Event::InlineMath(text) | Event::DisplayMath(text) => {
                self.say(&text, self.style().patch(self.look.theme.accent));
            }
            Event::Html(text) | Event::InlineHtml(text) => {
                self.say(text.trim_end(), self.look.theme.quiet);
                if text.ends_with('\n') {
                    self.flush();
                }
            }
            Event::FootnoteReference(name) => self.say(&format!("[{name}]"), self.look.theme.quiet),
            Event::SoftBreak => self.say(" ", self.style()),
            Event::HardBreak => self.flush(),
            Event::Rule => {
                self.space();
                let wide = self.width.saturating_sub(self.indent()).min(40);
                self.spans.push(Span::styled(self.look.glyphs.rule.repeat(wide), self.look.theme.quiet));
                self.flush();
                self.apart = true;
            }
            Event::TaskListMarker(done) => {
                let (mark, style) = if done { ("[x] ", self.look.theme.good) } else { ("[ ] ", self.look.theme.quiet) };
                self.say(mark, style);
            }
        }
    }

    fn say(&mut self, text: &str, style: Style) {
        self.spans.push(Span::styled(text.to_owned(), style));
    }

    fn start(&mut self, tag: Tag<'_>) {
        let theme = self.look.theme;
        match tag {
            Tag::Paragraph => self.space(),
            Tag::Heading { level, .. } => {
                self.space();
                let style = if level <= HeadingLevel::H2 { theme.accent.patch(theme.strong) } else { theme.strong };
                self.styles.push(style);
            }
            Tag::BlockQuote(_) => {
                self.space();
                let bar = Span::styled(format!("{} ", self.look.glyphs.upright), theme.quiet);
                self.indent_by(Prefix { first: None, rest: bar });
            }
            Tag::CodeBlock(kind) => {
                self.space();
                let language = match kind {
                    CodeBlockKind::Fenced(language) => language.into_string(),
                    CodeBlockKind::Indented => String::new(),
                };
                self.code = Some((language, String::new()));
            }
            Tag::List(first) => {
                // What an item says before a list of its own.
                self.flush();
                if self.lists.is_empty() {
                    self.space();
                }
                self.lists.push(first);
            }
            Tag::Item => {
                self.flush();
                let marker = match self.lists.last_mut() {
                    Some(Some(number)) => {
                        *number += 1;
                        format!("{}. ", *number - 1)
                    }
                    _ => "- ".to_owned(),
                };
                let rest = Span::raw(" ".repeat(marker.width()));
                self.indent_by(Prefix { first: Some(Span::styled(marker, theme.quiet)), rest });
                self.apart = false;
            }
            Tag::Table(alignments) => {
                self.space();
                self.table = Some(Table { alignments, rows: Vec::new() });
            }
            Tag::TableHead => {
                self.styles.push(theme.strong);
                self.row();
            }
            Tag::TableRow => self.row(),
            Tag::Emphasis => self.styles.push(Style::new().add_modifier(Modifier::ITALIC)),
            Tag::Strong => self.styles.push(Style::new().add_modifier(Modifier::BOLD)),
            Tag::Strikethrough => self.styles.push(Style::new().add_modifier(Modifier::CROSSED_OUT)),
            Tag::Link { dest_url, .. } => {
                self.links.push((dest_url.into_string(), self.spans.len()));
                self.styles.push(Style::new().add_modifier(Modifier::UNDERLINED));
            }
            Tag::Image { dest_url, .. } => {
                self.links.push((dest_url.into_string(), self.spans.len()));
                self.say("image: ", theme.quiet);
                self.styles.push(Style::new());
            }
            Tag::HtmlBlock => self.space(),
            _ => {}
        }
    }

    fn end(&mut self, tag: TagEnd) {
        match tag {
            TagEnd::Paragraph | TagEnd::HtmlBlock => {
                self.flush();
                self.apart = true;
            }
            TagEnd::Heading(_) => {
                self.flush();
                self.styles.pop();
                self.apart = true;
            }
            TagEnd::BlockQuote(_) | TagEnd::Item => {
                self.flush();
                self.close();
                self.apart = matches!(tag, TagEnd::BlockQuote(_));
            }
            TagEnd::List(_) => {
                self.lists.pop();
                self.apart = self.lists.is_empty();
            }
            TagEnd::CodeBlock => self.code_block(),
            TagEnd::Table => {
                if let Some(table) = self.table.take() {
                    let room = self.width.saturating_sub(self.indent()).max(1);
                    for line in table.render(room, self.look) {
                        self.put(line.spans);
                    }
                }
                self.apart = true;
            }
            TagEnd::TableHead => {
                self.styles.pop();
            }
            TagEnd::TableCell => {
                let cell = std::mem::take(&mut self.spans);
                if let Some(row) = self.table.as_mut().and_then(|table| table.rows.last_mut()) {
                    row.push(cell);
                }
            }
            TagEnd::Emphasis | TagEnd::Strong | TagEnd::Strikethrough => {
                self.styles.pop();
            }
            TagEnd::Link | TagEnd::Image => {
                self.styles.pop();
                let Some((address, from)) = self.links.pop() else { return };
                let words: String =
                    self.spans.get(from..).unwrap_or_default().iter().map(|s| s.content.as_ref()).collect();
                if words != address && !address.is_empty() {
                    self.say(&format!(" ({address})"), self.look.theme.quiet);
                }
            }
            _ => {}
        }
    }

    fn row(&mut self) {
        if let Some(table) = &mut self.table {
            table.rows.push(Vec::new());
        }
    }

    fn code_block(&mut self) {
        let Some((language, text)) = self.code.take() else { return };
        let mut code = Code::new(&language);
        let room = self.width.saturating_sub(self.indent()).max(3);
        for line in text.lines() {
            for row in code.line(line, room, self.look) {
                self.put(row.spans);
            }
        }
        self.apart = true;
    }

    /// Puts a block apart from the one before it.
    fn space(&mut self) {
        self.flush();
        if std::mem::take(&mut self.apart) && !self.out.is_empty() {
            self.put(Vec::new());
        }
    }

    fn indent_by(&mut self, prefix: Prefix) {
        let empty = Prefix { first: None, rest: Span::raw("") };
        self.prefixes.push(if self.prefixes.len() < DEEPEST { prefix } else { empty });
        self.apart = false;
    }

    fn close(&mut self) {
        // An item without a word is there all the same.
        if self.prefixes.last().is_some_and(|prefix| prefix.first.is_some()) {
            self.put(Vec::new());
        }
        self.prefixes.pop();
    }

    fn indent(&self) -> usize {
        self.prefixes.iter().map(|prefix| prefix.rest.content.width()).sum()
    }

    fn prefix(&mut self) -> (Vec<Span<'static>>, Vec<Span<'static>>) {
        let rest: Vec<Span<'static>> = self.prefixes.iter().map(|prefix| prefix.rest.clone()).collect();
        let first = self.prefixes.iter_mut().map(|p| p.first.take().unwrap_or_else(|| p.rest.clone())).collect();
        (first, rest)
    }

    /// A row that is ready.
    fn put(&mut self, spans: Vec<Span<'static>>) {
        let (mut row, _) = self.prefix();
        row.extend(spans);
        self.out.push(Line::from(row));
    }

    /// Ends the paragraph, or the line of it.
    fn flush(&mut self) {
        if self.spans.is_empty() {
            return;
        }
        let spans = std::mem::take(&mut self.spans);
        let (first, rest) = self.prefix();
        self.out.extend(wrap(&spans, self.width, &first, &rest));
    }
}

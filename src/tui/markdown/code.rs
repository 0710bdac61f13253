//! Lines of code, coloured with the terminal's own colours as they come, each once.

use std::sync::{LazyLock, OnceLock};

use ratatui::{
    style::Style,
    text::{Line, Span},
};
use syntect::parsing::{ParseState, Scope, ScopeStack, SyntaxSet};

use crate::tui::widget::columns;

use super::Look;

/// Longer lines are not worth colours: they are data.
const LONGEST: usize = 2000;

/// After so many lines a block of code goes on without.
const MOST: usize = 5000;

/// A block of code, up to where it has been drawn.
#[derive(Clone, Debug)]
pub(super) struct Code {
    state: Option<(ParseState, ScopeStack)>,
    lines: usize,
}

impl Code {
    /// In the language that stands behind the fence; without colours if it isn't known.
    pub(super) fn new(language: &str) -> Self {
        let word: String = language.chars().take_while(|c| c.is_alphanumeric() || "+#-_".contains(*c)).collect();
        let syntax = if word.is_empty() { None } else { syntaxes().find_syntax_by_token(&word) };
        let state = syntax.filter(|syntax| syntax.name != "Plain Text");
        Self { state: state.map(|syntax| (ParseState::new(syntax), ScopeStack::new())), lines: 0 }
    }

    /// The next line, in as many rows as it takes.
    pub(super) fn line(&mut self, line: &str, width: usize, look: Look<'_>) -> Vec<Line<'static>> {
        self.lines += 1;
        let spans = self.coloured(line, look);
        let bar = Span::styled(format!("{} ", look.glyphs.upright), look.theme.quiet);
        columns::wrap(&spans, width.saturating_sub(2))
            .into_iter()
            .map(|row| Line::from([vec![bar.clone()], row].concat()))
            .collect()
    }

    fn coloured(&mut self, line: &str, look: Look<'_>) -> Vec<Span<'static>> {
        let plain = || vec![Span::raw(line.to_owned())];
        if !look.theme.has_colour() || line.len() > LONGEST || self.lines > MOST {
            self.state = None;
        }
        let Some((state, stack)) = &mut self.state else { return plain() };
        let whole = format!("{line}\n");
        let Ok(changes) = state.parse_line(&whole, syntaxes()) else {
            self.state = None;
            return plain();
        };
        let mut spans: Vec<Span<'static>> = Vec::new();
        let mut put = |text: &str, style: Style| match spans.last_mut() {
            _ if text.is_empty() => {}
            Some(last) if last.style == style => last.content.to_mut().push_str(text),
            _ => spans.push(Span::styled(text.to_owned(), style)),
        };
        let mut from = 0;
        for (at, change) in changes {
            put(whole.get(from..at).unwrap_or_default().trim_end_matches('\n'), style(stack, look));
            from = at;
            if stack.apply(&change).is_err() {
                break;
            }
        }
        put(whole.get(from..).unwrap_or_default().trim_end_matches('\n'), style(stack, look));
        spans
    }
}

/// All languages that are known; read when the first code is drawn.
fn syntaxes() -> &'static SyntaxSet {
    static SYNTAXES: OnceLock<SyntaxSet> = OnceLock::new();
    SYNTAXES.get_or_init(two_face::syntax::extra_newlines)
}

#[derive(Clone, Copy)]
enum Role {
    Comment,
    Text,
    Value,
    Word,
    Name,
    Kind,
    Added,
    Removed,
    Plain,
}

/// The first that fits the innermost scope decides.
static ROLES: LazyLock<Vec<(Scope, Role)>> = LazyLock::new(|| {
    const NAMES: &[(&str, Role)] = &[
        ("comment", Role::Comment),
        ("string", Role::Text),
        ("constant", Role::Value),
        ("keyword.operator", Role::Plain),
        ("keyword", Role::Word),
        ("storage.type.function", Role::Word),
        ("storage", Role::Word),
        ("entity.name.function", Role::Name),
        ("support.function", Role::Name),
        ("entity.name.tag", Role::Name),
        ("entity.other.attribute-name", Role::Kind),
        ("entity.name", Role::Kind),
        ("support.type", Role::Kind),
        ("support.class", Role::Kind),
        ("markup.inserted", Role::Added),
        ("markup.deleted", Role::Removed),
        ("markup.heading", Role::Word),
    ];
    NAMES.iter().filter_map(|(name, role)| Some((Scope::new(name).ok()?, *role))).collect()
});

fn style(stack: &ScopeStack, look: Look<'_>) -> Style {
    let theme = look.theme;
    let role = stack
        .as_slice()
        .iter()
        .rev()
        .find_map(|scope| ROLES.iter().find(|(prefix, _)| prefix.is_prefix_of(*scope)).map(|(_, role)| *role));
    match role {
        Some(Role::Comment) => theme.quiet,
        Some(Role::Text | Role::Added) => theme.good,
        Some(Role::Value) => theme.warn,
        Some(Role::Word) => theme.repair,
        Some(Role::Name) => theme.accent,
        Some(Role::Kind) => theme.running,
        Some(Role::Removed) => theme.bad,
        Some(Role::Plain) | None => theme.text,
    }
}

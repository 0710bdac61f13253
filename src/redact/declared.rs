//! Declared values, found in any of their forms.
//!
//! A vectorised search for the beginnings of all forms says in which lines one may stand; only these are searched for the
//! forms themselves.

use std::collections::BTreeMap;

use aho_corasick::{AhoCorasick, MatchKind, packed};

use super::{
    form::{self, SHORTEST, SHORTEST_PIECE},
    span::{Span, line_around},
};

/// The vectorised search takes so many beginnings at once; with more than some times as many it does not pay.
const AT_ONCE: usize = 64;
const MOST_BEGINNINGS: usize = AT_ONCE * 6;

/// So many bytes of a secret (of a short one: half of it) at the end of the output make it wait for what follows.
const SHORTEST_PREFIX: usize = 4;

/// Declared values, compiled.
#[derive(Debug, Default)]
pub struct Declared {
    /// Name of each form's secret.
    names: Vec<String>,
    forms: Vec<Vec<u8>>,
    search: Option<AhoCorasick>,
    /// Finds the beginnings of forms; `None` where there are too many, or the machine cannot.
    beginnings: Option<Vec<packed::Searcher>>,
    /// What is not protected.
    pub warnings: Vec<String>,
    /// Length of the longest form.
    pub longest: usize,
}

impl Declared {
    /// Makes the forms of all values.
    pub fn new<N: AsRef<str>, V: AsRef<str>>(secrets: &[(N, V)]) -> Self {
        let mut owners = BTreeMap::<Vec<u8>, String>::new();
        let mut warnings = Vec::new();
        for (name, value) in secrets {
            let name: String = name.as_ref().chars().map(|c| if c.is_ascii_graphic() { c } else { '_' }).collect();
            let value = value.as_ref().trim_matches(['\n', '\r']);
            if value.len() < SHORTEST {
                warnings.push(format!(
                    "secret `{name}` is shorter than {SHORTEST} characters: it is not looked for in output"
                ));
                continue;
            }
            if value.contains('\n') && value.lines().any(|line| (1..SHORTEST_PIECE).contains(&line.trim().len())) {
                warnings.push(format!(
                    "secret `{name}` has lines shorter than {SHORTEST_PIECE} characters: these lines are not looked for in output"
                ));
            }
            for form in form::forms(value) {
                owners.entry(form).or_insert_with(|| name.clone());
            }
        }
        let (forms, names): (Vec<_>, Vec<_>) = owners.into_iter().unzip();
        // Building fails only beyond 2^31 states; without the automaton nothing would be protected.
        #[expect(clippy::expect_used)]
        let search = (!forms.is_empty()).then(|| {
            AhoCorasick::builder().match_kind(MatchKind::Standard).build(&forms).expect("secrets of less than 2 GB")
        });
        let longest = forms.iter().map(Vec::len).max().unwrap_or(0);
        Self { beginnings: beginnings(&forms), names, forms, search, warnings, longest }
    }

    /// Adds every place in `text` where a form stands.
    pub fn find<'a>(&'a self, text: &[u8], spans: &mut Vec<Span<'a>>) {
        let Some(search) = &self.search else { return };
        let mut find_in = |start: usize, end: usize| {
            spans.extend(search.find_overlapping_iter(&text[start..end]).map(|found| Span {
                start: start + found.start(),
                end: start + found.end(),
                name: &self.names[found.pattern().as_usize()],
                declared: true,
            }));
        };
        let Some(beginnings) = &self.beginnings else { return find_in(0, text.len()) };
        for beginning in beginnings {
            let mut at = 0;
            while let Some(found) = beginning.find_in(text, (at..text.len()).into()) {
                // no form crosses the end of a line
                let (start, end) = line_around(text, found.start());
                find_in(start, end);
                at = end;
            }
        }
    }

    /// Where the longest end of `text` begins that is the beginning of a form.
    pub fn prefix_at_end(&self, text: &[u8]) -> Option<usize> {
        let starts = self.forms.iter().filter_map(|form| {
            let longest = text.len().min(form.len().saturating_sub(1));
            (SHORTEST_PREFIX.min(form.len() / 2)..=longest).rev().find(|&length| text.ends_with(&form[..length]))
        });
        starts.max().map(|length| text.len() - length)
    }
}

/// Searches for what the forms begin with: forms that share four bytes share one beginning.
fn beginnings(forms: &[Vec<u8>]) -> Option<Vec<packed::Searcher>> {
    let mut beginnings = Vec::<&[u8]>::new();
    // the forms are sorted
    for form in forms {
        match beginnings.last_mut() {
            Some(last) if last[..SHORTEST] == form[..SHORTEST] => {
                let shared = last.iter().zip(form).take_while(|(a, b)| a == b).count();
                *last = &last[..shared];
            }
            _ => beginnings.push(form),
        }
    }
    if beginnings.len() > MOST_BEGINNINGS {
        return None;
    }
    beginnings.chunks(AT_ONCE).map(packed::Searcher::new).collect()
}

//! Declared values, found in any of their forms.

use std::collections::BTreeMap;

use aho_corasick::{AhoCorasick, MatchKind};

use super::{
    form::{self, SHORTEST, SHORTEST_PIECE},
    span::Span,
};

/// Fewer bytes than these at the end of the output so far do not make it wait for what follows.
const SHORTEST_PREFIX: usize = 4;

/// Declared values, compiled.
#[derive(Debug, Default)]
pub struct Declared {
    /// Name of each form's secret.
    names: Vec<String>,
    forms: Vec<Vec<u8>>,
    search: Option<AhoCorasick>,
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
        Self { names, forms, search, warnings, longest }
    }

    /// Adds every place in `text` where a form stands.
    pub fn find<'a>(&'a self, text: &[u8], spans: &mut Vec<Span<'a>>) {
        let Some(search) = &self.search else { return };
        spans.extend(search.find_overlapping_iter(text).map(|found| Span {
            start: found.start(),
            end: found.end(),
            name: &self.names[found.pattern().as_usize()],
            declared: true,
        }));
    }

    /// Where the longest end of `text` begins that is the beginning of a form.
    pub fn prefix_at_end(&self, text: &[u8]) -> Option<usize> {
        let starts = self.forms.iter().filter_map(|form| {
            let longest = text.len().min(form.len().saturating_sub(1));
            (SHORTEST_PREFIX..=longest).rev().find(|&length| text.ends_with(&form[..length]))
        });
        starts.max().map(|length| text.len() - length)
    }
}

//! The search for the key words of all shapes at once.

use aho_corasick::{AhoCorasick, MatchKind, packed};

/// The vectorised search is quick where every word has at least so many bytes.
const LONG: usize = 3;

/// Finds key words. Shorter ones are looked for by themselves.
#[derive(Debug)]
pub struct Keys {
    /// `None` where the machine has no vector instructions for it.
    packed: Option<packed::Searcher>,
    all: AhoCorasick,
    /// Number of each word of `packed`.
    long: Vec<usize>,
    short: Vec<(AhoCorasick, usize)>,
}

impl Keys {
    /// Compiles the words, of which none is the beginning of a later one.
    #[expect(clippy::unwrap_used)] // a few words of a constant table
    pub fn new(words: &[&str]) -> Self {
        let build = |words: &[&str]| AhoCorasick::builder().match_kind(MatchKind::LeftmostFirst).build(words).unwrap();
        let (long, short): (Vec<usize>, Vec<usize>) = (0..words.len()).partition(|&word| words[word].len() >= LONG);
        Self {
            packed: packed::Searcher::new(long.iter().map(|&word| words[word])),
            all: build(&long.iter().map(|&word| words[word]).collect::<Vec<_>>()),
            short: short.into_iter().map(|word| (build(&words[word..=word]), word)).collect(),
            long,
        }
    }

    /// Where words stand, and which: all short ones, then the long ones in order.
    pub fn find<'a>(&'a self, text: &'a [u8]) -> impl Iterator<Item = (usize, usize)> + 'a {
        let packed = self.packed.iter().flat_map(move |packed| packed.find_iter(text));
        let slow = self.packed.is_none().then(|| self.all.find_iter(text)).into_iter().flatten();
        let long = packed.chain(slow).map(|found| (found.start(), self.long[found.pattern().as_usize()]));
        let short = self
            .short
            .iter()
            .flat_map(move |(search, word)| search.find_iter(text).map(move |found| (found.start(), *word)));
        short.chain(long)
    }
}

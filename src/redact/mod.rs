//! Takes secrets out of bytes before they are written anywhere. Pure.
//!
//! Two kinds of secret are found: the values that a pipeline declares, in every form of `form`, and well-known shapes
//! (tokens of GitHub, AWS, Stripe, private keys, passwords in URLs, ...: `shape`). Each is replaced by `***NAME***`.
//!
//! [`Secrets`] is compiled once; a [`Redactor`] is one stream of bytes that it watches. `docs/output.md` says what is
//! found and what is not.

mod declared;
mod form;
mod key;
mod key_block;
mod shape;
mod span;
mod stream;

use std::sync::Arc;

pub use stream::Redactor;

/// What is to be taken out: declared values, compiled for searching, and the well-known shapes.
#[derive(Debug, Default)]
pub struct Secrets {
    declared: declared::Declared,
}

impl Secrets {
    /// Compiles `(name, value)` pairs. A value that cannot be protected is left out and named in [`Self::warnings`].
    pub fn new<N: AsRef<str>, V: AsRef<str>>(secrets: &[(N, V)]) -> Self {
        Self { declared: declared::Declared::new(secrets) }
    }

    /// One sentence for each declared value that is not, or not wholly, protected.
    pub fn warnings(&self) -> &[String] {
        &self.declared.warnings
    }

    /// A whole text with its secrets taken out: for messages and records.
    pub fn redact_text(self: &Arc<Self>, text: &str) -> String {
        let mut redactor = Redactor::of(Arc::clone(self));
        let mut out = Vec::with_capacity(text.len());
        redactor.push(text.as_bytes(), &mut out);
        redactor.finish(&mut out);
        String::from_utf8_lossy(&out).into_owned()
    }

    /// The secrets in `text`, which begins at the start of a line or just after what was searched before.
    fn scan(&self, text: &[u8]) -> Scan<'_> {
        let mut spans = Vec::new();
        let key = shape::find(text, &mut spans);
        let end = key.as_ref().map_or(text.len(), |key| key.after);
        self.declared.find(&text[..end], &mut spans);
        span::merge(&mut spans);
        Scan { spans, end, key: key.map(|key| key.block) }
    }
}

/// What [`Secrets::scan`] found.
struct Scan<'a> {
    /// Disjoint, ascending.
    spans: Vec<span::Span<'a>>,
    /// How much of the text was searched: all of it, or the line in which a private key begins and everything before.
    end: usize,
    /// The private key that begins there.
    key: Option<key_block::KeyBlock>,
}

#[cfg(test)]
mod tests;

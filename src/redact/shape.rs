//! Well-known shapes of secrets. A rule is a few key words, which one pass over the text looks for, and a pattern that is
//! tried only where a key word stands.

use std::sync::LazyLock;

use regex::bytes::Regex;

use super::{
    key::Keys,
    key_block::{self, Begun, KeyBlock},
    span::{Span, line_around},
};

/// One shape.
struct Shape {
    name: &'static str,
    /// Every secret of this shape has one of them.
    keys: &'static [&'static str],
    /// Matches from the key on. Group 1, where there is one, is the secret. Never crosses the end of a line.
    pattern: &'static str,
    what: What,
}

/// How the bytes around a key count.
#[derive(Clone, Copy, PartialEq, Eq)]
enum What {
    /// A token that begins with the key, which nothing else looks like.
    Token,
    /// A token that begins with the key, at the beginning of a word.
    Word,
    /// The same, and it must look random.
    RandomWord,
    /// The key stands before the secret.
    After,
    /// The key names a value, which is taken only if it looks random.
    Assigned,
    /// A private key.
    Key,
}

use What::{After, Assigned, Key, RandomWord, Token, Word};

const fn shape(name: &'static str, keys: &'static [&'static str], what: What, pattern: &'static str) -> Shape {
    Shape { name, keys, pattern, what }
}

const ASSIGNED: &[&str] = &[
    "assword",
    "ASSWORD",
    "asswd",
    "ASSWD",
    "assphrase",
    "ASSPHRASE",
    "ecret",
    "ECRET",
    "oken",
    "OKEN",
    "pi_key",
    "PI_KEY",
    "pi-key",
    "pikey",
    "piKey",
    "PIKEY",
    "ccess_key",
    "CCESS_KEY",
    "ccess-key",
    "ccessKey",
    "rivate_key",
    "RIVATE_KEY",
    "rivateKey",
];

/// The part of an assignment before its value.
const LEAD: &str = r#"[A-Za-z]{2,10}(?:[_-]?[Kk][Ee][Yy])?\\?["'\]]{0,2}[ \t]{0,4}(?:=>|:=|[:=])[ \t]{0,4}\\?["']?"#;

#[rustfmt::skip]
const SHAPES: &[Shape] = &[
    shape("GitHub token", &["ghp_", "gho_", "ghs_", "ghu_", "ghr_"], Token, r"gh[posur]_[A-Za-z0-9_]{30,512}"),
    shape("GitHub token", &["github_pat_"], Token, r"github_pat_[A-Za-z0-9_]{22,512}"),
    shape("GitLab token", &["glpat-"], Token, r"glpat-[A-Za-z0-9_.-]{19,300}[A-Za-z0-9_-]"),
    shape("AWS key id", &["AKIA", "ASIA"], Word, r"A[KS]IA[A-Z0-9]{16}\b"),
    shape("Google key", &["AIza"], Word, r"AIza[A-Za-z0-9_-]{35}"),
    shape("Google token", &["ya29."], Word, r"ya29\.[A-Za-z0-9_-]{20,2048}"),
    shape("Google client secret", &["GOCSPX-"], Token, r"GOCSPX-[A-Za-z0-9_-]{28}"),
    shape("Slack token", &["xox"], Token, r"xox[abeoprs]-[A-Za-z0-9-]{10,512}"),
    shape("Slack webhook", &["slack.com/services/"], After, r"slack\.com/services/(T[A-Za-z0-9]{5,}/[A-Za-z0-9/]{10,100})"),
    shape("Stripe key", &["sk_live_", "rk_live_"], Token, r"[sr]k_live_[A-Za-z0-9]{16,255}"),
    shape("Stripe webhook secret", &["whsec_"], Token, r"whsec_[A-Za-z0-9+/=]{24,255}"),
    shape("Anthropic key", &["sk-ant-"], Token, r"sk-ant-[A-Za-z0-9_-]{20,512}"),
    shape("OpenAI key", &["sk-"], RandomWord, r"sk-[A-Za-z0-9_-]{32,512}"),
    shape("npm token", &["npm_"], Token, r"npm_[A-Za-z0-9]{36}"),
    shape("PyPI token", &["pypi-AgE"], Token, r"pypi-AgE[A-Za-z0-9_-]{16,1024}"),
    shape("Docker token", &["dckr_"], Token, r"dckr_[op]at_[A-Za-z0-9_-]{20,255}"),
    shape("Hugging Face token", &["hf_"], RandomWord, r"hf_[A-Za-z0-9]{30,255}"),
    shape("Vercel token", &["vcp_", "vci_", "vca_", "vcr_", "vck_"], Word, r"vc[piark]_[A-Za-z0-9]{24,255}"),
    shape("SendGrid key", &["SG."], Word, r"SG\.[A-Za-z0-9_-]{16,64}\.[A-Za-z0-9_-]{16,128}"),
    shape("Twilio key", &["SK"], Word, r"SK[0-9a-f]{32}\b"),
    shape("JWT", &["eyJ"], Word, r"eyJ[A-Za-z0-9_-]{8,4096}\.eyJ[A-Za-z0-9_-]{8,4096}\.[A-Za-z0-9_-]{0,2048}"),
    shape("password", &["://"], After, r#"://[^\s/?#@:"'<>]{0,256}:([^\s/?#@"'<>$*{\[][^\s/?#@"'<>]{0,255})@"#),
    shape("credential", &["://"], After, r"://([A-Za-z0-9_]{24,255})@"),
    shape("credential", &["uthorization", "UTHORIZATION"], After,
        r#"(?i)uthorization\\?["']?[ \t]{0,4}[:=][ \t]{0,4}\\?["']?(?:bearer|basic|token|apikey)[ \t]+([A-Za-z0-9+/=._~-]{8,4096})"#),
    shape("credential", &["earer "], After, r"earer ((?:[A-Za-z+/=._~-]{0,60}[0-9]){2}[A-Za-z0-9+/=._~-]{10,4096})"),
    shape("private key", &["-----BEGIN "], Key, r"-----BEGIN "),
    shape("assigned secret", ASSIGNED, Assigned, r#"([^\s"'`,;<>(){}\[\]\\|&]{8,512})"#),
];

/// The table, compiled.
struct Shapes {
    keys: Keys,
    /// Shapes of each key.
    of_key: Vec<Vec<usize>>,
    patterns: Vec<Regex>,
    lead: Regex,
}

#[expect(clippy::unwrap_used)] // a constant table, compiled by every test
static COMPILED: LazyLock<Shapes> = LazyLock::new(|| {
    let mut keys = Vec::<&str>::new();
    let mut of_key = Vec::<Vec<usize>>::new();
    for (index, shape) in SHAPES.iter().enumerate() {
        for key in shape.keys {
            match keys.iter().position(|known| known == key) {
                Some(known) => of_key[known].push(index),
                None => {
                    keys.push(key);
                    of_key.push(vec![index]);
                }
            }
        }
    }
    let pattern = |shape: &Shape| match shape.what {
        Assigned => Regex::new(&format!("^{LEAD}{}", shape.pattern)).unwrap(),
        _ => Regex::new(&format!("^(?:{})", shape.pattern)).unwrap(),
    };
    Shapes {
        keys: Keys::new(&keys),
        of_key,
        patterns: SHAPES.iter().map(pattern).collect(),
        lead: Regex::new(&format!("^{LEAD}")).unwrap(),
    }
});

/// A private key that goes on after the text that was searched.
pub struct OpenKey {
    pub block: KeyBlock,
    /// Where the line after its BEGIN starts.
    pub after: usize,
}

/// Adds every secret of a known shape, up to the line in which a private key begins.
pub fn find(text: &[u8], spans: &mut Vec<Span<'_>>) -> Option<OpenKey> {
    let compiled = &*COMPILED;
    for (at, key) in compiled.keys.find(text) {
        for &index in &compiled.of_key[key] {
            let shape = &SHAPES[index];
            if shape.what == Key {
                let (start, end) = line_around(text, at);
                match key_block::begin(&text[start..end], at - start) {
                    Some(Begun::Whole(length)) => {
                        spans.push(Span { start: at, end: start + length, name: key_block::NAME, declared: false });
                    }
                    Some(Begun::Open(block)) => {
                        spans.push(Span { start: at, end, name: key_block::NAME, declared: false });
                        let after = text.len().min(end + 1);
                        spans.retain(|span| span.start < after);
                        return Some(OpenKey { block, after });
                    }
                    None => {}
                }
            } else if let Some((start, end)) = secret(text, at, shape, &compiled.patterns[index]) {
                spans.push(Span { start, end, name: shape.name, declared: false });
            }
        }
    }
    None
}

/// The secret of this shape whose key stands at `at`.
fn secret(text: &[u8], at: usize, shape: &Shape, pattern: &Regex) -> Option<(usize, usize)> {
    if matches!(shape.what, Word | RandomWord) && !begins_word(text, at) {
        return None;
    }
    let found = pattern.captures(&text[at..])?;
    let found = found.get(1).or_else(|| found.get(0))?;
    let (start, end) = (at + found.start(), at + found.end());
    let random = match shape.what {
        Assigned => looks_assigned(found.as_bytes(), text.get(end)),
        RandomWord => mixed(found.as_bytes()) >= 3,
        _ => true,
    };
    random.then_some((start, end))
}

/// From where on the end of an unfinished line may become a secret of a known shape when more is printed.
pub fn open_at_end(text: &[u8]) -> Option<usize> {
    let compiled = &*COMPILED;
    let word = text.iter().rposition(|byte| byte.is_ascii_whitespace()).map_or(0, |space| space + 1);
    compiled.keys.find(text).find_map(|(at, key)| {
        compiled.of_key[key].iter().find_map(|&index| match SHAPES[index].what {
            Token | After => (at >= word).then_some(at),
            Word | RandomWord => (at >= word && begins_word(text, at)).then_some(at),
            Key => Some(at),
            Assigned => {
                let value = at + compiled.lead.find(&text[at..])?.end();
                (value >= word && value < text.len()).then_some(value)
            }
        })
    })
}

/// Nothing before `at` belongs to the same word. The `m` that ends a colour and the `n` of an escaped line break do not.
fn begins_word(text: &[u8], at: usize) -> bool {
    let Some(&before) = at.checked_sub(1).and_then(|index| text.get(index)) else { return true };
    if !before.is_ascii_alphanumeric() && !b"_-".contains(&before) {
        return true;
    }
    let rest = &text[..at - 1];
    match before {
        b'm' => {
            let digits = rest.iter().rev().take_while(|byte| byte.is_ascii_digit() || b";:".contains(byte)).count();
            rest[..rest.len() - digits].ends_with(b"\x1b[")
        }
        b'n' | b'r' | b't' => rest.ends_with(b"\\"),
        _ => false,
    }
}

/// Does an assigned value look like a secret rather than a word, a path, a version, a placeholder or code?
fn looks_assigned(value: &[u8], next: Option<&u8>) -> bool {
    let code = next.is_some_and(|next| b"(<[{".contains(next));
    let contains = |part: &[u8]| value.windows(part.len()).any(|window| window == part);
    if code || b"$%*./~@#-:!".contains(&value[0]) && value.len() != 40 {
        return false;
    }
    if [&b"***"[..], b"...", b"::", b"://", b"${"].iter().any(|part| contains(part)) {
        return false;
    }
    let version = value.strip_prefix(b"v").unwrap_or(value).split(|byte| *byte == b'.').next().unwrap_or_default();
    if version.iter().all(u8::is_ascii_digit) && version.len() < 5 {
        return false;
    }
    let digits = value.iter().filter(|byte| byte.is_ascii_digit()).count();
    let letters = value.iter().filter(|byte| byte.is_ascii_alphabetic()).count();
    if value.len() < 16 {
        let symbol = value.iter().any(|byte| b"!@#$%^*+=?~".contains(byte));
        digits >= 1 && letters >= 2 && (mixed(value) >= 3 || symbol) && changes(value) >= 3
    } else {
        digits >= 2 && letters >= 4 && changes(value) >= 3.max(value.len() / 6) && entropy(value) >= 3.0
    }
}

fn class(byte: u8) -> u8 {
    match byte {
        b'a'..=b'z' => 1,
        b'A'..=b'Z' => 2,
        b'0'..=b'9' => 3,
        _ => 0,
    }
}

/// How many of lower-case letters, upper-case letters and digits there are.
fn mixed(value: &[u8]) -> usize {
    (1..=3).filter(|&wanted| value.iter().any(|&byte| class(byte) == wanted)).count()
}

/// How often the kind of character changes from one to the next.
fn changes(value: &[u8]) -> usize {
    value.windows(2).filter(|pair| class(pair[0]) != class(pair[1])).count()
}

/// Shannon's, in bits for each byte.
fn entropy(value: &[u8]) -> f64 {
    let mut counts = [0_u32; 256];
    for &byte in value {
        counts[usize::from(byte)] += 1;
    }
    let share = |count: &u32| f64::from(*count) / value.len() as f64;
    counts.iter().filter(|count| **count > 0).map(|count| -share(count) * share(count).log2()).sum()
}

//! What a failed job's output says.

use std::{fmt, str::FromStr};

use serde::{Deserialize, Serialize};

use super::id::Fingerprint;

/// What kind of fault it is. The names are those of the configuration file, the log and `gonogo diagnose --json`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[allow(missing_docs, reason = "the names are the documentation; design.md section 8 lists them")]
pub enum Category {
    Syntax,
    Import,
    Type,
    Test,
    Lint,
    Format,
    Coverage,
    Dependency,
    Build,
    Security,
    Timeout,
    Resource,
    Network,
    Config,
    Docs,
    Deploy,
    Cancelled,
    #[default]
    Unknown,
}

impl Category {
    /// All of them, in the order of the documentation.
    pub const ALL: [Self; 18] = [
        Self::Syntax,
        Self::Import,
        Self::Type,
        Self::Test,
        Self::Lint,
        Self::Format,
        Self::Coverage,
        Self::Dependency,
        Self::Build,
        Self::Security,
        Self::Timeout,
        Self::Resource,
        Self::Network,
        Self::Config,
        Self::Docs,
        Self::Deploy,
        Self::Cancelled,
        Self::Unknown,
    ];

    /// As written everywhere.
    pub fn name(self) -> &'static str {
        match self {
            Self::Syntax => "syntax",
            Self::Import => "import",
            Self::Type => "type",
            Self::Test => "test",
            Self::Lint => "lint",
            Self::Format => "format",
            Self::Coverage => "coverage",
            Self::Dependency => "dependency",
            Self::Build => "build",
            Self::Security => "security",
            Self::Timeout => "timeout",
            Self::Resource => "resource",
            Self::Network => "network",
            Self::Config => "config",
            Self::Docs => "docs",
            Self::Deploy => "deploy",
            Self::Cancelled => "cancelled",
            Self::Unknown => "unknown",
        }
    }

    /// Whether running the same thing again may help: faults of the surroundings, not of the code.
    pub fn may_retry(self) -> bool {
        matches!(self, Self::Network | Self::Timeout | Self::Resource)
    }

    /// Whether a change of the repository's files can mend it.
    pub fn can_repair(self) -> bool {
        !matches!(self, Self::Network | Self::Timeout | Self::Resource | Self::Cancelled | Self::Deploy)
    }
}

impl fmt::Display for Category {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

/// A text that names no category.
#[derive(Debug, thiserror::Error)]
#[error("`{0}` is not a category")]
pub struct CategoryError(String);

impl FromStr for Category {
    type Err = CategoryError;
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Self::ALL.into_iter().find(|c| c.name() == text).ok_or_else(|| CategoryError(text.to_owned()))
    }
}

/// One finding, at one place.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Diagnostic {
    /// As the tool printed it, relative where it was.
    pub file: Option<String>,
    /// 1 is the first.
    pub line: Option<u32>,
    /// 1 is the first, in whatever unit the tool counts.
    pub column: Option<u32>,
    /// The tool's own code: `E0308`, `TS2322`, `no-unused-vars`.
    pub code: Option<String>,
    /// What the tool said, in one line where it can be.
    pub message: String,
}

impl Diagnostic {
    /// `file:line:column` as far as they are known, or an empty text.
    pub fn place(&self) -> String {
        let mut text = self.file.clone().unwrap_or_default();
        for number in [self.line, self.column].into_iter().map_while(|n| n) {
            text.push(':');
            text.push_str(&number.to_string());
        }
        text
    }
}

/// What a failed job's output says.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Diagnosis {
    /// What kind of fault it is.
    pub category: Category,
    /// The tool that complained: `rustc`, `pytest`, `eslint`.
    pub tool: Option<String>,
    /// The first root cause.
    pub primary: Option<Diagnostic>,
    /// Every distinct finding once, the primary among them.
    pub diagnostics: Vec<Diagnostic>,
    /// Names of the tests that failed.
    pub tests: Vec<String>,
    /// Same fault, same fingerprint.
    pub fingerprint: Fingerprint,
    /// 0.0 to 1.0: how sure the rules are of the category.
    pub confidence: f32,
    /// First and last line (1 is the first) of the output that say so.
    pub evidence: Option<(u64, u64)>,
}

impl Diagnosis {
    /// One line for a list: the place and message of the primary finding, or the category.
    pub fn headline(&self) -> String {
        match &self.primary {
            Some(primary) if primary.file.is_some() => format!("{} {}", primary.place(), primary.message),
            Some(primary) => primary.message.clone(),
            None => format!("{} failure", self.category),
        }
    }
}

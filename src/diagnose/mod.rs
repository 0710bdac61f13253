//! From the output of a failed job to a diagnosis. Pure: bytes in, [`crate::domain::diagnosis::Diagnosis`] out.

use crate::domain::{diagnosis::{Category, Diagnosis}, id::Fingerprint};

/// Stub.
#[derive(Clone, Debug, Default)]
pub struct Hints {
    /// x
    pub exit_code: Option<i32>,
    /// x
    pub signal: Option<i32>,
    /// x
    pub timed_out: bool,
    /// x
    pub reports: Vec<String>,
}

/// Stub.
pub fn diagnose(_output: &[u8], _hints: &Hints) -> Diagnosis {
    Diagnosis { category: Category::Unknown, tool: None, primary: None, diagnostics: vec![], tests: vec![], fingerprint: Fingerprint::default(), confidence: 0.0, evidence: None }
}

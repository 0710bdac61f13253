//! What the output of a failed attempt says, as far as it may be told.

use std::{path::Path, sync::Arc, time::SystemTime};

use crate::{
    diagnose::{Hints, diagnose},
    domain::{
        diagnosis::{Category, Diagnosis, Diagnostic},
        id::{Fingerprint, Hash},
        outcome::Failure,
    },
    engine::{artifact, port::Order},
    redact::Secrets,
    store::output::{Reader, Sample},
};

/// At most so much of an output is looked at for a diagnosis: its beginning and its end.
const DIAGNOSED: usize = 16 << 20;

/// What the output of a failed attempt says.
pub(super) async fn diagnosis(
    order: &Order,
    failure: &Failure,
    since: SystemTime,
    (bytes_before, lines_before): (u64, u64),
    secrets: Secrets,
) -> Diagnosis {
    let (dir, output) = (order.output_dir.clone(), order.output.clone());
    let patterns: Vec<String> = order.job.spec.steps.iter().flat_map(|step| step.reports.clone()).collect();
    let workspace = order.workspace.clone();
    let (exit_code, signal, timed_out) = match failure {
        Failure::Exit { code } => (Some(*code), None, false),
        Failure::Signal { number } => (None, Some(*number), false),
        Failure::TimedOut { .. } => (None, None, true),
        Failure::OutOfMemory { .. } => (None, Some(9), false),
        Failure::Engine { .. } => return of_engine(failure),
        Failure::NotRun { .. } => (None, None, false),
    };
    let out_of_memory = matches!(failure, Failure::OutOfMemory { .. }).then(|| failure.to_string());
    let mut extra = Vec::new();
    if let Failure::NotRun { why, .. } = failure {
        extra.extend_from_slice(why.as_bytes());
    }
    let read = tokio::task::spawn_blocking(move || {
        let reader = Reader::open(&dir, &output);
        let sample = if bytes_before == 0 {
            reader.sample(DIAGNOSED).unwrap_or_default()
        } else {
            let head = reader.bytes(bytes_before..bytes_before + DIAGNOSED as u64).unwrap_or_default();
            Sample { head, ..Sample::default() }
        };
        let head_lines = sample.head.iter().filter(|byte| **byte == b'\n').count() as u64;
        let omitted_lines = if sample.omitted > 0 { sample.tail_line.saturating_sub(head_lines + 1) } else { 0 };
        let bytes = [sample.head, sample.tail, extra].concat();
        let secrets = Arc::new(secrets);
        // Unlike the output, reports come as the job wrote them.
        let reports = artifact::read_reports(&workspace, &patterns, since);
        let reports = reports.iter().map(|report| secrets.redact_text(report)).collect();
        let mut diagnosis = diagnose(&bytes, &Hints { exit_code, signal, timed_out, reports });
        if let Some(said) = out_of_memory {
            diagnosis.category = Category::Resource;
            diagnosis.primary = Some(Diagnostic { message: said, ..Diagnostic::default() });
        }
        relative_to(&workspace, &mut diagnosis);
        redact(&secrets, &mut diagnosis);
        if let Some((first, last)) = &mut diagnosis.evidence {
            for line in [&mut *first, &mut *last].into_iter().filter(|line| **line > head_lines) {
                *line += omitted_lines;
            }
            *first += lines_before;
            *last += lines_before;
        }
        diagnosis
    });
    read.await.unwrap_or_else(|error| {
        tracing::error!("the diagnosis failed: {error}");
        diagnose(b"", &Hints { exit_code, signal, timed_out, reports: Vec::new() })
    })
}

/// A fault of the surroundings: nothing in the output has anything to do with it.
fn of_engine(failure: &Failure) -> Diagnosis {
    let Failure::Engine { fault, why, .. } = failure else { return diagnose(b"", &Hints::default()) };
    let category = if fault.may_retry() { Category::Network } else { Category::Resource };
    let primary = Diagnostic { code: Some(fault.word().to_owned()), message: why.clone(), ..Diagnostic::default() };
    Diagnosis {
        category,
        tool: Some("engine".into()),
        diagnostics: vec![primary.clone()],
        primary: Some(primary),
        tests: Vec::new(),
        fingerprint: Fingerprint(Hash::of(fault.word()).short().to_owned()),
        confidence: 1.0,
        evidence: None,
    }
}

/// Takes secrets out of what goes into the log: in a report they may have been escaped as XML.
fn redact(secrets: &Arc<Secrets>, diagnosis: &mut Diagnosis) {
    for diagnostic in diagnosis.primary.iter_mut().chain(&mut diagnosis.diagnostics) {
        diagnostic.message = secrets.redact_text(&diagnostic.message);
        diagnostic.file = diagnostic.file.take().map(|file| secrets.redact_text(&file));
    }
    for test in &mut diagnosis.tests {
        *test = secrets.redact_text(test);
    }
}

/// Names files as people do: from the root of the workspace.
fn relative_to(workspace: &Path, diagnosis: &mut Diagnosis) {
    let prefix = format!("{}/", workspace.display());
    for diagnostic in diagnosis.primary.iter_mut().chain(&mut diagnosis.diagnostics) {
        for text in diagnostic.file.iter_mut().chain([&mut diagnostic.message]) {
            if text.contains(&prefix) {
                *text = text.replace(&prefix, "");
            }
        }
    }
}

//! Samples of what tools print, and what they mean: written for these tests after each tool's format.
#![allow(clippy::unwrap_used, clippy::format_push_string, clippy::format_collect)]

mod choice;
mod code;
mod stable;
mod tools;
mod wild;
mod world;

use super::{Hints, diagnose};
use crate::domain::diagnosis::{Category, Diagnosis};

/// Tool, category, `file:line:column` of the primary finding, a part of its message, number of findings, the output.
type Row = (&'static str, Category, &'static str, &'static str, usize, &'static str);

fn read(log: &str) -> Diagnosis {
    diagnose(log.as_bytes(), &Hints::default())
}

fn check(rows: &[Row]) {
    let mut wrong = Vec::new();
    for (name, category, place, message, count, log) in rows {
        let said = read(log);
        let primary = said.primary.clone().unwrap_or_default();
        let ok = said.category == *category
            && primary.place() == *place
            && primary.message.contains(message)
            && said.diagnostics.len() == *count;
        if !ok {
            let (at, text, n) = (primary.place(), &primary.message, said.diagnostics.len());
            wrong.push(format!(
                "{name}: said {} {at} {text:?} {n}, not {category} {place} {message:?} {count}",
                said.category
            ));
        }
    }
    assert!(wrong.is_empty(), "{} of {}:\n{}", wrong.len(), rows.len(), wrong.join("\n"));
}

//! Where each step of a job begins in its output: one line of text for each, `STEP LINE MICROSECONDS`.

use std::{fmt::Write as _, fs, io, io::Write as _, path::Path};

use crate::domain::time::Timestamp;

use super::segment;

/// A step that has begun.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Step {
    /// Its position in the job: 0 is the first.
    pub step: u32,
    /// The first line of its output. It does not exist if the step has printed nothing (yet).
    pub first_line: u64,
    /// When it began.
    pub at: Timestamp,
}

/// Adds steps to the file, all at once.
pub fn append(folder: &Path, steps: &[Step]) -> io::Result<()> {
    let mut text = String::new();
    for step in steps {
        // writing to a String cannot fail
        let _ = writeln!(text, "{} {} {}", step.step, step.first_line, step.at.as_microsecond());
    }
    let path = folder.join("steps");
    // A line that a crash cut off is ended, so that it spoils no other.
    let whole = fs::read(&path).map_or(true, |known| known.is_empty() || known.ends_with(b"\n"));
    let mut file = segment::open_for_writing(&path)?;
    io::Seek::seek(&mut file, io::SeekFrom::End(0))?;
    file.write_all(format!("{}{text}", if whole { "" } else { "\n" }).as_bytes())
}

/// All steps that have begun, in order.
pub fn read(folder: &Path) -> io::Result<Vec<Step>> {
    let text = match fs::read_to_string(folder.join("steps")) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        text => text?,
    };
    let whole = text.rfind('\n').map_or("", |end| &text[..end]);
    let step = |line: &str| {
        let mut fields = line.split(' ');
        Some(Step {
            step: fields.next()?.parse().ok()?,
            first_line: fields.next()?.parse().ok()?,
            at: Timestamp::from_microsecond(fields.next()?.parse().ok()?).ok()?,
        })
    };
    Ok(whole.lines().filter_map(step).collect())
}

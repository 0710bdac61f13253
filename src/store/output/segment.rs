//! Segment files: the bytes of one output as one long row, cut into files of equal size, plain or compressed.

use std::{
    fs::{self, DirBuilder, File, OpenOptions},
    io,
    os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _},
    path::{Path, PathBuf},
    time::SystemTime,
};

use crate::domain::id::OutputId;

use super::{form::Form, packed::Packed};

/// Size of every segment but the last one. (In tests small and odd, so that they cross it.)
pub const SEGMENT: u64 = if cfg!(test) { 5_003 } else { 64 << 20 };

/// Longest part of a job's name that is kept in the name of its folder.
const LONGEST_NAME: usize = 60;

/// Where an output lies under the folder of all outputs: `RUN/JOB/ATTEMPT` or `RUN/JOB/repair-N`.
///
/// A job's name that is not plain (lower-case letters, digits, `-`, `_`, `.`) is made so, with `~` and a hash of the name
/// behind it: no two jobs share a folder, also where a file system ignores case.
pub fn folder(dir: &Path, id: &OutputId) -> PathBuf {
    let job = id.job.as_str();
    let plain = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || "-_.".contains(c);
    let job = if job.chars().all(plain) && !job.starts_with('.') && (1..=LONGEST_NAME).contains(&job.len()) {
        job.to_owned()
    } else {
        let kept: String =
            job.chars().take(LONGEST_NAME).map(|c| if c.is_ascii_alphanumeric() { c } else { '_' }).collect();
        format!("{kept}~{}", &blake3::hash(job.as_bytes()).to_hex()[..16])
    };
    if id.is_environment() {
        return dir.join("environments").join(job).join(id.attempt.to_string());
    }
    if id.is_container() {
        return scratch(dir).join(job).join(id.attempt.to_string());
    }
    let attempt = if id.repair { format!("repair-{}", id.attempt) } else { id.attempt.to_string() };
    dir.join(id.run.to_string()).join(job).join(attempt)
}

/// Where logs of containers are recorded while somebody reads them. Nothing there is of use to the next gonogo.
pub fn scratch(dir: &Path) -> PathBuf {
    dir.join("containers")
}

/// A segment as it was written.
pub fn plain_path(folder: &Path, number: u64) -> PathBuf {
    folder.join(format!("{number:05}.seg"))
}

/// The same, compressed.
pub fn packed_path(folder: &Path, number: u64, form: Form) -> PathBuf {
    folder.join(format!("{number:05}.seg.{}", form.suffix()))
}

/// Opens the compressed file of a segment, whatever its form.
pub fn open_packed(folder: &Path, number: u64) -> io::Result<Option<(File, Form)>> {
    for form in Form::ALL {
        if let Some(file) = found(File::open(packed_path(folder, number, form)))? {
            return Ok(Some((file, form)));
        }
    }
    Ok(None)
}

/// Deletes the compressed file of a segment, if there is one.
pub fn remove_packed(folder: &Path, number: u64) -> io::Result<()> {
    Form::ALL.into_iter().try_for_each(|form| found(fs::remove_file(packed_path(folder, number, form))).map(drop))
}

/// Makes the folder of an output, for the user's eyes only.
pub fn make_folder(folder: &Path) -> io::Result<()> {
    DirBuilder::new().recursive(true).mode(0o700).create(folder)
}

/// Opens a file of an output for writing, for the user's eyes only.
pub fn open_for_writing(path: &Path) -> io::Result<File> {
    OpenOptions::new().read(true).write(true).create(true).truncate(false).mode(0o600).open(path)
}

/// `None` where there is no such file.
pub fn found<T>(result: io::Result<T>) -> io::Result<Option<T>> {
    match result {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        result => result.map(Some),
    }
}

/// One segment, open.
pub enum Segment {
    /// As it was written.
    Plain(File),
    /// Compressed.
    Packed(Box<Packed>),
}

impl Segment {
    /// Opens segment `number`, if there is one. Where both kinds are there the compressed one counts: it was on the disk
    /// before it got its name. Only if its table is damaged, the plain one does.
    pub fn open(folder: &Path, number: u64) -> io::Result<Option<Self>> {
        // A segment that is swapped by its other kind between two looks is found at the third.
        for _ in 0..2 {
            let packed = open_packed(folder, number)?.map(|(file, form)| Packed::open(file, form)).transpose()?;
            match packed {
                Some(packed) if packed.is_sound() => return Ok(Some(Self::Packed(Box::new(packed)))),
                packed => match (found(File::open(plain_path(folder, number)))?, packed) {
                    (Some(plain), _) => return Ok(Some(Self::Plain(plain))),
                    (None, Some(packed)) => return Ok(Some(Self::Packed(Box::new(packed)))),
                    (None, None) => {}
                },
            }
        }
        Ok(None)
    }

    /// Its bytes, as far as they can be known.
    pub fn size(&self) -> io::Result<u64> {
        match self {
            Self::Plain(file) => Ok(file.metadata()?.len().min(SEGMENT)),
            Self::Packed(packed) => Ok(packed.bytes()),
        }
    }

    /// When it was written last.
    pub fn modified(&self) -> io::Result<SystemTime> {
        match self {
            Self::Plain(file) => file.metadata()?.modified(),
            Self::Packed(packed) => packed.modified(),
        }
    }
}

/// Length of the output, which an index says to be at least `known`. A segment that has lost its end counts as full if
/// another one follows.
pub fn length(folder: &Path, known: u64) -> io::Result<u64> {
    let first = known / SEGMENT;
    let mut end = 0;
    let mut number = first;
    while let Some(segment) = Segment::open(folder, number)? {
        let size = segment.size()?;
        if size > 0 {
            end = number * SEGMENT + size;
        }
        number += 1;
    }
    // the index may be wrong
    if end == 0 && first > 0 { length(folder, 0) } else { Ok(end) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::id::{JobKey, RunId};

    #[test]
    fn every_job_has_its_own_folder() {
        let name = |job: &str| {
            folder(Path::new("o"), &OutputId::attempt(RunId(7), &JobKey::from(job), 2)).display().to_string()
        };
        assert_eq!(name("test"), "o/7/test/2");
        let names = ["a b", "a_b", "a/b", "A_b", "..", ".", "", "test [3.12, linux]", "test [3.12, Linux]"].map(name);
        for (at, one) in names.iter().enumerate() {
            assert_eq!(one.matches('/').count(), 3, "{one}");
            assert!(!names[..at].iter().any(|other| other.eq_ignore_ascii_case(one)), "{one}");
        }
        assert_eq!(folder(Path::new("o"), &OutputId::repair(RunId(7), &"t".into(), 1)), Path::new("o/7/t/repair-1"));
    }
}

//! Segment files: the bytes of one output as one long row, cut into files of equal size.

use std::{
    fs::{DirBuilder, File, OpenOptions},
    io,
    os::unix::fs::{DirBuilderExt as _, FileExt as _, OpenOptionsExt as _},
    path::{Path, PathBuf},
};

use crate::domain::id::OutputId;

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
    let attempt = if id.repair { format!("repair-{}", id.attempt) } else { id.attempt.to_string() };
    dir.join(id.run.to_string()).join(job).join(attempt)
}

fn path(folder: &Path, number: u64) -> PathBuf {
    folder.join(format!("{number:05}.seg"))
}

/// Makes the folder of an output, for the user's eyes only.
pub fn make_folder(folder: &Path) -> io::Result<()> {
    DirBuilder::new().recursive(true).mode(0o700).create(folder)
}

/// Opens a file of an output for writing, for the user's eyes only.
pub fn open_for_writing(path: &Path) -> io::Result<File> {
    OpenOptions::new().read(true).write(true).create(true).truncate(false).mode(0o600).open(path)
}

/// Reads from byte `from` on, up to the end of `into` or of the segment; 0 only at the end of the output.
///
/// This is the one place that reads a segment.
pub fn read_at(folder: &Path, from: u64, into: &mut [u8]) -> io::Result<usize> {
    let file = match File::open(path(folder, from / SEGMENT)) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(0),
        file => file?,
    };
    let within = from % SEGMENT;
    let room = usize::try_from(SEGMENT - within).unwrap_or(usize::MAX).min(into.len());
    let mut done = 0;
    while done < room {
        match file.read_at(&mut into[done..room], within + done as u64) {
            Ok(0) => break,
            Ok(more) => done += more,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    Ok(done)
}

/// Length of the output, which an index says to be at least `known`.
pub fn length(folder: &Path, known: u64) -> io::Result<u64> {
    let first = known / SEGMENT;
    let mut number = first;
    loop {
        let size = match std::fs::metadata(path(folder, number)) {
            Ok(file) => file.len().min(SEGMENT),
            Err(error) if error.kind() == io::ErrorKind::NotFound => 0,
            Err(error) => return Err(error),
        };
        if size == 0 && number == first && first > 0 {
            // the index may be wrong
            return length(folder, 0);
        }
        if size < SEGMENT {
            return Ok(number * SEGMENT + size);
        }
        number += 1;
    }
}

/// Time of the last change of the segment that holds byte `from`.
pub fn modified(folder: &Path, from: u64) -> Option<std::time::SystemTime> {
    std::fs::metadata(path(folder, from / SEGMENT)).and_then(|file| file.modified()).ok()
}

/// The end of an output, where bytes are appended.
#[derive(Debug)]
pub struct Tail {
    folder: PathBuf,
    /// The segment being written; opened again after an error.
    open: Option<(u64, File)>,
    /// Bytes written.
    pub length: u64,
}

impl Tail {
    /// Appends behind the first `length` bytes.
    pub fn new(folder: PathBuf, length: u64) -> Self {
        Self { folder, open: None, length }
    }

    /// Appends. Gives how many bytes were written, and the error that stopped it.
    pub fn write(&mut self, mut bytes: &[u8]) -> (usize, Option<io::Error>) {
        let all = bytes.len();
        while !bytes.is_empty() {
            match self.write_some(bytes) {
                Ok(written) => {
                    self.length += written as u64;
                    bytes = &bytes[written..];
                }
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => {
                    self.open = None;
                    return (all - bytes.len(), Some(error));
                }
            }
        }
        (all, None)
    }

    fn write_some(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let (number, within) = (self.length / SEGMENT, self.length % SEGMENT);
        let file = match &self.open {
            Some((open, file)) if *open == number => file,
            _ => {
                make_folder(&self.folder)?;
                let file = open_for_writing(&path(&self.folder, number))?;
                if within == 0 && file.metadata()?.is_file() {
                    // left over behind a segment that was cut
                    file.set_len(0)?;
                }
                &self.open.insert((number, file)).1
            }
        };
        let room = usize::try_from(SEGMENT - within).unwrap_or(usize::MAX).min(bytes.len());
        match file.write_at(&bytes[..room], within)? {
            0 => Err(io::ErrorKind::WriteZero.into()),
            written => Ok(written),
        }
    }
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

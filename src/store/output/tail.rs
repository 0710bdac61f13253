//! The end of an output, where bytes are appended.

use std::{fs::File, io, os::unix::fs::FileExt as _, path::PathBuf};

use super::segment::{SEGMENT, make_folder, open_for_writing, plain_path, remove_packed};

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
                let file = open_for_writing(&plain_path(&self.folder, number))?;
                if within == 0 && file.metadata()?.is_file() {
                    // left over from a writer whose segments before it are lost
                    file.set_len(0)?;
                    remove_packed(&self.folder, number)?;
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

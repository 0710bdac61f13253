//! Compresses the segments of an output that is complete, one by one, and makes the last one plain again where writing goes on.

use std::{
    fs::{self, File, TryLockError},
    io::{self, BufWriter, Write as _},
    path::Path,
    sync::atomic::{AtomicBool, Ordering::Relaxed},
};

use crate::domain::id::OutputId;

use super::{
    form::Form,
    packed::{FRAME, Packing, read_up_to},
    segment::{self, SEGMENT, Segment, found, open_packed, packed_path, plain_path, remove_packed},
    source::Source,
    writer::end_path,
};

/// Outputs of fewer bytes stay as they are: they would give back next to nothing.
const SMALL: u64 = if cfg!(test) { 700 } else { 64 << 10 };

/// What came of [`compress`].
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Saved {
    /// Bytes of the segments that were compressed by this call.
    pub before: u64,
    /// Bytes of the files they became.
    pub after: u64,
    /// Nothing is left to be done: all of the output is compressed, or it is too small for that.
    pub all: bool,
}

/// Compresses an output under `dir`, the folder of all outputs. Does nothing if it is not complete yet.
///
/// May be called again at any time, and ends early, between two frames, when `cancel` becomes true. A segment's compressed
/// file is on the disk before it gets its name, and the plain one is deleted after that: whoever is cut off in between leaves
/// the output whole. Readers are not disturbed; a [`super::Writer`] that goes on with the output waits for the segment under
/// way (up to 64 MiB, some tenths of a second).
///
/// # Errors
/// Reading, writing or syncing failed. The segment under way is still plain then.
pub fn compress(dir: &Path, id: &OutputId, cancel: &AtomicBool) -> io::Result<Saved> {
    let folder = segment::folder(dir, id);
    let length = segment::length(&folder, 0)?;
    let mut saved = Saved { all: length < SMALL && end_path(&folder).exists(), ..Saved::default() };
    if length < SMALL {
        return Ok(saved);
    }
    for number in 0..length.div_ceil(SEGMENT) {
        // Held for one segment at a time, so that a writer need not wait longer.
        let Some(_complete) = hold(&folder)? else { return Ok(saved) };
        let Some(plain) = found(File::open(plain_path(&folder, number)))? else { continue };
        if !matches!(Segment::open(&folder, number)?, Some(Segment::Packed(_))) {
            // one whose table is damaged
            remove_packed(&folder, number)?;
            let Some(after) = pack(&folder, number, &plain, cancel)? else { return Ok(saved) };
            saved.before += plain.metadata()?.len();
            saved.after += after;
        }
        fs::remove_file(plain_path(&folder, number))?;
    }
    saved.all = true;
    Ok(saved)
}

/// Holds the mark of a complete output, if there is one and nobody else holds it.
fn hold(folder: &Path) -> io::Result<Option<File>> {
    let Some(end) = found(File::open(end_path(folder)))? else { return Ok(None) };
    match end.try_lock() {
        Err(TryLockError::WouldBlock) => return Ok(None),
        Err(TryLockError::Error(error)) => return Err(error),
        Ok(()) => {}
    }
    // a writer may have taken it away before it was held
    Ok(end_path(folder).exists().then_some(end))
}

/// Makes an output ready to be written: takes away the mark that it is complete, and makes the last segment plain. Waits for
/// a segment that is being compressed.
pub fn reopen(folder: &Path, length: u64) -> io::Result<()> {
    let complete = found(File::open(end_path(folder)))?;
    if let Some(end) = &complete {
        end.lock()?;
    }
    unpack_last(folder, length)?;
    if complete.is_some() {
        found(fs::remove_file(end_path(folder)))?;
    }
    Ok(())
}

/// Writes the compressed file of a segment; `None` if it was cancelled. Gives its length.
fn pack(folder: &Path, number: u64, plain: &File, cancel: &AtomicBool) -> io::Result<Option<u64>> {
    let path = packed_path(folder, number, Form::Lz4);
    let unfinished = path.with_extension("new");
    let file = segment::open_for_writing(&unfinished)?;
    file.set_len(0)?;
    let mut packing = Packing::new(BufWriter::with_capacity(1 << 20, file));
    let mut frame = vec![0; FRAME];
    let mut at = 0;
    while at < SEGMENT {
        if cancel.load(Relaxed) {
            fs::remove_file(&unfinished)?;
            return Ok(None);
        }
        let room = usize::try_from(SEGMENT - at).unwrap_or(usize::MAX).min(FRAME);
        let read = read_up_to(plain, at, &mut frame[..room])?;
        if read == 0 {
            break;
        }
        packing.frame(&frame[..read])?;
        at += read as u64;
    }
    let (mut out, length) = packing.finish()?;
    out.flush()?;
    // what is asked for by time, or removed by age, does not become younger
    out.get_ref().set_modified(plain.metadata()?.modified()?)?;
    publish(out.get_ref(), &unfinished, &path, folder)?;
    Ok(Some(length))
}

/// Makes the last segment plain again if it is compressed and not full.
fn unpack_last(folder: &Path, length: u64) -> io::Result<()> {
    let number = length / SEGMENT;
    let Some((packed, _)) = open_packed(folder, number)? else { return Ok(()) };
    let path = plain_path(folder, number);
    let unfinished = path.with_extension("new");
    let file = segment::open_for_writing(&unfinished)?;
    file.set_len(0)?;
    let mut out = BufWriter::with_capacity(1 << 20, file);
    let mut source = Source::new(folder.to_owned(), length);
    let mut block = vec![0; FRAME];
    let mut at = number * SEGMENT;
    while at < length {
        let read = source.read(at, &mut block)?;
        out.write_all(&block[..read])?;
        at += read as u64;
    }
    out.flush()?;
    out.get_ref().set_modified(packed.metadata()?.modified()?)?;
    publish(out.get_ref(), &unfinished, &path, folder)?;
    remove_packed(folder, number)?;
    // Before anything is appended: the compressed file, which would count, must not come back.
    File::open(folder)?.sync_all()
}

/// Gives a file that is written its name, so that it is there with all its bytes or not at all.
fn publish(file: &File, unfinished: &Path, path: &Path, folder: &Path) -> io::Result<()> {
    file.sync_all()?;
    fs::rename(unfinished, path)?;
    File::open(folder)?.sync_all()
}

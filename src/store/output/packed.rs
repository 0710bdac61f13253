//! A compressed segment: frames of equal content, each for itself, and a table of them at the end.
//!
//! The frames are LZ4 frames (`lz4`), and were Zstandard frames once (`form`). The table lies in a frame that both skip, so
//! `lz4cat` or `zstdcat` prints the whole segment. Numbers are little-endian:
//!
//! | bytes | |
//! |---|---|
//! | 8 | head of a skippable frame: `5E 2A 4D 18`, length of what follows |
//! | 8 for each frame | its compressed length, line breaks in it |
//! | 8, 8, 4, 4 | `gonogol1` (`gonogoz1` with Zstandard), bytes of the segment, bytes of each frame but the last, number of frames |
//! | 8 | BLAKE3 of the table up to here, without the 8 bytes of the head: its beginning |

use std::{
    fs::File,
    io::{self, Write},
    os::unix::fs::FileExt as _,
    time::SystemTime,
};

use super::{
    form::{Form, Unpacker},
    gap::Gap,
    index::count_breaks,
    lz4,
    segment::SEGMENT,
};

/// What is compressed at once, and read at once.
pub const FRAME: usize = if cfg!(test) { 509 } else { 128 << 10 };
/// Bounds of what a table may say about the same.
const FRAMES: std::ops::RangeInclusive<u64> = if cfg!(test) { 64..=4 << 20 } else { 4 << 10..=4 << 20 };

const SKIPPED: u32 = 0x184d_2a5e;
const HEAD: u64 = 8;
const ENTRY: usize = 8;
const END: usize = 32;

/// Where a frame lies in the file.
#[derive(Clone, Copy, Debug)]
struct Frame {
    at: u64,
    length: usize,
    breaks: u32,
}

/// A compressed segment, open for reading.
pub struct Packed {
    file: File,
    frames: Vec<Frame>,
    /// Content of each frame but the last.
    frame: u64,
    bytes: u64,
    sound: bool,
    form: Form,
    unpacker: Unpacker,
    compressed: Vec<u8>,
    /// The frame that was read last for a part of it.
    recent: Option<usize>,
    content: Vec<u8>,
}

impl Packed {
    /// Reads the table. If it is damaged, the frames are looked for one after the other, as far as they are there.
    pub fn open(file: File, form: Form) -> io::Result<Self> {
        let mut new = Self {
            file,
            frames: Vec::new(),
            frame: FRAME as u64,
            bytes: 0,
            sound: true,
            form,
            unpacker: Unpacker::new(form)?,
            compressed: Vec::new(),
            recent: None,
            content: Vec::new(),
        };
        if !new.read_table()? {
            new.sound = false;
            new.walk()?;
        }
        Ok(new)
    }

    /// The table is as it was written.
    pub fn is_sound(&self) -> bool {
        self.sound
    }

    /// Bytes of the segment, as far as they are known.
    pub fn bytes(&self) -> u64 {
        self.bytes
    }

    /// The file's time, which is that of the plain segment.
    pub fn modified(&self) -> io::Result<SystemTime> {
        self.file.metadata()?.modified()
    }

    /// Reads from byte `from` of the segment on; less than asked only at its end. In the place of what is damaged there is
    /// a [`Gap`].
    pub fn read_at(&mut self, from: u64, into: &mut [u8]) -> io::Result<usize> {
        let room = usize::try_from(self.bytes.saturating_sub(from)).unwrap_or(usize::MAX).min(into.len());
        let mut done = 0;
        while done < room {
            let at = from + done as u64;
            let number = usize::try_from(at / self.frame).unwrap_or(usize::MAX);
            let within = usize::try_from(at % self.frame).unwrap_or(usize::MAX);
            let size = usize::try_from(self.frame.min(self.bytes - (at - within as u64))).unwrap_or(usize::MAX);
            let part = (size - within).min(room - done);
            let to = &mut into[done..done + part];
            if part == size && self.recent != Some(number) {
                self.read_frame(number, to)?;
            } else {
                if self.recent != Some(number) {
                    let mut content = std::mem::take(&mut self.content);
                    content.resize(size, 0);
                    self.recent = None;
                    self.read_frame(number, &mut content)?;
                    (self.content, self.recent) = (content, Some(number));
                }
                to.copy_from_slice(&self.content[within..within + part]);
            }
            done += part;
        }
        Ok(room)
    }

    fn read_frame(&mut self, number: usize, into: &mut [u8]) -> io::Result<()> {
        let frame = self.frames[number];
        self.compressed.resize(frame.length, 0);
        let whole = match self.file.read_exact_at(&mut self.compressed, frame.at) {
            Err(error) if error.kind() != io::ErrorKind::UnexpectedEof => return Err(error),
            read => read.is_ok(),
        };
        if !(whole && self.unpacker.unpack(&self.compressed, into)) {
            let bytes = into.len() as u64;
            Gap { bytes, breaks: u64::from(frame.breaks).min(bytes) }.copy(0, into);
        }
        Ok(())
    }

    /// Says whether there is a table that is right. Nothing of it is believed before its sum is.
    fn read_table(&mut self) -> io::Result<bool> {
        let length = self.file.metadata()?.len();
        let mut end = [0; END];
        if length < HEAD + END as u64 || self.file.read_exact_at(&mut end, length - END as u64).is_err() {
            return Ok(false);
        }
        let (bytes, frame, count) = (number(&end[8..16]), number(&end[16..20]), number(&end[20..24]));
        let table = HEAD + count * ENTRY as u64 + END as u64;
        let possible = end.starts_with(self.form.magic())
            && (1..=SEGMENT).contains(&bytes)
            && FRAMES.contains(&frame)
            && count == bytes.div_ceil(frame)
            && table <= length;
        if !possible {
            return Ok(false);
        }
        let mut entries = vec![0; usize::try_from(count).unwrap_or(usize::MAX) * ENTRY];
        self.file.read_exact_at(&mut entries, length - table + HEAD)?;
        if sum(&entries, &end[..END - 8]) != end[END - 8..] {
            return Ok(false);
        }
        let longest = self.form.longest(usize::try_from(frame).unwrap_or(0));
        let mut at = 0;
        for entry in entries.chunks_exact(ENTRY) {
            let frame = Frame {
                at,
                length: usize::try_from(number(&entry[..4])).unwrap_or(usize::MAX),
                breaks: number(&entry[4..]) as u32,
            };
            if frame.length > longest {
                return Ok(false);
            }
            at += frame.length as u64;
            self.frames.push(frame);
        }
        (self.bytes, self.frame) = (bytes, frame);
        Ok(at == length - table)
    }

    /// Finds the frames without a table.
    fn walk(&mut self) -> io::Result<()> {
        self.frames.clear();
        self.bytes = 0;
        let mut block = vec![0; self.form.longest(usize::try_from(*FRAMES.end()).unwrap_or(0))];
        let mut at = 0;
        // a frame that is not full is the last one
        while self.bytes == self.frames.len() as u64 * self.frame && self.bytes < SEGMENT {
            let read = read_up_to(&self.file, at, &mut block)?;
            let block = &block[..read];
            let Some((content, length)) = self.form.measure(block) else { break };
            if self.frames.is_empty() && FRAMES.contains(&content) {
                self.frame = content;
            }
            if content == 0 || content > self.frame || self.bytes + content > SEGMENT {
                break;
            }
            self.frames.push(Frame { at, length, breaks: Gap::of(content).breaks as u32 });
            self.bytes += content;
            at += length as u64;
        }
        Ok(())
    }
}

/// Writes a compressed segment.
pub struct Packing<W> {
    out: W,
    compressed: Vec<u8>,
    table: Vec<u8>,
    bytes: u64,
    written: u64,
}

impl<W: Write> Packing<W> {
    /// Begins.
    pub fn new(out: W) -> Self {
        Self { out, compressed: Vec::new(), table: Vec::new(), bytes: 0, written: 0 }
    }

    /// Adds a frame: [`FRAME`] bytes, or what is left of the segment.
    pub fn frame(&mut self, content: &[u8]) -> io::Result<()> {
        lz4::pack(content, &mut self.compressed);
        let length = self.compressed.len();
        self.out.write_all(&self.compressed)?;
        self.table.extend_from_slice(&(length as u32).to_le_bytes());
        self.table.extend_from_slice(&(count_breaks(content) as u32).to_le_bytes());
        self.bytes += content.len() as u64;
        self.written += length as u64;
        Ok(())
    }

    /// Adds the table. Gives the length of all.
    pub fn finish(mut self) -> io::Result<(W, u64)> {
        let mut end = Form::Lz4.magic().to_vec();
        end.extend_from_slice(&self.bytes.to_le_bytes());
        end.extend_from_slice(&(FRAME as u32).to_le_bytes());
        end.extend_from_slice(&((self.table.len() / ENTRY) as u32).to_le_bytes());
        let sum = sum(&self.table, &end);
        end.extend_from_slice(&sum);
        self.out.write_all(&SKIPPED.to_le_bytes())?;
        self.out.write_all(&((self.table.len() + END) as u32).to_le_bytes())?;
        self.out.write_all(&self.table)?;
        self.out.write_all(&end)?;
        Ok((self.out, self.written + HEAD + (self.table.len() + END) as u64))
    }
}

/// A little-endian number of up to 8 bytes.
fn number(bytes: &[u8]) -> u64 {
    bytes.iter().rev().fold(0, |number, byte| number << 8 | u64::from(*byte))
}

fn sum(entries: &[u8], end: &[u8]) -> [u8; 8] {
    let mut hash = blake3::Hasher::new();
    hash.update(entries).update(end);
    let mut sum = [0; 8];
    hash.finalize_xof().fill(&mut sum);
    sum
}

/// Reads until `into` is full or the file ends.
pub fn read_up_to(file: &File, from: u64, into: &mut [u8]) -> io::Result<usize> {
    let mut done = 0;
    while done < into.len() {
        match file.read_at(&mut into[done..], from + done as u64) {
            Ok(0) => break,
            Ok(more) => done += more,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    Ok(done)
}

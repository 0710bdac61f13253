//! The forms of compressed segments: LZ4, and Zstandard, which gonogo wrote before. Both consist of frames that can be unpacked one by one.

use std::io;

use zstd::{bulk::Decompressor, zstd_safe};

use super::lz4;

/// How a segment is compressed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Form {
    /// What is written: it is unpacked twice as fast as the other.
    Lz4,
    /// Only read.
    Zstd,
}

impl Form {
    /// The one that is written first.
    pub const ALL: [Self; 2] = [Self::Lz4, Self::Zstd];

    /// End of the name of a segment's file, by which every tool knows what it is.
    pub fn suffix(self) -> &'static str {
        match self {
            Self::Lz4 => "lz4",
            Self::Zstd => "zst",
        }
    }

    /// What stands before the end of the table.
    pub fn magic(self) -> &'static [u8; 8] {
        match self {
            Self::Lz4 => b"gonogol1",
            Self::Zstd => b"gonogoz1",
        }
    }

    /// The most bytes that the frame of so many bytes has.
    pub fn longest(self, content: usize) -> usize {
        match self {
            Self::Lz4 => lz4::longest(content),
            Self::Zstd => zstd_safe::compress_bound(content),
        }
    }

    /// Length of the content, and of the frame, that `bytes` begin with.
    pub fn measure(self, bytes: &[u8]) -> Option<(u64, usize)> {
        match self {
            Self::Lz4 => lz4::measure(bytes).filter(|(_, length)| *length <= bytes.len()),
            Self::Zstd => {
                let content = zstd_safe::get_frame_content_size(bytes).ok().flatten()?;
                Some((content, zstd_safe::find_frame_compressed_size(bytes).ok()?))
            }
        }
    }
}

/// Unpacks frames of one form.
pub enum Unpacker {
    /// Needs no memory of its own.
    Lz4,
    /// Keeps its tables between two frames.
    Zstd(Decompressor<'static>),
}

impl Unpacker {
    /// For frames of a form.
    pub fn new(form: Form) -> io::Result<Self> {
        Ok(match form {
            Form::Lz4 => Self::Lz4,
            Form::Zstd => Self::Zstd(Decompressor::new()?),
        })
    }

    /// Unpacks a frame; says whether it was undamaged and filled `into`.
    pub fn unpack(&mut self, frame: &[u8], into: &mut [u8]) -> bool {
        match self {
            Self::Lz4 => lz4::unpack(frame, into),
            Self::Zstd(unpacker) => {
                let length = into.len();
                unpacker.decompress_to_buffer(frame, into).is_ok_and(|content| content == length)
            }
        }
    }
}

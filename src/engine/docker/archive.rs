//! Files into a tar archive, each as it is: links as links, modes kept, and never more or less of a file than its header says.

use std::{
    fs::{File, Metadata, OpenOptions},
    io::{self, Read, Write},
    os::unix::{
        ffi::OsStrExt as _,
        fs::{MetadataExt as _, OpenOptionsExt as _},
    },
    path::Path,
};

use serde::{Deserialize, Serialize};
use tar::{Builder, EntryType, Header};

/// Who owns what is sent.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Owner {
    /// Its user's number.
    pub uid: u32,
    /// Its group's number.
    pub gid: u32,
}

/// What became an entry of an archive.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) enum Entry {
    /// A directory.
    Directory,
    /// A file: its bytes, as a hash of them.
    File([u8; 32]),
    /// A link and where it points.
    Link(Vec<u8>),
}

fn header(kind: EntryType, metadata: &Metadata, owner: Owner) -> Header {
    let mut header = Header::new_gnu();
    header.set_entry_type(kind);
    header.set_mode(metadata.mode() & 0o7777);
    header.set_uid(owner.uid.into());
    header.set_gid(owner.gid.into());
    header.set_mtime(u64::try_from(metadata.mtime()).unwrap_or(0));
    header.set_size(0);
    header
}

/// Adds what stands at `from` as `name`. `None`: it is none of file, directory and link, or has gone meanwhile.
pub(super) fn add(
    archive: &mut Builder<impl Write>,
    from: &Path,
    name: &Path,
    owner: Owner,
) -> io::Result<Option<(Entry, Metadata)>> {
    let metadata = match from.symlink_metadata() {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        found => found?,
    };
    if metadata.is_dir() {
        archive.append_data(&mut header(EntryType::Directory, &metadata, owner), name, io::empty())?;
        Ok(Some((Entry::Directory, metadata)))
    } else if metadata.is_symlink() {
        let target = from.read_link()?;
        let mut header = header(EntryType::Symlink, &metadata, owner);
        let bytes = target.as_os_str().as_bytes();
        if header.set_link_name_literal(bytes).is_ok() {
            // As it is: what goes through a path is tidied up.
            archive.append_data(&mut header, name, io::empty())?;
        } else {
            archive.append_link(&mut header, name, &target)?;
        }
        Ok(Some((Entry::Link(bytes.to_vec()), metadata)))
    } else if metadata.is_file() {
        let opened =
            OpenOptions::new().read(true).custom_flags(nix::libc::O_NOFOLLOW | nix::libc::O_NONBLOCK).open(from);
        let file = match opened {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            opened => opened?,
        };
        // What was opened counts: it may be another file than the one that was looked at.
        let metadata = file.metadata()?;
        if !metadata.is_file() {
            return Ok(None);
        }
        let mut header = header(EntryType::Regular, &metadata, owner);
        header.set_size(metadata.len());
        let mut exactly = Exactly { file, left: metadata.len(), hasher: blake3::Hasher::new() };
        archive.append_data(&mut header, name, &mut exactly)?;
        Ok(Some((Entry::File(exactly.hasher.finalize().into()), metadata)))
    } else {
        Ok(None)
    }
}

/// A file in so many bytes: one that grows is cut, one that shrinks is filled with zeros.
struct Exactly {
    file: File,
    left: u64,
    hasher: blake3::Hasher,
}

impl Read for Exactly {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        let most = usize::try_from(self.left).unwrap_or(usize::MAX).min(into.len());
        if most == 0 {
            return Ok(0);
        }
        let mut count = self.file.read(&mut into[..most])?;
        if count == 0 {
            into[..most].fill(0);
            count = most;
        }
        self.hasher.update(&into[..count]);
        self.left -= count as u64;
        Ok(count)
    }
}

//! One block as an LZ4 frame, as the format of such frames has it: `lz4cat` reads one after the other.
//!
//! | bytes (numbers are little-endian) | |
//! |---|---|
//! | 4 | `04 22 4D 18` |
//! | 2 | `78 50`: version 1, blocks for themselves with a sum each, the length of the content is said; blocks of up to 256 KiB |
//! | 8 | length of the content |
//! | 1 | the second byte of the sum of the 10 bytes before it |
//! | 4 | length of the block, with the highest bit set where it is the content itself |
//! | | the block |
//! | 4 | the sum of the block (xxHash, 32 bits), as it stands here: so what is checked is the small one of the two |
//! | 4 | 0: no other block |

use twox_hash::XxHash32;

const MAGIC: [u8; 4] = [0x04, 0x22, 0x4d, 0x18];
const ABOUT: [u8; 2] = [0x78, 0x50];
const HEAD: usize = 19;
const FOOT: usize = 8;
const AS_IT_IS: u32 = 1 << 31;

/// The most bytes that the frame of so many bytes has.
pub fn longest(content: usize) -> usize {
    HEAD + lz4_flex::block::get_maximum_output_size(content) + FOOT
}

/// Writes the frame of a block into `frame`, in the place of what is in it.
pub fn pack(content: &[u8], frame: &mut Vec<u8>) {
    frame.resize(longest(content.len()), 0);
    let packed =
        lz4_flex::block::compress_into(content, &mut frame[HEAD..]).ok().filter(|packed| *packed < content.len());
    let (length, said) = match packed {
        Some(length) => (length, length as u32),
        None => {
            frame[HEAD..HEAD + content.len()].copy_from_slice(content);
            (content.len(), content.len() as u32 | AS_IT_IS)
        }
    };
    frame[..4].copy_from_slice(&MAGIC);
    frame[4..6].copy_from_slice(&ABOUT);
    frame[6..14].copy_from_slice(&(content.len() as u64).to_le_bytes());
    frame[14] = head_sum(&frame[4..14]);
    frame[15..HEAD].copy_from_slice(&said.to_le_bytes());
    frame.truncate(HEAD + length);
    let sum = XxHash32::oneshot(0, &frame[HEAD..]);
    frame.extend_from_slice(&sum.to_le_bytes());
    frame.extend_from_slice(&0_u32.to_le_bytes());
}

/// Length of the content, and of the frame, that `bytes` begin with.
pub fn measure(bytes: &[u8]) -> Option<(u64, usize)> {
    let head = bytes.get(..HEAD)?;
    let right = head.starts_with(&MAGIC) && head[4..6] == ABOUT && head[14] == head_sum(&head[4..14]);
    let content = u64::from_le_bytes(head[6..14].try_into().ok()?);
    let block = (number(&head[15..]) & !AS_IT_IS) as usize;
    right.then_some((content, HEAD + block + FOOT))
}

/// Unpacks a frame; says whether it was undamaged and filled `into`.
pub fn unpack(frame: &[u8], into: &mut [u8]) -> bool {
    if measure(frame) != Some((into.len() as u64, frame.len())) {
        return false;
    }
    let (block, foot) = frame[HEAD..].split_at(frame.len() - HEAD - FOOT);
    if XxHash32::oneshot(0, block) != number(&foot[..4]) {
        return false;
    }
    if number(&frame[15..HEAD]) & AS_IT_IS != 0 {
        let fits = block.len() == into.len();
        if fits {
            into.copy_from_slice(block);
        }
        return fits;
    }
    lz4_flex::block::decompress_into(block, into).is_ok_and(|length| length == into.len())
}

fn head_sum(head: &[u8]) -> u8 {
    (XxHash32::oneshot(0, head) >> 8) as u8
}

fn number(bytes: &[u8]) -> u32 {
    bytes.iter().take(4).rev().fold(0, |number, byte| number << 8 | u32::from(*byte))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn damage_anywhere_but_behind_the_block_is_seen() {
        let content = b"one line and one line and one line and another".repeat(5);
        let mut frame = Vec::new();
        pack(&content, &mut frame);
        let mut out = vec![0; content.len()];
        assert!(unpack(&frame, &mut out) && out == content && frame.len() < content.len() / 2);
        for at in 0..frame.len() - 4 {
            let mut damaged = frame.clone();
            damaged[at] ^= 1;
            assert!(!unpack(&damaged, &mut out), "{at}");
        }
        for length in 0..frame.len() {
            assert!(!unpack(&frame[..length], &mut out), "{length}");
        }
    }

    proptest! {
        #[test]
        fn what_is_packed_is_unpacked(content in proptest::collection::vec(any::<u8>(), 0..2000), again in 0..3_usize) {
            let content = content.repeat(again);
            let mut frame = Vec::new();
            pack(&content, &mut frame);
            prop_assert!(frame.len() <= longest(content.len()));
            prop_assert_eq!(measure(&frame), Some((content.len() as u64, frame.len())));
            let mut out = vec![0; content.len()];
            prop_assert!(unpack(&frame, &mut out) && out == content);
        }

        #[test]
        fn no_block_is_too_strange(block in proptest::collection::vec(any::<u8>(), 0..200), length in 0..3000_usize) {
            // with sums that are right
            let mut frame = Vec::new();
            pack(&vec![0; length], &mut frame);
            frame.truncate(HEAD - 4);
            frame.extend_from_slice(&(block.len() as u32).to_le_bytes());
            frame.extend_from_slice(&block);
            frame.extend_from_slice(&XxHash32::oneshot(0, &block).to_le_bytes());
            frame.extend_from_slice(&[0; 4]);
            let mut out = vec![0; length];
            unpack(&frame, &mut out);
        }
    }
}

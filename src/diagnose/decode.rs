//! From bytes to text: UTF-8 with or without a byte order mark, UTF-16 of either order, and whatever else as well as can be.

use std::borrow::Cow;

/// The output as text; bytes that mean nothing become U+FFFD.
pub(super) fn decode(bytes: &[u8]) -> Cow<'_, str> {
    match utf16_order(bytes) {
        Some(order) => Cow::Owned(utf16(bytes, order)),
        None => String::from_utf8_lossy(bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(bytes)),
    }
}

type Order = fn([u8; 2]) -> u16;

/// The byte order, if this is UTF-16: by its mark, or because every second byte of the beginning is zero.
fn utf16_order(bytes: &[u8]) -> Option<Order> {
    match bytes {
        [0xff, 0xfe, ..] => return Some(u16::from_le_bytes),
        [0xfe, 0xff, ..] => return Some(u16::from_be_bytes),
        _ => {}
    }
    let pairs = bytes.get(..bytes.len().min(512))?.chunks_exact(2);
    let (mut even, mut odd, mut all) = (0, 0, 0);
    for pair in pairs {
        even += usize::from(pair[0] == 0);
        odd += usize::from(pair[1] == 0);
        all += 1;
    }
    if all >= 4 && odd * 10 > all * 7 && even * 10 < all {
        return Some(u16::from_le_bytes);
    }
    (all >= 4 && even * 10 > all * 7 && odd * 10 < all).then_some(u16::from_be_bytes)
}

fn utf16(bytes: &[u8], order: Order) -> String {
    let units = bytes.chunks_exact(2).map(|pair| order([pair[0], pair[1]]));
    char::decode_utf16(units)
        .map(|unit| unit.unwrap_or(char::REPLACEMENT_CHARACTER))
        .filter(|&c| c != '\u{feff}')
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn wide(text: &str, order: fn(u16) -> [u8; 2]) -> Vec<u8> {
        text.encode_utf16().flat_map(order).collect()
    }

    #[test]
    fn every_encoding_gives_the_same_text() {
        let text = "error: it broke\r\nat line 3\n";
        let little = wide(text, u16::to_le_bytes);
        let big = wide(text, u16::to_be_bytes);
        let marked = [b"\xff\xfe".as_slice(), &little].concat();
        let utf8 = [b"\xef\xbb\xbf".as_slice(), text.as_bytes()].concat();
        for bytes in [text.as_bytes().to_vec(), little, big, marked, utf8] {
            assert_eq!(decode(&bytes), text);
        }
    }

    #[test]
    fn bytes_that_are_no_text_are_replaced() {
        assert_eq!(decode(b"a\xffb"), "a\u{fffd}b");
        assert_eq!(decode(b""), "");
        assert_eq!(decode(b"\0"), "\0");
    }
}

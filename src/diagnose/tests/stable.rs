//! Fingerprints, any bytes, long logs.

use proptest::prelude::*;

use super::read;
use crate::diagnose::{Hints, diagnose};

const PANIC: &str = "thread 'tests::a' panicked at /home/me/shop/src/lib.rs:41:9:\nassertion failed: took 31 ms at 0x7f31, id 123e4567-e89b-12d3-a456-426614174000\n";

#[test]
fn the_same_fault_has_the_same_fingerprint() {
    let wanted = read(PANIC).fingerprint;
    assert_eq!(wanted.as_str().len(), 16);
    let tomorrow = PANIC.replace("/home/me/shop", "/build/7/shop").replace(":41:9", ":57:3").replace("31 ms", "7 s");
    let tomorrow = tomorrow.replace("0x7f31", "0xa0").replace("123e4567", "00000000");
    assert_eq!(read(&tomorrow).fingerprint, wanted);
    assert_eq!(read(&format!("noise\n{PANIC}more noise\n")).fingerprint, wanted);
}

#[test]
fn another_fault_has_another_fingerprint() {
    let wanted = read(PANIC).fingerprint;
    for (from, to) in [("tests::a", "tests::b"), ("lib.rs", "main.rs"), ("assertion failed", "overflow")] {
        assert_ne!(read(&PANIC.replace(from, to)).fingerprint, wanted, "{to}");
    }
}

#[test]
fn findings_and_long_lines_are_bounded() {
    let many: String = (0..3000).map(|n| format!("a.py:{n}:1: E501 line too long\n")).collect();
    assert!(read(&many).diagnostics.len() <= 1000);
    let long = format!("error: {}\nsrc/a.ts(3,7): error TS2322: no\n", "x".repeat(1 << 22));
    assert_eq!(read(&long).diagnostics.len(), 1);
}

proptest! {
    #[test]
    fn any_bytes_give_a_diagnosis(bytes in prop::collection::vec(any::<u8>(), 0..600)) {
        diagnose(&bytes, &Hints::default());
    }

    #[test]
    fn any_mixture_of_telling_lines_gives_a_diagnosis(
        parts in prop::collection::vec(
            prop::sample::select(vec![
                "error[E0308]: x\n", " --> a.rs:1:1\n", "____ t ____\n", "E   A: b\n", "##[error]é\n", "##[group]Run \n", "\t", "é", "● ", "FAIL ",
                "a.py:1:1: E501 x", "\r", "\u{1b}[", "^[[", "Traceback (most recent call last):\n", "  File \"a\", line 1\n", "npm error code E\n",
                "--- FAIL: T (0s)\n", "In a line 1:\n", "^-- SC1: x\n", "Error: ", "+ x\n", " (1:2)", "'", "` (line ", "panicked at '", "1) \n", "not ok 1 - \n",
                "Failure:\n", "│ Error: x\n", "CMake Error at a:1 (b):\n", "[ERROR] ", ": error: ", "thread 'a' panicked at a.rs:1:1:\n", "RollupError: ", "SyntaxError: a: b (1:2)\n",
            ]),
            0..40,
        )
    ) {
        diagnose(parts.concat().as_bytes(), &Hints::default());
    }
}

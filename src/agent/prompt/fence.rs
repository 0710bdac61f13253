//! Around what is data and no instruction: a boundary that nobody can have foreseen.

use std::io::Read as _;

/// The boundary of one turn.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fence(String);

impl Fence {
    /// One that was not there before.
    pub fn new() -> Self {
        let mut bytes = [0_u8; 16];
        // Where there is no such device (a bare container), the time and the place of a value on the stack are what is left.
        let read = std::fs::File::open("/dev/urandom").and_then(|mut device| device.read_exact(&mut bytes));
        let mut hasher = blake3::Hasher::new();
        hasher.update(&bytes);
        if read.is_err() {
            let now = format!("{:?} {:p} {}", std::time::SystemTime::now(), &raw const bytes, std::process::id());
            hasher.update(now.as_bytes());
        }
        let hex = hasher.finalize().to_hex();
        Self(format!("=====data-{}=====", hex.get(..24).unwrap_or_default()))
    }

    /// The line that begins and ends data.
    pub fn boundary(&self) -> &str {
        &self.0
    }

    /// A text as data.
    pub fn around(&self, text: &str) -> String {
        // It can't be guessed; should it stand there all the same, it stands there no more.
        let text = text.replace(&self.0, "=====");
        format!("{}\n{}\n{}", self.0, text.trim_end_matches('\n'), self.0)
    }
}

impl Default for Fence {
    fn default() -> Self {
        Self::new()
    }
}

//! From the output of a failed job to a diagnosis. Pure: bytes in, [`crate::domain::diagnosis::Diagnosis`] out.

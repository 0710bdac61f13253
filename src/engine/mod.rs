//! Where jobs run.

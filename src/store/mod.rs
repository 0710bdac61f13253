//! What is kept on disk: the log of records (SQLite) and the output of jobs (segment files).

pub mod hold;
pub mod log;
pub mod output;
pub mod retain;

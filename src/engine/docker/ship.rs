//! stub
use super::{fault::Fault, host::Host};
use std::path::Path;
/// Sent.
#[derive(Clone, Debug, Default)]
pub struct Sent;
/// Sends.
pub async fn send(
    _host: &Host,
    _container: &str,
    _workspace: &Path,
    _target: &str,
    _owner: (u32, u32),
) -> Result<Sent, Fault> {
    Ok(Sent)
}
/// Brings back.
pub async fn bring_back(
    _host: &Host,
    _container: &str,
    _target: &str,
    _workspace: &Path,
    _sent: &Sent,
    _skip: &[String],
) -> Result<(), Fault> {
    Ok(())
}

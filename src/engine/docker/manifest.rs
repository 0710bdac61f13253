//! What was sent of a workspace, on disk: a gonogo that takes the container up again brings back what has changed since.

use std::path::PathBuf;

use crate::engine::port::Order;

use super::ship::Sent;

/// Where it stands; nowhere for what is never taken up again.
fn path(order: &Order) -> Option<PathBuf> {
    order.cache_dir.as_ref().map(|dir| dir.join("sent").join(format!("{}.json", order.marker)))
}

/// Writes it down. Where that fails, the attempt is lost if gonogo is killed, and that is all.
pub(super) async fn write(order: &Order, sent: &Sent) {
    let Some(path) = path(order) else { return };
    let sent = sent.clone();
    let written = tokio::task::spawn_blocking(move || {
        std::fs::create_dir_all(path.parent().unwrap_or(&path))?;
        let new = path.with_extension("new");
        std::fs::write(&new, serde_json::to_vec(&sent)?)?;
        std::fs::rename(new, path)
    });
    if let Ok(Err(error)) = written.await {
        tracing::warn!(run = %order.run, job = %order.key(), "what was sent can't be written down: {error}");
    }
}

/// Reads it.
pub(super) async fn read(order: &Order) -> Option<Sent> {
    let text = tokio::fs::read(path(order)?).await.ok()?;
    serde_json::from_slice(&text).ok()
}

/// The attempt has ended.
pub(super) async fn forget(order: &Order) {
    if let Some(path) = path(order) {
        // Most attempts have none.
        let _ = tokio::fs::remove_file(path).await;
    }
}

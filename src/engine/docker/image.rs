//! stub
use super::{fault::Fault, host::Host};
use crate::{domain::container::ContainerSpec, engine::port::StopSignal};
use bollard::Docker;
use std::path::Path;
/// An image that an engine has.
#[derive(Clone, Debug, Default)]
pub struct Image {
    /// Its id.
    pub id: String,
    /// Its user.
    pub user: String,
}
/// Why there is none.
#[derive(Debug)]
pub enum Provide {
    /// The engine could not.
    Fault(Fault),
    /// Stopped.
    Stopped,
    /// The build failed.
    BuildFailed {
        /// Exit.
        code: Option<i64>,
        /// Words.
        why: String,
    },
}
/// Gets it.
pub async fn provide(
    host: &Host,
    spec: &ContainerSpec,
    _root: &Path,
    _say: &mut (impl FnMut(&[u8]) + Send),
    _stop: &mut StopSignal,
) -> Result<Image, Provide> {
    let docker: &Docker = host.client().await.map_err(Provide::Fault)?;
    let name = spec.image.clone().unwrap_or_default();
    let found =
        docker.inspect_image(&name).await.map_err(|e| Provide::Fault(Fault::of(format!("no image `{name}`"), &e)))?;
    Ok(Image { id: found.id.unwrap_or_default(), user: found.config.and_then(|c| c.user).unwrap_or_default() })
}

//! Volumes before a job, and nothing after it: whatever ends an attempt, and however, leaves no container, network or volume
//! that is not a cache.

use std::{collections::BTreeSet, time::Duration};

use bollard::{
    Docker, body_full,
    errors::Error,
    models::VolumeCreateRequest,
    query_parameters::{
        ListContainersOptionsBuilder, ListNetworksOptionsBuilder, ListVolumesOptionsBuilder,
        RemoveContainerOptionsBuilder, RemoveVolumeOptionsBuilder, UploadToContainerOptionsBuilder,
    },
};

use crate::{domain::container::EngineFault, engine::port::Order};

use super::{
    body::{self, Way},
    fault::Fault,
    host::Host,
    label,
};

/// All of it may take so long; what is left then is removed when gonogo starts again.
const LONGEST: Duration = Duration::from_secs(30);

/// Makes the volumes of an order: those of its caches, unless they are there, and that of its workspace.
pub(super) async fn prepare_volumes(order: &Order, docker: &Docker, way: &Way) -> Result<(), Fault> {
    let failed = |error| Fault::of("no volume", &error);
    for (name, _) in body::caches(order) {
        let mut labels = body::labels(order, label::ROLE_CACHE, "");
        for own in [label::RUN, label::JOB, label::ATTEMPT, label::MARKER] {
            labels.remove(own);
        }
        let request = VolumeCreateRequest { name: Some(name), labels: Some(labels), ..VolumeCreateRequest::default() };
        docker.create_volume(request).await.map_err(failed)?;
    }
    if let Way::Sent(name) = way {
        let labels = Some(body::labels(order, "workspace", ""));
        let request = VolumeCreateRequest { name: Some(name.clone()), labels, ..VolumeCreateRequest::default() };
        docker.create_volume(request).await.map_err(failed)?;
    } else {
        // Made here, they belong to whoever owns the workspace, and not to the engine.
        for (_, at) in body::caches(order) {
            if let Ok(inside) = at.strip_prefix(body::directory(order)) {
                let _ = std::fs::create_dir_all(order.workspace.join(inside));
            }
        }
    }
    Ok(())
}

/// New volumes belong to root: gives the caches of an order to whoever runs in its container.
pub(super) async fn own_caches(
    order: &Order,
    docker: &Docker,
    container: &str,
    uid: u32,
    gid: u32,
) -> Result<(), Fault> {
    if uid == 0 {
        return Ok(());
    }
    for (_, at) in body::caches(order) {
        let mut archive = tar::Builder::new(Vec::new());
        let failed = |error: std::io::Error| Fault::of("a cache can't be given to its user", &Error::from(error));
        let mut header = tar::Header::new_gnu();
        header.set_entry_type(tar::EntryType::Directory);
        header.set_size(0);
        header.set_mode(0o755);
        header.set_uid(uid.into());
        header.set_gid(gid.into());
        // By its name in the directory above: an archive's own root is left as it is.
        let (Some(above), Some(name)) = (at.parent(), at.file_name()) else { continue };
        archive.append_data(&mut header, name, std::io::empty()).map_err(failed)?;
        let archive = archive.into_inner().map_err(failed)?;
        let options = UploadToContainerOptionsBuilder::new().path(&above.to_string_lossy()).build();
        let sent = docker.upload_to_container(container, Some(options), body_full(archive.into())).await;
        sent.map_err(|error| Fault::of("a cache can't be given to its user", &error))?;
    }
    Ok(())
}

/// Removes everything of an attempt but its caches.
pub async fn attempt(order: &Order, host: &Host) {
    // What could not be removed is said, and removed by the next gonogo.
    let _ = remove(host, &[(label::MARKER, &order.marker)], &BTreeSet::new()).await;
}

/// Removes what earlier attempts of a job have left.
pub(super) async fn earlier(order: &Order, host: &Host) {
    let run = order.run.to_string();
    let job = [(label::HOME, order.home.as_str()), (label::RUN, &run), (label::JOB, order.key().as_str())];
    let _ = remove(host, &job, &BTreeSet::from([order.marker.clone()])).await;
}

/// Removes everything of this gonogo but caches, environments and what belongs to the attempts with these markers.
pub async fn leftovers(host: &Host, home: &str, live: &BTreeSet<String>) -> Result<(), Fault> {
    remove(host, &[(label::HOME, home)], live).await
}

async fn remove(host: &Host, labels: &[(&str, &str)], live: &BTreeSet<String>) -> Result<(), Fault> {
    let removed = tokio::time::timeout(LONGEST, remove_all(host, labels, live)).await.unwrap_or_else(|_| {
        let why = format!("it took longer than {} seconds", LONGEST.as_secs());
        Err(Fault::new(EngineFault::Away, "not all of it could be removed", why))
    });
    if let Err(fault) = &removed {
        tracing::warn!(engine = host.name(), "something of gonogo's was left: {fault}");
    }
    removed
}

async fn remove_all(host: &Host, labels: &[(&str, &str)], live: &BTreeSet<String>) -> Result<(), Fault> {
    let docker = host.client().await?;
    let filters = label::filter(labels);
    let failed = |error| Fault::of("what is left can't be listed", &error);
    let doomed = |labels: &std::collections::HashMap<String, String>| {
        let is = |name: &str, value: &str| labels.get(name).is_some_and(|found| found == value);
        let kept = is(label::ROLE, label::ROLE_ENVIRONMENT) || is(label::ROLE, label::ROLE_CACHE);
        !kept && !labels.get(label::MARKER).is_some_and(|marker| live.contains(marker))
    };
    let options = ListContainersOptionsBuilder::new().all(true).filters(&filters).build();
    let containers = docker.list_containers(Some(options)).await.map_err(failed)?;
    let containers: Vec<String> = containers
        .into_iter()
        .filter(|found| found.labels.as_ref().is_some_and(doomed))
        .filter_map(|found| found.id)
        .collect();
    let options = || Some(RemoveContainerOptionsBuilder::new().force(true).v(true).build());
    let all = containers.iter().map(|id| async move { gone(docker.remove_container(id, options()).await) });
    futures::future::join_all(all).await.into_iter().collect::<Result<(), Fault>>()?;
    // Most jobs have neither a network nor a volume of their own.
    let networks = ListNetworksOptionsBuilder::new().filters(&filters).build();
    for network in docker.list_networks(Some(networks)).await.map_err(failed)? {
        if let (Some(labels), Some(id)) = (&network.labels, &network.id)
            && doomed(labels)
        {
            gone(docker.remove_network(id).await)?;
        }
    }
    let volumes = ListVolumesOptionsBuilder::new().filters(&filters).build();
    for volume in docker.list_volumes(Some(volumes)).await.map_err(failed)?.volumes.unwrap_or_default() {
        if doomed(&volume.labels) {
            let options = RemoveVolumeOptionsBuilder::new().force(true).build();
            gone(docker.remove_volume(&volume.name, Some(options)).await)?;
        }
    }
    Ok(())
}

/// What is gone already, or is being removed by somebody else, is as wanted.
fn gone(removed: Result<(), Error>) -> Result<(), Fault> {
    match removed {
        Ok(()) | Err(Error::DockerResponseServerError { status_code: 404 | 409, .. }) => Ok(()),
        Err(error) => Err(Fault::of("something can't be removed", &error)),
    }
}

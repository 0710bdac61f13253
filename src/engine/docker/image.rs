//! The image of a container: the engine has it, it is pulled, or it is built.

use std::{
    future::Future,
    path::Path,
    time::{Duration, Instant},
};

use bollard::{
    Docker,
    errors::Error,
    models::{HealthConfig, ImageInspect},
    query_parameters::CreateImageOptionsBuilder,
};
use futures::StreamExt as _;
use tokio::time::sleep;

use crate::{
    domain::container::{ContainerSpec, EngineFault, Pull},
    engine::port::StopSignal,
};

use super::{
    build,
    fault::Fault,
    host::Host,
    progress::{Progress, megabytes},
    reference::Reference,
};

/// A registry that fails for a moment is asked again after these times.
const AGAIN: [Duration; 2] = [Duration::from_secs(1), Duration::from_secs(4)];

/// What of an image matters for a container of it.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Image {
    /// Its id: containers are made of this, so that a tag that moves changes nothing.
    pub id: String,
    /// The name that it was asked for by.
    pub name: String,
    /// The user that it says, or nothing.
    pub user: String,
    /// The directory that it says, or nothing.
    pub workdir: String,
    /// What it runs first.
    pub entrypoint: Vec<String>,
    /// What it runs, or what that is given.
    pub command: Vec<String>,
    /// Its variables, as `NAME=value`.
    pub env: Vec<String>,
    /// By what its containers are known to be well.
    pub healthcheck: Option<HealthConfig>,
    /// `os/arch`.
    pub platform: String,
}

/// Why there is no image.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Provide {
    /// The engine, or the registry, could not.
    #[error(transparent)]
    Fault(#[from] Fault),
    /// A step of the Dockerfile failed: the fault of what is built. What was printed has gone to the job's output.
    #[error("the build failed: {words}")]
    Build {
        /// The exit status of the step, where there was one.
        exit: Option<i32>,
        /// The builder's last words.
        words: String,
    },
    /// It was stopped before it was there.
    #[error("stopped")]
    Stopped,
}

/// Gets the image that a container is made of to the engine. `root` is the project's directory, for a build; `say` takes lines
/// for the job's output.
pub async fn provide(
    host: &Host,
    spec: &ContainerSpec,
    root: &Path,
    say: &mut (impl FnMut(&[u8]) + Send),
    stop: &mut StopSignal,
) -> Result<Image, Provide> {
    if let Some(built) = &spec.build {
        return build::build(host, spec, built, root, say, stop).await;
    }
    match &spec.image {
        Some(name) => by_name(host, spec, name, say, stop).await,
        None => {
            let what = "there is no image to make a container of";
            Err(Fault::new(EngineFault::Refused, what, "neither `image` nor `build` is given").into())
        }
    }
}

/// The image of this name, for a service, say; platform and when to pull are those of `spec`.
pub async fn by_name(
    host: &Host,
    spec: &ContainerSpec,
    name: &str,
    say: &mut (impl FnMut(&[u8]) + Send),
    stop: &mut StopSignal,
) -> Result<Image, Provide> {
    let found = stoppable(stop, inspect(host, name)).await??;
    let platform = spec.platform.as_deref();
    let fits = found.as_ref().is_some_and(|image| platform.is_none_or(|wanted| is_for(image, wanted)));
    match (spec.pull, found) {
        (Pull::Missing | Pull::Never, Some(image)) if fits => return Ok(image),
        (Pull::Never, found) => {
            let what = format!("the image {name} is not on the engine {}", host.name());
            let why = match found {
                Some(image) => format!("what is there is for {}, and `pull` is never", image.platform),
                None => "`pull` is never".to_owned(),
            };
            return Err(Fault::new(EngineFault::ImageMissing, what, why).into());
        }
        _ => {}
    }
    let mut again = AGAIN.iter();
    loop {
        match stoppable(stop, pull(host, name, platform, say)).await? {
            Ok(()) => break,
            Err(fault) if is_passing(&fault) => match again.next() {
                Some(pause) => {
                    say(format!("{fault}; trying again in {} s\n", pause.as_secs()).as_bytes());
                    stoppable(stop, sleep(*pause)).await?;
                }
                None => return Err(fault.into()),
            },
            Err(fault) => return Err(fault.into()),
        }
    }
    let found = stoppable(stop, inspect(host, name)).await??;
    found.ok_or_else(|| {
        let what = format!("the image {name} is not on the engine {}", host.name());
        Fault::new(EngineFault::ImageMissing, what, "it was pulled, and is gone again").into()
    })
}

/// Waits for it, unless it is stopped first.
pub(super) async fn stoppable<T>(stop: &mut StopSignal, work: impl Future<Output = T>) -> Result<T, Provide> {
    let stopped = async {
        if stop.wait_for(Option::is_some).await.is_err() {
            // Whoever could stop it is gone: it goes on to its own end.
            std::future::pending::<()>().await;
        }
    };
    tokio::select! {
        biased;
        () = stopped => Err(Provide::Stopped),
        done = work => Ok(done),
    }
}

/// The image that the engine has by this name.
pub(super) async fn inspect(host: &Host, name: &str) -> Result<Option<Image>, Fault> {
    match host.client().await?.inspect_image(name).await {
        Ok(found) => Ok(Some(Image::of(name, found))),
        Err(Error::DockerResponseServerError { status_code: 404, .. }) => Ok(None),
        Err(error) => {
            Err(Fault::of(format!("the image {name} can't be looked at on the engine {}", host.name()), &error))
        }
    }
}

impl Image {
    fn of(name: &str, found: ImageInspect) -> Self {
        let config = found.config.unwrap_or_default();
        let (os, arch) = (found.os.unwrap_or_default(), found.architecture.unwrap_or_default());
        let variant = found.variant.filter(|variant| !variant.is_empty());
        Self {
            id: found.id.unwrap_or_else(|| name.to_owned()),
            name: name.to_owned(),
            user: config.user.unwrap_or_default(),
            workdir: config.working_dir.unwrap_or_default(),
            entrypoint: config.entrypoint.unwrap_or_default(),
            command: config.cmd.unwrap_or_default(),
            env: config.env.unwrap_or_default(),
            healthcheck: config.healthcheck,
            platform: variant.map_or_else(|| format!("{os}/{arch}"), |variant| format!("{os}/{arch}/{variant}")),
        }
    }
}

/// Whether an image is for a platform. What either does not say fits.
fn is_for(image: &Image, wanted: &str) -> bool {
    let arch = |word: &str| match word {
        "x86_64" => "amd64".to_owned(),
        "aarch64" => "arm64".to_owned(),
        other => other.to_owned(),
    };
    let parts = |text: &str| text.split('/').map(arch).collect::<Vec<_>>();
    let (own, wanted) = (parts(&image.platform), parts(wanted));
    own.iter().zip(&wanted).all(|(own, wanted)| own.is_empty() || own == wanted)
}

async fn pull(
    host: &Host,
    name: &str,
    platform: Option<&str>,
    say: &mut (impl FnMut(&[u8]) + Send),
) -> Result<(), Fault> {
    let reference = Reference::of(name);
    let login = host.logins.login(&reference.registry).await;
    let what = format!("the image {name} can't be pulled by the engine {}", host.name());
    if let Some(trouble) = &login.trouble {
        say(format!("{trouble}; {} is asked without credentials\n", reference.registry).as_bytes());
    }
    let for_platform = platform.map_or_else(String::new, |platform| format!(" for {platform}"));
    say(format!("pulling {name}{for_platform}\n").as_bytes());
    let mut options = CreateImageOptionsBuilder::new().from_image(&reference.name).tag(&reference.tag);
    if let Some(platform) = platform {
        options = options.platform(platform);
    }
    let options = options.build();
    let began = Instant::now();
    let mut progress = Progress::default();
    let work = async {
        let client: Docker = host.patient().await?;
        let mut events = client.create_image(Some(options), None, login.credentials);
        while let Some(event) = events.next().await {
            let event = event.map_err(|error| pulled(what.clone(), &error))?;
            let (id, status) = (event.id.unwrap_or_default(), event.status.unwrap_or_default());
            if let Some(line) = progress.hear(&id, &status, event.progress_detail.as_ref(), Instant::now()) {
                say(format!("pulling {name}: {line}\n").as_bytes());
            }
        }
        Ok(())
    };
    host.attend(&what, work).await?;
    let took = began.elapsed().as_secs_f64();
    let line = match progress.sum() {
        (0, _) => format!("pulled {name} in {took:.1} s: nothing was new\n"),
        (bytes, layers) => format!("pulled {name} in {took:.1} s: {} MB, {layers} layers\n", megabytes(bytes)),
    };
    say(line.as_bytes());
    Ok(())
}

/// A pull that failed, in the registry's own words.
fn pulled(what: String, error: &Error) -> Fault {
    let fault = by_registry(Fault::of(what, error), error);
    match fault.fault {
        EngineFault::Refused => Fault { fault: EngineFault::ImageMissing, ..fault },
        _ => fault,
    }
}

/// The engine is there if it says that somebody isn't: it is the registry that is away.
pub(super) fn by_registry(fault: Fault, error: &Error) -> Fault {
    match (fault.fault, error) {
        (EngineFault::Away, Error::DockerResponseServerError { .. } | Error::DockerStreamError { .. })
            if !fault.why.contains("shutting down") =>
        {
            Fault { fault: EngineFault::ImageMissing, ..fault }
        }
        _ => fault,
    }
}

/// The registry may give it in a moment.
fn is_passing(fault: &Fault) -> bool {
    const WORDS: [&str; 10] = [
        "timeout",
        "timed out",
        "connection reset",
        "connection refused",
        "unexpected eof",
        "toomanyrequests",
        "too many requests",
        "temporary failure",
        "service unavailable",
        "bad gateway",
    ];
    let why = fault.why.to_lowercase();
    fault.fault == EngineFault::ImageMissing && WORDS.iter().any(|word| why.contains(word))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn platforms_are_compared_as_far_as_they_are_said() {
        let image = |platform: &str| Image { platform: platform.into(), ..Image::default() };
        assert!(is_for(&image("linux/amd64"), "linux/amd64"));
        assert!(is_for(&image("linux/amd64"), "linux/x86_64"));
        assert!(is_for(&image("linux/arm64"), "linux/arm64/v8"));
        assert!(!is_for(&image("linux/arm64/v8"), "linux/arm64/v7"));
        assert!(!is_for(&image("linux/amd64"), "linux/arm64"));
        assert!(!is_for(&image("windows/amd64"), "linux/amd64"));
    }

    #[test]
    fn what_a_registry_says_is_sorted() {
        let said = |text: &str| pulled("x".into(), &Error::DockerStreamError { error: text.into() });
        let missing = "manifest for 127.0.0.1:5000/a:b not found: manifest unknown: manifest unknown";
        assert_eq!(said(missing).fault, EngineFault::ImageMissing);
        assert!(!is_passing(&said(missing)));
        let refused = "Get \"http://127.0.0.1:1/v2/\": dial tcp 127.0.0.1:1: connect: connection refused";
        assert_eq!(said(refused).fault, EngineFault::ImageMissing);
        assert!(is_passing(&said(refused)));
        assert_eq!(said("write /var/lib/docker/tmp/x: no space left on device").fault, EngineFault::NoSpace);
        let denied = "unauthorized: authentication required";
        assert_eq!(said(denied).fault, EngineFault::NoPermission);
        assert!(is_passing(&said("toomanyrequests: You have reached your pull rate limit.")));
    }
}

//! An image by Dockerfile, through the engine's classic builder: the context goes there as a tar, what is built says itself.

use std::{
    collections::{BTreeMap, HashMap},
    io,
    path::{Component, Path, PathBuf},
    sync::LazyLock,
    time::Instant,
};

use bollard::{body_try_stream, errors::Error, query_parameters::BuildImageOptionsBuilder};
use futures::StreamExt as _;
use regex::Regex;

use crate::{
    domain::{
        container::{BuildSpec, ContainerSpec, EngineFault, Pull},
        id::Hash,
    },
    engine::port::StopSignal,
};

use super::{
    archive::{self, Owner},
    fault::Fault,
    host::Host,
    ignored::Ignored,
    image::{Image, Provide, by_registry, inspect, stoppable},
    pipe,
    progress::Progress,
};

/// The label of every image that is built: what it is built of, as its name has it.
pub const LABEL: &str = "dev.gonogo.build";

/// Bytes of the builder's last words that are kept.
const WORDS: usize = 1000;

/// Where a build begins: both within the project.
struct Context {
    dir: PathBuf,
    /// Relative to `dir`.
    dockerfile: String,
    ignored: Ignored,
}

/// Builds it. The builder's own cache makes a build of which nothing has changed a short one; it is asked each time, because it
/// alone knows whether the image below has changed.
pub(super) async fn build(
    host: &Host,
    spec: &ContainerSpec,
    built: &BuildSpec,
    root: &Path,
    say: &mut (impl FnMut(&[u8]) + Send),
    stop: &mut StopSignal,
) -> Result<Image, Provide> {
    let what = format!("the image of {} can't be built by the engine {}", shown(built), host.name());
    let context = Context::find(root, built)
        .map_err(|why| Provide::Build { exit: None, words: format!("{}: {why}", shown(built)) })?;
    let hash = key(root, spec, built);
    let name = format!("gonogo/build:{hash}");
    let args: HashMap<String, String> = built.args.clone().into_iter().collect();
    let labels = HashMap::from([(LABEL.to_owned(), hash)]);
    let mut options = BuildImageOptionsBuilder::new()
        .dockerfile(&context.dockerfile)
        .t(&name)
        .rm(true)
        .forcerm(true)
        .buildargs(&args)
        .labels(&labels);
    if spec.pull == Pull::Always {
        options = options.pull("true");
    }
    if let Some(target) = &built.target {
        options = options.target(target);
    }
    if let Some(platform) = &spec.platform {
        options = options.platform(platform);
    }
    let options = options.build();
    let (logins, troubles) = stoppable(stop, host.logins.all()).await?;
    for trouble in troubles {
        say(format!("{trouble}; the build goes on without\n").as_bytes());
    }
    say(format!("building {}\n", shown(built)).as_bytes());
    let began = Instant::now();
    let (sending, body) = pipe::pack(move |archive| context.add(archive, &mut PathBuf::new()));
    let mut id = None;
    let work = async {
        let client = host.patient().await?;
        let mut events = client.build_image(options, Some(logins), Some(body_try_stream(body)));
        let mut progress = Progress::default();
        let mut failed = None;
        while let Some(event) = events.next().await {
            let event = match event {
                Ok(event) => event,
                Err(error) => {
                    failed = Some(error);
                    break;
                }
            };
            // Several may build under one name at once: what was built here is what the builder says.
            if let Some(built) = event.aux.and_then(|aux| aux.id) {
                id = Some(built);
            }
            if let Some(text) = &event.stream {
                say(text.as_bytes());
            }
            if let Some(status) = &event.status {
                let layer = event.id.unwrap_or_default();
                if let Some(line) = progress.hear(&layer, status, event.progress_detail.as_ref(), Instant::now()) {
                    say(format!("pulling: {line}\n").as_bytes());
                }
            }
        }
        Ok(failed)
    };
    if let Some(error) = stoppable(stop, host.attend(&what, work)).await?? {
        return match sending.await {
            // A file could not be read: the engine has only noticed that the context ended.
            Ok(Err(wrong)) if wrong.kind() != io::ErrorKind::BrokenPipe => {
                Err(Provide::Build { exit: None, words: format!("the context can't be sent: {wrong}") })
            }
            _ => Err(why_not(what, &error)),
        };
    }
    let id = id.filter(|id| !id.is_empty()).unwrap_or_else(|| name.clone());
    let image = stoppable(stop, inspect(host, &id)).await??.map(|image| Image { name, ..image });
    say(format!("built in {:.1} s\n", began.elapsed().as_secs_f64()).as_bytes());
    let gone = "it was built, and is gone again";
    image.ok_or_else(|| Fault::new(EngineFault::ImageMissing, what, gone).into())
}

/// What a person calls it.
fn shown(built: &BuildSpec) -> String {
    let context = if built.context.is_empty() { "." } else { &built.context };
    let file = if built.dockerfile.is_empty() { "Dockerfile" } else { &built.dockerfile };
    Path::new(context)
        .join(file)
        .components()
        .filter(|part| *part != Component::CurDir)
        .collect::<PathBuf>()
        .display()
        .to_string()
}

/// The same for the same build of the same project, whatever its files say.
fn key(root: &Path, spec: &ContainerSpec, built: &BuildSpec) -> String {
    let platform = spec.platform.as_deref();
    let args: &BTreeMap<String, String> = &built.args;
    let all = (root, &built.context, &built.dockerfile, &built.target, args, platform);
    Hash::of(&format!("{all:?}")).0[..16].to_owned()
}

/// A build that did not come to its end: a fault of what is built, unless the engine or a registry could not.
fn why_not(what: String, error: &Error) -> Provide {
    static EXIT: LazyLock<Option<Regex>> =
        LazyLock::new(|| Regex::new(r"(?:returned a non-zero code:|exit status) (\d+)").ok());
    let fault = by_registry(Fault::of(what, error), error);
    let exit = EXIT.as_ref().and_then(|exit| exit.captures_iter(&fault.why).last());
    let exit = exit.and_then(|found| found[1].parse().ok());
    // The engine could not begin the step: nothing of what is built has to do with that.
    const OWN: [&str; 4] =
        ["failed to create endpoint", "failed to mount", "error creating overlay mount", "failed to create shim"];
    let own = exit.is_none() && OWN.iter().any(|words| fault.why.contains(words));
    let by_builder = !own && matches!(error, Error::DockerResponseServerError { .. } | Error::DockerStreamError { .. });
    if by_builder && (exit.is_some() || fault.fault == EngineFault::Refused) {
        let mut words = fault.why;
        words.truncate(words.floor_char_boundary(WORDS));
        return Provide::Build { exit, words };
    }
    Provide::Fault(fault)
}

impl Context {
    /// Where it is; the error says what is wrong with what was declared.
    fn find(root: &Path, built: &BuildSpec) -> Result<Self, String> {
        let root = root.canonicalize().map_err(|error| format!("{} can't be used: {error}", root.display()))?;
        let dir = root.join(&built.context);
        let dir = dir.canonicalize().map_err(|error| format!("{} can't be used: {error}", dir.display()))?;
        if !dir.starts_with(&root) {
            return Err("its context is outside of the project".into());
        }
        if !dir.is_dir() {
            return Err(format!("{} is no directory", dir.display()));
        }
        let dockerfile = if built.dockerfile.is_empty() { "Dockerfile" } else { &built.dockerfile };
        let mut parts = Vec::new();
        for part in Path::new(dockerfile).components() {
            match part {
                Component::CurDir => {}
                Component::Normal(part) => parts.push(part.to_str().ok_or("the Dockerfile's name is no text")?),
                _ => return Err("the Dockerfile is outside of the context".into()),
            }
        }
        let dockerfile = parts.join("/");
        let file = dir.join(&dockerfile);
        match file.canonicalize() {
            Ok(real) if !real.starts_with(&dir) => return Err("the Dockerfile is outside of the context".into()),
            Ok(real) if !real.is_file() => return Err(format!("{} is no file", file.display())),
            Ok(_) => {}
            Err(error) => return Err(format!("{} can't be read: {error}", file.display())),
        }
        let ignored = match std::fs::read_to_string(dir.join(".dockerignore")) {
            Ok(text) => Ignored::read(&text)?,
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ignored::default(),
            Err(error) => return Err(format!(".dockerignore can't be read: {error}")),
        };
        Ok(Self { dir, dockerfile, ignored })
    }

    /// Adds what is in the directory `below` the context, in order, so that the same files are the same bytes.
    fn add(&self, archive: &mut tar::Builder<impl io::Write>, below: &mut PathBuf) -> io::Result<()> {
        let named = |what: &Path| {
            let what = what.to_owned();
            move |error: io::Error| io::Error::new(error.kind(), format!("{}: {error}", what.display()))
        };
        let dir = self.dir.join(&*below);
        let mut names = std::fs::read_dir(&dir)
            .and_then(|entries| {
                entries.map(|entry| entry.map(|entry| entry.file_name())).collect::<io::Result<Vec<_>>>()
            })
            .map_err(named(&dir))?;
        names.sort_unstable();
        for name in names {
            below.push(name);
            let path = self.dir.join(&*below);
            let text = below.to_string_lossy();
            let needed = text == self.dockerfile || text == ".dockerignore";
            let left_out = !needed && self.ignored.leaves_out(&text);
            // What must be there for the builder may stand in a directory that is left out.
            let enter = !left_out
                || self.ignored.may_take_back(&text)
                || self.dockerfile.strip_prefix(&*text).is_some_and(|rest| rest.starts_with('/'));
            if !left_out {
                archive::add(archive, &path, below, Owner::default()).map_err(named(&path))?;
            }
            if enter && path.symlink_metadata().is_ok_and(|metadata| metadata.is_dir()) {
                self.add(archive, below)?;
            }
            below.pop();
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use std::{fs, os::unix::fs::symlink};

    use super::*;

    fn context(built: &BuildSpec, files: &[(&str, &str)]) -> (tempfile::TempDir, Result<Context, String>) {
        let dir = tempfile::tempdir().unwrap();
        for (path, text) in files {
            let path = dir.path().join(path);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, text).unwrap();
        }
        let found = Context::find(dir.path(), built);
        (dir, found)
    }

    fn names(context: &Context) -> Vec<String> {
        let mut archive = tar::Builder::new(Vec::new());
        context.add(&mut archive, &mut PathBuf::new()).unwrap();
        let bytes = archive.into_inner().unwrap();
        let mut archive = tar::Archive::new(&bytes[..]);
        archive.entries().unwrap().map(|e| e.unwrap().path().unwrap().to_string_lossy().into_owned()).collect()
    }

    #[test]
    fn a_context_is_sent_but_for_what_is_left_out() {
        let (dir, found) = context(
            &BuildSpec { context: "app".into(), dockerfile: "docker/File".into(), ..BuildSpec::default() },
            &[
                ("app/.dockerignore", "docker\n*.log\ntarget\n!target/keep\n"),
                ("app/docker/File", "FROM scratch"),
                ("app/docker/other", ""),
                ("app/a.log", ""),
                ("app/src/b.log", ""),
                ("app/target/x", ""),
                ("app/target/keep/y", ""),
                ("secret", "outside"),
            ],
        );
        let context = found.unwrap();
        symlink("../../secret", dir.path().join("app/src/link")).unwrap();
        fs::create_dir(dir.path().join("app/empty")).unwrap();
        assert_eq!(
            names(&context),
            [".dockerignore", "docker/File", "empty", "src", "src/b.log", "src/link", "target/keep", "target/keep/y"]
        );
    }

    #[test]
    fn what_is_outside_is_refused() {
        let spec = |context: &str, dockerfile: &str| BuildSpec {
            context: context.into(),
            dockerfile: dockerfile.into(),
            ..BuildSpec::default()
        };
        let files = &[("Dockerfile", "FROM scratch"), ("a/x", "")][..];
        for (built, why) in [
            (spec("..", ""), "outside of the project"),
            (spec("/etc", "passwd"), "outside of the project"),
            (spec("a", "../Dockerfile"), "outside of the context"),
            (spec("", "/etc/passwd"), "outside of the context"),
            (spec("missing", ""), "can't be used"),
            (spec("a", ""), "can't be read"),
            (spec("Dockerfile", ""), "is no directory"),
        ] {
            let said = context(&built, files).1.err().unwrap();
            assert!(said.contains(why), "{built:?}: {said}");
        }
        let (dir, found) = context(&spec("", ""), files);
        assert!(found.is_ok());
        symlink("/etc/passwd", dir.path().join("Linked")).unwrap();
        assert!(Context::find(dir.path(), &spec("", "Linked")).err().unwrap().contains("outside of the context"));
    }

    #[test]
    fn a_failing_step_is_told_from_a_failing_engine() {
        let of = |text: &str| why_not("x".into(), &Error::DockerStreamError { error: text.into() });
        let exit = |text: &str| match of(text) {
            Provide::Build { exit, .. } => exit,
            other => panic!("{text}: {other:?}"),
        };
        assert_eq!(exit("The command '/bin/sh -c echo no space left; exit 3' returned a non-zero code: 3"), Some(3));
        assert_eq!(exit("building at STEP \"RUN exit 4\": while running runtime: exit status 4"), Some(4));
        assert_eq!(exit("COPY failed: file not found in build context: stat x: file does not exist"), None);
        assert_eq!(exit("dockerfile parse error line 1: unknown instruction: FRM"), None);
        let fault = |text: &str| match of(text) {
            Provide::Fault(fault) => fault.fault,
            other => panic!("{text}: {other:?}"),
        };
        assert_eq!(fault("write /x: no space left on device"), EngineFault::NoSpace);
        assert_eq!(
            fault("pull access denied for nobody/nothing, repository does not exist"),
            EngineFault::ImageMissing
        );
    }
}

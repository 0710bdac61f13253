//! Images: pulled from a registry that speaks the real protocol, and built.

use std::{
    collections::HashMap,
    fs,
    io::{BufRead as _, BufReader, Write as _},
    net::{TcpListener, TcpStream},
    path::Path,
    process::{Command, Stdio},
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU32, Ordering},
    },
    time::{Duration, Instant},
};

use base64::{Engine as _, prelude::BASE64_STANDARD};
use gonogo::{
    domain::{
        container::{BuildSpec, ContainerSpec, EngineFault, Pull},
        environment::Environment,
        outcome::CancelReason,
    },
    engine::{
        docker::{
            host::{Host, Hosts},
            image::{Image, Provide, provide},
        },
        port::Stop,
    },
};
use tokio::sync::watch;

use crate::{
    caller::wait,
    dock::{BOX, Podman, engine, remove_image},
    home::contains,
};

/// A password in which plain base64 and that for URLs differ.
const PASSWORD: &str = "s3cret?>~?>~";

/// A registry with one image of one layer, for one user. It says how often it refused somebody.
struct Registry {
    port: u16,
    refused: Arc<AtomicU32>,
    /// The layer stops coming in the middle.
    stuck: Arc<AtomicBool>,
    /// Somebody hung up in the middle of the layer.
    left: Arc<AtomicBool>,
}

fn sha256(bytes: &[u8]) -> String {
    let mut child = Command::new("sha256sum").stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
    child.stdin.take().unwrap().write_all(bytes).unwrap();
    let said = child.wait_with_output().unwrap().stdout;
    format!("sha256:{}", String::from_utf8(said).unwrap().split(' ').next().unwrap())
}

/// A layer that can't be compressed, as a real one would be.
fn layer(seed: u16) -> Vec<u8> {
    let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap().as_millis() as u64;
    // Not the same twice: the engine loads a layer once, for everybody who asks for it.
    let mut state = (now << 16) | u64::from(seed);
    let noise: Vec<u8> = std::iter::repeat_with(|| {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        (state >> 32) as u8
    })
    .take(6_000_000)
    .collect();
    let mut tar = tar::Builder::new(Vec::new());
    let mut header = tar::Header::new_gnu();
    header.set_size(noise.len() as u64);
    header.set_mode(0o644);
    tar.append_data(&mut header, "noise", &noise[..]).unwrap();
    tar.into_inner().unwrap()
}

impl Registry {
    fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        let layer = layer(port);
        let diff = sha256(&layer);
        let config = format!(
            r#"{{"architecture":"amd64","os":"linux","config":{{"User":"1234","Cmd":["sh"],"Env":["A=b"]}},"rootfs":{{"type":"layers","diff_ids":["{diff}"]}}}}"#
        );
        let manifest = format!(
            r#"{{"schemaVersion":2,"mediaType":"application/vnd.docker.distribution.manifest.v2+json","config":{{"mediaType":"application/vnd.docker.container.image.v1+json","size":{},"digest":"{}"}},"layers":[{{"mediaType":"application/vnd.docker.image.rootfs.diff.tar.gzip","size":{},"digest":"{diff}"}}]}}"#,
            config.len(),
            sha256(config.as_bytes()),
            layer.len(),
        );
        let blobs: HashMap<String, Vec<u8>> = [
            (sha256(config.as_bytes()), config.into_bytes()),
            (diff, layer),
            (sha256(manifest.as_bytes()), manifest.into_bytes()),
        ]
        .into();
        let registry = Self { port, refused: Arc::default(), stuck: Arc::default(), left: Arc::default() };
        let blobs = Arc::new(blobs);
        let (refused, stuck, left) = (registry.refused.clone(), registry.stuck.clone(), registry.left.clone());
        std::thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let (blobs, refused, stuck, left) = (blobs.clone(), refused.clone(), stuck.clone(), left.clone());
                std::thread::spawn(move || serve(stream, &blobs, &refused, &stuck, &left));
            }
        });
        registry
    }

    fn image(&self, name: &str) -> String {
        format!("127.0.0.1:{}/gonogo-test/{name}", self.port)
    }

    fn host(&self, password: &str) -> (tempfile::TempDir, Arc<Host>) {
        let dir = tempfile::tempdir().unwrap();
        let auth = BASE64_STANDARD.encode(format!("me:{password}"));
        let config = format!(r#"{{"auths":{{"127.0.0.1:{}":{{"auth":"{auth}"}}}}}}"#, self.port);
        fs::write(dir.path().join("config.json"), config).unwrap();
        let host = Hosts::new(&[], &as_person(dir.path())).all().next().unwrap().clone();
        (dir, host)
    }
}

/// The variables of somebody whose configuration is there.
fn as_person(config: &Path) -> Environment {
    let own = ("DOCKER_CONFIG".to_owned(), config.to_str().unwrap().to_owned());
    std::env::vars().filter(|(name, _)| name != "DOCKER_CONFIG").chain([own]).collect()
}

fn serve(
    stream: TcpStream,
    blobs: &HashMap<String, Vec<u8>>,
    refused: &AtomicU32,
    stuck: &AtomicBool,
    left: &AtomicBool,
) -> Option<()> {
    let mut reader = BufReader::new(stream.try_clone().ok()?);
    let mut stream = stream;
    let allowed = format!("Basic {}", BASE64_STANDARD.encode(format!("me:{PASSWORD}")));
    loop {
        let mut line = String::new();
        reader.read_line(&mut line).ok()?;
        let (method, path) = (line.split(' ').next()?.to_owned(), line.split(' ').nth(1)?.to_owned());
        let mut authorized = false;
        loop {
            let mut header = String::new();
            reader.read_line(&mut header).ok()?;
            let Some((name, value)) = header.trim().split_once(": ") else { break };
            authorized |= name.eq_ignore_ascii_case("authorization") && value == allowed;
        }
        let name = path.rsplit('/').next()?;
        let manifest = blobs.iter().find(|(_, bytes)| bytes.starts_with(b"{\"schemaVersion\""))?;
        let found = match name {
            _ if !authorized => None,
            "v1" => Some(manifest),
            name => blobs.get_key_value(name),
        };
        match found {
            _ if !authorized => {
                refused.fetch_add(1, Ordering::Relaxed);
                let body = r#"{"errors":[{"code":"UNAUTHORIZED","message":"authentication required"}]}"#;
                write!(stream, "HTTP/1.1 401 Unauthorized\r\nWWW-Authenticate: Basic realm=\"test\"\r\nContent-Type: application/json\r\nContent-Length: {}\r\n\r\n{body}", body.len()).ok()?;
            }
            None if path == "/v2/" => write!(stream, "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{{}}").ok()?,
            None => {
                let body = r#"{"errors":[{"code":"MANIFEST_UNKNOWN","message":"manifest unknown"}]}"#;
                write!(
                    stream,
                    "HTTP/1.1 404 Not Found\r\nContent-Type: application/json\r\nContent-Length: {}\r\n\r\n{body}",
                    body.len()
                )
                .ok()?;
            }
            Some((digest, bytes)) => {
                let kind = if digest == manifest.0 {
                    "application/vnd.docker.distribution.manifest.v2+json"
                } else {
                    "application/octet-stream"
                };
                write!(stream, "HTTP/1.1 200 OK\r\nContent-Type: {kind}\r\nDocker-Content-Digest: {digest}\r\nContent-Length: {}\r\n\r\n", bytes.len()).ok()?;
                if method == "HEAD" {
                    continue;
                }
                // Two megabytes a second.
                for (number, piece) in bytes.chunks(100_000).enumerate() {
                    stream.write_all(piece).ok()?;
                    if bytes.len() > 1_000_000 {
                        std::thread::sleep(Duration::from_millis(50));
                    }
                    if number == 20 && stuck.load(Ordering::Relaxed) {
                        while stream.write_all(&[0; 1000]).is_ok() {
                            std::thread::sleep(Duration::from_millis(200));
                        }
                        left.store(true, Ordering::Relaxed);
                        return None;
                    }
                }
            }
        }
    }
}

/// What came of it, and what was said.
fn ask(host: &Host, spec: &ContainerSpec, root: &Path) -> (Result<Image, Provide>, String) {
    let mut said = Vec::new();
    let (_sender, mut stop) = watch::channel(None);
    let done = wait(provide(host, spec, root, &mut |bytes: &[u8]| said.extend_from_slice(bytes), &mut stop));
    (done, String::from_utf8(said).unwrap())
}

fn by_name(name: &str) -> ContainerSpec {
    ContainerSpec { image: Some(name.into()), ..ContainerSpec::default() }
}

fn fault(done: Result<Image, Provide>) -> (EngineFault, String) {
    match done {
        Err(Provide::Fault(fault)) => (fault.fault, fault.why),
        other => panic!("{other:?}"),
    }
}

fn forget(host: &Host, name: &str) {
    wait(async { remove_image(host.client().await.unwrap(), name).await });
}

#[test]
fn an_image_is_pulled_with_the_credentials_of_the_registry() {
    if engine().is_none() {
        return;
    }
    let registry = Registry::start();
    let name = registry.image("pulled:v1");
    let here = Path::new("/");
    let (_dir, stranger) = registry.host("wrong");
    let (kind, why) = fault(ask(&stranger, &by_name(&name), here).0);
    assert_eq!(kind, EngineFault::NoPermission, "{why}");
    assert!(registry.refused.load(Ordering::Relaxed) > 0);
    let (_dir, host) = registry.host(PASSWORD);
    let began = Instant::now();
    let (done, said) = ask(&host, &by_name(&name), here);
    let image = done.unwrap();
    eprintln!("pulled in {:?}:\n{said}", began.elapsed());
    assert_eq!(
        (image.user.as_str(), image.command.as_slice(), image.env.as_slice()),
        ("1234", &["sh".to_owned()][..], &["A=b".to_owned()][..])
    );
    assert_eq!(image.platform, "linux/amd64");
    assert!(image.id.starts_with("sha256:"));
    let lines: Vec<&str> = said.lines().collect();
    assert!((4..=7).contains(&lines.len()), "{said}");
    assert_eq!(lines[0], format!("pulling {name}"));
    contains(lines[1], " of 6.0 MB, 0 of 1 layers");
    contains(lines[lines.len() - 1], "6.0 MB, 1 layers");
    assert!(!said.contains("s3cret"));
    // It is there: nothing is asked for, nothing is said.
    assert_eq!(ask(&host, &by_name(&name), here), (Ok(image.clone()), String::new()));
    let always = ContainerSpec { pull: Pull::Always, ..by_name(&name) };
    let (done, said) = ask(&host, &always, here);
    assert_eq!(done, Ok(image));
    contains(&said, "nothing was new");
    // Another platform is not what is there.
    let other = ContainerSpec { platform: Some("linux/arm64".into()), pull: Pull::Never, ..by_name(&name) };
    let (kind, why) = fault(ask(&host, &other, here).0);
    assert_eq!(kind, EngineFault::ImageMissing);
    contains(&why, "is for linux/amd64");
    let (kind, why) = fault(ask(&host, &by_name(&registry.image("pulled:v2")), here).0);
    assert_eq!(kind, EngineFault::ImageMissing);
    contains(&why, "manifest unknown");
    forget(&host, &name);
    let never = ContainerSpec { pull: Pull::Never, ..by_name(&name) };
    assert_eq!(fault(ask(&host, &never, here).0).0, EngineFault::ImageMissing);
}

#[test]
fn a_pull_is_stopped_at_once_and_the_engine_stops_too() {
    if engine().is_none() {
        return;
    }
    let registry = Registry::start();
    registry.stuck.store(true, Ordering::Relaxed);
    let (_dir, host) = registry.host(PASSWORD);
    let (sender, mut stop) = watch::channel(None);
    let spec = by_name(&registry.image("stuck:v1"));
    let (done, took) = wait(async {
        let mut say = |bytes: &[u8]| {
            // Once it is under way.
            if String::from_utf8_lossy(bytes).contains(" MB, ") {
                sender.send_replace(Some(Stop::Gracefully(CancelReason::ShuttingDown)));
            }
        };
        let began = Instant::now();
        let done = provide(&host, &spec, Path::new("/"), &mut say, &mut stop).await;
        (done, began.elapsed())
    });
    assert_eq!(done, Err(Provide::Stopped));
    assert!(took < Duration::from_secs(20), "{took:?}");
    crate::home::wait_for("the engine to hang up", || {
        if registry.left.load(Ordering::Relaxed) { Ok(()) } else { Err("it is still there".into()) }
    });
}

#[test]
fn a_registry_that_is_not_there_is_asked_again_and_then_said() {
    let Some(host) = engine() else { return };
    let name = format!("127.0.0.1:{}/gonogo-test/none:v1", crate::dock::port());
    let (done, said) = ask(&host, &by_name(&name), Path::new("/"));
    let (kind, why) = fault(done);
    assert_eq!(kind, EngineFault::ImageMissing);
    contains(&why, "connection refused");
    assert_eq!(said.matches("trying again in").count(), 2, "{said}");
}

fn project(files: &[(&str, &str)]) -> tempfile::TempDir {
    let dir = tempfile::Builder::new().prefix("gonogo-build-").tempdir().unwrap();
    for (path, text) in files {
        let path = dir.path().join(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }
    dir
}

fn building(context: &str) -> ContainerSpec {
    ContainerSpec {
        build: Some(BuildSpec { context: context.into(), ..BuildSpec::default() }),
        ..ContainerSpec::default()
    }
}

fn builds(host: &Arc<Host>, exact: bool) {
    // Not the same twice, or the builder would know it.
    let text = format!("linked text of {:?}\n", std::time::SystemTime::now());
    let dockerfile = format!(
        "FROM {BOX} AS first\nARG WHO=nobody\nCOPY . /app/\nRUN echo hello $WHO; ls -A /app; cat /app/link\nFROM first AS second\nUSER 77\nRUN exit 9\n"
    );
    let files = [
        ("app/Dockerfile", dockerfile.as_str()),
        ("app/.dockerignore", "*.log\n"),
        ("app/a.log", ""),
        ("app/file", text.as_str()),
    ];
    let dir = project(&files);
    std::os::unix::fs::symlink("file", dir.path().join("app/link")).unwrap();
    let mut spec = building("app");
    let build = spec.build.as_mut().unwrap();
    build.target = Some("first".into());
    build.args = [("WHO".to_owned(), "you".to_owned())].into();
    let (done, said) = ask(host, &spec, dir.path());
    let image = done.unwrap_or_else(|error| panic!("{error}: {said}"));
    contains(&said, "hello you");
    contains(&said, "linked text");
    assert!(!said.contains("a.log"), "{said}");
    assert!(image.name.starts_with("gonogo/build:"), "{}", image.name);
    // The same again comes from the builder's cache.
    let began = Instant::now();
    let (again, said) = ask(host, &spec, dir.path());
    eprintln!("built again in {:?}", began.elapsed());
    assert_eq!(again.unwrap().id, image.id);
    contains(&said.to_lowercase(), "using cache");
    // A step that fails is the build's own fault.
    spec.build.as_mut().unwrap().target = None;
    let (failed, said) = ask(host, &spec, dir.path());
    match failed {
        Err(Provide::Build { exit, words }) => {
            assert_eq!(exit, Some(9), "{words}");
            contains(&words, "exit 9");
        }
        other => panic!("{other:?}: {said}"),
    }
    // And so is a Dockerfile that makes no sense, or no image below it.
    for (text, exit_words) in [("FRM x\n", "nknown instruction"), (&format!("FROM {BOX}\nCOPY missing /\n"), "missing")]
    {
        fs::write(dir.path().join("app/Dockerfile"), text).unwrap();
        match ask(host, &building("app"), dir.path()).0 {
            Err(Provide::Build { exit: None, words }) if exact => contains(&words, exit_words),
            Err(Provide::Build { exit: None, words }) => eprintln!("{text}: {words}"),
            other => panic!("{text}: {other:?}"),
        }
    }
    fs::write(dir.path().join("app/Dockerfile"), "FROM 127.0.0.1:1/gonogo-test/none:v1\n").unwrap();
    let below = ask(host, &building("app"), dir.path()).0;
    eprintln!("no image below: {below:?}");
    if exact {
        assert_eq!(fault(below).0, EngineFault::ImageMissing);
    }
    forget(host, &image.name);
}

#[test]
fn an_image_is_built_and_what_fails_in_it_is_said() {
    let Some(host) = engine() else { return };
    builds(&host, true);
}

#[test]
fn podman_pulls_and_builds_too() {
    let registry = Registry::start();
    let (dir, _) = registry.host(PASSWORD);
    let place = format!("127.0.0.1:{}", registry.port);
    let Some(podman) = Podman::start(&as_person(dir.path()), &place) else { return };
    let (done, said) = ask(&podman.host, &by_name(&registry.image("pulled:v1")), Path::new("/"));
    eprintln!("{said}");
    assert_eq!(done.unwrap().user, "1234");
    let (kind, why) = fault(ask(&podman.host, &by_name(&registry.image("pulled:v2")), Path::new("/")).0);
    assert_eq!(kind, EngineFault::ImageMissing, "{why}");
    builds(&podman.host, false);
}

#[test]
fn a_build_is_stopped_and_leaves_nothing() {
    let Some(host) = engine() else { return };
    let dir = project(&[("Dockerfile", &format!("FROM {BOX}\nRUN echo begun; sleep 1000\n"))]);
    let (sender, mut stop) = watch::channel(None);
    let done = wait(async {
        let mut say = |bytes: &[u8]| {
            if String::from_utf8_lossy(bytes).starts_with("begun") {
                sender.send_replace(Some(Stop::Gracefully(CancelReason::ShuttingDown)));
            }
        };
        provide(&host, &building("."), dir.path(), &mut say, &mut stop).await
    });
    assert_eq!(done, Err(Provide::Stopped));
    crate::home::wait_for("its container to be gone", || {
        let listed = wait(async {
            let options = bollard::query_parameters::ListContainersOptionsBuilder::new().all(true).build();
            host.client().await.unwrap().list_containers(Some(options)).await.unwrap()
        });
        let mine = listed.iter().find(|container| {
            container.command.as_deref().is_some_and(|command| command.contains("echo begun; sleep 1000"))
        });
        mine.map_or(Ok(()), |container| Err(format!("{container:?}")))
    });
}

#[test]
fn a_context_that_can_t_be_read_is_the_builds_fault() {
    let Some(host) = engine() else { return };
    let dir = project(&[("Dockerfile", &format!("FROM {BOX}\n"))]);
    for (context, words) in [("..", "outside of the project"), ("none", "can't be used")] {
        match ask(&host, &building(context), dir.path()).0 {
            Err(Provide::Build { exit: None, words: said }) => contains(&said, words),
            other => panic!("{other:?}"),
        }
    }
}

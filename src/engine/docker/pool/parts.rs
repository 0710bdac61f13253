//! What an environment adds to a container, whether it is a member of a pool or a job's own: mounts, ports.

use std::{collections::HashMap, fmt::Write as _, path::Path};

use bollard::models::{HealthConfig, Mount, MountType, PortBinding};

use crate::domain::{
    container::{EnvironmentSpec, HealthSpec, MountSpec, PortSpec},
    time::Millis,
};

use super::super::script::quoted;

/// The mounts of an environment, with the project at `root`. Directories of the project that are missing are made, so that they
/// don't belong to the engine.
pub fn mounts(environment: &EnvironmentSpec, root: &Path) -> Vec<Mount> {
    environment.mounts.iter().map(|mount| made(mount, root)).collect()
}

fn made(mount: &MountSpec, root: &Path) -> Mount {
    let mut source = mount.source.clone();
    let typ = if is_path(&source) {
        let path = root.join(&source);
        if Path::new(&source).is_relative() {
            // Where it can't be made, the engine says that it is not there.
            let _ = std::fs::create_dir_all(&path);
        }
        source = path.components().collect::<std::path::PathBuf>().to_string_lossy().into_owned();
        MountType::BIND
    } else {
        MountType::VOLUME
    };
    Mount {
        typ: Some(typ),
        source: Some(source),
        target: Some(mount.target.clone()),
        read_only: Some(mount.read_only),
        ..Mount::default()
    }
}

/// The first mount of a path: an engine that does not see this machine's files can't have it.
pub fn first_path(environment: &EnvironmentSpec) -> Option<&str> {
    environment.mounts.iter().map(|mount| mount.source.as_str()).find(|source| is_path(source))
}

/// It is a path rather than the name of a volume.
fn is_path(source: &str) -> bool {
    source.contains('/') || source.starts_with('.')
}

/// Ports as the API takes them: exposed, and bound.
pub fn ports(ports: &[PortSpec]) -> (Vec<String>, HashMap<String, Option<Vec<PortBinding>>>) {
    let name = |port: &PortSpec| format!("{}/tcp", port.container);
    let mut bound: HashMap<String, Option<Vec<PortBinding>>> = HashMap::new();
    for port in ports {
        // 0 is any that is free: the engine's own word for it is no number.
        let host_port = (port.host != 0).then(|| port.host.to_string());
        let bindings = bound.entry(name(port)).or_insert_with(|| Some(Vec::new()));
        bindings.get_or_insert_default().push(PortBinding { host_ip: None, host_port });
    }
    (ports.iter().map(name).collect(), bound)
}

/// A health check, as the API takes it: the engine goes on asking, and a member that is no longer well is made anew.
pub fn health(spec: &HealthSpec) -> HealthConfig {
    let nanos = |time: Millis| Some(time.0 as i64 * 1_000_000);
    HealthConfig {
        test: Some(vec!["CMD-SHELL".into(), spec.command.clone()]),
        interval: nanos(spec.interval),
        timeout: nanos(spec.timeout),
        retries: Some(i64::from(spec.retries)),
        start_period: nanos(spec.start),
        ..HealthConfig::default()
    }
}

/// The exit status of a script whose environment could not be prepared.
pub const NOT_PREPARED: i64 = 96;

/// What prepares a container of a job's own, as lines of its script: the commands of `setup`, then what the environment runs,
/// then the wait until it is well.
pub fn before(environment: &EnvironmentSpec) -> String {
    let mut text = String::new();
    let give_up = format!("gonogo_end; exit {NOT_PREPARED}");
    for command in &environment.setup {
        let command = quoted(command);
        let _ = writeln!(
            text,
            "(exec sh -c {command}) </dev/null || {{ printf '%s\\n' 'not prepared: '{command}; {give_up}; }}"
        );
    }
    if !environment.command.is_empty() {
        let words: Vec<String> = environment.command.iter().map(|word| quoted(word)).collect();
        let _ = writeln!(text, "{} </dev/null &", words.join(" "));
    }
    if let Some(health) = &environment.health {
        let (command, pause) = (quoted(&health.command), health.interval.0.max(50));
        let tries = u64::from(health.retries) + health.start.0 / pause;
        let _ = writeln!(
            text,
            "tries=0\nuntil (exec sh -c {command}) </dev/null >/dev/null 2>&1; do\ntries=$((tries+1))\n\
             if [ $tries -ge {tries} ]; then echo 'not prepared: its health check fails'; {give_up}; fi\n\
             sleep {}.{:03}\ndone",
            pause / 1000,
            pause % 1000
        );
    }
    text
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn a_source_is_a_path_or_the_name_of_a_volume() {
        let root = tempfile::tempdir().unwrap();
        let mount = |source: &str| MountSpec { source: source.into(), target: "/t".into(), read_only: true };
        let environment = EnvironmentSpec {
            mounts: ["data", "./data", "deps/cache", "/etc"].map(mount).into(),
            ..EnvironmentSpec::default()
        };
        let made = mounts(&environment, root.path());
        let kinds: Vec<_> = made.iter().map(|mount| mount.typ.unwrap()).collect();
        assert_eq!(kinds, [MountType::VOLUME, MountType::BIND, MountType::BIND, MountType::BIND]);
        assert_eq!(made[1].source.as_deref(), Some(root.path().join("data").to_str().unwrap()));
        assert!(root.path().join("deps/cache").is_dir());
        assert_eq!(first_path(&environment), Some("./data"));
    }

    #[test]
    fn a_container_of_a_jobs_own_is_prepared_by_its_script() {
        use crate::domain::{container::HealthSpec, time::Millis};
        let dir = tempfile::tempdir().unwrap();
        let health = |command: &str| HealthSpec {
            command: command.into(),
            interval: Millis(50),
            timeout: Millis(1000),
            retries: 40,
            start: Millis(0),
        };
        let run = |environment: &EnvironmentSpec| {
            let script = format!("gonogo_end() {{ :; }}\n{}echo steps; kill $! 2>/dev/null\n", before(environment));
            let ran = std::process::Command::new("sh").args(["-c", &script]).current_dir(dir.path()).output().unwrap();
            (String::from_utf8_lossy(&ran.stdout).into_owned(), ran.status.code())
        };
        let mut environment = EnvironmentSpec {
            setup: vec!["echo it\\'s set up".into()],
            command: ["sh", "-c", "sleep 0.2; touch up; sleep 5"].map(str::to_owned).into(),
            health: Some(health("test -e up")),
            ..EnvironmentSpec::default()
        };
        assert_eq!(run(&environment), ("it's set up\nsteps\n".into(), Some(0)));
        environment.setup.push("false".into());
        assert_eq!(run(&environment), ("it's set up\nnot prepared: false\n".into(), Some(96)));
        environment = EnvironmentSpec { health: Some(health("false")), ..EnvironmentSpec::default() };
        let ran = run(&environment);
        assert!(ran.0.contains("its health check fails") && ran.1 == Some(96), "{ran:?}");
    }

    #[test]
    fn ports_are_bound_as_declared() {
        let spec = [PortSpec { host: 0, container: 3000 }, PortSpec { host: 8080, container: 80 }];
        let (exposed, bound) = ports(&spec);
        assert_eq!(exposed, ["3000/tcp", "80/tcp"]);
        let host = |name: &str| bound[name].as_ref().unwrap()[0].host_port.clone();
        assert_eq!((host("3000/tcp"), host("80/tcp")), (None, Some("8080".into())));
    }
}

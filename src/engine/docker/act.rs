//! What is done to containers: started, stopped, frozen, deleted; and what an engine tells of one in full.

use std::time::Duration;

use bollard::{
    Docker,
    errors::Error,
    query_parameters::{
        InspectContainerOptions, KillContainerOptions, RemoveContainerOptions, RestartContainerOptions,
        StartContainerOptions, StopContainerOptions,
    },
};
use serde_json::Value;

use crate::{
    domain::container::EngineFault,
    protocol::container::{ContainerAction, ContainerRef},
};

use super::{fault::Fault, host::Hosts};

/// Nothing takes longer: an engine that has not answered by then is taken for away.
const PATIENCE: Duration = Duration::from_mins(2);

/// Texts that are longer are cut.
const LONGEST: usize = 1 << 20;

/// Names of variables whose values nobody has to read.
const SECRET: &[&str] = &["PASS", "SECRET", "TOKEN", "KEY", "CREDENTIAL", "AUTH", "PRIVATE", "DSN"];

/// Does this to a container. What is so already is no error.
///
/// # Errors
/// The engine's own, in its words; [`EngineFault::NoEngine`] for one that is not known.
pub async fn act(hosts: &Hosts, container: &ContainerRef, what: ContainerAction) -> Result<(), Fault> {
    let client = client(hosts, &container.engine).await?;
    let id = container.id.as_str();
    let work = async {
        match what {
            ContainerAction::Start => client.start_container(id, None::<StartContainerOptions>).await,
            ContainerAction::Stop => client.stop_container(id, None::<StopContainerOptions>).await,
            ContainerAction::Restart => client.restart_container(id, None::<RestartContainerOptions>).await,
            ContainerAction::Pause => client.pause_container(id).await,
            ContainerAction::Unpause => client.unpause_container(id).await,
            ContainerAction::Kill => client.kill_container(id, None::<KillContainerOptions>).await,
            ContainerAction::Remove { force, volumes } => {
                let options = RemoveContainerOptions { force, v: volumes, ..RemoveContainerOptions::default() };
                client.remove_container(id, Some(options)).await
            }
        }
    };
    let said = || format!("{} could not be {}", container.short(), what.done());
    match tokio::time::timeout(PATIENCE, work).await {
        // Started or stopped already.
        Ok(Ok(()) | Err(Error::DockerResponseServerError { status_code: 304, .. })) => Ok(()),
        Ok(Err(error)) => Err(Fault::of(said(), &error)),
        Err(_) => Err(Fault::new(EngineFault::Away, said(), "the engine has not answered for two minutes")),
    }
}

/// A client of the engine with this name.
pub async fn client<'a>(hosts: &'a Hosts, engine: &str) -> Result<&'a Docker, Fault> {
    let Some(host) = hosts.named(engine) else {
        let known: Vec<&str> = hosts.all().map(|host| host.name()).collect();
        let why = format!("known are {}", known.join(", "));
        return Err(Fault::new(EngineFault::NoEngine, format!("there is no engine {engine}"), why));
    };
    host.client().await
}

/// All that the engine knows of a container, as YAML. The values of variables that are named like secrets are left out.
pub async fn inspect(hosts: &Hosts, container: &ContainerRef) -> Result<String, Fault> {
    let client = client(hosts, &container.engine).await?;
    let asked = client.inspect_container(&container.id, None::<InspectContainerOptions>);
    let said = || format!("{} can't be looked at", container.short());
    let inspected = match tokio::time::timeout(PATIENCE, asked).await {
        Ok(inspected) => inspected.map_err(|error| Fault::of(said(), &error))?,
        Err(_) => return Err(Fault::new(EngineFault::Away, said(), "the engine has not answered for two minutes")),
    };
    let mut value = serde_json::to_value(inspected).unwrap_or_default();
    tidy(&mut value);
    let mut text = serde_yaml_ng::to_string(&value).unwrap_or_default();
    if text.len() > LONGEST {
        let end = (0..=LONGEST).rev().find(|at| text.is_char_boundary(*at)).unwrap_or(0);
        text.truncate(end);
        text.push_str("\n[gonogo: cut here]\n");
    }
    Ok(text)
}

/// Leaves out what is empty, and the values of secrets.
fn tidy(value: &mut Value) {
    match value {
        Value::Object(map) => {
            if let Some(Value::Array(env)) = map.get_mut("Env") {
                env.iter_mut().for_each(mask);
            }
            map.values_mut().for_each(tidy);
            map.retain(|_, value| match value {
                Value::Null => false,
                Value::String(text) => !text.is_empty(),
                Value::Array(list) => !list.is_empty(),
                Value::Object(map) => !map.is_empty(),
                _ => true,
            });
        }
        Value::Array(list) => list.iter_mut().for_each(tidy),
        _ => {}
    }
}

fn mask(variable: &mut Value) {
    let Value::String(text) = variable else { return };
    let Some((name, _)) = text.split_once('=') else { return };
    let upper = name.to_uppercase();
    if SECRET.iter().any(|word| upper.contains(word)) {
        *text = format!("{name}=[hidden]");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn secrets_and_empty_things_are_left_out() {
        let mut value = serde_json::json!({ "Config": { "Env": ["A=1", "DB_PASSWORD=x=y"], "Labels": {}, "Tty": false },
            "Path": "", "Args": [] });
        tidy(&mut value);
        let wanted = serde_json::json!({ "Config": { "Env": ["A=1", "DB_PASSWORD=[hidden]"], "Tty": false } });
        assert_eq!(value, wanted);
    }
}

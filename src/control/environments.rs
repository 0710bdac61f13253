//! Wishes for environments: who may have some, and what follows when a run shows that the file has changed. Pure.

use std::{collections::BTreeMap, path::Path, sync::Arc};

use crate::{
    domain::{
        actor::Actor,
        container::EnvironmentSpec,
        id::{ProjectId, RunId},
        plan::Plan,
    },
    engine::docker::pool::Key,
    protocol::{
        command::Refusal,
        event::{Event, ProjectEvent},
        query::Answer,
    },
    redact::Secrets,
    state::{board::State, project::Project},
};

use super::decide::{Granted, add_project};

/// Grants that an environment is kept ready. Who wants it as it is already wanted changes nothing.
pub(super) fn up(state: &State, actor: &Actor, root: &Path, spec: &EnvironmentSpec) -> Result<Granted, Refusal> {
    // It may mount any directory of the machine.
    if !matches!(actor, Actor::Person(_)) {
        return Err(Refusal::new("only a person may have environments kept")
            .hint("a run can use one: `engine = \"docker\"`, `environment = \"NAME\"`"));
    }
    if let Some(name) = written_token(spec) {
        return Err(Refusal::new(format!(
            "`env` of environment `{}` holds what looks like a token, in {name}: it would stand in the log for ever",
            spec.name
        ))
        .hint("give it to what runs there: `gonogo env exec --env NAME`, or `secrets` of a job"));
    }
    let mut events = Vec::new();
    let project = match state.project_at(root) {
        Some(project) if !project.forgotten => project.id,
        _ => {
            events = add_project(state, root, None)?;
            state.project_at(root).map_or_else(|| state.next_project(), |project| project.id)
        }
    };
    let known = state.projects.get(&project).and_then(|project| project.environments.get(&spec.name));
    if known != Some(spec) {
        events.push(wanted(project, spec, actor));
    }
    Ok((events, Answer::Done))
}

/// Grants that an environment is no longer kept.
pub(super) fn down(state: &State, actor: &Actor, root: &Path, name: &str) -> Result<Granted, Refusal> {
    if !matches!(actor, Actor::Person(_)) {
        return Err(Refusal::new("only a person may take environments down"));
    }
    let project = state.project_at(root);
    let Some(project) = project.filter(|project| project.environments.contains_key(name)) else {
        let up: Vec<&str> =
            project.iter().flat_map(|project| project.environments.keys()).map(String::as_str).collect();
        let refusal = Refusal::new(format!("environment `{name}` is not up in {}", root.display()));
        return Err(match up.as_slice() {
            [] => refusal.hint("none is; `gonogo env status --all` shows those of other projects"),
            up => refusal.hint(format!("up are: {}", up.join(", "))),
        });
    };
    let event = ProjectEvent::EnvironmentDown { name: name.to_owned(), by: actor.clone() };
    Ok((vec![Event::Project { project: project.id, event }], Answer::Done))
}

/// The environments of a plan that are kept, and have changed since: from now on they are kept as the plan has them.
pub(super) fn changed(state: &State, run: RunId, plan: &Plan) -> Vec<Event> {
    let project = state.runs.get(&run).and_then(|run| state.projects.get(&run.project));
    let Some(project) = project else { return Vec::new() };
    let is_other = |spec: &&EnvironmentSpec| project.environments.get(&spec.name).is_some_and(|known| known != *spec);
    plan.environments().filter(is_other).map(|spec| wanted(project.id, spec, &Actor::Policy)).collect()
}

fn wanted(project: ProjectId, spec: &EnvironmentSpec, by: &Actor) -> Event {
    let event = ProjectEvent::EnvironmentUp { spec: Box::new(spec.clone()), by: by.clone() };
    Event::Project { project, event }
}

/// A variable whose value has the shape of a token.
fn written_token(spec: &EnvironmentSpec) -> Option<&str> {
    let shapes = Arc::new(Secrets::new::<&str, &str>(&[]));
    spec.env.iter().find(|(_, value)| shapes.redact_text(value) != **value).map(|(name, _)| name.as_str())
}

/// All environments that are wanted, of all projects.
pub(super) fn wishes(state: &State) -> BTreeMap<Key, EnvironmentSpec> {
    wished(state).map(|(project, spec)| (Key::new(&project.root, &spec.name), spec.clone())).collect()
}

/// Whether these are all environments that are wanted.
pub(super) fn are_the_wishes(state: &State, wishes: &BTreeMap<Key, EnvironmentSpec>) -> bool {
    let is_there = |(project, spec): (&Project, &EnvironmentSpec)| {
        wishes.iter().any(|(key, known)| key.is(&project.root, &spec.name) && known == spec)
    };
    wished(state).count() == wishes.len() && wished(state).all(is_there)
}

fn wished(state: &State) -> impl Iterator<Item = (&Project, &EnvironmentSpec)> {
    let projects = state.projects.values().filter(|project| !project.forgotten);
    projects.flat_map(|project| project.environments.values().map(move |spec| (project, spec)))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use crate::{
        domain::{id::Seq, time::Timestamp},
        protocol::event::{Cause, Record},
    };

    fn fold(state: &mut State, events: Vec<Event>) {
        for event in events {
            let (seq, at) = (Seq(state.seq.0 + 1), Timestamp::UNIX_EPOCH);
            state.apply(&Record { seq, at, cause: Cause::Control, event });
        }
    }

    fn spec(pool: u32) -> EnvironmentSpec {
        EnvironmentSpec { name: "dev".into(), pool, most: 4, ..EnvironmentSpec::default() }
    }

    #[test]
    fn a_wish_is_recorded_once_and_folded_and_taken_back() {
        let (mut state, me, root) = (State::default(), Actor::Person("deniz".into()), Path::new("/shop"));
        let (events, _) = up(&state, &me, root, &spec(1)).unwrap();
        assert_eq!(events.len(), 2, "the project, and the wish");
        fold(&mut state, events);
        assert!(up(&state, &me, root, &spec(1)).unwrap().0.is_empty());
        assert_eq!(up(&state, &me, root, &spec(2)).unwrap().0.len(), 1);
        let held = wishes(&state);
        assert_eq!(held.values().map(|spec| spec.pool).collect::<Vec<_>>(), [1]);
        assert!(are_the_wishes(&state, &held) && !are_the_wishes(&State::default(), &held));
        let refused = down(&state, &me, root, "deb").unwrap_err();
        assert_eq!(refused.hint.as_deref(), Some("up are: dev"));
        let (events, _) = down(&state, &me, root, "dev").unwrap();
        fold(&mut state, events);
        assert!(wishes(&state).is_empty() && !are_the_wishes(&state, &held));
    }

    #[test]
    fn agents_keep_none_and_no_token_is_recorded() {
        let (state, root) = (State::default(), Path::new("/shop"));
        assert!(up(&state, &Actor::Agent("a".into()), root, &spec(1)).is_err());
        assert!(down(&state, &Actor::Agent("a".into()), root, "dev").is_err());
        let mut written = spec(1);
        written.env.insert("T".into(), "ghp_0123456789abcdefghijABCDEFGHIJ012345".into());
        let refused = up(&state, &Actor::Person("p".into()), root, &written).unwrap_err();
        assert!(refused.message.contains("in T"), "{refused}");
    }
}

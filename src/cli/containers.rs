//! What the commands about containers share: they ask the engines themselves, so they work without a daemon.

use std::time::Duration;

use crate::{
    engine::docker::{fault::Fault, host::Hosts, watch::list},
    protocol::container::ContainerRow,
};

use super::{
    place::{Place, Reach},
    report::Problem,
};

/// An engine that has not listed its containers by then is taken for away.
const PATIENCE: Duration = Duration::from_secs(20);

/// The engines, without logging or control.
pub fn hosts() -> Result<Hosts, Problem> {
    let place = Place::find(Reach::InProcess)?;
    place.warn();
    Ok(place.hosts())
}

/// All containers of the engines, or of the one with this name. An engine that is away is warned of, as long as another answers.
pub async fn all(hosts: &Hosts, engine: Option<&str>) -> Result<Vec<ContainerRow>, Problem> {
    if let Some(name) = engine
        && hosts.named(name).is_none()
    {
        let known: Vec<&str> = hosts.all().map(|host| host.name()).collect();
        return Err(Problem::usage(format!("there is no engine {name}")).hint(format!("known: {}", known.join(", "))));
    }
    let mut rows = Vec::new();
    let mut faults: Vec<Problem> = Vec::new();
    let mut answered = false;
    for host in hosts.all().filter(|host| engine.is_none_or(|name| host.name() == name)) {
        let asked = async { list(host.client().await?, host).await };
        match tokio::time::timeout(PATIENCE, asked).await {
            Ok(Ok(more)) => {
                answered = true;
                rows.extend(more);
            }
            Ok(Err(fault)) => faults.push(problem(&fault)),
            Err(_) => faults.push(Problem::fault(format!("the engine {} does not answer", host.name()))),
        }
    }
    if !answered && let Some(first) = faults.pop() {
        return Err(first);
    }
    for fault in faults {
        let why = fault.causes.join(": ");
        super::report::warn(&format!("{}: {why}", fault.what));
    }
    Ok(rows)
}

/// The one container that is meant: by name, by the beginning of its number, or by what compose calls it.
pub async fn find(hosts: &Hosts, engine: Option<&str>, wanted: &str) -> Result<ContainerRow, Problem> {
    let rows = all(hosts, engine).await?;
    pick(&rows, wanted).cloned()
}

/// The one of these that is meant.
pub fn pick<'a>(rows: &'a [ContainerRow], wanted: &str) -> Result<&'a ContainerRow, Problem> {
    let service = |row: &ContainerRow| row.compose.as_ref().is_some_and(|compose| compose.service == wanted);
    let named: Vec<&ContainerRow> = rows.iter().filter(|row| row.name == wanted).collect();
    let numbered = || rows.iter().filter(|row| wanted.len() >= 3 && row.container.id.starts_with(wanted)).collect();
    let of_service = || rows.iter().filter(|row| service(row)).collect();
    let found: Vec<&ContainerRow> =
        [named, numbered(), of_service()].into_iter().find(|found| !found.is_empty()).unwrap_or_default();
    match found.as_slice() {
        [one] => Ok(one),
        [] => Err(Problem::usage(format!("there is no container `{wanted}`")).hint("`gonogo ps --all` lists them")),
        several => {
            let names: Vec<String> =
                several.iter().map(|row| format!("{} on {}", row.name, row.container.engine)).collect();
            Err(Problem::usage(format!("`{wanted}` is more than one container"))
                .hint(format!("name one, or its --engine: {}", names.join(", "))))
        }
    }
}

/// What an engine could not do.
pub fn problem(fault: &Fault) -> Problem {
    let mut problem = Problem::fault(&fault.what);
    problem.causes.push(fault.why.clone());
    match fault.fault.hint() {
        Some(hint) => problem.hint(hint),
        None => problem,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::protocol::container::{Compose, ContainerRef};

    fn row(name: &str, id: &str, service: &str) -> ContainerRow {
        let compose = Some(Compose { project: "shop".into(), service: service.into() });
        let container = ContainerRef { engine: "docker".into(), id: id.into() };
        ContainerRow { container, name: name.into(), compose, ..ContainerRow::default() }
    }

    #[test]
    fn a_container_is_meant_by_name_number_or_service() {
        let rows = [row("shop-web-1", "abc123", "web"), row("shop-db-1", "abd999", "db"), row("web", "fff000", "x")];
        let found = |wanted| pick(&rows, wanted).map(|row| row.name.as_str()).map_err(|problem| problem.what);
        assert_eq!(found("web"), Ok("web"), "a name comes before a service");
        assert_eq!(found("db"), Ok("shop-db-1"));
        assert_eq!(found("abc"), Ok("shop-web-1"));
        assert_eq!(found("ab"), Err("there is no container `ab`".into()));
    }
}

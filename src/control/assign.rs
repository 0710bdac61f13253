//! Environments for a client: how they stand, a member for as long as the session lasts, cleaning up.

use std::sync::{Arc, Mutex, PoisonError};

use crate::{
    domain::actor::Actor,
    engine::docker::pool::{Lease, NoMember, Pools, Wanted},
    protocol::{
        command::Refusal,
        environment::Assigned,
        query::{Answer, Query},
        session::Visitor,
    },
};

/// A session may have so many members at once.
const MOST: usize = 16;

/// The members that a session has. They go back when it ends.
#[derive(Clone, Debug, Default)]
pub(super) struct Leases(Arc<Mutex<Vec<Lease>>>);

impl Leases {
    /// Keeps a lease; the one of a member that is not usable ends.
    fn keep(&self, lease: Lease, broken: Option<&str>) -> Result<Assigned, Refusal> {
        // Nothing under this lock waits or panics.
        let mut kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        kept.retain(|kept| broken != Some(kept.assigned.id.as_str()));
        if kept.len() >= MOST {
            return Err(Refusal::new(format!("this session has {MOST} members already")));
        }
        let assigned = lease.assigned.clone();
        kept.push(lease);
        Ok(assigned)
    }
}

/// Answers what is asked of environments.
pub(super) async fn answer(
    pools: Option<Pools>,
    leases: &Leases,
    visitor: &Visitor,
    query: Query,
) -> Result<Answer, Refusal> {
    let no_pools =
        || Refusal::new("environments are not kept from here").hint("is the daemon at work? `gonogo daemon start`");
    let pools = pools.ok_or_else(no_pools)?;
    let is_person = matches!(visitor.actor, Actor::Person(_));
    match query {
        Query::Environments => Ok(Answer::Environments(pools.rows().await)),
        Query::Assign { root, spec, what, broken } => {
            let holder = format!("{}: {what}", visitor.actor);
            // It may mount any directory of the machine: of what nobody has wanted, only a person has some made.
            let wanted =
                Wanted { project: root, spec: *spec, holder, job: false, only_up: !is_person, broken: broken.clone() };
            let name = wanted.spec.name.clone();
            let lease = pools.assign(wanted).await.map_err(|no| refusal(&no, &name))?;
            let assigned = leases.keep(lease, broken.as_deref())?;
            Ok(Answer::Assigned(Box::new(assigned)))
        }
        Query::Collect(collect) if !is_person && !collect.dry_run => {
            Err(Refusal::new("only a person may clean up environments"))
        }
        Query::Collect(collect) => Ok(Answer::Collected(pools.collect(collect).await)),
        _ => Err(Refusal::new("it is not about environments")),
    }
}

fn refusal(no: &NoMember, name: &str) -> Refusal {
    let refusal = Refusal::new(no);
    match no {
        NoMember::Other => refusal.hint(format!("`gonogo env up {name}` has it made anew, as gonogo.toml has it now")),
        NoMember::NotUp => refusal.hint(format!("a person may have it kept: `gonogo env up {name}`")),
        NoMember::Failed(_) => refusal.hint(format!("what was printed: `gonogo env logs {name}`")),
        NoMember::Fault(fault) => match fault.fault.hint() {
            Some(hint) => refusal.hint(hint),
            None => refusal,
        },
        NoMember::Ending => refusal,
    }
}
